// SPDX-License-Identifier: Apache-2.0
//
// Containers, probes, hooks and volumes of a Value, typed (see PodDecoder).

extension Container {
  init(_ v: Value) {
    self.init()
    name = v.text("name") ?? ""
    image = v.text("image") ?? ""
    imagePullPolicy = v.text("imagePullPolicy").flatMap { PullPolicy(rawValue: $0) } ?? .ifNotPresent
    command = v.strings("command")
    args = v.strings("args")
    workingDir = v.text("workingDir")
    env = v.list("env").map { EnvVar($0) }
    envFrom = v.list("envFrom").map { EnvFromSource($0) }
    ports = v.list("ports").map { p in
      var o = ContainerPort()
      o.name = p.text("name")
      o.containerPort = p.number("containerPort") ?? 0
      o.hostPort = p.number("hostPort")
      o.hostIP = p.text("hostIP")
      o.protocolName = p.text("protocol") ?? "TCP"
      return o
    }
    volumeMounts = v.list("volumeMounts").map { m in
      var o = VolumeMount()
      o.name = m.text("name") ?? ""
      o.mountPath = m.text("mountPath") ?? ""
      o.readOnly = m.flag("readOnly") ?? false
      o.recursiveReadOnly = m.text("recursiveReadOnly")
      o.subPath = m.text("subPath")
      o.subPathExpr = m.text("subPathExpr")
      o.mountPropagation = m.text("mountPropagation") ?? "None"
      return o
    }
    if let r = v.part("resources") { resources = ResourceRequirements(r) }
    restartsOnResize = Set(v.list("resizePolicy").filter { $0.text("restartPolicy") == "RestartContainer" }.compactMap { $0.text("resourceName") })
    livenessProbe = v.part("livenessProbe").map { Probe($0) }
    readinessProbe = v.part("readinessProbe").map { Probe($0) }
    startupProbe = v.part("startupProbe").map { Probe($0) }
    if let l = v.part("lifecycle") {
      lifecycle.postStart = l.part("postStart").flatMap { Handler($0) }
      lifecycle.preStop = l.part("preStop").flatMap { Handler($0) }
      lifecycle.stopSignal = l.text("stopSignal")
    }
    if let s = v.part("securityContext") { securityContext = SecurityContext(s) }
    restartPolicy = v.text("restartPolicy").flatMap { RestartPolicy(rawValue: $0) }
    restartPolicyRules = v.list("restartPolicyRules").map { r in
      var o = RestartRule()
      o.action = r.text("action") ?? "Restart"
      o.exitCodeOperator = r["exitCodes"]?.text("operator") ?? "In"
      o.exitCodes = (r["exitCodes"]?.list("values") ?? []).compactMap(\.int)
      return o
    }
    stdin = v.flag("stdin") ?? false
    stdinOnce = v.flag("stdinOnce") ?? false
    tty = v.flag("tty") ?? false
    terminationMessagePath = v.text("terminationMessagePath") ?? "/dev/termination-log"
    terminationMessagePolicy = v.text("terminationMessagePolicy").flatMap { TerminationMessagePolicy(rawValue: $0) } ?? .file
    targetContainerName = v.text("targetContainerName")
  }
}

extension SecurityContext {
  init(_ v: Value) {
    self.init()
    privileged = v.flag("privileged") ?? false
    allowPrivilegeEscalation = v.flag("allowPrivilegeEscalation")
    capabilities.add = v["capabilities"]?.strings("add") ?? []
    capabilities.drop = v["capabilities"]?.strings("drop") ?? []
    runAsUser = v.number("runAsUser")
    runAsGroup = v.number("runAsGroup")
    runAsNonRoot = v.flag("runAsNonRoot")
    readOnlyRootFilesystem = v.flag("readOnlyRootFilesystem") ?? false
    procMount = v.text("procMount") ?? "Default"
    seccompProfile = v.part("seccompProfile").map { SecurityProfile($0) }
    appArmorProfile = v.part("appArmorProfile").map { SecurityProfile($0) }
  }
}

extension EnvVar {
  init(_ v: Value) {
    self.init()
    name = v.text("name") ?? ""
    source = .value(v.text("value") ?? "")
    guard let from = v.part("valueFrom") else { return }
    if let f = from.part("fieldRef") { source = .field(path: f.text("fieldPath") ?? "") }
    if let r = from.part("resourceFieldRef") {
      source = .resource(container: r.text("containerName"), resource: r.text("resource") ?? "", divisor: r["divisor"]?.quantity ?? Quantity(0))
    }
    if let s = from.part("secretKeyRef") {
      source = .secretKey(name: s.text("name") ?? "", key: s.text("key") ?? "", optional: s.flag("optional") ?? false)
    }
    if let c = from.part("configMapKeyRef") {
      source = .configMapKey(name: c.text("name") ?? "", key: c.text("key") ?? "", optional: c.flag("optional") ?? false)
    }
    if let f = from.part("fileKeyRef") {
      source = .fileKey(
        volume: f.text("volumeName") ?? "", path: f.text("path") ?? "", key: f.text("key") ?? "", optional: f.flag("optional") ?? false)
    }
  }
}

extension EnvFromSource {
  init(_ v: Value) {
    self.init()
    prefix = v.text("prefix") ?? ""
    kind = v.part("secretRef") == nil ? .configMap : .secret
    let ref = v.part("secretRef") ?? v.part("configMapRef") ?? .null
    name = ref.text("name") ?? ""
    optional = ref.flag("optional") ?? false
  }
}

extension Handler {
  init?(_ v: Value) {
    if let e = v.part("exec") {
      self = .exec(command: e.strings("command"))
    } else if let g = v.part("httpGet") {
      var h = HTTPGet()
      h.path = g.text("path") ?? "/"
      h.port = g.intOrString("port") ?? .int(80)
      h.host = g.text("host")
      h.scheme = g.text("scheme") ?? "HTTP"
      h.headers = g.list("httpHeaders").map { .init(name: $0.text("name") ?? "", value: $0.text("value") ?? "") }
      self = .httpGet(h)
    } else if let t = v.part("tcpSocket") {
      self = .tcpSocket(port: t.intOrString("port") ?? .int(0), host: t.text("host"))
    } else if let g = v.part("grpc") {
      self = .grpc(port: g.number("port") ?? 0, service: g.text("service") ?? "")
    } else if let s = v.part("sleep") {
      self = .sleep(seconds: s.number("seconds") ?? 0)
    } else {
      return nil
    }
  }
}

extension Probe {
  init(_ v: Value) {
    self.init()
    if let h = Handler(v) { handler = h }
    initialDelaySeconds = v.number("initialDelaySeconds") ?? 0
    periodSeconds = v.number("periodSeconds") ?? 10
    timeoutSeconds = v.number("timeoutSeconds") ?? 1
    successThreshold = v.number("successThreshold") ?? 1
    failureThreshold = v.number("failureThreshold") ?? 3
    terminationGracePeriodSeconds = v.number("terminationGracePeriodSeconds")
  }
}

extension KeyToPath {
  init(_ v: Value) {
    self.init()
    key = v.text("key") ?? ""
    path = v.text("path") ?? ""
    mode = v.number("mode")
  }
}

extension DownwardAPIFile {
  init(_ v: Value) {
    self.init()
    path = v.text("path") ?? ""
    mode = v.number("mode")
    if let f = v.part("fieldRef") { source = .field(path: f.text("fieldPath") ?? "") }
    if let r = v.part("resourceFieldRef") {
      source = .resource(container: r.text("containerName") ?? "", resource: r.text("resource") ?? "", divisor: r["divisor"]?.quantity ?? Quantity(0))
    }
  }
}

extension Volume {
  init(_ v: Value) {
    self.init()
    name = v.text("name") ?? ""
    let items = { (s: Value) in s.list("items").map { KeyToPath($0) } }
    if let e = v.part("emptyDir") {
      source = .emptyDir(medium: e.text("medium") ?? "", sizeLimit: e["sizeLimit"]?.quantity)
      folderMode = e.number("mode")
    } else if let h = v.part("hostPath") {
      source = .hostPath(path: h.text("path") ?? "", type: h.text("type") ?? "")
    } else if let s = v.part("secret") {
      source = .secret(
        name: s.text("secretName") ?? "", items: items(s), defaultMode: s.number("defaultMode") ?? 420, optional: s.flag("optional") ?? false)
    } else if let c = v.part("configMap") {
      source = .configMap(name: c.text("name") ?? "", items: items(c), defaultMode: c.number("defaultMode") ?? 420, optional: c.flag("optional") ?? false)
    } else if let d = v.part("downwardAPI") {
      source = .downwardAPI(items: d.list("items").map { DownwardAPIFile($0) }, defaultMode: d.number("defaultMode") ?? 420)
    } else if let p = v.part("projected") {
      source = .projected(sources: p.list("sources").compactMap { ProjectedSource($0) }, defaultMode: p.number("defaultMode") ?? 420)
    } else if let i = v.part("image") {
      source = .image(reference: i.text("reference") ?? "", pullPolicy: i.text("pullPolicy").flatMap { PullPolicy(rawValue: $0) } ?? .ifNotPresent)
    }
  }
}

extension ProjectedSource {
  init?(_ v: Value) {
    let items = { (s: Value) in s.list("items").map { KeyToPath($0) } }
    if let s = v.part("secret") {
      self = .secret(name: s.text("name") ?? "", items: items(s), optional: s.flag("optional") ?? false)
    } else if let c = v.part("configMap") {
      self = .configMap(name: c.text("name") ?? "", items: items(c), optional: c.flag("optional") ?? false)
    } else if let d = v.part("downwardAPI") {
      self = .downwardAPI(items: d.list("items").map { DownwardAPIFile($0) })
    } else if let t = v.part("serviceAccountToken") {
      self = .serviceAccountToken(audience: t.text("audience"), expirationSeconds: t.number("expirationSeconds") ?? 3600, path: t.text("path") ?? "")
    } else {
      return nil
    }
  }
}
