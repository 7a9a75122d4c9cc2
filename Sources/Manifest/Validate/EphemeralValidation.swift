// SPDX-License-Identifier: Apache-2.0
//
// What an ephemeral container may be. Kubernetes pkg/apis/core/validation (validateEphemeralContainers, ValidatePodEphemeralContainersUpdate).

/// The API's words for what is wrong with the ephemeral containers of a Pod, each as FIELD: WHAT; empty when nothing is. Both objects with their
/// defaults; old is the Pod as it stands.
public func ephemeralContainerDiagnostics(old: Value, new: Value) -> [String] {
  let spec = new["spec"] ?? .null
  return (Validation.ephemeralContainers(spec) + Validation.ephemeralUpdate(old["spec"] ?? .null, spec)).map(\.text)
}

extension Validation {
  /// A debugger is no part of what the Pod does for others.
  private static let notForThem = [
    "ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resources", "resizePolicy", "restartPolicy", "restartPolicyRules",
  ]

  static func ephemeralContainers(_ spec: Value) -> [Problem] {
    let around = surroundings(spec, volumes(spec).good)
    let others = (spec.list("containers") + spec.list("initContainers")).map { $0.text("name") ?? "" }
    var p: [Problem] = []
    var seen = Set(others)
    for (i, c) in spec.list("ephemeralContainers").enumerated() {
      let here = "spec.ephemeralContainers[\(i)]"
      p += common(c, here, around)
      let name = c.text("name") ?? ""
      if !seen.insert(name).inserted { p.append(.duplicate("\(here).name", name)) }
      if let target = c.text("targetContainerName"), !target.isEmpty, !others.contains(target) { p.append(.notFound("\(here).targetContainerName", target)) }
      for field in notForThem {
        guard let v = c.part(field), v != .object([]), v != .array([]) else { continue }
        p.append(.forbidden("\(here).\(field)", "cannot be set for an Ephemeral Container"))
      }
      for (j, m) in c.list("volumeMounts").enumerated() {
        for field in ["subPath", "subPathExpr"] where !(m.text(field) ?? "").isEmpty {
          p.append(.forbidden("\(here).volumeMounts[\(j)].\(field)", "cannot be set for an Ephemeral Container"))
        }
      }
    }
    return p
  }

  /// They come and stay.
  static func ephemeralUpdate(_ old: Value, _ new: Value) -> [Problem] {
    let path = "spec.ephemeralContainers"
    return old.list("ephemeralContainers").compactMap { c in
      let name = c.text("name") ?? ""
      guard let still = new.list("ephemeralContainers").first(where: { $0.text("name") == name }) else {
        return .forbidden(path, "existing ephemeral containers \"\(name)\" may not be removed\n")
      }
      return still.comparable == c.comparable ? nil : .forbidden(path, "existing ephemeral containers \"\(name)\" may not be changed\n")
    }
  }
}
