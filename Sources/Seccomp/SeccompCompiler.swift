// SPDX-License-Identifier: Apache-2.0
//
// A profile as the kernel takes it: a BPF program, made by libseccomp. seccomp_rule_add(3), seccomp_export_bpf(3).
import CSeccomp
import Glibc
import Kernel

extension SeccompProfile {
  /// The program, 8 bytes an instruction. Calls that libseccomp does not know are passed over, as container runtimes do.
  public func compiled() throws(Malformed) -> [UInt8] {
    guard let context = seccomp_init(code(fallback)) else { throw Malformed("libseccomp refuses the default action") }
    defer { seccomp_release(context) }
    // Looking a call up by halves, where the library can.
    _ = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2)
    for name in architectures {
      let bare = name.hasPrefix("SCMP_ARCH_") ? String(name.dropFirst(10)) : name
      let token = seccomp_arch_resolve_name(bare.lowercased())
      if token == 0 { throw Malformed("architectures: Unsupported value: \"\(name)\"") }
      let r = seccomp_arch_add(context, token)
      if r != 0 && r != -EEXIST { throw Malformed("architectures: \(name): \(errnoText(-r))") }
    }
    for rule in rules where rule.action != fallback {
      for call in rule.calls {
        let number = seccomp_syscall_resolve_name(call)
        if number == -1 { continue }  // __NR_SCMP_ERROR
        for group in groups(rule.arguments) {
          let r = seccomp_rule_add_array(context, code(rule.action), number, UInt32(group.count), group.map(lowered))
          if r != 0 && r != -EEXIST { throw Malformed("\(call): \(errnoText(-r))") }
        }
      }
    }
    return try exported(context)
  }

  /// One argument twice in a rule means "or" (runc): each condition is a rule of its own then.
  private func groups(_ arguments: [Argument]) -> [[Argument]] {
    Set(arguments.map(\.index)).count == arguments.count ? [arguments] : arguments.map { [$0] }
  }

  private func lowered(_ a: Argument) -> scmp_arg_cmp {
    let op =
      switch a.comparison {
      case .notEqual: SCMP_CMP_NE
      case .less: SCMP_CMP_LT
      case .lessOrEqual: SCMP_CMP_LE
      case .equal: SCMP_CMP_EQ
      case .greaterOrEqual: SCMP_CMP_GE
      case .greater: SCMP_CMP_GT
      case .maskedEqual: SCMP_CMP_MASKED_EQ
      }
    return scmp_arg_cmp(arg: a.index, op: op, datum_a: a.value, datum_b: a.second)
  }

  private func code(_ action: Action) -> UInt32 {
    switch action {
    case .killThread: 0x0000_0000
    case .killProcess: 0x8000_0000
    case .trap: 0x0003_0000
    case .fail(let code): podlab_seccomp_errno(code)
    case .trace(let message): podlab_seccomp_trace(message)
    case .log: 0x7ffc_0000
    case .allow: 0x7fff_0000
    }
  }

  /// The library writes to a descriptor.
  private func exported(_ context: scmp_filter_ctx) throws(Malformed) -> [UInt8] {
    do throws(SysError) {
      // The kernel's most, 4096 instructions of 8 bytes, fit into a pipe.
      let (read, write) = try FileDescriptor.pipe().ends()
      let end = FileDescriptor(owning: read)
      _ = fcntl(write, F_SETFL, O_NONBLOCK)
      let r = seccomp_export_bpf(context, write)
      _ = close(write)
      if r != 0 { throw SysError(call: "seccomp_export_bpf", object: "a pipe", errno: -r, hint: "the profile may be too large for one filter") }
      return try FileSystem.read(end.raw, "the filter", limit: 1 << 20)
    } catch { throw Malformed("\(error)") }
  }
}
