// SPDX-License-Identifier: Apache-2.0
//
// The Pod's life on a fake clock: order, restarts, probes, hooks, ends. What is expected is Kubernetes' own behaviour.
import Manifest
import PodEngine
import Testing

@Suite struct Starting {
  @Test func appsRunAfterInitContainersOneByOne() {
    let w = World.pod("  initContainers: [{name: i1, image: b}, {name: i2, image: b}]\n  containers: [{name: a, image: b}, {name: c, image: b}]\n")
    w.behaviour = { name, _ in name.hasPrefix("i") ? (2, 0) : nil }
    w.admit()
    #expect(w.names == ["i1"])
    #expect(w.status("a").state.words == "PodInitializing")
    #expect(w.condition("Initialized")?.message == "containers with incomplete status: [i1 i2]")
    w.run(seconds: 3)
    #expect(w.names == ["i1", "i2"] && w.phase == .pending)
    w.run(seconds: 3)
    #expect(w.names == ["i1", "i2", "a", "c"] && w.phase == .running)
    #expect(w.condition("Ready")?.status == true)
    #expect(w.status("i1").ready && w.status("i1").state.words == "Completed")
  }

  @Test func eventsOfAStartInKubeletsOrder() {
    let w = World.pod("  containers: [{name: a, image: b}]\n")
    w.admit()
    #expect(w.reasons() == ["Scheduled", "Pulled", "Created", "Started"])
    #expect(w.events.last?.fieldPath == "spec.containers{a}")
  }

  @Test func sidecarGatesTheNextByItsStartupProbe() {
    let w = World.pod("""
      initContainers:
      - {name: s, image: b, restartPolicy: Always, startupProbe: {exec: {command: [x]}, periodSeconds: 1, failureThreshold: 9}}
      - {name: i, image: b}
      containers: [{name: a, image: b}]
    """)
    var tries = 0
    w.probe = { _, kind in
      tries += 1
      return kind == .startup && tries < 4 ? .failure("no") : .success
    }
    w.behaviour = { name, _ in name == "i" ? (0, 0) : nil }
    w.admit()
    w.run(seconds: 2)
    #expect(w.names == ["s"] && w.status("s").started == false && w.phase == .pending)
    w.run(seconds: 5)
    #expect(w.names == ["s", "i", "a"] && w.status("s").started == true && w.phase == .running)
  }

  @Test func postStartHoldsBackRunningAndTheNext() {
    let w = World.pod("  containers: [{name: a, image: b, lifecycle: {postStart: {exec: {command: [x]}}}}, {name: c, image: b}]\n")
    w.hook = { _, _ in (5, nil) }
    w.admit()
    #expect(w.status("a").state.words == "ContainerCreating" && w.names == ["a"] && w.phase == .pending)
    w.run(seconds: 6)
    #expect(w.status("a").state.words == "Running" && w.names == ["a", "c"])
  }

  @Test func failedPostStartKillsAndRestarts() {
    let w = World.pod("  containers: [{name: a, image: b, lifecycle: {postStart: {exec: {command: [x]}}}}]\n")
    w.hook = { _, _ in (0, "exit 1") }
    w.admit()
    w.run(seconds: 1)
    #expect(w.reasons().contains("FailedPostStartHook") && w.starts("a").count == 2)
  }

  @Test func missingImageBacksOff() {
    let w = World.pod("  containers: [{name: a, image: b}, {name: c, image: b}]\n")
    w.image = { $0 == "a" ? .imageFailed(container: "a", reason: "ErrImagePull", message: "not found") : nil }
    w.admit()
    #expect(w.status("a").state.words == "ErrImagePull" && w.status("c").state.words == "Running" && w.phase == .pending)
    w.run(seconds: 2)
    #expect(w.status("a").state == .waiting(reason: "ImagePullBackOff", message: "Back-off pulling image \"b\": ErrImagePull: not found"))
    w.image = { _ in nil }
    w.run(seconds: 12)
    #expect(w.phase == .running)
  }
}

@Suite struct Restarting {
  @Test func backOffDoublesFromTenSeconds() {
    let w = World.pod("  containers: [{name: a, image: b}]\n")
    w.behaviour = { _, _ in (0, 1) }
    w.admit()
    w.run(seconds: 200)
    let gaps = zip(w.starts("a"), w.starts("a").dropFirst()).map { ($1 - $0) / 1_000_000_000 }
    #expect(gaps == [0, 10, 20, 40, 80])
    #expect(w.status("a").state.words == "CrashLoopBackOff" && w.phase == .running)
    guard case .waiting(_, let message) = w.status("a").state else { return }
    #expect(message == "back-off 2m40s restarting failed container=a pod=p_default(uid-1)")
    #expect(w.status("a").restartCount == 5)
  }

  @Test func backOffStartsAnewAfterTenQuietMinutes() {
    let w = World.pod("  containers: [{name: a, image: b}]\n")
    w.behaviour = { _, n in n == 2 ? (700, 1) : n < 4 ? (0, 1) : nil }
    w.admit()
    w.run(seconds: 800)
    let gaps = zip(w.starts("a"), w.starts("a").dropFirst()).map { ($1 - $0) / 1_000_000_000 }
    #expect(gaps == [0, 10, 700, 10])
  }

  @Test(arguments: [("Always", 0, true), ("Always", 1, true), ("OnFailure", 0, false), ("OnFailure", 1, true), ("Never", 0, false), ("Never", 1, false)])
  func policy(_ policy: String, _ code: Int, _ again: Bool) {
    let w = World.pod("  restartPolicy: \(policy)\n  containers: [{name: a, image: b}]\n")
    w.behaviour = { _, _ in (1, Int64(code)) }
    w.admit()
    w.run(seconds: 1)
    #expect((w.starts("a").count > 1) == again)
    if !again { #expect(w.phase == (code == 0 ? .succeeded : .failed)) }
    if !again { #expect(w.condition("Ready")?.reason == (code == 0 ? "PodCompleted" : "PodFailed")) }
  }

  @Test func restartRulesOverrideThePolicy() {
    let w = World.pod("""
      restartPolicy: Never
      containers: [{name: a, image: b, restartPolicy: Never, restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [42]}}]}]
    """)
    w.behaviour = { _, n in n == 0 ? (0, 42) : (0, 1) }
    w.admit()
    w.run(seconds: 1)
    #expect(w.starts("a").count == 2 && w.phase == .failed)
  }

  @Test func failedInitWithNeverFailsThePod() {
    let w = World.pod("  restartPolicy: Never\n  initContainers: [{name: i, image: b}]\n  containers: [{name: a, image: b}]\n")
    w.behaviour = { _, _ in (0, 3) }
    w.admit()
    w.run(seconds: 1)
    #expect(w.phase == .failed && w.names == ["i"] && w.status("a").state.words == "PodInitializing")
    #expect(w.engine.nextWake == nil)
  }

  @Test func aProgramThatIsNotThereIsAStartError() {
    let w = World.pod("  restartPolicy: Never\n  containers: [{name: a, image: b}]\n")
    w.start = { c, id in .containerFailed(container: c, id: id, reason: "RunContainerError", message: "no such file") }
    w.admit()
    guard case .terminated(let t) = w.status("a").state else { return #expect(Bool(false)) }
    #expect(t.exitCode == 128 && t.reason == "StartError" && w.phase == .failed)
    #expect(w.reasons("spec.containers{a}").suffix(2) == ["Created", "Failed"], "made, but not started")
  }

  @Test func aNewSandboxRunsInitAgain() {
    let w = World.pod("  initContainers: [{name: i, image: b}]\n  containers: [{name: a, image: b}]\n")
    w.behaviour = { name, _ in name == "i" ? (0, 0) : nil }
    w.admit()
    w.run(seconds: 1)
    w.send(.sandboxDied)
    w.run(seconds: 1)
    #expect(w.names == ["i", "a", "i", "a"] && w.status("a").restartCount == 1 && w.phase == .running)
    #expect(w.reasons().contains("SandboxChanged"))
  }

  @Test func aChangedImageRestartsTheContainer() {
    let w = World.pod("  containers: [{name: a, image: b}]\n")
    w.admit()
    var pod = w.engine.pod
    pod.spec.containers[0].image = "c"
    w.send(.updated(pod))
    w.run(seconds: 1)
    #expect(w.starts("a").count == 2 && w.status("a").image == "c")
    #expect(w.events.contains { $0.message == "Container a definition changed, will be restarted" })
  }
}

@Suite struct Resizing {
  private static let pod = """
      containers:
      - {name: a, image: b, resources: {limits: {memory: 64Mi}}}
      - {name: c, image: b, resources: {limits: {memory: 64Mi}}, resizePolicy: [{resourceName: memory, restartPolicy: RestartContainer}]}
    """

  private func changed(_ w: World, _ from: String = "64Mi", to: String) {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n" + Self.pod.replacing(from, with: to)
    guard let pod = Loader.load(Array(text.utf8), file: "t").objects.first?.pod else { return }
    w.send(.updated(pod))
  }

  @Test func givesARunningContainerWhatItsSpecSaysAndRestartsTheOther() {
    let w = World.pod(Self.pod)
    w.admit()
    changed(w, to: "96Mi")
    #expect(w.log.contains { $0.effect == .resize(containers: ["a"]) })
    w.run(seconds: 40)
    #expect(w.names == ["a", "c", "c"] && w.status("a").restartCount == 0)
    #expect(w.status("a").resources?.limits["memory"]?.text == "96Mi" && w.status("c").resources?.limits["memory"]?.text == "96Mi")
    #expect(w.condition("PodResizePending") == nil && w.condition("PodResizeInProgress") == nil)
  }

  @Test func saysWhatCannotBeGiven() {
    let w = World.pod(Self.pod)
    w.admit()
    w.resizeFailure = ResizeFailure(reason: "Infeasible", message: "too much")
    changed(w, to: "96Gi")
    #expect(w.condition("PodResizePending")?.reason == "Infeasible" && w.status("a").resources?.limits["memory"]?.text == "64Mi")
    w.resizeFailure = nil
    changed(w, to: "80Mi")
    #expect(w.condition("PodResizePending") == nil && w.status("a").resources?.limits["memory"]?.text == "80Mi")
  }

  @Test func waitsForRoomAndTellsOfItOnce() {
    let w = World.pod(Self.pod)
    w.admit()
    w.resizeFailure = ResizeFailure(reason: "Deferred", message: "no room")
    changed(w, to: "96Mi")
    #expect(w.condition("PodResizePending")?.reason == "Deferred" && w.engine.deferredResize == ["a"])
    w.send(.resized(failure: w.resizeFailure))
    #expect(w.messages("ResizeDeferred").count == 1)
    w.send(.resized(failure: nil))
    #expect(w.engine.deferredResize == nil && w.condition("PodResizePending") == nil)
    #expect(w.status("a").resources?.limits["memory"]?.text == "96Mi")
    let told = w.messages("ResizeCompleted").last ?? ""
    #expect(told.hasPrefix(#"Pod resize completed: {"containers":[{"name":"a","resources":{"limits":{"memory":"96Mi"}"#))
    #expect(w.messages("ResizeStarted").count == w.messages("ResizeCompleted").count)
  }
}

@Suite struct Probing {
  @Test func livenessKillsAfterItsThreshold() {
    let w = World.pod("  containers: [{name: a, image: b, livenessProbe: {exec: {command: [x]}, periodSeconds: 2, failureThreshold: 3}}]\n")
    w.probe = { _, _ in .failure("no") }
    w.admit()
    w.run(seconds: 3)
    #expect(w.starts("a").count == 1)
    w.run(seconds: 2)
    #expect(w.starts("a").count == 2)
    #expect(w.events.contains { $0.reason == "Unhealthy" && $0.message == "Liveness probe failed: no" })
    #expect(w.events.contains { $0.message == "Container a failed liveness probe, will be restarted" })
  }

  @Test func readinessOnlySaysReady() {
    let w = World.pod("  containers: [{name: a, image: b, readinessProbe: {exec: {command: [x]}, periodSeconds: 1, failureThreshold: 2, successThreshold: 2}}]\n")
    var good = true
    w.probe = { _, _ in good ? .success : .failure("x") }
    w.admit()
    w.run(seconds: 0)
    #expect(!w.status("a").ready)
    w.run(seconds: 1)
    #expect(w.status("a").ready && w.condition("Ready")?.status == true)
    good = false
    w.run(seconds: 1)
    #expect(w.status("a").ready)
    w.run(seconds: 1)
    #expect(!w.status("a").ready && w.starts("a").count == 1)
    #expect(w.condition("Ready")?.message == "containers with unready status: [a]")
  }

  @Test func startupHoldsTheOthers() {
    let w = World.pod("  containers: [{name: a, image: b, startupProbe: {exec: {command: [x]}, periodSeconds: 1}, livenessProbe: {exec: {command: [y]}, periodSeconds: 1}}]\n")
    var asked: [ProbeKind] = []
    w.probe = { _, kind in
      asked.append(kind)
      return kind == .startup && asked.count < 3 ? .failure("x") : .success
    }
    w.admit()
    w.run(seconds: 1)
    #expect(asked == [.startup, .startup])
    w.run(seconds: 2)
    #expect(asked.filter { $0 == .startup }.count == 3 && asked.contains(.liveness))
  }
}

@Suite struct Ending {
  @Test func deleteSendsTermThenKillAfterTheGracePeriod() {
    let w = World.pod("  terminationGracePeriodSeconds: 5\n  containers: [{name: a, image: b}]\n")
    w.onTerm = { _ in nil }
    w.admit()
    let t0 = w.clock
    w.send(.deleteRequested(graceSeconds: nil, force: false))
    w.run(seconds: 10)
    #expect(w.signals("a").map(\.number) == [0, 9] && w.signals("a")[1].at - t0 == 5_000_000_000)
    #expect(w.engine.isFinished)
  }

  @Test func preStopCountsIntoTheGracePeriod() {
    let w = World.pod("  terminationGracePeriodSeconds: 3\n  containers: [{name: a, image: b, lifecycle: {preStop: {exec: {command: [x]}}}}]\n")
    w.onTerm = { _ in nil }
    w.hook = { _, _ in (100, nil) }
    w.admit()
    let t0 = w.clock
    w.send(.deleteRequested(graceSeconds: nil, force: false))
    w.run(seconds: 10)
    // The hook is given up at 3 s; TERM, and two seconds more.
    #expect(w.signals("a").map { ($0.at - t0) / 1_000_000_000 } == [3, 5])
  }

  @Test func forceKillsAtOnce() {
    let w = World.pod("  containers: [{name: a, image: b}]\n")
    w.admit()
    w.send(.deleteRequested(graceSeconds: 0, force: true))
    w.run(seconds: 0)
    #expect(w.signals("a").map(\.number) == [9] && w.engine.isFinished)
  }

  @Test func sidecarsEndAfterTheAppsInReverse() {
    let w = World.pod("""
      initContainers: [{name: s1, image: b, restartPolicy: Always}, {name: s2, image: b, restartPolicy: Always}]
      containers: [{name: a, image: b}]
    """)
    w.admit()
    w.send(.deleteRequested(graceSeconds: nil, force: false))
    w.run(seconds: 1)
    let order = w.log.compactMap { if case .signal(let c, _) = $0.effect { c } else { nil } }
    #expect(order == ["a", "s2", "s1"] && w.engine.isFinished)
  }

  @Test func sidecarsDoNotKeepAFinishedPodAlive() {
    let w = World.pod("  restartPolicy: Never\n  initContainers: [{name: s, image: b, restartPolicy: Always}]\n  containers: [{name: a, image: b}]\n")
    w.behaviour = { name, _ in name == "a" ? (1, 0) : nil }
    w.admit()
    w.run(seconds: 2)
    #expect(w.phase == .succeeded && w.condition("PodReadyToStartContainers")?.status == false)
  }

  @Test func theDeadlineEndsThePod() {
    let w = World.pod("  activeDeadlineSeconds: 7\n  containers: [{name: a, image: b}]\n")
    w.admit()
    w.run(seconds: 6)
    #expect(w.phase == .running)
    w.run(seconds: 2)
    #expect(w.phase == .failed && w.engine.status.reason == "DeadlineExceeded")
  }

  @Test func aDeleteDuringTheStartEndsWhatComes() {
    let w = World.pod("  containers: [{name: a, image: b}]\n")
    w.image = { _ in .tick }  // the answer does not come yet
    w.admit()
    w.send(.deleteRequested(graceSeconds: 1, force: false))
    #expect(w.engine.isFinished && w.names.isEmpty)
  }
}
