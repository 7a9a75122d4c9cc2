// SPDX-License-Identifier: Apache-2.0
//
// TCP connections that nobody waits for: begun here, finished by the event loop. connect(2), EINPROGRESS.
import CLinux
import Glibc

public enum InternetSocket {
  private static let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)

  /// A socket of this network namespace, for which it stays a socket wherever the descriptor goes.
  public static func make(v6: Bool) throws(SysError) -> FileDescriptor {
    FileDescriptor(owning: Int32(try check(errno: socket(v6 ? AF_INET6 : AF_INET, type, 0), "socket", v6 ? "AF_INET6" : "AF_INET")))
  }

  /// Begins a connection; the descriptor becomes writable when it stands or has failed (then: pendingError).
  public static func connect(_ address: IPAddress, port: UInt16) throws(SysError) -> FileDescriptor {
    let fd = try make(v6: address.isV6)
    try begin(fd.raw, address, port: port)
    return fd
  }

  /// The same with a socket that is there.
  public static func begin(_ fd: Int32, _ address: IPAddress, port: UInt16) throws(SysError) {
    let (result, code) = address.withSocketAddress(port: port) { (Glibc.connect(fd, $0, $1), errno) }
    if result < 0, code != EINPROGRESS { throw SysError(call: "connect", object: "\(address):\(port)", errno: code) }
  }

  /// A listening socket, non-blocking. port 0: the kernel chooses.
  public static func listen(_ address: IPAddress, port: UInt16) throws(SysError) -> FileDescriptor {
    let fd = try make(v6: address.isV6)
    var on: Int32 = 1
    let size = socklen_t(MemoryLayout<Int32>.size)
    _ = setsockopt(fd.raw, SOL_SOCKET, SO_REUSEADDR, &on, size)
    // [::1] beside 127.0.0.1 with the same number.
    if address.isV6 { _ = setsockopt(fd.raw, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, size) }
    let (result, code) = address.withSocketAddress(port: port) { (bind(fd.raw, $0, $1), errno) }
    if result < 0 { throw SysError(call: "bind", object: "\(address):\(port)", errno: code) }
    try check(errno: Glibc.listen(fd.raw, 128), "listen", "\(address):\(port)")
    return fd
  }

  /// The number that a bound socket has.
  public static func localPort(_ fd: Int32) -> UInt16 {
    var a = sockaddr_in6()
    var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
    // The port stands at the same place in both families.
    let r = withUnsafeMutablePointer(to: &a) { p in
      p.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(fd, $0, &length) }
    }
    return r == 0 ? UInt16(bigEndian: a.sin6_port) : 0
  }

  /// How a begun connection turned out: 0, or errno.
  public static func pendingError(_ fd: Int32) -> Int32 {
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length) == 0 ? code : errno
  }
}

extension IPAddress {
  /// An IPv4 or IPv6 literal; nil for a name.
  public init?(literal text: String) {
    if let four = IPAddress(text) {
      self = four
      return
    }
    var six = in6_addr()
    guard inet_pton(AF_INET6, text, &six) == 1 else { return nil }
    self.init(bytes: withUnsafeBytes(of: six) { Array($0) })
  }
}
