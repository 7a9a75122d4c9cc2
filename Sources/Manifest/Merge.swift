// SPDX-License-Identifier: Apache-2.0
//
// What `apply` makes of a changed manifest, and `patch` of a strategic merge patch with its directives ($patch, $retainKeys, $setElementOrder,
// $deleteFromPrimitiveList). Kubernetes apimachinery/pkg/util/strategicpatch (CreateThreeWayMergePatch, StrategicMergePatch); website,
// tasks/manage-kubernetes-objects/declarative-config, "How apply calculates differences".

public enum Merge {
  /// The live object, changed as the manifest was changed since it was applied last: what the manifest has is set, what it no longer has is removed, what
  /// others have set stays. A null in the manifest removes the field. last: the manifest as it was applied before; null where it never was.
  public static func threeWay(last: Value, manifest: Value, live: Value) -> Value { object(last, manifest, live) }

  /// Lists whose elements are told apart by a key: all others are replaced as a whole (patchStrategy: merge, patchMergeKey in the API's types).
  private static let keys = [
    "containers": "name", "initContainers": "name", "ephemeralContainers": "name", "volumes": "name", "env": "name", "imagePullSecrets": "name",
    "schedulingGates": "name", "resourceClaims": "name", "secrets": "name", "hostAliases": "ip", "ports": "containerPort", "volumeMounts": "mountPath",
    "volumeDevices": "devicePath", "topologySpreadConstraints": "topologyKey", "ownerReferences": "uid", "conditions": "type",
  ]

  private static func object(_ last: Value, _ manifest: Value, _ live: Value) -> Value {
    switch manifest["$patch"]?.string {
    case "replace": return bare(manifest)
    case "delete": return .object([])
    default: break
    }
    var out = live
    if let kept = manifest["$retainKeys"]?.array { for e in live.members?.entries ?? [] where !kept.contains(.string(e.key)) { out[e.key] = nil } }
    for e in last.members?.entries ?? [] where manifest[e.key] == nil { out[e.key] = nil }
    var orders: [(key: String, wanted: [Value])] = []
    for e in manifest.members?.entries ?? [] where e.key != "$retainKeys" && !(e.key == "$patch" && e.value == .string("merge")) {
      if let key = after("$deleteFromPrimitiveList/", e.key), let gone = e.value.array {
        let left = (out[key]?.array ?? []).filter { !gone.contains($0) }
        out[key] = left.isEmpty ? nil : .array(left)
      } else if let key = after("$setElementOrder/", e.key), let wanted = e.value.array {
        orders.append((key, wanted))
      } else if e.value == .null {
        out[e.key] = nil
      } else {
        out[e.key] = field(e.key, last[e.key] ?? .null, e.value, out[e.key])
      }
    }
    for (name, wanted) in orders {
      guard let list = out[name]?.array else { continue }
      func same(_ a: Value, _ b: Value) -> Bool { keys[name].map { a[$0] == b[$0] } ?? (a == b) }
      let named = wanted.compactMap { w in list.first { same($0, w) } }
      out[name] = .array(ordered(named, list.filter { e in !named.contains { same($0, e) } }, live[name]?.array ?? [], same))
    }
    return out
  }

  private static func after(_ prefix: String, _ key: String) -> String? { key.hasPrefix(prefix) ? String(key.dropFirst(prefix.count)) : nil }

  /// What is set where nothing was: without nulls and without directives, which have nothing to work on.
  private static func bare(_ v: Value) -> Value {
    switch v.withoutNulls {
    case .object(let m): .object(m.entries.filter { !$0.key.hasPrefix("$") }.map { ($0.key, bare($0.value)) })
    case .array(let a): .array(a.filter { $0["$patch"]?.string != "delete" }.map(bare))
    case let plain: plain
    }
  }

  /// The elements of the manifest in its order and those that only the live list has in theirs; what both lists of the two have stands in the live order.
  private static func ordered(_ wanted: [Value], _ others: [Value], _ live: [Value], _ same: (Value, Value) -> Bool) -> [Value] {
    var out: [Value] = []
    var (mine, theirs) = (wanted[...], others[...])
    while let w = mine.first, let t = theirs.first {
      let places = (live.firstIndex { same($0, t) }, live.firstIndex { same($0, w) })
      if case (let a?, let b?) = places, a < b { out.append(theirs.removeFirst()) } else { out.append(mine.removeFirst()) }
    }
    return out + mine + theirs
  }

  private static func field(_ name: String, _ last: Value, _ manifest: Value, _ live: Value?) -> Value {
    guard let live else { return bare(manifest) }
    if manifest.members != nil, live.members != nil { return object(last, manifest, live) }
    if let wanted = manifest.array, let there = live.array {
      if name == "finalizers" { return union(last.array ?? [], wanted, there) }
      if let key = keys[name], let merged = keyed(key, last.array ?? [], wanted, there, wholeSource: name == "volumes") { return .array(merged) }
    }
    return bare(manifest)
  }

  /// nil where an element lacks the key, or two share it: then the list is replaced.
  private static func keyed(_ key: String, _ last: [Value], _ wanted: [Value], _ live: [Value], wholeSource: Bool) -> [Value]? {
    func find(_ list: [Value], _ k: Value) -> Value? { list.first { $0[key] == k } }
    if wanted.contains(where: { $0["$patch"]?.string == "replace" }) { return wanted.filter { $0["$patch"] == nil }.map(bare) }
    let gone = wanted.filter { $0["$patch"]?.string == "delete" && $0[key] != nil }
    if !gone.isEmpty {
      let rest = wanted.filter { $0["$patch"]?.string != "delete" }
      return keyed(key, last, rest, live.filter { e in !gone.contains { $0[key] == e[key] } }, wholeSource: wholeSource)
    }
    for list in [wanted, live] {
      var seen: [Value] = []
      for e in list {
        guard let k = e[key], !seen.contains(k) else { return nil }
        seen.append(k)
      }
    }
    var out: [Value] = []
    for e in wanted {
      guard let k = e[key] else { return nil }
      guard let there = find(live, k) else {
        out.append(bare(e))
        continue
      }
      var merged = object(find(last, k) ?? .null, e, there)
      // retainKeys: a volume has one source; a new one takes the place of the old one.
      if wholeSource, e["$retainKeys"] == nil { for m in there.members?.entries ?? [] where e[m.key] == nil { merged[m.key] = nil } }
      out.append(merged)
    }
    let others = live.filter { e in
      guard let k = e[key] else { return false }
      return find(wanted, k) == nil && find(last, k) == nil
    }
    return ordered(out, others, live) { $0[key] == $1[key] }
  }

  private static func union(_ last: [Value], _ wanted: [Value], _ live: [Value]) -> Value {
    .array(ordered(wanted, live.filter { !wanted.contains($0) && !last.contains($0) }, live, ==))
  }
}
