// SPDX-License-Identifier: Apache-2.0
//
// The seccomp filter that every process of an arena carries: calls that reach past namespaces (keyrings, io_uring, bpf,
// modules, clocks, vsock, calls of another architecture) are refused. seccomp(2); numbers from the kernel's tables.

public enum ArenaFilter {
  /// AUDIT_ARCH_… of this machine, and the numbers of what is refused.
  #if arch(x86_64)
    static let architecture: UInt32 = 0xC000_003E
    static let socket: UInt32 = 41
    static let refused: [(String, UInt32)] = [
      ("add_key", 248), ("request_key", 249), ("keyctl", 250), ("bpf", 321), ("perf_event_open", 298), ("kexec_load", 246),
      ("kexec_file_load", 320), ("init_module", 175), ("finit_module", 313), ("delete_module", 176), ("swapon", 167), ("swapoff", 168),
      ("settimeofday", 164), ("clock_settime", 227), ("adjtimex", 159), ("clock_adjtime", 305), ("io_uring_setup", 425),
      ("io_uring_enter", 426), ("io_uring_register", 427), ("userfaultfd", 323), ("reboot", 169), ("acct", 163), ("modify_ldt", 154),
      ("iopl", 172), ("ioperm", 173),
    ]
  #else
    static let architecture: UInt32 = 0xC000_00B7
    static let socket: UInt32 = 198
    static let refused: [(String, UInt32)] = [
      ("add_key", 217), ("request_key", 218), ("keyctl", 219), ("bpf", 280), ("perf_event_open", 241), ("kexec_load", 104),
      ("kexec_file_load", 294), ("init_module", 105), ("finit_module", 273), ("delete_module", 106), ("swapon", 224), ("swapoff", 225),
      ("settimeofday", 170), ("clock_settime", 112), ("adjtimex", 171), ("clock_adjtime", 266), ("io_uring_setup", 425),
      ("io_uring_enter", 426), ("io_uring_register", 427), ("userfaultfd", 282), ("reboot", 142), ("acct", 89),
    ]
  #endif

  private static let allow: UInt32 = 0x7FFF_0000
  private static func fail(_ errno: UInt32) -> UInt32 { 0x0005_0000 | errno }
  private static let notPermitted = fail(1), noSuchCall = fail(38), noSuchFamily = fail(97)
  private static let vsockFamily: UInt32 = 40

  /// The program as the kernel reads it: 8 bytes an instruction.
  public static let bytes: [UInt8] = assemble()

  private static func assemble() -> [UInt8] {
    var program: [(code: UInt16, yes: UInt8, no: UInt8, value: UInt32)] = []
    // seccomp_data: nr at 0, arch at 4, the first argument's low half at 16.
    func load(_ offset: UInt32) { program.append((0x20, 0, 0, offset)) }
    func answer(_ value: UInt32) { program.append((0x06, 0, 0, value)) }
    func skipUnlessEqual(_ value: UInt32, _ count: UInt8) { program.append((0x15, 0, count, value)) }
    load(4)
    program.append((0x15, 1, 0, architecture))
    answer(noSuchCall)
    load(0)
    #if arch(x86_64)
      // The x32 calls share the architecture and carry this bit.
      program.append((0x35, 0, 1, 0x4000_0000))
      answer(noSuchCall)
    #endif
    for (_, number) in refused {
      skipUnlessEqual(number, 1)
      answer(notPermitted)
    }
    skipUnlessEqual(socket, 3)
    load(16)
    skipUnlessEqual(vsockFamily, 1)
    answer(noSuchFamily)
    answer(allow)
    return program.flatMap { i in
      [UInt8(truncatingIfNeeded: i.code), UInt8(i.code >> 8), i.yes, i.no]
        + [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: i.value >> UInt32($0)) }
    }
  }
}
