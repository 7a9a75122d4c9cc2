// SPDX-License-Identifier: Apache-2.0
//
// rtnetlink's messages as bytes: pure, so that a test can hold them against bytes that iproute2 sends. Little-endian machines.
// <linux/rtnetlink.h>, <linux/if_link.h>.

/// An IPv4 or IPv6 address, in network order.
public struct IPAddress: Sendable, Hashable, CustomStringConvertible {
  public let bytes: [UInt8]

  /// 4 or 16 bytes; nil for any other count.
  public init?(bytes: [UInt8]) {
    guard bytes.count == 4 || bytes.count == 16 else { return nil }
    self.bytes = bytes
  }

  /// An IPv4 address from its value in host order.
  public init(v4 value: UInt32) { bytes = [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)] }

  /// An IPv6 address: a network of 64 bits (8 bytes) and a number in it. nil for another count of bytes.
  public init?(network: [UInt8], host: UInt64) {
    guard network.count == 8 else { return nil }
    bytes = network + withUnsafeBytes(of: host.bigEndian) { Array($0) }
  }

  /// Dotted quad; nil for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { UInt8($0) }
    guard parts.count == 4, numbers.count == 4 else { return nil }
    bytes = numbers
  }

  public var isV6: Bool { bytes.count == 16 }
  /// In host order; nil for IPv6.
  public var v4: UInt32? { isV6 ? nil : bytes.reduce(0) { $0 << 8 | UInt32($1) } }

  public var description: String {
    if !isV6 { return bytes.map(String.init).joined(separator: ".") }
    let words = (0..<8).map { UInt16(bytes[$0 * 2]) << 8 | UInt16(bytes[$0 * 2 + 1]) }
    // the longest run of two or more zero words becomes :: (RFC 5952)
    var best = 0..<0
    var i = 0
    while i < 8 {
      var j = i
      while j < 8 && words[j] == 0 { j += 1 }
      if j - i > best.count && j - i > 1 { best = i..<j }
      i = max(j, i + 1)
    }
    let hex = { (w: ArraySlice<UInt16>) in w.map { String($0, radix: 16) }.joined(separator: ":") }
    return best.isEmpty ? hex(words[...]) : hex(words[..<best.lowerBound]) + "::" + hex(words[best.upperBound...])
  }
}

/// Builds and reads messages.
public struct NetlinkMessage {
  private var bytes: [UInt8] = []

  public enum Namespace { case process(Int32), descriptor(Int32) }

  private static let request: UInt16 = 1
  private static let acknowledge: UInt16 = 4
  private static let create: UInt16 = 0x400
  private static let exclusive: UInt16 = 0x200
  private static let replace: UInt16 = 0x100
  private static let dumpAll: UInt16 = 0x300

  private init(_ type: UInt16, flags: UInt16) {
    add(UInt32(0))
    add(type)
    add(flags)
    add(UInt32(0))
    add(UInt32(0))
  }

  private mutating func add<T: FixedWidthInteger>(_ v: T) { withUnsafeBytes(of: v.littleEndian) { bytes.append(contentsOf: $0) } }

  private mutating func pad() { while bytes.count % 4 != 0 { bytes.append(0) } }

  private mutating func attribute(_ type: UInt16, _ value: [UInt8]) {
    pad()
    add(UInt16(value.count + 4))
    add(type)
    bytes.append(contentsOf: value)
    pad()
  }

  private mutating func attribute(_ type: UInt16, _ text: String, terminated: Bool = true) {
    attribute(type, Array(text.utf8) + (terminated ? [0] : []))
  }

  private mutating func attribute(_ type: UInt16, _ number: Int32) { attribute(type, withUnsafeBytes(of: number.littleEndian) { Array($0) }) }

  private mutating func nested(_ type: UInt16, _ body: (inout NetlinkMessage) -> Void) {
    pad()
    let at = bytes.count
    add(UInt16(0))
    add(type)
    body(&self)
    let size = UInt16(bytes.count - at)
    bytes[at] = UInt8(size & 255)
    bytes[at + 1] = UInt8(size >> 8)
  }

  private mutating func linkHeader(index: Int32 = 0, flags: UInt32 = 0, change: UInt32 = 0) {
    bytes += [0, 0, 0, 0]
    add(index)
    add(flags)
    add(change)
  }

  private func finished() -> [UInt8] {
    var b = bytes
    withUnsafeBytes(of: UInt32(b.count).littleEndian) { for (i, x) in $0.enumerated() { b[i] = x } }
    return b
  }

  // MARK: requests

  public static func dump(type: UInt16) -> [UInt8] {
    var m = NetlinkMessage(type, flags: request | dumpAll)
    m.linkHeader()
    return m.finished()
  }

  public static func addBridge(_ name: String) -> [UInt8] {
    var m = NetlinkMessage(RTM_NEWLINK, flags: request | acknowledge | create | exclusive)
    m.linkHeader()
    m.attribute(3, name)
    m.nested(18) { $0.attribute(1, "bridge", terminated: false) }
    return m.finished()
  }

  public static func addVeth(_ name: String, bridge: Int32?, peer: String, peerIndex: Int32, namespace: Namespace) -> [UInt8] {
    var m = NetlinkMessage(RTM_NEWLINK, flags: request | acknowledge | create | exclusive)
    m.linkHeader(flags: 1, change: 1)
    m.attribute(3, name)
    if let bridge { m.attribute(10, bridge) }
    m.nested(18) {
      $0.attribute(1, "veth", terminated: false)
      $0.nested(2) {
        $0.nested(1) {
          $0.linkHeader(index: peerIndex)
          $0.attribute(3, peer)
          switch namespace {
          case .process(let pid): $0.attribute(19, pid)
          case .descriptor(let fd): $0.attribute(28, fd)
          }
        }
      }
    }
    return m.finished()
  }

  public static func setUp(_ index: Int32) -> [UInt8] {
    var m = NetlinkMessage(RTM_NEWLINK, flags: request | acknowledge)
    m.linkHeader(index: index, flags: 1, change: 1)
    return m.finished()
  }

  public static func remove(_ index: Int32) -> [UInt8] {
    var m = NetlinkMessage(RTM_DELLINK, flags: request | acknowledge)
    m.linkHeader(index: index)
    return m.finished()
  }

  public static func addAddress(_ a: IPAddress, prefix: Int, link: Int32) -> [UInt8] {
    var m = NetlinkMessage(RTM_NEWADDR, flags: request | acknowledge | create | replace)
    m.bytes += [a.isV6 ? 10 : 2, UInt8(prefix), a.isV6 ? 2 : 0, 0]  // IFA_F_NODAD: usable at once
    m.add(link)
    m.attribute(2, a.bytes)
    m.attribute(1, a.bytes)
    return m.finished()
  }

  public static func addRoute(to destination: (IPAddress, Int)?, through gateway: IPAddress) -> [UInt8] {
    var m = NetlinkMessage(RTM_NEWROUTE, flags: request | acknowledge | create)
    m.bytes += [gateway.isV6 ? 10 : 2, UInt8(destination?.1 ?? 0), 0, 0, 254, 3, 0, 1]  // main table, RTPROT_BOOT, universe, unicast
    m.add(UInt32(0))
    if let d = destination { m.attribute(1, d.0.bytes) }
    m.attribute(5, gateway.bytes)
    return m.finished()
  }

  /// Several requests as one send. Only the last one is acknowledged, but a failure of any is told at once: the first answer says whether all went
  /// well.
  public static func batch(_ messages: [[UInt8]]) -> [UInt8] {
    var all: [UInt8] = []
    for (i, message) in messages.enumerated() {
      var m = message
      if i < messages.count - 1, m.count > 7 { m[6] &= ~UInt8(acknowledge) }
      while m.count % 4 != 0 { m.append(0) }
      all += m
    }
    return all
  }

  /// All chains (4) or rules (7) of nftables, of every family.
  static func netfilterDump(_ what: UInt16) -> [UInt8] {
    var m = NetlinkMessage(10 << 8 | what, flags: request | dumpAll)
    m.bytes += [0, 0, 0, 0]
    return m.finished()
  }

  // MARK: answers

  /// errno of an NLMSG_ERROR (0: acknowledged); nil where the bytes are something else.
  public static func errorCode(_ bytes: [UInt8]) -> Int32? {
    guard let m = split(bytes).first, m.type == 2 else { return nil }
    return m.errorCode
  }

  public static func split(_ bytes: [UInt8]) -> [Parsed] {
    var all: [Parsed] = []
    var at = 0
    while at + 16 <= bytes.count {
      let size = Int(number(bytes, at, 4))
      guard size >= 16, at + size <= bytes.count else { break }
      all.append(Parsed(type: UInt16(number(bytes, at + 4, 2)), body: Array(bytes[at + 16..<at + size])))
      at += (size + 3) & ~3
    }
    return all
  }

  fileprivate static func number(_ b: [UInt8], _ at: Int, _ count: Int) -> UInt32 {
    guard at + count <= b.count else { return 0 }
    return (0..<count).reduce(0) { $0 | UInt32(b[at + $1]) << UInt32(8 * $1) }
  }

  /// One message that was received.
  public struct Parsed {
    public var type: UInt16
    public var body: [UInt8]

    var errorCode: Int32 { -Int32(bitPattern: NetlinkMessage.number(body, 0, 4)) }

    func attributes(from start: Int, in b: [UInt8]? = nil) -> [(type: UInt16, value: [UInt8])] {
      let b = b ?? body
      var all: [(type: UInt16, value: [UInt8])] = []
      var at = start
      while at + 4 <= b.count {
        let size = Int(NetlinkMessage.number(b, at, 2))
        guard size >= 4, at + size <= b.count else { break }
        all.append((UInt16(NetlinkMessage.number(b, at + 2, 2)) & 0x3fff, Array(b[at + 4..<at + size])))
        at += (size + 3) & ~3
      }
      return all
    }

    var link: Netlink.Link? {
      guard type == RTM_NEWLINK, body.count >= 16 else { return nil }
      var name = ""
      var kind = ""
      for a in attributes(from: 16) {
        if a.type == 3 { name = String(decoding: a.value.prefix { $0 != 0 }, as: UTF8.self) }
        if a.type == 18, let k = attributes(from: 0, in: a.value).first(where: { $0.type == 1 }) {
          kind = String(decoding: k.value.prefix { $0 != 0 }, as: UTF8.self)
        }
      }
      return Netlink.Link(index: Int32(bitPattern: NetlinkMessage.number(body, 4, 4)), name: name, isUp: body[8] & 1 == 1, kind: kind)
    }

    var address: (link: Int32, address: IPAddress, prefix: Int)? {
      guard type == RTM_NEWADDR, body.count >= 8 else { return nil }
      let all = attributes(from: 8)
      guard let a = all.first(where: { $0.type == 2 }) ?? all.first(where: { $0.type == 1 }), let ip = IPAddress(bytes: a.value) else { return nil }
      return (Int32(bitPattern: NetlinkMessage.number(body, 4, 4)), ip, Int(body[1]))
    }

    var route: Netlink.Route? {
      guard type == RTM_NEWROUTE, body.count >= 12 else { return nil }
      let d = attributes(from: 12).first { $0.type == 1 }.flatMap { IPAddress(bytes: $0.value) }
      return Netlink.Route(destination: d, prefix: Int(body[1]), type: body[7], table: body[4])
    }
  }
}
