// SPDX-License-Identifier: Apache-2.0
//
// The device rules on cgroup v2, which has no device controller: a BPF program that the kernel asks at each open and mknod of a device by a member of
// the group. bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE; cgroup-v2.rst, "Device controller".
import CLinux
import Glibc

enum DeviceFilter {
  /// The program of DeviceRules.allowed, loaded once in this process; -1 where this process may not load one (an ordinary user, who can make no
  /// device nodes either).
  private static let program: Int32 = {
    let code = instructions(DeviceRules.allowed)
    return code.withUnsafeBufferPointer { Int32(clamping: lx_bpf_load_device($0.baseAddress, UInt32($0.count))) }
  }()

  /// Puts a new group under the rules; they go with the group.
  static func attach(to folder: String) throws(SysError) {
    guard program >= 0 else { return }
    let group = try FileDescriptor.open(folder, O_RDONLY | O_DIRECTORY)
    try check(lx_bpf_attach_device(program, group.raw), "bpf", "BPF_PROG_ATTACH, \(folder)")
  }

  /// Each instruction in 8 bytes: operation, registers, jump, number (linux/bpf.h).
  static func instructions(_ rules: [DeviceRule]) -> [UInt64] {
    func make(_ op: UInt8, _ to: UInt8, _ from: UInt8 = 0, jump: Int16 = 0, _ number: Int32 = 0) -> UInt64 {
      UInt64(op) | UInt64(to | from << 4) << 8 | UInt64(UInt16(bitPattern: jump)) << 16 | UInt64(UInt32(bitPattern: number)) << 32
    }
    let (load, and, shift, copy, set, leave, jumpUnless): (UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8) = (0x61, 0x57, 0x77, 0xbf, 0xb7, 0x95, 0x55)
    // 1: what is asked. 2: access (1 mknod, 2 read, 4 write), 3: type (1 block, 2 character), 4: major, 5: minor.
    var all = [make(load, 2, 1), make(copy, 3, 2), make(and, 3, 0, 0xffff), make(shift, 2, 0, 16)]
    all += [make(load, 4, 1, jump: 4), make(load, 5, 1, jump: 8)]
    for r in rules {
      let allowed = r.access.reduce(Int32(0)) { $0 | ($1 == "m" ? 1 : $1 == "r" ? 2 : 4) }
      // What a jump leads over: the tests that follow it, and the two instructions of the answer.
      var tests: [(register: UInt8, number: Int32)] = [(3, r.type == "b" ? 1 : 2)]
      if let major = r.major { tests.append((4, Int32(major))) }
      if let minor = r.minor { tests.append((5, Int32(minor))) }
      let length = tests.count + 3 + 2
      for (i, t) in tests.enumerated() { all.append(make(jumpUnless, t.register, 0, jump: Int16(length - i - 1), t.number)) }
      all += [make(copy, 0, 2), make(and, 0, 0, ~allowed), make(jumpUnless, 0, 0, jump: 2, 0), make(set, 0, 0, 1), make(leave, 0)]
    }
    return all + [make(set, 0, 0), make(leave, 0)]
  }
}
