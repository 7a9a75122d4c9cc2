// SPDX-License-Identifier: Apache-2.0
//
// Entering namespaces with the process itself. Only for programs of one thread, at their start: everywhere else a child does it (SpawnPlan). setns(2).
import CLinux

extension Namespaces {
  /// fd: a pidfd, whose process's namespaces of these kinds are entered (Linux 5.8), or a namespace file.
  public func enter(_ fd: Int32) throws(SysError) {
    try check(lx_setns(fd, Int32(bitPattern: rawValue)), "setns", "\(Pidfd.name(fd)), \(self)")
  }
}
