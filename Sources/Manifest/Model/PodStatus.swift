// SPDX-License-Identifier: Apache-2.0
//
// PodStatus: what is. Written by PodEngine, read by everyone. API: PodStatus, ContainerStatus.

public enum PodPhase: String, Sendable {
  case pending = "Pending", running = "Running", succeeded = "Succeeded", failed = "Failed", unknown = "Unknown"
}

public struct PodStatus: Sendable, Equatable {
  public var phase = PodPhase.pending
  public var reason: String?
  public var message: String?
  public var conditions: [PodCondition] = []
  public var hostIP: String?
  public var podIPs: [String] = []
  public var startTime: WallTime?
  public var qosClass = "BestEffort"
  /// What the Pod as a whole has been given; nil without resources of its own.
  public var resources: ResourceRequirements?
  public var initContainerStatuses: [ContainerStatus] = []
  public var containerStatuses: [ContainerStatus] = []
  public var ephemeralContainerStatuses: [ContainerStatus] = []
  public var observedGeneration: Int64 = 1
  public init() {}
}

public struct PodCondition: Sendable, Equatable {
  /// PodScheduled, PodReadyToStartContainers, Initialized, ContainersReady, Ready, DisruptionTarget, or a readiness gate.
  public var type = ""
  public var status = false
  public var reason: String?
  public var message: String?
  public var lastTransitionTime: WallTime?
  /// The object's generation that it was judged by; nil of a condition that was set from outside.
  public var observedGeneration: Int64?
  public init() {}
}

public struct ContainerStatus: Sendable, Equatable {
  public var name = ""
  public var state = ContainerState.waiting(reason: "ContainerCreating", message: nil)
  public var lastState: ContainerState?
  public var ready = false
  public var started: Bool?
  public var restartCount: Int64 = 0
  public var image = ""
  public var imageID = ""
  /// podlab://HEX, empty until the container was created.
  public var containerID = ""
  /// What it has been given; nil until the container was created.
  public var resources: ResourceRequirements?
  public var volumeMounts: [VolumeMountStatus] = []
  public var user: ContainerUser?
  /// The stop signal that the spec asks for; nil where it leaves that to the image.
  public var stopSignal: String?
  public init() {}
}

/// status.containerStatuses[].user.linux: who the first process is (KEP-3619).
public struct ContainerUser: Sendable, Equatable {
  public var uid: Int64
  public var gid: Int64
  public var supplementalGroups: [Int64]
  public init(uid: Int64, gid: Int64, supplementalGroups: [Int64]) {
    (self.uid, self.gid, self.supplementalGroups) = (uid, gid, supplementalGroups)
  }
}

public struct VolumeMountStatus: Sendable, Equatable {
  public var name: String
  public var mountPath: String
  public var readOnly: Bool
  /// Disabled or Enabled; nil where the mount can be written to.
  public var recursiveReadOnly: String?
  /// What became of a mount of the spec. The kernel here always can (mount_setattr with AT_RECURSIVE), so IfPossible is Enabled.
  public init(_ m: VolumeMount) {
    (name, mountPath, readOnly) = (m.name, m.mountPath, m.readOnly)
    if m.readOnly { recursiveReadOnly = m.recursiveReadOnly == "Enabled" || m.recursiveReadOnly == "IfPossible" ? "Enabled" : "Disabled" }
  }
}

public enum ContainerState: Sendable, Equatable {
  case waiting(reason: String, message: String?)
  case running(startedAt: WallTime)
  case terminated(Termination)
}

public struct Termination: Sendable, Equatable {
  public var exitCode: Int64 = 0
  /// Kubernetes reports the signal in exitCode (128 + n) and leaves this empty; kept for the journal.
  public var signal: Int64?
  /// Completed, Error, OOMKilled, ContainerCannotRun, StartError, ContainerStatusUnknown …
  public var reason = ""
  public var message: String?
  public var startedAt: WallTime?
  public var finishedAt: WallTime?
  /// podlab://HEX of the run that ended.
  public var containerID = ""
  public init() {}
}
