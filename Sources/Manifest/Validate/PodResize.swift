// SPDX-License-Identifier: Apache-2.0
//
// Resources in place: what the resize subresource lets change. Kubernetes: pkg/apis/core/validation (ValidatePodResize).

/// The API's words when a Pod cannot be resized so; nil when it can. Both objects with their defaults; new was found valid by itself.
public func podResizeDiagnostic(old: Value, new: Value) -> String? { Validation.said(Validation.podResize(old: old, new: new)) }

extension Validation {
  static func podResize(old: Value, new: Value) -> [Problem] {
    var p = metadataUpdate(old: old, new: new)
    let before = old["spec"] ?? .null
    var after = new["spec"] ?? .null
    if after["nodeName"] == nil { after["nodeName"] = before["nodeName"] }
    let qos = Pod(stored: new).spec.qosClass
    if Pod(stored: old).spec.qosClass != qos { p.append(.invalid("spec", text: qos, "Pod QOS Class may not change as a result of resizing")) }
    p += podLevel(before, &after)
    for key in ["containers", "initContainers"] {
      let (was, now) = (before.list(key), after.list(key))
      if was.count != now.count { return p + [.forbidden("spec.\(key)", "\(key) may not be added or removed on resize")] }
      let renamed = was.indices.filter { was[$0].text("name") != now[$0].text("name") }
      if !renamed.isEmpty { return p + renamed.map { .forbidden("spec.\(key)[\($0)].name", "\(key) may not be renamed or reordered on resize") } }
      var masked: [Value] = []
      for (i, c) in now.enumerated() {
        let sidecar = key == "initContainers" && c.text("restartPolicy") == "Always"
        if key == "initContainers", !sidecar {
          if was[i].comparable != c.comparable { p.append(.forbidden("spec", "resources for non-sidecar init containers are immutable")) }
          masked.append(was[i])
          continue
        }
        for kind in ["requests", "limits"] where removed(was[i]["resources"], c["resources"], kind) {
          p.append(.forbidden("spec.\(key)[\(i)].resources.\(kind)", "resource \(kind) cannot be removed"))
        }
        let m = c.settingResources(mask(c["resources"], was[i]["resources"]))
        if m.comparable != was[i].comparable {
          p.append(
            sidecar
              ? .forbidden("spec.initContainers[\(i)]", "only cpu and memory resources for init or sidecar containers are mutable")
              : .forbidden("spec", "only cpu and memory resources are mutable"))
        }
        masked.append(was[i])
      }
      if after[key] != nil { after[key] = .array(masked) }
    }
    if p.isEmpty, before.comparable != after.comparable { p.append(.forbidden("spec", "only cpu and memory resources are mutable")) }
    return p
  }

  private static func podLevel(_ before: Value, _ after: inout Value) -> [Problem] {
    guard before.part("resources") != nil || after.part("resources") != nil else { return [] }
    if before.part("resources") != nil, after.part("resources") == nil { return [.forbidden("spec.resources", "pod-level resources cannot be removed")] }
    var p: [Problem] = []
    for kind in ["requests", "limits"] where removed(before["resources"], after["resources"], kind) {
      p.append(.forbidden("spec.resources.\(kind)", "pod-level resource \(kind) cannot be removed"))
    }
    let masked = mask(after["resources"], before["resources"])
    if masked.comparable != (before["resources"] ?? .object([])).comparable { p.append(.forbidden("spec", "only cpu and memory resources are mutable at pod-level")) }
    after["resources"] = before["resources"]
    return p
  }

  private static func removed(_ old: Value?, _ new: Value?, _ kind: String) -> Bool {
    (old?[kind]?.members?.keys ?? []).contains { new?[kind]?[$0] == nil }
  }

  /// The new resources with the old ones' cpu and memory: equal to the old ones when nothing else changed.
  private static func mask(_ new: Value?, _ old: Value?) -> Value {
    var r = new ?? .object([])
    for kind in ["limits", "requests"] {
      guard new?[kind] != nil || old?[kind] != nil else { continue }
      var list = new?[kind] ?? .object([])
      for name in ["cpu", "memory"] { list[name] = old?[kind]?[name] }
      r[kind] = list
    }
    return r
  }
}

extension Value {
  fileprivate func settingResources(_ r: Value) -> Value {
    var v = self
    v["resources"] = r
    return v
  }
}
