// SPDX-License-Identifier: Apache-2.0
//
// PodStatus into the Value that `get -o json` prints, and the QoS class. API: PodStatus.

extension PodStatus {
  /// The status member of the object.
  public var value: Value {
    var v = Value.null
    v["phase"] = .string(phase.rawValue)
    if !conditions.isEmpty { v["conditions"] = .array(conditions.map(\.value)) }
    v["message"] = message.map(Value.string)
    v["reason"] = reason.map(Value.string)
    if let hostIP {
      v["hostIP"] = .string(hostIP)
      v["hostIPs"] = .array([.object([("ip", .string(hostIP))])])
    }
    if let first = podIPs.first {
      v["podIP"] = .string(first)
      v["podIPs"] = .array(podIPs.map { .object([("ip", .string($0))]) })
    }
    v["startTime"] = startTime.map { .string($0.rfc3339) }
    if !initContainerStatuses.isEmpty { v["initContainerStatuses"] = .array(initContainerStatuses.map(\.value)) }
    if !containerStatuses.isEmpty { v["containerStatuses"] = .array(containerStatuses.map(\.value)) }
    if !ephemeralContainerStatuses.isEmpty { v["ephemeralContainerStatuses"] = .array(ephemeralContainerStatuses.map(\.value)) }
    v["qosClass"] = .string(qosClass)
    v["resources"] = resources?.value
    v["observedGeneration"] = .int(observedGeneration)
    return v
  }
}

extension PodCondition {
  var value: Value {
    var v = Value.object([("type", .string(type)), ("status", .string(status ? "True" : "False"))])
    v["lastProbeTime"] = .null
    v["lastTransitionTime"] = lastTransitionTime.map { .string($0.rfc3339) }
    v["observedGeneration"] = observedGeneration.map(Value.int)
    v["reason"] = reason.map(Value.string)
    v["message"] = message.map(Value.string)
    return v
  }
}

extension ContainerStatus {
  var value: Value {
    var v = Value.object([
      ("name", .string(name)), ("state", state.value), ("lastState", lastState?.value ?? .object(Value.Members())), ("ready", .bool(ready)),
      ("restartCount", .int(restartCount)), ("image", .string(image)), ("imageID", .string(imageID)),
    ])
    if !containerID.isEmpty { v["containerID"] = .string(containerID) }
    v["started"] = started.map(Value.bool)
    if let resources {
      // What has been given has been set aside before.
      if !resources.requests.isEmpty { v["allocatedResources"] = ResourceRequirements.list(resources.requests) }
      v["resources"] = resources.value
    }
    if !volumeMounts.isEmpty { v["volumeMounts"] = .array(volumeMounts.map(\.value)) }
    if let user {
      var linux = Value.object([("gid", .int(user.gid)), ("uid", .int(user.uid))])
      if !user.supplementalGroups.isEmpty { linux["supplementalGroups"] = .array(user.supplementalGroups.map(Value.int)) }
      v["user"] = .object([("linux", linux)])
    }
    v["stopSignal"] = stopSignal.map(Value.string)
    return v
  }
}

extension VolumeMountStatus {
  var value: Value {
    var v = Value.object([("mountPath", .string(mountPath)), ("name", .string(name))])
    if readOnly { v["readOnly"] = .bool(true) }
    v["recursiveReadOnly"] = recursiveReadOnly.map(Value.string)
    return v
  }
}

extension ResourceRequirements {
  var value: Value {
    var v = Value.object(Value.Members())
    if !limits.isEmpty { v["limits"] = Self.list(limits) }
    if !requests.isEmpty { v["requests"] = Self.list(requests) }
    return v
  }

  fileprivate static func list(_ amounts: [String: Quantity]) -> Value {
    .object(amounts.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value.text)) })
  }
}

extension ContainerState {
  var value: Value {
    switch self {
    case .waiting(let reason, let message):
      var w = Value.object([("reason", .string(reason))])
      w["message"] = message.map(Value.string)
      return .object([("waiting", w)])
    case .running(let at): return .object([("running", .object([("startedAt", .string(at.rfc3339))]))])
    case .terminated(let t):
      var v = Value.object([("exitCode", .int(t.exitCode)), ("reason", .string(t.reason))])
      v["message"] = t.message.map(Value.string)
      v["startedAt"] = t.startedAt.map { .string($0.rfc3339) }
      v["finishedAt"] = t.finishedAt.map { .string($0.rfc3339) }
      if !t.containerID.isEmpty { v["containerID"] = .string(t.containerID) }
      return .object([("terminated", v)])
    }
  }
}

extension PodSpec {
  /// Guaranteed, Burstable or BestEffort (pkg/apis/core/v1/helper/qos).
  public var qosClass: String {
    var any = false
    var guaranteed = true
    // Those of the Pod alone, where it has some (KEP-2837).
    let whole = [resources].filter { !$0.limits.isEmpty || !$0.requests.isEmpty }
    for r in whole.isEmpty ? (initContainers + containers).map(\.resources) : whole {
      for name in ["cpu", "memory"] {
        let limit = r.limits[name]?.nano ?? 0
        let request = r.requests[name]?.nano ?? 0
        if limit > 0 || request > 0 { any = true }
        if limit == 0 || request != limit { guaranteed = false }
      }
    }
    return !any ? "BestEffort" : guaranteed ? "Guaranteed" : "Burstable"
  }
}
