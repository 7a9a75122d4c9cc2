// SPDX-License-Identifier: Apache-2.0
//
// What the API server takes and warns about: old names, doubles, what is hardly meant so. Kubernetes: pkg/api/pod/warnings.go, pkg/api/node/util.go.

extension Validation {
  /// object: a whole Pod with its defaults, found valid.
  static func podWarnings(_ object: Value) -> [Problem] {
    let spec = object["spec"] ?? .null
    let containers = ["initContainers", "containers"].flatMap { key in spec.list(key).enumerated().map { (path: "spec.\(key)[\($0)]", value: $1) } }
    var w = oldAnnotations(object["metadata"]?.map("annotations") ?? [:], spec, containers.map(\.value))
    for key in (spec.map("nodeSelector")).keys.sorted() {
      if let hint = oldLabel(key) { w.append(warning("spec.nodeSelector[\(key)]", hint)) }
    }
    w += affinity(spec["affinity"] ?? .null) + spread(spec.list("topologySpreadConstraints"))
    w += doubles(spec.list("hostAliases"), "spec.hostAliases", "ip") + doubles(spec.list("imagePullSecrets"), "spec.imagePullSecrets", "name")
    for c in containers {
      w += hidden(c.value.list("env"), "\(c.path).env")
      for kind in ["requests", "limits"] { w += fractions(c.value["resources"]?[kind], "\(c.path).resources.\(kind)") }
    }
    w += ports(containers) + fractions(spec["overhead"], "spec.overhead")
    if let grace = spec.number("terminationGracePeriodSeconds"), grace < 0 {
      w.append(warning("spec.terminationGracePeriodSeconds", "must be >= 0; negative values are invalid and will be treated as 1"))
    }
    return w
  }

  private static func warning(_ path: String, _ text: String, at place: String? = nil) -> Problem { Problem(path: path, place: place, message: text) }

  // MARK: containers

  /// A variable that takes the place of an earlier one without having it in its value.
  private static func hidden(_ env: [Value], _ path: String) -> [Problem] {
    var names: Set<String> = []
    var w: [Problem] = []
    for (i, e) in env.enumerated() {
      let name = e.text("name") ?? ""
      guard !names.insert(name).inserted else { continue }
      let (value, before) = (e.text("value") ?? "", "$(\(name))")
      if e.part("valueFrom") == nil, value != before, value.contains(before) { continue }
      w.append(warning("\(path)[\(i)]", "hides previous definition of \"\(name)\", which may be dropped when using apply"))
    }
    return w
  }

  private static func fractions(_ amounts: Value?, _ path: String) -> [Problem] {
    ["ephemeral-storage", "memory"].compactMap { name in
      guard let q = amounts?[name]?.quantity, q.nano % 1_000_000_000 != 0 else { return nil }
      return warning("\(path)[\(name)]", "fractional byte value \"\(q.canonical)\" is invalid, must be an integer", at: "\(path).\(name)")
    }
  }

  private static func ports(_ containers: [(path: String, value: Value)]) -> [Problem] {
    struct Port {
      var (path, number, protocolName, host, ip): (String, Int64, String, Int64, String)
    }
    var seen: [Port] = []
    var w: [Problem] = []
    for c in containers {
      for (i, v) in c.value.list("ports").enumerated() {
        let p = Port(
          path: "\(c.path).ports[\(i)]", number: v.number("containerPort") ?? 0, protocolName: v.text("protocol") ?? "TCP", host: v.number("hostPort") ?? 0,
          ip: v.text("hostIP") ?? "")
        let others = seen.filter { $0.number == p.number && $0.protocolName == p.protocolName }
        if let o = others.first(where: { $0.host == p.host && $0.ip == p.ip }) {
          w.append(warning(p.path, "duplicate port definition with \(o.path)"))
        } else if let o = others.first(where: { ($0.host == 0) != (p.host == 0) }) {
          w.append(warning(p.path, "overlapping port definition with \(o.path)"))
        } else if let o = others.first(where: { $0.host == p.host && $0.ip.isEmpty != p.ip.isEmpty }) {
          w.append(warning(p.path, "dangerously ambiguous port definition with \(o.path)"))
        }
        if p.host == 0, !p.ip.isEmpty {
          let all = "{Name:\(v.text("name") ?? "") HostPort:0 ContainerPort:\(p.number) Protocol:\(p.protocolName) HostIP:\(p.ip)}"
          w.append(warning(p.path, "hostIP set without hostPort: \(all)"))
        }
        seen.append(p)
      }
    }
    return w
  }

  // MARK: lists of the Pod

  /// The same value of a key again in a list of objects.
  private static func doubles(_ list: [Value], _ path: String, _ key: String) -> [Problem] {
    var seen: Set<String> = []
    return list.enumerated().compactMap { i, v in
      let text = v.text(key) ?? ""
      if text.isEmpty { return warning("\(path)[\(i)].\(key)", "invalid empty \(key) \"\"", at: "\(path)[\(i)]") }
      return seen.insert(text).inserted ? nil : warning("\(path)[\(i)].\(key)", "duplicate \(key) \"\(text)\"")
    }
  }

  // MARK: old names

  private static let oldLabels: [String: (since: String, now: String)] = [
    "beta.kubernetes.io/arch": ("v1.14", "kubernetes.io/arch"), "beta.kubernetes.io/os": ("v1.14", "kubernetes.io/os"),
    "failure-domain.beta.kubernetes.io/region": ("v1.17", "topology.kubernetes.io/region"),
    "failure-domain.beta.kubernetes.io/zone": ("v1.17", "topology.kubernetes.io/zone"),
    "beta.kubernetes.io/instance-type": ("v1.17", "node.kubernetes.io/instance-type"),
  ]
  private static func oldLabel(_ key: String) -> String? { oldLabels[key].map { "deprecated since \($0.since); use \"\($0.now)\" instead" } }

  private static let noSelector = "a null labelSelector results in matching no pod"

  private static func affinity(_ v: Value) -> [Problem] {
    let (required, preferred) = ("requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution")
    var w: [Problem] = []
    func node(_ term: Value, _ path: String) {
      for (i, e) in term.list("matchExpressions").enumerated() {
        let key = e.text("key") ?? ""
        if let hint = oldLabel(key) { w.append(warning("\(path).matchExpressions[\(i)].key", "\(key) is \(hint)")) }
      }
    }
    func pod(_ term: Value, _ path: String) {
      if term.part("labelSelector") == nil { w.append(warning("\(path).labelSelector", noSelector, at: path)) }
    }
    if let n = v.part("nodeAffinity") {
      let path = "spec.affinity.nodeAffinity"
      for (i, t) in (n.part(required)?.list("nodeSelectorTerms") ?? []).enumerated() { node(t, "\(path).\(required).nodeSelectorTerms[\(i)]") }
      for (i, t) in n.list(preferred).enumerated() { node(t["preference"] ?? .null, "\(path).\(preferred)[\(i)].preference") }
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
      guard let p = v.part(kind) else { continue }
      let path = "spec.affinity.\(kind)"
      for (i, t) in p.list(required).enumerated() { pod(t, "\(path).\(required)[\(i)]") }
      for (i, t) in p.list(preferred).enumerated() { pod(t["podAffinityTerm"] ?? .null, "\(path).\(preferred)[\(i)].podAffinityTerm") }
    }
    return w
  }

  private static func spread(_ list: [Value]) -> [Problem] {
    list.enumerated().flatMap { i, c -> [Problem] in
      let (path, key) = ("spec.topologySpreadConstraints[\(i)]", c.text("topologyKey") ?? "")
      return (oldLabel(key).map { [warning("\(path).topologyKey", "\(key) is \($0)")] } ?? [])
        + (c.part("labelSelector") == nil ? [warning("\(path).labelSelector", noSelector, at: path)] : [])
    }
  }

  private static func oldAnnotations(_ all: [String: String], _ spec: Value, _ containers: [Value]) -> [Problem] {
    let (seccomp, appArmor) = ("container.seccomp.security.alpha.kubernetes.io/", "container.apparmor.security.beta.kubernetes.io/")
    let plain = [
      "scheduler.alpha.kubernetes.io/critical-pod": "non-functional in v1.16+; use the \"priorityClassName\" field instead",
      "security.alpha.kubernetes.io/sysctls": "non-functional in v1.11+; use the \"sysctls\" field instead",
      "security.alpha.kubernetes.io/unsafe-sysctls": "non-functional in v1.11+; use the \"sysctls\" field instead",
    ]
    let own = spec["securityContext"] ?? .null
    /// Whether a container's field says it already.
    func says(_ key: String, _ prefix: String, _ field: String) -> Bool {
      containers.first { prefix + ($0.text("name") ?? "") == key }?["securityContext"]?.part(field) != nil
    }
    return all.keys.sorted().compactMap { key in
      let text: String
      if let known = plain[key] {
        text = known
      } else if key == "seccomp.security.alpha.kubernetes.io/pod" && own.part("seccompProfile") == nil
        || key.hasPrefix(seccomp) && !says(key, seccomp, "seccompProfile")
      {
        text = "non-functional in v1.27+; use the \"seccompProfile\" field instead"
      } else if key.hasPrefix(appArmor), !says(key, appArmor, "appArmorProfile"), own.part("appArmorProfile") == nil {
        text = "deprecated since v1.30; use the \"appArmorProfile\" field instead"
      } else {
        return nil
      }
      return warning("metadata.annotations[\(key)]", text, at: "metadata.annotations.\(key)")
    }
  }
}
