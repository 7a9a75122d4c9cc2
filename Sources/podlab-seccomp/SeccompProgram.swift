// SPDX-License-Identifier: Apache-2.0
//
// The program podlab-seccomp: makes one seccomp filter and ends. A program of its own, so that no podd carries libseccomp in its memory; what it
// makes is kept (Supervisor/SeccompEffects.swift), and it runs once for each profile.
import Glibc
import Kernel
import Runtime
import Seccomp

enum SeccompProgram {
  private static let usage = "usage: podlab-seccomp OUT default CAPABILITIES | podlab-seccomp OUT file PATH"

  /// 0: OUT holds the filter. 1: why not, on standard error. 2: usage.
  static func run() -> Int32 {
    let words = CommandLine.arguments
    guard words.count == 4 else { return say(usage, 2) }
    let (out, kind, what) = (words[1], words[2], words[3])
    do {
      let profile: SeccompProfile
      switch kind {
      case "default":
        guard let set = UInt64(what, radix: 16) else { return say(usage, 2) }
        profile = .runtimeDefault(CapabilitySet(rawValue: set))
      case "file": profile = try SeccompProfile(json: try FileSystem.read(what))
      default: return say(usage, 2)
      }
      let filter = SeccompFilter(program: try profile.compiled(), flags: profile.flags)
      try FileSystem.writeAtomically(out, filter.file, mode: 0o600)
      return 0
    } catch { return say("\(error)", 1) }
  }

  private static func say(_ text: String, _ code: Int32) -> Int32 {
    _ = optional { () throws(SysError) in try writeAll(2, text + "\n") }
    return code
  }
}
