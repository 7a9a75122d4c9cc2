// SPDX-License-Identifier: Apache-2.0
//
// The Pod's behaviour as a state machine: events in, effects out. No clock, no system call: the same events give the same effects, whenever they are
// replayed. What it does follows kubelet's pod worker (pkg/kubelet/pod_workers.go, kuberuntime_manager.go: computePodActions, SyncPod, KillPod).
//
// Parts: Advance (what to do next), Exits (ends and restarts), Images, Probing, Stopping, Report (status). docs/pod-life.md tells it in prose.
import Manifest

public struct PodEngine: Sendable {
  public internal(set) var pod: Pod
  public internal(set) var status = PodStatus()
  /// Everything is removed: the engine takes no more events.
  public internal(set) var isFinished = false
  public internal(set) var deletionTimestamp: WallTime?
  /// Seconds.
  public internal(set) var deletionGracePeriodSeconds: Int64?

  enum Volumes: Sendable, Equatable { case none, mounting, ready, failed(retryAt: Int64) }
  enum Sandbox: Sendable, Equatable {
    case none, creating, ready
    case failed(retryAt: Int64)
    /// Its process ended; the containers are being stopped, then it is made anew.
    case lost
    case stopping
    case stopped
  }
  /// Why no container is to run any more.
  enum Ending: Sendable, Equatable { case deleted, completed, deadline, rejected, evicted }

  private var shownDeletion: WallTime?
  var now = Moment(monotonic: 0, wall: WallTime(nanoseconds: 0))
  var effects: [Effect] = []
  var isAdmitted = false
  /// Why it has no place on the node, as the condition PodScheduled says it.
  var schedulingFailure: (reason: String, message: String)?
  var admittedAt: Int64 = 0
  var volumes = Volumes.none
  var volumeDelay = second / 2
  var sandbox = Sandbox.none
  var attempt = 0
  /// Of the sandbox.
  var addresses: [String] = []
  var ending: Ending?
  /// Why the Pod was evicted.
  var eviction: String?
  /// When the node's taints make it leave, and when that was decided.
  var leaving: (at: Int64, since: Int64)?
  /// A rule asked for a new start of all containers (RestartAllContainers); false once it is done, nil when there was none.
  var restartsAll: Bool?
  var isForced = false
  var runs: [ContainerRun] = []
  var gates: [String: Bool] = [:]
  /// Why the last change of resources could not be carried out.
  var resizeFailure: ResizeFailure?
  /// What the Pod as a whole still has, while a change of it is not carried out.
  var givenToPod: ResourceRequirements?
  /// An app container has been started in this sandbox: init is over.
  var isInitialised = false

  public init(pod: Pod) {
    self.pod = pod
    status.qosClass = pod.spec.qosClass
    status.observedGeneration = pod.metadata.generation
    for c in pod.spec.initContainers { runs.append(ContainerRun(c, c.restartPolicy == .always ? .sidecar : .initial)) }
    for c in pod.spec.containers { runs.append(ContainerRun(c, .app)) }
    for c in pod.spec.ephemeralContainers { runs.append(ContainerRun(c, .ephemeral)) }
    report()
  }

  /// Takes an event; the effects are to be carried out in order.
  public mutating func handle(_ event: Event, at moment: Moment) -> [Effect] {
    guard !isFinished else { return [] }
    now = moment
    effects = []
    take(event)
    advance()
    let before = (status, shownDeletion)
    report()
    shownDeletion = deletionTimestamp
    if status != before.0 || shownDeletion != before.1 { effects.append(.statusChanged) }
    defer { effects = [] }
    return effects
  }

  private mutating func take(_ event: Event) {
    switch event {
    case .admitted(let hostIP): admit(hostIP)
    case .unschedulable(let message):
      guard !isAdmitted, ending == nil else { return }
      schedulingFailure = ("Unschedulable", message)
      emit(.warning, "FailedScheduling", message)
    case .gated:
      guard !isAdmitted, ending == nil else { return }
      schedulingFailure = ("SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates")
    case .rejected(let reason, let message):
      guard !isAdmitted, ending == nil else { return }
      isAdmitted = true
      ending = .rejected
      status.startTime = now.wall
      (status.reason, status.message) = (reason, "Pod was rejected: \(message)")
      emit(.warning, reason, message)
    case .evicted(let message):
      guard ending == nil else { return }
      ending = .evicted
      eviction = message
      emit(.warning, "Evicted", message)
    case .volumesReady: volumes = .ready
    case .volumesFailed(let message):
      emit(.warning, "FailedMount", message)
      volumes = .failed(retryAt: now.monotonic + volumeDelay)
      volumeDelay = min(volumeDelay * 2, 122 * second)
    case .sandboxStarted(let podIPs):
      if sandbox == .creating { sandbox = .ready }
      addresses = podIPs
    case .sandboxFailed(let message):
      emit(.warning, "FailedCreatePodSandBox", "Failed to create pod sandbox: \(message)")
      sandbox = .failed(retryAt: now.monotonic + 10 * second)
    case .sandboxDied: loseSandbox()
    case .sandboxStopped: sandbox = .stopped
    case .imagePulling(let name, let volumeImage): imagePulling(name, volumeImage)
    case .volumeImageReady(let image, let pulled): tellPulled(image, pulled, of: nil)
    case .imageReady(let name, let image, let imageID, let pulled): imageReady(name, image, imageID, pulled)
    case .imageFailed(let name, let reason, let message, let volumeImage): imageFailed(name, reason, message, volumeImage)
    case .containerStarted(let name, let id): started(name, id)
    case .containerFailed(let name, let id, let reason, let message): failed(name, id, reason, message)
    case .containerExited(let name, let id, let exit): exited(name, id, exit)
    case .probeFinished(let name, let probe, let result): probeFinished(name, probe, result)
    case .hookFinished(let name, let hook, let failure): hookFinished(name, hook, failure)
    case .deleteRequested(let grace, let force): delete(grace, force)
    case .updated(let pod): update(pod)
    case .resized(let failure): resized(failure)
    case .gateSet(let type, let value): gates[type] = value
    case .staying(let seconds): stay(seconds)
    case .restored(let status): restore(status)
    case .tick: break
    case .adopted: adopt()
    }
  }

  private mutating func admit(_ hostIP: String) {
    guard !isAdmitted, ending == nil else { return }
    isAdmitted = true
    admittedAt = now.monotonic
    schedulingFailure = nil
    status.hostIP = hostIP
    status.startTime = now.wall
    // Who names the node passes by the scheduler.
    guard pod.spec.nodeName == nil else { return }
    emit(.normal, "Scheduled", "Successfully assigned \(pod.metadata.namespace)/\(pod.metadata.name) to podlab")
  }

  private mutating func update(_ new: Pod) {
    let old = pod
    var resized: [Int] = []
    pod = new
    status.observedGeneration = new.metadata.generation
    for c in new.spec.ephemeralContainers where index(c.name) == nil { runs.append(ContainerRun(c, .ephemeral)) }
    let specs = new.spec.initContainers + new.spec.containers
    for i in runs.indices {
      guard let spec = specs.first(where: { $0.name == runs[i].spec.name }) else { continue }
      let changed = spec.image != runs[i].spec.image
      if !changed && spec.resources != runs[i].spec.resources { resized.append(i) }
      runs[i].spec = spec
      guard changed else { continue }
      runs[i].retryAt = nil
      // kubelet's back-off belongs to the container's definition.
      (runs[i].crash, runs[i].pull, runs[i].pullFailure) = (BackOff(), BackOff(), nil)
      if runs[i].stage == .running && runs[i].kind != .initial {
        runs[i].restartsAfterStop = true
        let text = runs[i].kind == .app ? "Container \(spec.name) definition changed, will be restarted" : "Init container \(spec.name) definition changed"
        beginStop(i, seconds: pod.spec.terminationGracePeriodSeconds, text)
      }
    }
    resize(from: old, resized)
  }

  /// What was under way when the last supervisor ended is asked for again.
  private mutating func adopt() {
    if volumes == .mounting { effects.append(.mountVolumes) }
    if sandbox == .creating { effects.append(.createSandbox(attempt: attempt)) }
    if sandbox == .stopping { effects.append(.stopSandbox) }
    let unanswered = runs.filter { $0.given != nil && $0.stage == .running }.map(\.spec.name)
    if !unanswered.isEmpty || givenToPod != nil { effects.append(.resize(containers: unanswered)) }
    for i in runs.indices {
      let name = runs[i].spec.name
      switch runs[i].stage {
      case .preparing: effects.append(.ensureImage(container: name))
      case .starting where sandbox == .lost:
        // It has nowhere to be any more; what was made of it the supervisor ends as a stranger.
        failed(name, "", "CreateContainerError", "the sandbox ended while the container was made")
      case .starting: effects.append(.startContainer(container: name, restartCount: runs[i].made))
      default: break
      }
      if runs[i].inPostStart { effects.append(.runHook(container: name, hook: .postStart)) }
      for p in runs[i].probes.indices { runs[i].probes[p].isInFlight = false }
      guard runs[i].stop != nil else { continue }
      if runs[i].stop?.inPreStop == true { effects.append(.runHook(container: name, hook: .preStop)) }
      runs[i].stop?.signalledAt = nil
      runs[i].stop?.isKilled = false
    }
  }

  /// Whether it still waits for a place on the node.
  public var waitsForPlace: Bool { !isAdmitted && ending == nil && !isFinished }
  /// Whether the node's taints make it leave at some time.
  public var isLeaving: Bool { leaving != nil }

  /// Whether a container of this name is believed to run.
  public func isLive(_ name: String) -> Bool { runs.contains { $0.spec.name == name && $0.stage == .running } }

  /// Whether a container of this name waits for its images.
  public func isPreparing(_ name: String) -> Bool { runs.contains { $0.spec.name == name && $0.stage == .preparing } }

  /// Whether the Pod's volumes are set up.
  public var areVolumesReady: Bool { volumes == .ready }

  // MARK: small things that all parts use

  func index(_ name: String) -> Int? { runs.firstIndex { $0.spec.name == name } }

  mutating func emit(_ kind: PodEvent.Kind, _ reason: String, _ message: String, of run: Int? = nil) {
    effects.append(.emit(PodEvent(kind, reason, message, fieldPath: run.map { runs[$0].path })))
  }

  /// When `tick` is wanted: nanoseconds of CLOCK_MONOTONIC; nil: nothing is due.
  public var nextWake: Int64? {
    guard isAdmitted, !isFinished else { return nil }
    var all: [Int64] = []
    if let leaving, ending != .deleted { all.append(leaving.at) }
    if ending == nil, let seconds = pod.spec.activeDeadlineSeconds { all.append(admittedAt + seconds * second) }
    if ending == nil {
      if case .failed(let at) = volumes { all.append(at) }
      if case .failed(let at) = sandbox { all.append(at) }
    }
    for r in runs {
      if ending == nil, r.stage == .idle || r.stage == .exited, let at = r.retryAt { all.append(at) }
      guard r.stage == .running else { continue }
      if let stop = r.stop {
        if stop.signalledAt == nil {
          all.append(stop.deadline)
        } else if !stop.isKilled, let at = stop.killAt {
          all.append(at)
        }
      }
      all += r.probes.filter { !$0.isInFlight && runsNow($0, r) }.map(\.nextAt)
    }
    // What was due has been served, or waits for something else than time.
    return all.filter { $0 > now.monotonic }.min()
  }
}
