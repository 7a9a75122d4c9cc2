// SPDX-License-Identifier: Apache-2.0
//
// Security contexts of Pod and containers, seccomp and AppArmor profiles and the annotations that came before their fields.

extension Validation {
  static func securityContext(_ v: Value, _ path: String, hostUsers: Bool) -> [Problem] {
    var p = userOrGroup("\(path).runAsUser", v.number("runAsUser")) + userOrGroup("\(path).runAsGroup", v.number("runAsGroup"))
    if let mount = v.text("procMount") {
      p += oneOf("\(path).procMount", mount, ["Default", "Unmasked"])
      if hostUsers, mount == "Unmasked" { p.append(.invalid("\(path).procMount", text: mount, "`hostUsers` must be false to use `Unmasked`")) }
    }
    p += seccomp(v.part("seccompProfile"), "\(path).seccompProfile")
    if v.flag("allowPrivilegeEscalation") == false {
      if v.flag("privileged") == true { p.append(.invalid(path, v, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true")) }
      for c in v["capabilities"]?.strings("add") ?? [] where c == "CAP_SYS_ADMIN" {
        p.append(.invalid(path, v, "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"))
      }
    }
    return p + appArmor(v.part("appArmorProfile"), "\(path).appArmorProfile")
  }

  /// spec.securityContext, and what of the spec it must agree with.
  static func podSecurity(_ spec: Value) -> [Problem] {
    let v = spec.part("securityContext") ?? .null
    let path = "spec.securityContext"
    var p: [Problem] = []
    for key in ["fsGroup", "runAsUser", "runAsGroup"] { p += userOrGroup("\(path).\(key)", v.number(key)) }
    for (i, g) in v.list("supplementalGroups").enumerated() { p += userOrGroup("\(path).supplementalGroups[\(i)]", g.int) }
    if spec.flag("shareProcessNamespace") == true, spec.flag("hostPID") == true {
      p.append(.invalid("\(path).shareProcessNamespace", .bool(true), "ShareProcessNamespace and HostPID cannot both be enabled", at: "spec.shareProcessNamespace"))
    }
    p += sysctls(v.list("sysctls"), "\(path).sysctls", hostNetwork: spec.flag("hostNetwork") == true, hostIPC: spec.flag("hostIPC") == true)
    p += oneOf("\(path).fsGroupChangePolicy", v.text("fsGroupChangePolicy"), ["Always", "OnRootMismatch"])
    p += seccomp(v.part("seccompProfile"), "\(path).seccompProfile") + appArmor(v.part("appArmorProfile"), "\(path).appArmorProfile")
    p += oneOf("\(path).supplementalGroupsPolicy", v.text("supplementalGroupsPolicy"), ["Merge", "Strict"])
    p += oneOf("\(path).seLinuxChangePolicy", v.text("seLinuxChangePolicy"), ["MountOption", "Recursive"])
    guard spec.flag("hostUsers") == false else { return p }
    for (key, name) in [("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")] where spec.flag(key) == true {
      p.append(.forbidden("spec.\(name)", "when `hostUsers` is false", at: "spec.\(key)"))
    }
    return p
  }

  private static func sysctls(_ list: [Value], _ path: String, hostNetwork: Bool, hostIPC: Bool) -> [Problem] {
    var p: [Problem] = []
    var names: Set<String> = []
    for (i, v) in list.enumerated() {
      let here = "\(path)[\(i)].name"
      let name = v.text("name") ?? ""
      if name.isEmpty {
        p.append(.required(here))
      } else if !Names.isSysctl(name) {
        p.append(
          .invalid(here, text: name, "must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"))
      } else if names.contains(name) {
        p.append(.duplicate(here, name))
      }
      names.insert(name)
      let dotted = String(name.map { $0 == "/" ? "." : $0 })
      if hostNetwork, dotted.hasPrefix("net.") { p.append(.invalid(here, text: name, "may not be specified when 'hostNetwork' is true")) }
      let ipc = dotted == "kernel.sem" || ["kernel.shm", "kernel.msg", "fs.mqueue."].contains { dotted.hasPrefix($0) }
      if hostIPC, ipc { p.append(.invalid(here, text: name, "may not be specified when 'hostIPC' is true")) }
    }
    return p
  }

  private static func seccomp(_ v: Value?, _ path: String) -> [Problem] {
    guard let v else { return [] }
    let (type, local) = (v.text("type") ?? "", v.text("localhostProfile"))
    var p: [Problem] = type.isEmpty
      ? [.required("\(path).type", "type is required when seccompProfile is set")] : oneOf("\(path).type", type, ["Localhost", "RuntimeDefault", "Unconfined"])
    if type == "Localhost" {
      p += local.map { descending("\(path).localhostProfile", $0) } ?? [.required("\(path).localhostProfile", "must be set when seccomp type is Localhost")]
    } else if local != nil {
      p.append(.invalid("\(path).localhostProfile", v, "can only be set when seccomp type is Localhost"))
    }
    return p
  }

  private static func appArmor(_ v: Value?, _ path: String) -> [Problem] {
    guard let v else { return [] }
    let (type, local) = (v.text("type") ?? "", v.text("localhostProfile"))
    let here = "\(path).localhostProfile"
    switch type {
    case "Localhost":
      guard let local, !local.isEmpty else { return [.required(here, "must be set when AppArmor type is Localhost")] }
      var p: [Problem] = []
      if local.first?.isWhitespace ?? false || local.last?.isWhitespace ?? false { p.append(.invalid(here, text: local, "must not be padded with whitespace")) }
      if local.utf8.count > 4095 { p.append(.tooLong(here, 4095)) }
      return p
    case "RuntimeDefault", "Unconfined":
      return local.map { [.invalid(here, text: $0, "can only be set when AppArmor type is Localhost")] } ?? []
    case "": return [.required("\(path).type", "type is required when appArmorProfile is set")]
    default: return [.unsupported("\(path).type", type, ["Localhost", "RuntimeDefault", "Unconfined"])]
    }
  }

  // MARK: annotations

  private static let seccompPod = "seccomp.security.alpha.kubernetes.io/pod"
  private static let seccompContainer = "container.seccomp.security.alpha.kubernetes.io/"
  private static let appArmorContainer = "container.apparmor.security.beta.kubernetes.io/"

  /// Annotations of a Pod that mean something to the API server.
  static func podAnnotations(_ metadata: Value, _ spec: Value) -> [Problem] {
    let all = metadata.map("annotations")
    let path = "metadata.annotations"
    var p: [Problem] = []
    let containers = ["initContainers", "containers"].flatMap { key in spec.list(key).enumerated().map { ("spec.\(key)[\($0)]", $1) } }
    for (key, text) in all.sorted(by: { $0.key < $1.key }) {
      let place = "\(path).\(key)"
      if key == "kubernetes.io/config.mirror", (spec.text("nodeName") ?? "").isEmpty {
        p.append(.invalid("\(path)[\(key)]", text: text, "must set spec.nodeName if mirror pod annotation is set", at: place))
      }
      if key == "controller.kubernetes.io/pod-deletion-cost", Int32(text).map({ "\($0)" }) != text {
        p.append(.invalid("\(path)[\(key)]", text: text, "must be a 32bit integer", at: place))
      }
      if key == seccompPod || key.hasPrefix(seccompContainer) { p += seccompText(text, "\(path).\(key)", place) }
      if key.hasPrefix(appArmorContainer) {
        let name = String(key.dropFirst(appArmorContainer.count))
        if !containers.contains(where: { $1.text("name") == name }) { p.append(.invalid("\(path)[\(key)]", text: name, "container not found", at: place)) }
        if !text.isEmpty, text != "runtime/default", text != "unconfined", !text.hasPrefix("localhost/") {
          p.append(.invalid("\(path)[\(key)]", text: text, "invalid AppArmor profile name: \"\(text)\"", at: place))
        }
      }
    }
    // An annotation beside its field says the same.
    if let text = all[seccompPod], let field = spec["securityContext"]?.part("seccompProfile") { p += agree(text, field, "spec.securityContext.seccompProfile", "seccomp") }
    let podProfile = spec["securityContext"]?.part("appArmorProfile")
    for (here, c) in containers {
      let (name, context) = (c.text("name") ?? "", c.part("securityContext"))
      if let text = all[seccompContainer + name], let field = context?.part("seccompProfile") { p += agree(text, field, "\(here).securityContext.seccompProfile", "seccomp") }
      if let text = all[appArmorContainer + name], let field = context?.part("appArmorProfile") ?? podProfile {
        p += agree(text, field, "\(here).securityContext.appArmorProfile", "apparmor")
      }
    }
    return p
  }

  private static func seccompText(_ text: String, _ path: String, _ place: String) -> [Problem] {
    if ["runtime/default", "docker/default", "unconfined"].contains(text) { return [] }
    if text.hasPrefix("localhost/") { return descending(path, String(text.dropFirst("localhost/".count)), at: place) }
    return [.invalid(path, text: text, "must be a valid seccomp profile", at: place)]
  }

  private static func agree(_ text: String, _ field: Value, _ path: String, _ what: String) -> [Problem] {
    let mismatch = Problem.forbidden("\(path).type", "\(what) type in annotation and field must match")
    switch field.text("type") {
    case "Unconfined": return text == "unconfined" ? [] : [mismatch]
    case "RuntimeDefault": return text == "runtime/default" || what == "seccomp" && text == "docker/default" ? [] : [mismatch]
    case "Localhost":
      if !text.hasPrefix("localhost/") { return [mismatch] }
      let same = field.text("localhostProfile") == String(text.dropFirst("localhost/".count))
      return same ? [] : [.forbidden("\(path).localhostProfile", "\(what) profile in annotation and field must match")]
    default: return []
    }
  }
}
