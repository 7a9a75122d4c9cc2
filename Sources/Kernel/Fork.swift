// SPDX-License-Identifier: Apache-2.0
//
// A copy of this process that does one thing in other namespaces and ends. Only for programs of one thread: what another thread held in the
// moment of the fork would stay held. fork(2), setns(2), capabilities(7).
import CLinux
import Glibc

public enum Fork {
  /// Runs body in a copy of this process, which ends with what body returns. diesWithParent: SIGKILL comes with this process's end.
  public static func run(diesWithParent: Bool = false, _ body: () -> Int32) throws(SysError) -> Child {
    let parent = getpid()
    let pid = lx_fork()
    if pid == 0 {
      // One that died before the signal was asked for sends none.
      if diesWithParent, lx_set_death_signal(SIGKILL) < 0 || getppid() != parent { _exit(128 + SIGKILL) }
      _exit(body())
    }
    guard pid > 0 else { throw SysError(call: "fork", object: "", errno: errno) }
    let fd = Int32(try check(lx_pidfd_open(pid), "pidfd_open", "\(pid)"))
    return Child(pid: pid, pidfd: FileDescriptor(owning: fd))
  }

  /// Gives up being root: from now on this process may do what a program of that user with those capabilities may.
  public static func become(user: UInt32, group: UInt32, supplementary: [UInt32], capabilities: CapabilitySet) throws(SysError) {
    let groups: [gid_t] = supplementary
    // Without other groups to set, a user namespace that forbids setgroups(2) is no obstacle.
    if setgroups(groups.count, groups) != 0, groups.contains(where: { $0 != group }) { throw SysError(call: "setgroups", object: "\(groups)", errno: errno) }
    try check(lx_become(user, group), "setresuid", "user \(user), group \(group)")
    let own = user == 0 ? capabilities.rawValue : 0
    try check(lx_capset(own, own, 0), "capset", "0x\(String(own, radix: 16))")
  }
}
