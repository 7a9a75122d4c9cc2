// SPDX-License-Identifier: Apache-2.0
//
// What goes into the engine and what comes out: the whole language between PodEngine (which decides) and Supervisor
// (which acts). Adding a behaviour means adding a case here, not another loop.
import Manifest

/// When something happened, on both clocks. The engine reads no clock itself.
public struct Moment: Sendable, Equatable {
  /// Nanoseconds of CLOCK_MONOTONIC: deadlines, back-off, probes.
  public var monotonic: Int64
  /// Wall-clock time: what goes into statuses and events.
  public var wall: WallTime
  public init(monotonic: Int64, wall: WallTime) { (self.monotonic, self.wall) = (monotonic, wall) }
}

public enum ProbeKind: String, Sendable, CaseIterable { case startup, liveness, readiness }
public enum HookKind: String, Sendable { case postStart, preStop }

/// What happened in the world.
public enum Event: Sendable, Equatable {
  /// The object is stored and the node accepts it.
  case admitted(hostIP: String)
  /// The object is stored and no node fits (FailedScheduling, message in the scheduler's words); judged again by `admitted`.
  case unschedulable(message: String)
  /// schedulingGates hold it back; judged when they are gone.
  case gated
  /// The node refuses it for good (phase Failed), as kubelet's admission does.
  case rejected(reason: String, message: String)
  /// What the Pod uses exceeds a limit of the node's: it is ended for good (phase Failed, reason Evicted), as kubelet's eviction manager does.
  case evicted(message: String)
  case volumesReady
  /// A volume cannot be mounted (FailedMount); tried again with back-off.
  case volumesFailed(message: String)
  case sandboxStarted(podIPs: [String])
  /// FailedCreatePodSandBox; tried again with back-off.
  case sandboxFailed(message: String)
  /// The infra process ended, and with it the sandbox, though nobody asked.
  case sandboxDied
  /// `stopSandbox` has been carried out.
  case sandboxStopped
  /// The container's image is being fetched, or asked for anew; volumeImage: that of a volume which the container mounts.
  case imagePulling(container: String, volumeImage: String? = nil)
  /// The image of a volume is there; `pulled` is set when it had to be fetched.
  case volumeImageReady(image: String, pulled: ImagePulled?)
  /// The container's image is there. image: its whole name; `pulled` is set when it had to be fetched.
  case imageReady(container: String, image: String, imageID: String, pulled: ImagePulled?)
  /// reason: ErrImagePull (after imagePulling), ErrImageNeverPull, InvalidImageName, ImageInspectError.
  case imageFailed(container: String, reason: String, message: String, volumeImage: String? = nil)
  case containerStarted(container: String, id: String)
  /// It could not be made or started. reason: CreateContainerConfigError, CreateContainerError, RunContainerError.
  case containerFailed(container: String, id: String, reason: String, message: String)
  case containerExited(container: String, id: String, exit: ContainerExit)
  case probeFinished(container: String, probe: ProbeKind, result: ProbeResult)
  /// failure is nil when the hook succeeded, else what went wrong.
  case hookFinished(container: String, hook: HookKind, failure: String?)
  /// `podctl delete`; graceSeconds nil means the Pod's own, 0 with force means at once.
  case deleteRequested(graceSeconds: Int64?, force: Bool)
  /// The object was changed in a field that may change.
  case updated(Pod)
  /// `resize` has been carried out; or why not: Infeasible (the node has not that much), Deferred (others have it), Error.
  case resized(failure: ResizeFailure?)
  /// A condition that a readiness gate names was set from outside.
  case gateSet(type: String, status: Bool)
  /// How long the node's NoExecute taints let the Pod stay, in seconds from now; nil: as long as it likes.
  case staying(seconds: Int64?)
  /// The machine was booted, and everything that ran is gone: the status as it was last known, of a Pod that had its place on the node.
  case restored(PodStatus)
  /// The deadline that `nextWake` named has come.
  case tick
  /// A new supervisor took over; what it finds follows as ordinary events.
  case adopted
}

/// A pull that came to its end.
public struct ImagePulled: Sendable, Equatable {
  /// How long it took, in nanoseconds; with the time that others were waited for.
  public var took: Int64
  public var tookWithWaiting: Int64
  /// Bytes of the image as the registry has it.
  public var size: Int64
  public init(took: Int64, tookWithWaiting: Int64, size: Int64) { (self.took, self.tookWithWaiting, self.size) = (took, tookWithWaiting, size) }
}

public struct ContainerExit: Sendable, Equatable {
  /// 0…255; 128 + n when signal n ended it.
  public var exitCode: Int64
  public var signal: Int64?
  /// By the kernel's own counter (memory.events, memory.oom_control).
  public var oomKilled: Bool
  /// The termination message, already cut to 4096 bytes.
  public var message: String?
  /// Set when the true exit code could not be had (adoption): overrules the reason, as ContainerStatusUnknown.
  public var reason: String?
  public init(exitCode: Int64, signal: Int64? = nil, oomKilled: Bool = false, message: String? = nil, reason: String? = nil) {
    (self.exitCode, self.signal, self.oomKilled, self.message, self.reason) = (exitCode, signal, oomKilled, message, reason)
  }
}

public struct ResizeFailure: Sendable, Equatable {
  public var reason: String
  public var message: String
  public init(reason: String, message: String) { (self.reason, self.message) = (reason, message) }
}

public enum ProbeResult: Sendable, Equatable {
  case success
  /// Counts as success; what the ProbeWarning event says after the colon.
  case warning(String)
  /// What the Unhealthy event says after the colon.
  case failure(String)
  /// The probe could not be carried out at all: counts as nothing (ProbeError).
  case unknown(String)
}

/// What is to be done. Carried out by the supervisor, in order; answers come back as events.
public enum Effect: Sendable, Equatable {
  /// Set up the Pod's volumes → volumesReady or volumesFailed.
  case mountVolumes
  /// Make the sandbox → sandboxStarted or sandboxFailed. attempt counts from 0.
  case createSandbox(attempt: Int)
  /// End the infra process, take the network down → sandboxStopped.
  case stopSandbox
  /// Find or fetch the images of the volumes that the container mounts, then its own → imageReady or imageFailed.
  case ensureImage(container: String)
  /// Create and start → containerStarted or containerFailed. restartCount numbers its log (N.log).
  case startContainer(container: String, restartCount: Int64)
  /// Give these running containers, and the Pod, what the spec says now → resized.
  case resize(containers: [String])
  /// Send a signal to the container's first process. 0 stands for the image's own stop signal, else SIGTERM.
  case signal(container: String, signal: Int32)
  case runProbe(container: String, probe: ProbeKind)
  case runHook(container: String, hook: HookKind)
  /// Give up a running hook (grace period over); no answer expected.
  case cancelHook(container: String, hook: HookKind)
  /// Remove what is left of an ended container: its root, its log but the last.
  case removeContainer(container: String, id: String)
  /// Tell the world: an event about the Pod.
  case emit(PodEvent)
  /// `status` of the engine has changed.
  case statusChanged
  /// Everything is ended and removed: the object goes, and the supervisor with it.
  case podRemoved
}

/// An Event object in the making (kubectl get events).
public struct PodEvent: Sendable, Equatable {
  public enum Kind: String, Sendable { case normal = "Normal", warning = "Warning" }
  public var kind: Kind
  /// Scheduled, Pulled, Created, Started, Killing, BackOff, Unhealthy …
  public var reason: String
  public var message: String
  /// spec.containers{NAME} where it is about one container.
  public var fieldPath: String?
  public init(_ kind: Kind, _ reason: String, _ message: String, fieldPath: String? = nil) {
    (self.kind, self.reason, self.message, self.fieldPath) = (kind, reason, message, fieldPath)
  }
}
