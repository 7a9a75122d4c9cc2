// SPDX-License-Identifier: Apache-2.0
//
// Requests and limits: names, amounts, one against the other; a container's, and the Pod's own against those of its containers.

extension Validation {
  enum ResourceOwner { case container, pod }

  static func resources(_ v: Value, _ path: String, of owner: ResourceOwner) -> [Problem] {
    var p: [Problem] = []
    let (limits, requests) = (v["limits"]?.members?.entries ?? [], v["requests"]?.members?.entries ?? [])
    for (kind, list) in [("limits", limits), ("requests", requests)] {
      for e in list {
        guard let q = e.value.quantity else { continue }
        let here = "\(path).\(kind)[\(e.key)]"
        let place = "\(path).\(kind).\(e.key)"
        p += (owner == .pod ? podResourceName(e.key, here, place) : containerResourceName(e.key, here, place)) + amount(e.key, q, here, place)
        if kind == "requests" { p += against(limits.first { $0.key == e.key }?.value.quantity, e.key, q, path) }
        if let page = pageSize(e.key), q.nano <= 0 || q.nano % page.nano != 0 {
          p.append(.invalid(here, text: q.canonical, "\(q.canonical) is not positive integer multiple of \(e.key)", at: place))
        }
      }
    }
    let names = Set((limits + requests).map(\.key))
    if names.contains(where: { $0.hasPrefix("hugepages-") }), names.isDisjoint(with: ["cpu", "memory"]) {
      p.append(.forbidden(path, "HugePages require cpu or memory"))
    }
    return p
  }

  private static func amount(_ name: String, _ q: Quantity, _ path: String, _ place: String) -> [Problem] {
    var p: [Problem] = []
    if q.nano < 0 { p.append(.invalid(path, text: q.canonical, "must be greater than or equal to 0", at: place)) }
    if isExtended(name), q.nano % 1_000_000_000 != 0 { p.append(.invalid(path, text: q.canonical, "must be an integer", at: place)) }
    return p
  }

  /// A request beside its limit. What cannot be overcommitted (huge pages, extended resources) has both, and equal.
  private static func against(_ limit: Quantity?, _ name: String, _ q: Quantity, _ path: String) -> [Problem] {
    let overcommit = isNative(name) && !name.hasPrefix("hugepages-")
    let place = "\(path).requests.\(name)"
    guard let limit else { return overcommit ? [] : [.required("\(path).limits", "Limit must be set for non overcommitable resources", at: place)] }
    if !overcommit, q.nano != limit.nano {
      return [.invalid("\(path).requests", text: q.canonical, "must be equal to \(name) limit of \(limit.canonical)", at: place)]
    }
    if q.nano > limit.nano { return [.invalid("\(path).requests", text: q.canonical, "must be less than or equal to \(name) limit of \(limit.canonical)", at: place)] }
    return []
  }

  // MARK: names

  private static let standard: Set<String> = [
    "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.ephemeral-storage", "limits.cpu", "limits.memory",
    "limits.ephemeral-storage", "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps", "persistentvolumeclaims", "storage",
    "requests.storage", "services.nodeports", "services.loadbalancers",
  ]
  private static func isNative(_ name: String) -> Bool { !name.contains("/") || name.contains("kubernetes.io/") }
  private static func isExtended(_ name: String) -> Bool { !isNative(name) && !name.hasPrefix("requests.") && Names.qualified("requests.\(name)").isEmpty }

  private static func resourceName(_ name: String, _ path: String, _ place: String) -> [Problem] {
    let wrong = Names.qualified(name)
    if !wrong.isEmpty { return Problem.each(path, name, wrong, at: place) }
    if !name.contains("/"), !standard.contains(name), !name.hasPrefix("hugepages-") {
      return [.invalid(path, text: name, "must be a standard resource type or fully qualified", at: place)]
    }
    return []
  }

  private static func containerResourceName(_ name: String, _ path: String, _ place: String) -> [Problem] {
    var p = resourceName(name, path, place)
    if !name.contains("/") {
      if !["cpu", "memory", "ephemeral-storage"].contains(name), !name.hasPrefix("hugepages-") {
        p.append(.invalid(path, text: name, "must be a standard resource for containers", at: place))
      }
    } else if !isNative(name), !isExtended(name) {
      p.append(.invalid(path, text: name, "doesn't follow extended resource name standard", at: place))
    }
    return p
  }

  private static func podResourceName(_ name: String, _ path: String, _ place: String) -> [Problem] {
    // pids is the Pod's own alone (1.37).
    if ["cpu", "memory", "pids"].contains(name) || name.hasPrefix("hugepages-") { return [] }
    let p = resourceName(name, path, place)
    return p.isEmpty ? [.unsupported(path, name, ["cpu", "hugepages-", "memory", "pids"], at: place)] : p
  }

  private static func pageSize(_ name: String) -> Quantity? {
    guard name.hasPrefix("hugepages-"), let q = Quantity(String(name.dropFirst("hugepages-".count))), q.nano > 0 else { return nil }
    return q
  }

  // MARK: the Pod's own

  static func podResources(_ spec: Value) -> [Problem] {
    guard let v = spec.part("resources") else { return [] }
    let path = "spec.resources"
    var p: [Problem] = []
    if v.part("claims") != nil { p.append(.forbidden("\(path).claims", "claims may not be set for Resources at pod-level")) }
    p += resources(v, path, of: .pod)
    for (name, sum) in aggregate(spec, "requests").sorted(by: { $0.key < $1.key }) {
      guard let own = v["requests"]?[name]?.quantity, sum.nano > own.nano else { continue }
      p.append(
        .invalid(
          "\(path).requests[\(name)]", text: own.canonical, "must be greater than or equal to aggregate container requests of \(sum.canonical)",
          at: "\(path).requests.\(name)"))
    }
    for (name, sum) in aggregate(spec, "limits").sorted(by: { $0.key < $1.key }) where name.hasPrefix("hugepages-") {
      guard let own = v["limits"]?[name]?.quantity, sum.nano > own.nano else { continue }
      p.append(
        .invalid(
          "\(path).limits[\(name)]", text: own.canonical, "must be greater than or equal to aggregate container limits of \(sum.canonical)",
          at: "\(path).limits.\(name)"))
    }
    for (i, c) in spec.list("containers").enumerated() {
      for e in c["resources"]?["limits"]?.members?.entries ?? [] {
        guard let q = e.value.quantity, let own = v["limits"]?[e.key]?.quantity, q.nano > own.nano else { continue }
        p.append(
          .invalid(
            "\(path).containers[\(i)][\(e.key)].limits", text: q.canonical, "must be less than or equal to pod limits of \(own.canonical)",
            at: "spec.containers[\(i)].resources.limits.\(e.key)"))
      }
    }
    return p
  }

  /// What the containers need together: all of them and the sidecars, or an init container and the sidecars before it, whichever is more.
  static func aggregate(_ spec: Value, _ kind: String) -> [String: Quantity] {
    func amounts(_ c: Value) -> [String: Quantity] { (c["resources"]?[kind]?.members?.entries ?? []).reduce(into: [:]) { $0[$1.key] = $1.value.quantity } }
    func plus(_ a: [String: Quantity], _ b: [String: Quantity]) -> [String: Quantity] {
      a.merging(b) { Quantity(text: $0.text, nano: $0.nano + $1.nano) }
    }
    var all: [String: Quantity] = spec.list("containers").reduce([:]) { plus($0, amounts($1)) }
    var sidecars: [String: Quantity] = [:]
    var starting: [String: Quantity] = [:]
    for c in spec.list("initContainers") {
      let own = plus(sidecars, amounts(c))
      if c.text("restartPolicy") == "Always" { sidecars = own }
      starting.merge(own) { $0.nano >= $1.nano ? $0 : $1 }
    }
    all = plus(all, sidecars)
    return all.merging(starting) { $0.nano >= $1.nano ? $0 : $1 }
  }
}
