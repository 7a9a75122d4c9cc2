// SPDX-License-Identifier: Apache-2.0
//
// Who the people in an arena are, seen from outside: ids that own nothing on this machine. user_namespaces(7).
import Glibc
import Kernel

enum UserRange {
  /// Ids of one arena.
  static let size = 65536
  /// Above every range that Debian, systemd and useradd give away, below 2^31.
  static let first: UInt32 = 1_900_000_000
  static let arenas = 256

  /// Whether this process holds every id there is: then arenas get ranges of their own; inside a user namespace they share its ids.
  static var hasAllIDs: Bool {
    guard let map = optional({ () throws(SysError) in try FileSystem.readText("/proc/self/uid_map") }) else { return false }
    let fields = map.split { $0 == " " || $0 == "\n" }.compactMap { UInt64($0) }
    return fields.count == 3 && fields[0] == 0 && fields[2] > 2_100_000_000
  }

  /// A user namespace in which 0… are `firstID`… outside (0: the same ids as outside), as a descriptor that keeps it.
  static func make(_ firstID: UInt32) throws(SysError) -> FileDescriptor {
    let gate = try FileDescriptor.pipe()
    var plan = SpawnPlan(.paths(["/proc/self/exe"]), ["podlab-user-range"])
    plan.namespaces = .user
    // It never gets as far as its program: nobody writes the byte.
    plan.steps = [SpawnStep(.readByte(fd: gate.read.raw, writer: gate.write.raw))]
    var holder = try plan.begin()
    defer { holder.abandon() }
    for kind in ["uid", "gid"] {
      let map = firstID == 0 ? try same(kind) : "0 \(firstID) \(size)\n"
      do { try FileSystem.put("/proc/\(holder.pid)/\(kind)_map", map) } catch { throw error.during("giving the arena its ids") }
    }
    return try FileDescriptor.open("/proc/\(holder.pid)/ns/user", O_RDONLY)
  }

  /// Every id of this namespace, to itself.
  private static func same(_ kind: String) throws(SysError) -> String {
    try FileSystem.readText("/proc/self/\(kind)_map").split(separator: "\n").map { line in
      let fields = line.split(separator: " ")
      return fields.count == 3 ? "\(fields[0]) \(fields[0]) \(fields[2])\n" : ""
    }.joined()
  }
}
