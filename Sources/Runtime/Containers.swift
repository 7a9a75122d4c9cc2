// SPDX-License-Identifier: Apache-2.0
//
// Starting a container, and a further program in one that runs.
import Glibc
import Kernel

/// A container could not be started: the words that container runtimes use, so that a Pod's status says what it says on a cluster.
public struct StartFailure: Error, Sendable {
  /// 127 the program is not there, 126 it may not be run, 128 anything else.
  public var exitCode: Int32
  public var message: String
  public var cause: SysError
}

public enum Containers {
  /// Starts the container's first process and returns when its program runs. sandbox: pidfd of infra.
  public static func start(_ spec: ContainerSpec, sandbox: Int32, host: Host) throws(StartFailure) -> Child {
    do throws(SysError) {
      let mapped = spec.hasUserNamespace ? try MappedMounts(spec, sandbox: sandbox) : nil
      var plan = spec.plan(sandbox: sandbox, host: host, mapped: mapped)
      let folder = spec.processes.isJoined ? nil : spec.cgroup.folder
      let group = try folder.map { (f) throws(SysError) in FileDescriptorBox(try FileDescriptor.open(f, O_RDONLY | O_DIRECTORY)) }
      plan.cgroup = group?.raw
      return try plan.spawn()
    } catch {
      throw failure(error, program: spec.arguments.first ?? "", doing: "failed to create containerd task: failed to create shim task", run: "OCI runtime create failed")
    }
  }

  /// doing: what containerd says it was at; run: what its runtime says where the program itself could not be started.
  static func failure(_ e: SysError, program: String, doing: String, run: String) -> StartFailure {
    guard e.call == "execve" else { return StartFailure(exitCode: 128, message: "\(doing): \(e)", cause: e) }
    let why: String
    let code: Int32
    switch e.errno {
    case ENOENT where !program.contains("/"): (why, code) = ("exec: \"\(program)\": executable file not found in $PATH", 127)
    case ENOENT, ENOTDIR: (why, code) = ("exec: \"\(program)\": stat \(program): no such file or directory", 127)
    case EACCES: (why, code) = ("exec: \"\(program)\": permission denied", 126)
    case ENOEXEC: (why, code) = ("exec \(program): exec format error", 126)
    default: (why, code) = ("exec \(program): \(errnoText(e.errno))", 128)
    }
    return StartFailure(exitCode: code, message: "\(doing): \(run): unable to start container process: \(why)", cause: e)
  }
}

/// A program that is to run in a container that already does: kubectl exec, probes, hooks.
public struct ExecSpec: Sendable {
  public var arguments: [String]
  public var environment: [String]
  public var workingFolder: String
  public var identity = ContainerIdentity()
  public var capabilities = CapabilitySet.containerDefault
  public var isPrivileged = false
  public var noNewPrivileges = false
  public var seccomp: SeccompFilter?
  /// See IgnoredUserChanges.
  public var ignoresUserChanges = false
  public var cgroup = CgroupEntry()
  /// The container has a cgroup namespace.
  public var hasCgroupNamespace = false
  /// The container has a user namespace of its own.
  public var hasUserNamespace = false
  public var streams: ContainerSpec.Streams

  public init(arguments: [String], environment: [String], workingFolder: String, streams: ContainerSpec.Streams) {
    (self.arguments, self.environment, self.workingFolder, self.streams) = (arguments, environment, workingFolder, streams)
  }

  /// Runs it in the namespaces of the container's first process and returns when the program runs.
  public func start(in process: Int32, rights: Host.Rights) throws(StartFailure) -> Child {
    var plan = SpawnPlan(.paths(ProgramSearch.candidates(arguments.first ?? "", environment: environment)), arguments, environment: environment)
    // All in the intermediate process: the program's own process is then born in the container's process namespace.
    var joined: Namespaces = [.mount, .pid, .network, .ipc, .uts]
    if hasUserNamespace { joined.insert(.user) }
    // The machine's own namespaces may not be joined from a user namespace, and need not be: we are in them.
    if rights.isUserNamespace, let pid = Pidfd.number(process) {
      for (kind, file) in [(Namespaces.pid, "pid"), (.ipc, "ipc")] {
        if let theirs = Proc.namespace(pid, file), theirs == Proc.namespace(getpid(), file) { joined.remove(kind) }
      }
    }
    plan.joins = [(process, joined)]
    // The cgroup's files are not visible in the container: opened here, written there.
    var groups: [FileDescriptorBox] = []
    do throws(SysError) {
      for f in cgroup.tasks + (cgroup.procs.map { [$0] } ?? []) { groups.append(FileDescriptorBox(try FileDescriptor.open(f, O_WRONLY))) }
      var s: [SpawnStep] = groups.map { .init(.writeDescriptor($0.raw, Array("0".utf8)), for: "entering the container's cgroup") }
      if hasCgroupNamespace { s.append(.init(.setns(fd: process, .cgroup), for: "joining the container's cgroup namespace")) }
      s.append(.init(.changeFolder(workingFolder), for: "changing to the working directory \(workingFolder)"))
      s.append(.init(.umask(0o022)))
      s += ContainerSpec.rightsSteps(
        identity: identity, capabilities: isPrivileged ? rights.capabilities : capabilities.intersection(rights.capabilities), noNewPrivileges: noNewPrivileges,
        seccomp: seccomp, ignoresUserChanges: ignoresUserChanges, streams: streams)
      plan.steps = s
      return try plan.spawn()
    } catch {
      throw Containers.failure(
        error, program: arguments.first ?? "", doing: "failed to exec in container: failed to start exec", run: "OCI runtime exec failed: exec failed")
    }
  }
}

/// A descriptor in a list.
public final class FileDescriptorBox {
  private let fd: FileDescriptor
  public var raw: Int32 { fd.raw }
  public init(_ fd: consuming FileDescriptor) { self.fd = fd }
}
