// SPDX-License-Identifier: Apache-2.0
//
// A submission's pod in its arena, and the observer's eyes and hands: brings pods up and down through podctl in there,
// watches the containers' processes by pidfd, writes into their files from outside. Facts are in FactReader.
import Glibc
import Kernel
import Manifest

public final class ArenaScene: Scene {
  let arena: Arena
  let people: ArenaPeople
  let pod: PodFiles
  let logs = LogFollower()
  /// The manifests as plain data: the submission's and the starter's.
  let manifest: Value
  let starter: Value
  private let source: [UInt8]
  private let queue: ReadyQueue
  private let end: Int64
  private var isUp = false
  private var isTouched = false
  private var residents: [String: Resident] = [:]
  /// Containers' processes in the order of their ends, as the kernel told it.
  private(set) var ended: [(container: String, at: Int64)] = []
  private var watched: [Int32: String] = [:]
  private var lineNumber = 0
  private(set) var applyErrors: [UInt8] = []

  public var now: Int64 { Clock.monotonic }
  public var exhausted: Bool { now >= end }

  /// `source` is what is applied; `manifest` the same as data.
  public init(arena: Arena, source: [UInt8], manifest: Value, starter: Value) throws(SceneError) {
    (self.arena, self.source, self.manifest, self.starter) = (arena, source, manifest, starter)
    guard let people = ArenaPeople(arena: arena.pid) else { throw SceneError("the arena's PID 1 is gone") }
    self.people = people
    pod = PodFiles(
      arena: arena, namespace: manifest["metadata"]?["namespace"]?.string ?? "default", name: manifest["metadata"]?["name"]?.string ?? "")
    queue = try scene { () throws(SysError) in try ReadyQueue() }
    end = Clock.monotonic + arena.limits.wall
  }

  // MARK: pods

  public func freshPod() throws(SceneError) -> SceneFailure? {
    if isUp, !isTouched { return nil }
    if isUp { try takeDown() }
    return try bringUp()
  }

  public func anyPod() throws(SceneError) -> SceneFailure? { isUp ? nil : try bringUp() }

  private func bringUp() throws(SceneError) -> SceneFailure? {
    residents = [:]
    watched = [:]
    ended = []
    lineNumber = 0
    logs.forget()
    isTouched = false
    let result = try program(["podctl", "apply", "-f", "-"], input: source, within: 20_000_000_000)
    guard result.status.code == 0 else {
      let text = Sanitise.line(String(decoding: result.errors, as: UTF8.self), limit: 400)
      return SceneFailure(
        result.reason ?? .exited, found: Text(en: "the pod was not accepted", zh: "Pod 没有被接受"), evidence: [Clue("podctl apply", text)])
    }
    isUp = true
    return nil
  }

  /// Waits until the pod is Ready, at most 10 s: one that cannot become so is looked at as it is.
  func awaitReady() throws(SceneError) {
    _ = try program(
      ["podctl", "wait", "pod/\(pod.name)", "-n", pod.namespace, "--for=condition=Ready", "--timeout=10s"], within: 15_000_000_000)
  }

  /// Removes the pod at once, without waiting for its grace period.
  private func takeDown() throws(SceneError) {
    _ = try program(["podctl", "delete", "pod", pod.name, "-n", pod.namespace, "--grace-period=0", "--force"], within: 20_000_000_000)
    isUp = false
  }

  private func program(_ arguments: [String], input: [UInt8] = [], within: Int64) throws(SceneError) -> ArenaProgram.Ended {
    try scene { () throws(SysError) in
      let program = try ArenaProgram(arguments, in: arena, input: input)
      return try program.finish(deadline: min(now + within, max(end, now + 5_000_000_000))) { look() }
    }
  }

  // MARK: who runs

  /// The first process of a container as it is now; nil where it does not run.
  func resident(_ container: String) -> Resident? {
    guard let inside = pod.process(container), inside > 0 else { return nil }
    if let known = residents[container], known.inside == inside, known.identity.isAlive { return known }
    guard let pid = people.process(inside), let found = Resident(container: container, inside: inside, pid: pid) else { return nil }
    residents[container] = found
    if queue.watch(found.pidfd.raw) { watched[found.pidfd.raw] = container }
    held.append(found)
    return found
  }
  /// Every pidfd that was watched stays open until the pod is gone: its number must not be used again.
  private var held: [Resident] = []

  /// Containers of the manifest, init containers too.
  var containers: [String] {
    ["initContainers", "containers"].flatMap { manifest["spec"]?[$0]?.array ?? [] }.compactMap { $0["name"]?.string }
  }

  /// Takes note of what has happened: ends of processes, new lines in logs.
  func look(milliseconds: Int32 = 0) {
    for fd in queue.wait(milliseconds: milliseconds) {
      guard let container = watched.removeValue(forKey: fd) else { continue }
      queue.forget(fd)
      ended.append((container, now))
    }
    for container in containers { logs.look(container, in: pod.logs(container)) }
  }

  public func rest(until deadline: Int64) {
    // Nothing in proc wakes a watcher: 20 ms is what a reading may be late.
    look(milliseconds: Int32(max(1, min(20, (deadline - now) / 1_000_000))))
  }

  public func log() -> [UInt8] {
    look()
    return containers.flatMap { name -> [UInt8] in
      guard let bytes = logs.bytes[name], !bytes.isEmpty else { return [] }
      return Array("\(name):\n".utf8) + bytes
    }
  }

  // MARK: actions

  public func perform(_ action: Action, deadline: Int64) throws(SceneError) -> SceneFailure? {
    isTouched = true
    switch action {
    case .write(let write): return try self.write(write, deadline: deadline)
    case .await(let log, let line, let within):
      _ = waitFor(deadline: now + within) { self.logs.lines[log]?.contains(line) ?? false }
    case .signal(let container, let signal):
      guard let number = Signals.number(signal) else { throw SceneError("\(signal) is no signal") }
      guard let resident = resident(container) else { return missing(container) }
      _ = optional { () throws(SysError) in try Pidfd.signal(resident.pidfd.raw, number) }
    case .delete:
      for container in containers { _ = resident(container) }
      look()
      _ = try program(["podctl", "delete", "pod", pod.name, "-n", pod.namespace], within: 60_000_000_000)
      isUp = false
      look()
    }
    return nil
  }

  func missing(_ container: String) -> SceneFailure {
    SceneFailure(
      .exited, found: Text(en: "no running container \(container)", zh: "没有运行中的容器 \(container)"),
      evidence: pod.excuse(container).map { [$0] } ?? [])
  }

  private func write(_ write: Action.Write, deadline: Int64) throws(SceneError) -> SceneFailure? {
    var door: FileDescriptor?
    _ = waitFor(deadline: deadline) {
      guard let resident = self.resident(write.container) else { return false }
      door = optional { () throws(SysError) in try resident.open(write.path, O_WRONLY) }
      return door != nil
    }
    guard let door else {
      guard resident(write.container) != nil else { return missing(write.container) }
      return SceneFailure(
        .mismatch, found: Text(en: "nobody reads \(write.path) in \(write.container)", zh: "\(write.container) 里没有人读 \(write.path)"))
    }
    let before = write.pause.flatMap { Int($0.before) }
    for _ in 0..<write.lines {
      lineNumber += 1
      if let pause = write.pause, lineNumber == before, lineNumber > 1 {
        let line = fillPlaceholders(pause.line, ["n": String(lineNumber - 1)])
        _ = waitFor(deadline: deadline) { self.logs.lines[pause.log]?.contains(line) ?? false }
      }
      try put(fillPlaceholders(write.text, ["n": String(lineNumber)]) + "\n", door.raw, deadline)
    }
    return nil
  }

  /// Each line in one write, so that nobody can come between its bytes.
  private func put(_ line: String, _ fd: Int32, _ deadline: Int64) throws(SceneError) {
    let bytes = Array(line.utf8)
    while true {
      let n = writeOnce(fd, bytes)
      if n == bytes.count { return }
      guard errno == EAGAIN || errno == EINTR, now < deadline else { return }
      rest(until: deadline)
    }
  }

  private func waitFor(deadline: Int64, _ condition: () -> Bool) -> Bool {
    while true {
      look()
      if condition() { return true }
      if now >= deadline || exhausted { return false }
      rest(until: deadline)
    }
  }
}

/// Our own failures stay ours.
func scene<T: ~Copyable>(_ body: () throws(SysError) -> T) throws(SceneError) -> T {
  do throws(SysError) { return try body() } catch { throw SceneError(error.description) }
}

/// write(2), once; outside the class because that has a `write` of its own.
private func writeOnce(_ fd: Int32, _ bytes: [UInt8]) -> Int { write(fd, bytes, bytes.count) }
