// SPDX-License-Identifier: Apache-2.0
//
// A container as a spawn plan, in the order in which a container comes to be: enter the sandbox's namespaces, get a mount namespace and a root of
// its own, change into it, fill it, give up rights, run the program. pivot_root(2), overlayfs.rst, capabilities(7).
import Glibc
import Kernel

extension ContainerSpec {
  /// null, zero, full, random, urandom, tty.
  private static let standard: [Device] = [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)].map {
    Device(name: $0.0, mode: UInt32(S_IFCHR) | 0o666, number: UInt64($0.1) << 8 | UInt64($0.2))
  }
  private static let quiet = UInt(MS_NOSUID | MS_NODEV | MS_NOEXEC)

  /// The plan of the container's first process. sandbox: pidfd of infra. mapped: its files, with a user namespace of its own.
  func plan(sandbox: Int32, host: Host, mapped: MappedMounts? = nil) -> SpawnPlan {
    var p = SpawnPlan(.paths(ProgramSearch.candidates(arguments.first ?? "", environment: environment)), arguments, environment: environment)
    // The machine's own may not be joined from a user namespace, and need not be: we are in it.
    var shared: Namespaces = host.isUserNamespace && sharesHostIPC ? .mount : [.mount, .ipc]
    if !sharesHostNetwork { shared.formUnion([.network, .uts]) }
    switch processes {
    case .own: p.namespaces = [.pid]
    case .sandbox: p.joins = [(sandbox, [.pid])]
    case .of(let process): p.joins = [(process, [.pid])]
    case .host: break
    }
    // First, in the intermediate process: all that is made after it belongs to the user namespace.
    if mapped != nil { p.joins.insert((sandbox, [.user]), at: 0) }
    var s: [SpawnStep] = cgroup.tasks.map { .init(.write($0, Array("0".utf8), flags: 0), for: "entering the container's cgroup") }
    if processes.isJoined, let file = cgroup.procs { s.append(.init(.write(file, Array("0".utf8), flags: 0), for: "entering the container's cgroup")) }
    if let n = oomScoreAdjust { s.append(.init(.oomScoreAdjust(n), for: "setting oom_score_adj")) }
    s.append(.init(.setns(fd: sandbox, shared), for: "joining the infra container's namespaces"))
    s.append(.init(.unshare(cgroupView == .namespace ? [.mount, .cgroup] : .mount), for: "giving the container mounts of its own"))
    let carried = Carried(self, host, mapped)
    s += rootSteps(host, carried, mapped) + fillSteps(host, carried)
    s += Self.rightsSteps(identity: identity, capabilities: isPrivileged ? host.capabilities : capabilities.intersection(host.capabilities),
      noNewPrivileges: noNewPrivileges, seccomp: seccomp, ignoresUserChanges: ignoresUserChanges, streams: streams)
    p.steps = s
    return p
  }

  /// Up to the point where the container's root is /.
  private func rootSteps(_ host: Host, _ carried: Carried, _ mapped: MappedMounts?) -> [SpawnStep] {
    var s = carried.taking
    let inUserNamespace = host.isUserNamespace || mapped != nil
    let rootPurpose = "mounting the container's root file system"
    if let mapped {
      // What the layers' files are mounted on must be the namespace's own; and overlay works with the rights of who mounts it, so first become
      // root in there. From then on nothing above the working directory can be looked up.
      s.append(
        .init(.mount(source: "tmpfs", target: root.mountPoint, type: "tmpfs", flags: UInt(MS_NOSUID), options: "mode=755,uid=0,gid=0"), for: rootPurpose))
      s.append(.init(.changeFolder(root.mountPoint)))
      s += [
        .init(.groups([]), for: "becoming root of the pod's user namespace"), .init(.group(0), for: "becoming root of the pod's user namespace"),
        .init(.user(0), for: "becoming root of the pod's user namespace"),
      ]
      for (folder, fd) in mapped.parts { s += [.init(.makeFolder(folder, mode: 0o755, mayExist: false)), .init(.moveMount(fd: fd, to: folder), for: rootPurpose)] }
      for image in carried.stacks { s += MappedMounts.stack(mounts[image.mount], image.mount, as: image.fd) }
      s.append(.init(.makeFolder("root", mode: 0o755, mayExist: false)))
      s.append(.init(.mount(source: "overlay", target: "root", type: "overlay", flags: 0, options: mapped.root.options(userNamespace: true)), for: rootPurpose))
      s.append(.init(.changeFolder("root")))
    } else {
      s.append(
        .init(
          .mount(source: "overlay", target: root.mountPoint, type: "overlay", flags: 0, options: root.options(userNamespace: inUserNamespace)),
          for: rootPurpose))
      s.append(.init(.changeFolder(root.mountPoint)))
    }
    s.append(.init(.makeFolder("proc", mode: 0o555, mayExist: true), for: "making /proc"))
    // A new proc must be mounted while the old one is still visible: a user namespace may mount it only where a whole one is.
    if inUserNamespace && processes == .host {
      // The machine's process namespace belongs to another user namespace: its proc cannot be mounted anew, but be had as it is.
      s.append(.init(.bind(source: "/proc", target: "proc", recursive: true), for: "mounting /proc"))
    } else {
      s.append(.init(.mount(source: "proc", target: "proc", type: "proc", flags: Self.quiet, options: ""), for: "mounting /proc"))
    }
    s.append(.init(.makeFolder("sys", mode: 0o555, mayExist: true), for: "making /sys"))
    if let fd = carried.system {
      s.append(.init(.moveMount(fd: fd, to: "sys"), for: "mounting /sys"))
    } else {
      let flags = Self.quiet | (isPrivileged ? 0 : UInt(MS_RDONLY))
      s.append(.init(.mount(source: "sysfs", target: "sys", type: "sysfs", flags: flags, options: ""), for: "mounting /sys"))
    }
    s += cgroupSteps(carried)
    s.append(.init(.pivotRoot(new: ".", old: "."), for: "changing into the container's root"))
    s.append(.init(.unmount(".", flags: 2), for: "letting go of the host's root"))
    s.append(.init(.changeFolder("/")))
    return s
  }

  /// /sys/fs/cgroup: the container's own group.
  private func cgroupSteps(_ carried: Carried) -> [SpawnStep] {
    let purpose = "mounting /sys/fs/cgroup"
    let top = "sys/fs/cgroup"
    switch cgroupView {
    case .none: return []
    case .namespace:
      let flags = Self.quiet | (isPrivileged ? 0 : UInt(MS_RDONLY))
      return [.init(.mount(source: "cgroup", target: top, type: "cgroup2", flags: flags, options: ""), for: purpose)]
    case .folders(let folders):
      var s: [SpawnStep] = [.init(.mount(source: "tmpfs", target: top, type: "tmpfs", flags: Self.quiet, options: "mode=755,size=0k"), for: purpose)]
      for (folder, fd) in zip(folders, carried.groups) {
        s.append(.init(.makeFolder("\(top)/\(folder.name)", mode: 0o755, mayExist: false), for: purpose))
        s.append(.init(.moveMount(fd: fd, to: "\(top)/\(folder.name)"), for: purpose))
        for link in folder.links { s.append(.init(.symlink(text: folder.name, at: "\(top)/\(link)"), for: purpose)) }
      }
      if !isPrivileged { s.append(.init(.mountAttributes(top, set: 1, clear: 0, recursive: true, propagation: 0), for: purpose)) }
      return s
    }
  }

  /// /dev, volumes, what is hidden.
  private func fillSteps(_ host: Host, _ carried: Carried) -> [SpawnStep] {
    var s: [SpawnStep] = [
      .init(.umask(0)),
      .init(.makeFolder("/dev", mode: 0o755, mayExist: true), for: "making /dev"),
      .init(.mount(source: "tmpfs", target: "/dev", type: "tmpfs", flags: UInt(MS_NOSUID), options: "mode=755,size=65536k"), for: "mounting /dev"),
    ]
    for (i, d) in allDevices.enumerated() {
      let purpose = "making /dev/\(d.name)"
      if let slash = d.name.lastIndex(of: "/") { s.append(.init(.makeFolders("/dev/\(d.name[..<slash])", mode: 0o755), for: purpose)) }
      if let fd = carried.devices.isEmpty ? nil : carried.devices[i] {
        s.append(.init(.touch("/dev/\(d.name)", mode: 0o666), for: purpose))
        s.append(.init(.moveMount(fd: fd, to: "/dev/\(d.name)"), for: purpose, tolerating: i < Self.standard.count ? .none : .any))
      } else {
        s.append(.init(.makeNode("/dev/\(d.name)", mode: d.mode, device: d.number), for: purpose))
      }
    }
    for (text, at) in [
      ("pts/ptmx", "ptmx"), ("/proc/self/fd", "fd"), ("/proc/self/fd/0", "stdin"), ("/proc/self/fd/1", "stdout"), ("/proc/self/fd/2", "stderr"),
    ] {
      s.append(.init(.symlink(text: text, at: "/dev/\(at)"), for: "making /dev/\(at)"))
    }
    let tty = host.mapsTTYGroup ? ",gid=5" : ""
    s += [
      .init(.makeFolder("/dev/pts", mode: 0o755, mayExist: true)),
      .init(
        .mount(source: "devpts", target: "/dev/pts", type: "devpts", flags: UInt(MS_NOSUID | MS_NOEXEC), options: "newinstance,ptmxmode=0666,mode=0620\(tty)"),
        for: "mounting /dev/pts"),
      .init(.makeFolder("/dev/shm", mode: 0o1777, mayExist: true)),
      .init(.makeFolder("/dev/mqueue", mode: 0o1777, mayExist: true)),
      .init(.mount(source: "mqueue", target: "/dev/mqueue", type: "mqueue", flags: Self.quiet, options: ""), for: "mounting /dev/mqueue", tolerating: .any),
    ]
    if let fd = carried.sharedMemory { s.append(.init(.moveMount(fd: fd, to: "/dev/shm"), for: "mounting /dev/shm")) }
    s.append(.init(.umask(0o022)))
    for (m, fd) in zip(mounts, carried.mounts) { s += m.steps(fd: fd) }
    if root.isReadOnly {
      s.append(.init(.mountAttributes("/", set: 1, clear: 0, recursive: false, propagation: 0), for: "making the root file system read-only"))
    }
    if masksProc && !isPrivileged { s += Self.maskSteps }
    if workingFolder != "/" {
      s.append(.init(.makeFolders(workingFolder, mode: 0o755), for: "making the working directory \(workingFolder)", tolerating: root.isReadOnly ? .any : .none))
      s.append(.init(.changeFolder(workingFolder), for: "changing to the working directory \(workingFolder)"))
    }
    return s
  }

  /// What every container has, then the machine's for a privileged one.
  var allDevices: [Device] { Self.standard + devices.filter { d in !Self.standard.contains { $0.name == d.name } } }

  /// What container runtimes hide (containerd: oci.WithDefaultPathMasking); a path that this kernel lacks is passed over.
  private static let maskSteps: [SpawnStep] = {
    var s: [SpawnStep] = []
    for f in ["/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/interrupts"] {
      s.append(.init(.bind(source: "/dev/null", target: f, recursive: false), for: "hiding \(f)", tolerating: .absent))
    }
    for d in ["/proc/acpi", "/proc/asound", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap"] {
      s.append(.init(.mount(source: "tmpfs", target: d, type: "tmpfs", flags: UInt(MS_RDONLY), options: "size=0k"), for: "hiding \(d)", tolerating: .absent))
    }
    for d in ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"] {
      s.append(.init(.bind(source: d, target: d, recursive: true), for: "making \(d) read-only", tolerating: .absent))
      s.append(.init(.mountAttributes(d, set: 1, clear: 0, recursive: false, propagation: 0), for: "making \(d) read-only", tolerating: .absent))
    }
    return s
  }()

  /// From root of the container to the program's own identity. Shared with exec.
  static func rightsSteps(
    identity: ContainerIdentity, capabilities: CapabilitySet, noNewPrivileges: Bool, seccomp: SeccompFilter?, ignoresUserChanges: Bool, streams: Streams
  ) -> [SpawnStep] {
    var s: [SpawnStep] = [.init(.newSession)]
    switch streams {
    case .descriptors(let input, let output, let error):
      // Out of the way first: a stream's descriptor may itself be 0, 1 or 2.
      for (i, fd) in [input, output, error].enumerated() where fd >= 0 { s.append(.init(.duplicate(from: fd, to: 600 + Int32(i)))) }
      for (i, fd) in [input, output, error].enumerated() {
        if fd >= 0 {
          s.append(.init(.duplicate(from: 600 + Int32(i), to: Int32(i))))
        } else {
          s.append(.init(.open("/dev/null", flags: O_RDWR, as: Int32(i)), for: "opening /dev/null"))
        }
      }
    case .terminal(let socket, let rows, let columns):
      s.append(.init(.terminal(socket: socket, rows: rows, columns: columns), for: "making the container's terminal"))
    }
    s.append(.init(.closeFrom(3, atExec: true)))
    let root = identity.user == 0
    s.append(.init(.boundingSet(capabilities.rawValue), for: "bounding capabilities"))
    s.append(.init(.groups(identity.supplementary), for: "setting supplementary groups", tolerating: identity.supplementary.allSatisfy { $0 == identity.group } ? .any : .none))
    s.append(.init(.group(identity.group), for: "becoming group \(identity.group)"))
    if ignoresUserChanges {
      let f = IgnoredUserChanges.filter
      s.append(.init(.seccomp(f.program, flags: f.flags), for: "answering changes of the user"))
    }
    // Without no_new_privs a filter needs CAP_SYS_ADMIN: it must come before the capabilities go.
    let filter = seccomp.map { SpawnStep(.seccomp($0.program, flags: $0.flags), for: "installing the seccomp filter") }
    if let filter, !noNewPrivileges { s.append(filter) }
    if !root { s.append(.init(.keepCapabilities(false))) }
    s.append(.init(.user(identity.user), for: "becoming user \(identity.user)"))
    let own = root ? capabilities.rawValue : 0
    s.append(.init(.capabilities(effective: own, permitted: own, inheritable: 0), for: "setting capabilities"))
    if noNewPrivileges {
      s.append(.init(.noNewPrivileges))
      if let filter { s.append(filter) }
    }
    return s
  }
}

extension RootFileSystem {
  func options(userNamespace: Bool) -> String {
    Self.options(lower: layers, userNamespace: userNamespace) + ",upperdir=\(Self.escaped(upper)),workdir=\(Self.escaped(work))"
  }

  /// overlayfs' options for folders, topmost first, that are only to be read.
  public static func options(lower layers: [String], userNamespace: Bool) -> String {
    "lowerdir=\(layers.map(escaped).joined(separator: ":"))" + (userNamespace ? ",userxattr" : "")
  }

  private static func escaped(_ p: String) -> String { p.reduce(into: "") { out, c in out += c == ":" || c == "," || c == "\\" ? "\\\(c)" : "\(c)" } }
}

extension ContainerMount {
  fileprivate func steps(fd: Int32) -> [SpawnStep] {
    let purpose = "mounting \(target)"
    var s: [SpawnStep] = [.init(.mountPoint(target, of: fd), for: purpose), .init(.moveMount(fd: fd, to: target), for: purpose)]
    if isReadOnly {
      s.append(.init(.mountAttributes(target, set: 1, clear: 0, recursive: isRecursivelyReadOnly, propagation: 0), for: "making \(target) read-only"))
    }
    let flag: UInt64 =
      switch propagation {
      case .none: UInt64(MS_PRIVATE)
      case .hostToContainer: UInt64(MS_SLAVE)
      case .bidirectional: UInt64(MS_SHARED)
      }
    s.append(.init(.mountAttributes(target, set: 0, clear: 0, recursive: true, propagation: flag), for: purpose))
    return s
  }
}

/// Where a program is looked for, as execvp(3) does: the name itself if it has a slash, else in each folder of PATH.
enum ProgramSearch {
  static func candidates(_ name: String, environment: [String]) -> [String] {
    if name.contains("/") || name.isEmpty { return [name] }
    let path = environment.last { $0.hasPrefix("PATH=") }.map { String($0.dropFirst(5)) } ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return path.split(separator: ":").map { "\($0)/\(name)" }
  }
}
