// SPDX-License-Identifier: Apache-2.0
//
// What happens to a Pod from outside its life: the machine was booted, or the node's taints make it leave. Kubernetes kubelet_pods.go
// (convertToAPIContainerStatuses: containers that cannot be found), pkg/controller/tainteviction.
import Manifest

extension PodEngine {
  /// Everything that ran has gone with the boot. A Pod that had ended stays ended; any other is begun again in a new sandbox (kubelet sees that its
  /// sandbox has changed), with its counts and what was known of its containers.
  mutating func restore(_ old: PodStatus) {
    guard !isAdmitted, ending == nil else { return }
    isAdmitted = true
    status.hostIP = old.hostIP
    status.startTime = old.startTime ?? now.wall
    status.conditions = old.conditions
    admittedAt = now.monotonic - max(0, now.wall.nanoseconds - (status.startTime ?? now.wall).nanoseconds)
    let isOver = old.phase == .succeeded || old.phase == .failed
    for s in old.initContainerStatuses + old.containerStatuses { if let i = index(s.name) { recall(i, s, isOver: isOver) } }
    guard !isOver else {
      (status.phase, status.reason, status.message, status.podIPs) = (old.phase, old.reason, old.message, old.podIPs)
      ending = old.reason == "DeadlineExceeded" ? .deadline : .completed
      sandbox = .stopped
      return
    }
    guard runs.contains(where: { $0.made > 0 }) else { return }
    status.phase = old.phase
    isInitialised = runs.contains { $0.kind == .app && $0.made > 0 }
    sandbox = .ready
    loseSandbox()
  }

  private mutating func recall(_ i: Int, _ s: ContainerStatus, isOver: Bool) {
    (runs[i].image, runs[i].imageID) = (s.image, s.imageID)
    if s.containerID.hasPrefix("podlab://") { runs[i].id = String(s.containerID.dropFirst(9)) }
    let before: Termination? = if case .terminated(let t)? = s.lastState { t } else { nil }
    switch s.state {
    case .running:
      var lost = Termination()
      (lost.exitCode, lost.reason) = (137, "ContainerStatusUnknown")
      lost.message = "The container could not be located when the pod was deleted.  The container used to be Running"
      lost.containerID = ContainerRun.reference(runs[i].id)
      (runs[i].previous, runs[i].last) = (before, lost)
    case .terminated(let t): (runs[i].previous, runs[i].last) = (before, t)
    case .waiting: runs[i].last = before
    }
    guard runs[i].last != nil else { return }
    runs[i].made = s.restartCount + 1
    runs[i].stage = .exited
    runs[i].finishedAt = now.monotonic
    if isOver, runs[i].kind == .initial, runs[i].last?.exitCode == 0 { runs[i].isCompleted = true }
  }

  // MARK: taints

  mutating func stay(_ seconds: Int64?) {
    guard isAdmitted, ending != .deleted, ending != .rejected else { return }
    guard let seconds else {
      if leaving != nil { emit(.normal, "TaintManagerEviction", "Cancelling deletion of Pod \(pod.metadata.namespace)/\(pod.metadata.name)") }
      leaving = nil
      return
    }
    // Time that it has stayed already counts.
    let since = leaving?.since ?? now.monotonic
    leaving = (since + seconds * second, since)
  }

  /// Its time is over: as if somebody had deleted it.
  mutating func evict() {
    set("DisruptionTarget", true, "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")
    emit(.normal, "TaintManagerEviction", "Marking for deletion Pod \(pod.metadata.namespace)/\(pod.metadata.name)")
    delete(nil, false)
  }
}
