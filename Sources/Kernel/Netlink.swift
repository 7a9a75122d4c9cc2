// SPDX-License-Identifier: Apache-2.0
//
// rtnetlink: links, addresses, routes. Messages are built by pure functions (NetlinkMessage) and sent here. rtnetlink(7), netlink(7).
import CLinux
import Glibc

/// A NETLINK_ROUTE socket: it belongs to the network namespace that it was made in.
public struct Netlink: ~Copyable {
  private let fd: FileDescriptor

  public init() throws(SysError) {
    // nl_pid stays 0: the kernel chooses, so that a second socket of this process works.
    fd = FileDescriptor(
      owning: Int32(try check(errno: socket(AF_NETLINK, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), NETLINK_ROUTE), "socket", "AF_NETLINK")))
  }

  /// Takes a socket that was made elsewhere (in another network namespace).
  public init(owning raw: Int32) { fd = FileDescriptor(owning: raw) }

  /// Sends one request and waits for its acknowledgement.
  public func perform(_ message: [UInt8], _ words: @autoclosure () -> String) throws(SysError) {
    try check(errno: message.withUnsafeBytes { Int32(send(fd.raw, $0.baseAddress, $0.count, 0)) }, "sendto", "NETLINK_ROUTE, \(words())")
    var reply = [UInt8](repeating: 0, count: 4096)
    var n = -1
    repeat { n = recv(fd.raw, &reply, reply.count, 0) } while n < 0 && errno == EINTR
    try check(n < 0 ? -Int(errno) : n, "recvfrom", "NETLINK_ROUTE")
    let code = NetlinkMessage.errorCode(Array(reply[..<n])) ?? 0
    if Trace.isOn { Trace.report("netlink", words(), code == 0 ? 0 : -Int(code)) }
    if code != 0 { throw SysError(call: "rtnetlink", object: words(), errno: code) }
  }

  /// All answers of a dump request, each a whole message.
  public func dump(_ message: [UInt8]) throws(SysError) -> [NetlinkMessage.Parsed] {
    try check(errno: message.withUnsafeBytes { Int32(send(fd.raw, $0.baseAddress, $0.count, 0)) }, "sendto", "NETLINK_ROUTE, dump")
    var all: [NetlinkMessage.Parsed] = []
    var reply = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let n = recv(fd.raw, &reply, reply.count, 0)
      if n < 0 && errno == EINTR { continue }
      try check(n < 0 ? -Int(errno) : n, "recvfrom", "NETLINK_ROUTE, dump")
      for m in NetlinkMessage.split(Array(reply[..<n])) {
        if m.type == 3 { return all }  // NLMSG_DONE
        if m.type == 2 {
          let code = m.errorCode
          if code == 0 { return all }
          throw SysError(call: "rtnetlink", object: "dump", errno: code)
        }
        all.append(m)
      }
    }
  }

  // MARK: links

  public struct Link: Sendable, Equatable {
    public var index: Int32
    public var name: String
    public var isUp: Bool
    /// bridge, veth, "" for plain devices.
    public var kind: String
  }

  public func links() throws(SysError) -> [Link] {
    try dump(NetlinkMessage.dump(type: RTM_GETLINK)).compactMap { $0.link }
  }

  /// Index of a link in this socket's namespace; nil where there is none of that name.
  public func index(of name: String) throws(SysError) -> Int32? { try links().first { $0.name == name }?.index }

  public func addBridge(_ name: String) throws(SysError) { try perform(NetlinkMessage.addBridge(name), "RTM_NEWLINK bridge \(name)") }

  /// A veth pair: `name` here, attached to the link `bridge` and up; the other end named `peer`, with index `peerIndex`, is born in the network
  /// namespace of the descriptor.
  public func addVeth(_ name: String, bridge: Int32?, peer: String, peerIndex: Int32 = 0, namespace fd: Int32) throws(SysError) {
    try perform(
      NetlinkMessage.addVeth(name, bridge: bridge, peer: peer, peerIndex: peerIndex, namespace: .descriptor(fd)),
      "RTM_NEWLINK veth \(name), peer \(peer) in namespace \(fd)")
  }

  /// The same, the namespace being that of a process.
  public func addVeth(_ name: String, bridge: Int32?, peer: String, peerIndex: Int32 = 0, pid: Int32) throws(SysError) {
    try perform(
      NetlinkMessage.addVeth(name, bridge: bridge, peer: peer, peerIndex: peerIndex, namespace: .process(pid)),
      "RTM_NEWLINK veth \(name), peer \(peer) in the namespace of \(pid)")
  }

  public func setUp(_ index: Int32) throws(SysError) { try perform(NetlinkMessage.setUp(index), "RTM_NEWLINK \(index) up") }
  public func remove(_ index: Int32) throws(SysError) { try perform(NetlinkMessage.remove(index), "RTM_DELLINK \(index)") }

  // MARK: addresses and routes

  public func addAddress(_ address: IPAddress, prefix: Int, link: Int32) throws(SysError) {
    try perform(NetlinkMessage.addAddress(address, prefix: prefix, link: link), "RTM_NEWADDR \(address)/\(prefix) on \(link)")
  }

  public func addresses() throws(SysError) -> [(link: Int32, address: IPAddress, prefix: Int)] {
    try dump(NetlinkMessage.dump(type: RTM_GETADDR)).compactMap { $0.address }
  }

  public func addRoute(to destination: (IPAddress, Int)? = nil, through gateway: IPAddress) throws(SysError) {
    try perform(
      NetlinkMessage.addRoute(to: destination, through: gateway), "RTM_NEWROUTE \(destination.map { "\($0.0)/\($0.1)" } ?? "default") via \(gateway)")
  }

  public struct Route: Sendable, Equatable {
    /// nil for the default route.
    public var destination: IPAddress?
    public var prefix: Int
    /// RTN_UNICAST 1, RTN_BLACKHOLE 6, RTN_UNREACHABLE 7, RTN_PROHIBIT 8 …: rtnetlink(7).
    public var type: UInt8
    public var table: UInt8
    public var leadsNowhere: Bool { type == 6 || type == 7 || type == 8 }
  }

  public func routes() throws(SysError) -> [Route] {
    try dump(NetlinkMessage.dump(type: RTM_GETROUTE)).compactMap { $0.route }
  }
}

let RTM_NEWLINK: UInt16 = 16
let RTM_DELLINK: UInt16 = 17
let RTM_GETLINK: UInt16 = 18
let RTM_NEWADDR: UInt16 = 20
let RTM_GETADDR: UInt16 = 22
let RTM_NEWROUTE: UInt16 = 24
let RTM_GETROUTE: UInt16 = 26
