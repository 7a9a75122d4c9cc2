// SPDX-License-Identifier: Apache-2.0
//
// TCP connections that nobody waits for: begun here, finished by the event loop. connect(2), EINPROGRESS.
import CLinux
import Glibc

public enum InternetSocket {
  /// Begins a connection; the descriptor becomes writable when it stands or has failed (then: pendingError).
  public static func connect(_ address: IPAddress, port: UInt16) throws(SysError) -> FileDescriptor {
    let family = address.isV6 ? AF_INET6 : AF_INET
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let fd = FileDescriptor(owning: Int32(try check(errno: socket(family, type, 0), "socket", address.isV6 ? "AF_INET6" : "AF_INET")))
    var result: Int32 = -1
    if address.isV6 {
      var a = sockaddr_in6()
      a.sin6_family = sa_family_t(AF_INET6)
      a.sin6_port = port.bigEndian
      withUnsafeMutableBytes(of: &a.sin6_addr) { $0.copyBytes(from: address.bytes) }
      result = withUnsafePointer(to: &a) { p in
        p.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(fd.raw, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) }
      }
    } else {
      var a = sockaddr_in()
      a.sin_family = sa_family_t(AF_INET)
      a.sin_port = port.bigEndian
      withUnsafeMutableBytes(of: &a.sin_addr) { $0.copyBytes(from: address.bytes) }
      result = withUnsafePointer(to: &a) { p in
        p.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(fd.raw, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
      }
    }
    let code = errno
    if result < 0, code != EINPROGRESS { throw SysError(call: "connect", object: "\(address):\(port)", errno: code) }
    return fd
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
