// SPDX-License-Identifier: Apache-2.0
//
// Node affinity, pod affinity and topology spread, read from the object as it was stored. Kubernetes component-helpers/scheduling/corev1/nodeaffinity,
// pkg/scheduler/framework/plugins/interpodaffinity and podtopologyspread.
import Manifest

/// A Pod that has its place, as affinity sees it.
public struct Neighbour: Sendable, Equatable {
  public var namespace: String
  public var labels: [String: String]
  public init(namespace: String, labels: [String: String]) { (self.namespace, self.labels) = (namespace, labels) }
}

enum Affinity {
  static func required(_ pod: Pod, _ kind: String) -> [Value] {
    pod.object["spec"]?["affinity"]?[kind]?["requiredDuringSchedulingIgnoredDuringExecution"]?.array ?? []
  }

  // MARK: the node

  /// nodeSelector and required node affinity: the terms are alternatives, what stands in one term must all hold.
  static func allows(_ pod: Pod, _ node: NodeFacts) -> Bool {
    guard pod.spec.nodeSelector.allSatisfy({ node.labels[$0.key] == $0.value }) else { return false }
    let wanted = pod.object["spec"]?["affinity"]?["nodeAffinity"]?["requiredDuringSchedulingIgnoredDuringExecution"]
    guard let terms = wanted?["nodeSelectorTerms"]?.array else { return true }
    return terms.contains { term in
      let labels = term["matchExpressions"]?.array ?? []
      let fields = term["matchFields"]?.array ?? []
      // A term without anything in it matches no node.
      guard !labels.isEmpty || !fields.isEmpty else { return false }
      return labels.allSatisfy { holds($0, node.labels) } && fields.allSatisfy { holds($0, ["metadata.name": node.name]) }
    }
  }

  /// One requirement: In, NotIn, Exists, DoesNotExist, Gt, Lt.
  private static func holds(_ r: Value, _ labels: [String: String]) -> Bool {
    let found = labels[r["key"]?.string ?? ""]
    let values = (r["values"]?.array ?? []).compactMap(\.string)
    switch r["operator"]?.string {
    case "In": return found.map(values.contains) ?? false
    case "NotIn": return !(found.map(values.contains) ?? false)
    case "Exists": return found != nil
    case "DoesNotExist": return found == nil
    case "Gt", "Lt":
      guard let found, let have = Int64(found), let text = values.first, let bound = Int64(text) else { return false }
      return r["operator"]?.string == "Gt" ? have > bound : have < bound
    default: return false
    }
  }

  /// A LabelSelector of the API: no selector selects nothing, an empty one everything.
  static func selects(_ selector: Value?, _ labels: [String: String]) -> Bool {
    guard let selector, selector != .null else { return false }
    return strings(selector["matchLabels"]).allSatisfy { labels[$0.key] == $0.value } && (selector["matchExpressions"]?.array ?? []).allSatisfy { holds($0, labels) }
  }

  // MARK: other Pods

  /// Whether a term of `owner`'s pod affinity or anti-affinity means a Pod.
  static func matches(_ term: Value, owner: Neighbour, _ pod: Neighbour) -> Bool {
    let names = (term["namespaces"]?.array ?? []).compactMap(\.string)
    let selector = term["namespaceSelector"].flatMap { $0 == .null ? nil : $0 }
    let isInReach =
      names.contains(pod.namespace) || (selector.map { selects($0, ["kubernetes.io/metadata.name": pod.namespace]) } ?? false)
      || (names.isEmpty && selector == nil && pod.namespace == owner.namespace)
    guard isInReach, selects(term["labelSelector"], pod.labels) else { return false }
    // A Pod whose value of such a key is its owner's (not its owner's).
    for key in (term["matchLabelKeys"]?.array ?? []).compactMap(\.string) {
      if let own = owner.labels[key], pod.labels[key] != own { return false }
    }
    for key in (term["mismatchLabelKeys"]?.array ?? []).compactMap(\.string) {
      if let own = owner.labels[key], pod.labels[key] == own { return false }
    }
    return true
  }

  /// What stands against the Pod among those that have their place; nil: nothing.
  static func obstacle(_ pod: Pod, _ node: NodeFacts, _ others: () -> [Neighbour], _ claims: [Claim]) -> Refusal? {
    let me = Neighbour(namespace: pod.metadata.namespace, labels: pod.metadata.labels)
    let near = required(pod, "podAffinity")
    if !near.isEmpty {
      let hasKeys = near.allSatisfy { node.labels[$0["topologyKey"]?.string ?? ""] != nil }
      let all = others()
      let isAnybodyThere = all.contains { o in near.allSatisfy { matches($0, owner: me, o) } }
      // The first of a group that wants to be together may go anywhere.
      let isFirst = !isAnybodyThere && near.allSatisfy { matches($0, owner: me, me) }
      if !hasKeys || !(isAnybodyThere || isFirst) { return Refusal("node(s) didn't match pod affinity rules", isFinal: true) }
    }
    for term in required(pod, "podAntiAffinity") where node.labels[term["topologyKey"]?.string ?? ""] != nil {
      if others().contains(where: { matches(term, owner: me, $0) }) { return Refusal("node(s) didn't match pod anti-affinity rules") }
    }
    for c in claims {
      let owner = Neighbour(namespace: c.namespace, labels: c.labels)
      for term in c.antiAffinity where node.labels[term["topologyKey"]?.string ?? ""] != nil && matches(term, owner: owner, me) {
        return Refusal("node(s) didn't satisfy existing pods anti-affinity rules")
      }
    }
    return nil
  }

  /// topologySpreadConstraints with DoNotSchedule. One node is one domain: the skew is what stands there, or, where minDomains asks for more domains
  /// than one, counted from zero.
  static func spread(_ pod: Pod, _ node: NodeFacts, _ others: () -> [Neighbour]) -> Refusal? {
    let hard = (pod.object["spec"]?["topologySpreadConstraints"]?.array ?? []).filter { $0["whenUnsatisfiable"]?.string == "DoNotSchedule" }
    for c in hard where node.labels[c["topologyKey"]?.string ?? ""] == nil {
      return Refusal("node(s) didn't match pod topology spread constraints (missing required label)", isFinal: true)
    }
    for c in hard where (c["minDomains"]?.int ?? 1) > 1 {
      let keys = (c["matchLabelKeys"]?.array ?? []).compactMap(\.string)
      let isMeant = { (labels: [String: String]) in
        selects(c["labelSelector"], labels) && keys.allSatisfy { pod.metadata.labels[$0] == nil || labels[$0] == pod.metadata.labels[$0] }
      }
      let there = others().filter { $0.namespace == pod.metadata.namespace && isMeant($0.labels) }.count
      let skew = there + (isMeant(pod.metadata.labels) ? 1 : 0)
      if skew > c["maxSkew"]?.int ?? 1 { return Refusal("node(s) didn't match pod topology spread constraints") }
    }
    return nil
  }
}
