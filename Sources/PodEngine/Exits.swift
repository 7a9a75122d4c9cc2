// SPDX-License-Identifier: Apache-2.0
//
// Starts and ends of containers: what an answer means for the next step, and who is started again. Kubernetes kuberuntime_container.go
// (startContainer), pkg/kubelet/container/helpers.go (ShouldContainerBeRestarted), KEP-753, KEP-5307.
import Manifest

extension PodEngine {
  // MARK: starts

  mutating func started(_ name: String, _ id: String) {
    guard let i = index(name), runs[i].stage == .starting else { return }
    runs[i].stage = .running
    runs[i].id = id
    runs[i].made += 1
    runs[i].given = nil
    runs[i].startedAt = now
    runs[i].stop = nil
    runs[i].hookFailure = nil
    runs[i].mustRun = false
    if runs[i].kind == .app { isInitialised = true }
    emit(.normal, "Created", "Container created", of: i)
    emit(.normal, "Started", "Container started", of: i)
    beginProbes(i)
    if runs[i].spec.lifecycle.postStart != nil, runs[i].kind != .initial, ending == nil {
      // What it waited for is shown until the hook is done, as the container does not count as running before.
      runs[i].inPostStart = true
      effects.append(.runHook(container: name, hook: .postStart))
    } else {
      runs[i].waiting = nil
    }
  }

  mutating func failed(_ name: String, _ id: String, _ reason: String, _ message: String) {
    guard let i = index(name), runs[i].stage == .starting else { return }
    // What cannot be started has been made all the same.
    if reason == "RunContainerError" { emit(.normal, "Created", "Container created", of: i) }
    emit(.warning, "Failed", "Error: \(message)", of: i)
    guard reason == "RunContainerError" else {
      // There is no container: tried again at the next look.
      runs[i].stage = runs[i].last == nil ? .idle : .exited
      if runs[i].last != nil { runs[i].hasLeave = true }
      runs[i].waiting = .init(reason: reason, message: message)
      runs[i].retryAt = now.monotonic + 10 * second
      return
    }
    var end = Termination()
    (end.exitCode, end.reason, end.message, end.containerID) = (128, "StartError", message, ContainerRun.reference(id))
    end.startedAt = WallTime(nanoseconds: 0)
    end.finishedAt = now.wall
    runs[i].id = id
    runs[i].made += 1
    if runs[i].kind == .app { isInitialised = true }
    ended(i, end)
    waitsAfterFailedStart(i, reason, message)
  }

  /// A start that failed is shown until kubelet looks again and finds the back-off.
  private mutating func waitsAfterFailedStart(_ i: Int, _ reason: String, _ message: String) {
    guard wantsRestart(runs[i]) else { return }
    runs[i].waiting = .init(reason: reason, message: message)
    if runs[i].crash.delay != nil { runs[i].retryAt = now.monotonic + second }
  }

  // MARK: ends

  mutating func exited(_ name: String, _ id: String, _ exit: ContainerExit) {
    guard let i = index(name), runs[i].stage == .running, runs[i].id == id else { return }
    var end = Termination()
    end.exitCode = exit.exitCode
    end.signal = exit.signal
    end.reason = exit.reason ?? (exit.oomKilled ? "OOMKilled" : exit.exitCode == 0 ? "Completed" : "Error")
    end.message = exit.message
    end.startedAt = runs[i].startedAt?.wall
    end.finishedAt = now.wall
    end.containerID = ContainerRun.reference(id)
    if runs[i].inPostStart { effects.append(.cancelHook(container: name, hook: .postStart)) }
    if runs[i].stop?.inPreStop == true { effects.append(.cancelHook(container: name, hook: .preStop)) }
    ended(i, end)
    if let failure = runs[i].hookFailure { waitsAfterFailedStart(i, "PostStartHookError", failure) }
    judgeRules(i)
  }

  private mutating func ended(_ i: Int, _ end: Termination) {
    runs[i].stage = .exited
    runs[i].previous = runs[i].last
    runs[i].last = end
    runs[i].finishedBefore = runs[i].previous == nil ? nil : runs[i].finishedAt
    runs[i].finishedAt = now.monotonic
    runs[i].waiting = nil
    runs[i].retryAt = nil
    runs[i].inPostStart = false
    runs[i].stop = nil
    runs[i].probes = []
    (runs[i].isStarted, runs[i].isReady) = (false, false)
    if runs[i].kind == .initial, end.exitCode == 0 { runs[i].isCompleted = true }
  }

  /// Whether an ended container is to run again, unless the Pod ends.
  func wantsRestart(_ r: ContainerRun) -> Bool { ending == nil && mayRestart(r) }

  /// The same, of a Pod that lives.
  func mayRestart(_ r: ContainerRun) -> Bool {
    if r.kind == .ephemeral { return r.last == nil }
    if r.restartsAfterStop || r.hasLeave || r.mustRun || r.kind == .sidecar { return true }
    guard let end = r.last else { return true }
    if r.isCompleted { return false }
    if rule(of: r, end.exitCode) != nil { return true }
    switch r.spec.restartPolicy ?? pod.spec.restartPolicy {
    case .always: return true
    case .onFailure: return end.exitCode != 0
    case .never: return false
    }
  }

  /// The first of the container's restartPolicyRules that an exit code matches.
  private func rule(of r: ContainerRun, _ code: Int64) -> RestartRule? {
    r.spec.restartPolicyRules.first { $0.exitCodes.contains(code) == ($0.exitCodeOperator == "In") }
  }

  /// RestartAllContainers (KEP-5532): everything is ended at once, without hooks or grace, and the Pod begins again in the same sandbox.
  private mutating func judgeRules(_ i: Int) {
    guard ending == nil, let end = runs[i].last, !runs[i].restartsAfterStop, rule(of: runs[i], end.exitCode)?.action == RestartRule.allContainers else { return }
    restartsAll = true
    for k in runs.indices where runs[k].kind != .ephemeral {
      if runs[k].stage == .preparing { runs[k].stage = runs[k].last == nil ? .idle : .exited }
      runs[k].mustRun = true
      // The one that asked for it has its back-off to sit out, the others have done nothing.
      if k != i { runs[k].hasLeave = true }
    }
  }

  /// Returns whether all have ended: the new start begins.
  mutating func stopForRestart() -> Bool {
    for i in runs.indices where runs[i].stage == .running && runs[i].stop?.isKilled != true {
      beginStop(i, seconds: 0, "Stopping container \(runs[i].spec.name)")
      if runs[i].stop?.inPreStop == true { effects.append(.cancelHook(container: runs[i].spec.name, hook: .preStop)) }
      runs[i].stop?.inPreStop = false
      kill(i)
    }
    guard !runs.contains(where: \.isLive) else { return false }
    restartsAll = false
    isInitialised = false
    for i in runs.indices {
      runs[i].isCompleted = false
      runs[i].retryAt = nil
      guard runs[i].kind != .ephemeral, var end = runs[i].last else { continue }
      // Kubelet removes them with their ends, and says so of each (convertToAPIContainerStatuses).
      let (reason, message) = ("RestartingAllContainers", "The container is removed because RestartAllContainers in place")
      (end.exitCode, end.reason, end.message) = (137, reason, message)
      runs[i].last = end
      runs[i].waiting = .init(reason: reason, message: message)
    }
    return true
  }

  // MARK: hooks

  mutating func hookFinished(_ name: String, _ hook: HookKind, _ failure: String?) {
    guard let i = index(name), runs[i].stage == .running else { return }
    switch hook {
    case .preStop:
      guard runs[i].stop?.inPreStop == true else { return }
      runs[i].stop?.inPreStop = false
      if failure != nil { emit(.warning, "FailedPreStopHook", "PreStopHook failed", of: i) }
    case .postStart:
      guard runs[i].inPostStart else { return }
      (runs[i].inPostStart, runs[i].waiting) = (false, nil)
      guard let failure else { return }
      runs[i].hookFailure = failure
      emit(.warning, "FailedPostStartHook", "PostStartHook failed", of: i)
      beginStop(i, seconds: pod.spec.terminationGracePeriodSeconds, "FailedPostStartHook")
    }
  }
}
