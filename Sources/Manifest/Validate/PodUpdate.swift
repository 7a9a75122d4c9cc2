// SPDX-License-Identifier: Apache-2.0
//
// What of a stored object may change. Kubernetes: pkg/apis/core/validation (ValidatePodUpdate, ValidateSecretUpdate, ValidateConfigMapUpdate).

/// The API's words when a Pod may not be changed so; nil when it may. Both objects with their defaults; new was found valid by itself.
/// What the new one does not say of the node, the old one's holds.
public func podUpdateDiagnostic(old: Value, new: Value) -> String? { Validation.said(Validation.podUpdate(old: old, new: new)) }

extension Validation {
  /// As kubectl prints a list of problems behind "is invalid: ".
  static func said(_ problems: [Problem]) -> String? {
    switch problems.count {
    case 0: nil
    case 1: problems[0].text
    default: problems.map { "\n* \($0.text)" }.joined()
    }
  }

  /// What a change of an object that is no Pod breaks; by its kind.
  public static func update(old: Value, new: Value) -> [Problem] {
    switch old.text("kind") {
    case "Secret": secretUpdate(old: old, new: new)
    case "ConfigMap": configMapUpdate(old: old, new: new)
    default: metadataUpdate(old: old, new: new)
    }
  }

  static func podUpdate(old: Value, new: Value) -> [Problem] {
    var p = metadataUpdate(old: old, new: new) + annotationUpdate(old: old, new: new)
    let before = old["spec"] ?? .null
    var after = new["spec"] ?? .null
    if after["nodeName"] == nil { after["nodeName"] = before["nodeName"] }
    for key in ["containers", "initContainers"] where before.list(key).count != after.list(key).count {
      return p + [.forbidden("spec.\(key)", "pod updates may not add or remove containers")]
    }
    if let seconds = after.number("activeDeadlineSeconds") {
      let wrong = between("spec.activeDeadlineSeconds", seconds, 0, Int64(Int32.max))
      if !wrong.isEmpty { return p + wrong }
      if let was = before.number("activeDeadlineSeconds"), seconds > was {
        return p + [.invalid("spec.activeDeadlineSeconds", seconds, "must be less than or equal to previous value")]
      }
    } else if before.number("activeDeadlineSeconds") != nil {
      p.append(.invalid("spec.activeDeadlineSeconds", .null, "must not update from a positive integer to nil value"))
    }
    p += addedTolerations(before.list("tolerations"), after.list("tolerations")) + deletedGates(before.list("schedulingGates"), after.list("schedulingGates"))
    let gated = !before.list("schedulingGates").isEmpty
    for key in ["activeDeadlineSeconds", "tolerations", "schedulingGates"] { after[key] = before[key] }
    for key in ["containers", "initContainers"] where after[key] != nil {
      after[key] = .array(zip(before.list(key), after.list(key)).map { was, c in c.setting("image", was["image"]) })
    }
    if let was = before.number("terminationGracePeriodSeconds"), was < 0, after.number("terminationGracePeriodSeconds") == 1 {
      after["terminationGracePeriodSeconds"] = before["terminationGracePeriodSeconds"]
    }
    if gated { p += gatedUpdate(before, &after) }
    let changes = Value.differences(before.comparable, after.comparable, "spec")
    if !changes.isEmpty {
      p.append(
        .forbidden(
          "spec",
          "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
            + "`spec.tolerations` (only additions to existing tolerations),"
            + "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n" + changes.joined(separator: "\n")))
    }
    return p
  }

  /// Existing tolerations stay, but for their seconds; more may come.
  private static func addedTolerations(_ old: [Value], _ new: [Value]) -> [Problem] {
    let kept = old.allSatisfy { was in
      new.contains { $0.setting("tolerationSeconds", nil).comparable == was.setting("tolerationSeconds", nil).comparable }
    }
    return kept ? [] : [.forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")]
  }

  private static func deletedGates(_ old: [Value], _ new: [Value]) -> [Problem] {
    let known = Set(old.map { $0.text("name") ?? "" })
    return new.enumerated().compactMap { i, g in
      let name = g.text("name") ?? ""
      return known.contains(name) ? nil : .forbidden("spec.schedulingGates[\(i)].name", "only deletion is allowed, but found new scheduling gate '\(name)'")
    }
  }

  /// While a Pod waits behind a gate, its nodeSelector and required node affinity may become narrower. What was judged is put back.
  private static func gatedUpdate(_ before: Value, _ after: inout Value) -> [Problem] {
    var p: [Problem] = []
    let (was, now) = (before.map("nodeSelector"), after.map("nodeSelector"))
    if was.contains(where: { now[$0.key] != $0.value }) {
      p.append(.invalid("spec.nodeSelector", after["nodeSelector"] ?? .null, "only additions to spec.nodeSelector are allowed (no mutations or deletions)"))
    }
    after["nodeSelector"] = before["nodeSelector"]
    return p
  }

  private static func annotationUpdate(old: Value, new: Value) -> [Problem] {
    let (before, after) = (old["metadata"]?.map("annotations") ?? [:], new["metadata"]?.map("annotations") ?? [:])
    var p: [Problem] = []
    for (what, isIt) in [
      ("AppArmor annotations", { (k: String) in k.hasPrefix("container.apparmor.security.beta.kubernetes.io/") }),
      ("mirror pod annotation", { (k: String) in k == "kubernetes.io/config.mirror" }),
    ] {
      for k in before.keys.sorted() where isIt(k) && before[k] != after[k] { p.append(.forbidden("metadata.annotations[\(k)]", "may not remove or update \(what)")) }
      for k in after.keys.sorted() where isIt(k) && before[k] == nil { p.append(.forbidden("metadata.annotations[\(k)]", "may not add \(what)")) }
    }
    return p
  }

  /// metadata: what the new object says of itself must be what the old one is.
  static func metadataUpdate(old: Value, new: Value) -> [Problem] {
    let (before, after) = (old["metadata"] ?? .null, new["metadata"] ?? .null)
    var p: [Problem] = []
    if before.part("deletionTimestamp") != nil {
      let extra = after.strings("finalizers").filter { !before.strings("finalizers").contains($0) }
      if !extra.isEmpty {
        let list = extra.sorted().map { "\"\($0)\"" }.joined(separator: ", ")
        p.append(.forbidden("metadata.finalizers", "no new finalizers can be added if the object is being deleted, found new finalizers []string{\(list)}"))
      }
    }
    for key in ["name", "namespace", "uid"] {
      if let now = after.text(key), !now.isEmpty, let was = before.text(key), was != now { p.append(.invalid("metadata.\(key)", text: now, "field is immutable")) }
    }
    return p
  }

  private static let immutable = "field is immutable when `immutable` is set"

  static func secretUpdate(old: Value, new: Value) -> [Problem] {
    let (before, after) = (Secret(stored: old), Secret(stored: new))
    var p = metadataUpdate(old: old, new: new)
    if before.type != after.type { p.append(.invalid("type", text: after.type, "field is immutable")) }
    guard before.immutable else { return p }
    if !after.immutable { p.append(.forbidden("immutable", immutable)) }
    if before.data != after.data { p.append(.forbidden("data", immutable)) }
    return p
  }

  static func configMapUpdate(old: Value, new: Value) -> [Problem] {
    var p = metadataUpdate(old: old, new: new)
    guard old.flag("immutable") == true else { return p }
    if new.flag("immutable") != true { p.append(.forbidden("immutable", immutable)) }
    for key in ["data", "binaryData"] where old.map(key) != new.map(key) { p.append(.forbidden(key, immutable)) }
    return p
  }
}

extension Value {
  fileprivate func setting(_ key: String, _ value: Value?) -> Value {
    var v = self
    v[key] = value
    return v
  }

  /// For comparison as the API compares: keys in order, empty lists and maps as if they were not there, quantities by amount.
  var comparable: Value { comparable(under: "") }

  private static let maps: Set<String> = ["limits", "requests", "nodeSelector", "matchLabels", "overhead"]
  private func comparable(under key: String) -> Value {
    switch self {
    case .array(let a): return .array(a.map { $0.comparable(under: key) })
    case .object(let m):
      let amounts = ["limits", "requests", "overhead"].contains(key)
      let entries = m.entries.sorted { $0.key < $1.key }.compactMap { e -> (String, Value)? in
        if amounts, let q = e.value.quantity { return (e.key, .string(q.canonical)) }
        let v = e.value.comparable(under: e.key)
        if v == .null || v == .array([]) || v == .object([]) && Self.maps.contains(e.key) { return nil }
        return (e.key, v)
      }
      return .object(entries)
    default: return self
    }
  }

  /// The leaves that are not the same, as lines: "- path: old", "+ path: new".
  static func differences(_ a: Value, _ b: Value, _ path: String) -> [String] {
    if a == b { return [] }
    switch (a, b) {
    case (.object(let x), .object(let y)):
      return Set(x.keys + y.keys).sorted().flatMap { key -> [String] in
        let here = "\(path).\(key)"
        switch (x[key], y[key]) {
        case (let v?, let w?): return differences(v, w, here)
        case (let v?, nil): return ["- \(here): \(JSON.compact(v))"]
        case (nil, let w?): return ["+ \(here): \(JSON.compact(w))"]
        case (nil, nil): return []
        }
      }
    case (.array(let x), .array(let y)) where x.count == y.count: return zip(x, y).enumerated().flatMap { i, pair in differences(pair.0, pair.1, "\(path)[\(i)]") }
    default: return ["- \(path): \(JSON.compact(a))", "+ \(path): \(JSON.compact(b))"]
    }
  }
}
