// SPDX-License-Identifier: Apache-2.0
//
// The steps of a spawn plan: each is one system call (or a few that belong together) with the words that tell it.
import CLinux
import Glibc

public struct SpawnStep: Sendable {
  /// What it is for, in the user's terms: the head of the error when it fails.
  public var purpose: String?
  public var tolerance = Tolerance.none
  public var kind: Kind

  /// Which failures are passed over.
  public enum Tolerance: Int32, Sendable { case none = 0, any = 1, absent = 2 }

  public init(_ kind: Kind, for purpose: String? = nil, tolerating tolerance: Tolerance = .none) {
    (self.kind, self.purpose, self.tolerance) = (kind, purpose, tolerance)
  }

  public enum Kind: Sendable {
    case setns(fd: Int32, Namespaces)
    /// mount(2); flags as MS_….
    case mount(source: String, target: String, type: String, flags: UInt, options: String)
    /// Changes the propagation of a mount and all below it: MS_PRIVATE, MS_SLAVE, MS_SHARED.
    case propagation(String, flags: UInt)
    case unmount(String, flags: Int32)
    case pivotRoot(new: String, old: String)
    case changeFolder(String)
    case changeRoot(String)
    case makeFolder(String, mode: UInt32, mayExist: Bool)
    /// Every missing folder of a path, inside the current root only.
    case makeFolders(String, mode: UInt32)
    case makeNode(String, mode: UInt32, device: UInt64)
    case symlink(text: String, at: String)
    case touch(String, mode: UInt32)
    case write(String, [UInt8], flags: Int32)
    case hostname(String)
    case newSession
    case newProcessGroup
    case duplicate(from: Int32, to: Int32)
    case open(String, flags: Int32, as: Int32)
    /// Every descriptor from here on is closed at exec, or at once.
    case closeFrom(Int32, atExec: Bool)
    case groups([UInt32])
    case group(UInt32)
    case user(UInt32)
    case boundingSet(UInt64)
    case capabilities(effective: UInt64, permitted: UInt64, inheritable: UInt64)
    case ambientSet(UInt64)
    case keepCapabilities(Bool)
    case noNewPrivileges
    /// A seccomp filter, 8 bytes an instruction; flags as SECCOMP_FILTER_FLAG_….
    case seccomp([UInt8], flags: UInt32)
    case limit(resource: Int32, soft: UInt64, hard: UInt64)
    case umask(UInt32)
    /// The signal that comes with the maker's death, also one before this step; 0: none. PR_SET_PDEATHSIG(2const).
    case deathSignal(Int32)
    case dumpable(Bool)
    case controllingTerminal(fd: Int32)
    /// Waits for the maker's word on a pipe. The child's own copy of the write end is closed first: a maker that dies is an end of file, also one that died
    /// before deathSignal was set.
    case readByte(fd: Int32, writer: Int32)
    case writeByte(fd: Int32)
    /// A detached mount (open_tree, fsmount) gets its place.
    case moveMount(fd: Int32, to: String)
    case bind(source: String, target: String, recursive: Bool)
    /// mount_setattr(2): set and clear as MOUNT_ATTR_…; propagation as MS_… or 0.
    case mountAttributes(String, set: UInt64, clear: UInt64, recursive: Bool, propagation: UInt64)
    case linkUp(String)
    /// One rtnetlink request with NLM_F_ACK; words for the trace.
    case netlink([UInt8], words: String)
    case sendDescriptors(socket: Int32, [Int32])
    /// Makes a socket in the namespaces entered so far and sends it over a unix socket.
    case sendSocket(over: Int32, domain: Int32, type: Int32, protocol: Int32)
    case oomScoreAdjust(Int)
    case changeOwner(String, uid: UInt32, gid: UInt32)
    case changeMode(String, mode: UInt32)
    case signalSelf(Int32)
    case unshare(Namespaces)
    /// open_tree(2) with OPEN_TREE_CLONE: a detached copy of a mount, as a descriptor of this number.
    case openTree(String, recursive: Bool, as: Int32)
    /// The same of what lies below a folder, never outside it. links: symbolic links inside are followed.
    case openTreeBelow(String, path: String, links: Bool, as: Int32)
    /// Where a mount (by its descriptor) is to go: a folder or an empty file, as the mount is, made with what is missing of the path.
    case mountPoint(String, of: Int32)
    case writeDescriptor(Int32, [UInt8])
    /// A new terminal of the devpts that is mounted here: 0, 1, 2 and the controlling terminal; its master goes over the socket.
    case terminal(socket: Int32, rows: Int, columns: Int)
  }
}

extension SpawnStep {
  /// As strace would show it.
  var words: (call: String, arguments: String) {
    switch kind {
    case .setns(let fd, let n): ("setns", "\(fd), \(n)")
    case .mount(let s, let t, let type, let f, let o): ("mount", "\"\(s)\", \"\(t)\", \"\(type)\", \(mountFlags(f))\(o.isEmpty ? "" : ", \"\(o)\"")")
    case .propagation(let t, let f): ("mount", "NULL, \"\(t)\", NULL, \(mountFlags(f))")
    case .unmount(let t, let f): ("umount2", "\"\(t)\", \(f & 2 != 0 ? "MNT_DETACH" : "\(f)")")
    case .pivotRoot(let n, let o): ("pivot_root", "\"\(n)\", \"\(o)\"")
    case .changeFolder(let p): ("chdir", "\"\(p)\"")
    case .changeRoot(let p): ("chroot", "\"\(p)\"")
    case .makeFolder(let p, let m, _), .makeFolders(let p, let m): ("mkdir", "\"\(p)\", 0\(String(m, radix: 8))")
    case .makeNode(let p, let m, let d): ("mknod", "\"\(p)\", 0\(String(m, radix: 8)), \(lx_major(UInt(d))):\(lx_minor(UInt(d)))")
    case .symlink(let t, let p): ("symlink", "\"\(t)\", \"\(p)\"")
    case .touch(let p, let m): ("open", "\"\(p)\", O_CREAT, 0\(String(m, radix: 8))")
    case .write(let p, let b, _): ("write", "\"\(p)\", \"\(String(decoding: b.prefix(60), as: UTF8.self))\"")
    case .hostname(let n): ("sethostname", "\"\(n)\"")
    case .newSession: ("setsid", "")
    case .newProcessGroup: ("setpgid", "0, 0")
    case .duplicate(let a, let b): ("dup2", "\(a), \(b)")
    case .open(let p, _, let fd): ("open", "\"\(p)\" as \(fd)")
    case .closeFrom(let fd, let atExec): ("close_range", "\(fd), ~0U, \(atExec ? "CLOSE_RANGE_CLOEXEC" : "0")")
    case .groups(let g): ("setgroups", "\(g.count), [\(g.map { "\($0)" }.joined(separator: ", "))]")
    case .group(let g): ("setresgid", "\(g), \(g), \(g)")
    case .user(let u): ("setresuid", "\(u), \(u), \(u)")
    case .boundingSet(let s): ("prctl", "PR_CAPBSET_DROP, all but 0x\(String(s, radix: 16))")
    case .capabilities(let e, let p, let i):
      ("capset", "effective 0x\(String(e, radix: 16)), permitted 0x\(String(p, radix: 16)), inheritable 0x\(String(i, radix: 16))")
    case .ambientSet(let s): ("prctl", "PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 0x\(String(s, radix: 16))")
    case .keepCapabilities(let on): ("prctl", "PR_SET_KEEPCAPS, \(on ? 1 : 0)")
    case .noNewPrivileges: ("prctl", "PR_SET_NO_NEW_PRIVS, 1")
    case .seccomp(let f, let flags): ("seccomp", "SECCOMP_SET_MODE_FILTER, \(flags), \(f.count / 8) instructions")
    case .limit(let r, let s, let h): ("prlimit", "resource \(r), \(s), \(h)")
    case .umask(let m): ("umask", "0\(String(m, radix: 8))")
    case .deathSignal(let s): ("prctl", "PR_SET_PDEATHSIG, \(s)")
    case .dumpable(let on): ("prctl", "PR_SET_DUMPABLE, \(on ? 1 : 0)")
    case .controllingTerminal(let fd): ("ioctl", "\(fd), TIOCSCTTY, 0")
    case .readByte(let fd, _): ("read", "\(fd), 1")
    case .writeByte(let fd): ("write", "\(fd), 1")
    case .moveMount(let fd, let t): ("move_mount", "\(fd), \"\", AT_FDCWD, \"\(t)\", MOVE_MOUNT_F_EMPTY_PATH")
    case .bind(let s, let t, let r): ("mount", "\"\(s)\", \"\(t)\", NULL, MS_BIND\(r ? "|MS_REC" : "")")
    case .mountAttributes(let t, let s, let c, let r, _):
      ("mount_setattr", "\"\(t)\"\(r ? ", AT_RECURSIVE" : ""), set 0x\(String(s, radix: 16)), clear 0x\(String(c, radix: 16))")
    case .linkUp(let l): ("ioctl", "SIOCSIFFLAGS, \"\(l)\", IFF_UP")
    case .netlink(_, let words): ("sendto", "NETLINK_ROUTE, \(words)")
    case .sendDescriptors(let s, let fds): ("sendmsg", "\(s), SCM_RIGHTS [\(fds.map { "\($0)" }.joined(separator: ", "))]")
    case .sendSocket(let s, let d, let t, let p): ("socket", "\(d), \(t), \(p) → \(s)")
    case .oomScoreAdjust(let n): ("write", "\"/proc/self/oom_score_adj\", \"\(n)\"")
    case .changeOwner(let p, let u, let g): ("chown", "\"\(p)\", \(u), \(g)")
    case .changeMode(let p, let m): ("chmod", "\"\(p)\", 0\(String(m, radix: 8))")
    case .signalSelf(let s): ("kill", "self, \(s)")
    case .unshare(let n): ("unshare", "\(n)")
    case .openTree(let p, let r, let fd): ("open_tree", "AT_FDCWD, \"\(p)\", OPEN_TREE_CLONE\(r ? "|AT_RECURSIVE" : "") as \(fd)")
    case .openTreeBelow(let p, let below, _, let fd): ("open_tree", "\"\(p)\"/\"\(below)\", OPEN_TREE_CLONE|AT_RECURSIVE|AT_EMPTY_PATH as \(fd)")
    case .mountPoint(let p, _): ("mkdir", "\"\(p)\", 0755")
    case .writeDescriptor(let fd, let b): ("write", "\(fd), \"\(String(decoding: b.prefix(60), as: UTF8.self))\"")
    case .terminal(let s, _, _): ("open", "\"/dev/ptmx\" → \(s)")
    }
  }

  private func mountFlags(_ f: UInt) -> String {
    let names: [(UInt, String)] = [
      (1, "MS_RDONLY"), (2, "MS_NOSUID"), (4, "MS_NODEV"), (8, "MS_NOEXEC"), (32, "MS_REMOUNT"), (4096, "MS_BIND"), (16384, "MS_REC"),
      (1 << 18, "MS_PRIVATE"), (1 << 19, "MS_SLAVE"), (1 << 20, "MS_SHARED"), (1 << 24, "MS_STRICTATIME"),
    ]
    let all = names.filter { f & $0.0 != 0 }.map(\.1)
    return all.isEmpty ? "0" : all.joined(separator: "|")
  }

  func lowered(_ m: PlanMemory) -> spawn_step {
    var s = spawn_step()
    s.may_fail = tolerance.rawValue
    func op(_ o: spawn_op) { s.op = Int32(o.rawValue) }
    func bytes(_ b: [UInt8]) { s.data = UnsafeRawPointer(m.bytes(b)); s.n = UInt64(b.count) }
    func text(_ t: String) -> UnsafePointer<CChar> { UnsafePointer(m.string(t)) }
    switch kind {
    case .setns(let fd, let n): op(SPAWN_SETNS); s.a = Int64(fd); s.b = Int64(n.rawValue)
    case .mount(let source, let t, let type, let f, let o):
      op(SPAWN_MOUNT); s.s = text(source); s.t = text(t); s.u = text(type); s.a = Int64(f)
      s.data = o.isEmpty ? nil : UnsafeRawPointer(m.string(o))
    case .propagation(let t, let f): op(SPAWN_MOUNT); s.t = text(t); s.a = Int64(f)
    case .unmount(let t, let f): op(SPAWN_UMOUNT); s.s = text(t); s.a = Int64(f)
    case .pivotRoot(let n, let o): op(SPAWN_PIVOT_ROOT); s.s = text(n); s.t = text(o)
    case .changeFolder(let p): op(SPAWN_CHDIR); s.s = text(p)
    case .changeRoot(let p): op(SPAWN_CHROOT); s.s = text(p)
    case .makeFolder(let p, let mode, let may): op(SPAWN_MKDIR); s.s = text(p); s.a = Int64(mode); s.b = may ? 1 : 0
    case .makeFolders(let p, let mode): op(SPAWN_MKDIR_PARENTS); s.s = text(p); s.a = Int64(mode)
    case .makeNode(let p, let mode, let d): op(SPAWN_MKNOD); s.s = text(p); s.a = Int64(mode); s.b = Int64(d)
    case .symlink(let t, let p): op(SPAWN_SYMLINK); s.s = text(t); s.t = text(p)
    case .touch(let p, let mode): op(SPAWN_TOUCH); s.s = text(p); s.a = Int64(mode)
    case .write(let p, let b, let f): op(SPAWN_WRITE); s.s = text(p); bytes(b); s.a = Int64(f)
    case .hostname(let n): op(SPAWN_HOSTNAME); bytes(Array(n.utf8))
    case .newSession: op(SPAWN_SETSID)
    case .newProcessGroup: op(SPAWN_SETPGID)
    case .duplicate(let a, let b): op(SPAWN_DUP2); s.a = Int64(a); s.b = Int64(b)
    case .open(let p, let f, let fd): op(SPAWN_OPEN); s.s = text(p); s.a = Int64(f); s.b = Int64(fd)
    case .closeFrom(let fd, let atExec): op(SPAWN_CLOSE_RANGE); s.a = Int64(fd); s.b = atExec ? 4 : 0
    case .groups(let g): op(SPAWN_SETGROUPS); bytes(g.flatMap { withUnsafeBytes(of: $0) { Array($0) } }); s.n = UInt64(g.count)
    case .group(let g): op(SPAWN_SETRESGID); s.a = Int64(g)
    case .user(let u): op(SPAWN_SETRESUID); s.a = Int64(u)
    case .boundingSet(let set): op(SPAWN_BOUNDING); s.a = Int64(bitPattern: set)
    case .capabilities(let e, let p, let i):
      op(SPAWN_CAPSET); s.a = Int64(bitPattern: e); s.b = Int64(bitPattern: p); s.c = Int64(bitPattern: i)
    case .ambientSet(let set): op(SPAWN_AMBIENT); s.a = Int64(bitPattern: set)
    case .keepCapabilities(let on): op(SPAWN_KEEPCAPS); s.a = on ? 1 : 0
    case .noNewPrivileges: op(SPAWN_NO_NEW_PRIVS)
    case .seccomp(let f, let flags): op(SPAWN_SECCOMP); s.a = Int64(flags); bytes(f); s.n = UInt64(f.count / 8)
    case .limit(let r, let soft, let hard): op(SPAWN_RLIMIT); s.a = Int64(r); s.b = Int64(bitPattern: soft); s.c = Int64(bitPattern: hard)
    case .umask(let mode): op(SPAWN_UMASK); s.a = Int64(mode)
    case .deathSignal(let n): op(SPAWN_DEATH_SIGNAL); (s.a, s.b) = (Int64(n), Int64(getpid()))
    case .dumpable(let on): op(SPAWN_DUMPABLE); s.a = on ? 1 : 0
    case .controllingTerminal(let fd): op(SPAWN_CTTY); s.a = Int64(fd)
    case .readByte(let fd, let writer): op(SPAWN_READ_BYTE); (s.a, s.b) = (Int64(fd), Int64(writer))
    case .writeByte(let fd): op(SPAWN_WRITE_BYTE); s.a = Int64(fd)
    case .moveMount(let fd, let t): op(SPAWN_MOVE_MOUNT); s.a = Int64(fd); s.s = text(t)
    case .bind(let source, let t, let r): op(SPAWN_BIND); s.s = text(source); s.t = text(t); s.a = r ? 1 : 0
    case .mountAttributes(let t, let set, let clear, let r, let p):
      op(SPAWN_MOUNT_SETATTR); s.s = text(t); s.a = Int64(set); s.b = Int64(clear); s.c = r ? Int64(AT_RECURSIVE) : 0; s.n = p
    case .linkUp(let l): op(SPAWN_LINK_UP); s.s = text(l)
    case .netlink(let b, _): op(SPAWN_NETLINK); bytes(b)
    case .sendDescriptors(let sock, let fds):
      op(SPAWN_SEND_FDS); s.a = Int64(sock); bytes(fds.flatMap { withUnsafeBytes(of: $0) { Array($0) } }); s.n = UInt64(fds.count)
    case .sendSocket(let sock, let d, let t, let p): op(SPAWN_SEND_SOCKET); s.a = Int64(sock); s.b = Int64(d); s.c = Int64(t); s.n = UInt64(p)
    case .oomScoreAdjust(let n): op(SPAWN_OOM_SCORE_ADJ); s.s = text("\(n)")
    case .changeOwner(let p, let u, let g): op(SPAWN_CHOWN); s.s = text(p); s.a = Int64(u); s.b = Int64(g)
    case .changeMode(let p, let mode): op(SPAWN_CHMOD); s.s = text(p); s.a = Int64(mode)
    case .signalSelf(let n): op(SPAWN_SIGNAL_SELF); s.a = Int64(n)
    case .unshare(let n): op(SPAWN_UNSHARE); s.a = Int64(n.rawValue)
    case .openTree(let p, let r, let fd): op(SPAWN_OPEN_TREE); s.s = text(p); s.a = 1 | (r ? Int64(AT_RECURSIVE) : 0); s.b = Int64(fd)
    case .openTreeBelow(let p, let below, let links, let fd):
      op(SPAWN_OPEN_TREE); s.s = text(p); s.t = text(below); s.a = 1 | Int64(AT_RECURSIVE); s.b = Int64(fd)
      let rules: FileDescriptor.Resolve = links ? [.beneath, .noMagicLinks] : [.beneath, .noMagicLinks, .noSymlinks]
      s.c = Int64(rules.rawValue)
    case .mountPoint(let p, let fd):
      op(SPAWN_MOUNT_POINT); s.s = text(p); s.a = Int64(fd)
      if let slash = p.lastIndex(of: "/"), slash != p.startIndex { s.t = text(String(p[..<slash])) }
    case .writeDescriptor(let fd, let b): op(SPAWN_WRITE_FD); s.a = Int64(fd); bytes(b)
    case .terminal(let sock, let rows, let columns): op(SPAWN_PTY); s.a = Int64(sock); s.b = Int64(rows << 16 | columns)
    }
    return s
  }
}
