// SPDX-License-Identifier: Apache-2.0
//
// The way into a kept arena, for its learner: one of our programs runs in there, with the learner's own terminal. Never used while grading.
import Glibc
import Kernel

public enum ArenaDoor {
  /// Runs a program of ArenaPlan.tools in the arena and waits for it. Returns its exit code; throws ESRCH where the arena has ended.
  public static func run(_ arguments: [String], in record: ArenaRecord) throws(SysError) -> Int32 {
    guard let holder = record.holder, let pidfd = holder.open() else {
      throw SysError(step: "entering the arena", call: "pidfd_open", object: record.root, errno: ESRCH, hint: "it has ended: lab check --keep makes another")
    }
    var plan = ArenaPlan.program(arena: pidfd.raw, arguments, stdio: (0, 1, 2), environment: terminal)
    // Its session is the learner's: a shell in a container is a job of his terminal.
    plan.steps.removeAll { if case .newSession = $0.kind { true } else { false } }
    return try plan.spawn().wait().code
  }

  private static var terminal: [String] { getenv("TERM").map { ["TERM=" + String(cString: $0)] } ?? [] }
}
