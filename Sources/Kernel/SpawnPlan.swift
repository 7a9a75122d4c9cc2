// SPDX-License-Identifier: Apache-2.0
//
// How every process here is made: a plan is a list of steps (SpawnStep.swift), which an interpreter in C (CLinux/spawn.c) runs between clone and
// exec. clone(2), setns(2), pid_namespaces(7), user_namespaces(7).
import CLinux
import Glibc

/// Namespaces, by clone(2)'s flags.
public struct Namespaces: OptionSet, Sendable, CustomStringConvertible {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
  public static let mount = Namespaces(rawValue: 0x0002_0000)
  public static let cgroup = Namespaces(rawValue: 0x0200_0000)
  public static let uts = Namespaces(rawValue: 0x0400_0000)
  public static let ipc = Namespaces(rawValue: 0x0800_0000)
  public static let user = Namespaces(rawValue: 0x1000_0000)
  public static let pid = Namespaces(rawValue: 0x2000_0000)
  public static let network = Namespaces(rawValue: 0x4000_0000)

  /// Flag, and the name under /proc/PID/ns.
  public static let all: [(Namespaces, flag: String, file: String)] = [
    (.user, "CLONE_NEWUSER", "user"), (.mount, "CLONE_NEWNS", "mnt"), (.pid, "CLONE_NEWPID", "pid"), (.network, "CLONE_NEWNET", "net"),
    (.ipc, "CLONE_NEWIPC", "ipc"), (.uts, "CLONE_NEWUTS", "uts"), (.cgroup, "CLONE_NEWCGROUP", "cgroup"),
  ]
  public var description: String {
    let names = Self.all.filter { contains($0.0) }.map(\.flag)
    return names.isEmpty ? "0" : names.joined(separator: "|")
  }
}

/// A process to be made.
public struct SpawnPlan {
  /// New namespaces of the process.
  public var namespaces: Namespaces = []
  /// Namespaces entered first, by an intermediate process whose child the new one is (it becomes the caller's child all the same): needed for pid
  /// and user namespaces. Each is a descriptor (namespace file, or pidfd with several flags at once).
  public var joins: [(fd: Int32, namespaces: Namespaces)] = []
  /// Descriptor of the cgroup v2 folder to be born in (CLONE_INTO_CGROUP).
  public var cgroup: Int32?
  public var steps: [SpawnStep] = []
  public var program: Program
  /// argv, the program's name first.
  public var arguments: [String]
  /// NAME=value.
  public var environment: [String]

  public enum Program: Sendable {
    /// Tried in turn, as a shell searches PATH.
    case paths([String])
    /// An open file (execveat).
    case descriptor(Int32)
  }

  public init(_ program: Program, _ arguments: [String], environment: [String] = []) {
    (self.program, self.arguments, self.environment) = (program, arguments, environment)
  }

  /// Makes the process and returns when its program runs. Throws the step that failed, in words.
  public func spawn() throws(SysError) -> Child {
    var result = spawn_result()
    let r = lowered { spawn_now($0, &result) }
    return try outcome(r, &result)
  }

  /// Makes the process and returns at once; the caller acts (id maps, a veth), then calls finish().
  public func begin() throws(SysError) -> Pending {
    var result = spawn_result()
    if lowered({ spawn_begin($0, &result) }) != 0 { throw traced(failure(result), result) }
    return Pending(plan: self, result: result)
  }

  /// A process that may not have reached its program yet.
  public struct Pending {
    fileprivate let plan: SpawnPlan
    fileprivate var result: spawn_result
    public var pid: Int32 { result.pid }
    public var pidfd: Int32 { result.pidfd }

    /// Waits until the program runs. Throws the step that failed; the process is reaped then.
    public mutating func finish() throws(SysError) -> Child {
      let r = spawn_finish(&result)
      return try plan.outcome(r, &result)
    }
    /// Ends it before it was finished.
    public mutating func abandon() {
      _ = kill(result.pid, SIGKILL)
      _ = spawn_finish(&result)
      if result.pid > 0 { _ = lx_wait_pid(result.pid, 0, nil) }
      if result.pidfd >= 0 { _ = close(result.pidfd) }
    }
  }

  private func outcome(_ r: Int32, _ result: inout spawn_result) throws(SysError) -> Child {
    guard r == 0 else { throw traced(failure(result), result) }
    if Trace.isOn { trace(result.pid, done: steps.count, runs: true) }
    return Child(pid: result.pid, pidfd: FileDescriptor(owning: result.pidfd))
  }

  private func failure(_ r: spawn_result) -> SysError {
    switch r.failed_step {
    case -2:
      let denied = [EPERM, ENOSPC, EUSERS].contains(r.error)
      return SysError(call: "clone3", object: "\(namespaces)", errno: r.error, hint: denied ? NamespaceRights.obstacle() : nil)
    case -3:
      let join = joins[Int(r.failed_join)]
      return SysError(call: "setns", object: "\(Pidfd.name(join.fd)), \(join.namespaces)", errno: r.error)
    case let i where i >= 0 && Int(i) < steps.count:
      let s = steps[Int(i)]
      return SysError(step: s.purpose, call: s.words.call, object: s.words.arguments, errno: r.error)
    default:
      return SysError(call: "execve", object: arguments.first ?? "", errno: r.error)
    }
  }

  /// What happened, up to and including the failure.
  private func traced(_ error: SysError, _ r: spawn_result) -> SysError {
    guard Trace.isOn else { return error }
    if r.failed_step >= 0 { trace(nil, done: Int(r.failed_step), runs: false) }
    Trace.report(error.call, error.object, -Int(error.errno))
    return error
  }

  /// The first `done` steps succeeded (or failed and were let pass: the plan tolerates that); runs: the program runs.
  private func trace(_ pid: Int32?, done: Int, runs: Bool) {
    for j in joins { Trace.line("setns(\(Pidfd.name(j.fd)), \(j.namespaces)) = 0") }
    let flags = [namespaces.isEmpty ? "" : "\(namespaces)", joins.isEmpty ? "" : "CLONE_PARENT", cgroup == nil ? "" : "CLONE_INTO_CGROUP"]
    Trace.line("clone3(\(flags.filter { !$0.isEmpty }.joined(separator: "|"))) = \(pid.map(String.init) ?? "?")")
    let head = pid.map { "[\($0)] " } ?? ""
    for s in steps.prefix(done) { Trace.line("\(head)\(s.words.call)(\(s.words.arguments)) = 0") }
    guard runs else { return }
    Trace.line("\(head)execve(\"\(arguments.first ?? "")\", [\(arguments.map { "\"\($0)\"" }.joined(separator: ", "))]) = 0")
  }

  /// The plan as C sees it, for the length of body.
  private func lowered(_ body: (UnsafePointer<spawn_plan>) -> Int32) -> Int32 {
    let memory = PlanMemory()
    var list = steps.map { $0.lowered(memory) }
    var joinList = joins.map { spawn_join(fd: $0.fd, flags: Int32(bitPattern: $0.namespaces.rawValue)) }
    var p = spawn_plan()
    p.namespaces = UInt64(namespaces.rawValue)
    p.cgroup = cgroup ?? -1
    p.step_count = UInt32(list.count)
    p.join_count = UInt32(joinList.count)
    p.exec_fd = -1
    var paths: [String] = []
    switch program {
    case .paths(let all): paths = all
    case .descriptor(let fd): p.exec_fd = fd
    }
    var pathList = memory.vector(paths).map { UnsafePointer($0) }
    var argumentList = memory.vector(arguments)
    var environmentList = memory.vector(environment)
    return list.withUnsafeMutableBufferPointer { s in
      joinList.withUnsafeMutableBufferPointer { j in
        pathList.withUnsafeMutableBufferPointer { ps in
          argumentList.withUnsafeMutableBufferPointer { av in
            environmentList.withUnsafeMutableBufferPointer { ev in
              p.steps = UnsafePointer(s.baseAddress)
              p.joins = UnsafePointer(j.baseAddress)
              p.paths = UnsafePointer(ps.baseAddress)
              p.argv = UnsafePointer(av.baseAddress)
              p.envp = UnsafePointer(ev.baseAddress)
              return withUnsafePointer(to: p, body)
            }
          }
        }
      }
    }
  }
}

/// A process of ours.
public struct Child: ~Copyable {
  public let pid: Int32
  public let pidfd: FileDescriptor
  public init(pid: Int32, pidfd: consuming FileDescriptor) {
    self.pid = pid
    self.pidfd = pidfd
  }

  /// Gives the pidfd up: the caller closes it.
  public consuming func release() -> Int32 { pidfd.release() }

  /// Waits for its end.
  public func wait() throws(SysError) -> ExitStatus {
    while true {
      if let s = try ExitStatus.collect(pidfd: pidfd.raw, wait: true) { return s }
    }
  }
}

/// Keeps C strings and buffers alive while a plan is carried out.
final class PlanMemory {
  private var blocks: [UnsafeMutableRawPointer] = []
  deinit { for b in blocks { b.deallocate() } }

  func bytes(_ data: some Collection<UInt8>) -> UnsafeMutableRawPointer {
    let count = data.count
    let b = UnsafeMutableRawPointer.allocate(byteCount: count + 1, alignment: 16)
    UnsafeMutableRawBufferPointer(start: b, count: count).copyBytes(from: data)
    b.storeBytes(of: 0, toByteOffset: count, as: UInt8.self)
    blocks.append(b)
    return b
  }
  func string(_ s: String) -> UnsafeMutablePointer<CChar> { bytes(s.utf8).assumingMemoryBound(to: CChar.self) }
  func vector(_ list: [String]) -> [UnsafeMutablePointer<CChar>?] { list.map { string($0) } + [nil] }
}
