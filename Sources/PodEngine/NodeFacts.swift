// SPDX-License-Identifier: Apache-2.0
//
// The two sides of a scheduling decision: what the node offers, and what a Pod takes of it. Kubernetes
// pkg/scheduler/framework/types.go (NodeInfo), component-helpers/resource (PodRequests).
import Manifest

/// A taint of a node.
public struct Taint: Sendable, Equatable {
  public var key: String
  public var value: String
  /// NoSchedule, PreferNoSchedule or NoExecute.
  public var effect: String
  public init(key: String, value: String, effect: String) { (self.key, self.value, self.effect) = (key, value, effect) }
}

/// The one node, as the scheduler and the kubelet see it.
public struct NodeFacts: Sendable, Equatable {
  public var name: String
  public var labels: [String: String] = [:]
  public var taints: [Taint] = []
  /// spec.unschedulable (kubectl cordon).
  public var isUnschedulable = false
  public var allocatable: [String: Quantity] = [:]

  public init(name: String) { self.name = name }

  /// From a Node object of API version v1.
  public init(_ node: Value) {
    name = node["metadata"]?["name"]?.string ?? ""
    labels = strings(node["metadata"]?["labels"])
    for t in node["spec"]?["taints"]?.array ?? [] {
      taints.append(Taint(key: t["key"]?.string ?? "", value: t["value"]?.string ?? "", effect: t["effect"]?.string ?? ""))
    }
    isUnschedulable = node["spec"]?["unschedulable"]?.bool ?? false
    for e in node["status"]?["allocatable"]?.members?.entries ?? [] {
      if let q = quantity(e.value) { allocatable[e.key] = q }
    }
  }
}

func strings(_ v: Value?) -> [String: String] {
  var all: [String: String] = [:]
  for e in v?.members?.entries ?? [] { all[e.key] = e.value.string ?? "" }
  return all
}

/// An amount, written as text or as a number.
func quantity(_ v: Value) -> Quantity? { v.string.flatMap { Quantity($0) } ?? v.int.map { Quantity($0) } }

extension Toleration {
  /// Kubernetes staging core/v1/toleration.go (ToleratesTaint).
  func tolerates(_ t: Taint) -> Bool {
    if let effect, !effect.isEmpty, effect != t.effect { return false }
    if let key, !key.isEmpty, key != t.key { return false }
    switch op {
    case "", "Equal": return (value ?? "") == t.value
    case "Exists": return true
    default: return false
    }
  }
}

/// What a Pod takes of the node once it has its place there.
public struct Claim: Sendable, Equatable {
  public var uid: String
  public var namespace: String
  public var name: String
  public var labels: [String: String]
  /// By resource, in units of 10^-9; only what is not zero.
  public var requests: [String: Int128] = [:]
  public var ports: [HostPort] = []
  /// spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution: others must respect it too.
  public var antiAffinity: [Value] = []

  public struct HostPort: Sendable, Equatable {
    public var ip: String
    public var protocolName: String
    public var port: Int64

    /// The same port of the same protocol, on the same address or on all.
    func collides(with o: HostPort) -> Bool {
      port == o.port && protocolName == o.protocolName && (ip == o.ip || ip == "0.0.0.0" || o.ip == "0.0.0.0")
    }
  }

  /// Nothing that another Pod's place could depend on.
  public var isEmpty: Bool { requests.isEmpty && ports.isEmpty && antiAffinity.isEmpty }

  public init(_ pod: Pod) {
    (uid, namespace, name, labels) = (pod.metadata.uid, pod.metadata.namespace, pod.metadata.name, pod.metadata.labels)
    requests = Self.requests(of: pod)
    for c in pod.spec.containers + pod.spec.initContainers.filter({ $0.restartPolicy == .always }) {
      for p in c.ports {
        guard let port = p.hostPort ?? (pod.spec.hostNetwork ? p.containerPort : nil), port > 0 else { continue }
        let ip = p.hostIP.flatMap { $0.isEmpty || $0 == "::" ? nil : $0 } ?? "0.0.0.0"
        ports.append(HostPort(ip: ip, protocolName: p.protocolName, port: port))
      }
    }
    antiAffinity = Affinity.required(pod, "podAntiAffinity")
  }

  /// What is kept for a Pod that wants other amounts and cannot have them yet: of each the larger one.
  public func orMore(_ other: Claim) -> Claim {
    var c = self
    c.requests.merge(other.requests) { max($0, $1) }
    return c
  }

  /// The sum of the containers and sidecars, or what one of the init containers wants together with the sidecars before it, whichever is more; the
  /// Pod's own requests overrule both; the overhead is added.
  private static func requests(of pod: Pod) -> [String: Int128] {
    var sum: [String: Int128] = [:]
    var sidecars: [String: Int128] = [:]
    var most: [String: Int128] = [:]
    let raise = { (r: String, n: Int128) in if n > most[r] ?? 0 { most[r] = n } }
    for c in pod.spec.initContainers where !c.resources.requests.isEmpty {
      if c.restartPolicy == .always {
        for (r, q) in c.resources.requests { sidecars[r, default: 0] += q.nano }
        for (r, n) in sidecars { raise(r, n) }
      } else {
        for (r, q) in c.resources.requests { raise(r, q.nano + (sidecars[r] ?? 0)) }
      }
    }
    for c in pod.spec.containers { for (r, q) in c.resources.requests { sum[r, default: 0] += q.nano } }
    for (r, n) in sidecars { sum[r, default: 0] += n }
    for (r, n) in most where n > sum[r] ?? 0 { sum[r] = n }
    for (r, q) in pod.spec.resources.requests { sum[r] = q.nano }
    for e in pod.object["spec"]?["overhead"]?.members?.entries ?? [] { if let q = quantity(e.value) { sum[e.key, default: 0] += q.nano } }
    return sum.filter { $0.value > 0 }
  }
}

// MARK: on disk

extension Claim {
  public var value: Value {
    var v: [(String, Value)] = [
      ("uid", .string(uid)), ("namespace", .string(namespace)), ("name", .string(name)), ("labels", .map(labels)),
      ("requests", .map(requests.mapValues { "\($0)" })),
    ]
    if !ports.isEmpty { v.append(("ports", .array(ports.map { .array([.string($0.ip), .string($0.protocolName), .int($0.port)]) }))) }
    if !antiAffinity.isEmpty { v.append(("antiAffinity", .array(antiAffinity))) }
    return .object(v)
  }

  /// nil for anything that was not written by value.
  public init?(stored v: Value) {
    guard let uid = v["uid"]?.string, let namespace = v["namespace"]?.string, let name = v["name"]?.string else { return nil }
    (self.uid, self.namespace, self.name, labels) = (uid, namespace, name, strings(v["labels"]))
    for (r, text) in strings(v["requests"]) { requests[r] = Int128(text) }
    for p in v["ports"]?.array ?? [] {
      guard let ip = p[0]?.string, let kind = p[1]?.string, let port = p[2]?.int else { continue }
      ports.append(HostPort(ip: ip, protocolName: kind, port: port))
    }
    antiAffinity = v["antiAffinity"]?.array ?? []
  }
}
