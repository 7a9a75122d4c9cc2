// SPDX-License-Identifier: Apache-2.0
//
// What fieldRef and resourceFieldRef stand for: in env (Environment.swift) and in downwardAPI files (Payload.swift). Kubernetes pkg/fieldpath,
// pkg/api/v1/resource.
import Manifest

/// What of the Pod's life its containers may ask for.
public struct PodFacts: Sendable {
  public var pod: Pod
  public var nodeName: String
  public var hostIPs: [String]
  public var podIPs: [String]
  /// What the node can give: cpu in thousandths, memory and ephemeral-storage in bytes. Stands in where a container has no limit.
  public var allocatable: [String: Quantity]

  public init(pod: Pod, nodeName: String, hostIPs: [String], podIPs: [String], allocatable: [String: Quantity]) {
    (self.pod, self.nodeName, self.hostIPs, self.podIPs, self.allocatable) = (pod, nodeName, hostIPs, podIPs, allocatable)
  }

  /// metadata.name and so on; labels and annotations as sorted key="value" lines, one of them by ['key']. nil: there is no such field.
  public func field(_ path: String) -> String? {
    let meta = pod.metadata
    if let key = subscriptKey(path, of: "metadata.labels") { return meta.labels[key] ?? "" }
    if let key = subscriptKey(path, of: "metadata.annotations") { return meta.annotations[key] ?? "" }
    switch path {
    case "metadata.name": return meta.name
    case "metadata.namespace": return meta.namespace
    case "metadata.uid": return meta.uid
    case "metadata.labels": return Self.lines(meta.labels)
    case "metadata.annotations": return Self.lines(meta.annotations)
    case "spec.nodeName": return nodeName
    case "spec.serviceAccountName": return pod.spec.serviceAccountName
    case "status.hostIP": return hostIPs.first ?? ""
    case "status.hostIPs": return hostIPs.joined(separator: ",")
    case "status.podIP": return podIPs.first ?? ""
    case "status.podIPs": return podIPs.joined(separator: ",")
    default: return nil
    }
  }

  /// limits.cpu and so on, rounded up to whole divisors. A missing limit is what the node can give, a missing request 0. nil: no such container or
  /// resource.
  public func resource(container name: String, _ resource: String, divisor: Quantity) -> String? {
    guard let c = (pod.spec.containers + pod.spec.initContainers).first(where: { $0.name == name }) else { return nil }
    let parts = resource.split(separator: ".", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return nil }
    let kind = parts[1]
    let amount: Quantity?
    switch parts[0] {
    case "limits": amount = c.resources.limits[kind] ?? allocatable[kind]
    case "requests": amount = c.resources.requests[kind] ?? c.resources.limits[kind]
    default: return nil
    }
    let nano = amount?.nano ?? 0
    let unit = divisor.nano > 0 ? divisor.nano : 1_000_000_000
    // cpu is counted in thousandths first, everything else in whole units, as the kubelet does.
    let step: Int128 = kind == "cpu" ? 1_000_000 : 1_000_000_000
    let have = Self.up(nano, step)
    let per = max(1, Self.up(unit, step))
    return String(Self.up(have, per))
  }

  private static func up(_ n: Int128, _ unit: Int128) -> Int128 { n / unit + (n % unit > 0 ? 1 : 0) }

  /// The key of PATH['key'], nil for another path.
  private func subscriptKey(_ path: String, of base: String) -> String? {
    guard path.hasPrefix(base + "['"), path.hasSuffix("']") else { return nil }
    return String(path.dropFirst(base.count + 2).dropLast(2))
  }

  /// key="value", sorted, the value quoted as Go's %q does.
  static func lines(_ map: [String: String]) -> String {
    map.sorted { Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8)) }.map { "\($0.key)=\(quoted($0.value))" }.joined(separator: "\n")
  }

  static func quoted(_ text: String) -> String {
    var out = "\""
    for s in text.unicodeScalars {
      switch s {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\u{7}": out += "\\a"
      case "\u{8}": out += "\\b"
      case "\u{c}": out += "\\f"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      case "\u{b}": out += "\\v"
      default:
        if s.value < 0x20 || s.value == 0x7f {
          out += "\\x" + hex(s.value, 2)
        } else if s.properties.generalCategory == .control || s.properties.generalCategory == .format
          || s.properties.generalCategory == .unassigned || s.properties.generalCategory == .privateUse
        {
          out += s.value > 0xffff ? "\\U" + hex(s.value, 8) : "\\u" + hex(s.value, 4)
        } else {
          out.unicodeScalars.append(s)
        }
      }
    }
    return out + "\""
  }

  private static func hex(_ v: UInt32, _ width: Int) -> String {
    let s = String(v, radix: 16)
    return String(repeating: "0", count: max(0, width - s.count)) + s
  }
}
