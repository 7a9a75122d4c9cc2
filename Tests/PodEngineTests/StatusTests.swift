// SPDX-License-Identifier: Apache-2.0
//
// What statuses show: their order, termination messages, starts that failed. Kubernetes: pkg/kubelet/status (normalizeStatus), kubelet_pods.go
// (convertToAPIContainerStatuses).
import Manifest
import PodEngine
import Testing

@Suite struct StatusTests {
  @Test func containersAreOrderedByNameInitContainersAsWritten() {
    let w = World.pod("  initContainers: [{name: z, image: b}, {name: y, image: b}]\n  containers: [{name: c, image: b}, {name: a, image: b}]\n")
    w.behaviour = { c, _ in c == "z" || c == "y" ? (0, 0) : nil }
    w.probe = { _, _ in .failure("x") }
    #expect(w.condition("Ready") == nil)
    w.admit()
    #expect(w.condition("Ready")?.message == "containers with unready status: [c a]", "a message keeps the order of the spec")
    w.run(seconds: 1)
    #expect(w.engine.status.containerStatuses.map(\.name) == ["a", "c"] && w.engine.status.initContainerStatuses.map(\.name) == ["z", "y"])
  }

  @Test func mountsAreShownBeforeThereIsAContainer() {
    let w = World.pod("  volumes: [{name: v, emptyDir: {}}]\n  containers: [{name: a, image: b, volumeMounts: [{name: v, mountPath: /v}]}]\n")
    w.image = { .imageFailed(container: $0, reason: "ErrImageNeverPull", message: "not there") }
    w.admit()
    #expect(w.status("a").volumeMounts.map(\.mountPath) == ["/v"] && w.status("a").containerID.isEmpty)
  }

  @Test(arguments: [(1, 4096), (3, 4096), (4, 3072), (6, 2048)])
  func messagesShareTwelveKibibytes(_ count: Int, _ most: Int) {
    let names = (0..<count).map { "c\($0)" }
    let w = World.pod("  restartPolicy: Never\n  containers: [\(names.map { "{name: \($0), image: b}" }.joined(separator: ", "))]\n")
    w.admit()
    let message = String(repeating: "a", count: 4000) + String(repeating: "b", count: 96)
    for n in names { w.send(.containerExited(container: n, id: w.running[n] ?? "", exit: ContainerExit(exitCode: 0, message: message))) }
    for s in w.engine.status.containerStatuses {
      guard case .terminated(let t) = s.state else { return #expect(Bool(false)) }
      #expect(t.message == String(message.prefix(most)))
    }
  }

  @Test func aFailedPostStartHookIsShownUntilTheBackOff() {
    let w = World.pod("  terminationGracePeriodSeconds: 1\n  containers: [{name: a, image: b, lifecycle: {postStart: {exec: {command: [x]}}}}]\n")
    w.hook = { _, _ in (1, "Exec lifecycle hook ([x]) failed") }
    w.admit()
    w.run(seconds: 2)
    #expect(w.starts("a").count == 2, "the first restart comes at once")
    guard case .waiting("PostStartHookError", "Exec lifecycle hook ([x]) failed")? = Optional(w.status("a").state) else {
      return #expect(w.status("a").state.words == "PostStartHookError")
    }
    #expect(w.status("a").lastState?.words == "Error" && w.events.contains { $0.reason == "Killing" && $0.message == "FailedPostStartHook" })
    w.run(seconds: 2)
    #expect(w.status("a").state.words == "CrashLoopBackOff")
  }

  @Test func withoutARestartTheEndIsShown() {
    let w = World.pod("  restartPolicy: Never\n  containers: [{name: a, image: b, lifecycle: {postStart: {exec: {command: [x]}}}}]\n")
    w.hook = { _, _ in (0, "no") }
    w.admit()
    w.run(seconds: 1)
    #expect(w.phase == .failed && w.status("a").state.words == "Error")
  }

  @Test func whoseRulesMayRestartThePodSaysSoFromTheStart() {
    let w = World.pod(RuleTests.watcher)
    w.behaviour = { c, _ in c == "i" ? (0, 0) : nil }
    w.admit()
    #expect(w.condition("AllContainersRestarting")?.status == false)
  }

  @Test func withoutItsVolumesAPodIsNotReadyToStart() {
    let w = World.pod(RuleTests.one)
    var effects = w.engine.handle(.admitted(hostIP: "10.0.0.1"), at: w.moment)
    effects += w.engine.handle(.volumesFailed(message: "no"), at: w.moment) + w.engine.handle(.sandboxStarted(podIPs: ["10.1.0.2"]), at: w.moment)
    #expect(effects.contains(.createSandbox(attempt: 0)) && w.condition("PodReadyToStartContainers")?.status == false && w.engine.status.podIPs.isEmpty)
    _ = w.engine.handle(.volumesReady, at: w.moment)
    #expect(w.condition("PodReadyToStartContainers")?.status == true && w.engine.status.podIPs == ["10.1.0.2"])
  }

  @Test func theFirstDeleteIsAGeneration() {
    let w = World.pod(RuleTests.one)
    w.onTerm = { _ in nil }
    w.admit()
    w.send(.deleteRequested(graceSeconds: 30, force: false))
    w.send(.deleteRequested(graceSeconds: 5, force: false))
    #expect(w.engine.pod.metadata.generation == 2 && w.engine.status.observedGeneration == 2)
  }

  @Test func aTaintsEvictionIsADisruption() {
    let w = World.pod(RuleTests.one)
    w.onTerm = { _ in nil }
    w.admit()
    w.send(.staying(seconds: 0))
    #expect(w.condition("DisruptionTarget")?.reason == "DeletionByTaintManager" && w.condition("DisruptionTarget")?.status == true)
  }
}
