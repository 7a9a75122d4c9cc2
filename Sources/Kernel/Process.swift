// SPDX-License-Identifier: Apache-2.0
//
// Processes that are already there: pidfds, how they ended, what /proc says of them. pidfd_open(2), waitid(2), proc(5).
import CLinux
import Glibc

/// How a process ended.
public struct ExitStatus: Sendable, Equatable {
  /// 0…255, or 128 + n when signal n ended it: what a shell and kubelet report.
  public var code: Int32
  public var signal: Int32?
  public init(code: Int32, signal: Int32? = nil) { (self.code, self.signal) = (code, signal) }

  /// From wait(2)'s status word.
  public init(waitStatus w: Int32) {
    let signal = w & 0x7f
    self = signal == 0 ? ExitStatus(code: (w >> 8) & 0xff) : ExitStatus(code: 128 + signal, signal: signal)
  }

  /// Reaps a child by its pidfd. nil: it still runs (only without wait).
  public static func collect(pidfd: Int32, wait: Bool = false) throws(SysError) -> ExitStatus? {
    var code: Int32 = 0
    var status: Int32 = 0
    while true {
      let r = lx_wait_pidfd(pidfd, Int32(WEXITED) | (wait ? 0 : Int32(WNOHANG)), &code, &status)
      if r == -Int(EINTR) { continue }
      if r < 0 { throw SysError(call: "waitid", object: "pidfd \(pidfd)", errno: Int32(-r)) }
      if r == 0 { return nil }
      return code == Int32(CLD_EXITED) ? ExitStatus(code: status) : ExitStatus(code: 128 + status, signal: status)
    }
  }

  /// What can be learnt of the end of a process that is not our child.
  public enum Stranger: Sendable, Equatable {
    case ended(ExitStatus)
    /// Not reaped by its parent yet: ask again.
    case notReaped
    /// This kernel does not say (before Linux 6.15), and never will.
    case untold
  }

  /// PIDFD_GET_INFO with PIDFD_INFO_EXIT (Linux 6.15).
  public static func ofStranger(pidfd: Int32) -> Stranger {
    var info = lx_pidfd_info()
    info.mask = UInt64(LX_PIDFD_INFO_EXIT)
    guard lx_pidfd_info(pidfd, &info) >= 0 else { return .untold }
    guard info.mask & UInt64(LX_PIDFD_INFO_EXIT) != 0 else { return .notReaped }
    return .ended(ExitStatus(waitStatus: info.exit_code))
  }
}

/// A process that a number cannot mistake: its id and when it started.
public struct ProcessIdentity: Sendable, Equatable, Hashable {
  public var pid: Int32
  /// Clock ticks since boot (field 22 of /proc/PID/stat).
  public var startTime: UInt64
  public init(pid: Int32, startTime: UInt64) { (self.pid, self.startTime) = (pid, startTime) }

  /// nil when there is no such process.
  public init?(pid: Int32) {
    guard let s = Proc.stat(pid) else { return nil }
    self.init(pid: pid, startTime: s.startTime)
  }

  /// Whether this very process still runs (a zombie does not).
  public var isAlive: Bool {
    guard let s = Proc.stat(pid) else { return false }
    return s.startTime == startTime && s.state != "Z" && s.state != "X"
  }

  /// A pidfd of it; nil when it has ended.
  public func open() -> FileDescriptor? {
    let fd = lx_pidfd_open(pid)
    guard fd >= 0 else { return nil }
    let owned = FileDescriptor(owning: Int32(fd))
    if !isAlive { return nil }
    return consume owned
  }

  /// Sends a signal, never to a stranger who has inherited the number. False: it has ended.
  @discardableResult
  public func signal(_ number: Int32) -> Bool {
    guard let fd = open() else { return false }
    return lx_pidfd_send_signal(fd.raw, number) >= 0
  }
}

public enum Pidfd {
  /// What errors and traces call a descriptor that is joined: `pidfd of 4711`, or the namespace file it is.
  static func name(_ fd: Int32) -> String {
    if let pid = number(fd) { return "pidfd of \(pid)" }
    return optional { () throws(SysError) in try FileSystem.readlink("/proc/self/fd/\(fd)") } ?? "descriptor \(fd)"
  }

  /// The process that a pidfd stands for, as /proc here numbers it; nil for another descriptor.
  public static func number(_ fd: Int32) -> Int32? {
    for line in (Proc.text("/proc/self/fdinfo/\(fd)") ?? "").split(separator: "\n") where line.hasPrefix("Pid:") {
      return Int32(line.dropFirst(4).filter { $0 != "\t" && $0 != " " })
    }
    return nil
  }

  /// The process that a pidfd stands for, in this process namespace.
  public static func process(_ fd: Int32) throws(SysError) -> Int32 {
    guard let pid = number(fd), pid > 0 else { throw SysError(call: "read", object: "/proc/self/fdinfo/\(fd)", errno: ESRCH) }
    return pid
  }

  public static func open(_ pid: Int32) throws(SysError) -> FileDescriptor {
    FileDescriptor(owning: Int32(try check(lx_pidfd_open(pid), "pidfd_open", "\(pid)")))
  }
  /// ESRCH (it has ended) is no error: false.
  @discardableResult
  public static func signal(_ pidfd: Int32, _ number: Int32) throws(SysError) -> Bool {
    let r = lx_pidfd_send_signal(pidfd, number)
    if r == -Int(ESRCH) { return false }
    try check(r, "pidfd_send_signal", "\(pidfd), \(Signals.name(number))")
    return true
  }
  /// A copy of another process's descriptor (needs ptrace's permission).
  public static func descriptor(_ pidfd: Int32, _ theirs: Int32) throws(SysError) -> FileDescriptor {
    FileDescriptor(owning: Int32(try check(lx_pidfd_getfd(pidfd, theirs), "pidfd_getfd", "\(pidfd), \(theirs)")))
  }
}

/// Readers of /proc. They return nil where there is no such process.
public enum Proc {
  public struct Stat: Sendable {
    public var name: String
    /// R, S, D, T, t, Z, X …
    public var state: String
    public var parent: Int32
    public var processGroup: Int32
    public var session: Int32
    public var startTime: UInt64
  }

  public static func stat(_ pid: Int32) -> Stat? {
    guard let text = text("/proc/\(pid)/stat"), let open = text.utf8.firstIndex(of: UInt8(ascii: "(")), let close = text.utf8.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let f = pieces(of: text[text.index(after: close)...], at: " ")
    guard f.count > 19, let parent = Int32(f[1]), let group = Int32(f[2]), let session = Int32(f[3]), let start = UInt64(f[19]) else { return nil }
    return Stat(
      name: String(text[text.index(after: open)..<close]), state: String(f[0]), parent: parent, processGroup: group, session: session, startTime: start)
  }

  /// The inode that is a namespace's identity; nil also where it may not be read.
  public static func namespace(_ pid: Int32, _ file: String) -> UInt64? {
    optional { () throws(SysError) in try FileSystem.info("/proc/\(pid)/ns/\(file)").identity.inode }
  }

  /// One field of /proc/PID/status, without its name.
  public static func status(_ pid: Int32, _ field: String) -> String? {
    guard let text = text("/proc/\(pid)/status") else { return nil }
    for line in pieces(of: text, at: "\n") where line.hasPrefix(field + ":") {
      let value = line.dropFirst(field.utf8.count + 1)
      return String(value.drop { $0 == "\t" || $0 == " " })
    }
    return nil
  }

  /// Every process here, ascending.
  public static var all: [Int32] {
    guard let names = optional({ () throws(SysError) in try FileSystem.list("/proc") }) else { return [] }
    return names.compactMap { Int32($0) }.sorted()
  }

  public static func children(_ pid: Int32) -> [Int32] {
    pieces(of: text("/proc/\(pid)/task/\(pid)/children") ?? "", at: " ").compactMap { Int32($0) }
  }

  public static func arguments(_ pid: Int32) -> [String]? {
    text("/proc/\(pid)/cmdline")?.split(separator: "\0").map(String.init)
  }

  public static func executable(_ pid: Int32) -> String? { optional { () throws(SysError) in try FileSystem.readlink("/proc/\(pid)/exe") } }

  /// The path in each cgroup hierarchy: controllers ("" for v2) and path.
  public static func cgroups(_ pid: Int32) -> [(controllers: String, path: String)] {
    pieces(of: text("/proc/\(pid)/cgroup") ?? "", at: "\n").compactMap {
      let p = $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      return p.count == 3 ? (String(p[1]), String(p[2])) : nil
    }
  }

  static func text(_ path: String) -> String? { optional { () throws(SysError) in try FileSystem.readText(path) } }
}

/// nil instead of an error, where "not there" is an answer and not a failure.
public func optional<T: ~Copyable>(_ body: () throws(SysError) -> T) -> T? {
  do throws(SysError) { return try body() } catch { return nil }
}

/// What a process leaves to its successor: the boot it ran in.
public enum Boot {
  public static var id: String {
    String((Proc.text("/proc/sys/kernel/random/boot_id") ?? "").prefix(36))
  }
}
