// SPDX-License-Identifier: Apache-2.0
//
// The tables of `get`. Kubernetes pkg/printers/internalversion/printers.go (printPod, printEvent).
import Manifest

/// Columns, padded like kubectl's: three blanks between.
public struct Table: Sendable {
  public var head: [String]
  public var rows: [[String]] = []
  public init(_ head: [String]) { self.head = head }

  public func text(noHeaders: Bool = false) -> String {
    let all = (noHeaders ? [] : [head]) + rows
    guard let columns = all.map(\.count).max() else { return "" }
    let widths = (0..<columns).map { c in all.map { $0.count > c ? $0[c].count : 0 }.max() ?? 0 }
    return all.map { row in
      row.indices.map { c in c == row.count - 1 ? row[c] : row[c] + String(repeating: " ", count: widths[c] - row[c].count + 3) }.joined() + "\n"
    }.joined()
  }
}

/// How kubectl shows a stretch of time. seconds since: apimachinery/pkg/util/duration (HumanDuration).
public func humanDuration(_ seconds: Int64) -> String {
  if seconds < -1 { return "<invalid>" }
  if seconds < 0 { return "0s" }
  if seconds < 120 { return "\(seconds)s" }
  let minutes = seconds / 60
  if minutes < 10 { return seconds % 60 == 0 ? "\(minutes)m" : "\(minutes)m\(seconds % 60)s" }
  if minutes < 180 { return "\(minutes)m" }
  let hours = minutes / 60
  if hours < 8 { return minutes % 60 == 0 ? "\(hours)h" : "\(hours)h\(minutes % 60)m" }
  if hours < 48 { return "\(hours)h" }
  if hours < 192 { return hours % 24 == 0 ? "\(hours / 24)d" : "\(hours / 24)d\(hours % 24)h" }
  if hours < 24 * 365 * 2 { return "\(hours / 24)d" }
  let years = hours / 24 / 365
  if hours < 24 * 365 * 8 { return hours / 24 % 365 == 0 ? "\(years)y" : "\(years)y\(hours / 24 % 365)d" }
  return "\(years)y"
}

/// Seconds from an RFC 3339 time until now; nil for no time.
public func age(_ v: Value?, now: WallTime) -> Int64? {
  v?.string.flatMap { WallTime(rfc3339: $0) }.map { max(0, (now.nanoseconds - $0.nanoseconds) / 1_000_000_000) }
}

public enum PodTable {
  public static func make(_ pods: [Value], now: WallTime, wide: Bool = false, namespaces: Bool = false, labels: Bool = false, columns: [String] = []) -> Table {
    var t = Table((namespaces ? ["NAMESPACE"] : []) + ["NAME", "READY", "STATUS", "RESTARTS", "AGE"])
    if wide { t.head += ["IP", "NODE", "NOMINATED NODE", "READINESS GATES"] }
    t.head += columns.map { ($0.split(separator: "/").last.map(String.init) ?? $0).uppercased() }
    if labels { t.head.append("LABELS") }
    for p in pods { t.rows.append(row(p, now, wide, namespaces, labels, columns)) }
    return t
  }

  private static func row(_ p: Value, _ now: WallTime, _ wide: Bool, _ namespaces: Bool, _ labels: Bool, _ columns: [String]) -> [String] {
    let s = summary(p, now)
    var row = namespaces ? [p["metadata"]?["namespace"]?.string ?? "default"] : []
    row += [
      p["metadata"]?["name"]?.string ?? "", s.ready, s.status, s.restarts,
      age(p["metadata"]?["creationTimestamp"], now: now).map(humanDuration) ?? "<unknown>",
    ]
    if wide { row += [p["status"]?["podIP"]?.string ?? "<none>", p["spec"]?["nodeName"]?.string ?? "<none>", "<none>", gates(p)] }
    row += columns.map { p["metadata"]?["labels"]?[$0]?.string ?? "" }
    if labels {
      let l = p["metadata"]?["labels"]?.members?.entries.map { "\($0.key)=\($0.value.string ?? "")" }.sorted() ?? []
      row.append(l.isEmpty ? "<none>" : l.joined(separator: ","))
    }
    return row
  }

  private static func gates(_ p: Value) -> String {
    let wanted = (p["spec"]?["readinessGates"]?.array ?? []).compactMap { $0["conditionType"]?.string }
    if wanted.isEmpty { return "<none>" }
    let conditions = p["status"]?["conditions"]?.array ?? []
    let met = wanted.filter { g in conditions.contains { $0["type"]?.string == g && $0["status"]?.string == "True" } }
    return "\(met.count)/\(wanted.count)"
  }

  public struct Summary: Sendable, Equatable {
    public var ready = ""
    public var status = ""
    public var restarts = ""
    public init() {}
  }

  /// READY, STATUS, RESTARTS, as printPod makes them out of a Pod's status.
  public static func summary(_ p: Value, _ now: WallTime) -> Summary {
    let status = p["status"]
    let initSpecs = p["spec"]?["initContainers"]?.array ?? []
    let initStatuses = status?["initContainerStatuses"]?.array ?? []
    let statuses = status?["containerStatuses"]?.array ?? []
    var reason = status?["reason"]?.string ?? status?["phase"]?.string ?? "Pending"
    for c in status?["conditions"]?.array ?? [] where c["type"]?.string == "PodScheduled" && c["reason"]?.string == "SchedulingGated" {
      reason = "SchedulingGated"
    }
    let isSidecar = { (name: String?) in initSpecs.contains { $0["name"]?.string == name && $0["restartPolicy"]?.string == "Always" } }
    var total = (p["spec"]?["containers"]?.array ?? []).count
    total += initSpecs.filter { $0["restartPolicy"]?.string == "Always" }.count
    var ready = 0
    var restarts: Int64 = 0
    var sidecarRestarts: Int64 = 0
    var last: WallTime?
    var lastSidecar: WallTime?
    var initializing = false
    for (i, c) in initStatuses.enumerated() {
      restarts += c["restartCount"]?.int ?? 0
      last = [last, finished(c)].compactMap { $0 }.max()
      let sidecar = isSidecar(c["name"]?.string)
      if sidecar {
        sidecarRestarts += c["restartCount"]?.int ?? 0
        lastSidecar = [lastSidecar, finished(c)].compactMap { $0 }.max()
      }
      if !initializing {
        if let t = c["state"]?["terminated"], t["exitCode"]?.int == 0 { continue }
        if sidecar, c["started"]?.bool == true {
          if c["ready"]?.bool == true { ready += 1 }
          continue
        }
        initializing = true
        if let t = c["state"]?["terminated"] {
          reason = "Init:" + ended(t)
        } else if let w = c["state"]?["waiting"]?["reason"]?.string, !w.isEmpty, w != "PodInitializing" {
          reason = "Init:" + w
        } else {
          reason = "Init:\(i)/\(initSpecs.count)"
        }
      }
    }
    let initialized = (status?["conditions"]?.array ?? []).contains { $0["type"]?.string == "Initialized" && $0["status"]?.string == "True" }
    if !initializing || initialized {
      restarts = sidecarRestarts
      last = lastSidecar
      var hasRunning = false
      for c in statuses.reversed() {
        restarts += c["restartCount"]?.int ?? 0
        last = [last, finished(c)].compactMap { $0 }.max()
        if let w = c["state"]?["waiting"]?["reason"]?.string, !w.isEmpty {
          reason = w
        } else if let t = c["state"]?["terminated"] {
          reason = ended(t)
        } else if c["ready"]?.bool == true, c["state"]?["running"] != nil {
          hasRunning = true
          ready += 1
        }
      }
      if reason == "Completed" && hasRunning {
        let isReady = (status?["conditions"]?.array ?? []).contains { $0["type"]?.string == "Ready" && $0["status"]?.string == "True" }
        reason = isReady ? "Running" : "NotReady"
      }
    }
    let phase = status?["phase"]?.string
    if phase == "Unknown" {
      reason = "Unknown"
    } else if p["metadata"]?["deletionTimestamp"] != nil, phase != "Succeeded", phase != "Failed" {
      reason = "Terminating"
    }
    var text = "\(restarts)"
    if restarts != 0, let last { text += " (\(humanDuration(max(0, (now.nanoseconds - last.nanoseconds) / 1_000_000_000))) ago)" }
    var summary = Summary()
    (summary.ready, summary.status, summary.restarts) = ("\(ready)/\(total)", reason, text)
    return summary
  }

  private static func finished(_ c: Value) -> WallTime? { c["lastState"]?["terminated"]?["finishedAt"]?.string.flatMap { WallTime(rfc3339: $0) } }

  private static func ended(_ t: Value) -> String {
    if let r = t["reason"]?.string, !r.isEmpty { return r }
    if let s = t["signal"]?.int, s != 0 { return "Signal:\(s)" }
    return "ExitCode:\(t["exitCode"]?.int ?? 0)"
  }
}

public enum EventTable {
  public static func make(_ events: [Value], now: WallTime, namespaces: Bool = false) -> Table {
    var t = Table((namespaces ? ["NAMESPACE"] : []) + ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"])
    for e in events {
      let about = e["involvedObject"]
      var row = namespaces ? [e["metadata"]?["namespace"]?.string ?? ""] : []
      row += [
        age(e["lastTimestamp"], now: now).map(humanDuration) ?? "<unknown>", e["type"]?.string ?? "", e["reason"]?.string ?? "",
        "\((about?["kind"]?.string ?? "").lowercased())/\(about?["name"]?.string ?? "")", e["message"]?.string ?? "",
      ]
      t.rows.append(row)
    }
    return t
  }
}
