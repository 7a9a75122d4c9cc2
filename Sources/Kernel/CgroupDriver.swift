// SPDX-License-Identifier: Apache-2.0
//
// Control groups behind one protocol: v1 (one hierarchy a controller), v2 (one for all), hybrid (v1 with a bare v2 beside it, which has none of
// our controllers). What is mounted where comes from mountinfo. cgroups(7), cgroup-v2.rst.
import CLinux
import Glibc

/// Limits of one group; nil leaves the kernel's default.
public struct CgroupLimits: Sendable, Equatable {
  /// Millionths of a second of CPU time in each `cpuPeriod`; below 0: no limit, in place of one that was set.
  public var cpuQuota: Int64?
  /// Microseconds; Kubernetes uses 100000.
  public var cpuPeriod: Int64 = 100_000
  /// v1's shares, 2…262144; v2 gets the weight that kubelet computes from it.
  public var cpuShares: Int64?
  /// Bytes.
  public var memory: Int64?
  public var processes: Int64?
  /// v2: when memory runs out all of the group is killed, not one process (memory.oom.group).
  public var killsTogether = false
  /// v2: the group's members may use no device but those that every container has. v1: `entry`.
  public var restrictsDevices = false
  public init() {}
  public var isEmpty: Bool { cpuQuota == nil && cpuShares == nil && memory == nil && processes == nil }
}

/// How a child of ours gets into a group.
public struct CgroupEntry: Sendable, Equatable {
  /// v1: each hierarchy's `tasks` file, to which the single-threaded child writes 0 (no global lock, unlike cgroup.procs).
  public var tasks: [String] = []
  /// v2: the folder, for CLONE_INTO_CGROUP.
  public var folder: String?
  /// v2, for a process that is made in two phases: the file that takes 0.
  public var procs: String?
  public init() {}
}

/// What a member of a group sees of it at /sys/fs/cgroup.
public enum CgroupView: Sendable, Equatable {
  case none
  /// v1: the group's folder of each hierarchy, under the hierarchy's usual name, and the names of single controllers that lead there.
  case folders([Folder])
  /// v2: a cgroup namespace whose root the group is.
  case namespace

  public struct Folder: Sendable, Equatable {
    public var name: String
    public var source: String
    public var links: [String]
    public init(name: String, source: String, links: [String] = []) { (self.name, self.source, self.links) = (name, source, links) }
  }
}

public protocol CgroupDriver: Sendable {
  /// v1, v2, none.
  var version: String { get }
  /// Why there are no limits here; nil where there are.
  var lack: String? { get }
  /// Makes a group (and those above it). Path relative to where ours begin, as podlab-x/uid/container.
  func create(_ path: String, limits: CgroupLimits) throws(SysError)
  /// isRestricted: may use no device but those that every container has.
  func entry(_ path: String, isRestricted: Bool) -> CgroupEntry
  /// For a process that is in the group.
  func view(_ path: String) -> CgroupView
  func setLimits(_ path: String, _ limits: CgroupLimits) throws(SysError)
  /// Processes in the group itself.
  func processes(_ path: String) -> [Int32]
  /// How often the OOM killer struck in it, by the kernel's counter.
  func oomKills(_ path: String) -> Int64
  /// Removes the group and those below it; what still runs in them is killed. A group that is not there is no error.
  func remove(_ path: String) throws(SysError)
  /// What has been used; nil where nobody counts.
  func usage(_ path: String) -> CgroupUsage?
  /// Names of the groups below.
  func children(_ path: String) -> [String]
}

extension CgroupDriver {
  public func entry(_ path: String) -> CgroupEntry { entry(path, isRestricted: false) }
}

public enum Cgroups {
  /// What this process may use, found by looking at mountinfo and trying. prefix: stands before every path (tests: a fake tree).
  public static func discover() -> any CgroupDriver {
    guard let text = Proc.text("/proc/self/mountinfo") else { return NoCgroups(lack: "/proc/self/mountinfo cannot be read") }
    return choose(MountInfo.parse(text, typePrefix: "cgroup"), own: Proc.cgroups(getpid()))
  }

  /// The choice, from what is mounted and where this process is.
  static func choose(_ mounts: [MountInfo], own: [(controllers: String, path: String)]) -> any CgroupDriver {
    var v1: [String: String] = [:]
    var v2: String?
    for m in mounts {
      if m.type == "cgroup" {
        for c in ["cpu", "memory", "pids", "devices"] where m.superOptions.contains(c) && v1[c] == nil { v1[c] = m.mountPoint }
      } else if m.type == "cgroup2", v2 == nil {
        v2 = m.mountPoint
      }
    }
    if !v1.isEmpty {
      // Without it containers may use any device that they can make: mknod still needs a capability.
      if let d = v1["devices"], access(d, W_OK) != 0 { v1["devices"] = nil }
      let roots = Set(v1.values).sorted()
      if let bad = roots.first(where: { access($0, W_OK) != 0 }) {
        return NoCgroups(lack: "\(bad) cannot be written: limits need root, or a delegated cgroup (cgroups(7))")
      }
      return CgroupV1(roots: v1)
    }
    guard let v2 else { return NoCgroups(lack: "no cgroup file system is mounted") }
    let here = own.first { $0.controllers.isEmpty }?.path ?? "/"
    // Root may start at the top; anybody else in the own group, if it is delegated.
    for base in [v2, v2 + (here == "/" ? "" : here)] where access(base, W_OK) == 0 && access(base + "/cgroup.procs", W_OK) == 0 {
      let text = Proc.text(base + "/cgroup.controllers") ?? ""
      let has = text.split { $0 == " " || $0 == "\n" }.map(String.init)
      if has.contains("memory") || has.contains("pids") { return CgroupV2(root: base) }
    }
    return NoCgroups(lack: "\(v2) cannot be written, or lacks the memory and pids controllers: limits need root, or a delegated cgroup (Delegate=yes)")
  }
}

/// No limits; everything else works.
public struct NoCgroups: CgroupDriver {
  public let version = "none"
  public let lack: String?
  public init(lack: String) { self.lack = lack }
  public func create(_ path: String, limits: CgroupLimits) {}
  public func entry(_ path: String, isRestricted: Bool) -> CgroupEntry { CgroupEntry() }
  public func view(_ path: String) -> CgroupView { .none }
  public func setLimits(_ path: String, _ limits: CgroupLimits) {}
  public func processes(_ path: String) -> [Int32] { [] }
  public func oomKills(_ path: String) -> Int64 { 0 }
  public func remove(_ path: String) {}
  public func children(_ path: String) -> [String] { [] }
}

/// What both versions do with a folder.
enum CgroupFolder {
  static func make(_ base: String, _ path: String) throws(SysError) {
    if mkdir(base + "/" + path, 0o755) == 0 || errno == EEXIST { return }
    let code = errno
    guard code == ENOENT, let slash = path.lastIndex(of: "/") else { throw SysError(call: "mkdir", object: base + "/" + path, errno: code) }
    try make(base, String(path[..<slash]))
    if mkdir(base + "/" + path, 0o755) != 0 && errno != EEXIST { throw SysError(call: "mkdir", object: base + "/" + path, errno: errno) }
  }

  static func numbers(_ file: String) -> [Int32] { (Proc.text(file) ?? "").split(separator: "\n").compactMap { Int32($0) } }

  /// Bottom up. What runs in it is killed; rmdir succeeds once the kernel has let go of the last task, which is waited for a little.
  static func remove(_ path: String) throws(SysError) {
    if rmdir(path) == 0 || errno == ENOENT { return }
    for sub in FileSystem.folders(path) { try remove(path + "/" + sub) }
    for attempt in 0..<400 {
      if rmdir(path) == 0 || errno == ENOENT { return }
      guard errno == EBUSY else { break }
      if attempt % 50 == 0 {
        for pid in numbers(path + "/cgroup.procs") where pid > 1 { _ = kill(pid, SIGKILL) }
      }
      usleep(500)
    }
    throw SysError(call: "rmdir", object: path, errno: errno, hint: "processes are still in it: \(numbers(path + "/cgroup.procs"))")
  }
}
