// SPDX-License-Identifier: Apache-2.0
//
// Where a Pod may run: tolerations, affinity, topology spread, gates.

extension Validation {
  static func scheduling(_ spec: Value) -> [Problem] {
    var p = labels(spec["nodeSelector"], "spec.nodeSelector")
    if let a = spec.part("affinity") { p += affinity(a, "spec.affinity") }
    for (i, g) in spec.list("readinessGates").enumerated() {
      let name = g.text("conditionType") ?? ""
      p += Problem.each("spec.readinessGates[\(i)].conditionType", name, Names.qualified(name))
    }
    var gates: Set<String> = []
    for (i, g) in spec.list("schedulingGates").enumerated() {
      let name = g.text("name") ?? ""
      p += Problem.each("spec.schedulingGates[\(i)]", name, Names.qualified(name))
      if !gates.insert(name).inserted { p.append(.duplicate("spec.schedulingGates[\(i)]", name)) }
    }
    p += spread(spec.list("topologySpreadConstraints"), "spec.topologySpreadConstraints")
    p += tolerations(spec.list("tolerations"), "spec.tolerations")
    for (key, rule) in [("nodeName", Names.subdomain), ("priorityClassName", Names.subdomain)] {
      if let n = spec.text(key), !n.isEmpty { p += Problem.each("spec.\(key)", n, rule(n)) }
    }
    if !gates.isEmpty, !(spec.text("nodeName") ?? "").isEmpty {
      p.append(.forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"))
    }
    return p + oneOf("spec.preemptionPolicy", spec.text("preemptionPolicy"), ["PreemptLowerPriority", "Never"])
  }

  static func tolerations(_ list: [Value], _ path: String) -> [Problem] {
    var p: [Problem] = []
    for (i, t) in list.enumerated() {
      let here = "\(path)[\(i)]"
      let (key, op, value, effect) = (t.text("key") ?? "", t.text("operator") ?? "", t.text("value") ?? "", t.text("effect") ?? "")
      if !key.isEmpty { p += Problem.each("\(here).key", key, Names.qualified(key)) }
      if key.isEmpty, op != "Exists" {
        p.append(.invalid("\(here).operator", text: op, "operator must be Exists when `key` is empty, which means \"match all values and all keys\""))
      }
      if t.number("tolerationSeconds") != nil, effect != "NoExecute" {
        p.append(.invalid("\(here).effect", text: effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"))
      }
      switch op {
      case "Equal", "":
        let wrong = Names.labelValue(value)
        if !wrong.isEmpty { p.append(.invalid("\(here).operator", text: value, wrong.joined(separator: ";"), at: "\(here).value")) }
      case "Exists": if !value.isEmpty { p.append(.invalid("\(here).operator", text: value, "value must be empty when `operator` is 'Exists'", at: "\(here).value")) }
      case "Lt", "Gt": p += Problem.each("\(here).value", value, Names.decimalInteger(value))
      default: p.append(.unsupported("\(here).operator", op, ["Equal", "Exists"]))
      }
      if !effect.isEmpty { p += oneOf("\(here).effect", effect, ["NoSchedule", "PreferNoSchedule", "NoExecute"]) }
    }
    return p
  }

  // MARK: affinity

  private static let required = "requiredDuringSchedulingIgnoredDuringExecution"
  private static let preferred = "preferredDuringSchedulingIgnoredDuringExecution"

  private static func affinity(_ v: Value, _ path: String) -> [Problem] {
    var p: [Problem] = []
    if let n = v.part("nodeAffinity") {
      if let r = n.part(required) {
        let here = "\(path).nodeAffinity.\(required).nodeSelectorTerms"
        let terms = r.list("nodeSelectorTerms")
        if terms.isEmpty { p.append(.required(here, "must have at least one node selector term")) }
        for (i, t) in terms.enumerated() { p += nodeTerm(t, "\(here)[\(i)]", judgeValues: true) }
      }
      for (i, t) in n.list(preferred).enumerated() {
        let here = "\(path).nodeAffinity.\(preferred)[\(i)]"
        p += weight(t, here) + nodeTerm(t.part("preference") ?? .null, "\(here).preference", judgeValues: false)
      }
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
      guard let a = v.part(kind) else { continue }
      for (i, t) in a.list(required).enumerated() { p += podTerm(t, "\(path).\(kind).\(required)[\(i)]") }
      for (i, t) in a.list(preferred).enumerated() {
        let here = "\(path).\(kind).\(preferred)[\(i)]"
        p += weight(t, here) + podTerm(t.part("podAffinityTerm") ?? .null, "\(here).podAffinityTerm")
      }
    }
    return p
  }

  private static func weight(_ t: Value, _ path: String) -> [Problem] {
    let w = t.number("weight") ?? 0
    return (1...100).contains(w) ? [] : [.invalid("\(path).weight", w, "must be in the range 1-100")]
  }

  /// judgeValues: a preferred term may hold values that no label can have.
  private static func nodeTerm(_ t: Value, _ path: String, judgeValues: Bool) -> [Problem] {
    var p: [Problem] = []
    for (i, e) in t.list("matchExpressions").enumerated() {
      p += labelRequirement(e, "\(path).matchExpressions[\(i)]", operators: ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"], judgeValues: judgeValues)
    }
    for (i, e) in t.list("matchFields").enumerated() {
      let here = "\(path).matchFields[\(i)]"
      let (op, key, values) = (e.text("operator") ?? "", e.text("key") ?? "", e.strings("values"))
      if !["In", "NotIn"].contains(op) {
        p.append(.invalid("\(here).operator", text: op, "not a valid selector operator"))
      } else if values.count != 1 {
        p.append(.required("\(here).values", "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"))
      }
      if key == "metadata.name" {
        for (j, v) in values.enumerated() { p += Problem.each("\(here).values[\(j)]", v, Names.subdomain(v)) }
      } else {
        p.append(.invalid("\(here).key", text: key, "not a valid field selector key"))
      }
    }
    return p
  }

  private static func podTerm(_ t: Value, _ path: String) -> [Problem] {
    var p = labelSelector(t.part("labelSelector"), "\(path).labelSelector") + labelSelector(t.part("namespaceSelector"), "\(path).namespaceSelector")
    for (i, n) in t.strings("namespaces").enumerated() { p += Problem.each("\(path).namespace", n, Names.label(n), at: "\(path).namespaces[\(i)]") }
    let (match, mismatch) = (t.strings("matchLabelKeys"), t.strings("mismatchLabelKeys"))
    for (name, keys) in [("matchLabelKeys", match), ("mismatchLabelKeys", mismatch)] where !keys.isEmpty {
      if t.part("labelSelector") == nil {
        p.append(.forbidden("\(path).\(name)", "must not be specified when labelSelector is not set"))
      } else {
        for (i, k) in keys.enumerated() { p += Problem.each("\(path).\(name)[\(i)]", k, Names.qualified(k)) }
      }
    }
    for (i, k) in match.enumerated() where mismatch.contains(k) {
      p.append(.invalid("\(path).matchLabelKeys[\(i)]", text: k, "exists in both matchLabelKeys and mismatchLabelKeys"))
    }
    let key = t.text("topologyKey") ?? ""
    if key.isEmpty { p.append(.required("\(path).topologyKey", "can not be empty")) }
    return p + Problem.each("\(path).topologyKey", key, Names.qualified(key))
  }

  private static func spread(_ list: [Value], _ path: String) -> [Problem] {
    var p: [Problem] = []
    for (i, c) in list.enumerated() {
      let here = "\(path)[\(i)]"
      let (skew, key, when) = (c.number("maxSkew") ?? 0, c.text("topologyKey") ?? "", c.text("whenUnsatisfiable") ?? "")
      if skew <= 0 { p.append(.invalid("\(here).maxSkew", skew, "must be greater than zero")) }
      if key.isEmpty { p.append(.required("\(here).topologyKey", "can not be empty")) }
      p += oneOf("\(here).whenUnsatisfiable", when, ["DoNotSchedule", "ScheduleAnyway"])
      if list[(i + 1)...].contains(where: { $0.text("topologyKey") ?? "" == key && $0.text("whenUnsatisfiable") ?? "" == when }) {
        p.append(.duplicate("\(here).{topologyKey, whenUnsatisfiable}", "{\(key), \(when)}"))
      }
      if let m = c.number("minDomains") {
        if m <= 0 { p.append(.invalid("\(here).minDomains", m, "must be greater than zero")) }
        if when != "DoNotSchedule" { p.append(.invalid("\(here).minDomains", m, "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not \(when)")) }
      }
      for name in ["nodeAffinityPolicy", "nodeTaintsPolicy"] { p += oneOf("\(here).\(name)", c.text(name), ["Honor", "Ignore"]) }
      let selector = c.part("labelSelector")
      let keys = c.strings("matchLabelKeys")
      if !keys.isEmpty, selector == nil { p.append(.forbidden("\(here).matchLabelKeys", "must not be specified when labelSelector is not set")) }
      let selected = Set((selector?["matchLabels"]?.members?.keys ?? []) + (selector?.list("matchExpressions") ?? []).map { $0.text("key") ?? "" })
      for (j, k) in keys.enumerated() {
        p += Problem.each("\(here).matchLabelKeys[\(j)]", k, Names.qualified(k))
        if selected.contains(k) { p.append(.invalid("\(here).matchLabelKeys[\(j)]", text: k, "exists in both matchLabelKeys and labelSelector")) }
      }
      p += labelSelector(selector, "\(here).labelSelector")
    }
    return p
  }
}
