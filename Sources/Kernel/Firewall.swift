// SPDX-License-Identifier: Apache-2.0
//
// Whether a firewall of this network namespace drops what Pods send each other over their bridge: packets that a bridge forwards pass the chains of
// iptables where bridge-nf-call-iptables is on (Docker and ufw leave FORWARD with policy DROP), and those of nftables' bridge family always.
// nf_tables(7) has no page: <linux/netfilter/nf_tables.h>, <linux/netfilter_ipv4/ip_tables.h>.
import CLinux
import Glibc

public enum Firewall {
  /// A chain in the way.
  public struct Obstacle: Sendable, Equatable {
    /// As nft prints it: `table ip filter, chain FORWARD`.
    public var place: String
    /// What lets the Pods' packets pass.
    public var remedy: String
  }

  /// Chains that see bridged packets and drop what no rule accepts, unless a rule there speaks of our bridges (podlab…). Empty where this process may
  /// not look.
  public static func obstacles() -> [Obstacle] {
    let sees = { (name: String) in (Proc.text("/proc/sys/net/bridge/\(name)") ?? "").hasPrefix("1") }
    let (four, six) = (sees("bridge-nf-call-iptables"), sees("bridge-nf-call-ip6tables"))
    var all: [Obstacle] = []
    if let netlink = optional({ () throws(SysError) in try Netlink.netfilter() }) {
      let chains = (optional { () throws(SysError) in try netlink.dump(NetlinkMessage.netfilterDump(4)) } ?? []).compactMap(\.chain)
      let dropping = chains.filter { c in
        guard c.hook == 2, c.policy == 0 else { return false }  // NF_INET_FORWARD, NF_BR_FORWARD; NF_DROP
        switch c.family {
        case 1: return four || six
        case 2: return four
        case 10: return six
        default: return c.family == 7
        }
      }
      if !dropping.isEmpty {
        let rules = (optional { () throws(SysError) in try netlink.dump(NetlinkMessage.netfilterDump(7)) } ?? []).compactMap(\.rule)
        for c in dropping where !rules.contains(where: { $0.family == c.family && $0.table == c.table && $0.speaksOfUs }) {
          let family = [1: "inet", 2: "ip", 7: "bridge", 10: "ip6"][c.family] ?? "\(c.family)"
          all.append(
            Obstacle(
              place: "table \(family) \(c.table), chain \(c.name)",
              remedy: "nft insert rule \(family) \(c.table) \(c.name) iifname \"podlab*\" accept"))
        }
      }
    }
    if four, legacyDrops() { all.append(Obstacle(place: "iptables-legacy, chain FORWARD", remedy: "iptables-legacy -I FORWARD -i podlab+ -o podlab+ -j ACCEPT")) }
    return all
  }

  /// The older iptables keep their rules apart from nftables.
  private static func legacyDrops() -> Bool {
    guard (Proc.text("/proc/net/ip_tables_names") ?? "").split(separator: "\n").contains("filter") else { return false }
    let s = socket(AF_INET, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 255)  // IPPROTO_RAW
    guard s >= 0 else { return false }
    let fd = FileDescriptor(owning: s)
    // struct ipt_getinfo: name[32], valid_hooks, hook_entry[5], underflow[5], num_entries, size
    var info = Array("filter".utf8) + [UInt8](repeating: 0, count: 32 - 6 + 4 * 13)
    var length = socklen_t(info.count)
    guard getsockopt(fd.raw, 0, 64, &info, &length) == 0 else { return false }  // IPT_SO_GET_INFO
    let number = { (b: [UInt8], at: Int) in at + 4 <= b.count ? (0..<4).reduce(UInt32(0)) { $0 | UInt32(b[at + $1]) << UInt32(8 * $1) } : 0 }
    let underflow = Int(number(info, 36 + 20 + 8))
    let size = Int(number(info, 36 + 44))
    // struct ipt_get_entries: name[32], size, then from a multiple of 8 on the entries
    var entries = Array("filter".utf8) + [UInt8](repeating: 0, count: 40 - 6 + size)
    withUnsafeBytes(of: UInt32(size).littleEndian) { for (i, b) in $0.enumerated() { entries[32 + i] = b } }
    length = socklen_t(entries.count)
    guard size > 0, getsockopt(fd.raw, 0, 65, &entries, &length) == 0 else { return false }  // IPT_SO_GET_ENTRIES
    let at = 40 + underflow
    guard at + 112 + 36 <= entries.count else { return false }
    // struct ipt_entry: target_offset at 88; struct xt_standard_target: the verdict at 32, -1 for DROP
    let target = at + Int(number(entries, at + 88) & 0xffff)
    return Int32(bitPattern: number(entries, target + 32)) == -1 && !speaksOfUs(entries)
  }

  /// Whether the bytes of rules name a bridge of ours.
  static func speaksOfUs(_ bytes: [UInt8]) -> Bool { bytes.firstRange(of: Array("podlab".utf8)) != nil }
}

extension Netlink {
  /// A NETLINK_NETFILTER socket.
  static func netfilter() throws(SysError) -> Netlink {
    Netlink(owning: Int32(try check(errno: socket(AF_NETLINK, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 12), "socket", "NETLINK_NETFILTER")))
  }
}

extension NetlinkMessage.Parsed {
  /// A chain of nftables that hangs on a hook.
  var chain: (family: UInt8, table: String, name: String, hook: UInt32, policy: UInt32)? {
    guard type == 10 << 8 | 3, let family = body.first else { return nil }  // NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWCHAIN
    let all = attributes(from: 4)
    guard let hook = all.first(where: { $0.type == 4 }), let number = attributes(from: 0, in: hook.value).first(where: { $0.type == 1 }) else { return nil }
    let policy = all.first { $0.type == 5 }.map { Self.big($0.value) } ?? 1
    return (family, Self.text(all.first { $0.type == 1 }?.value), Self.text(all.first { $0.type == 3 }?.value), Self.big(number.value), policy)
  }

  var rule: (family: UInt8, table: String, speaksOfUs: Bool)? {
    guard type == 10 << 8 | 6, let family = body.first else { return nil }  // NFT_MSG_NEWRULE
    return (family, Self.text(attributes(from: 4).first { $0.type == 1 }?.value), Firewall.speaksOfUs(body))
  }

  private static func big(_ b: [UInt8]) -> UInt32 { b.prefix(4).reduce(0) { $0 << 8 | UInt32($1) } }
  private static func text(_ b: [UInt8]?) -> String { String(decoding: (b ?? []).prefix { $0 != 0 }, as: UTF8.self) }
}
