// SPDX-License-Identifier: Apache-2.0
//
// What of a Pod may change after it was made. Kubernetes pkg/apis/core/validation (ValidatePodUpdate).

/// The API's words when a change is not allowed; nil when it is. Both objects with their defaults.
public func podUpdateDiagnostic(old: Value, new: Value) -> String? {
  let names = { (v: Value, key: String) in (v["spec"]?[key]?.array ?? []).map { $0["name"]?.string ?? "" } }
  for key in ["containers", "initContainers"] where names(old, key) != names(new, key) {
    return "spec.\(key): Forbidden: pod updates may not add or remove containers"
  }
  var a = mutableRemoved(old)
  let b = mutableRemoved(new)
  // An existing toleration stays; more may come.
  let before = old["spec"]?["tolerations"]?.array ?? []
  let after = new["spec"]?["tolerations"]?.array ?? []
  if !before.allSatisfy(after.contains) { a = .null }
  if let limit = new["spec"]?["activeDeadlineSeconds"]?.int, let was = old["spec"]?["activeDeadlineSeconds"]?.int, limit > was {
    return "spec.activeDeadlineSeconds: Invalid value: \(limit): must be less than or equal to previous value"
  }
  if old["spec"]?["activeDeadlineSeconds"] != nil, new["spec"]?["activeDeadlineSeconds"] == nil {
    return "spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value"
  }
  if a == b { return nil }
  return "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    + "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    + "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
}

/// The spec without what may change.
private func mutableRemoved(_ v: Value) -> Value {
  var spec = v["spec"] ?? .null
  for key in ["activeDeadlineSeconds", "tolerations", "nodeName"] { spec[key] = nil }
  for key in ["containers", "initContainers"] {
    guard let list = spec[key]?.array else { continue }
    spec[key] = .array(
      list.map { c in
        var c = c
        c["image"] = nil
        return c
      })
  }
  return spec
}
