// SPDX-License-Identifier: Apache-2.0
//
// Once a round, before the loop sleeps: what has changed is written down (status.json, events.json, state.json) and told to those who watch.
import Control
import Glibc
import Kernel
import Manifest
import PodEngine

extension Supervisor {
  func round() {
    timers.fire(now: Clock.monotonic)
    if mayWait { saveLater() } else { save() }
    settle()
    let next = [engine.nextWake, timers.next].compactMap { $0 }.min()
    loop.setDeadline(next) { [unowned self] in
      timers.fire(now: Clock.monotonic)
      if let wake = engine.nextWake, wake <= Clock.monotonic { feed(.tick) }
    }
  }

  /// A Pod's first steps follow each other within milliseconds, and so do its last: what is known of it is written once, when its containers have been
  /// started, or not at all, when it is gone; unless somebody wants to know or it takes longer than this.
  private static let steps: Int64 = 20_000_000
  private var mayWait: Bool {
    guard !clients.values.contains(where: \.isWatching) else { return false }
    if let lastSteps { return Clock.monotonic - lastSteps < Self.steps }
    return engine.status.phase == .pending && isStatusDirty && Clock.monotonic - began < Self.steps
  }
  private func saveLater() {
    guard lateSave == nil else { return }
    lateSave = timers.schedule(at: (lastSteps ?? began) + Self.steps) {}
  }

  /// Nothing is left but to end what runs, at once.
  func beginLastSteps() {
    guard lastSteps == nil else { return }
    (lastSteps, lateSave) = (Clock.monotonic, nil)
  }

  /// Once it has become quiet, memory that was needed for the start is given back: the pages of the program that are not run stay in the kernel's page
  /// cache, and are mapped again when they are.
  private func settle() {
    guard settling == nil, lastEvent > settled, Clock.monotonic >= settlesFrom else { return }
    settling = timers.schedule(at: Clock.monotonic + Self.quiet) { [unowned self] in
      settling = nil
      guard Clock.monotonic - lastEvent >= Self.quiet else { return }
      settled = Clock.monotonic
      // A Pod that waits for its image or its tokens is about to start.
      settlesFrom = settled + (engine.status.phase == .pending ? 0 : 60 * second)
      ProcessMemory.giveBack()
    }
  }
  private static let quiet: Int64 = 100_000_000

  /// Writes what has changed and tells those who watch.
  func save() {
    guard !engine.isFinished else { return }
    if isStateDirty { writeState() }
    if areEventsDirty {
      areEventsDirty = false
      let list = Value.object([
        ("apiVersion", .string("v1")), ("kind", .string("List")), ("items", events.objects(of: pod.metadata, node: node.name)),
      ])
      put(place.events, JSON.compactBytes(list))
    }
    if isStatusDirty {
      isStatusDirty = false
      shown = object
      let bytes = JSON.compactBytes(shown)
      put(place.status, bytes)
      for c in clients.values where c.isWatching { c.send(.object([("object", shown)])) }
      keep(bytes)
      if engine.status.phase == .succeeded || engine.status.phase == .failed { giveUpPlace() }
    }
  }

  private func put(_ path: String, _ bytes: [UInt8]) {
    do throws(SysError) { try FileSystem.writeAtomically(path, bytes, mode: 0o600) } catch { complain("\(error.during("saving the pod's status"))") }
  }

  /// The whole object with its status.
  private var object: Value {
    var v = pod.object
    var meta = v["metadata"] ?? .null
    if let at = engine.deletionTimestamp {
      meta["deletionTimestamp"] = .string(at.rfc3339)
      meta["deletionGracePeriodSeconds"] = .int(engine.deletionGracePeriodSeconds ?? 0)
      meta["generation"] = .int(pod.metadata.generation)
    }
    v["metadata"] = meta
    if engine.status.hostIP != nil, v["spec"]?["nodeName"] == nil {
      var spec = v["spec"] ?? .null
      spec["nodeName"] = .string(node.name)
      v["spec"] = spec
    }
    var status = told.value
    if engine.status.hostIP != nil { status["hostIPs"] = .array(node.hostIPs.map { .object([("ip", .string($0))]) }) }
    v["status"] = status
    return v
  }

  /// The engine's status with what only the Runtime knows: who the containers' programs are.
  private var told: PodStatus {
    var s = engine.status
    let tell = { [unowned self] (c: inout ContainerStatus) in
      guard let entry = state.containers.first(where: { $0.name == c.name }), c.containerID == "podlab://" + entry.id else { return }
      let who = entry.exec.identity
      c.user = ContainerUser(uid: Int64(who.user), gid: Int64(who.group), supplementalGroups: who.supplementary.map(Int64.init))
    }
    for i in s.initContainerStatuses.indices { tell(&s.initContainerStatuses[i]) }
    for i in s.containerStatuses.indices { tell(&s.containerStatuses[i]) }
    for i in s.ephemeralContainerStatuses.indices { tell(&s.ephemeralContainerStatuses[i]) }
    return s
  }

  var eventList: Value { events.objects(of: pod.metadata, node: node.name) }

  /// What has ended is written down with the next start, or at the end of the round: whoever comes after a crash sees for himself that it is gone.
  func markState() { isStateDirty = true }

  func writeState() {
    isStateDirty = false
    do throws(SysError) { try state.write(place.state) } catch { complain("\(error.during("writing the pod's state"))") }
  }

  func markStatus() { isStatusDirty = true }
}
