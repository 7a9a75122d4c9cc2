// SPDX-License-Identifier: Apache-2.0
//
// The status: what the API shows of all this. Kubernetes pkg/kubelet/kubelet_pods.go (getPhase, convertToAPIContainerStatuses),
// pkg/kubelet/status/generate.go.
import Manifest

extension PodEngine {
  mutating func report() {
    // A Pod that no kubelet has taken has no containers to tell of.
    let isTaken = isAdmitted && ending != .rejected
    status.initContainerStatuses = isTaken ? runs.filter { $0.kind == .initial || $0.kind == .sidecar }.map(shown) : []
    status.ephemeralContainerStatuses = isTaken ? runs.filter { $0.kind == .ephemeral }.map(shown) : []
    status.containerStatuses = isTaken ? runs.filter { $0.kind == .app }.map(shown) : []
    if isSetUp || pod.spec.hostNetwork, !addresses.isEmpty { status.podIPs = addresses }
    let phase = self.phase
    // A Pod is not at its end while something of it runs (kubelet: mergePodStatus).
    let isTerminal = phase == .succeeded || phase == .failed
    let isOver = status.phase == .succeeded || status.phase == .failed
    if !isOver, !isTerminal || !runs.contains(where: \.isLive) { status.phase = phase }
    let whole = givenToPod ?? pod.spec.resources
    status.resources = isTaken && runs.contains { !$0.id.isEmpty } && (!whole.limits.isEmpty || !whole.requests.isEmpty) ? whole : nil
    let held = (status.reason, status.message)
    if ending == .deadline, status.phase != .failed { (status.reason, status.message) = (nil, nil) }
    if ending == .deadline, status.phase == .failed {
      (status.reason, status.message) = ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
    }
    if ending == .evicted { (status.reason, status.message) = status.phase == .failed ? ("Evicted", eviction) : (nil, nil) }
    if ending == .rejected { (status.reason, status.message) = held }
    setConditions()
    // As the kubelet's status manager orders them; init containers keep the order of the spec.
    status.containerStatuses.sort { $0.name < $1.name }
    status.ephemeralContainerStatuses.sort { $0.name < $1.name }
  }

  /// The kubelet makes a sandbox once the volumes are there; here it is made beside them, and not told of before.
  private var isSetUp: Bool { volumes == .ready }

  // MARK: containers

  private func shown(_ r: ContainerRun) -> ContainerStatus {
    var s = ContainerStatus()
    s.name = r.spec.name
    // What runs is shown by the name that the runtime has for it.
    s.image = r.id.isEmpty || r.image.isEmpty ? r.spec.image : r.image
    s.imageID = r.imageID
    s.containerID = ContainerRun.reference(r.id)
    s.restartCount = r.restartCount
    if !r.id.isEmpty {
      s.stopSignal = r.spec.lifecycle.stopSignal
      s.resources = r.given ?? r.spec.resources
    }
    s.volumeMounts = r.spec.volumeMounts.map(VolumeMountStatus.init)
    s.started = false
    let isShownRunning = r.stage == .running && (!r.inPostStart || ending != nil)
    if isShownRunning, let at = r.startedAt {
      s.state = .running(startedAt: at.wall)
      s.lastState = r.last.map(told)
      s.started = r.isStarted
      s.ready = r.kind != .initial && r.isStarted && r.isReady
    } else if let w = r.waiting, ending == nil {
      s.state = .waiting(reason: w.reason, message: w.message)
      s.lastState = r.last.map(told)
    } else if let last = r.last {
      s.state = told(last)
      s.lastState = r.previous.map(told)
      s.ready = r.kind == .initial && r.isCompleted
    } else if let w = r.waiting {
      s.state = .waiting(reason: w.reason, message: w.message)
    } else if ending != nil, ending != .rejected, isInitialised, !r.isLive, r.kind != .ephemeral {
      // Kubernetes pkg/kubelet/status (TerminatePod): once a Pod has initialised, what is missing counts as failed.
      var end = Termination()
      (end.exitCode, end.reason) = (137, "ContainerStatusUnknown")
      end.message = "The container could not be located when the pod was terminated"
      s.state = .terminated(end)
    } else {
      s.state = .waiting(reason: pod.spec.initContainers.isEmpty ? "ContainerCreating" : "PodInitializing", message: nil)
    }
    // Readiness and startup say nothing about one that may come and go.
    if r.kind == .ephemeral { (s.ready, s.started) = (false, nil) }
    return s
  }

  /// 12 KiB for the termination messages of all containers (pkg/kubelet/status, normalizeStatus).
  private static let mostMessageBytes = 12 << 10

  /// An end with no more of its message than the container's share.
  private func told(_ end: Termination) -> ContainerState {
    let share = Self.mostMessageBytes / max(1, pod.spec.containers.count + pod.spec.initContainers.count)
    guard let message = end.message, message.utf8.count > share else { return .terminated(end) }
    var end = end
    end.message = String(decoding: message.utf8.prefix(share), as: UTF8.self)
    return .terminated(end)
  }

  // MARK: phase

  private var phase: PodPhase {
    if ending == .rejected || ending == .deadline || ending == .evicted { return .failed }
    var pendingInit = false
    var failedInit = false
    for s in status.initContainerStatuses where index(s.name).map({ runs[$0].kind == .initial }) ?? false {
      switch (s.state, s.lastState) {
      case (.terminated(let t), _), (.waiting, .terminated(let t)?): failedInit = failedInit || t.exitCode != 0 && !(index(s.name).map { runs[$0].isComing || mayRestart(runs[$0]) } ?? false)
      default: pendingInit = true
      }
    }
    var (running, waiting, stopped, succeeded) = (0, 0, 0, 0)
    var pendingSidecar = false
    for s in status.initContainerStatuses where index(s.name).map({ runs[$0].kind == .sidecar }) ?? false {
      switch (s.state, s.lastState) {
      case (.running, _):
        running += 1
        pendingSidecar = pendingSidecar || s.started != true
      case (.waiting, nil):
        waiting += 1
        pendingSidecar = true
      default: break
      }
    }
    for s in status.containerStatuses {
      switch (s.state, s.lastState) {
      case (.running, _): running += 1
      case (.terminated(let t), _):
        stopped += 1
        if t.exitCode == 0 { succeeded += 1 }
      case (.waiting, .terminated?): stopped += 1
      case (.waiting, _): waiting += 1
      }
    }
    if failedInit && (ending == nil || ending == .completed || pod.spec.restartPolicy == .never) { return .failed }
    if (pendingInit || pendingSidecar) && !isInitialised { return .pending }
    if waiting > 0 { return .pending }
    if running > 0 { return .running }
    guard stopped > 0 else { return .pending }
    if ending != nil { return stopped == succeeded ? .succeeded : .failed }
    let all = status.containerStatuses.count
    if runs.contains(where: { $0.kind == .app && ($0.isComing || wantsRestart($0)) }) { return .running }
    return succeeded == all ? .succeeded : .failed
  }

  // MARK: conditions

  private mutating func setConditions() {
    guard isAdmitted else {
      if let schedulingFailure { set("PodScheduled", false, schedulingFailure.reason, schedulingFailure.message) }
      return
    }
    if ending == .rejected { return }
    set("PodReadyToStartContainers", isSetUp && (sandbox == .ready || sandbox == .lost && runs.contains(where: \.isLive)))
    let isOver: (reason: String, is: Bool) =
      status.phase == .succeeded ? ("PodCompleted", true) : status.phase == .failed ? ("PodFailed", true) : ("", false)

    let incomplete = zip(status.initContainerStatuses, runs).filter { s, r in r.kind == .sidecar ? s.started != true : !s.ready }.map(\.0.name)
    if status.phase == .succeeded {
      set("Initialized", true, "PodCompleted")
    } else if isInitialised || incomplete.isEmpty {
      set("Initialized", true)
    } else {
      set("Initialized", false, "ContainersNotInitialized", "containers with incomplete status: [\(incomplete.joined(separator: " "))]")
    }

    let sidecars = zip(status.initContainerStatuses, runs).filter { $0.1.kind == .sidecar }.map(\.0)
    let unready = (sidecars + status.containerStatuses).filter { !$0.ready }.map(\.name)
    let gateTexts = pod.spec.readinessGates.compactMap { type -> String? in
      guard let value = gates[type] else { return "corresponding condition of pod readiness gate \"\(type)\" does not exist." }
      return value ? nil : "the status of pod readiness gate \"\(type)\" is not \"True\", but False"
    }
    if isOver.is {
      set("Ready", false, isOver.reason)
      set("ContainersReady", false, isOver.reason)
    } else if !unready.isEmpty {
      let message = "containers with unready status: [\(unready.joined(separator: " "))]"
      set("Ready", false, "ContainersNotReady", message)
      set("ContainersReady", false, "ContainersNotReady", message)
    } else {
      if gateTexts.isEmpty { set("Ready", true) } else { set("Ready", false, "ReadinessGatesNotReady", gateTexts.joined(separator: ", ")) }
      set("ContainersReady", true)
    }
    set("PodScheduled", true)
    setResizeConditions()
    if restartsAll != nil || runs.contains(where: \.canRestartAll) { set("AllContainersRestarting", restartsAll ?? false) }
    for (type, value) in gates.sorted(by: { $0.key < $1.key }) { set(type, value) }
  }

  mutating func set(_ type: String, _ value: Bool, _ reason: String? = nil, _ message: String? = nil) {
    var c = PodCondition()
    (c.type, c.status, c.reason, c.message) = (type, value, reason, message)
    if gates[type] == nil { c.observedGeneration = pod.metadata.generation }
    if let at = status.conditions.firstIndex(where: { $0.type == type }) {
      let old = status.conditions[at]
      c.lastTransitionTime = old.status == value ? old.lastTransitionTime : now.wall
      status.conditions[at] = c
    } else {
      c.lastTransitionTime = now.wall
      status.conditions.append(c)
    }
  }
}
