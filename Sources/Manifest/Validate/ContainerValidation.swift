// SPDX-License-Identifier: Apache-2.0
//
// A container's rules.

extension Validation {
  static func container(_ c: Container, _ v: Value, _ path: String, isInit: Bool, _ s: PodSpec) -> [Problem] {
    var p: [Problem] = []
    if c.name.isEmpty {
      p.append(.required("\(path).name"))
    } else if let why = Names.label(c.name) {
      p.append(.invalid("\(path).name", text: c.name, why))
    }
    if c.image.isEmpty {
      p.append(.required("\(path).image"))
    } else if c.image != c.image.filter({ !$0.isWhitespace }) {
      p.append(.invalid("\(path).image", text: c.image, "must not have leading or trailing whitespace"))
    }
    p += oneOf("\(path).imagePullPolicy", v.text("imagePullPolicy"), ["Always", "IfNotPresent", "Never"])
    p += oneOf("\(path).terminationMessagePolicy", v.text("terminationMessagePolicy"), ["File", "FallbackToLogsOnError"])
    p += portList(c, path) + environment(c, path) + mounts(c, path, s) + resources(c.resources, "\(path).resources") + security(c.securityContext, "\(path).securityContext")
    let sidecar = isInit && c.restartPolicy == .always
    if let r = v.text("restartPolicy") {
      if isInit {
        // With rules of its own an init container may also say Never or OnFailure (KEP-5307).
        p += oneOf("\(path).restartPolicy", r, ["Always", "OnFailure", "Never"])
      } else {
        p += oneOf("\(path).restartPolicy", r, ["Always", "OnFailure", "Never"])
      }
    } else if !c.restartPolicyRules.isEmpty {
      p.append(.required("\(path).restartPolicy", "must specify restartPolicy when restart rules are used"))
    }
    for (i, r) in c.restartPolicyRules.enumerated() {
      let at = "\(path).restartPolicyRules[\(i)]"
      p += oneOf("\(at).action", r.action, ["Restart", "RestartAllContainers"]) + oneOf("\(at).exitCodes.operator", r.exitCodeOperator, ["In", "NotIn"])
    }
    if isInit && !sidecar {
      for (name, present) in [
        ("lifecycle", c.lifecycle.postStart != nil || c.lifecycle.preStop != nil), ("livenessProbe", c.livenessProbe != nil),
        ("readinessProbe", c.readinessProbe != nil), ("startupProbe", c.startupProbe != nil),
      ] where present {
        p.append(.forbidden("\(path).\(name)", "may not be set for init containers without restartPolicy=Always"))
      }
    } else {
      for (name, probe) in [("livenessProbe", c.livenessProbe), ("readinessProbe", c.readinessProbe), ("startupProbe", c.startupProbe)] {
        if let probe { p += self.probe(probe, v[name] ?? .null, "\(path).\(name)", name) }
      }
      for (name, h) in [("postStart", c.lifecycle.postStart), ("preStop", c.lifecycle.preStop)] {
        if let value = v["lifecycle"]?.part(name) { p += handler(h, value, "\(path).lifecycle.\(name)", hook: true, grace: s.terminationGracePeriodSeconds) }
      }
    }
    return p
  }

  private static func portList(_ c: Container, _ path: String) -> [Problem] {
    var p: [Problem] = []
    var names: Set<String> = []
    for (i, port) in c.ports.enumerated() {
      let at = "\(path).ports[\(i)]"
      if port.containerPort == 0 { p.append(.required("\(at).containerPort")) } else { p += range("\(at).containerPort", port.containerPort, 1, 65535) }
      if let h = port.hostPort, h != 0 { p += range("\(at).hostPort", h, 1, 65535) }
      p += oneOf("\(at).protocol", port.protocolName, ["TCP", "UDP", "SCTP"])
      if let n = port.name {
        if let why = Names.port(n) { p.append(.invalid("\(at).name", text: n, why)) }
        if !names.insert(n).inserted { p.append(.duplicate("\(at).name", n)) }
      }
      if let ip = port.hostIP, !ip.isEmpty, !isAddress(ip) { p.append(.invalid("\(at).hostIP", text: ip, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")) }
    }
    return p
  }

  private static let fieldPaths: Set<String> = [
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP",
    "status.podIPs",
  ]

  private static func environment(_ c: Container, _ path: String) -> [Problem] {
    var p: [Problem] = []
    for (i, e) in c.env.enumerated() {
      let at = "\(path).env[\(i)]"
      if e.name.isEmpty {
        p.append(.required("\(at).name"))
      } else if let why = Names.environment(e.name) {
        p.append(.invalid("\(at).name", text: e.name, why))
      }
      switch e.source {
      case .field(let f):
        let known = fieldPaths.contains(f) || (f.hasPrefix("metadata.labels['") || f.hasPrefix("metadata.annotations['")) && f.hasSuffix("']")
        if f.isEmpty {
          p.append(.required("\(at).valueFrom.fieldRef.fieldPath"))
        } else if !known {
          p.append(.unsupported("\(at).valueFrom.fieldRef.fieldPath", f, Array(fieldPaths)))
        }
      case .secretKey(let name, let key, _), .configMapKey(let name, let key, _):
        if name.isEmpty { p.append(.required("\(at).valueFrom.name")) }
        if key.isEmpty { p.append(.required("\(at).valueFrom.key")) }
      case .resource(_, let r, _): if r.isEmpty { p.append(.required("\(at).valueFrom.resourceFieldRef.resource")) }
      default: break
      }
    }
    return p
  }

  private static func mounts(_ c: Container, _ path: String, _ s: PodSpec) -> [Problem] {
    var p: [Problem] = []
    var seen: Set<String> = []
    let volumes = Set(s.volumes.map(\.name))
    for (i, m) in c.volumeMounts.enumerated() {
      let at = "\(path).volumeMounts[\(i)]"
      if m.name.isEmpty { p.append(.required("\(at).name")) } else if !volumes.contains(m.name) { p.append(.notFound("\(at).name", m.name)) }
      if m.mountPath.isEmpty { p.append(.required("\(at).mountPath")) }
      if !seen.insert(m.mountPath).inserted { p.append(.invalid("\(at).mountPath", text: m.mountPath, "must be unique")) }
      for (name, sub) in [("subPath", m.subPath), ("subPathExpr", m.subPathExpr)] {
        if let sub, !sub.isEmpty { p += relative("\(at).\(name)", sub) }
      }
      if m.subPath ?? "" != "", m.subPathExpr ?? "" != "" { p.append(.invalid("\(at).subPathExpr", text: m.subPathExpr ?? "", "subPathExpr and subPath are mutually exclusive")) }
      p += oneOf("\(at).mountPropagation", m.mountPropagation, ["None", "HostToContainer", "Bidirectional"])
      if m.mountPropagation == "Bidirectional", !c.securityContext.privileged {
        p.append(.forbidden("\(at).mountPropagation", "Bidirectional mount propagation is available only to privileged containers"))
      }
      p += oneOf("\(at).recursiveReadOnly", m.recursiveReadOnly, ["Disabled", "IfPossible", "Enabled"])
      if let r = m.recursiveReadOnly, r != "Disabled", !m.readOnly { p.append(.forbidden("\(at).recursiveReadOnly", "may only be specified when readOnly is true")) }
    }
    return p
  }

  static func resources(_ r: ResourceRequirements, _ path: String) -> [Problem] {
    var p: [Problem] = []
    for (kind, all) in [("limits", r.limits), ("requests", r.requests)] {
      for (name, q) in all.sorted(by: { $0.key < $1.key }) {
        let at = "\(path).\(kind)[\(name)]"
        if !["cpu", "memory", "ephemeral-storage"].contains(name), !name.hasPrefix("hugepages-"), !name.contains("/") {
          p.append(.invalid(at, text: name, "must be a standard resource type or fully qualified"))
        }
        if q.nano < 0 { p.append(.invalid(at, text: q.text, "must be greater than or equal to 0")) }
      }
    }
    for (name, q) in r.requests.sorted(by: { $0.key < $1.key }) {
      if let limit = r.limits[name], q.nano > limit.nano {
        p.append(.invalid("\(path).requests", text: q.text, "must be less than or equal to \(name) limit of \(limit.text)"))
      }
    }
    return p
  }

  private static func security(_ c: SecurityContext, _ path: String) -> [Problem] {
    var p = range("\(path).runAsUser", c.runAsUser, 0, Int64(Int32.max)) + range("\(path).runAsGroup", c.runAsGroup, 0, Int64(Int32.max))
    if c.allowPrivilegeEscalation == false {
      if c.privileged { p.append(.invalid("\(path)", "false", "cannot set `allowPrivilegeEscalation` to false and `privileged` to true")) }
      if c.capabilities.add.contains("SYS_ADMIN") || c.capabilities.add.contains("CAP_SYS_ADMIN") {
        p.append(.invalid("\(path)", "false", "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"))
      }
    }
    p += oneOf("\(path).procMount", c.procMount, ["Default", "Unmasked"])
    return p + profile(c.seccompProfile, "\(path).seccompProfile") + profile(c.appArmorProfile, "\(path).appArmorProfile")
  }

  private static func probe(_ probe: Probe, _ v: Value, _ path: String, _ kind: String) -> [Problem] {
    var p = handler(Handler(v), v, path, hook: false, grace: 0)
    for (name, n) in [("initialDelaySeconds", probe.initialDelaySeconds), ("timeoutSeconds", probe.timeoutSeconds), ("periodSeconds", probe.periodSeconds),
      ("successThreshold", probe.successThreshold), ("failureThreshold", probe.failureThreshold)]
    where n < 0 { p.append(.invalid("\(path).\(name)", "\(n)", "must be greater than or equal to 0")) }
    if kind != "readinessProbe", probe.successThreshold != 1 { p.append(.invalid("\(path).successThreshold", "\(probe.successThreshold)", "must be 1")) }
    if let g = probe.terminationGracePeriodSeconds {
      if kind == "readinessProbe" {
        p.append(.invalid("\(path).terminationGracePeriodSeconds", "\(g)", "must not be set for readinessProbes"))
      } else {
        p += range("\(path).terminationGracePeriodSeconds", g, 1)
      }
    }
    return p
  }

  private static func handler(_ h: Handler?, _ v: Value, _ path: String, hook: Bool, grace: Int64) -> [Problem] {
    let kinds = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"].filter { v.part($0) != nil }
    if kinds.isEmpty { return [.required(path, "must specify a handler type")] }
    var p: [Problem] = kinds.dropFirst().map { .forbidden("\(path).\($0)", "may not specify more than 1 handler type") }
    switch h {
    case .exec(let command): if command.isEmpty { p.append(.required("\(path).exec.command")) }
    case .httpGet(let g):
      p += port(g.port, "\(path).httpGet.port") + oneOf("\(path).httpGet.scheme", g.scheme, ["HTTP", "HTTPS"])
      if g.path.isEmpty { p.append(.required("\(path).httpGet.path")) }
    case .tcpSocket(let n, _): p += port(n, "\(path).tcpSocket.port")
    case .grpc(let n, _): p += range("\(path).grpc.port", n, 1, 65535)
    case .sleep(let s): if s < 0 || s > grace { p.append(.invalid("\(path).sleep.seconds", "\(s)", "must be greater than 0 and less than terminationGracePeriodSeconds (\(grace))")) }
    case nil: break
    }
    return p
  }

  private static func port(_ n: IntOrString, _ path: String) -> [Problem] {
    switch n {
    case .int(let i): range(path, i, 1, 65535)
    case .string(let s): Names.port(s).map { [.invalid(path, text: s, $0)] } ?? []
    }
  }
}
