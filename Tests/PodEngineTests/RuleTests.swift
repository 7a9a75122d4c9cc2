// SPDX-License-Identifier: Apache-2.0
//
// Rules of the Pod's life that came late: places, finalizers, RestartAllContainers, a boot, taints. Kubernetes: kubelet_pods.go, KEP-5307, KEP-5532,
// pkg/controller/tainteviction.
import Manifest
import PodEngine
import Testing

@Suite struct RuleTests {
  static let one = "  containers: [{name: a, image: b}]\n"

  // MARK: places

  @Test func withoutAPlaceNothingBeginsAndTheSchedulerSaysWhy() {
    let w = World.pod(Self.one)
    w.send(.unschedulable(message: "0/1 nodes are available: 1 Insufficient cpu."))
    #expect(w.phase == .pending && w.engine.status.containerStatuses.isEmpty && w.engine.nextWake == nil && w.engine.waitsForPlace)
    #expect(w.condition("PodScheduled")?.status == false && w.condition("PodScheduled")?.reason == "Unschedulable")
    #expect(w.reasons() == ["FailedScheduling"])
    w.admit()
    #expect(w.phase == .running && w.condition("PodScheduled")?.status == true && w.condition("PodScheduled")?.reason == nil)
  }

  @Test func gatesHoldBackWithoutAnEvent() {
    let w = World.pod(Self.one)
    w.send(.gated)
    #expect(w.condition("PodScheduled")?.reason == "SchedulingGated" && w.reasons().isEmpty)
    w.send(.deleteRequested(graceSeconds: nil, force: false))
    #expect(w.engine.isFinished, "nothing runs: it goes at once")
  }

  @Test func aPodThatNamesItsNodePassesByTheScheduler() {
    let w = World.pod("  nodeName: podlab\n" + Self.one)
    w.admit()
    #expect(w.phase == .running && !w.reasons().contains("Scheduled"))
  }

  @Test func refusedForGood() {
    let w = World.pod(Self.one)
    w.send(.rejected(reason: "OutOfcpu", message: "Node didn't have enough resource: cpu"))
    #expect(w.phase == .failed && w.engine.status.reason == "OutOfcpu" && w.engine.status.message == "Pod was rejected: Node didn't have enough resource: cpu")
    #expect(w.engine.status.containerStatuses.isEmpty && w.names.isEmpty)
    w.admit()
    #expect(w.phase == .failed && w.names.isEmpty)
  }

  // MARK: finalizers

  @Test func finalizersHoldTheObjectNotTheContainers() {
    let w = World("apiVersion: v1\nkind: Pod\nmetadata: {name: p, finalizers: [example.com/hold]}\nspec:\n" + Self.one)
    w.admit()
    w.send(.deleteRequested(graceSeconds: 1, force: false))
    w.run(seconds: 10)
    #expect(!w.engine.isFinished && w.running.isEmpty && w.engine.deletionTimestamp != nil && w.phase == .failed)
    var free = w.engine.pod
    free.metadata.finalizers = []
    w.send(.updated(free))
    #expect(w.engine.isFinished)
  }

  // MARK: restart rules

  static let watcher = """
      restartPolicy: Never
      initContainers:
      - {name: i, image: b}
      - {name: s, image: b, restartPolicy: Always, lifecycle: {preStop: {exec: {command: [x]}}}}
      containers:
      - {name: a, image: b}
      - name: w
        image: b
        restartPolicy: Never
        restartPolicyRules: [{action: RestartAllContainers, exitCodes: {operator: In, values: [88]}}]

    """

  @Test func restartAllBeginsAgainInTheSameSandbox() {
    let w = World.pod(Self.watcher)
    w.behaviour = { c, n in c == "i" ? (0, 0) : c == "w" && n == 0 ? (5, 88) : nil }
    w.onTerm = { _ in nil }
    w.admit()
    w.run(seconds: 6)
    #expect(w.starts("i").count == 2 && w.starts("a").count == 2 && w.starts("s").count == 2 && w.starts("w").count == 2)
    #expect(w.signals("a").map(\.number) == [9] && w.signals("s").map(\.number) == [9], "no grace")
    #expect(!w.log.contains { if case .runHook = $0.effect { true } else { false } }, "no hooks")
    #expect(!w.log.contains { if case .stopSandbox = $0.effect { true } else { false } }, "the sandbox stays")
    #expect(w.phase == .running && w.status("a").restartCount == 1 && w.status("i").restartCount == 1)
    #expect(w.condition("AllContainersRestarting")?.status == false)
    #expect(["i", "s", "a", "w"].allSatisfy { w.status($0).lastState?.words == "RestartingAllContainers" })
  }

  @Test func theOneThatAskedBacksOff() {
    let w = World.pod(Self.watcher)
    w.behaviour = { c, n in c == "i" ? (0, 0) : c == "w" ? (1, 88) : nil }
    w.admit()
    w.run(seconds: 4)
    #expect(w.starts("w").count == 2 && w.status("w").state.words == "CrashLoopBackOff" && w.phase == .running)
    w.run(seconds: 12)
    #expect(w.starts("w").count == 3)
  }

  @Test func aRuleThatRestartsKeepsThePodRunningWhileItBacksOff() {
    let w = World.pod(
      """
        restartPolicy: Never
        containers:
        - name: a
          image: b
          restartPolicy: Never
          restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [42]}}]

      """)
    w.behaviour = { _, n in (1, n < 2 ? 42 : 3) }
    w.admit()
    w.run(seconds: 5)
    #expect(w.phase == .running && w.status("a").state.words == "CrashLoopBackOff")
    w.run(seconds: 20)
    #expect(w.phase == .failed && w.status("a").restartCount == 2)
  }

  @Test func anInitContainersOwnPolicyFailsThePod() {
    let w = World.pod("  initContainers: [{name: i, image: b, restartPolicy: Never}]\n" + Self.one)
    w.behaviour = { c, _ in c == "i" ? (1, 1) : nil }
    w.admit()
    w.run(seconds: 3)
    #expect(w.phase == .failed && w.starts("a").isEmpty)
  }

  @Test func aSidecarsProbeSaysInitContainer() {
    let w = World.pod(
      "  initContainers: [{name: s, image: b, restartPolicy: Always, livenessProbe: {exec: {command: [x]}, periodSeconds: 1, failureThreshold: 1}}]\n" + Self.one)
    w.probe = { _, _ in .failure("x") }
    w.admit()
    w.run(seconds: 2)
    #expect(w.events.contains { $0.reason == "Killing" && $0.message == "Init container s failed liveness probe" })
  }

  @Test func aChangedImageForgetsTheBackOff() {
    let w = World.pod(Self.one)
    w.behaviour = { _, _ in (0, 1) }
    w.admit()
    w.run(seconds: 5)
    #expect(w.status("a").state.words == "CrashLoopBackOff")
    let before = w.starts("a").count
    var new = w.engine.pod
    new.spec.containers[0].image = "c"
    w.send(.updated(new))
    w.run(seconds: 0)
    #expect(w.starts("a").count > before)
  }

  // MARK: a boot

  /// What a podd of the next boot makes of a Pod: a new engine, told the old status.
  static func boot(_ old: World, after seconds: Int64 = 100) -> World {
    let w = World.pod(Self.one)
    w.engine = PodEngine(pod: old.engine.pod)
    w.clock = old.clock + seconds * 1_000_000_000
    w.send(.restored(old.engine.status))
    return w
  }

  @Test func afterABootItRunsInANewSandboxWithItsCounts() {
    let old = World.pod(Self.one)
    old.behaviour = { _, n in n == 0 ? (1, 7) : nil }
    old.admit()
    old.run(seconds: 5)
    #expect(old.status("a").restartCount == 1)
    let w = Self.boot(old)
    #expect(w.reasons().first == "SandboxChanged" && w.phase == .running && w.status("a").restartCount == 2)
    guard case .terminated(let lost)? = w.status("a").lastState else {
      Issue.record("no lastState")
      return
    }
    #expect(lost.exitCode == 137 && lost.reason == "ContainerStatusUnknown")
    #expect(w.engine.status.startTime == old.engine.status.startTime)
  }

  @Test func afterABootWhatHadEndedStaysEnded() {
    let old = World.pod("  restartPolicy: Never\n" + Self.one)
    old.behaviour = { _, _ in (1, 0) }
    old.admit()
    old.run(seconds: 5)
    #expect(old.phase == .succeeded)
    let w = Self.boot(old)
    #expect(w.phase == .succeeded && w.names.isEmpty && w.status("a").state.words == "Completed")
    w.send(.deleteRequested(graceSeconds: nil, force: false))
    #expect(w.engine.isFinished)
  }

  @Test func afterABootNeverMeansNever() {
    let old = World.pod("  restartPolicy: Never\n" + Self.one)
    old.admit()
    old.run(seconds: 5)
    let w = Self.boot(old)
    #expect(w.phase == .failed && w.names.isEmpty && w.status("a").state.words == "ContainerStatusUnknown")
  }

  @Test func theDeadlineCountsOverABoot() {
    let old = World.pod("  activeDeadlineSeconds: 60\n" + Self.one)
    old.admit()
    old.run(seconds: 5)
    let w = Self.boot(old, after: 100)
    #expect(w.phase == .failed && w.engine.status.reason == "DeadlineExceeded" && w.names.isEmpty)
  }

  // MARK: taints

  @Test func aTaintDeletesAfterItsTime() {
    let w = World.pod(Self.one)
    w.onTerm = { _ in 0 }
    w.admit()
    w.send(.staying(seconds: 30))
    w.run(seconds: 29)
    #expect(w.running.count == 1)
    w.run(seconds: 2)
    #expect(w.engine.isFinished && w.reasons().contains("TaintManagerEviction"))
  }

  @Test func aTaintThatGoesLetsItStay() {
    let w = World.pod(Self.one)
    w.admit()
    w.send(.staying(seconds: 30))
    w.run(seconds: 10)
    w.send(.staying(seconds: nil))
    w.run(seconds: 100)
    #expect(w.running.count == 1 && w.events.contains { $0.message.hasPrefix("Cancelling deletion of Pod default/p") })
    w.send(.staying(seconds: 0))
    w.run(seconds: 60)
    #expect(w.engine.isFinished)
  }

  /// The sandbox ends while a container is made in it, then the supervisor dies: its successor makes a sandbox before it asks for the container again.
  @Test func adoptedWithoutASandbox() {
    var engine = PodEngine(pod: World.pod("  containers:\n  - {name: a, image: b}\n").engine.pod)
    let now = Moment(monotonic: 1, wall: WallTime(nanoseconds: 1))
    for event in [Event.admitted(hostIP: "10.0.0.1"), .volumesReady, .sandboxStarted(podIPs: ["10.1.0.2"])] { _ = engine.handle(event, at: now) }
    let asked = engine.handle(.imageReady(container: "a", image: "x", imageID: "x", pulled: nil), at: now)
    #expect(asked.contains { if case .startContainer = $0 { true } else { false } })
    _ = engine.handle(.sandboxDied, at: now)
    let effects = engine.handle(.adopted, at: now)
    #expect(!effects.contains { if case .startContainer = $0 { true } else { false } })
    #expect(effects.contains { if case .stopSandbox = $0 { true } else { false } })
  }
}
