// SPDX-License-Identifier: Apache-2.0
//
// What the engine knows of one container: where in its life it is, how it ended before, what it waits for.
import Manifest

let second: Int64 = 1_000_000_000

/// kubelet's back-off (client-go util/flowcontrol): the delay doubles with each use, and starts anew after twice the largest delay without one.
struct BackOff: Sendable, Equatable {
  static let first = 10 * second
  static let most = 300 * second
  /// nil: never used.
  private(set) var delay: Int64?
  private var updated: Int64 = 0

  /// Until when to wait after something that happened at an instant; nil: no need to wait.
  func until(since instant: Int64, now: Int64) -> Int64? {
    guard let delay, instant - updated <= 2 * Self.most, now - instant < delay else { return nil }
    return instant + delay
  }

  mutating func advance(now: Int64, since instant: Int64) {
    delay = delay.map { instant - updated > 2 * Self.most ? Self.first : min($0 * 2, Self.most) } ?? Self.first
    updated = now
  }
}

struct ContainerRun: Sendable, Equatable {
  /// A run's id as statuses give it, with the runtime's name; empty where nothing was made.
  static func reference(_ id: String) -> String { id.isEmpty ? "" : "podlab://" + id }

  /// sidecar: an init container with restartPolicy Always (KEP-753). ephemeral: added to a Pod that runs, never run again (KEP-277).
  enum Kind: Sendable { case initial, sidecar, app, ephemeral }

  enum Stage: Sendable, Equatable {
    /// Not made: its turn has not come, or something must be tried again.
    case idle
    /// Its image was asked for.
    case preparing
    /// It was asked to start.
    case starting
    case running
    case exited
  }

  struct PullFailure: Sendable, Equatable {
    var at: Int64
    var text: String
    /// The image of a volume that it mounts; nil: its own.
    var volumeImage: String?
  }

  /// Its end, once somebody has decided on it.
  struct Stop: Sendable, Equatable {
    /// When the grace period is over.
    var deadline: Int64
    var inPreStop = false
    /// When the stop signal went out.
    var signalledAt: Int64?
    var isKilled = false
    /// As a part of the whole Pod's end: sidecars wait for their turn.
    var withPod = false

    /// KILL: after the grace period, but no sooner than kubelet's two seconds after the stop signal.
    var killAt: Int64? { signalledAt.map { max(deadline, $0 + 2 * second) } }
  }

  struct ProbeRun: Sendable, Equatable {
    var kind: ProbeKind
    var nextAt: Int64
    var isInFlight = false
    var lastResult: Bool?
    var inARow: Int64 = 0
    /// It has killed the container, or (startup) succeeded: nothing more until the next run.
    var isDone = false
  }

  var spec: Container
  /// What the present run has been given, where that is not yet what the spec says.
  var given: ResourceRequirements?
  let kind: Kind
  var stage = Stage.idle
  /// Shown instead of what it is: CrashLoopBackOff, ErrImagePull, CreateContainerConfigError …
  var waiting: Waiting?
  struct Waiting: Sendable, Equatable {
    var reason: String
    var message: String?
  }
  var id = ""
  /// The image's whole name (docker.io/library/nginx:latest), and its digest with it; empty until it is there.
  var image = ""
  var imageID = ""
  /// How many containers there were, the present one too.
  var made: Int64 = 0
  var startedAt: Moment?
  /// How the newest ended run ended, and the one before.
  var last: Termination?
  var previous: Termination?
  var finishedAt: Int64 = 0
  /// The end of the run before the last.
  var finishedBefore: Int64?
  var crash = BackOff()
  var pull = BackOff()
  var pullFailure: PullFailure?
  /// Nothing is tried before.
  var retryAt: Int64?
  var inPostStart = false
  /// Why its postStart hook failed, which ends this run.
  var hookFailure: String?
  var stop: Stop?
  /// It is being ended to be started again (liveness, changed image).
  var restartsAfterStop = false
  /// Its back-off is over, or it has none to sit out.
  var hasLeave = false
  /// It is to run again, whatever the policies say (RestartAllContainers).
  var mustRun = false
  /// An ordinary init container: it has done its work in this sandbox.
  var isCompleted = false
  var probes: [ProbeRun] = []
  /// The startup probe has succeeded (or there is none).
  var isStarted = false
  /// The readiness probe's answer (true where there is none).
  var isReady = false

  init(_ spec: Container, _ kind: Kind) { (self.spec, self.kind) = (spec, kind) }

  var isBusy: Bool { stage == .preparing || stage == .starting || inPostStart }
  /// Its next run has been asked for.
  var isComing: Bool { stage == .preparing || stage == .starting }
  /// It has a process, or will have one.
  var isLive: Bool { stage == .running || stage == .starting }
  var restartCount: Int64 { max(0, made - 1) }
  /// One of its rules may start the whole Pod again (KEP-5532).
  var canRestartAll: Bool { spec.restartPolicyRules.contains { $0.action == RestartRule.allContainers } }
  var path: String {
    switch kind {
    case .app: "spec.containers{\(spec.name)}"
    case .ephemeral: "spec.ephemeralContainers{\(spec.name)}"
    default: "spec.initContainers{\(spec.name)}"
    }
  }

  static func == (a: ContainerRun, b: ContainerRun) -> Bool {
    a.spec == b.spec && a.stage == b.stage && a.waiting == b.waiting && a.id == b.id && a.made == b.made && a.last == b.last && a.stop == b.stop
      && a.isStarted == b.isStarted && a.isReady == b.isReady && a.retryAt == b.retryAt && a.probes == b.probes
  }
}

extension Container {
  func probe(_ kind: ProbeKind) -> Probe? {
    switch kind {
    case .startup: startupProbe
    case .liveness: livenessProbe
    case .readiness: readinessProbe
    }
  }
}
