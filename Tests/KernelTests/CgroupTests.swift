// SPDX-License-Identifier: Apache-2.0
//
// Control groups of both versions on trees of ordinary files: what is written where, and what a container is shown of it.
import Glibc
import Kernel
import Testing

@Suite struct ControlGroups {
  private let scratch: Scratch
  init() throws { scratch = try Scratch() }

  private func tree(_ files: [String]) throws {
    for f in files {
      try FileSystem.makeFolders(scratch(String(f[..<(f.lastIndex(of: "/") ?? f.startIndex)])))
      try FileSystem.write(scratch(f), "")
    }
  }
  private func text(_ file: String) throws -> String { try FileSystem.readText(scratch(file)) }

  private var limits: CgroupLimits {
    var l = CgroupLimits()
    (l.cpuQuota, l.cpuShares, l.memory, l.processes, l.killsTogether) = (50_000, 102, 64 << 20, 100, true)
    return l
  }

  @Test func ofVersion1HaveAFolderInEachHierarchy() throws {
    let at = "podlab-x/uid/c"
    try tree([
      "cpu,cpuacct/\(at)/cpu.shares", "cpu,cpuacct/\(at)/cpu.cfs_period_us", "cpu,cpuacct/\(at)/cpu.cfs_quota_us", "memory/\(at)/memory.limit_in_bytes",
      "memory/\(at)/memory.memsw.limit_in_bytes", "pids/\(at)/pids.max", "devices/podlab-x/tasks",
    ])
    let driver = CgroupV1(
      roots: ["cpu": scratch("cpu,cpuacct"), "memory": scratch("memory"), "pids": scratch("pids"), "devices": scratch("devices")])
    try driver.create(at, limits: limits)
    #expect(try text("cpu,cpuacct/\(at)/cpu.cfs_quota_us") == "50000" && text("cpu,cpuacct/\(at)/cpu.cfs_period_us") == "100000")
    #expect(try text("cpu,cpuacct/\(at)/cpu.shares") == "102")
    #expect(try text("memory/\(at)/memory.limit_in_bytes") == "67108864" && text("memory/\(at)/memory.memsw.limit_in_bytes") == "67108864")
    #expect(try text("pids/\(at)/pids.max") == "100")
    let own = ["cpu,cpuacct", "memory", "pids"].map { scratch("\($0)/\(at)/tasks") }
    #expect(driver.entry(at).tasks == own)
    // The device controller has one group for all restricted containers of an instance.
    #expect(driver.entry(at, isRestricted: true).tasks == own + [scratch("devices/podlab-x/tasks")])
    #expect(
      driver.view(at)
        == .folders([
          .init(name: "cpu,cpuacct", source: scratch("cpu,cpuacct/\(at)"), links: ["cpu", "cpuacct"]),
          .init(name: "memory", source: scratch("memory/\(at)")), .init(name: "pids", source: scratch("pids/\(at)")),
        ]))
  }

  @Test func ofVersion1CountWhatTheOOMKillerDid() throws {
    try tree(["memory/g/memory.oom_control"])
    try FileSystem.write(scratch("memory/g/memory.oom_control"), "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
    let driver = CgroupV1(roots: ["memory": scratch("memory")])
    #expect(driver.oomKills("g") == 3 && driver.oomKills("absent") == 0)
  }

  @Test func ofVersion2HandControllersDown() throws {
    let at = "podlab-x/uid/c"
    let files = ["cpu.weight", "cpu.max", "memory.max", "memory.swap.max", "memory.oom.group", "pids.max"].map { "\(at)/\($0)" }
    try tree(files + ["cgroup.subtree_control", "podlab-x/cgroup.subtree_control", "podlab-x/uid/cgroup.subtree_control", "\(at)/memory.events"])
    let driver = CgroupV2(root: scratch.path)
    try driver.create(at, limits: limits)
    #expect(try text("\(at)/cpu.max") == "50000 100000" && text("\(at)/memory.max") == "67108864" && text("\(at)/memory.swap.max") == "0")
    #expect(try text("\(at)/memory.oom.group") == "1" && text("\(at)/pids.max") == "100")
    // KEP-2254: 102 shares.
    #expect(try text("\(at)/cpu.weight") == "4")
    #expect(try text("podlab-x/uid/cgroup.subtree_control").hasPrefix("+"))
    #expect(try text("\(at)/memory.events").isEmpty)
    #expect(driver.view(at) == .namespace && driver.entry(at).folder == scratch(at))
    try FileSystem.write(scratch("\(at)/memory.events"), "low 0\nmax 9\noom 1\noom_kill 2\noom_group_kill 0\n")
    #expect(driver.oomKills(at) == 2)
  }

  @Test func withoutControllersNothingIsLimitedAndItIsSaid() throws {
    let none = NoCgroups(lack: "no cgroup file system is mounted")
    #expect(none.lack != nil && none.view("a/b") == .none && none.entry("a/b") == CgroupEntry())
  }

  @Test func devicesThatEveryContainerMayUse() {
    let rules = DeviceRules.allowed.map(\.text)
    #expect(rules.contains("c 1:3 rwm") && rules.contains("c 136:* rwm") && rules.contains("b *:* m") && !rules.contains { $0.hasPrefix("b") && $0.contains("r") })
  }
}

@Suite struct RootDeviceRules {
  /// On the v2 hierarchy of this machine, which also a hybrid one has.
  @Test func holdForTheGroupsMembersOnVersion2() throws {
    try needRoot("a cgroup of its own")
    let mounts = try MountInfo.of()
    let root = try #require(mounts.first { $0.type == "cgroup2" }?.mountPoint, "MISSING: a mounted cgroup2")
    let driver = CgroupV2(root: root)
    var limits = CgroupLimits()
    limits.restrictsDevices = true
    let path = "podlab-test-\(getpid())/devices"
    try driver.create(path, limits: limits)
    defer { _ = optional { () throws(SysError) in try driver.remove("podlab-test-\(getpid())") } }
    let script = "mknod $0/mem c 1 1; mknod $0/null c 1 3; head -c 1 $0/mem >$0/null 2>&1 && echo mem; echo x >$0/null && echo null"
    let scratch = try Scratch()
    let group = try FileDescriptor.open(root + "/" + path, O_RDONLY | O_DIRECTORY)
    var plan = SpawnPlan(.paths(["/bin/busybox"]), ["busybox", "sh", "-c", script, scratch.path], environment: ["PATH=/bin:/usr/bin"])
    let out = try FileDescriptor.pipe()
    plan.cgroup = group.raw
    plan.steps = [.init(.duplicate(from: out.write.raw, to: 1)), .init(.closeFrom(3, atExec: true))]
    let child = try plan.spawn()
    let (read, write) = out.ends()
    _ = close(write)
    let said = String(decoding: try FileSystem.read(read, "output"), as: UTF8.self)
    _ = close(read)
    _ = try child.wait()
    #expect(said == "null\n")
  }

  /// What a container on version 2 is shown: its own group as the whole tree.
  @Test func aCgroupNamespaceHasTheGroupAsItsRoot() throws {
    try needRoot("a cgroup of its own")
    let mounts = try MountInfo.of()
    let root = try #require(mounts.first { $0.type == "cgroup2" }?.mountPoint, "MISSING: a mounted cgroup2")
    let driver = CgroupV2(root: root)
    let path = "podlab-test-\(getpid())-view/own"
    try driver.create(path, limits: CgroupLimits())
    defer { _ = optional { () throws(SysError) in try driver.remove("podlab-test-\(getpid())-view") } }
    let scratch = try Scratch()
    let group = try FileDescriptor.open(root + "/" + path, O_RDONLY | O_DIRECTORY)
    let out = try FileDescriptor.pipe()
    var plan = SpawnPlan(
      .paths(["/bin/busybox"]), ["busybox", "sh", "-c", "grep ^0:: /proc/self/cgroup; grep -c . $0/cgroup.procs; mkdir $0/x 2>/dev/null || echo ro", scratch.path],
      environment: ["PATH=/bin:/usr/bin"])
    plan.cgroup = group.raw
    plan.steps = [
      .init(.unshare([.mount, .cgroup])), .init(.propagation("/", flags: UInt(MS_REC | MS_PRIVATE))),
      .init(.mount(source: "cgroup", target: scratch.path, type: "cgroup2", flags: UInt(MS_RDONLY), options: ""), for: "mounting the group"),
      .init(.duplicate(from: out.write.raw, to: 1)), .init(.closeFrom(3, atExec: true)),
    ]
    let child = try plan.spawn()
    let (read, write) = out.ends()
    _ = close(write)
    let said = String(decoding: try FileSystem.read(read, "output"), as: UTF8.self).split(separator: "\n").map(String.init)
    _ = close(read)
    _ = try child.wait()
    #expect(said.first == "0::/" && said.last == "ro" && (Int(said.dropFirst().first ?? "") ?? 0) >= 1)
  }
}
