// SPDX-License-Identifier: Apache-2.0
//
// Where a user namespace maps one id, the kernel refuses every other: a server that becomes another user, or gives files away, ends at once. A container
// with this filter is told "done" instead, and stays what it is. Only for ids that are not there: root's own are passed on. For images that say that
// they need it, with an event of the Pod; seccomp(2), bpf's classic instructions.

public enum IgnoredUserChanges {
  /// The system calls, and which of their arguments are ids. No ids: the whole call is answered.
  private static let calls: [(number: UInt32, ids: [UInt32])] = {
    #if arch(arm64)
      [
        (54, [2, 3]), (55, [1, 2]),  // fchownat, fchown
        (143, [0, 1]), (144, [0]), (145, [0, 1]), (146, [0]), (147, [0, 1, 2]), (149, [0, 1, 2]),  // setregid, setgid, setreuid, setuid, setresuid, setresgid
        (151, [0]), (152, [0]), (159, []),  // setfsuid, setfsgid, setgroups
      ]
    #else
      [
        (92, [1, 2]), (93, [1, 2]), (94, [1, 2]), (260, [2, 3]),  // chown, fchown, lchown, fchownat
        (105, [0]), (106, [0]), (113, [0, 1]), (114, [0, 1]), (117, [0, 1, 2]), (119, [0, 1, 2]),  // setuid, setgid, setreuid, setregid, setresuid, setresgid
        (122, [0]), (123, [0]), (116, []),  // setfsuid, setfsgid, setgroups
      ]
    #endif
  }()

  private static let architecture: UInt32 = {
    #if arch(arm64)
      0xc000_00b7
    #else
      0xc000_003e
    #endif
  }()

  /// Goes over the container's own filter: of two answers the kernel takes the stricter one, and an error is stricter than leave.
  public static let filter: SeccompFilter = {
    let (load, equal, answer): (UInt16, UInt16, UInt16) = (0x20, 0x15, 0x06)
    let (allow, done): (UInt32, UInt32) = (0x7fff_0000, 0x0005_0000)
    var program: [UInt8] = []
    func add(_ code: UInt16, _ value: UInt32, yes: UInt8 = 0, no: UInt8 = 0) {
      program += withUnsafeBytes(of: code.littleEndian) { Array($0) } + [yes, no] + withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
    // struct seccomp_data: number at 0, architecture at 4, arguments from 16.
    add(load, 4)
    add(equal, architecture, yes: 1)
    add(answer, allow)
    for c in calls {
      let count = c.ids.isEmpty ? 1 : UInt8(c.ids.count) * 4 + 1
      add(load, 0)
      add(equal, c.number, no: count)
      for id in c.ids {
        // The lower half: ids have 32 bits. 0 is root, all ones is "leave as it is"; any other does not exist.
        add(load, 16 + 8 * id)
        add(equal, 0, yes: 2)
        add(equal, .max, yes: 1)
        add(answer, done)
      }
      add(answer, c.ids.isEmpty ? done : allow)
    }
    add(answer, allow)
    return SeccompFilter(program: program, flags: 0)
  }()
}
