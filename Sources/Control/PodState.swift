// SPDX-License-Identifier: Apache-2.0
//
// state.json: what podd knows of the processes of its Pod. A new podd takes the Pod over by it, `podctl exec` finds the container by it. Replaced as
// a whole: the old content or the new, never half of either.
import Kernel
import Manifest
import Runtime

/// The Pod's processes, and what was taken for them.
public struct PodState: Sendable, Equatable {
  /// The boot in which the processes were made (Boot.id): after another, none of them lives.
  public var boot = ""
  public var sandbox: Sandbox?
  /// Addresses taken for this Pod, to be given back.
  public var addresses: [String] = []
  public var containers: [Container] = []
  /// The process that carries the host ports; nil without any.
  public var forwarder: ProcessIdentity?

  /// The infra process.
  public struct Sandbox: Sendable, Equatable {
    public var process: ProcessIdentity
    public var attempt: Int
    public var podIPs: [String]
    /// Name of the veth's end on the node; empty without one.
    public var link: String
    /// Numbers, in the infra process, of the two ends of the descriptor store.
    public var near: Int32 = 3
    public var far: Int32 = 4
    public init(process: ProcessIdentity, attempt: Int, podIPs: [String], link: String) {
      (self.process, self.attempt, self.podIPs, self.link) = (process, attempt, podIPs, link)
    }
  }

  /// One run of a container.
  public struct Container: Sendable, Equatable {
    public var name: String
    /// 64 hex digits.
    public var id: String
    /// Number of the run, from 0: its log is containers/NAME/RESTART.log.
    public var restart: Int64
    /// nil: it has ended, or was not started yet.
    public var process: ProcessIdentity?
    /// How to run another program in it.
    public var exec = Exec()
    public init(name: String, id: String, restart: Int64) { (self.name, self.id, self.restart) = (name, id, restart) }
  }

  /// What a program that joins the container gets: the same rights as the container's own.
  public struct Exec: Sendable, Equatable {
    public var environment: [String] = []
    public var workingFolder = "/"
    public var identity = ContainerIdentity()
    public var capabilities = CapabilitySet.containerDefault
    public var isPrivileged = false
    public var noNewPrivileges = false
    /// File with the seccomp filter (Runtime's SeccompFilter); empty for none.
    public var seccomp = ""
    public var hasUserNamespace = false
    /// Changes of user and owner are answered and not made (Runtime's IgnoredUserChanges).
    public var ignoresUserChanges = false
    /// How often the OOM killer had struck in its group before it started.
    public var oomKills: Int64 = 0
    public var tty = false
    /// Path of the container's group, as CgroupDriver takes it.
    public var cgroup = ""
    /// How that is entered (CgroupEntry).
    public var tasks: [String] = []
    public var procs: String?
    public var hasCgroupNamespace = false
    public init() {}
  }

  public init() {}
}

extension PodState {
  public var value: Value {
    var v: [(String, Value)] = [("boot", .string(boot))]
    if let s = sandbox {
      v.append(
        ("sandbox", .object([
          ("pid", .int(Int64(s.process.pid))), ("startTime", .int(Int64(clamping: s.process.startTime))), ("attempt", .int(Int64(s.attempt))),
          ("podIPs", .strings(s.podIPs)), ("link", .string(s.link)), ("store", .array([.int(Int64(s.near)), .int(Int64(s.far))])),
        ])))
    }
    if let f = forwarder { v.append(("forwarder", .object([("pid", .int(Int64(f.pid))), ("startTime", .int(Int64(clamping: f.startTime)))]))) }
    v.append(("addresses", .strings(addresses)))
    v.append(("containers", .array(containers.map(\.value))))
    return .object(v)
  }

  /// nil for anything that was not written by value.
  public init?(_ v: Value) {
    guard let boot = v["boot"]?.string, let list = v["containers"]?.array else { return nil }
    self.boot = boot
    addresses = (v["addresses"]?.array ?? []).compactMap(\.string)
    forwarder = v["forwarder"].flatMap(Self.process)
    if let s = v["sandbox"] {
      guard let p = Self.process(s), let attempt = s["attempt"]?.int, let link = s["link"]?.string, let near = s["store"]?[0]?.int,
        let far = s["store"]?[1]?.int
      else { return nil }
      var box = Sandbox(process: p, attempt: Int(attempt), podIPs: (s["podIPs"]?.array ?? []).compactMap(\.string), link: link)
      (box.near, box.far) = (Int32(clamping: near), Int32(clamping: far))
      sandbox = box
    }
    for entry in list {
      guard let c = Container(entry) else { return nil }
      containers.append(c)
    }
  }

  fileprivate static func process(_ v: Value) -> ProcessIdentity? {
    guard let pid = v["pid"]?.int, let start = v["startTime"]?.int, pid > 0, start >= 0 else { return nil }
    return ProcessIdentity(pid: Int32(clamping: pid), startTime: UInt64(start))
  }

  public enum Reading: Sendable {
    case absent
    case state(PodState)
    /// It is there and cannot be used; why.
    case damaged(String)
  }

  /// What the file says.
  public static func read(_ path: String) -> Reading {
    let bytes: [UInt8]
    do throws(SysError) { bytes = try FileSystem.read(path) } catch { return error.errno == 2 ? .absent : .damaged("\(error)") }
    do throws(JSON.Malformed) {
      guard let state = PodState(try JSON.parse(bytes)) else { return .damaged("\(path): not what podd writes") }
      return .state(state)
    } catch {
      return .damaged("\(path): \(error)")
    }
  }

  /// Replaces the file. Not synced: what it tells of does not outlive a boot.
  public func write(_ path: String) throws(SysError) {
    try FileSystem.writeAtomically(path, JSON.compactBytes(value), mode: 0o600)
  }
}

extension PodState.Container {
  fileprivate var value: Value {
    var m: [(String, Value)] = [("name", .string(name)), ("id", .string(id)), ("restart", .int(restart))]
    if let p = process {
      m.append(("pid", .int(Int64(p.pid))))
      m.append(("startTime", .int(Int64(clamping: p.startTime))))
    }
    m.append(("exec", .object([
      ("environment", .strings(exec.environment)), ("workingFolder", .string(exec.workingFolder)), ("user", .int(Int64(exec.identity.user))),
      ("group", .int(Int64(exec.identity.group))), ("supplementary", .array(exec.identity.supplementary.map { .int(Int64($0)) })),
      ("capabilities", .int(Int64(bitPattern: exec.capabilities.rawValue))), ("privileged", .bool(exec.isPrivileged)),
      ("noNewPrivileges", .bool(exec.noNewPrivileges)), ("tty", .bool(exec.tty)), ("cgroup", .string(exec.cgroup)),
      ("seccomp", .string(exec.seccomp)), ("userNamespace", .bool(exec.hasUserNamespace)), ("ignoresUserChanges", .bool(exec.ignoresUserChanges)),
      ("oomKills", .int(exec.oomKills)), ("tasks", .strings(exec.tasks)), ("procs", exec.procs.map { .string($0) } ?? .null),
      ("cgroupNamespace", .bool(exec.hasCgroupNamespace)),
    ])))
    return .object(m)
  }

  fileprivate init?(_ v: Value) {
    guard let name = v["name"]?.string, let id = v["id"]?.string, let restart = v["restart"]?.int else { return nil }
    self.init(name: name, id: id, restart: restart)
    process = PodState.process(v)
    guard let e = v["exec"] else { return }
    exec.environment = (e["environment"]?.array ?? []).compactMap(\.string)
    exec.workingFolder = e["workingFolder"]?.string ?? "/"
    exec.identity.user = UInt32(clamping: e["user"]?.int ?? 0)
    exec.identity.group = UInt32(clamping: e["group"]?.int ?? 0)
    exec.identity.supplementary = (e["supplementary"]?.array ?? []).compactMap { $0.int.map { UInt32(clamping: $0) } }
    exec.capabilities = CapabilitySet(rawValue: UInt64(bitPattern: e["capabilities"]?.int ?? 0))
    exec.isPrivileged = e["privileged"]?.bool ?? false
    exec.noNewPrivileges = e["noNewPrivileges"]?.bool ?? false
    exec.seccomp = e["seccomp"]?.string ?? ""
    exec.oomKills = e["oomKills"]?.int ?? 0
    exec.hasUserNamespace = e["userNamespace"]?.bool ?? false
    exec.ignoresUserChanges = e["ignoresUserChanges"]?.bool ?? false
    exec.tty = e["tty"]?.bool ?? false
    exec.cgroup = e["cgroup"]?.string ?? ""
    exec.tasks = (e["tasks"]?.array ?? []).compactMap(\.string)
    exec.procs = e["procs"]?.string
    exec.hasCgroupNamespace = e["cgroupNamespace"]?.bool ?? false
  }
}
