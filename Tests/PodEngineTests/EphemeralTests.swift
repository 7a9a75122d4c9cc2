// SPDX-License-Identifier: Apache-2.0
//
// Ephemeral containers (KEP-277): added to a Pod that runs, once, for nobody's sake but the one who looks.
import Manifest
import PodEngine
import Testing

extension World {
  /// What `podctl debug` does.
  func debug(_ name: String) {
    var pod = engine.pod
    var c = Container()
    (c.name, c.image) = (name, "b")
    pod.spec.ephemeralContainers.append(c)
    send(.updated(pod))
  }

  func ephemeral(_ name: String) -> ContainerStatus? { engine.status.ephemeralContainerStatuses.first { $0.name == name } }
}

@Suite struct EphemeralContainers {
  @Test func runOnceAndChangeNothing() {
    let w = World.pod("  containers: [{name: a, image: b}]\n")
    w.behaviour = { name, _ in name == "e" ? (3, 1) : nil }
    w.admit()
    w.debug("e")
    #expect(w.names == ["a", "e"] && w.ephemeral("e")?.state.words == "Running")
    #expect(w.reasons("spec.ephemeralContainers{e}") == ["Pulled", "Created", "Started"])
    #expect(w.engine.status.containerStatuses.count == 1 && w.engine.status.initContainerStatuses.isEmpty)
    w.run(seconds: 1000)
    #expect(w.ephemeral("e")?.state.words == "Error" && w.ephemeral("e")?.restartCount == 0 && w.starts("e").count == 1)
    #expect(w.phase == .running && w.condition("Ready")?.status == true)
  }

  @Test func waitForNoInitContainerAndHoldNobodyUp() {
    let w = World.pod("  initContainers: [{name: i, image: b}]\n  containers: [{name: a, image: b}]\n")
    w.behaviour = { name, _ in name == "i" ? (20, 0) : nil }
    w.image = { $0 == "bad" ? .imageFailed(container: $0, reason: "ErrImagePull", message: "x") : nil }
    w.admit()
    w.debug("e")
    w.debug("bad")
    #expect(w.names == ["i", "e"] && w.phase == .pending)
    #expect(w.condition("Initialized")?.message == "containers with incomplete status: [i]")
    #expect(w.ephemeral("bad")?.state.words == "ErrImagePull")
    w.run(seconds: 30)
    #expect(w.names == ["i", "e", "a"] && w.phase == .running && w.condition("Ready")?.status == true)
  }

  @Test func keepNoPodAlive() {
    let w = World.pod("  restartPolicy: Never\n  containers: [{name: a, image: b}]\n")
    w.behaviour = { name, _ in name == "a" ? (5, 0) : nil }
    w.admit()
    w.debug("e")
    w.run(seconds: 60)
    #expect(w.phase == .succeeded && w.running.isEmpty && w.signals("e").first?.number == 0)
  }

  @Test func areNotRunAgainInANewSandbox() {
    let w = World.pod("  containers: [{name: a, image: b}]\n")
    w.admit()
    w.debug("e")
    w.send(.sandboxDied)
    w.run(seconds: 60)
    #expect(w.starts("a").count == 2 && w.starts("e").count == 1 && w.phase == .running)
    w.send(.deleteRequested(graceSeconds: nil, force: false))
    w.run(seconds: 60)
    #expect(w.engine.isFinished && w.running.isEmpty)
  }
}
