// SPDX-License-Identifier: Apache-2.0
//
// A world for the engine: a fake clock, and containers that do what a test says. Effects are answered as a supervisor would.
import Manifest
import PodEngine
import Testing

final class World {
  var engine: PodEngine
  /// Nanoseconds of both clocks.
  var clock: Int64 = 1_000_000_000_000
  var events: [PodEvent] = []
  /// Every effect, in order, with its time.
  var log: [(at: Int64, effect: Effect)] = []
  /// Containers that run: name to id.
  var running: [String: String] = [:]
  private var counter = 0

  /// What a started container does: nil runs until it is stopped; (seconds, code) ends by itself.
  var behaviour: (String, Int64) -> (seconds: Int64, code: Int64)? = { _, _ in nil }
  /// How it answers SIGTERM: ends at once with this code; nil ignores it.
  var onTerm: (String) -> Int64? = { _ in 143 }
  var probe: (String, ProbeKind) -> ProbeResult = { _, _ in .success }
  /// Seconds that a hook takes and its failure.
  var hook: (String, HookKind) -> (seconds: Int64, failure: String?) = { _, _ in (0, nil) }
  /// What comes of a change of resources.
  var resizeFailure: ResizeFailure?
  var image: (String) -> Event? = { _ in nil }
  var start: (String, String) -> Event? = { _, _ in nil }
  /// What will happen by itself.
  private var future: [(at: Int64, event: Event)] = []

  init(_ yaml: String) {
    let loaded = Loader.load(Array(yaml.utf8), file: "test.yaml")
    var pod = Pod()
    if let p = loaded.objects.first?.pod { pod = p }
    pod.metadata.uid = "uid-1"
    engine = PodEngine(pod: pod)
  }

  static func pod(_ spec: String) -> World { World("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n" + spec) }

  var moment: Moment { Moment(monotonic: clock, wall: WallTime(nanoseconds: clock)) }

  func send(_ event: Event) {
    for effect in engine.handle(event, at: moment) { perform(effect) }
  }

  func admit() { send(.admitted(hostIP: "10.0.0.1")) }

  private func perform(_ effect: Effect) {
    log.append((clock, effect))
    switch effect {
    case .mountVolumes: send(.volumesReady)
    case .resize: send(.resized(failure: resizeFailure))
    case .createSandbox: send(.sandboxStarted(podIPs: ["10.1.0.2"]))
    case .stopSandbox: send(.sandboxStopped)
    case .ensureImage(let c): send(image(c) ?? .imageReady(container: c, image: "", imageID: "sha256:1", pulled: nil))
    case .startContainer(let c, let n):
      counter += 1
      let id = "id\(counter)"
      if let failure = start(c, id) { return send(failure) }
      running[c] = id
      if let b = behaviour(c, n) {
        future.append((clock + b.seconds * 1_000_000_000, .containerExited(container: c, id: id, exit: ContainerExit(exitCode: b.code))))
      }
      send(.containerStarted(container: c, id: id))
    case .signal(let c, let n):
      guard let id = running[c] else { return }
      if n == 9 { return future.append((clock, .containerExited(container: c, id: id, exit: ContainerExit(exitCode: 137, signal: 9)))) }
      if let code = onTerm(c) { future.append((clock, .containerExited(container: c, id: id, exit: ContainerExit(exitCode: code)))) }
    case .runProbe(let c, let kind): future.append((clock, .probeFinished(container: c, probe: kind, result: probe(c, kind))))
    case .runHook(let c, let kind):
      let h = hook(c, kind)
      future.append((clock + h.seconds * 1_000_000_000, .hookFinished(container: c, hook: kind, failure: h.failure)))
    case .emit(let e): events.append(e)
    case .cancelHook, .removeContainer, .statusChanged, .podRemoved: break
    }
  }

  /// Lets time pass: what is due happens, ticks come when the engine wants them.
  func run(seconds: Int64) {
    let end = clock + seconds * 1_000_000_000
    for _ in 0..<20_000 {
      let next = future.indices.min { (future[$0].at, $0) < (future[$1].at, $1) }
      let wake = engine.nextWake
      if let next, future[next].at <= end, future[next].at <= (wake ?? .max) {
        let (at, event) = future.remove(at: next)
        clock = max(clock, at)
        if case .containerExited(let c, let id, _) = event {
          guard running[c] == id else { continue }
          running[c] = nil
        }
        send(event)
      } else if let wake, wake <= end {
        clock = max(clock, wake)
        send(.tick)
      } else {
        clock = end
        return
      }
    }
    Issue.record("the engine wants to be woken without end")
    clock = end
  }

  func status(_ name: String) -> ContainerStatus {
    (engine.status.initContainerStatuses + engine.status.containerStatuses).first { $0.name == name } ?? ContainerStatus()
  }
  func condition(_ type: String) -> PodCondition? { engine.status.conditions.first { $0.type == type } }
  var phase: PodPhase { engine.status.phase }
  func starts(_ name: String) -> [Int64] {
    log.compactMap { if case .startContainer(name, _) = $0.effect { $0.at } else { nil } }
  }
  func signals(_ name: String) -> [(at: Int64, number: Int32)] {
    log.compactMap { if case .signal(name, let n) = $0.effect { ($0.at, n) } else { nil } }
  }
  func reasons(_ path: String? = nil) -> [String] { events.filter { path == nil || $0.fieldPath == path }.map(\.reason) }
  func messages(_ reason: String) -> [String] { events.filter { $0.reason == reason }.map(\.message) }
  var names: [String] { log.compactMap { if case .startContainer(let c, _) = $0.effect { c } else { nil } } }
}

extension ContainerState {
  var words: String {
    switch self {
    case .waiting(let reason, _): reason
    case .running: "Running"
    case .terminated(let t): t.reason
    }
  }
}
