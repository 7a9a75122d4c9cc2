// SPDX-License-Identifier: Apache-2.0
//
// PodStatus from the Value that StatusValue.swift writes: what is known of a Pod after a boot.

extension PodStatus {
  /// From the status member of an object of ours; what is missing keeps its default.
  public init(stored v: Value) {
    self.init()
    phase = v["phase"]?.string.flatMap { PodPhase(rawValue: $0) } ?? .pending
    (reason, message) = (v["reason"]?.string, v["message"]?.string)
    hostIP = v["hostIP"]?.string
    podIPs = (v["podIPs"]?.array ?? []).compactMap { $0["ip"]?.string }
    startTime = time(v["startTime"])
    conditions = (v["conditions"]?.array ?? []).map { c in
      var o = PodCondition()
      (o.type, o.status) = (c["type"]?.string ?? "", c["status"]?.string == "True")
      (o.reason, o.message, o.lastTransitionTime) = (c["reason"]?.string, c["message"]?.string, time(c["lastTransitionTime"]))
      o.observedGeneration = c["observedGeneration"]?.int
      return o
    }
    qosClass = v["qosClass"]?.string ?? qosClass
    observedGeneration = v["observedGeneration"]?.int ?? observedGeneration
    initContainerStatuses = (v["initContainerStatuses"]?.array ?? []).map(ContainerStatus.init(stored:))
    containerStatuses = (v["containerStatuses"]?.array ?? []).map(ContainerStatus.init(stored:))
    ephemeralContainerStatuses = (v["ephemeralContainerStatuses"]?.array ?? []).map(ContainerStatus.init(stored:))
  }
}

private func time(_ v: Value?) -> WallTime? { v?.string.flatMap { WallTime(rfc3339: $0) } }

extension ContainerStatus {
  fileprivate init(stored v: Value) {
    self.init()
    (name, image, imageID) = (v["name"]?.string ?? "", v["image"]?.string ?? "", v["imageID"]?.string ?? "")
    containerID = v["containerID"]?.string ?? ""
    (ready, started, restartCount) = (v["ready"]?.bool ?? false, v["started"]?.bool, v["restartCount"]?.int ?? 0)
    state = v["state"].flatMap(ContainerState.init(stored:)) ?? state
    lastState = v["lastState"].flatMap(ContainerState.init(stored:))
  }
}

extension ContainerState {
  fileprivate init?(stored v: Value) {
    if let w = v["waiting"] {
      self = .waiting(reason: w["reason"]?.string ?? "", message: w["message"]?.string)
    } else if let r = v["running"] {
      self = .running(startedAt: time(r["startedAt"]) ?? WallTime(nanoseconds: 0))
    } else if let t = v["terminated"] {
      var o = Termination()
      (o.exitCode, o.reason, o.message) = (t["exitCode"]?.int ?? 0, t["reason"]?.string ?? "", t["message"]?.string)
      (o.startedAt, o.finishedAt, o.containerID) = (time(t["startedAt"]), time(t["finishedAt"]), t["containerID"]?.string ?? "")
      self = .terminated(o)
    } else {
      return nil
    }
  }
}
