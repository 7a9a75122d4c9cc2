// SPDX-License-Identifier: Apache-2.0
//
// A further program in a container gets the rights of the container's own: what state.json says of them, as the Runtime takes it.
import Kernel
import Runtime

extension PodState.Exec {
  /// environment: in place of the container's own.
  public func spec(
    _ command: [String], environment: [String], streams: ContainerSpec.Streams
  ) throws(SysError) -> ExecSpec {
    var s = ExecSpec(arguments: command, environment: environment, workingFolder: workingFolder, streams: streams)
    s.identity = identity
    s.capabilities = capabilities
    s.isPrivileged = isPrivileged
    s.noNewPrivileges = noNewPrivileges
    s.seccomp = try filter()
    s.hasUserNamespace = hasUserNamespace
    s.ignoresUserChanges = ignoresUserChanges
    (s.cgroup.tasks, s.cgroup.procs) = (tasks, procs)
    s.hasCgroupNamespace = hasCgroupNamespace
    return s
  }

  private func filter() throws(SysError) -> SeccompFilter? {
    if seccomp.isEmpty { return nil }
    guard let f = SeccompFilter(file: try FileSystem.read(seccomp)) else {
      throw SysError(step: "reading the container's seccomp filter", call: "read", object: seccomp, errno: 74, hint: "the file is damaged: delete the pod")
    }
    return f
  }
}
