// SPDX-License-Identifier: Apache-2.0
//
// A Pod's rules: what belongs to the Pod as a whole. Containers: ContainerValidation.

extension Validation {
  public static func pod(_ pod: Pod) -> [Problem] {
    let s = pod.spec
    let v = pod.object["spec"] ?? .null
    var p = metadata(pod.metadata, name: Names.subdomain)
    p += oneOf("spec.restartPolicy", v.text("restartPolicy"), ["Always", "OnFailure", "Never"])
    p += oneOf("spec.dnsPolicy", s.dnsPolicy, ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"])
    p += range("spec.terminationGracePeriodSeconds", s.terminationGracePeriodSeconds, 0)
    p += range("spec.activeDeadlineSeconds", s.activeDeadlineSeconds, 1, Int64(Int32.max))
    if s.containers.isEmpty { p.append(.required("spec.containers")) }
    for (path, name) in [("spec.hostname", s.hostname), ("spec.subdomain", s.subdomain)] {
      if let name, let why = Names.label(name) { p.append(.invalid(path, text: name, why)) }
    }
    if let n = s.hostnameOverride, let why = Names.subdomain(n) { p.append(.invalid("spec.hostnameOverride", text: n, why)) }
    if let why = Names.subdomain(s.serviceAccountName) { p.append(.invalid("spec.serviceAccountName", text: s.serviceAccountName, why)) }
    if s.shareProcessNamespace && s.hostPID { p.append(.invalid("spec.shareProcessNamespace", "true", "ShareProcessNamespace and HostPID cannot both be enabled")) }
    if let os = v["os"]?.text("name") {
      p += oneOf("spec.os.name", os, ["linux", "windows"])
      if os == "windows" { p.append(.forbidden("spec.os.name", "this node runs linux")) }
    }
    for (i, a) in s.hostAliases.enumerated() where !isAddress(a.ip) {
      p.append(.invalid("spec.hostAliases[\(i)].ip", text: a.ip, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"))
    }
    p += dns(s)
    p += volumes(s)
    var names: [String: String] = [:]
    let lists = [("initContainers", s.initContainers), ("containers", s.containers)]
    for (key, list) in lists {
      for (i, c) in list.enumerated() {
        let path = "spec.\(key)[\(i)]"
        p += container(c, v[key]?[i] ?? .null, path, isInit: key == "initContainers", s)
        if !c.name.isEmpty, names.updateValue(path, forKey: c.name) != nil { p.append(.duplicate("\(path).name", c.name)) }
      }
    }
    p += ports(s)
    p += podSecurity(s)
    for (i, t) in s.tolerations.enumerated() {
      p += oneOf("spec.tolerations[\(i)].operator", t.op, ["Equal", "Exists", "Lt", "Gt"])
      p += oneOf("spec.tolerations[\(i)].effect", t.effect, ["NoSchedule", "PreferNoSchedule", "NoExecute"])
    }
    return p
  }

  static func isAddress(_ s: String) -> Bool {
    if s.contains(":") {
      let halves = s.split(separator: ":", omittingEmptySubsequences: false)
      return halves.count <= 8 && halves.count >= 3 && halves.allSatisfy { $0.count <= 4 && $0.allSatisfy(\.isHexDigit) } && (s.contains("::") || halves.count == 8)
    }
    let parts = s.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil && ($0.count == 1 || !$0.hasPrefix("0")) }
  }

  private static func dns(_ s: PodSpec) -> [Problem] {
    var p: [Problem] = []
    if s.dnsPolicy == "None", s.dnsConfig?.nameservers.isEmpty ?? true {
      p.append(.required("spec.dnsConfig.nameservers", "must provide at least one DNS nameserver when `dnsPolicy` is None"))
    }
    for (i, n) in (s.dnsConfig?.nameservers ?? []).enumerated() where !isAddress(n) {
      p.append(.invalid("spec.dnsConfig.nameservers[\(i)]", text: n, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"))
    }
    if (s.dnsConfig?.nameservers.count ?? 0) > 3 { p.append(.invalid("spec.dnsConfig.nameservers", "\(s.dnsConfig?.nameservers ?? [])", "must not have more than 3 nameservers")) }
    return p
  }

  private static func volumes(_ s: PodSpec) -> [Problem] {
    var p: [Problem] = []
    var seen: Set<String> = []
    for (i, v) in s.volumes.enumerated() {
      let path = "spec.volumes[\(i)]"
      if v.name.isEmpty {
        p.append(.required("\(path).name"))
      } else if let why = Names.label(v.name) {
        p.append(.invalid("\(path).name", text: v.name, why))
      }
      if !seen.insert(v.name).inserted { p.append(.duplicate("\(path).name", v.name)) }
      switch v.source {
      case .emptyDir(let medium, let limit):
        p += oneOf("\(path).emptyDir.medium", medium, ["", "Memory"])
        if let limit, limit.nano < 0 { p.append(.forbidden("\(path).emptyDir.sizeLimit", "SizeLimit field must be a valid resource quantity")) }
      case .hostPath(let at, let type):
        if at.isEmpty { p.append(.required("\(path).hostPath.path")) }
        if at.split(separator: "/").contains("..") { p.append(.invalid("\(path).hostPath.path", text: at, "must not contain '..'")) }
        p += oneOf(
          "\(path).hostPath.type", type, ["", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"])
      case .secret(let name, let items, let mode, _):
        if name.isEmpty { p.append(.required("\(path).secret.secretName")) }
        p += keys(items, "\(path).secret.items") + range("\(path).secret.defaultMode", mode, 0, 0o777)
      case .configMap(let name, let items, let mode, _):
        if name.isEmpty { p.append(.required("\(path).configMap.name")) }
        p += keys(items, "\(path).configMap.items") + range("\(path).configMap.defaultMode", mode, 0, 0o777)
      case .downwardAPI(let items, let mode):
        p += range("\(path).downwardAPI.defaultMode", mode, 0, 0o777)
        for (j, f) in items.enumerated() { p += relative("\(path).downwardAPI.items[\(j)].path", f.path) }
      case .projected(let sources, let mode): p += range("\(path).projected.defaultMode", mode, 0, 0o777) + tokens(sources, "\(path).projected.sources")
      case .image(let reference, _): if reference.isEmpty { p.append(.required("\(path).image.reference")) }
      case .persistentVolumeClaim: break
      }
    }
    return p
  }

  private static func tokens(_ sources: [ProjectedSource], _ path: String) -> [Problem] {
    sources.enumerated().flatMap { i, s -> [Problem] in
      guard case .serviceAccountToken(_, let seconds, let file) = s else { return [] }
      let at = "\(path)[\(i)].serviceAccountToken"
      let refusal = TokenClaims.refusal(seconds: seconds).map { [Problem.invalid("\(at).expirationSeconds", "\(seconds)", $0.detail)] } ?? []
      return refusal + relative("\(at).path", file)
    }
  }

  private static func keys(_ items: [KeyToPath], _ path: String) -> [Problem] {
    items.enumerated().flatMap { i, k in
      (k.key.isEmpty ? [Problem.required("\(path)[\(i)].key")] : []) + relative("\(path)[\(i)].path", k.path) + range("\(path)[\(i)].mode", k.mode, 0, 0o777)
    }
  }

  static func relative(_ path: String, _ value: String) -> [Problem] {
    if value.isEmpty { return [.required(path)] }
    if value.hasPrefix("/") { return [.invalid(path, text: value, "must be a relative path")] }
    if value.split(separator: "/").contains("..") { return [.invalid(path, text: value, "must not contain '..'")] }
    return []
  }

  private static func ports(_ s: PodSpec) -> [Problem] {
    var p: [Problem] = []
    var seen: Set<String> = []
    for (i, c) in s.containers.enumerated() {
      for (j, port) in c.ports.enumerated() {
        guard let host = port.hostPort, host != 0 else { continue }
        let path = "spec.containers[\(i)].ports[\(j)].hostPort"
        if s.hostNetwork && host != port.containerPort { p.append(.invalid(path, "\(host)", "must match `containerPort` when `hostNetwork` is true")) }
        let key = "\(port.protocolName)/\(port.hostIP ?? "")/\(host)"
        if !seen.insert(key).inserted { p.append(.duplicate(path, key)) }
      }
    }
    return p
  }

  private static func podSecurity(_ s: PodSpec) -> [Problem] {
    let c = s.securityContext
    let path = "spec.securityContext"
    var p = range("\(path).runAsUser", c.runAsUser, 0, Int64(Int32.max)) + range("\(path).runAsGroup", c.runAsGroup, 0, Int64(Int32.max))
    p += range("\(path).fsGroup", c.fsGroup, 0, Int64(Int32.max))
    for (i, g) in c.supplementalGroups.enumerated() { p += range("\(path).supplementalGroups[\(i)]", g, 0, Int64(Int32.max)) }
    p += oneOf("\(path).fsGroupChangePolicy", c.fsGroupChangePolicy, ["Always", "OnRootMismatch"])
    p += oneOf("\(path).supplementalGroupsPolicy", c.supplementalGroupsPolicy, ["Merge", "Strict"])
    p += profile(c.seccompProfile, "\(path).seccompProfile") + profile(c.appArmorProfile, "\(path).appArmorProfile")
    var names: Set<String> = []
    for (i, y) in c.sysctls.enumerated() {
      if y.name.isEmpty { p.append(.required("\(path).sysctls[\(i)].name")) }
      if !names.insert(y.name).inserted { p.append(.duplicate("\(path).sysctls[\(i)].name", y.name)) }
    }
    return p
  }

  static func profile(_ s: SecurityProfile?, _ path: String) -> [Problem] {
    guard let s else { return [] }
    var p = oneOf("\(path).type", s.type, ["RuntimeDefault", "Unconfined", "Localhost"])
    if s.type == "Localhost", s.localhostProfile ?? "" == "" { p.append(.required("\(path).localhostProfile", "must be set when seccomp type is Localhost")) }
    if s.type != "Localhost", s.localhostProfile != nil { p.append(.invalid("\(path).localhostProfile", text: s.localhostProfile ?? "", "can only be set when seccomp type is Localhost")) }
    return p
  }
}
