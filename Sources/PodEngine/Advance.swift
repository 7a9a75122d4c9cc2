// SPDX-License-Identifier: Apache-2.0
//
// What is to be done next: set the Pod up, start containers in their order, or bring everything to its end. Kubernetes
// kuberuntime_manager.go (computePodActions, SyncPod).
import Manifest

extension PodEngine {
  mutating func advance() {
    guard isAdmitted || ending != nil else { return }
    if let leaving, now.monotonic >= leaving.at, ending != .deleted { evict() }
    if ending == nil { judgeEnd() }
    if ending != nil { return finish() }
    if restartsAll == true, !stopForRestart() { return }
    if sandbox == .lost { return rebuild() }
    setUp()
    if volumes == .ready && sandbox == .ready {
      startEphemeral()
      startNext()
    }
    pushStops()
    runDueProbes()
  }

  /// Whether the Pod has come to its end by itself.
  private mutating func judgeEnd() {
    if let seconds = pod.spec.activeDeadlineSeconds, now.monotonic >= admittedAt + seconds * second {
      ending = .deadline
      (status.reason, status.message) = ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
      emit(.normal, "DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
      return
    }
    if restartsAll == true { return }
    let initFailed = !isInitialised && runs.contains { $0.kind == .initial && $0.stage == .exited && !$0.isCompleted && !wantsRestart($0) }
    let apps = runs.filter { $0.kind == .app }
    let isDone = !apps.isEmpty && apps.allSatisfy { $0.stage == .exited && !wantsRestart($0) }
    if initFailed || isDone { ending = .completed }
  }

  private mutating func setUp() {
    switch volumes {
    case .none:
      volumes = .mounting
      effects.append(.mountVolumes)
    case .failed(let at) where now.monotonic >= at:
      volumes = .mounting
      effects.append(.mountVolumes)
    default: break
    }
    switch sandbox {
    case .none, .stopped:
      // After an end of the sandbox: the next one.
      if sandbox == .stopped { attempt += 1 }
      sandbox = .creating
      effects.append(.createSandbox(attempt: attempt))
    case .failed(let at) where now.monotonic >= at:
      attempt += 1
      sandbox = .creating
      effects.append(.createSandbox(attempt: attempt))
    default: break
    }
  }

  /// Ephemeral containers wait for nobody and nobody waits for them, not even where init fails; one that has run is done (kuberuntime_manager.go,
  /// SyncPod step 5).
  private mutating func startEphemeral() {
    for i in runs.indices where runs[i].kind == .ephemeral && runs[i].stage == .idle { _ = begin(i) }
  }

  /// Whether a container that others wait for is on its way.
  private var isBusy: Bool { runs.contains { $0.kind != .ephemeral && $0.isBusy } }

  /// Starts what may start now. One at a time, as the kubelet does: the next one is begun when the one before runs and its postStart hook is done.
  private mutating func startNext() {
    guard !isBusy else { return }
    for i in runs.indices where runs[i].kind == .initial || runs[i].kind == .sidecar {
      switch runs[i].kind {
      case .sidecar:
        if runs[i].stage != .running {
          if begin(i) { return }
          // A sidecar that waits for its restart holds up the start of the Pod, not its life.
          if !isInitialised { return }
        } else if !isInitialised && !runs[i].isStarted {
          return
        }
      default:
        if isInitialised || runs[i].isCompleted { continue }
        if runs[i].stage == .running { return restartSidecars(before: i) }
        _ = begin(i)
        return restartSidecars(before: i)
      }
    }
    for i in runs.indices where runs[i].kind == .app {
      guard runs[i].stage == .idle || (runs[i].stage == .exited && wantsRestart(runs[i])) else { continue }
      if begin(i) { return }
    }
  }

  private mutating func restartSidecars(before end: Int) {
    guard !isBusy else { return }
    for i in runs.indices.prefix(end) where runs[i].kind == .sidecar && runs[i].stage != .running { if begin(i) { return } }
  }

  /// Asks for the image, unless a back-off or a time for the next try stands against it. Returns whether the container is on its way.
  private mutating func begin(_ i: Int) -> Bool {
    if let at = runs[i].retryAt, now.monotonic < at { return false }
    // One that was killed to be started again is not seen as ended yet: kubelet counts from the end of the run before it.
    let since = runs[i].restartsAfterStop ? runs[i].finishedBefore : runs[i].finishedAt
    if runs[i].stage == .exited, !runs[i].hasLeave, let since {
      if let until = runs[i].crash.until(since: since, now: now.monotonic) {
        backOff(i, until)
        return false
      }
      runs[i].crash.advance(now: now.monotonic, since: since)
    }
    if let failure = runs[i].pullFailure, let until = runs[i].pull.until(since: failure.at, now: now.monotonic) {
      pullBackOff(i, until, failure)
      return false
    }
    runs[i].retryAt = nil
    (runs[i].restartsAfterStop, runs[i].hasLeave) = (false, false)
    runs[i].stage = .preparing
    effects.append(.ensureImage(container: runs[i].spec.name))
    return true
  }

  private mutating func backOff(_ i: Int, _ until: Int64) {
    let name = runs[i].spec.name
    runs[i].retryAt = until
    let delay = (runs[i].crash.delay ?? 0) / second
    let text = delay >= 60 ? "\(delay / 60)m\(delay % 60)s" : "\(delay)s"
    runs[i].waiting = .init(reason: "CrashLoopBackOff", message: "back-off \(text) restarting failed container=\(name) pod=\(pod.metadata.fullName)")
    emit(.warning, "BackOff", "Back-off restarting failed container \(name) in pod \(pod.metadata.fullName)", of: i)
  }

  private mutating func pullBackOff(_ i: Int, _ until: Int64, _ failure: ContainerRun.PullFailure) {
    let text = "Back-off pulling image \"\(failure.volumeImage ?? runs[i].spec.image)\""
    runs[i].retryAt = until
    runs[i].waiting = .init(reason: "ImagePullBackOff", message: "\(text): \(failure.text)")
    // What concerns a volume's image is told of the Pod.
    emit(.normal, "BackOff", text, of: failure.volumeImage == nil ? i : nil)
    if failure.volumeImage == nil { emit(.warning, "Failed", "Error: ImagePullBackOff", of: i) }
  }

  // MARK: the end

  /// Containers, then the sandbox, then (after a delete) the Pod.
  private mutating func finish() {
    for i in runs.indices where runs[i].stage == .preparing { runs[i].stage = runs[i].last == nil ? .idle : .exited }
    stopAll()
    pushStops()
    runDueProbes()
    guard !runs.contains(where: \.isLive) else { return }
    switch sandbox {
    case .ready, .failed, .lost:
      sandbox = .stopping
      effects.append(.stopSandbox)
    case .creating, .stopping: return
    case .none, .stopped: break
    }
    // Finalizers hold the object, not what ran: it goes when an update has taken the last one away.
    if ending == .deleted, sandbox == .none || sandbox == .stopped, pod.metadata.finalizers.isEmpty {
      isFinished = true
      effects.append(.podRemoved)
    }
  }

  // MARK: a new sandbox

  mutating func loseSandbox() {
    guard sandbox == .ready else { return }
    sandbox = .lost
    guard ending == nil else { return }
    for i in runs.indices where runs[i].isLive { runs[i].restartsAfterStop = true }
    emit(.normal, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
  }

  /// All containers are stopped, then the Pod starts from its init containers again, in a new sandbox (computePodActions: KillPod). A Pod that never
  /// restarts ends instead.
  private mutating func rebuild() {
    for i in runs.indices where runs[i].stage == .preparing { runs[i].stage = runs[i].last == nil ? .idle : .exited }
    stopAll()
    pushStops()
    guard !runs.contains(where: \.isLive) else { return }
    if pod.spec.restartPolicy == .never && runs.contains(where: { $0.made > 0 }) {
      ending = .completed
      return finish()
    }
    isInitialised = false
    for i in runs.indices {
      runs[i].isCompleted = false
      runs[i].retryAt = nil
      // What had ended well and is not to run again stays ended.
      let staysEnded = runs[i].kind == .app && pod.spec.restartPolicy == .onFailure && runs[i].stage == .exited && runs[i].last?.exitCode == 0
      if runs[i].stage == .exited && !staysEnded && runs[i].kind != .ephemeral { runs[i].mustRun = true }
    }
    sandbox = .stopping
    effects.append(.stopSandbox)
  }
}
