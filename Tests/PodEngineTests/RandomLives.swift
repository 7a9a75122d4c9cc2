// SPDX-License-Identifier: Apache-2.0
//
// Many random lives, each checked after each event: what must hold in all of them.
import Manifest
import PodEngine
import Testing
#if canImport(Glibc)
  import Glibc
#endif

@Suite struct RandomLives {
  @Test(arguments: 1...200) func invariantsHold(_ seed: Int) {
    var dice = Dice(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1)
    let policy = ["Always", "OnFailure", "Never"][dice.roll(3)]
    var spec = "  restartPolicy: \(policy)\n  terminationGracePeriodSeconds: \(dice.roll(5))\n"
    if dice.roll(4) == 0 { spec += "  activeDeadlineSeconds: \(1 + dice.roll(90))\n" }
    spec += "  initContainers:\n"
    for n in 0..<dice.roll(3) { spec += "  - {name: i\(n), image: b\(dice.roll(2) == 0 ? ", restartPolicy: Always" : "")}\n" }
    if spec.hasSuffix("initContainers:\n") { spec.removeLast("  initContainers:\n".count) }
    spec += "  containers:\n"
    for n in 0...dice.roll(2) {
      let probe = dice.roll(2) == 0 ? ", livenessProbe: {exec: {command: [x]}, periodSeconds: 1, failureThreshold: 1}" : ""
      let hooks = dice.roll(3) == 0 ? ", lifecycle: {postStart: {exec: {command: [x]}}, preStop: {exec: {command: [y]}}}" : ""
      spec += "  - {name: a\(n), image: b\(probe)\(hooks)}\n"
    }
    let w = World.pod(spec)
    var d = dice
    w.behaviour = { _, _ in d.roll(2) == 0 ? nil : (Int64(d.roll(20)), Int64(d.roll(3))) }
    w.onTerm = { _ in d.roll(2) == 0 ? 143 : nil }
    w.probe = { _, _ in d.roll(4) == 0 ? .failure("x") : .success }
    w.hook = { _, _ in (Int64(d.roll(4)), d.roll(4) == 0 ? "x" : nil) }
    w.image = { d.roll(6) == 0 ? .imageFailed(container: $0, reason: "ErrImagePull", message: "x") : nil }
    w.start = { c, id in d.roll(8) == 0 ? .containerFailed(container: c, id: id, reason: "RunContainerError", message: "x") : nil }
    w.admit()
    var counts: [String: Int64] = [:]
    var wasTerminal = false
    for _ in 0..<60 {
      if dice.roll(25) == 0 { w.send(.sandboxDied) }
      if dice.roll(20) == 0 { w.debug("e\(w.engine.pod.spec.ephemeralContainers.count)") }
      w.run(seconds: Int64(1 + dice.roll(12)))
      let s = w.engine.status
      for c in s.ephemeralContainerStatuses { #expect(c.restartCount == 0 && w.starts(c.name).count <= 1 && !c.ready) }
      for c in s.initContainerStatuses + s.containerStatuses {
        #expect(c.restartCount >= counts[c.name] ?? 0, "restartCount falls: \(c.name)")
        counts[c.name] = c.restartCount
        if c.ready, c.name.hasPrefix("a") { #expect(c.state.words == "Running" && c.started == true) }
        if case .running = c.state { #expect(w.running[c.name] != nil, "\(c.name) is said to run") }
      }
      let terminal = s.phase == .succeeded || s.phase == .failed
      if wasTerminal { #expect(terminal, "a Pod that has ended lives again") }
      wasTerminal = terminal
      if terminal { #expect(w.running.isEmpty, "a Pod that has ended still runs \(w.running)") }
      // Apps run only when every ordinary init container has ended well in this sandbox.
      if let wake = w.engine.nextWake { #expect(wake > w.clock, "a wake that is due was not served") }
    }
    w.send(.deleteRequested(graceSeconds: nil, force: false))
    w.run(seconds: 120)
    #expect(w.engine.isFinished, "a deleted Pod must go")
    #expect(w.running.isEmpty, "nothing may run after the Pod is gone: \(w.running)")
  }

  /// PODLAB_RANDOM_EVENTS sets how many events there are to be (docs/pod-life.md), PODLAB_RANDOM_SEED the first life.
  @Test func chaosBreaksNothing() {
    let wish = { (name: String) in getenv(name).flatMap { Int(String(cString: $0)) } }
    let wanted = wish("PODLAB_RANDOM_EVENTS") ?? 100_000
    var seed = UInt64(wish("PODLAB_RANDOM_SEED") ?? 1)
    var events = 0
    var lives = 0
    while events < wanted {
      var life = Chaos(seed: seed)
      life.live(limit: 400)
      events += life.events
      lives += 1
      if let broken = life.broken {
        let tail = life.record.suffix(15).map { r in
          let effects = r.effects.filter { if case .emit = $0 { false } else { true } }
          return "\n  \(r.at.monotonic / 1_000_000) \(r.event) -> \(effects)"
        }
        Issue.record("seed \(seed), event \(life.events): \(broken)\(tail.joined())")
        return
      }
      // The same events give the same effects.
      var again = PodEngine(pod: life.first)
      for (n, r) in life.record.enumerated() where again.handle(r.event, at: r.at) != r.effects {
        Issue.record("seed \(seed): replay differs at event \(n)")
        return
      }
      seed += 1
    }
    print("\(events) random events in \(lives) lives, no invariant broken")
  }

  @Test func theSameEventsGiveTheSameEffects() {
    let make = { World.pod("  containers: [{name: a, image: b, livenessProbe: {exec: {command: [x]}, periodSeconds: 1}}]\n") }
    let (a, b) = (make(), make())
    for w in [a, b] {
      w.behaviour = { _, n in (3 + n, 1) }
      w.admit()
      w.run(seconds: 100)
    }
    #expect(a.log.map(\.effect) == b.log.map(\.effect) && a.engine.status == b.engine.status)
  }
}
