// SPDX-License-Identifier: Apache-2.0
//
// The heart of podd: what happens becomes an event, the engine says what to do, and here it is done. One thread, one loop. Open this file first.
//
//   world → feed(event) → journal → PodEngine → effects → perform → world
//
// The journal is written before an effect is carried out, state.json when a process was made: whoever comes after a crash knows both
// (Adoption.swift). status.json and events.json are written once a round, before the loop sleeps.
import Control
import Glibc
import Images
import Kernel
import Manifest
import PodEngine
import Runtime

public final class Supervisor {
  let instance: Instance
  let place: PodPlace
  let node: NodeContext
  let loop: EventLoop
  let timers = Timers()
  let netlink: Netlink
  var network: Instance.Network?
  var engine: PodEngine
  var state = PodState()
  var events = EventsFile()
  let volumes: Volumes
  let tokens = TokenKeeper()
  let buffer = LogBuffer()

  // What is alive; each belongs to the file that is named after it.
  var store: DescriptorStore?
  var infra: Int32 = -1
  /// infra's network namespace, held until the next one is made: that one must not get its number.
  var infraNetwork: Int32 = -1
  var starting: SandboxStart?
  var forwarder: PortForwarder?
  var isStoppingSandbox = false
  var logs: [String: ContainerLog] = [:]
  /// What leads into each container's standard input (ContainerInput.swift).
  var inputs: [String: ContainerInput] = [:]
  /// pidfd of each running container.
  var pidfds: [String: Int32] = [:]
  var images: [String: Image] = [:]
  var pulls: [String: ImagePull] = [:]
  /// Root file systems of ended runs, to be removed.
  var remains: [String] = []
  /// Why a filter could not be made, by its file; told once, to the start that asked.
  var seccompFailures: [String: String] = [:]
  var handlers: [String: HandlerRun] = [:]
  var clients: [Int32: ControlClient] = [:]
  /// What infra kept for us (Adoption.swift).
  var parked: [String: [Int32]] = [:]

  private var queue: [Event] = []
  private var isDraining = false
  private var journal: FileDescriptor
  var isStatusDirty = true
  /// What the next boot would find (Placing.swift).
  var kept = ""
  let keepsPods: Bool
  var hasGivenUpPlace = false
  var areEventsDirty = false
  let began = Clock.monotonic
  var lateSave: Timers.Handle?
  /// Since when the Pod is in its last steps.
  var lastSteps: Int64?
  var isStateDirty = false
  /// When the engine was last told something; the timer that waits for quiet, and from when on there may be another one.
  var lastEvent: Int64 = 0
  var settling: Timers.Handle?
  var settlesFrom: Int64 = 0
  var settled: Int64 = 0
  /// The object as it was last shown.
  var shown = Value.null
  /// Why the volumes cannot be set up yet; said once (Objects.swift).
  var volumeFailure: String?
  /// The next look at what the Pod keeps on disk (StorageUsage.swift).
  var usageTimer: Timers.Handle?

  public init(_ instance: Instance, _ place: PodPlace, _ pod: Pod, node: NodeContext) throws(SysError) {
    (self.instance, self.place, self.node) = (instance, place, node)
    keepsPods = instance.keepsPods
    loop = try EventLoop()
    netlink = try Netlink()
    engine = PodEngine(pod: pod)
    volumes = Volumes(folder: place.volumes, filesPoint: instance.mountPoints.files, nodeRoot: node.nodeRoot, nodeMemory: node.memory)
    journal = try FileDescriptor.open(place.journal, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
    state.boot = Boot.id
    volumes.isMapped = hasUserNamespace
    loop.beforeSleep = { [unowned self] in round() }
    buffer.onBurst = { [unowned self] in giveBackLogBuffer() }
  }

  public func run() throws(SysError) { try loop.run() }

  var pod: Pod { engine.pod }
  /// The Pod's cgroup, as CgroupDriver takes it.
  var cgroup: String { "\(node.cgroupRoot)/\(pod.metadata.uid)" }
  var facts: PodFacts {
    PodFacts(pod: pod, nodeName: node.name, hostIPs: node.hostIPs, podIPs: engine.status.podIPs, allocatable: node.allocatable)
  }

  // MARK: events

  /// Takes what happened. Events that come while effects are carried out wait for their turn.
  func feed(_ event: Event) {
    queue.append(event)
    guard !isDraining else { return }
    isDraining = true
    while true {
      while !queue.isEmpty { take(queue.removeFirst()) }
      guard starting != nil else { break }
      // Begun with the batch of effects; by now infra has set itself up beside us.
      finishSandbox()
    }
    isDraining = false
  }

  private func take(_ event: Event) {
    lastEvent = Clock.monotonic
    let moment = Moment(monotonic: Clock.monotonic, wall: WallTime(nanoseconds: Clock.wall))
    let effects = engine.handle(event, at: moment)
    // A tick that changes nothing need not be told.
    if event == .tick && effects.isEmpty { return }
    do throws(SysError) { try writeAll(journal.raw, Journal.line(event, moment, effects)) } catch { complain("\(error.during("writing the journal"))") }
    for effect in effects { perform(effect, moment) }
  }

  private func perform(_ effect: Effect, _ moment: Moment) {
    switch effect {
    case .mountVolumes: mountVolumes()
    case .createSandbox(let attempt): createSandbox(attempt)
    case .stopSandbox:
      if engine.deletionTimestamp != nil { beginLastSteps() }
      stopSandbox()
    case .ensureImage(let name): ensureImage(name)
    case .startContainer(let name, let count): startContainer(name, count)
    case .resize(let names): resize(names)
    case .signal(let name, let number): signal(name, number)
    case .runProbe(let name, let kind): runProbe(name, kind)
    case .runHook(let name, let kind): runHook(name, kind)
    case .cancelHook(let name, let kind): cancelHook(name, kind)
    case .removeContainer(let name, let id): removeContainer(name, id)
    case .emit(let event):
      events.add(event, at: moment.wall)
      areEventsDirty = true
    case .statusChanged: isStatusDirty = true
    case .podRemoved: removePod()
    }
  }

  /// An event about the Pod that the engine does not know of: what this machine cannot do for it.
  func warn(_ reason: String, _ message: String) {
    events.add(PodEvent(.warning, reason, message), at: WallTime(nanoseconds: Clock.wall))
    areEventsDirty = true
  }

  /// Into podd.log.
  func complain(_ text: String) { _ = optional { () throws(SysError) in try writeAll(2, "podd: \(text)\n") } }

  // MARK: the Pod's end

  private func removePod() {
    for log in logs.values { log.close() }
    logs = [:]
    do throws(SysError) { try node.host.cgroups.remove(cgroup) } catch { complain("\(error.during("removing the pod's cgroups"))") }
    for address in state.addresses { instance.give(back: address) }
    // Events outlive their Pod, for an hour from the last one.
    let kept = Value.object([("apiVersion", .string("v1")), ("kind", .string("List")), ("items", eventList)])
    do throws(SysError) { try instance.keepEvents(kept, pod.metadata.namespace, pod.metadata.name, uid: pod.metadata.uid) } catch {
      complain("\(error.during("keeping the pod's events"))")
    }
    // First out of sight as a whole, then in pieces: a crash in between leaves no half Pod.
    let parent = String(place.folder[..<(place.folder.lastIndex(of: "/") ?? place.folder.startIndex)])
    let trash = "\(instance.trash)/\(pod.metadata.uid)"
    do throws(SysError) {
      do throws(SysError) { try FileSystem.rename(place.folder, to: trash) } catch where error.errno == ENOENT {
        try FileSystem.makeFolders(instance.trash)
        try FileSystem.rename(place.folder, to: trash)
      }
    } catch { complain("\(error.during("removing the pod's folder"))") }
    _ = rmdir(parent)
    if keepsPods { instance.unkeepPod(pod.metadata.namespace, pod.metadata.name) }
    giveUpPlace()
    for c in clients.values { c.end() }
    clients = [:]
    // Nobody waits for the rest.
    do throws(SysError) { try FileSystem.removeTree(trash) } catch { complain("\(error.during("removing the pod's folder"))") }
    loop.stop()
  }
}

/// Objects of the instance.
struct StoredObjects: ObjectSource {
  let instance: Instance

  func secret(_ namespace: String, _ name: String) throws(ConfigError) -> Secret? { try read("Secret", namespace, name).map(Secret.init(stored:)) }
  func configMap(_ namespace: String, _ name: String) throws(ConfigError) -> ConfigMap? {
    try read("ConfigMap", namespace, name).map(ConfigMap.init(stored:))
  }

  private func read(_ kind: String, _ namespace: String, _ name: String) throws(ConfigError) -> Value? {
    do throws(SysError) { return try instance.object(kind, namespace, name) } catch { throw ConfigError("\(error)") }
  }
}
