// SPDX-License-Identifier: Apache-2.0
//
// Waiting that a signal ends: for a line of the reader's, for what a child prints. poll(2) comes back when a signal arrives, where read(2) would be
// taken up again.
import Glibc
import Kernel

/// SIGINT, SIGTERM, SIGHUP: noted, so that the lab ends in order.
enum Interrupt {
  nonisolated(unsafe) private static var came: sig_atomic_t = 0
  nonisolated(unsafe) private static var isUnread = false
  /// A signal, or the end of whoever reads the story.
  static var hasCome: Bool { came != 0 || isUnread }
  static var isSignal: Bool { came != 0 }
  static func nobodyReads() { isUnread = true }
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

/// Standard input, line by line or key by key.
enum Keyboard {
  /// nil: its end, or a signal.
  static func line() -> String? {
    var bytes = [ahead].compactMap { $0 }
    ahead = nil
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

  /// Asks, and returns the first key that is `wanted`, without Enter; it is not shown, and others change nothing. nil: the end of input (also ^D), or a
  /// signal. The terminal gives single keys before the question can be read: who answers at once is understood.
  static func key(_ wanted: (UInt8) -> Bool, asking: () -> Void) -> UInt8? {
    var before = termios()
    let isTerminal = tcgetattr(0, &before) == 0
    if isTerminal {
      var now = before
      now.c_lflag &= ~tcflag_t(ICANON | ECHO)
      _ = tcsetattr(0, TCSADRAIN, &now)
    }
    defer { if isTerminal { _ = tcsetattr(0, TCSADRAIN, &before) } }
    asking()
    while let byte = isTerminal ? pressed() : line().map({ $0.utf8.first ?? 0x0A }) { if wanted(byte) { return byte } }
    return nil
  }

  private static func pressed() -> UInt8? {
    if let byte = ahead {
      ahead = nil
      return byte
    }
    while Interrupt.waitToRead([0]) != nil {
      var bytes: [UInt8] = [0, 0]
      let n = read(0, &bytes, 1)
      if n < 0 && (errno == EINTR || errno == EAGAIN) { continue }
      // A ^D that was typed while the terminal still gave lines has become a 0 (n_tty).
      if n <= 0 || bytes[0] == 4 || bytes[0] == 0 { return nil }
      // An Enter that comes with the key belongs to it.
      var more = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
      if !isEnter(bytes[0]), poll(&more, 1, 100) > 0, read(0, &bytes[1], 1) == 1, !isEnter(bytes[1]) { ahead = bytes[1] }
      return bytes[0]
    }
    return nil
  }

  static func isEnter(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }
  /// Typed ahead of a question, read with the key before it.
  nonisolated(unsafe) private static var ahead: UInt8?
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
