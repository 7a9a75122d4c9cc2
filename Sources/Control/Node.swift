// SPDX-License-Identifier: Apache-2.0
//
// The node of an ordinary user: a user, a mount and a network namespace, held by a process that does nothing (`pause`). Every program enters it at its
// start and is root in there; from then on everything is as for root. user_namespaces(7).
import Glibc
import Kernel
import Manifest

public enum Node {
  public static var isRoot: Bool { geteuid() == 0 }
  /// Not IPC: what hostIPC means is the machine's, which a process is in that has never left it.
  static let namespaces: Namespaces = [.user, .mount, .network, .uts]

  /// Enters the node, which is made when it is not there. Returns what to tell the user once: why only one id is mapped. Root needs no node.
  @discardableResult
  public static func enter(_ instance: Instance, programs: String) throws(SysError) -> OneID? {
    guard geteuid() != 0 else { return nil }
    let (holder, reason) = try ready(instance, programs: programs)
    try join(holder)
    return reason
  }

  /// The holder of an ordinary user's node, which is made when it is not there, and what to tell the user once. The caller stays outside.
  public static func ready(_ instance: Instance, programs: String) throws(SysError) -> (holder: ProcessIdentity, warning: OneID?) {
    if let holder = holder(instance) {
      if !Outside.isServed(instance) { try Outside.serve(instance, holder, programs: programs) }
      return (holder, nil)
    }
    do throws(SysError) {
      let lock = try FileLock("\(instance.run)/node.lock")
      defer { _ = lock.raw }
      if let holder = holder(instance) { return (holder, nil) }
      // Whoever began it was killed: the lock is ours.
      recorded(instance, isReady: false)?.signal(SIGKILL)
      let made: ProcessIdentity
      var reason: OneID?
      if let survivor = survivor(instance) {
        // The holder was killed, the node lives on in a podd: a new holder is born in there.
        made = try hold(instance, programs, in: survivor)
      } else {
        let (maps, why) = IDMaps.available()
        made = try hold(instance, programs, maps: maps)
        reason = why
      }
      try record(instance, made, isReady: true)
      try Outside.serve(instance, made, programs: programs)
      return (made, reason)
    } catch {
      throw error.during("making a node for user \(getuid())", hint: error.hint ?? NamespaceRights.obstacle())
    }
  }

  /// The living holder of this boot.
  public static func holder(_ instance: Instance) -> ProcessIdentity? { recorded(instance, isReady: true) }

  /// isReady: false: one that is being made, or was when its maker was killed.
  private static func recorded(_ instance: Instance, isReady: Bool) -> ProcessIdentity? {
    guard let bytes = optional({ () throws(SysError) in try FileSystem.read("\(instance.run)/node.json") }) else { return nil }
    do throws(JSON.Malformed) {
      let v = try JSON.parse(bytes)
      guard let pid = v["pid"]?.int, let start = v["startTime"]?.int, v["boot"]?.string == Boot.id, v["ready"]?.bool == isReady else { return nil }
      let p = ProcessIdentity(pid: Int32(clamping: pid), startTime: UInt64(clamping: start))
      return p.isAlive ? p : nil
    } catch { return nil }
  }

  private static func record(_ instance: Instance, _ p: ProcessIdentity, isReady: Bool) throws(SysError) {
    let v = Value.object([
      ("pid", .int(Int64(p.pid))), ("startTime", .int(Int64(clamping: p.startTime))), ("boot", .string(Boot.id)), ("ready", .bool(isReady)),
    ])
    try FileSystem.writeAtomically("\(instance.run)/node.json", JSON.compactBytes(v), mode: 0o600)
  }

  /// A podd of the instance that still runs: it is in the node.
  private static func survivor(_ instance: Instance) -> ProcessIdentity? {
    for (ns, name) in instance.pods() {
      if let pid = Podd.process(instance.place(ns, name)), let p = ProcessIdentity(pid: pid), p.isAlive { return p }
    }
    return nil
  }

  /// A new holder; maps: of a new node; node: one of its processes, where it lives on.
  private static func hold(_ instance: Instance, _ programs: String, maps: IDMaps? = nil, in node: ProcessIdentity? = nil) throws(SysError) -> ProcessIdentity {
    let go = try FileDescriptor.pipe()
    var plan = SpawnPlan(.paths([programs + "/pause"]), ["podlab-node"])
    if maps != nil { plan.namespaces = Self.namespaces }
    var survivor: Int32 = -1
    defer { if survivor >= 0 { _ = close(survivor) } }
    if let node {
      guard let fd = node.open() else { throw SysError(step: "entering the node", call: "pidfd_open", object: "\(node.pid)", errno: ESRCH) }
      survivor = fd.release()
      plan.joins = [(survivor, Self.namespaces)]
    }
    plan.steps = [
      // Half made, it dies with its maker, whose lock it holds a copy of.
      .init(.deathSignal(SIGKILL)),
      .init(.readByte(fd: go.read.raw, writer: go.write.raw), for: "waiting for the node's user ids"),
      .init(.newSession),
    ]
    if maps != nil {
      plan.steps += [
        .init(.propagation("/", flags: UInt(MS_REC | MS_SLAVE)), for: "keeping the node's mounts to itself"),
        .init(.linkUp("lo"), for: "setting up the node's loopback"),
      ]
    }
    plan.steps += [
      .init(.open("/dev/null", flags: O_RDWR, as: 0)), .init(.duplicate(from: 0, to: 1)), .init(.duplicate(from: 0, to: 2)),
      .init(.changeFolder("/")), .init(.closeFrom(3, atExec: true)), .init(.deathSignal(0)),
    ]
    var pending = try plan.begin()
    let made: ProcessIdentity
    do throws(SysError) {
      guard let p = ProcessIdentity(pid: pending.pid) else { throw SysError(call: "open", object: "/proc/\(pending.pid)/stat", errno: ESRCH) }
      made = p
      // Before it may live on without us: whoever comes after us knows of it.
      try record(instance, made, isReady: false)
      try maps?.apply(to: pending.pid)
      try writeAll(go.write.raw, [1])
    } catch {
      pending.abandon()
      throw error
    }
    _ = try pending.finish()
    return made
  }

  private static func join(_ p: ProcessIdentity) throws(SysError) {
    guard let fd = p.open() else { throw SysError(step: "entering the node", call: "pidfd_open", object: "\(p.pid)", errno: ESRCH) }
    let here = getcwd(nil, 0)
    defer { free(here) }
    try namespaces.enter(fd.raw)
    if let here { _ = chdir(here) }
  }
}
