// SPDX-License-Identifier: Apache-2.0
//
// Whether the one node takes a Pod: the scheduler's filters in the scheduler's order and words, or, for a Pod that names the node itself, the kubelet's
// admission. Pure: who else has a place there is asked through Occupants. Kubernetes pkg/scheduler/framework/plugins, pkg/kubelet/lifecycle/predicate.go.
import Manifest

/// Why a filter says no.
struct Refusal: Sendable, Equatable {
  var reasons: [String]
  /// Nothing that others could give up would help.
  var isFinal: Bool
  init(_ reason: String, isFinal: Bool = false) { (reasons, self.isFinal) = ([reason], isFinal) }
  init(_ reasons: [String], isFinal: Bool) { (self.reasons, self.isFinal) = (reasons, isFinal) }
}

/// Who has a place on the node. Asked for only what a decision needs.
public struct Occupants {
  /// How many Pods.
  public var count: () -> Int
  /// Those that take something that another one could lack.
  public var claims: () -> [Claim]
  /// Claims with anti-affinity alone: every Pod must be held against them.
  public var antiAffinity: () -> [Claim]
  /// All of them.
  public var neighbours: () -> [Neighbour]
  public init(
    count: @escaping () -> Int, claims: @escaping () -> [Claim], antiAffinity: @escaping () -> [Claim], neighbours: @escaping () -> [Neighbour]
  ) {
    (self.count, self.claims, self.antiAffinity, self.neighbours) = (count, claims, antiAffinity, neighbours)
  }
}

public enum Verdict: Sendable, Equatable {
  case fits
  /// No node fits, in the scheduler's words; may change.
  case unschedulable(message: String)
  /// schedulingGates hold it back.
  case gated
  /// It names another node: nobody here runs it.
  case elsewhere
  /// It names this node, and the kubelet refuses it for good.
  case rejected(reason: String, message: String)
}

public enum Scheduling {
  public static func judge(_ pod: Pod, _ claim: Claim, _ node: NodeFacts, _ occupants: Occupants) -> Verdict {
    if let name = pod.spec.nodeName, !name.isEmpty { return name == node.name ? admit(pod, claim, node, occupants) : .elsewhere }
    if !pod.spec.schedulingGates.isEmpty { return .gated }
    guard let no = filter(pod, claim, node, occupants) else { return .fits }
    let reasons = no.reasons.map { "1 \($0)" }.sorted().joined(separator: ", ")
    let help =
      pod.object["spec"]?["preemptionPolicy"]?.string == "Never"
      ? "not eligible due to preemptionPolicy=Never."
      : "0/1 nodes are available: 1 \(no.isFinal ? "Preemption is not helpful for scheduling" : "No preemption victims found for incoming pod")."
    return .unschedulable(message: "0/1 nodes are available: \(reasons). preemption: \(help)")
  }

  // MARK: the scheduler

  private static let unschedulable = Taint(key: "node.kubernetes.io/unschedulable", value: "", effect: "NoSchedule")

  /// The first filter that says no, as the scheduler's default plugins are ordered.
  private static func filter(_ pod: Pod, _ claim: Claim, _ node: NodeFacts, _ occupants: Occupants) -> Refusal? {
    let spec = pod.spec
    if node.isUnschedulable, !spec.tolerations.contains(where: { $0.tolerates(unschedulable) }) {
      return Refusal("node(s) were unschedulable", isFinal: true)
    }
    for t in node.taints where t.effect == "NoSchedule" || t.effect == "NoExecute" {
      if !spec.tolerations.contains(where: { $0.tolerates(t) }) { return Refusal("node(s) had untolerated taint(s)", isFinal: true) }
    }
    if !Affinity.allows(pod, node) { return Refusal("node(s) didn't match Pod's node affinity/selector", isFinal: true) }
    if collides(claim, occupants) { return Refusal("node(s) didn't have free ports for the requested pod ports") }
    let lacking = shortages(claim, node, occupants)
    if !lacking.isEmpty { return Refusal(lacking.map(\.words), isFinal: lacking.contains(where: \.isFinal)) }
    if let no = Affinity.spread(pod, node, occupants.neighbours) { return no }
    return Affinity.obstacle(pod, node, occupants.neighbours, occupants.antiAffinity())
  }

  private static func collides(_ claim: Claim, _ occupants: Occupants) -> Bool {
    guard !claim.ports.isEmpty else { return false }
    return occupants.claims().contains { other in other.ports.contains { p in claim.ports.contains { $0.collides(with: p) } } }
  }

  private struct Shortage {
    var resource: String
    var requested: Int128
    var used: Int128
    var capacity: Int128
    var words: String { resource == "pods" ? "Too many pods" : "Insufficient \(resource)" }
    var isFinal: Bool { requested > capacity }
    /// In the kubelet's words.
    var told: String {
      let unit: Int128 = resource == "cpu" ? 1_000_000 : 1_000_000_000
      return "Node didn't have enough resource: \(resource), requested: \(requested / unit), used: \(used / unit), capacity: \(capacity / unit)"
    }
  }

  /// In the order in which noderesources/fit.go looks: pods, cpu, memory, ephemeral-storage, the others.
  private static func shortages(_ claim: Claim, _ node: NodeFacts, _ occupants: Occupants) -> [Shortage] {
    var all: [Shortage] = []
    let billion: Int128 = 1_000_000_000
    if let limit = node.allocatable["pods"]?.nano {
      let used = Int128(occupants.count()) * billion
      if used + billion > limit { all.append(Shortage(resource: "pods", requested: billion, used: used, capacity: limit)) }
    }
    guard !claim.requests.isEmpty else { return all }
    var used: [String: Int128] = [:]
    for c in occupants.claims() { for (r, n) in c.requests { used[r, default: 0] += n } }
    let first = ["cpu", "memory", "ephemeral-storage"]
    for r in first + claim.requests.keys.filter({ !first.contains($0) }).sorted() {
      guard let n = claim.requests[r] else { continue }
      let capacity = node.allocatable[r]?.nano ?? 0
      if n > capacity - (used[r] ?? 0) { all.append(Shortage(resource: r, requested: n, used: used[r] ?? 0, capacity: capacity)) }
    }
    return all
  }

  // MARK: the kubelet

  /// A Pod that somebody has put on this node: what the kubelet refuses, it refuses for good.
  private static func admit(_ pod: Pod, _ claim: Claim, _ node: NodeFacts, _ occupants: Occupants) -> Verdict {
    if let s = lacking(claim, node, occupants) { return .rejected(reason: "OutOf\(s.resource)", message: s.told) }
    let refuse = { (name: String, why: String) in Verdict.rejected(reason: name, message: "Predicate \(name) failed: \(why)") }
    if !Affinity.allows(pod, node) { return refuse("NodeAffinity", "node(s) didn't match Pod's node affinity/selector") }
    if collides(claim, occupants) { return refuse("NodePorts", "node(s) didn't have free ports for the requested pod ports") }
    for t in node.taints where t.effect == "NoExecute" && !pod.spec.tolerations.contains(where: { $0.tolerates(t) }) {
      return refuse("TaintToleration", "node(s) had taints that the pod didn't tolerate")
    }
    return .fits
  }

  /// Resources that no node of this kind knows are the scheduler's affair.
  private static func lacking(_ claim: Claim, _ node: NodeFacts, _ occupants: Occupants) -> Shortage? {
    shortages(claim, node, occupants).first { s in !s.resource.contains("/") || node.allocatable[s.resource] != nil }
  }

  /// What the node lacks for a Pod that wants other amounts in its place, as long as others have theirs; nil: nothing.
  public static func shortage(_ claim: Claim, _ node: NodeFacts, _ occupants: Occupants) -> String? { lacking(claim, node, occupants)?.told }

  // MARK: NoExecute

  /// How long a Pod that runs may stay under the node's NoExecute taints, in seconds; nil: as long as it likes. Kubernetes
  /// pkg/controller/tainteviction.
  public static func stay(_ pod: Pod, _ taints: [Taint]) -> Int64? {
    var least: Int64?
    for t in taints where t.effect == "NoExecute" {
      let matching = pod.spec.tolerations.filter { $0.tolerates(t) }
      if matching.isEmpty { return 0 }
      for seconds in matching.compactMap(\.tolerationSeconds) { least = min(least ?? .max, max(0, seconds)) }
    }
    return least
  }
}
