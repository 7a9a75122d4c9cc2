// SPDX-License-Identifier: Apache-2.0
//
// A Pod's resolv.conf by dnsPolicy and dnsConfig, with the kubelet's limits. Pure. Kubernetes pkg/kubelet/network/dns.
import Manifest

public struct PodDNS: Equatable, Sendable {
  public var servers: [String] = []
  public var searches: [String] = []
  /// NAME or NAME:VALUE.
  public var options: [String] = []

  /// An event about the Pod.
  public struct Warning: Equatable, Sendable {
    public var reason: String
    public var message: String
  }
  public private(set) var warnings: [Warning] = []

  static let mostServers = 3
  static let mostSearches = 32
  static let mostSearchBytes = 2048

  /// node: the node's resolv.conf.
  public init(_ pod: Pod, node: String) {
    switch pod.spec.dnsPolicy {
    case "None": break
    // ClusterFirst too: there is no cluster's DNS, and the kubelet without one falls back to Default. It warns at each Pod then; here it is so for all
    // Pods, which docs/network.md says once.
    default: read(node)
    }
    if let config = pod.spec.dnsConfig {
      servers = Self.unique(servers + config.nameservers)
      searches = Self.unique(searches + config.searches)
      for o in config.options { set(o.name, o.value ?? "") }
    }
    fitLimits()
  }

  private mutating func read(_ text: String) {
    for line in text.split(whereSeparator: \.isNewline) {
      let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
      switch words.first {
      case "nameserver": servers += words.dropFirst().prefix(1)
      // With and without a dot at the end it is the same domain.
      case "search": searches = words.dropFirst().map { $0 != "." && $0.hasSuffix(".") ? String($0.dropLast()) : $0 }
      case "options":
        for o in words.dropFirst() {
          let parts = o.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
          set(String(parts[0]), parts.count == 2 ? String(parts[1]) : "")
        }
      default: break
      }
    }
  }

  /// A later value of an option takes the place of the earlier.
  private mutating func set(_ name: String, _ value: String) {
    let text = value.isEmpty ? name : "\(name):\(value)"
    if let i = options.firstIndex(where: { $0 == name || $0.hasPrefix(name + ":") }) { options[i] = text } else { options.append(text) }
  }

  private static func unique(_ all: [String]) -> [String] {
    var seen: Set<String> = []
    return all.filter { seen.insert($0).inserted }
  }

  private mutating func fitLimits() {
    if servers.count > Self.mostServers {
      servers = Array(servers.prefix(Self.mostServers))
      let line = servers.joined(separator: " ")
      warn("Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: \(line)")
    }
    let before = searches.count
    searches = searches.prefix(Self.mostSearches).filter { $0.utf8.count <= 253 }
    while searches.reduce(-1, { $0 + 1 + $1.utf8.count }) > Self.mostSearchBytes { searches.removeLast() }
    if searches.count < before {
      let line = searches.joined(separator: " ")
      warn("Search Line limits were exceeded, some search paths have been omitted, the applied search line is: \(line)")
    }
  }

  private mutating func warn(_ message: String) { warnings.append(Warning(reason: "DNSConfigForming", message: message)) }

  /// The file, as container runtimes write it.
  public var text: String {
    var text = ""
    if !searches.isEmpty { text += "search \(searches.joined(separator: " "))\n" }
    for s in servers { text += "nameserver \(s)\n" }
    if !options.isEmpty { text += "options \(options.joined(separator: " "))\n" }
    return text
  }

  /// The node's file, of the two that a machine with systemd-resolved has: a resolver on the node's loopback is of no use to a Pod. kubeadm takes the
  /// same one.
  public static func nodeFile(_ etc: String, resolved: String?) -> String {
    let servers = etc.split(whereSeparator: \.isNewline).compactMap { line -> Substring? in
      let words = line.split { $0 == " " || $0 == "\t" }
      return words.count > 1 && words[0] == "nameserver" ? words[1] : nil
    }
    guard let resolved, !servers.isEmpty, servers.allSatisfy({ $0 == "127.0.0.53" }) else { return etc }
    return resolved
  }
}
