// SPDX-License-Identifier: Apache-2.0
//
// Containers: the effects startContainer, signal, removeContainer, and what happens when one ends.
import Control
import Glibc
import Images
import Kernel
import Manifest
import PodEngine
import Runtime

extension Supervisor {
  func container(_ name: String) -> Container? { (pod.spec.initContainers + pod.spec.containers + pod.spec.ephemeralContainers).first { $0.name == name } }

  // MARK: starts

  func startContainer(_ name: String, _ restart: Int64) {
    guard let c = container(name), let image = images[name] else {
      return feed(.containerFailed(container: name, id: "", reason: "CreateContainerError", message: "the image of \(name) is not known"))
    }
    killUnrecorded(name, restart)
    let id = Instance.randomBytes(32).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    let spot = ContainerPlace(folder: place.container(name), restart: restart)
    let facts = ImageFacts(
      id: image.id, layers: image.layers, entrypoint: image.config.entrypoint, command: image.config.command, environment: image.config.environment,
      workingFolder: image.config.workingFolder, user: image.config.user, stopSignal: image.config.stopSignal ?? "")
    let setup = ContainerSetup(
      facts: self.facts, container: c, image: facts, hostname: hostname, volumes: volumes, place: spot, mountPoints: instance.mountPoints,
      sharedMemory: pod.spec.hostIPC ? Self.hostSharedMemory : instance.mountPoints.sharedMemory, hasUserNamespace: hasUserNamespace)
    let ready: (ContainerSpec, Environment)
    do throws(ConfigError) { ready = try setup.spec(StoredObjects(instance: instance)) } catch {
      return feed(.containerFailed(container: name, id: "", reason: "CreateContainerConfigError", message: error.message))
    }
    var spec = ready.0
    if let why = SecurityRules.obstacle(to: spec.identity, node.host, hasUserNamespace: hasUserNamespace) {
      return feed(.containerFailed(container: name, id: "", reason: "CreateContainerConfigError", message: why))
    }
    spec.ignoresUserChanges = ignoresUserChanges(image)
    let filterFile: String
    switch seccomp(c, spec.capabilities.intersection(node.host.capabilities), again: { [unowned self] in startContainer(name, restart) }) {
    case .none: filterFile = ""
    case .filter(let filter, let file): (spec.seccomp, filterFile) = (filter, file)
    case .later: return
    case .failed(let why):
      return feed(.containerFailed(container: name, id: "", reason: "CreateContainerError", message: "failed to create containerd container: \(why)"))
    }
    if let target = c.targetContainerName, !target.isEmpty, spec.processes == .own {
      guard let process = pidfds[target] else {
        return feed(.containerFailed(container: name, id: "", reason: "CreateContainerConfigError", message: "unable to find target container \(target)"))
      }
      spec.processes = .of(process)
    }
    var ends: InputEnds?
    let group = "\(cgroup)/\(name)"
    do throws(SysError) {
      try spot.make()
      var limits = Resources.limits(c.resources)
      limits.restrictsDevices = !spec.isPrivileged
      try node.host.cgroups.create(group, limits: limits)
      spec.cgroup = node.host.cgroups.entry(group, isRestricted: !spec.isPrivileged)
      spec.cgroupView = node.host.cgroups.view(group)
      if spec.isPrivileged { spec.devices = try NodeDevices.all() }
      let log = try log(name)
      log.open(restart)
      ContainerLog.prune(log.folder, keeping: restart)
      ends = try InputEnds(c)
      spec.streams = ends?.streams(log.pipes) ?? .descriptors(-1, log.pipes.outputWriter, log.pipes.errorWriter)
    } catch {
      return feed(.containerFailed(container: name, id: "", reason: "CreateContainerError", message: "failed to create containerd container: \(error)"))
    }
    let score = Resources.oomScoreAdjust(c, pod.spec, qosClass: engine.status.qosClass, capacity: node.memory)
    // Lowering it needs CAP_SYS_RESOURCE, which neither an ordinary user nor every root has.
    if score >= node.lowestOOMScore { spec.oomScoreAdjust = score }
    spec.oomKills = node.host.cgroups.oomKills(group)
    do throws(StartFailure) {
      let child = try Containers.start(spec, sandbox: infra, host: node.host)
      let pid = child.pid
      let fd = child.release()
      record(name, id, restart, pid, spec, group, filterFile)
      watchContainer(name, id, fd)
      if let ends { openInput(c, ends) }
      if spec.ignoresUserChanges { warnOfIgnoredUserChanges(name) }
      watchUsage()
      feed(.containerStarted(container: name, id: id))
    } catch {
      record(name, id, restart, nil, spec, group, filterFile)
      feed(.containerFailed(container: name, id: id, reason: "RunContainerError", message: error.message))
    }
  }

  /// hostIPC has the machine's POSIX shared memory too, as container runtimes mount it; nil where there is none.
  private static var hostSharedMemory: String? { FileSystem.isFolder("/dev/shm") ? "/dev/shm" : nil }

  /// The folders of a new Pod's first containers, while infra sets itself up beside us. What fails here fails again where it is told.
  func makeFirstPlaces() {
    guard state.containers.isEmpty else { return }
    for c in pod.spec.initContainers.first.map({ [$0] }) ?? pod.spec.containers {
      _ = optional { () throws(SysError) in try ContainerPlace(folder: place.container(c.name), restart: 0).make() }
    }
  }

  /// With one id, for an image that says it (a recipe's changesUser) or a Pod that wants it.
  private func ignoresUserChanges(_ image: Image) -> Bool {
    node.host.hasOneID
      && (image.config.labels[Recipe.changesUserLabel] == "true" || pod.metadata.annotations[SecurityRules.ignoreUserChangesKey] == "true")
  }

  private func warnOfIgnoredUserChanges(_ name: String) {
    warn(
      "UserChangesIgnored",
      "container \(name): there is no user or group but 0 here: changing to another, or giving it files, is answered with success and not done: \(SecurityRules.remedy)")
  }

  /// A process of this very run that a podd before us made without coming to say so.
  private func killUnrecorded(_ name: String, _ restart: Int64) {
    guard let old = state.containers.first(where: { $0.name == name && $0.restart == restart }), let p = old.process, pidfds[name] == nil else { return }
    p.signal(SIGKILL)
  }

  private func record(_ name: String, _ id: String, _ restart: Int64, _ pid: Int32?, _ spec: ContainerSpec, _ group: String, _ filter: String) {
    var entry = PodState.Container(name: name, id: id, restart: restart)
    entry.process = pid.flatMap { ProcessIdentity(pid: $0) }
    entry.exec.environment = spec.environment
    entry.exec.workingFolder = spec.workingFolder
    entry.exec.identity = spec.identity
    entry.exec.capabilities = spec.capabilities
    entry.exec.isPrivileged = spec.isPrivileged
    entry.exec.noNewPrivileges = spec.noNewPrivileges
    entry.exec.tty = container(name)?.tty ?? false
    entry.exec.cgroup = group
    (entry.exec.tasks, entry.exec.procs) = (spec.cgroup.tasks, spec.cgroup.procs)
    entry.exec.hasCgroupNamespace = spec.cgroupView == .namespace
    entry.exec.seccomp = filter
    entry.exec.oomKills = spec.oomKills
    entry.exec.hasUserNamespace = spec.hasUserNamespace
    entry.exec.ignoresUserChanges = spec.ignoresUserChanges
    state.containers.removeAll { $0.name == name }
    state.containers.append(entry)
    writeState()
  }

  /// The container's log and its pipes, made once for all its runs and parked with infra.
  private func log(_ name: String) throws(SysError) -> ContainerLog {
    if let log = logs[name] { return log }
    let log = try ContainerLog(
      folder: place.container(name), pipes: try ContainerLog.makePipes(), loop: loop, buffer: buffer, complain: { [unowned self] in complain($0) })
    logs[name] = log
    try store?.park("log:" + name, [log.pipes.output, log.pipes.error])
    return log
  }

  func watchContainer(_ name: String, _ id: String, _ fd: Int32) {
    pidfds[name] = fd
    do throws(SysError) {
      try store?.park("pid:" + name, [fd])
      try loop.watch(fd) { [unowned self] _ in ended(name, id) }
    } catch { complain("\(error.during("watching container \(name)"))") }
  }

  // MARK: ends

  private func ended(_ name: String, _ id: String) {
    guard let fd = pidfds[name] else { return }
    loop.forget(fd)
    let status: ExitStatus?
    do throws(SysError) { status = try ExitStatus.collect(pidfd: fd) } catch {
      // An adopted one: not our child. Its own parent reaps it, then the kernel tells.
      return strangerEnded(name, id, fd, until: Clock.monotonic + Self.reaping)
    }
    finishRun(name, id, fd, status)
  }

  /// How long an end is waited for that a stranger must reap first: process 1 of a busy machine may take seconds.
  static let reaping = 10 * second

  /// PIDFD_GET_INFO answers once the process has been reaped, which nothing announces: looked at again, ever less often. until: when to give up,
  /// CLOCK_MONOTONIC.
  func strangerEnded(_ name: String, _ id: String, _ fd: Int32, until deadline: Int64, pause: Int64 = 2_000_000) {
    switch ExitStatus.ofStranger(pidfd: fd) {
    case .ended(let status): return finishRun(name, id, fd, status)
    case .untold: return finishRun(name, id, fd, nil)
    case .notReaped: if Clock.monotonic >= deadline { return finishRun(name, id, fd, nil) }
    }
    _ = timers.schedule(at: Clock.monotonic + pause) { [unowned self] in
      strangerEnded(name, id, fd, until: deadline, pause: min(pause * 2, second / 5))
    }
  }

  private func finishRun(_ name: String, _ id: String, _ fd: Int32, _ status: ExitStatus?) {
    _ = close(fd)
    pidfds[name] = nil
    let group = "\(cgroup)/\(name)"
    // With a process namespace of its own nothing outlives its first process; in a shared one its children may.
    if pod.spec.shareProcessNamespace || pod.spec.hostPID || container(name)?.targetContainerName != nil { for pid in node.host.cgroups.processes(group) { _ = kill(pid, SIGKILL) } }
    logs[name]?.drain()
    closeInput(name)
    let entry = state.containers.firstIndex { $0.name == name }
    let restart = entry.map { state.containers[$0].restart } ?? 0
    if let entry { state.containers[entry].process = nil }
    markState()
    let spot = ContainerPlace(folder: place.container(name), restart: restart)
    let fallsBack = container(name)?.terminationMessagePolicy == .fallbackToLogsOnError && status?.code != 0
    var exit = ContainerExit(exitCode: Int64(status?.code ?? 137), signal: status?.signal.map(Int64.init))
    exit.message = TerminationMessage.read(file: spot.message, log: fallsBack ? spot.log : nil)
    // Of its own process, or of a child whose end it took for its own: a container that lived on and ended well was not killed.
    exit.oomKilled = status.map { $0.code != 0 } ?? false && node.host.cgroups.oomKills(group) > (entry.map { state.containers[$0].exec.oomKills } ?? 0)
    if status == nil {
      exit.reason = "ContainerStatusUnknown"
      exit.message = exit.message ?? "The container could not be located when the supervisor was started again"
    }
    feed(.containerExited(container: name, id: id, exit: exit))
  }

  func signal(_ name: String, _ number: Int32) {
    guard let fd = pidfds[name] else { return }
    var n = number
    if n == 0 { n = images[name]?.config.stopSignal.flatMap { Signals.number($0) } ?? SIGTERM }
    do throws(SysError) { try Pidfd.signal(fd, n) } catch { complain("\(error.during("signalling container \(name)"))") }
  }

  /// The root file system of an ended run goes once the next one has been started, which must not wait for it; its log stays until the run after
  /// the next.
  func removeContainer(_ name: String, _ id: String) {
    guard let old = state.containers.first(where: { $0.name == name && $0.id == id }) else { return }
    remains.append(ContainerPlace(folder: place.container(name), restart: old.restart).run)
    if remains.count == 1 { _ = timers.schedule(at: Clock.monotonic + second / 10) { [unowned self] in removeRemains() } }
  }

  func removeRemains() {
    for folder in remains {
      do throws(SysError) { try FileSystem.removeTree(folder) } catch { complain("\(error.during("removing an ended container's root file system"))") }
    }
    remains = []
  }
}

let second: Int64 = 1_000_000_000
