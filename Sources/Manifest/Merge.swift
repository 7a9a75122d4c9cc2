// SPDX-License-Identifier: Apache-2.0
//
// What `apply` makes of a changed manifest: the three-way strategic merge. Kubernetes apimachinery/pkg/util/strategicpatch (CreateThreeWayMergePatch);
// website, concepts/overview/working-with-objects and tasks/manage-kubernetes-objects/declarative-config, "How apply calculates differences".

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
    var out = live
    for e in last.members?.entries ?? [] where manifest[e.key] == nil { out[e.key] = nil }
    for e in manifest.members?.entries ?? [] {
      if e.value == .null {
        out[e.key] = nil
      } else {
        out[e.key] = field(e.key, last[e.key] ?? .null, e.value, live[e.key])
      }
    }
    return out
  }

  private static func field(_ name: String, _ last: Value, _ manifest: Value, _ live: Value?) -> Value {
    guard let live else { return manifest.withoutNulls }
    if manifest.members != nil, live.members != nil { return object(last, manifest, live) }
    if let wanted = manifest.array, let there = live.array {
      if name == "finalizers" { return union(last.array ?? [], wanted, there) }
      if let key = keys[name], let merged = keyed(key, last.array ?? [], wanted, there, wholeSource: name == "volumes") { return .array(merged) }
    }
    return manifest.withoutNulls
  }

  /// nil where an element lacks the key, or two share it: then the list is replaced.
  private static func keyed(_ key: String, _ last: [Value], _ wanted: [Value], _ live: [Value], wholeSource: Bool) -> [Value]? {
    func find(_ list: [Value], _ k: Value) -> Value? { list.first { $0[key] == k } }
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
        out.append(e.withoutNulls)
        continue
      }
      var merged = object(find(last, k) ?? .null, e, there)
      // retainKeys: a volume has one source; a new one takes the place of the old one.
      if wholeSource { for m in there.members?.entries ?? [] where e[m.key] == nil { merged[m.key] = nil } }
      out.append(merged)
    }
    for e in live {
      guard let k = e[key], find(wanted, k) == nil, find(last, k) == nil else { continue }
      out.append(e)
    }
    return out
  }

  private static func union(_ last: [Value], _ wanted: [Value], _ live: [Value]) -> Value {
    .array(wanted + live.filter { !wanted.contains($0) && !last.contains($0) })
  }
}
