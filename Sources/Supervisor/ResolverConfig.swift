// SPDX-License-Identifier: Apache-2.0
//
// What a resolv.conf says. Pure. resolv.conf(5).
import Kernel

public struct ResolverConfig: Equatable, Sendable {
  public var servers: [IPAddress] = []
  public var searches: [String] = []
  public var ndots = 1
  /// Seconds that one server is waited for.
  public var timeout: Int64 = 5
  /// How often all servers are asked.
  public var attempts = 2

  public init(_ text: String) {
    for line in text.split(whereSeparator: \.isNewline) {
      let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
      guard let first = words.first, !first.hasPrefix("#"), !first.hasPrefix(";") else { continue }
      switch first {
      case "nameserver":
        if servers.count < 3, words.count > 1, let address = IPAddress(literal: words[1]) { servers.append(address) }
      case "search": searches = words.dropFirst().map(Self.bare).filter { !$0.isEmpty }
      case "domain": searches = words.dropFirst().prefix(1).map(Self.bare).filter { !$0.isEmpty }
      case "options":
        for o in words.dropFirst() {
          let parts = o.split(separator: ":", maxSplits: 1)
          guard parts.count == 2, let n = Int(parts[1]), n >= 0 else { continue }
          switch parts[0] {
          case "ndots": ndots = min(n, 15)
          case "timeout": timeout = Int64(max(1, min(n, 30)))
          case "attempts": attempts = max(1, min(n, 5))
          default: break
          }
        }
      default: break
      }
    }
    if servers.isEmpty { servers = [IPAddress(v4: 127 << 24 | 1)] }
  }

  private static func bare(_ domain: String) -> String { domain.hasSuffix(".") ? String(domain.dropLast()) : domain }

  /// The names that are asked for in turn, until one has addresses.
  public func candidates(_ name: String) -> [String] {
    if name.hasSuffix(".") { return [String(name.dropLast())] }
    let longer = searches.map { name + "." + $0 }.filter { $0.utf8.count <= 253 }
    return name.filter({ $0 == "." }).count >= ndots ? [name] + longer : longer + [name]
  }
}
