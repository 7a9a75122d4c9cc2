// SPDX-License-Identifier: Apache-2.0
//
// The two versions of control groups. cgroup-v1/*.rst, cgroup-v2.rst.

import CLinux
import Glibc

/// v1: each controller has a hierarchy of its own.
public struct CgroupV1: CgroupDriver {
  public let version = "v1"
  public let lack: String? = nil
  /// Controller → where its hierarchy is mounted. Two controllers may share one.
  let roots: [String: String]
  private let bases: [String]

  /// Where the device controller's hierarchy is. It has one group for all restricted containers of an instance, since their rules are the same: a
  /// group for each would cost the start of every container a folder and a dozen rules.
  private let devices: String?

  public init(roots: [String: String]) {
    self.roots = roots
    devices = roots["devices"]
    bases = Set(roots.filter { $0.key != "devices" }.values).sorted()
  }

  public func create(_ path: String, limits: CgroupLimits) throws(SysError) {
    for b in bases { try CgroupFolder.make(b, path) }
    if let devices, path.contains("/") { try restrict(devices + "/" + CgroupPath.top(path)) }
    try setLimits(path, limits)
  }

  /// Made once an instance: everything is forbidden, then what every container has is allowed (DeviceRules).
  private func restrict(_ folder: String) throws(SysError) {
    if mkdir(folder, 0o755) != 0 {
      if errno == EEXIST { return }
      throw SysError(call: "mkdir", object: folder, errno: errno)
    }
    do throws(SysError) {
      try FileSystem.put(folder + "/devices.deny", "a")
      for rule in DeviceRules.allowed { try FileSystem.put(folder + "/devices.allow", rule.text) }
    } catch {
      _ = rmdir(folder)
      throw error
    }
  }

  public func entry(_ path: String, isRestricted: Bool) -> CgroupEntry {
    var e = CgroupEntry()
    e.tasks = bases.map { "\($0)/\(path)/tasks" }
    if isRestricted, let devices { e.tasks.append("\(devices)/\(CgroupPath.top(path))/tasks") }
    return e
  }

  public func view(_ path: String) -> CgroupView {
    .folders(
      bases.map { base in
        let name = String(base[(base.lastIndex(of: "/").map(base.index(after:)) ?? base.startIndex)...])
        let links = name.split(separator: ",").map(String.init)
        return CgroupView.Folder(name: name, source: "\(base)/\(path)", links: links.count > 1 ? links : [])
      })
  }

  public func setLimits(_ path: String, _ limits: CgroupLimits) throws(SysError) {
    if let cpu = roots["cpu"] {
      if let shares = limits.cpuShares { try FileSystem.put("\(cpu)/\(path)/cpu.shares", "\(shares)") }
      if let quota = limits.cpuQuota {
        try FileSystem.put("\(cpu)/\(path)/cpu.cfs_period_us", "\(limits.cpuPeriod)")
        try FileSystem.put("\(cpu)/\(path)/cpu.cfs_quota_us", "\(quota)")
      }
    }
    if let memory = roots["memory"], let bytes = limits.memory {
      let file = "\(memory)/\(path)/memory.limit_in_bytes"
      // No swap on top of it, where swap is accounted. Neither may ever be past the other: which one goes first depends on the way.
      let both = "\(memory)/\(path)/memory.memsw.limit_in_bytes"
      let rest = { if FileSystem.exists(both) { _ = optional { () throws(SysError) in try FileSystem.put(both, "\(bytes)") } } }
      do throws(SysError) { try FileSystem.put(file, "\(bytes)") } catch where error.errno == EINVAL {
        rest()
        try FileSystem.put(file, "\(bytes)")
      }
      rest()
    }
    if let pids = roots["pids"], let n = limits.processes { try FileSystem.put("\(pids)/\(path)/pids.max", "\(n)") }
  }

  public func processes(_ path: String) -> [Int32] { bases.first.map { CgroupFolder.numbers("\($0)/\(path)/cgroup.procs") } ?? [] }

  public func oomKills(_ path: String) -> Int64 {
    guard let memory = roots["memory"] else { return 0 }
    return keyed("\(memory)/\(path)/memory.oom_control", "oom_kill")
  }

  public func remove(_ path: String) throws(SysError) {
    for b in bases { try CgroupFolder.remove("\(b)/\(path)") }
    if let devices, CgroupPath.top(path) == path { try CgroupFolder.remove("\(devices)/\(path)") }
  }
  public func children(_ path: String) -> [String] { Set(bases.flatMap { FileSystem.folders("\($0)/\(path)") }).sorted() }
}

/// v2: one hierarchy. Controllers are handed down folder by folder.
public struct CgroupV2: CgroupDriver {
  public let version = "v2"
  public let lack: String? = nil
  let root: String

  public init(root: String) { self.root = root }

  public func create(_ path: String, limits: CgroupLimits) throws(SysError) {
    var at = root
    let isNew = limits.restrictsDevices && !FileSystem.exists("\(root)/\(path)")
    for part in path.split(separator: "/") {
      enable(at)
      at += "/" + part
      try CgroupFolder.make(root, String(at.dropFirst(root.utf8.count + 1)))
    }
    if isNew { try DeviceFilter.attach(to: at) }
    try setLimits(path, limits)
  }

  /// Each alone: one that is missing must not keep the others away.
  private func enable(_ folder: String) {
    let file = folder + "/cgroup.subtree_control"
    let on = (Proc.text(file) ?? "").split { $0 == " " || $0 == "\n" }
    for c in ["cpu", "memory", "pids"] where !on.contains(Substring(c)) { _ = optional { () throws(SysError) in try FileSystem.put(file, "+\(c)") } }
  }

  public func entry(_ path: String, isRestricted: Bool) -> CgroupEntry {
    var e = CgroupEntry()
    e.folder = "\(root)/\(path)"
    e.procs = "\(root)/\(path)/cgroup.procs"
    return e
  }

  public func view(_ path: String) -> CgroupView { .namespace }

  public func setLimits(_ path: String, _ limits: CgroupLimits) throws(SysError) {
    let at = "\(root)/\(path)"
    // kubelet's conversion of shares to weight (KEP-2254): 2…262144 → 1…10000
    if let shares = limits.cpuShares { try put("\(at)/cpu.weight", "\(1 + (max(2, min(shares, 262_144)) - 2) * 9999 / 262_142)") }
    if let quota = limits.cpuQuota { try put("\(at)/cpu.max", "\(quota < 0 ? "max" : "\(quota)") \(limits.cpuPeriod)") }
    if let bytes = limits.memory {
      try put("\(at)/memory.max", "\(bytes)")
      if FileSystem.exists("\(at)/memory.swap.max") { try put("\(at)/memory.swap.max", "0") }
    }
    if limits.killsTogether, FileSystem.exists("\(at)/memory.oom.group") { try put("\(at)/memory.oom.group", "1") }
    if let n = limits.processes { try put("\(at)/pids.max", "\(n)") }
  }

  private func put(_ file: String, _ text: String) throws(SysError) {
    do throws(SysError) { try FileSystem.put(file, text) } catch {
      throw error.during("setting a limit", hint: "the controller is not handed down to this cgroup (cgroup.subtree_control)")
    }
  }

  public func processes(_ path: String) -> [Int32] { CgroupFolder.numbers("\(root)/\(path)/cgroup.procs") }
  public func oomKills(_ path: String) -> Int64 { keyed("\(root)/\(path)/memory.events", "oom_kill") }
  public func remove(_ path: String) throws(SysError) {
    _ = optional { () throws(SysError) in try FileSystem.put("\(root)/\(path)/cgroup.kill", "1") }
    try CgroupFolder.remove("\(root)/\(path)")
  }
  public func children(_ path: String) -> [String] { FileSystem.folders("\(root)/\(path)") }
}

/// The number behind a key in a file of "key number" lines.
private func keyed(_ file: String, _ key: String) -> Int64 {
  for line in (Proc.text(file) ?? "").split(separator: "\n") {
    let p = line.split(separator: " ")
    if p.count == 2, p[0] == key { return Int64(p[1]) ?? 0 }
  }
  return 0
}
