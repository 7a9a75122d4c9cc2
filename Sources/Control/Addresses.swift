// SPDX-License-Identifier: Apache-2.0
//
// The instance's network: a bridge with an address range that nothing else on the machine uses, and the addresses in it, each taken by a file.
import Glibc
import Kernel
import Manifest

extension Instance {
  /// A range of addresses, one bridge. Where the kernel has IPv6, a /64 of unique local addresses (RFC 4193) as well.
  public struct Network: Sendable, Equatable {
    /// Index of the bridge.
    public var bridge: Int32
    /// First address of the range.
    public var first: UInt32
    public var gateway: IPAddress { IPAddress(v4: first + 1) }
    /// The first 64 bits of the IPv6 addresses; nil where there are none.
    public var six: [UInt8]?
    public var gateway6: IPAddress? { six.flatMap { IPAddress(network: $0, host: 1) } }
    public static let prefix = 20
    public static let prefix6 = 64
    static let size: UInt32 = 1 << 12
    public init(bridge: Int32, first: UInt32, six: [UInt8]? = nil) { (self.bridge, self.first, self.six) = (bridge, first, six) }

    /// The IPv6 address that belongs to an IPv4 address of the range: the same number in it.
    public func address6(of four: IPAddress) -> IPAddress? {
      guard let six, let value = four.v4, value >= first else { return nil }
      return IPAddress(network: six, host: UInt64(value - first))
    }
  }

  /// A Pod's address and the name of its link on the node.
  public struct Attachment: Sendable, Equatable {
    public var address: IPAddress
    public var link: String
  }

  private var networkFile: String { "\(run)/network.json" }

  /// The bridge, made when it is not there. netlink: of the node's network namespace.
  public func network(_ netlink: borrowing Netlink) throws(SysError) -> Network {
    if let index = linkIndex(bridgeName), let known = storedRange() { return Network(bridge: index, first: known.first, six: known.six) }
    do throws(SysError) {
      let lock = try FileLock("\(run)/instance.lock")
      defer { _ = lock.raw }
      if let index = linkIndex(bridgeName), let known = storedRange() { return Network(bridge: index, first: known.first, six: known.six) }
      let first = try freeRange(netlink, preferred: storedRange()?.first)
      if linkIndex(bridgeName) == nil { try netlink.addBridge(bridgeName) }
      guard let index = linkIndex(bridgeName) else { throw SysError(call: "if_nametoindex", object: bridgeName, errno: ENODEV) }
      var made = Network(bridge: index, first: first)
      do throws(SysError) {
        try netlink.addAddress(made.gateway, prefix: Network.prefix, link: index)
      } catch where error.errno == EEXIST {}
      made.six = try addRange6(netlink, link: index)
      try netlink.setUp(index)
      try FileSystem.writeAtomically(networkFile, JSON.compactBytes(made.stored), mode: 0o600)
      return made
    } catch {
      throw error.during("making the pods' network", hint: error.hint ?? (error.errno == EPERM ? NamespaceRights.obstacle() : nil))
    }
  }

  private func linkIndex(_ name: String) -> Int32? {
    let index = if_nametoindex(name)
    return index > 0 ? Int32(index) : nil
  }

  /// First address of the range, and the IPv6 network; nil while no Pod has needed one.
  func storedRange() -> (first: UInt32, six: [UInt8]?)? {
    guard let bytes = optional({ () throws(SysError) in try FileSystem.read(networkFile) }) else { return nil }
    do throws(JSON.Malformed) {
      let v = try JSON.parse(bytes)
      guard let first = v["first"]?.int.flatMap({ UInt32(exactly: $0) }) else { return nil }
      return (first, v["six"]?.string.flatMap { IPAddress(literal: $0) }.map { Array($0.bytes.prefix(8)) })
    } catch { return nil }
  }

  /// Gives the bridge an IPv6 address of a range of its own. nil: this network namespace has no IPv6, or has it turned off.
  private func addRange6(_ netlink: borrowing Netlink, link: Int32) throws(SysError) -> [UInt8]? {
    for place in ["all", "default"] {
      guard let text = optional({ () throws(SysError) in try FileSystem.readText("/proc/sys/net/ipv6/conf/\(place)/disable_ipv6") }), text.hasPrefix("0")
      else { return nil }
    }
    let taken = try netlink.addresses().filter { $0.address.isV6 }.map { ($0.address, $0.prefix) }
      + netlink.routes().compactMap { r in r.leadsNowhere ? nil : r.destination.map { ($0, r.prefix) } }
    var range = freeRange6(taken)
    while range == nil { range = freeRange6(taken) }
    guard let range, let gateway = IPAddress(network: range, host: 1) else { return nil }
    do throws(SysError) { try netlink.addAddress(gateway, prefix: Network.prefix6, link: link) } catch {
      // Turned off for this link, or built into the kernel without being there.
      if [EACCES, EOPNOTSUPP, EAFNOSUPPORT, EINVAL].contains(error.errno) { return nil }
      throw error
    }
    return range
  }

  /// A /64 of fd00::/8 by chance; nil when it lies in a network that is there (other than a route to everything).
  private func freeRange6(_ taken: [(IPAddress, Int)]) -> [UInt8]? {
    let range = [0xfd] + Self.randomBytes(7)
    let isTaken = taken.contains { address, prefix in
      guard address.isV6, prefix > 7 else { return false }
      let bits = min(prefix, 64)
      return (0..<bits).allSatisfy { (address.bytes[$0 / 8] ^ range[$0 / 8]) & (0x80 >> UInt8($0 % 8)) == 0 }
    }
    return isTaken ? nil : range
  }

  /// A /20 of 10.128.0.0/9 that overlaps no address and no route of this network namespace. Routes that lead nowhere do not count.
  private func freeRange(_ netlink: borrowing Netlink, preferred: UInt32?) throws(SysError) -> UInt32 {
    var taken: [(UInt32, UInt32)] = []
    func add(_ address: IPAddress?, _ prefix: Int) {
      guard let a = address?.v4, prefix > 0 else { return }
      let size = prefix >= 32 ? 1 : UInt32(1) << UInt32(32 - prefix)
      let start = a & ~(size - 1)
      taken.append((start, start &+ (size - 1)))
    }
    for a in try netlink.addresses() { add(a.address, a.prefix) }
    for r in try netlink.routes() where !r.leadsNowhere { add(r.destination, r.prefix) }
    let base: UInt32 = 10 << 24 | 128 << 16
    let isFree = { (first: UInt32) in !taken.contains { $0.0 <= first + Network.size - 1 && $0.1 >= first } }
    if let preferred, isFree(preferred) { return preferred }
    let count: UInt32 = 1 << 11
    let start = Self.randomBytes(2).reduce(UInt32(0)) { $0 << 8 | UInt32($1) } % count
    for n in 0..<count {
      let first = base + (start + n) % count * Network.size
      if isFree(first) { return first }
    }
    throw SysError(
      step: "choosing addresses for pods", call: "rtnetlink", object: "10.128.0.0/9", errno: EADDRINUSE,
      hint: "routes or addresses of this machine cover the whole range: `ip route` shows them; remove one that leaves a /20 free")
  }

  /// An address nobody has, for a Pod; the oldest freed one comes last.
  public func take(_ network: Network, for owner: String) throws(SysError) -> Attachment {
    let counter = "\(run)/addresses/next"
    let text = optional { () throws(SysError) in try FileSystem.readText(counter) } ?? ""
    var n = UInt32(text) ?? 0
    for _ in 0..<Network.size {
      // 0 is the network, 1 the bridge, the last one broadcast.
      n = n < 2 || n >= Network.size - 2 ? 2 : n + 1
      let address = IPAddress(v4: network.first + n)
      do throws(SysError) {
        let fd = try FileDescriptor.open("\(run)/addresses/\(address)", O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        try writeAll(fd.raw, owner)
      } catch {
        if error.errno == EEXIST { continue }
        throw error.during("taking an address", hint: Self.remedy(error.errno))
      }
      let suffix = String([Self.letters[Int(n >> 10 & 31)], Self.letters[Int(n >> 5 & 31)], Self.letters[Int(n & 31)]])
      let link = "podlab" + id + suffix
      // A link of this name may still be on its way out.
      if linkIndex(link) != nil {
        give(back: "\(address)")
        continue
      }
      try FileSystem.write(counter, "\(n)", mode: 0o600)
      return Attachment(address: address, link: link)
    }
    throw SysError(
      step: "taking an address", call: "open", object: "\(run)/addresses", errno: EADDRINUSE, hint: "all addresses of the instance are taken: delete pods")
  }

  /// 65536 ids that nobody has, for a Pod with a user namespace of its own. name: for give(back:). Above what /etc/subuid usually gives away; by
  /// chance, so that two instances hardly meet.
  public func takeUsers(for owner: String) throws(SysError) -> (name: String, maps: IDMaps) {
    let count: UInt32 = 65536
    for _ in 0..<1024 {
      let block = 1024 + Self.randomBytes(2).reduce(UInt32(0)) { $0 << 8 | UInt32($1) } % 26976
      let name = "users-\(block)"
      do throws(SysError) {
        let fd = try FileDescriptor.open("\(run)/addresses/\(name)", O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        try writeAll(fd.raw, owner)
      } catch {
        if error.errno == EEXIST { continue }
        throw error.during("taking user ids", hint: Self.remedy(error.errno))
      }
      let range = [IDRange(inside: 0, outside: block * count, count: count)]
      return (name, IDMaps(users: range, groups: range))
    }
    throw SysError(step: "taking user ids", call: "open", object: "\(run)/addresses", errno: EADDRINUSE, hint: "too many pods have hostUsers: false: delete some")
  }

  public func give(back address: String) { _ = unlink("\(run)/addresses/\(address)") }

  /// Addresses that a Pod of this uid has taken (after a crash nobody else knows).
  public func addresses(of owner: String) -> [String] {
    (optional { () throws(SysError) in try FileSystem.list("\(run)/addresses") } ?? []).filter { name in
      name != "next" && optional { () throws(SysError) in try FileSystem.readText("\(run)/addresses/\(name)") } == owner
    }
  }
}

extension Instance.Network {
  /// What network.json says.
  fileprivate var stored: Value {
    var v: [(String, Value)] = [("first", .int(Int64(first)))]
    if let six, let network = IPAddress(network: six, host: 0) { v.append(("six", .string("\(network)"))) }
    return .object(v)
  }
}
