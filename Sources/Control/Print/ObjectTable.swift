// SPDX-License-Identifier: Apache-2.0
//
// The tables of `get`, one for each kind. Kubernetes pkg/printers/internalversion/printers.go.
import Manifest

public enum ObjectTable {
  public struct Options: Sendable {
    public var wide = false
    /// A NAMESPACE column (-A).
    public var namespaces = false
    /// What stands before the names: pod/ where several kinds are shown.
    public var prefix = ""
    public var labels = false
    /// Labels with a column of their own (-L).
    public var columns: [String] = []
    public init() {}
  }

  /// All objects of one kind.
  public static func make(_ kind: String, _ objects: [Value], now: WallTime, _ o: Options = Options()) -> Table {
    let (head, name, cells) = columns(kind, now, o.wide)
    var t = Table((o.namespaces ? ["NAMESPACE"] : []) + head + o.columns.map { ($0.split(separator: "/").last.map(String.init) ?? $0).uppercased() })
    if o.labels { t.head.append("LABELS") }
    for v in objects {
      let meta = v["metadata"]
      var row = cells(v)
      if let name { row[name] = o.prefix + row[name] }
      if o.namespaces { row.insert(meta?["namespace"]?.string ?? "", at: 0) }
      row += o.columns.map { meta?["labels"]?[$0]?.string ?? "" }
      if o.labels {
        let all = meta?["labels"]?.members?.entries.map { "\($0.key)=\($0.value.string ?? "")" }.sorted() ?? []
        row.append(all.isEmpty ? "<none>" : all.joined(separator: ","))
      }
      t.rows.append(row)
    }
    return t
  }

  /// The columns of a kind: their heads, which of them is the name, and the cells of an object.
  private static func columns(_ kind: String, _ now: WallTime, _ wide: Bool) -> ([String], Int?, (Value) -> [String]) {
    func name(_ v: Value) -> String { v["metadata"]?["name"]?.string ?? "" }
    func old(_ v: Value) -> String { since(v["metadata"]?["creationTimestamp"], now) }
    func count(_ v: Value, _ key: String) -> Int { v[key]?.members?.entries.count ?? v[key]?.array?.count ?? 0 }
    switch kind {
    case "Pod": return (PodTable.head + (wide ? PodTable.wideHead : []), 0, { PodTable.cells($0, now, wide: wide) })
    case "Secret":
      return (["NAME", "TYPE", "DATA", "AGE"], 0, { [name($0), $0["type"]?.string ?? "Opaque", "\(count($0, "data"))", old($0)] })
    case "ConfigMap": return (["NAME", "DATA", "AGE"], 0, { [name($0), "\(count($0, "data") + count($0, "binaryData"))", old($0)] })
    case "ServiceAccount": return (["NAME", "SECRETS", "AGE"], 0, { [name($0), "\(count($0, "secrets"))", old($0)] })
    case "Node":
      let more = ["INTERNAL-IP", "EXTERNAL-IP", "OS-IMAGE", "KERNEL-VERSION", "CONTAINER-RUNTIME"]
      return (["NAME", "STATUS", "ROLES", "AGE", "VERSION"] + (wide ? more : []), 0, { node($0, now, wide) })
    case "Event":
      let head = ["LAST SEEN", "TYPE", "REASON", "OBJECT"]
      if !wide { return (head + ["MESSAGE"], nil, { event($0, now) + [$0["message"]?.string ?? ""] }) }
      return (
        head + ["SUBOBJECT", "SOURCE", "MESSAGE", "FIRST SEEN", "COUNT", "NAME"], 9,
        { e in
          event(e, now) + [
            e["involvedObject"]?["fieldPath"]?.string ?? "", source(e), e["message"]?.string ?? "", since(e["firstTimestamp"], now),
            "\(e["count"]?.int ?? 1)", name(e),
          ]
        }
      )
    default: return (["NAME", "AGE"], 0, { [name($0), old($0)] })
    }
  }

  private static func event(_ e: Value, _ now: WallTime) -> [String] {
    [since(e["lastTimestamp"], now), e["type"]?.string ?? "", e["reason"]?.string ?? "", about(e)]
  }

  private static func about(_ e: Value) -> String {
    "\((e["involvedObject"]?["kind"]?.string ?? "").lowercased())/\(e["involvedObject"]?["name"]?.string ?? "")"
  }

  private static func source(_ e: Value) -> String {
    let by = e["source"]
    return (by?["component"]?.string ?? "") + (by?["host"]?.string.map { ", \($0)" } ?? "")
  }

  /// The table of `podctl events`: how often, and over how long. Kubernetes kubectl/pkg/cmd/events/event_printer.go.
  public static func events(_ events: [Value], now: WallTime, namespaces: Bool) -> Table {
    var t = Table((namespaces ? ["NAMESPACE"] : []) + ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"])
    for e in events {
      var row = namespaces ? [e["metadata"]?["namespace"]?.string ?? ""] : []
      var seen = since(e["lastTimestamp"], now)
      if let n = e["count"]?.int, n > 1 { seen += " (x\(n) over \(since(e["firstTimestamp"], now)))" }
      row += [seen, e["type"]?.string ?? "", e["reason"]?.string ?? "", "\(e["involvedObject"]?["kind"]?.string ?? "")/\(e["involvedObject"]?["name"]?.string ?? "")"]
      row.append((e["message"]?.string ?? "").split(separator: "\n").joined(separator: " "))
      t.rows.append(row)
    }
    return t
  }

  private static func node(_ v: Value, _ now: WallTime, _ wide: Bool) -> [String] {
    let ready = (v["status"]?["conditions"]?.array ?? []).contains { $0["type"]?.string == "Ready" && $0["status"]?.string == "True" }
    let meta = v["metadata"]
    let info = v["status"]?["nodeInfo"]
    var row = [
      meta?["name"]?.string ?? "", (ready ? "Ready" : "NotReady") + (v["spec"]?["unschedulable"]?.bool == true ? ",SchedulingDisabled" : ""), roles(v),
      since(meta?["creationTimestamp"], now), info?["kubeletVersion"]?.string ?? "",
    ]
    if wide {
      let address = { (type: String) in v["status"]?["addresses"]?.array?.first { $0["type"]?.string == type }?["address"]?.string ?? "<none>" }
      row += [address("InternalIP"), address("ExternalIP")] + ["osImage", "kernelVersion", "containerRuntimeVersion"].map { info?[$0]?.string ?? "<unknown>" }
    }
    return row
  }

  /// By the labels node-role.kubernetes.io/ROLE and kubernetes.io/role=ROLE.
  static func roles(_ node: Value) -> String {
    var all: Set<String> = []
    for e in node["metadata"]?["labels"]?.members?.entries ?? [] {
      if e.key.hasPrefix("node-role.kubernetes.io/"), e.key.utf8.count > 24 { all.insert(String(e.key.dropFirst(24))) }
      if e.key == "kubernetes.io/role", let r = e.value.string, !r.isEmpty { all.insert(r) }
    }
    return all.isEmpty ? "<none>" : all.sorted().joined(separator: ",")
  }
}
