// SPDX-License-Identifier: Apache-2.0
//
// `describe node`: what it has, and what its Pods take of it. Kubernetes kubectl/pkg/describe/describe.go (describeNode, describeNodeResource).
import Manifest

extension Describe {
  /// pods: all of the instance.
  public func node(_ v: Value, pods: [Value]) -> String {
    var out = Lines()
    let (meta, status) = (v["metadata"] ?? .null, v["status"] ?? .null)
    out.add("Name:\t\(meta["name"]?.string ?? "")")
    out.add("Roles:\t\(ObjectTable.roles(v))")
    out.labels("Labels", meta["labels"])
    out.annotations(meta["annotations"])
    out.add("CreationTimestamp:\t\(Self.time(meta["creationTimestamp"]))")
    let taints = (v["spec"]?["taints"]?.array ?? []).sorted { ($0["effect"]?.string ?? "", $0["key"]?.string ?? "") < ($1["effect"]?.string ?? "", $1["key"]?.string ?? "") }
    out.list("Taints:", taints.map { t in (t["key"]?.string ?? "") + (t["value"]?.string.map { $0.isEmpty ? "" : "=\($0)" } ?? "") + ":\(t["effect"]?.string ?? "")" })
    out.add("Unschedulable:\t\(v["spec"]?["unschedulable"]?.bool ?? false)")
    out.add("Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage")
    out.add("  ----\t------\t-----------------\t------------------\t------\t-------")
    for c in status["conditions"]?.array ?? [] {
      out.add(
        "  \(c["type"]?.string ?? "") \t\(c["status"]?.string ?? "") \t\(Self.time(c["lastHeartbeatTime"])) \t\(Self.time(c["lastTransitionTime"])) \t\(c["reason"]?.string ?? "") \t\(c["message"]?.string ?? "")")
    }
    out.add("Addresses:")
    for a in status["addresses"]?.array ?? [] { out.add("  \(a["type"]?.string ?? ""):\t\(a["address"]?.string ?? "")") }
    for (title, key) in [("Capacity", "capacity"), ("Allocatable", "allocatable")] {
      out.add("\(title):")
      for e in sorted(status[key]) { out.add("  \(e.key):\t\(e.value.string ?? JSON.compact(e.value))") }
    }
    out.add("System Info:")
    for (title, key) in [
      ("Machine ID", "machineID"), ("System UUID", "systemUUID"), ("Boot ID", "bootID"), ("Kernel Version", "kernelVersion"), ("OS Image", "osImage"),
      ("Operating System", "operatingSystem"), ("Architecture", "architecture"), ("Container Runtime Version", "containerRuntimeVersion"),
      ("Kubelet Version", "kubeletVersion"),
    ] {
      out.add("  \(title):\t\(status["nodeInfo"]?[key]?.string ?? "")")
    }
    allocation(status["allocatable"] ?? .null, pods, &out)
    return withEvents(out)
  }

  private func allocation(_ allocatable: Value, _ pods: [Value], _ out: inout Lines) {
    let living = pods.filter { !["Succeeded", "Failed"].contains($0["status"]?["phase"]?.string ?? "") && $0["spec"]?["nodeName"] != nil }
    out.add("Non-terminated Pods:\t(\(living.count) in total)")
    out.add("  Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge")
    out.add("  ---------\t----\t\t------------\t----------\t---------------\t-------------\t---")
    func share(_ amount: Int128, _ resource: String) -> String {
      let whole = allocatable[resource]?.string.flatMap { Quantity($0)?.nano } ?? 0
      return "\(Self.text(amount, resource)) (\(whole > 0 ? amount * 100 / whole : 0)%)"
    }
    var sums: [String: Int128] = [:]
    for p in living {
      var cells: [String] = []
      for resource in ["cpu", "memory", "ephemeral-storage"] {
        for key in ["requests", "limits"] {
          let amount = Self.total(p, key, resource)
          sums["\(key) \(resource)", default: 0] += amount
          if resource != "ephemeral-storage" { cells.append(share(amount, resource)) }
        }
      }
      out.add("  \(p["metadata"]?["namespace"]?.string ?? "")\t\(p["metadata"]?["name"]?.string ?? "")\t\t\(cells.joined(separator: "\t"))\t\(since(p["metadata"]?["creationTimestamp"], now))")
    }
    out.add("Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)")
    out.add("  Resource\tRequests\tLimits\n  --------\t--------\t------")
    for resource in ["cpu", "memory", "ephemeral-storage"] {
      out.add("  \(resource)\t\(share(sums["requests \(resource)"] ?? 0, resource))\t\(share(sums["limits \(resource)"] ?? 0, resource))")
    }
  }

  /// What a Pod asks for as a whole: its own figure, else that of its containers and sidecars, or of the init container that needs most. 10^-9 units.
  private static func total(_ pod: Value, _ key: String, _ resource: String) -> Int128 {
    func amount(_ v: Value?) -> Int128? { v?["resources"]?[key]?[resource].flatMap { $0.string.flatMap { Quantity($0)?.nano } ?? $0.int.map { Quantity($0).nano } } }
    if let own = amount(pod["spec"]) { return own }
    var running = (pod["spec"]?["containers"]?.array ?? []).reduce(Int128(0)) { $0 + (amount($1) ?? 0) }
    var sidecars: Int128 = 0
    var peak: Int128 = 0
    for c in pod["spec"]?["initContainers"]?.array ?? [] {
      let a = amount(c) ?? 0
      if c["restartPolicy"]?.string == "Always" {
        sidecars += a
        running += a
        peak = max(peak, sidecars)
      } else {
        peak = max(peak, sidecars + a)
      }
    }
    return max(running, peak) + (key == "requests" ? pod["spec"]?["overhead"]?[resource]?.string.flatMap { Quantity($0)?.nano } ?? 0 : 0)
  }

  private static func text(_ nano: Int128, _ resource: String) -> String {
    if nano == 0 { return "0" }
    if resource == "cpu" { return Quantity(milli: Int64(clamping: nano / 1_000_000)).text }
    let bytes = nano / 1_000_000_000
    for (unit, name) in [(Int128(1) << 30, "Gi"), (Int128(1) << 20, "Mi"), (Int128(1) << 10, "Ki")] where bytes % unit == 0 { return "\(bytes / unit)\(name)" }
    return "\(bytes)"
  }
}
