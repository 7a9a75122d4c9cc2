// SPDX-License-Identifier: Apache-2.0
//
// Closing this process to others: prctl(2), PR_SET_DUMPABLE.
import CLinux

public enum ProcessMemory {
  /// Nobody without CAP_SYS_PTRACE over us can trace this process, read its memory or copy its descriptors any more; no core is
  /// dumped. /proc/self belongs to root from now on.
  public static func hide() { _ = lx_set_dumpable(0) }
}
