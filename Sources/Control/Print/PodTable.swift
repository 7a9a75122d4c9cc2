// SPDX-License-Identifier: Apache-2.0
//
// What `get pods` shows of a Pod. Kubernetes pkg/printers/internalversion/printers.go (printPod).
import Manifest

public enum PodTable {
  static let head = ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
  static let wideHead = ["IP", "NODE", "NOMINATED NODE", "READINESS GATES"]

  static func cells(_ p: Value, _ now: WallTime, wide: Bool) -> [String] {
    let s = summary(p, now)
    let row = [p["metadata"]?["name"]?.string ?? "", s.ready, s.status, s.restarts, since(p["metadata"]?["creationTimestamp"], now)]
    if !wide { return row }
    let nominated = p["status"]?["nominatedNodeName"]?.string ?? "<none>"
    return row + [p["status"]?["podIP"]?.string ?? "<none>", p["spec"]?["nodeName"]?.string ?? "<none>", nominated, gates(p)]
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
