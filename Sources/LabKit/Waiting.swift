// SPDX-License-Identifier: Apache-2.0
//
// Waiting that a signal ends: for a line of the reader's, for what a child prints. poll(2) comes back when a signal arrives, where read(2) would be
// taken up again.
import Glibc
import Kernel

/// SIGINT, SIGTERM, SIGHUP: noted, so that the lab ends in order.
enum Interrupt {
  nonisolated(unsafe) private static var came: sig_atomic_t = 0
  static var hasCome: Bool { came != 0 }
  static func watch() { for n in [SIGINT, SIGTERM, SIGHUP] { signal(n) { _ in Interrupt.came = 1 } } }

  /// Waits until one of them can be read: those that can. nil: a signal came. It looks again each fifth of a second, for a signal may come just before poll.
  static func waitToRead(_ fds: [Int32]) -> [Int32]? {
    var list = fds.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    while !hasCome {
      if poll(&list, nfds_t(list.count), 200) > 0 { return list.filter { $0.revents != 0 }.map(\.fd) }
    }
    return nil
  }
}

/// Standard input, line by line.
enum Keyboard {
  /// nil: its end, or a signal.
  static func line() -> String? {
    var bytes: [UInt8] = []
    while Interrupt.waitToRead([0]) != nil {
      var byte: UInt8 = 0
      let n = read(0, &byte, 1)
      if n < 0 && (errno == EINTR || errno == EAGAIN) { continue }
      if n <= 0 { return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self) }
      if byte == 0x0A { return String(decoding: bytes, as: UTF8.self) }
      bytes.append(byte)
    }
    return nil
  }
}

/// What a child prints on two descriptors at once, so that neither pipe fills up while the other is read. nil: a signal came.
func readBoth(_ a: Int32, _ b: Int32) throws(SysError) -> ([UInt8], [UInt8])? {
  var (first, second): ([UInt8], [UInt8]) = ([], [])
  var open = [a, b]
  var buffer = [UInt8](repeating: 0, count: 65536)
  while !open.isEmpty {
    guard let ready = Interrupt.waitToRead(open) else { return nil }
    for fd in ready {
      let n = read(fd, &buffer, buffer.count)
      if n < 0 {
        if errno == EINTR || errno == EAGAIN { continue }
        throw SysError(call: "read", object: "descriptor \(fd)", errno: errno)
      }
      if n == 0 { open.removeAll { $0 == fd } }
      if fd == a { first += buffer[..<n] } else { second += buffer[..<n] }
    }
  }
  return (first, second)
}
