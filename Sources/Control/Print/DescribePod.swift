// SPDX-License-Identifier: Apache-2.0
//
// `describe pod`. Kubernetes kubectl/pkg/describe/describe.go (describePod, describeContainers). Volumes stand in DescribeVolumes.swift.
import Manifest

extension Describe {
  public func pod(_ p: Value) -> String {
    var out = Lines()
    let (meta, spec, status) = (p["metadata"] ?? .null, p["spec"] ?? .null, p["status"] ?? .null)
    out.add("Name:\t\(meta["name"]?.string ?? "")")
    out.add("Namespace:\t\(meta["namespace"]?.string ?? "")")
    if let priority = spec["priority"]?.int { out.add("Priority:\t\(priority)") }
    if let c = spec["priorityClassName"]?.string, !c.isEmpty { out.add("Priority Class Name:\t\(c)") }
    if let r = spec["runtimeClassName"]?.string, !r.isEmpty { out.add("Runtime Class Name:\t\(r)") }
    if let s = spec["serviceAccountName"]?.string, !s.isEmpty { out.add("Service Account:\t\(s)") }
    out.add("Node:\t" + (spec["nodeName"]?.string.map { "\($0)/\(status["hostIP"]?.string ?? "")" } ?? "<none>"))
    if let start = status["startTime"] { out.add("Start Time:\t\(Self.time(start))") }
    out.labels("Labels", meta["labels"])
    out.annotations(meta["annotations"])
    if meta["deletionTimestamp"] != nil, status["phase"]?.string != "Failed", status["phase"]?.string != "Succeeded" {
      out.add("Status:\tTerminating (lasts \(since(meta["deletionTimestamp"], now)))")
      out.add("Termination Grace Period:\t\(meta["deletionGracePeriodSeconds"]?.int ?? 0)s")
    } else {
      out.add("Status:\t\(status["phase"]?.string ?? "Pending")")
    }
    if let r = status["reason"]?.string, !r.isEmpty { out.add("Reason:\t\(r)") }
    if let m = status["message"]?.string, !m.isEmpty { out.add("Message:\t\(m)") }
    for (key, title) in [("seccompProfile", "SeccompProfile"), ("appArmorProfile", "AppArmorProfile")] {
      guard let s = spec["securityContext"]?[key], let type = s["type"]?.string else { continue }
      out.add("\(title):\t\(type)")
      if type == "Localhost" { out.add("LocalhostProfile:\t\(s["localhostProfile"]?.string ?? "")") }
    }
    out.add("IP:\t\(status["podIP"]?.string ?? "")")
    let ips = status["podIPs"]?.array ?? []
    out.add("IPs:" + (ips.isEmpty ? "\t<none>" : ""))
    for ip in ips { out.add("  IP:\t\(ip["ip"]?.string ?? "")") }
    if let owner = (meta["ownerReferences"]?.array ?? []).first(where: { $0["controller"]?.bool == true }) {
      out.add("Controlled By:\t\(owner["kind"]?.string ?? "")/\(owner["name"]?.string ?? "")")
    }
    for (title, key, states) in [
      ("Init Containers", "initContainers", "initContainerStatuses"), ("Containers", "containers", "containerStatuses"),
      ("Ephemeral Containers", "ephemeralContainers", "ephemeralContainerStatuses"),
    ] {
      guard let list = spec[key]?.array, !list.isEmpty else { continue }
      out.add("\(title):")
      for c in list { container(c, status[states]?.array?.first { $0["name"]?.string == c["name"]?.string }, p, &out) }
    }
    let conditions = status["conditions"]?.array ?? []
    if let gates = spec["readinessGates"]?.array, !gates.isEmpty {
      out.add("Readiness Gates:\n  Type\tStatus")
      for g in gates {
        let met = conditions.first { $0["type"]?.string == g["conditionType"]?.string }?["status"]?.string ?? "<none>"
        out.add("  \(g["conditionType"]?.string ?? "") \t\(met) ")
      }
    }
    if !conditions.isEmpty {
      out.add("Conditions:\n  Type\tStatus")
      for c in conditions { out.add("  \(c["type"]?.string ?? "") \t\(c["status"]?.string ?? "") ") }
    }
    volumes(spec["volumes"], &out)
    out.add("QoS Class:\t\(status["qosClass"]?.string ?? "BestEffort")")
    out.labels("Node-Selectors", spec["nodeSelector"])
    out.list("Tolerations:", (spec["tolerations"]?.array ?? []).sorted { ($0["key"]?.string ?? "") < ($1["key"]?.string ?? "") }.map(toleration))
    return withEvents(out)
  }

  private func toleration(_ t: Value) -> String {
    var text = t["key"]?.string ?? ""
    let value = t["value"]?.string ?? ""
    if !value.isEmpty { text += "=\(value)" }
    if let e = t["effect"]?.string, !e.isEmpty { text += ":\(e)" }
    if t["operator"]?.string == "Exists", value.isEmpty { text += text.isEmpty ? "op=Exists" : " op=Exists" }
    if let s = t["tolerationSeconds"]?.int { text += " for \(s)s" }
    return text
  }

  private func container(_ c: Value, _ s: Value?, _ pod: Value, _ out: inout Lines) {
    out.add("  \(c["name"]?.string ?? ""):")
    if let s { out.add("    Container ID:\t\(s["containerID"]?.string ?? "")") }
    out.add("    Image:\t\(c["image"]?.string ?? "")")
    if let s { out.add("    Image ID:\t\(s["imageID"]?.string ?? "")") }
    let ports = c["ports"]?.array ?? []
    for (title, key) in [("Port", "containerPort"), ("Host Port", "hostPort")] {
      let list = ports.map { "\($0[key]?.int ?? 0)/\($0["protocol"]?.string ?? "TCP")" }
      out.add("    \(title)\(list.count > 1 ? "s" : ""):\t\(list.isEmpty ? "<none>" : list.joined(separator: ", "))")
    }
    for (title, key) in [("SeccompProfile", "seccompProfile"), ("AppArmorProfile", "appArmorProfile")] {
      if let type = c["securityContext"]?[key]?["type"]?.string { out.add("    \(title):\t\(type)") }
    }
    for (title, key) in [("Command", "command"), ("Args", "args")] {
      guard let words = c[key]?.array, !words.isEmpty else { continue }
      out.add("    \(title):")
      for w in words { for line in (w.string ?? "").split(separator: "\n", omittingEmptySubsequences: false) { out.add("      \(line)") } }
    }
    if let s {
      state("State", s["state"], &out)
      if s["lastState"]?["terminated"] != nil { state("Last State", s["lastState"], &out) }
      out.add("    Ready:\t\(s["ready"]?.bool == true ? "True" : "False")")
      out.add("    Restart Count:\t\(s["restartCount"]?.int ?? 0)")
    }
    for (title, key) in [("Limits", "limits"), ("Requests", "requests")] {
      let amounts = sorted(c["resources"]?[key])
      if !amounts.isEmpty { out.add("    \(title):") }
      for a in amounts { out.add("      \(a.key):\t\(a.value.string ?? JSON.compact(a.value))") }
    }
    for (title, key) in [("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")] {
      if let p = c[key] { out.add("    \(title):\t\(probe(p))") }
    }
    environment(c, pod, &out)
    let mounts = (c["volumeMounts"]?.array ?? []).sorted { ($0["mountPath"]?.string ?? "") < ($1["mountPath"]?.string ?? "") }
    out.add("    Mounts:" + (mounts.isEmpty ? "\t<none>" : ""))
    for m in mounts {
      let path = m["subPath"]?.string.flatMap { $0.isEmpty ? nil : ",path=\"\($0)\"" } ?? ""
      out.add("      \(m["mountPath"]?.string ?? "") from \(m["name"]?.string ?? "") (\(m["readOnly"]?.bool == true ? "ro" : "rw")\(path))")
    }
  }

  private func state(_ title: String, _ v: Value?, _ out: inout Lines) {
    if let r = v?["running"] {
      out.add("    \(title):\tRunning\n      Started:\t\(Self.time(r["startedAt"]))")
    } else if let t = v?["terminated"] {
      out.add("    \(title):\tTerminated")
      if let r = t["reason"]?.string, !r.isEmpty { out.add("      Reason:\t\(r)") }
      if let m = t["message"]?.string, !m.isEmpty { out.add("      Message:\t\(m)") }
      out.add("      Exit Code:\t\(t["exitCode"]?.int ?? 0)")
      if let s = t["signal"]?.int, s > 0 { out.add("      Signal:\t\(s)") }
      out.add("      Started:\t\(Self.time(t["startedAt"]))\n      Finished:\t\(Self.time(t["finishedAt"]))")
    } else {
      out.add("    \(title):\tWaiting")
      if let r = v?["waiting"]?["reason"]?.string, !r.isEmpty { out.add("      Reason:\t\(r)") }
    }
  }

  private func probe(_ p: Value) -> String {
    let numbers =
      "delay=\(p["initialDelaySeconds"]?.int ?? 0)s timeout=\(p["timeoutSeconds"]?.int ?? 1)s period=\(p["periodSeconds"]?.int ?? 10)s #success=\(p["successThreshold"]?.int ?? 1) #failure=\(p["failureThreshold"]?.int ?? 3)"
    func port(_ v: Value?) -> String { v?.int.map { "\($0)" } ?? v?.string ?? "" }
    if let e = p["exec"] { return "exec [\((e["command"]?.array ?? []).compactMap(\.string).joined(separator: " "))] \(numbers)" }
    if let g = p["httpGet"] {
      return "http-get \((g["scheme"]?.string ?? "HTTP").lowercased())://\(g["host"]?.string ?? ""):\(port(g["port"]))\(g["path"]?.string ?? "/") \(numbers)"
    }
    if let t = p["tcpSocket"] { return "tcp-socket \(t["host"]?.string ?? ""):\(port(t["port"])) \(numbers)" }
    if let g = p["grpc"] { return "grpc <pod>:\(g["port"]?.int ?? 0) \(g["service"]?.string ?? "") \(numbers)" }
    return "unknown \(numbers)"
  }

  private func environment(_ c: Value, _ pod: Value, _ out: inout Lines) {
    if let from = c["envFrom"]?.array, !from.isEmpty {
      out.add("    Environment Variables from:")
      for e in from {
        let source = e["configMapRef"] ?? e["secretRef"]
        let prefix = e["prefix"]?.string.flatMap { $0.isEmpty ? nil : " with prefix '\($0)'" } ?? ""
        out.add("      \(source?["name"]?.string ?? "")\t\(e["configMapRef"] != nil ? "ConfigMap" : "Secret")\(prefix)\tOptional: \(source?["optional"]?.bool ?? false)")
      }
    }
    let env = c["env"]?.array ?? []
    out.add("    Environment:" + (env.isEmpty ? "\t<none>" : ""))
    for e in env {
      let name = e["name"]?.string ?? ""
      guard let from = e["valueFrom"] else {
        let lines = (e["value"]?.string ?? "").split(separator: "\n", omittingEmptySubsequences: false)
        out.add("      \(name):\t\(lines.first ?? "")")
        for l in lines.dropFirst() { out.add("      \t\(l)") }
        continue
      }
      if let f = from["fieldRef"] {
        out.add("      \(name):\t\(field(f["fieldPath"]?.string ?? "", pod)) (\(f["apiVersion"]?.string ?? "v1"):\(f["fieldPath"]?.string ?? ""))")
      } else if let r = from["resourceFieldRef"] {
        let path = (r["resource"]?.string ?? "").split(separator: ".").map(String.init)
        let amount = path.count == 2 ? c["resources"]?[path[0]]?[path[1]] : nil
        let none = path.first == "limits" ? "node allocatable" : "0"
        out.add("      \(name):\t\(amount.map { $0.string ?? JSON.compact($0) } ?? none) (\(r["resource"]?.string ?? ""))")
      } else {
        let isSecret = from["secretKeyRef"] != nil
        let ref = from["secretKeyRef"] ?? from["configMapKeyRef"]
        let place = isSecret ? "in secret" : "of config map"
        out.add("      \(name):\t<set to the key '\(ref?["key"]?.string ?? "")' \(place) '\(ref?["name"]?.string ?? "")'>\tOptional: \(ref?["optional"]?.bool ?? false)")
      }
    }
  }

  /// A field of the Pod, as fieldRef names it.
  private func field(_ path: String, _ pod: Value) -> String {
    if let open = path.firstIndex(of: "["), path.hasSuffix("]") {
      let key = path[path.index(after: open)...].dropLast().filter { $0 != "'" && $0 != "\"" }
      var v: Value? = pod
      for part in path[..<open].split(separator: ".") { v = v?[String(part)] }
      return v?[String(key)]?.string ?? ""
    }
    var v: Value? = pod
    for part in path.split(separator: ".") { v = v?[String(part)] }
    return v?.string ?? ""
  }
}
