// SPDX-License-Identifier: Apache-2.0
//
// The journal: every event that the engine took, a line each, with the effects' names. Replayed through a new engine it gives the same state.
import Manifest
import PodEngine

public enum Journal {
  static func line(_ event: Event, _ at: Moment, _ effects: [Effect]) -> [UInt8] {
    var v: [(String, Value)] = [("t", .int(at.monotonic)), ("wall", .int(at.wall.nanoseconds)), ("event", event.value)]
    if !effects.isEmpty { v.append(("effects", .strings(effects.map(name)))) }
    return JSON.compactBytes(.object(v)) + [10]
  }

  /// The events of a journal. A last line that was cut off by a crash is left out.
  public static func read(_ bytes: [UInt8]) -> [(at: Moment, event: Event)] {
    bytes.split(separator: 10).compactMap { line in
      do throws(JSON.Malformed) {
        let v = try JSON.parse(Array(line))
        guard let t = v["t"]?.int, let wall = v["wall"]?.int, let e = v["event"].flatMap(Event.init) else { return nil }
        return (Moment(monotonic: t, wall: WallTime(nanoseconds: wall)), e)
      } catch { return nil }
    }
  }

  private static func name(_ e: Effect) -> String {
    switch e {
    case .mountVolumes: "mountVolumes"
    case .createSandbox(let n): "createSandbox \(n)"
    case .stopSandbox: "stopSandbox"
    case .ensureImage(let c): "ensureImage \(c)"
    case .startContainer(let c, let n): "startContainer \(c) \(n)"
    case .resize(let list): "resize \(list.joined(separator: " "))"
    case .signal(let c, let n): "signal \(c) \(n)"
    case .runProbe(let c, let k): "runProbe \(c) \(k.rawValue)"
    case .runHook(let c, let k): "runHook \(c) \(k.rawValue)"
    case .cancelHook(let c, let k): "cancelHook \(c) \(k.rawValue)"
    case .removeContainer(let c, _): "removeContainer \(c)"
    case .emit(let e): "emit \(e.reason)"
    case .statusChanged: "statusChanged"
    case .podRemoved: "podRemoved"
    }
  }
}

extension Event {
  var value: Value {
    func make(_ kind: String, _ more: (String, Value?)...) -> Value {
      .object([("kind", .string(kind))] + more.compactMap { k, v in v.map { (k, $0) } })
    }
    switch self {
    case .admitted(let ip): return make("admitted", ("hostIP", .string(ip)))
    case .unschedulable(let m): return make("unschedulable", ("message", .string(m)))
    case .rejected(let r, let m): return make("rejected", ("reason", .string(r)), ("message", .string(m)))
    case .evicted(let m): return make("evicted", ("message", .string(m)))
    case .volumesReady: return make("volumesReady")
    case .volumesFailed(let m): return make("volumesFailed", ("message", .string(m)))
    case .sandboxStarted(let ips): return make("sandboxStarted", ("podIPs", .strings(ips)))
    case .sandboxFailed(let m): return make("sandboxFailed", ("message", .string(m)))
    case .sandboxDied: return make("sandboxDied")
    case .sandboxStopped: return make("sandboxStopped")
    case .imageReady(let c, let id, let took): return make("imageReady", ("container", .string(c)), ("imageID", .string(id)), ("took", took.map(Value.int)))
    case .imageFailed(let c, let r, let m): return make("imageFailed", ("container", .string(c)), ("reason", .string(r)), ("message", .string(m)))
    case .containerStarted(let c, let id): return make("containerStarted", ("container", .string(c)), ("id", .string(id)))
    case .containerFailed(let c, let id, let r, let m):
      return make("containerFailed", ("container", .string(c)), ("id", .string(id)), ("reason", .string(r)), ("message", .string(m)))
    case .containerExited(let c, let id, let x):
      return make(
        "containerExited", ("container", .string(c)), ("id", .string(id)), ("exitCode", .int(x.exitCode)), ("signal", x.signal.map(Value.int)),
        ("oomKilled", x.oomKilled ? .bool(true) : nil), ("message", x.message.map(Value.string)), ("reason", x.reason.map(Value.string)))
    case .probeFinished(let c, let k, let r):
      let (word, text): (String, String?) =
        switch r {
        case .success: ("success", nil)
        case .failure(let t): ("failure", t)
        case .unknown(let t): ("unknown", t)
        }
      return make("probeFinished", ("container", .string(c)), ("probe", .string(k.rawValue)), ("result", .string(word)), ("text", text.map(Value.string)))
    case .hookFinished(let c, let k, let f):
      return make("hookFinished", ("container", .string(c)), ("hook", .string(k.rawValue)), ("failure", f.map(Value.string)))
    case .deleteRequested(let g, let f): return make("deleteRequested", ("grace", g.map(Value.int)), ("force", .bool(f)))
    case .updated(let pod): return make("updated", ("object", pod.object))
    case .resized(let f): return make("resized", ("reason", f.map { .string($0.reason) }), ("message", f.map { .string($0.message) }))
    case .gateSet(let t, let s): return make("gateSet", ("type", .string(t)), ("status", .bool(s)))
    case .tick: return make("tick")
    case .adopted: return make("adopted")
    }
  }

  init?(_ v: Value) {
    let c = v["container"]?.string ?? ""
    let text = { (key: String) in v[key]?.string ?? "" }
    switch v["kind"]?.string {
    case "admitted": self = .admitted(hostIP: text("hostIP"))
    case "unschedulable": self = .unschedulable(message: text("message"))
    case "rejected": self = .rejected(reason: text("reason"), message: text("message"))
    case "evicted": self = .evicted(message: text("message"))
    case "volumesReady": self = .volumesReady
    case "volumesFailed": self = .volumesFailed(message: text("message"))
    case "sandboxStarted": self = .sandboxStarted(podIPs: (v["podIPs"]?.array ?? []).compactMap(\.string))
    case "sandboxFailed": self = .sandboxFailed(message: text("message"))
    case "sandboxDied": self = .sandboxDied
    case "sandboxStopped": self = .sandboxStopped
    case "imageReady": self = .imageReady(container: c, imageID: text("imageID"), pulledFor: v["took"]?.int)
    case "imageFailed": self = .imageFailed(container: c, reason: text("reason"), message: text("message"))
    case "containerStarted": self = .containerStarted(container: c, id: text("id"))
    case "containerFailed": self = .containerFailed(container: c, id: text("id"), reason: text("reason"), message: text("message"))
    case "containerExited":
      let exit = ContainerExit(
        exitCode: v["exitCode"]?.int ?? 137, signal: v["signal"]?.int, oomKilled: v["oomKilled"]?.bool ?? false, message: v["message"]?.string,
        reason: v["reason"]?.string)
      self = .containerExited(container: c, id: text("id"), exit: exit)
    case "probeFinished":
      guard let kind = ProbeKind(rawValue: text("probe")) else { return nil }
      let result: ProbeResult = text("result") == "success" ? .success : text("result") == "failure" ? .failure(text("text")) : .unknown(text("text"))
      self = .probeFinished(container: c, probe: kind, result: result)
    case "hookFinished":
      guard let kind = HookKind(rawValue: text("hook")) else { return nil }
      self = .hookFinished(container: c, hook: kind, failure: v["failure"]?.string)
    case "deleteRequested": self = .deleteRequested(graceSeconds: v["grace"]?.int, force: v["force"]?.bool ?? false)
    case "updated": self = .updated(Pod(stored: v["object"] ?? .null))
    case "resized": self = .resized(failure: v["reason"]?.string.map { ResizeFailure(reason: $0, message: text("message")) })
    case "gateSet": self = .gateSet(type: text("type"), status: v["status"]?.bool ?? false)
    case "tick": self = .tick
    case "adopted": self = .adopted
    default: return nil
    }
  }
}
