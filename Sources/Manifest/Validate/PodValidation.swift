// SPDX-License-Identifier: Apache-2.0
//
// A Pod's rules, from the top: open this file first. What belongs to the Pod as a whole is here; the rest is one file a concern.
// Kubernetes: pkg/apis/core/validation (ValidatePodCreate), 1.37.

extension Validation {
  /// object: the whole Pod with its defaults.
  public static func pod(_ object: Value) -> [Problem] {
    let metadata = object["metadata"] ?? .null
    let spec = object["spec"] ?? .null
    var p = self.metadata(metadata) + podAnnotations(metadata, spec)
    let (volumeProblems, mountable) = volumes(spec)
    let around = surroundings(spec, mountable)
    let (containers, initContainers) = (spec.list("containers"), spec.list("initContainers"))
    p += volumeProblems
    p += self.containers(containers, around) + self.initContainers(initContainers, beside: containers, around)
    p += podResources(spec)
    p += hostNetwork(spec, containers)
    p += oneOf("spec.restartPolicy", spec.text("restartPolicy"), ["Always", "OnFailure", "Never"])
    p += oneOf("spec.dnsPolicy", spec.text("dnsPolicy"), ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"])
    p += podSecurity(spec) + scheduling(spec) + dnsConfig(spec) + names(spec)
    p += between("spec.activeDeadlineSeconds", spec.number("activeDeadlineSeconds"), 1, Int64(Int32.max))
    for (i, a) in spec.list("hostAliases").enumerated() {
      let ip = a.text("ip") ?? ""
      p += Problem.each("spec.hostAliases[\(i)].ip", ip, Names.address(ip))
      for (j, h) in a.strings("hostnames").enumerated() { p += Problem.each("spec.hostAliases[\(i)].hostnames[\(j)]", h, Names.subdomain(h)) }
    }
    if let overhead = spec.part("overhead") { p += resources(.object([("limits", overhead)]), "spec.overhead", of: .container) }
    if let os = around.os {
      if os.isEmpty { p.append(.required("spec.os.name", "cannot be empty")) } else { p += oneOf("spec.os", os, ["linux", "windows"], at: "spec.os.name") }
      if os == "windows" { p.append(.forbidden("spec.os.name", "this node runs linux")) }
    }
    return p + fileKeyVolumes(spec)
  }

  /// On the host's network a container's port is the host's.
  private static func hostNetwork(_ spec: Value, _ containers: [Value]) -> [Problem] {
    guard spec.flag("hostNetwork") == true else { return [] }
    var p: [Problem] = []
    for (i, c) in containers.enumerated() {
      for (j, port) in c.list("ports").enumerated() {
        let host = port.number("hostPort") ?? 0
        if host != port.number("containerPort") ?? 0 {
          p.append(.invalid("spec.containers[\(i)].ports[\(j)].hostPort", host, "must match `containerPort` when `hostNetwork` is true"))
        }
      }
    }
    return p
  }

  private static func names(_ spec: Value) -> [Problem] {
    var p: [Problem] = []
    for (key, rule) in [("serviceAccountName", Names.subdomain), ("hostname", Names.label), ("subdomain", Names.label)] {
      if let n = spec.text(key), !n.isEmpty { p += Problem.each("spec.\(key)", n, rule(n)) }
    }
    guard let own = spec.text("hostnameOverride") else { return p }
    let path = "spec.hostnameOverride"
    for key in ["setHostnameAsFQDN", "hostNetwork"] where spec.flag(key) == true { p.append(.forbidden(path, "may not be specified when \(key) is true")) }
    if own.utf8.count > 64 { p.append(.tooLong(path, 64)) }
    return p + Problem.each(path, own, Names.subdomain(own))
  }

  private static func dnsConfig(_ spec: Value) -> [Problem] {
    let path = "spec.dnsConfig"
    let config = spec.part("dnsConfig")
    if spec.text("dnsPolicy") == "None" {
      if config == nil { return [.required(path, "must provide `dnsConfig` when `dnsPolicy` is None")] }
      if config?.list("nameservers").isEmpty ?? true {
        return [.required("\(path).nameservers", "must provide at least one DNS nameserver when `dnsPolicy` is None")]
      }
    }
    guard let config else { return [] }
    var p: [Problem] = []
    let (servers, searches) = (config.strings("nameservers"), config.strings("searches"))
    if servers.count > 3 { p.append(.invalid("\(path).nameservers", .strings(servers), "must not have more than 3 nameservers")) }
    for (i, n) in servers.enumerated() { p += Problem.each("\(path).nameservers[\(i)]", n, Names.address(n)) }
    if searches.count > 32 { p.append(.invalid("\(path).searches", .strings(searches), "must not have more than 32 search paths")) }
    if searches.joined(separator: " ").utf8.count > 2048 {
      p.append(.invalid("\(path).searches", .strings(searches), "must not have more than 2048 characters (including spaces) in the search list"))
    }
    for (i, s) in searches.enumerated() where s != "." {
      let name = s.hasSuffix(".") ? String(s.dropLast()) : s
      p += Problem.each("\(path).searches[\(i)]", name, Names.searchDomain(name))
    }
    for (i, o) in config.list("options").enumerated() where (o.text("name") ?? "").isEmpty { p.append(.required("\(path).options[\(i)]", "must not be empty")) }
    return p
  }

  /// Files with variables lie in an emptyDir.
  private static func fileKeyVolumes(_ spec: Value) -> [Problem] {
    var p: [Problem] = []
    for key in ["initContainers", "containers"] {
      for (i, c) in spec.list(key).enumerated() {
        for (j, e) in c.list("env").enumerated() {
          guard let name = e["valueFrom"]?["fileKeyRef"]?.text("volumeName") else { continue }
          let path = "spec.\(key)[\(i)].env[\(j)].valueFrom.fileKeyRef.volumeName"
          guard let volume = spec.list("volumes").first(where: { $0.text("name") == name }) else {
            p.append(.notFound(path, name))
            continue
          }
          if volume.part("emptyDir") == nil { p.append(.invalid(path, text: name, "referenced volume must be of type emptyDir")) }
        }
      }
    }
    return p
  }
}
