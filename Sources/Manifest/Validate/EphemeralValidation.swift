// SPDX-License-Identifier: Apache-2.0
//
// What an ephemeral container may be. Kubernetes pkg/apis/core/validation (validateEphemeralContainers, ValidatePodEphemeralContainersUpdate).

/// The API's words for what is wrong with the ephemeral containers of a Pod, each as FIELD: WHAT; empty when nothing is. Both objects with their
/// defaults; old is the Pod as it stands.
public func ephemeralContainerDiagnostics(old: Value, new: Value) -> [String] {
  let list = { (v: Value, key: String) in v["spec"]?[key]?.array ?? [] }
  let names = { (v: Value, key: String) in list(v, key).compactMap { $0["name"]?.string } }
  let others = names(new, "containers") + names(new, "initContainers")
  var wrong: [String] = []
  var seen: Set<String> = []
  for (i, c) in list(new, "ephemeralContainers").enumerated() {
    let at = "spec.ephemeralContainers[\(i)]"
    let name = c["name"]?.string ?? ""
    if name.isEmpty {
      wrong.append("\(at).name: Required value")
    } else if let why = Names.label(name) {
      wrong.append("\(at).name: Invalid value: \"\(name)\": \(why)")
    }
    if others.contains(name) || !seen.insert(name).inserted { wrong.append("\(at).name: Duplicate value: \"\(name)\"") }
    if (c["image"]?.string ?? "").isEmpty { wrong.append("\(at).image: Required value") }
    if let target = c["targetContainerName"]?.string, !target.isEmpty, !others.contains(target) {
      wrong.append("\(at).targetContainerName: Not found: \"\(target)\"")
    }
    for field in ["ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"] where c[field] != nil && c[field] != .null {
      wrong.append("\(at).\(field): Forbidden: cannot be set for an Ephemeral Container")
    }
    if let r = c["resources"], r != .object(Value.Members()), r != .null { wrong.append("\(at).resources: Forbidden: cannot be set for an Ephemeral Container") }
    for (m, mount) in (c["volumeMounts"]?.array ?? []).enumerated() where !(mount["subPath"]?.string ?? "").isEmpty {
      wrong.append("\(at).volumeMounts[\(m)].subPath: Forbidden: cannot be set for an Ephemeral Container")
    }
  }
  for c in list(old, "ephemeralContainers") {
    let name = c["name"]?.string ?? ""
    guard let still = list(new, "ephemeralContainers").first(where: { $0["name"]?.string == name }) else {
      wrong.append("spec.ephemeralContainers: Forbidden: existing ephemeral containers \"\(name)\" may not be removed\n")
      continue
    }
    if still != c { wrong.append("spec.ephemeralContainers: Forbidden: existing ephemeral containers \"\(name)\" may not be changed\n") }
  }
  return wrong
}
