// SPDX-License-Identifier: Apache-2.0
//
// `describe pod`, in kubectl's layout. Kubernetes kubectl/pkg/describe/describe.go (PodDescriber).
import Manifest

public enum Describe {
  public static func pod(_ p: Value, events: [Value], now: WallTime) -> String {
    var out = Lines()
    let meta = p["metadata"] ?? .null
    let spec = p["spec"] ?? .null
    let status = p["status"] ?? .null
    out.field("Name", meta["name"]?.string ?? "")
    out.field("Namespace", meta["namespace"]?.string ?? "")
    out.field("Priority", "\(spec["priority"]?.int ?? 0)")
    out.field("Service Account", spec["serviceAccountName"]?.string ?? "default")
    out.field("Node", spec["nodeName"]?.string.map { "\($0)/\(status["hostIP"]?.string ?? "")" } ?? "<none>")
    out.field("Start Time", time(status["startTime"]))
    out.map("Labels", meta["labels"], "=")
    out.map("Annotations", meta["annotations"], ": ")
    if meta["deletionTimestamp"] != nil {
      out.field("Status", "Terminating (lasts \(age(meta["deletionTimestamp"], now: now).map(humanDuration) ?? "0s"))")
      out.field("Termination Grace Period", "\(meta["deletionGracePeriodSeconds"]?.int ?? 0)s")
    } else {
      out.field("Status", status["phase"]?.string ?? "Pending")
    }
    if let r = status["reason"]?.string { out.field("Reason", r) }
    if let m = status["message"]?.string { out.field("Message", m) }
    out.field("IP", status["podIP"]?.string ?? "")
    let ips = status["podIPs"]?.array ?? []
    if ips.isEmpty { out.add("IPs:                <none>") } else {
      out.add("IPs:")
      for ip in ips { out.add("  IP:  \(ip["ip"]?.string ?? "")") }
    }
    containers("Init Containers", spec["initContainers"], status["initContainerStatuses"], &out)
    containers("Containers", spec["containers"], status["containerStatuses"], &out)
    let conditions = status["conditions"]?.array ?? []
    if !conditions.isEmpty {
      out.add("Conditions:")
      out.add("  Type                        Status")
      for c in conditions { out.add("  \(pad(c["type"]?.string ?? "", 27)) \(c["status"]?.string ?? "") ") }
    }
    volumes(spec["volumes"], &out)
    out.field("QoS Class", status["qosClass"]?.string ?? "")
    out.map("Node-Selectors", spec["nodeSelector"], "=")
    let tolerations = (spec["tolerations"]?.array ?? []).map { t in
      (t["key"]?.string ?? "") + (t["value"]?.string.map { "=\($0)" } ?? "") + (t["effect"]?.string.map { ":\($0)" } ?? "")
        + (t["operator"]?.string == "Exists" ? " op=Exists" : "") + (t["tolerationSeconds"]?.int.map { " for \($0)s" } ?? "")
    }
    out.list("Tolerations", tolerations)
    if events.isEmpty {
      out.add("Events:              <none>")
    } else {
      out.add("Events:")
      var t = Table(["  Type", "Reason", "Age", "From", "Message"])
      t.rows = [["  ----", "------", "----", "----", "-------"]]
      for e in events {
        var seen = age(e["lastTimestamp"], now: now).map(humanDuration) ?? "<unknown>"
        if let n = e["count"]?.int, n > 1 { seen += " (x\(n) over \(age(e["firstTimestamp"], now: now).map(humanDuration) ?? "<unknown>"))" }
        t.rows.append(["  " + (e["type"]?.string ?? ""), e["reason"]?.string ?? "", seen, e["source"]?["component"]?.string ?? "", e["message"]?.string ?? ""])
      }
      out.text += t.text()
    }
    return out.text
  }

  private static func containers(_ title: String, _ specs: Value?, _ statuses: Value?, _ out: inout Lines) {
    let list = specs?.array ?? []
    if list.isEmpty { return }
    out.add("\(title):")
    for c in list {
      let s = statuses?.array?.first { $0["name"]?.string == c["name"]?.string }
      out.add("  \(c["name"]?.string ?? ""):")
      func row(_ name: String, _ value: String, _ indent: Int = 4) { out.add(String(repeating: " ", count: indent) + pad(name + ":", 16) + value) }
      row("Container ID", s?["containerID"]?.string ?? "")
      row("Image", c["image"]?.string ?? "")
      row("Image ID", s?["imageID"]?.string ?? "")
      let ports = (c["ports"]?.array ?? []).map { "\($0["containerPort"]?.int ?? 0)/\($0["protocol"]?.string ?? "TCP")" }
      row(ports.count > 1 ? "Ports" : "Port", ports.isEmpty ? "<none>" : ports.joined(separator: ", "))
      for key in ["command", "args"] {
        guard let words = c[key]?.array, !words.isEmpty else { continue }
        out.add("    \(key == "args" ? "Args" : "Command"):")
        for w in words { for line in (w.string ?? "").split(separator: "\n", omittingEmptySubsequences: false) { out.add("      \(line)") } }
      }
      state("State", s?["state"], &out)
      if let last = s?["lastState"], last.members?.isEmpty == false { state("Last State", last, &out) }
      row("Ready", s?["ready"]?.bool == true ? "True" : "False")
      row("Restart Count", "\(s?["restartCount"]?.int ?? 0)")
      for key in ["limits", "requests"] {
        guard let amounts = c["resources"]?[key]?.members?.entries, !amounts.isEmpty else { continue }
        out.add("    \(key == "limits" ? "Limits" : "Requests"):")
        for a in amounts { out.add("      \(pad(a.key + ":", 9))\(a.value.string ?? JSON.compact(a.value))") }
      }
      let env = c["env"]?.array ?? []
      if env.isEmpty { row("Environment", "<none>") } else {
        out.add("    Environment:")
        for e in env { out.add("      \(e["name"]?.string ?? ""):  \(e["value"]?.string ?? (e["valueFrom"] == nil ? "" : JSON.compact(e["valueFrom"] ?? .null)))") }
      }
      let mounts = c["volumeMounts"]?.array ?? []
      if mounts.isEmpty { row("Mounts", "<none>") } else {
        out.add("    Mounts:")
        for m in mounts {
          let flags = (m["readOnly"]?.bool == true ? "ro" : "rw") + (m["subPath"]?.string.map { ",path=\"\($0)\"" } ?? "")
          out.add("      \(m["mountPath"]?.string ?? "") from \(m["name"]?.string ?? "") (\(flags))")
        }
      }
    }
  }

  private static func state(_ title: String, _ v: Value?, _ out: inout Lines) {
    func row(_ name: String, _ value: String) { out.add("      " + pad(name + ":", 14) + value) }
    if let r = v?["running"] {
      out.add("    " + pad(title + ":", 16) + "Running")
      row("Started", time(r["startedAt"]))
    } else if let w = v?["waiting"] {
      out.add("    " + pad(title + ":", 16) + "Waiting")
      if let reason = w["reason"]?.string { row("Reason", reason) }
    } else if let t = v?["terminated"] {
      out.add("    " + pad(title + ":", 16) + "Terminated")
      if let reason = t["reason"]?.string { row("Reason", reason) }
      if let message = t["message"]?.string, !message.isEmpty { row("Message", message) }
      row("Exit Code", "\(t["exitCode"]?.int ?? 0)")
      row("Started", time(t["startedAt"]))
      row("Finished", time(t["finishedAt"]))
    }
  }

  private static func volumes(_ v: Value?, _ out: inout Lines) {
    let list = v?.array ?? []
    if list.isEmpty { return out.add("Volumes:             <none>") }
    out.add("Volumes:")
    let names = [
      "emptyDir": "EmptyDir (a temporary directory that shares a pod's lifetime)", "hostPath": "HostPath (bare host directory volume)",
      "configMap": "ConfigMap (a volume populated by a ConfigMap)", "secret": "Secret (a volume populated by a Secret)",
      "projected": "Projected (a volume that contains injected data from multiple sources)", "downwardAPI": "DownwardAPI (a volume populated by information about the pod)",
    ]
    for volume in list {
      out.add("  \(volume["name"]?.string ?? ""):")
      for (key, text) in names.sorted(by: { $0.key < $1.key }) {
        guard let source = volume[key] else { continue }
        out.add("    Type:       \(text)")
        for e in source.members?.entries ?? [] { if let s = e.value.string { out.add("    \(pad(e.key.prefix(1).uppercased() + e.key.dropFirst() + ":", 12))\(s)") } }
      }
    }
  }

  private static func time(_ v: Value?) -> String { v?.string ?? "" }
  private static func pad(_ s: String, _ n: Int) -> String { s + String(repeating: " ", count: max(1, n - s.count)) }

  private struct Lines {
    var text = ""
    mutating func add(_ line: String) { text += line + "\n" }
    mutating func field(_ name: String, _ value: String) { add(Describe.pad(name + ":", 21) + value) }
    mutating func list(_ name: String, _ values: [String]) {
      field(name, values.first ?? "<none>")
      for v in values.dropFirst() { add(String(repeating: " ", count: 21) + v) }
    }
    mutating func map(_ name: String, _ v: Value?, _ separator: String) {
      list(name, (v?.members?.entries ?? []).map { $0.key + separator + ($0.value.string ?? "") }.sorted())
    }
  }
}
