// SPDX-License-Identifier: Apache-2.0
//
// A container's own rules and its mounts. Its environment, handlers, resources and security have files of their own.

extension Validation {
  /// What a container's rules need to know of its Pod.
  struct Surroundings {
    /// Volumes without problems, by name.
    var volumes: [String: Value]
    /// terminationGracePeriodSeconds as written.
    var grace: Int64
    var hostUsers: Bool
    /// spec.os.name; nil where spec.os is not set.
    var os: String?
    var restartPolicy: String
  }

  static func surroundings(_ spec: Value, _ mountable: [String: Value]) -> Surroundings {
    Surroundings(
      volumes: mountable, grace: spec.number("terminationGracePeriodSeconds") ?? 30, hostUsers: spec.flag("hostUsers") ?? true,
      os: spec.part("os").map { $0.text("name") ?? "" }, restartPolicy: spec.text("restartPolicy") ?? "Always")
  }

  /// spec.containers.
  static func containers(_ list: [Value], _ s: Surroundings) -> [Problem] {
    let path = "spec.containers"
    if list.isEmpty { return [.required(path)] }
    var p: [Problem] = []
    var names: Set<String> = []
    for (i, c) in list.enumerated() {
      let here = "\(path)[\(i)]"
      p += common(c, here, s)
      let name = c.text("name") ?? ""
      if !names.insert(name).inserted { p.append(.duplicate("\(here).name", name)) }
      p += running(c, here, s) + restarts(c, here)
    }
    return p + hostPorts(list.enumerated().map { ("\(path)[\($0)]", $1) })
  }

  /// spec.initContainers.
  static func initContainers(_ list: [Value], beside others: [Value], _ s: Surroundings) -> [Problem] {
    var p: [Problem] = []
    var names = Set(others.map { $0.text("name") ?? "" })
    for (i, c) in list.enumerated() {
      let here = "spec.initContainers[\(i)]"
      p += common(c, here, s) + restarts(c, here)
      let name = c.text("name") ?? ""
      if names.contains(name) { p.append(.duplicate("\(here).name", name)) } else if !name.isEmpty { names.insert(name) }
      // They run one by one: a port may come again in the next one.
      p += hostPorts([(here, c)])
      if c.text("restartPolicy") == "Always" {
        p += running(c, here, s)
        continue
      }
      for key in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] where c.part(key) != nil {
        p.append(.forbidden("\(here).\(key)", "may not be set for init containers without restartPolicy=Always"))
      }
      for (j, r) in c.list("resizePolicy").enumerated() where r.text("restartPolicy") == "RestartContainer" {
        p.append(
          .invalid("\(here).resizePolicy[\(j)].restartPolicy", text: "RestartContainer", "must not be set to 'RestartContainer' for non-sidecar initContainers"))
      }
    }
    return p
  }

  /// What a container has that goes on beside others: hooks and probes.
  private static func running(_ c: Value, _ path: String, _ s: Surroundings) -> [Problem] {
    var p: [Problem] = []
    if let l = c.part("lifecycle") { p += lifecycle(l, "\(path).lifecycle", grace: s.grace, os: s.os) }
    for kind in [ProbeKind.liveness, .readiness, .startup] {
      if let v = c.part(kind.rawValue) { p += probe(v, "\(path).\(kind.rawValue)", kind) }
    }
    return p
  }

  /// What holds for every kind of container.
  static func common(_ c: Value, _ path: String, _ s: Surroundings) -> [Problem] {
    var p: [Problem] = []
    let (name, image) = (c.text("name") ?? "", c.text("image") ?? "")
    p += name.isEmpty ? [.required("\(path).name")] : Problem.each("\(path).name", name, Names.label(name))
    if image.isEmpty {
      p.append(.required("\(path).image"))
    } else if image.first?.isWhitespace ?? false || image.last?.isWhitespace ?? false {
      p.append(.invalid("\(path).image", text: image, "must not have leading or trailing whitespace"))
    }
    p += oneOf("\(path).terminationMessagePolicy", c.text("terminationMessagePolicy"), ["File", "FallbackToLogsOnError"])
    p += ports(c.list("ports"), "\(path).ports")
    p += environment(c.list("env"), "\(path).env") + environmentFrom(c.list("envFrom"), "\(path).envFrom")
    p += mounts(c, "\(path).volumeMounts", s)
    p += oneOf("\(path).imagePullPolicy", c.text("imagePullPolicy"), ["Always", "IfNotPresent", "Never"])
    if let r = c.part("resources") { p += resources(r, "\(path).resources", of: .container) }
    p += resizePolicy(c.list("resizePolicy"), "\(path).resizePolicy", s)
    if let sc = c.part("securityContext") { p += securityContext(sc, "\(path).securityContext", hostUsers: s.hostUsers) }
    return p
  }

  private static func ports(_ list: [Value], _ path: String) -> [Problem] {
    var p: [Problem] = []
    var names: Set<String> = []
    for (i, v) in list.enumerated() {
      let here = "\(path)[\(i)]"
      if let n = v.text("name"), !n.isEmpty {
        let wrong = Names.port(n)
        p += Problem.each("\(here).name", n, wrong)
        if wrong.isEmpty, !names.insert(n).inserted { p.append(.duplicate("\(here).name", n)) }
      }
      let number = v.number("containerPort") ?? 0
      p += number == 0 ? [.required("\(here).containerPort")] : between("\(here).containerPort", number, 1, 65535)
      if let h = v.number("hostPort"), h != 0 { p += between("\(here).hostPort", h, 1, 65535) }
      p += oneOf("\(here).protocol", v.text("protocol"), ["SCTP", "TCP", "UDP"])
      // The API server takes any hostIP and the sandbox fails later; here it is said at once.
      if let ip = v.text("hostIP"), !ip.isEmpty { p += Problem.each("\(here).hostIP", ip, Names.address(ip)) }
    }
    return p
  }

  /// A port of the host can be had once.
  private static func hostPorts(_ list: [(path: String, container: Value)]) -> [Problem] {
    var p: [Problem] = []
    var seen: Set<String> = []
    for (path, c) in list {
      for (i, v) in c.list("ports").enumerated() {
        guard let h = v.number("hostPort"), h != 0 else { continue }
        let key = "\(v.text("protocol") ?? "TCP")/\(v.text("hostIP") ?? "")/\(h)"
        if !seen.insert(key).inserted { p.append(.duplicate("\(path).ports[\(i)].hostPort", key)) }
      }
    }
    return p
  }

  private static func mounts(_ c: Value, _ path: String, _ s: Surroundings) -> [Problem] {
    var p: [Problem] = []
    var points: Set<String> = []
    let privileged = c["securityContext"]?.flag("privileged") ?? false
    for (i, m) in c.list("volumeMounts").enumerated() {
      let here = "\(path)[\(i)]"
      let (name, at) = (m.text("name") ?? "", m.text("mountPath") ?? "")
      if name.isEmpty { p.append(.required("\(here).name")) }
      if s.volumes[name] == nil { p.append(.notFound("\(here).name", name)) }
      if at.isEmpty { p.append(.required("\(here).mountPath")) }
      if !points.insert(at).inserted { p.append(.invalid("\(here).mountPath", text: at, "must be unique")) }
      let (sub, expression) = (m.text("subPath") ?? "", m.text("subPathExpr") ?? "")
      // From here on the API names the fields without the mount's index.
      p += descending("\(path).subPath", sub, at: "\(here).subPath")
      if !expression.isEmpty {
        if !sub.isEmpty { p.append(.invalid("\(here).subPathExpr", text: expression, "subPathExpr and subPath are mutually exclusive")) }
        p += descending("\(path).subPathExpr", expression, at: "\(here).subPathExpr")
      }
      let propagation = m.text("mountPropagation")
      let place = "\(here).mountPropagation"
      p += oneOf("\(path).mountPropagation", propagation, ["Bidirectional", "HostToContainer", "None"], at: place)
      if propagation == "Bidirectional", !privileged {
        p.append(.forbidden("\(path).mountPropagation", "Bidirectional mount propagation is available only to privileged containers", at: place))
      }
      p += recursiveReadOnly(m, "\(path).recursiveReadOnly", "\(here).recursiveReadOnly")
    }
    return p
  }

  private static func recursiveReadOnly(_ m: Value, _ path: String, _ place: String) -> [Problem] {
    guard let r = m.text("recursiveReadOnly"), r != "Disabled" else { return [] }
    if r != "Enabled", r != "IfPossible" { return [.unsupported(path, r, ["Disabled", "Enabled", "IfPossible"], at: place)] }
    var p: [Problem] = []
    if m.flag("readOnly") != true { p.append(.forbidden(path, "may only be specified when readOnly is true", at: place)) }
    if let propagation = m.text("mountPropagation"), propagation != "None" {
      p.append(.forbidden(path, "may only be specified when mountPropagation is None or not specified", at: place))
    }
    return p
  }

  private static func resizePolicy(_ list: [Value], _ path: String, _ s: Surroundings) -> [Problem] {
    var p: [Problem] = []
    var seen: Set<String> = []
    for (i, r) in list.enumerated() {
      let place = "\(path)[\(i)]"
      let (name, policy) = (r.text("resourceName") ?? "", r.text("restartPolicy") ?? "")
      if !seen.insert(name).inserted { p.append(.duplicate(place, name)) }
      p += name.isEmpty ? [.required(path, at: place)] : oneOf(path, name, ["cpu", "memory"], at: place)
      p += policy.isEmpty ? [.required(path, at: place)] : oneOf(path, policy, ["NotRequired", "RestartContainer"], at: place)
      if s.restartPolicy == "Never", policy != "NotRequired" {
        p.append(.invalid(path, text: policy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'", at: place))
      }
    }
    return p
  }

  /// The container's own restartPolicy and its rules (KEP-5307).
  private static func restarts(_ c: Value, _ path: String) -> [Problem] {
    let rules = c.list("restartPolicyRules")
    var p: [Problem] = []
    if let policy = c.text("restartPolicy") {
      p += oneOf("\(path).restartPolicy", policy, ["Always", "Never", "OnFailure"])
    } else if !rules.isEmpty {
      p.append(.required("\(path).restartPolicy", "must specify restartPolicy when restart rules are used"))
    }
    if rules.count > 20 { p.append(.tooMany("\(path).restartPolicyRules", rules.count, 20)) }
    for (i, r) in rules.enumerated() {
      let here = "\(path).restartPolicyRules[\(i)]"
      p += oneOf("\(here).action", r.text("action") ?? "", ["Restart", RestartRule.allContainers])
      guard let codes = r.part("exitCodes") else {
        p.append(.required("\(here).exitCodes", "must be specified"))
        continue
      }
      p += oneOf("\(here).exitCodes.operator", codes.text("operator") ?? "", ["In", "NotIn"])
      let count = codes.list("values").count
      if count > 255 { p.append(.tooMany("\(here).exitCodes.values", count, 255)) }
    }
    return p
  }
}
