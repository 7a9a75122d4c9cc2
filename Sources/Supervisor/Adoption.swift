// SPDX-License-Identifier: Apache-2.0
//
// A new podd for a Pod that another one began: the journal brings the engine to where it was, infra gives back the descriptors, the kernel says who
// still lives. Then life goes on with ordinary events.
import Control
import Glibc
import Images
import Kernel
import Manifest
import PodEngine
import Runtime

extension Supervisor {
  /// Returns false when there is nothing to adopt: the Pod is new.
  func adopt() -> Bool {
    let bytes = optional { () throws(SysError) in try FileSystem.read(place.journal) } ?? []
    let past = Journal.read(bytes)
    // A line that a crash cut off: the next one must not be written behind it.
    if let last = bytes.last, last != 10 { _ = truncate(place.journal, off_t((bytes.lastIndex(of: 10) ?? -1) + 1)) }
    guard !past.isEmpty else { return false }
    replay(past)
    recallImages()
    recallImageVolumes()
    var wasLost = true
    if case .state(let old) = PodState.read(place.state) {
      state = old
      if old.boot == Boot.id, let s = old.sandbox, let fd = s.process.open()?.release() {
        wasLost = false
        takeBack(s, fd)
        watchInfra(fd)
        adoptForwarder()
      }
    }
    killStrays()
    state.boot = Boot.id
    var ends: [(String, String, Int32?)] = []
    for c in engineRuns() {
      if let fd = pidfds[c.name] {
        do throws(SysError) { try loop.watch(fd) { [unowned self] _ in adoptedEnded(c.name, c.id, fd) } } catch { complain("\(error)") }
      } else {
        ends.append((c.name, c.id, parked["pid:" + c.name]?.first))
      }
    }
    if wasLost { state.sandbox = nil }
    writeState()
    feed(.adopted)
    // Changed, and told to the engine no more.
    let stored = optional { () throws(SysError) in try instance.readPodObject(pod.metadata.namespace, pod.metadata.name) } ?? nil
    if let stored, stored != pod.object { feed(.updated(Pod(stored: stored))) }
    for (name, id, fd) in ends {
      if let fd {
        pidfds[name] = fd
        strangerEnded(name, id, fd, until: Clock.monotonic + Self.reaping)
      } else {
        var exit = ContainerExit(exitCode: 137, reason: "ContainerStatusUnknown")
        exit.message = "The container could not be located when the supervisor was started again"
        feed(.containerExited(container: name, id: id, exit: exit))
      }
    }
    if wasLost { feed(.sandboxDied) }
    objectsChanged()
    watchUsage()
    markStatus()
    return true
  }

  private func adoptedEnded(_ name: String, _ id: String, _ fd: Int32) {
    loop.forget(fd)
    strangerEnded(name, id, fd, until: Clock.monotonic + Self.reaping)
  }

  /// Effects were carried out before; the events about the Pod are kept.
  private func replay(_ past: [(at: Moment, event: Event)]) {
    for (at, event) in past {
      for effect in engine.handle(event, at: at) { if case .emit(let e) = effect { events.add(e, at: at.wall) } }
    }
  }

  /// Containers that the engine believes to run, by their ids.
  private func engineRuns() -> [(name: String, id: String)] {
    (engine.status.initContainerStatuses + engine.status.containerStatuses + engine.status.ephemeralContainerStatuses).compactMap { s in
      guard engine.isLive(s.name), s.containerID.hasPrefix("podlab://") else { return nil }
      return (s.name, String(s.containerID.dropFirst(9)))
    }
  }

  private func recallImages() {
    let all = ImageStore(root: instance.images)
    for c in pod.spec.initContainers + pod.spec.containers + pod.spec.ephemeralContainers {
      if let image = all.image(named: c.image) { images[c.name] = image }
    }
  }

  /// Log pipes and pidfds, from the socket that infra holds.
  private func takeBack(_ s: PodState.Sandbox, _ infra: Int32) {
    do throws(SysError) {
      let near = try Pidfd.descriptor(infra, s.near).release()
      let far = try Pidfd.descriptor(infra, s.far).release()
      let keep = try DescriptorStore(near: near, far: far)
      parked = try keep.takeBack()
      store = keep
      try volumes.takeBack(infra, first: s.far + 1, pod)
      self.keep(s.process.pid)
    } catch { complain("\(error.during("taking back what infra keeps"))") }
    for (name, fds) in parked where name.hasPrefix("log:") && fds.count == 2 {
      let container = String(name.dropFirst(4))
      do throws(SysError) {
        let log = try ContainerLog(
          folder: place.container(container), pipes: try ContainerLog.reopen(output: fds[0], error: fds[1]), loop: loop, buffer: buffer,
          complain: { [unowned self] in complain($0) })
        logs[container] = log
        log.open(state.containers.first { $0.name == container }?.restart ?? 0)
      } catch { complain("\(error.during("taking back the log of \(container)"))") }
    }
    for c in state.containers {
      guard let p = c.process, p.isAlive else { continue }
      if let fd = parked["pid:" + c.name]?.first ?? p.open()?.release() { pidfds[c.name] = fd }
    }
    for (name, fds) in parked where name.hasPrefix("in:") { takeBackInput(String(name.dropFirst(3)), fds) }
  }

  /// Processes of this Pod that state.json does not know: made by a podd that was killed before it could write them down.
  func killStrays() {
    var known = Set(state.containers.compactMap(\.process?.pid))
    if let s = state.sandbox { known.insert(s.process.pid) }
    let groups = node.host.cgroups
    for child in groups.children(cgroup) {
      let pids = groups.processes("\(cgroup)/\(child)")
      // The members of a container that is known are its own affair.
      if pids.contains(where: known.contains) { continue }
      for pid in pids { _ = kill(pid, SIGKILL) }
    }
    if groups.lack != nil { killStrangers(known) }
  }

  /// Where there are no cgroups to list: whoever shares what infra holds, has a root of its own, and neither is nor comes from one that is known.
  private func killStrangers(_ known: Set<Int32>) {
    guard let infra = state.sandbox?.process.pid else { return }
    let kind = pod.spec.hostIPC ? (pod.spec.hostNetwork ? nil : "net") : "ipc"
    guard let kind, let shared = Proc.namespace(infra, kind), let here = Proc.namespace(getpid(), "mnt") else { return }
    let roots = Set(known.compactMap { Proc.namespace($0, "mnt") })
    for pid in Proc.all where !known.contains(pid) && Proc.namespace(pid, kind) == shared {
      guard let root = Proc.namespace(pid, "mnt"), root != here, !roots.contains(root), !descends(pid, from: known) else { continue }
      _ = kill(pid, SIGKILL)
    }
  }

  private func descends(_ pid: Int32, from known: Set<Int32>) -> Bool {
    var at = pid
    while at > 1, let parent = Proc.stat(at)?.parent, parent != at {
      if known.contains(parent) { return true }
      at = parent
    }
    return false
  }
}
