// SPDX-License-Identifier: Apache-2.0
//
// Events as the journal writes and reads them.
import Manifest
import PodEngine

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
    case .gated: return make("gated")
    case .staying(let s): return make("staying", ("seconds", s.map(Value.int)))
    case .restored(let s): return make("restored", ("status", s.value))
    case .volumesReady: return make("volumesReady")
    case .volumesFailed(let m): return make("volumesFailed", ("message", .string(m)))
    case .sandboxStarted(let ips): return make("sandboxStarted", ("podIPs", .strings(ips)))
    case .sandboxFailed(let m): return make("sandboxFailed", ("message", .string(m)))
    case .sandboxDied: return make("sandboxDied")
    case .sandboxStopped: return make("sandboxStopped")
    case .imagePulling(let c, let v): return make("imagePulling", ("container", .string(c)), ("volumeImage", v.map(Value.string)))
    case .volumeImageReady(let image, let p):
      return make(
        "volumeImageReady", ("image", .string(image)), ("took", p.map { .int($0.took) }), ("tookWithWaiting", p.map { .int($0.tookWithWaiting) }),
        ("size", p.map { .int($0.size) }))
    case .imageReady(let c, let image, let id, let p):
      return make(
        "imageReady", ("container", .string(c)), ("image", .string(image)), ("imageID", .string(id)), ("took", p.map { .int($0.took) }),
        ("tookWithWaiting", p.map { .int($0.tookWithWaiting) }), ("size", p.map { .int($0.size) }))
    case .imageFailed(let c, let r, let m, let v):
      return make("imageFailed", ("container", .string(c)), ("reason", .string(r)), ("message", .string(m)), ("volumeImage", v.map(Value.string)))
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
        case .warning(let t): ("warning", t)
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
    let pulled = v["took"]?.int.map { ImagePulled(took: $0, tookWithWaiting: v["tookWithWaiting"]?.int ?? $0, size: v["size"]?.int ?? 0) }
    switch v["kind"]?.string {
    case "admitted": self = .admitted(hostIP: text("hostIP"))
    case "unschedulable": self = .unschedulable(message: text("message"))
    case "rejected": self = .rejected(reason: text("reason"), message: text("message"))
    case "evicted": self = .evicted(message: text("message"))
    case "gated": self = .gated
    case "staying": self = .staying(seconds: v["seconds"]?.int)
    case "restored": self = .restored(PodStatus(stored: v["status"] ?? .null))
    case "volumesReady": self = .volumesReady
    case "volumesFailed": self = .volumesFailed(message: text("message"))
    case "sandboxStarted": self = .sandboxStarted(podIPs: (v["podIPs"]?.array ?? []).compactMap(\.string))
    case "sandboxFailed": self = .sandboxFailed(message: text("message"))
    case "sandboxDied": self = .sandboxDied
    case "sandboxStopped": self = .sandboxStopped
    case "imagePulling": self = .imagePulling(container: c, volumeImage: v["volumeImage"]?.string)
    case "volumeImageReady": self = .volumeImageReady(image: text("image"), pulled: pulled)
    case "imageReady": self = .imageReady(container: c, image: text("image"), imageID: text("imageID"), pulled: pulled)
    case "imageFailed": self = .imageFailed(container: c, reason: text("reason"), message: text("message"), volumeImage: v["volumeImage"]?.string)
    case "containerStarted": self = .containerStarted(container: c, id: text("id"))
    case "containerFailed": self = .containerFailed(container: c, id: text("id"), reason: text("reason"), message: text("message"))
    case "containerExited":
      let exit = ContainerExit(
        exitCode: v["exitCode"]?.int ?? 137, signal: v["signal"]?.int, oomKilled: v["oomKilled"]?.bool ?? false, message: v["message"]?.string,
        reason: v["reason"]?.string)
      self = .containerExited(container: c, id: text("id"), exit: exit)
    case "probeFinished":
      guard let kind = ProbeKind(rawValue: text("probe")) else { return nil }
      let result: ProbeResult
      switch text("result") {
      case "success": result = .success
      case "warning": result = .warning(text("text"))
      case "failure": result = .failure(text("text"))
      default: result = .unknown(text("text"))
      }
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
