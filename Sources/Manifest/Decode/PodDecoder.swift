// SPDX-License-Identifier: Apache-2.0
//
// A Value (checked before, or stored by us) into the typed Pod. Lenient: what is missing gets the type's default; complaints are StrictCheck's and
// Validation's business.

extension Pod {
  /// From an object as it was stored.
  public init(stored object: Value) {
    self.init()
    self.object = object
    metadata = ObjectMeta(object["metadata"] ?? .null)
    spec = PodSpec(object["spec"] ?? .null)
  }
}

extension ObjectMeta {
  public init(_ v: Value) {
    self.init()
    name = v.text("name") ?? ""
    namespace = v.text("namespace") ?? "default"
    generateName = v.text("generateName")
    uid = v.text("uid") ?? ""
    labels = v.map("labels")
    annotations = v.map("annotations")
    finalizers = v.list("finalizers").compactMap(\.string)
    generation = v.number("generation") ?? 1
    resourceVersion = v.text("resourceVersion")
    creationTimestamp = v.text("creationTimestamp").flatMap { WallTime(rfc3339: $0) }
    deletionTimestamp = v.text("deletionTimestamp").flatMap { WallTime(rfc3339: $0) }
    deletionGracePeriodSeconds = v.number("deletionGracePeriodSeconds")
  }
}

extension Secret {
  public init(stored v: Value) {
    self.init()
    metadata = ObjectMeta(v["metadata"] ?? .null)
    type = v.text("type") ?? "Opaque"
    immutable = v.flag("immutable") ?? false
    for e in v["data"]?.members?.entries ?? [] { data[e.key] = e.value.string.flatMap { Base64.decode($0) } ?? [] }
    for e in v["stringData"]?.members?.entries ?? [] { data[e.key] = Array((e.value.string ?? "").utf8) }
  }
}

extension ConfigMap {
  public init(stored v: Value) {
    self.init()
    metadata = ObjectMeta(v["metadata"] ?? .null)
    immutable = v.flag("immutable") ?? false
    for e in v["data"]?.members?.entries ?? [] { data[e.key] = Array((e.value.string ?? "").utf8) }
    for e in v["binaryData"]?.members?.entries ?? [] { binaryData[e.key] = e.value.string.flatMap { Base64.decode($0) } ?? [] }
  }
}

extension ServiceAccount {
  public init(stored v: Value) {
    self.init()
    metadata = ObjectMeta(v["metadata"] ?? .null)
    automountServiceAccountToken = v.flag("automountServiceAccountToken")
  }
}

extension PodSpec {
  init(_ v: Value) {
    self.init()
    initContainers = v.list("initContainers").map { Container($0) }
    containers = v.list("containers").map { Container($0) }
    ephemeralContainers = v.list("ephemeralContainers").map { Container($0) }
    volumes = v.list("volumes").map { Volume($0) }
    restartPolicy = v.text("restartPolicy").flatMap { RestartPolicy(rawValue: $0) } ?? .always
    // A negative one counts as 1.
    terminationGracePeriodSeconds = v.number("terminationGracePeriodSeconds").map { $0 < 0 ? 1 : $0 } ?? 30
    activeDeadlineSeconds = v.number("activeDeadlineSeconds")
    shareProcessNamespace = v.flag("shareProcessNamespace") ?? false
    hostNetwork = v.flag("hostNetwork") ?? false
    hostPID = v.flag("hostPID") ?? false
    hostIPC = v.flag("hostIPC") ?? false
    hostUsers = v.flag("hostUsers") ?? true
    hostname = v.text("hostname")
    hostnameOverride = v.text("hostnameOverride")
    subdomain = v.text("subdomain")
    setHostnameAsFQDN = v.flag("setHostnameAsFQDN") ?? false
    dnsPolicy = v.text("dnsPolicy") ?? "ClusterFirst"
    dnsConfig = v.part("dnsConfig").map { d in
      var c = DNSConfig()
      c.nameservers = d.strings("nameservers")
      c.searches = d.strings("searches")
      c.options = d.list("options").map { .init(name: $0.text("name") ?? "", value: $0.text("value")) }
      return c
    }
    hostAliases = v.list("hostAliases").map { a in
      var h = HostAlias()
      h.ip = a.text("ip") ?? ""
      h.hostnames = a.strings("hostnames")
      return h
    }
    if let s = v.part("securityContext") { securityContext = PodSecurityContext(s) }
    serviceAccountName = v.text("serviceAccountName") ?? v.text("serviceAccount") ?? "default"
    automountServiceAccountToken = v.flag("automountServiceAccountToken")
    imagePullSecrets = v.list("imagePullSecrets").compactMap { $0.text("name") }
    nodeName = v.text("nodeName")
    nodeSelector = v.map("nodeSelector")
    tolerations = v.list("tolerations").map { t in
      var o = Toleration()
      o.key = t.text("key")
      o.op = t.text("operator") ?? "Equal"
      o.value = t.text("value")
      o.effect = t.text("effect")
      o.tolerationSeconds = t.number("tolerationSeconds")
      return o
    }
    readinessGates = v.list("readinessGates").compactMap { $0.text("conditionType") }
    schedulingGates = v.list("schedulingGates").compactMap { $0.text("name") }
    if let r = v.part("resources") { resources = ResourceRequirements(r) }
    enableServiceLinks = v.flag("enableServiceLinks") ?? true
  }
}

extension PodSecurityContext {
  init(_ v: Value) {
    self.init()
    runAsUser = v.number("runAsUser")
    runAsGroup = v.number("runAsGroup")
    runAsNonRoot = v.flag("runAsNonRoot")
    supplementalGroups = v.list("supplementalGroups").compactMap(\.int)
    supplementalGroupsPolicy = v.text("supplementalGroupsPolicy") ?? "Merge"
    fsGroup = v.number("fsGroup")
    fsGroupChangePolicy = v.text("fsGroupChangePolicy") ?? "Always"
    sysctls = v.list("sysctls").map { .init(name: $0.text("name") ?? "", value: $0.text("value") ?? "") }
    seccompProfile = v.part("seccompProfile").map { SecurityProfile($0) }
    appArmorProfile = v.part("appArmorProfile").map { SecurityProfile($0) }
  }
}

extension SecurityProfile {
  init(_ v: Value) {
    self.init()
    type = v.text("type") ?? "Unconfined"
    localhostProfile = v.text("localhostProfile")
  }
}

extension ResourceRequirements {
  init(_ v: Value) {
    self.init()
    func amounts(_ key: String) -> [String: Quantity] {
      (v[key]?.members?.entries ?? []).reduce(into: [:]) { all, e in all[e.key] = e.value.quantity }
    }
    limits = amounts("limits")
    requests = amounts("requests")
  }
}

// MARK: reading members

extension Value {
  func part(_ key: String) -> Value? { self[key].flatMap { $0 == .null ? nil : $0 } }
  func text(_ key: String) -> String? { self[key]?.string }
  func number(_ key: String) -> Int64? {
    switch self[key] {
    case .int(let i): i
    case .double(let d): Int64(exactly: d)
    default: nil
    }
  }
  func flag(_ key: String) -> Bool? { self[key]?.bool }
  func list(_ key: String) -> [Value] { self[key]?.array ?? [] }
  /// A null among them is the empty text, as to the API.
  func strings(_ key: String) -> [String] { list(key).compactMap { $0 == .null ? "" : $0.string } }
  func map(_ key: String) -> [String: String] {
    (self[key]?.members?.entries ?? []).reduce(into: [:]) { all, e in all[e.key] = e.value.string }
  }
  var quantity: Quantity? {
    switch self {
    case .string(let s): Quantity(s)
    case .int(let i): Quantity(i)
    case .double(let d): Quantity(JSON.number(d))
    default: nil
    }
  }
  func intOrString(_ key: String) -> IntOrString? {
    switch self[key] {
    case .int(let i): .int(i)
    case .string(let s): .string(s)
    default: nil
    }
  }
}
