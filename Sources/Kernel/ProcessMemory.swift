// SPDX-License-Identifier: Apache-2.0
//
// This process's own memory: closed to others (prctl(2), PR_SET_DUMPABLE), given back when it is not needed (madvise(2), malloc_trim(3)).
import CLinux

public enum ProcessMemory {
  /// Nobody without CAP_SYS_PTRACE over us can trace this process, read its memory or copy its descriptors any more; no core is
  /// dumped. /proc/self belongs to root from now on.
  public static func hide() { _ = lx_set_dumpable(0) }

  /// Free heap goes back to the kernel, and so do the mapped pages of the program's code, which stay in the page cache: each is mapped again when it is
  /// run.
  public static func giveBack() { lx_give_back_memory() }
}
