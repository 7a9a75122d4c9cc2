// SPDX-License-Identifier: Apache-2.0
//
// A world without mercy: answers come late, twice, or never asked for; programs end, sandboxes die, supervisors are killed, objects change, deletes come
// at any time. Deterministic: the same seed, the same life. After each event the invariants are held against it.
import Manifest
import PodEngine

/// xorshift: the same seed, the same life.
struct Dice {
  var state: UInt64
  init(state: UInt64) { self.state = state | 1 }
  mutating func roll(_ n: Int) -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return Int(state % UInt64(n))
  }
  /// Once in n times.
  mutating func hits(_ n: Int) -> Bool { roll(n) == 0 }
}

struct Chaos {
  struct Container {
    var id: String
    /// What it ends with on the stop signal; nil: it does not care.
    var onTerm: Int64?
  }

  private(set) var engine: PodEngine
  let first: Pod
  private(set) var events = 0
  /// What was broken, first of all.
  private(set) var broken: String?
  /// The life as a journal would have it.
  private(set) var record: [(at: Moment, event: Event, effects: [Effect])] = []

  private var dice: Dice
  private var clock: Int64 = 1_000_000_000_000
  private var future: [(at: Int64, event: Event)] = []
  private var running: [String: Container] = [:]
  private var hasSandbox = false
  /// Ordinary init containers that have done their work since the last beginning.
  private var initDone: Set<String> = []
  /// Containers that the engine itself is ending (a probe, a new image): no rule of theirs is asked about that end.
  private var stopping: Set<String> = []
  private var counter = 0
  private var counts: [String: Int64] = [:]
  private var wasTerminal = false
  private var removed = 0
  private static let second: Int64 = 1_000_000_000

  init(seed: UInt64) {
    dice = Dice(state: seed &* 0x9E37_79B9_7F4A_7C15)
    for _ in 0..<5 { _ = dice.roll(2) }
    first = Self.pod(&dice)
    engine = PodEngine(pod: first)
  }

  // MARK: the pod

  private static func pod(_ dice: inout Dice) -> Pod {
    var p = Pod()
    (p.metadata.name, p.metadata.namespace, p.metadata.uid) = ("p", "default", "uid")
    if dice.hits(5) { p.metadata.finalizers = ["example.com/hold"] }
    p.spec.restartPolicy = [.always, .onFailure, .never][dice.roll(3)]
    p.spec.terminationGracePeriodSeconds = Int64(dice.roll(6))
    if dice.hits(4) { p.spec.activeDeadlineSeconds = Int64(1 + dice.roll(200)) }
    if dice.hits(4) { p.spec.readinessGates = ["example.com/gate"] }
    for n in 0..<dice.roll(4) { p.spec.initContainers.append(container("i\(n)", &dice, isInit: true)) }
    for n in 0...dice.roll(3) { p.spec.containers.append(container("a\(n)", &dice, isInit: false)) }
    return p
  }

  private static func container(_ name: String, _ dice: inout Dice, isInit: Bool) -> Manifest.Container {
    var c = Manifest.Container()
    (c.name, c.image) = (name, "b:1")
    if isInit, dice.hits(2) { c.restartPolicy = .always }
    let isSidecar = c.restartPolicy == .always
    if !isSidecar, dice.hits(4) {
      c.restartPolicy = [.always, .onFailure, .never][isInit ? 1 + dice.roll(2) : dice.roll(3)]
      var rule = RestartRule()
      rule.action = dice.hits(2) ? "Restart" : "RestartAllContainers"
      rule.exitCodes = [2]
      if dice.hits(2) { c.restartPolicyRules = [rule] }
    }
    guard !isInit || isSidecar else { return c }
    let probe = { (dice: inout Dice) -> Probe? in
      guard dice.hits(3) else { return nil }
      var p = Probe()
      p.periodSeconds = Int64(1 + dice.roll(5))
      p.initialDelaySeconds = Int64(dice.roll(4))
      p.failureThreshold = Int64(1 + dice.roll(3))
      if dice.hits(3) { p.terminationGracePeriodSeconds = Int64(1 + dice.roll(3)) }
      return p
    }
    (c.startupProbe, c.livenessProbe, c.readinessProbe) = (probe(&dice), probe(&dice), probe(&dice))
    if dice.hits(4) { c.lifecycle.postStart = .exec(command: ["x"]) }
    if dice.hits(4) { c.lifecycle.preStop = .exec(command: ["y"]) }
    return c
  }

  // MARK: the life

  /// Lives until the pod is gone, or `limit` events have been; then it is deleted, and must go.
  mutating func live(limit: Int) {
    switch dice.roll(8) {
    case 0: send(.unschedulable(message: "0/1"))
    case 1: send(.gated)
    case 2: send(.rejected(reason: "OutOfcpu", message: "x"))
    default: break
    }
    send(.admitted(hostIP: "10.0.0.1"))
    while broken == nil, !engine.isFinished, events < limit { step() }
    guard broken == nil, !engine.isFinished else { return }
    // From here on the world behaves: an end must come.
    var last = engine.pod
    if !last.metadata.finalizers.isEmpty {
      last.metadata.finalizers = []
      send(.updated(last))
    }
    send(.deleteRequested(graceSeconds: nil, force: false))
    let end = clock + (last.spec.terminationGracePeriodSeconds + 60) * Self.second
    while broken == nil, !engine.isFinished, advance(to: end) {}
    if broken == nil, !engine.isFinished { broken = "a deleted pod does not go" }
    if broken == nil, !running.isEmpty { broken = "the pod is gone and \(running.keys.sorted()) run" }
    if broken == nil, removed != 1 { broken = "podRemoved came \(removed) times" }
  }

  private mutating func step() {
    if dice.hits(12) { return disturb() }
    if !advance(to: clock + Int64(1 + dice.roll(20)) * Self.second) { clock += Self.second }
  }

  /// The next thing that happens by `end`. Returns whether there was one.
  private mutating func advance(to end: Int64) -> Bool {
    let next = future.indices.min { (future[$0].at, $0) < (future[$1].at, $1) }
    let wake = engine.nextWake
    if let next, future[next].at <= end, future[next].at <= wake ?? .max {
      let (at, event) = future.remove(at: next)
      clock = max(clock, at)
      arrive(event)
      return true
    }
    guard let wake, wake <= end else { return false }
    clock = max(clock, wake)
    send(.tick)
    return true
  }

  private mutating func arrive(_ event: Event) {
    switch event {
    case .containerExited(let c, let id, let exit):
      guard running[c]?.id == id else { return }
      running[c] = nil
      if c.hasPrefix("i"), exit.exitCode == 0 { initDone.insert(c) }
    case .containerStarted(let c, let id):
      // The sandbox went while it was being made.
      guard hasSandbox else { return send(.containerFailed(container: c, id: id, reason: "CreateContainerError", message: "no sandbox")) }
      stopping.remove(c)
      running[c] = Container(id: id, onTerm: dice.hits(3) ? nil : Int64([143, 0, 2][dice.roll(3)]))
      if dice.hits(2) || c.hasPrefix("i") && dice.roll(4) > 0 { exit(c, after: Int64(dice.roll(30)), Int64([0, 0, 1, 2][dice.roll(4)])) }
    case .sandboxStarted: hasSandbox = true
    case .sandboxStopped: hasSandbox = false
    default: break
    }
    send(event)
  }

  private mutating func exit(_ c: String, after seconds: Int64, _ code: Int64) {
    guard let id = running[c]?.id else { return }
    let jitter = Int64(dice.roll(1_000_000_000))
    future.append((clock + seconds * Self.second + jitter, .containerExited(container: c, id: id, exit: ContainerExit(exitCode: code))))
  }

  /// Something that nobody asked for.
  private mutating func disturb() {
    let names = first.spec.initContainers.map(\.name) + first.spec.containers.map(\.name)
    let name = names[dice.roll(names.count)]
    switch dice.roll(16) {
    case 0 where hasSandbox:
      hasSandbox = false
      send(.sandboxDied)
      // Without pid 1 of the sandbox its processes may go too.
      if dice.hits(2) { for c in running.keys.sorted() { exit(c, after: 0, 137) } }
    case 1: adopt()
    case 2: send(.staying(seconds: dice.hits(2) ? nil : Int64(dice.roll(60))))
    case 3: send(.gateSet(type: "example.com/gate", status: dice.hits(2)))
    case 4, 5: update(name)
    case 6 where dice.hits(6): send(.deleteRequested(graceSeconds: dice.hits(2) ? nil : Int64(dice.roll(9)), force: dice.hits(4)))
    case 7: send(.probeFinished(container: name, probe: ProbeKind.allCases[dice.roll(3)], result: .failure("stray")))
    case 8: send(.hookFinished(container: name, hook: dice.hits(2) ? .preStop : .postStart, failure: "stray"))
    case 9: send(.containerExited(container: name, id: "nobody", exit: ContainerExit(exitCode: 1)))
    case 10: send(.imageReady(container: "nobody", image: "x", imageID: "x", pulled: nil))
    case 11: send(.admitted(hostIP: "10.0.0.9"))
    case 12: send(.unschedulable(message: "late"))
    case 13: for c in running.keys.sorted() where dice.hits(2) { exit(c, after: 0, 137) }
    default: send(.tick)
    }
  }

  /// The supervisor is killed: its answers die with it, what runs does not; the next one says what it finds.
  private mutating func adopt() {
    let ends = future.compactMap { f in if case .containerExited = f.event { f } else { nil } }
    future = ends
    send(.adopted)
    for c in (first.spec.initContainers + first.spec.containers).map(\.name) where engine.isLive(c) && running[c] == nil {
      guard let id = shown(c)?.containerID, id.hasPrefix("podlab://") else { continue }
      send(.containerExited(container: c, id: String(id.dropFirst(9)), exit: ContainerExit(exitCode: 137, reason: "ContainerStatusUnknown")))
    }
    if !hasSandbox { send(.sandboxDied) }
  }

  private mutating func update(_ name: String) {
    var p = engine.pod
    p.metadata.generation += 1
    switch dice.roll(3) {
    case 0: p.spec.activeDeadlineSeconds = min(p.spec.activeDeadlineSeconds ?? 500, Int64(1 + dice.roll(500)))
    case 1: p.metadata.finalizers = []
    default:
      for i in p.spec.containers.indices where p.spec.containers[i].name == name { p.spec.containers[i].image = "b:\(dice.roll(3))" }
      for i in p.spec.initContainers.indices where p.spec.initContainers[i].name == name { p.spec.initContainers[i].image = "b:\(dice.roll(3))" }
    }
    send(.updated(p))
  }

  // MARK: the engine

  private mutating func send(_ event: Event) {
    guard broken == nil else { return }
    let moment = Moment(monotonic: clock, wall: WallTime(nanoseconds: clock))
    let wasFinished = engine.isFinished
    let effects = engine.handle(event, at: moment)
    events += 1
    record.append((moment, event, effects))
    if wasFinished, !effects.isEmpty { broken = "effects after the end: \(effects)" }
    if case .containerExited(let c, _, let exit) = event, !stopping.contains(c), restartsAll(c, exit.exitCode) { initDone = [] }
    for e in effects { perform(e) }
    check(event)
  }

  private func restartsAll(_ c: String, _ code: Int64) -> Bool {
    (first.spec.initContainers + first.spec.containers).contains { s in
      s.name == c && s.restartPolicyRules.first.map { $0.action == "RestartAllContainers" && $0.exitCodes.contains(code) } ?? false
    }
  }

  private mutating func answer(_ event: Event) {
    let delay = dice.hits(3) ? Int64(dice.roll(3_000_000_000)) : Int64(dice.roll(50_000_000))
    future.append((clock + delay, event))
  }

  private mutating func perform(_ effect: Effect) {
    switch effect {
    case .mountVolumes: answer(dice.hits(8) ? .volumesFailed(message: "x") : .volumesReady)
    case .createSandbox:
      if hasSandbox { broken = "a second sandbox" }
      initDone = []
      answer(dice.hits(8) ? .sandboxFailed(message: "x") : .sandboxStarted(podIPs: ["10.1.0.2"]))
    case .stopSandbox:
      if !running.isEmpty { broken = "the sandbox is stopped under \(running.keys.sorted())" }
      answer(.sandboxStopped)
    case .ensureImage(let c):
      switch dice.roll(10) {
      case 0: answer(.imageFailed(container: c, reason: "ErrImagePull", message: "x"))
      case 1: answer(.imageFailed(container: c, reason: "ErrImageNeverPull", message: "x"))
      default:
        let pulled = dice.hits(2) ? nil : ImagePulled(took: 5, tookWithWaiting: 6, size: 7)
        if pulled != nil { future.append((clock, .imagePulling(container: c))) }
        answer(.imageReady(container: c, image: "docker.io/library/x:latest", imageID: "sha256:1", pulled: pulled))
      }
    case .startContainer(let c, _): start(c)
    case .signal(let c, let n):
      stopping.insert(c)
      guard let r = running[c] else { return }
      if n == 9 { exit(c, after: 0, 137) } else if let code = r.onTerm { exit(c, after: Int64(dice.roll(3)), code) }
    case .runProbe(let c, let kind):
      let result: ProbeResult = dice.hits(4) ? .failure("x") : dice.hits(9) ? .unknown("y") : .success
      answer(.probeFinished(container: c, probe: kind, result: result))
    case .runHook(let c, let kind):
      if kind == .preStop { stopping.insert(c) }
      future.append((clock + Int64(dice.roll(5)) * Self.second, .hookFinished(container: c, hook: kind, failure: dice.hits(5) ? "x" : nil)))
    case .resize: answer(.resized(failure: dice.hits(3) ? ResizeFailure(reason: "Error", message: "x") : nil))
    case .podRemoved: removed += 1
    case .emit, .cancelHook, .removeContainer, .statusChanged: break
    }
  }

  private mutating func start(_ c: String) {
    if running[c] != nil { broken = "\(c) is started while it runs" }
    if !hasSandbox { broken = "\(c) is started without a sandbox" }
    if c.hasPrefix("a") {
      for i in first.spec.initContainers where i.restartPolicy != .always && !initDone.contains(i.name) {
        broken = "\(c) is started before \(i.name) has done its work"
      }
    }
    counter += 1
    let id = "id\(counter)"
    switch dice.roll(12) {
    case 0: answer(.containerFailed(container: c, id: id, reason: "RunContainerError", message: "x"))
    case 1: answer(.containerFailed(container: c, id: "", reason: "CreateContainerConfigError", message: "x"))
    default: answer(.containerStarted(container: c, id: id))
    }
  }

  // MARK: what must hold

  private func shown(_ c: String) -> ContainerStatus? {
    (engine.status.initContainerStatuses + engine.status.containerStatuses).first { $0.name == c }
  }

  private mutating func check(_ event: Event) {
    let s = engine.status
    func fail(_ text: String) { if broken == nil { broken = "after \(event): \(text)" } }
    for c in s.initContainerStatuses + s.containerStatuses {
      if c.restartCount < counts[c.name] ?? 0 { fail("restartCount of \(c.name) falls") }
      counts[c.name] = c.restartCount
      if case .running = c.state {
        if running[c.name] == nil, !isPending(c.name) { fail("\(c.name) is said to run") }
      } else if c.ready, c.name.hasPrefix("a") {
        fail("\(c.name) is ready and does not run")
      }
      if case .terminated(let t) = c.state, t.reason.isEmpty { fail("\(c.name) ended without a reason") }
    }
    let isTerminal = s.phase == .succeeded || s.phase == .failed
    if wasTerminal, !isTerminal { fail("a pod that has ended lives again") }
    wasTerminal = isTerminal
    if isTerminal, !running.isEmpty { fail("the pod has ended and \(running.keys.sorted()) run") }
    if let wake = engine.nextWake, wake <= clock { fail("a wake in the past") }
    if Set(s.conditions.map(\.type)).count != s.conditions.count { fail("a condition twice") }
    let is_ = { (type: String) in s.conditions.first { $0.type == type }?.status }
    if is_("Ready") == true, is_("ContainersReady") != true { fail("Ready without ContainersReady") }
    if is_("ContainersReady") == true, !s.containerStatuses.allSatisfy(\.ready) { fail("ContainersReady with an unready container") }
    if isTerminal, is_("Ready") == true { fail("an ended pod is ready") }
    if engine.isFinished, engine.deletionTimestamp == nil { fail("gone without a delete") }
  }

  /// It has ended, and the engine has not heard of it yet.
  private func isPending(_ c: String) -> Bool {
    let id = shown(c)?.containerID.dropFirst(9)
    return future.contains { if case .containerExited(c, let gone, _) = $0.event { gone == id.map(String.init) } else { false } }
  }
}
