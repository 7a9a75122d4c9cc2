// SPDX-License-Identifier: Apache-2.0
//
// Sockets that hold a port of the node. bind(2), ip(7), ipv6(7).
import CLinux
import Glibc

extension IPAddress {
  /// The address with a port as socket calls take it, for the length of body.
  func withSocketAddress<T>(port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> T) -> T {
    if isV6 {
      var a = sockaddr_in6()
      a.sin6_family = sa_family_t(AF_INET6)
      a.sin6_port = port.bigEndian
      withUnsafeMutableBytes(of: &a.sin6_addr) { $0.copyBytes(from: bytes) }
      return withUnsafePointer(to: &a) { p in
        p.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in6>.size)) }
      }
    }
    var a = sockaddr_in()
    a.sin_family = sa_family_t(AF_INET)
    a.sin_port = port.bigEndian
    withUnsafeMutableBytes(of: &a.sin_addr) { $0.copyBytes(from: bytes) }
    return withUnsafePointer(to: &a) { p in
      p.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
  }
}

public enum DatagramSocket {
  /// A non-blocking UDP socket that talks to this address alone.
  public static func connect(_ address: IPAddress, port: UInt16) throws(SysError) -> FileDescriptor {
    let kind = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let fd = FileDescriptor(
      owning: Int32(try check(errno: socket(address.isV6 ? AF_INET6 : AF_INET, kind, 0), "socket", address.isV6 ? "AF_INET6" : "AF_INET")))
    let (result, code) = address.withSocketAddress(port: port) { (Glibc.connect(fd.raw, $0, $1), errno) }
    try check(result < 0 ? -Int(code) : 0, "connect", "\(address), port \(port), UDP")
    return fd
  }
}

public enum PortSocket {
  /// A non-blocking socket with this address and port: listening, or (datagrams) bound. The address may be one that the machine does not have
  /// (IP_FREEBIND); an IPv6 one takes no IPv4 connections.
  public static func open(_ address: IPAddress, port: UInt16, datagrams: Bool) throws(SysError) -> FileDescriptor {
    let family = address.isV6 ? AF_INET6 : AF_INET
    let kind = Int32((datagrams ? SOCK_DGRAM : SOCK_STREAM).rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let fd = FileDescriptor(owning: Int32(try check(errno: socket(family, kind, 0), "socket", address.isV6 ? "AF_INET6" : "AF_INET")))
    let what = "\(address.isV6 ? "[\(address)]" : "\(address)"):\(port), \(datagrams ? "UDP" : "TCP")"
    var on: Int32 = 1
    let size = socklen_t(MemoryLayout<Int32>.size)
    if !datagrams { _ = setsockopt(fd.raw, SOL_SOCKET, SO_REUSEADDR, &on, size) }
    if address.isV6 {
      _ = setsockopt(fd.raw, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, size)
      _ = setsockopt(fd.raw, Int32(IPPROTO_IPV6), 78, &on, size)  // IPV6_FREEBIND
    } else {
      _ = setsockopt(fd.raw, Int32(IPPROTO_IP), 15, &on, size)  // IP_FREEBIND
    }
    let (result, code) = address.withSocketAddress(port: port) { (bind(fd.raw, $0, $1), errno) }
    try check(result < 0 ? -Int(code) : 0, "bind", what)
    if !datagrams { try check(errno: listen(fd.raw, 512), "listen", what) }
    return fd
  }
}
