// SPDX-License-Identifier: Apache-2.0
//
// Times and owners of what a layer unpacks to.
import Glibc
import Kernel

/// The times of the folders, set when nothing more is made in them. Kept as plain bytes: an archive may have many.
struct FolderTimes {
  private var names: [CChar] = []
  private var times: [(start: Int, seconds: Int, nanoseconds: Int)] = []

  mutating func add(_ name: [CChar], _ seconds: Int, _ nanoseconds: Int) {
    times.append((names.count, seconds, nanoseconds))
    names += name
  }

  func set(in tree: LayerTree) throws(Failure) {
    for t in times {
      names.withUnsafeBufferPointer { b in
        guard let name = b.baseAddress.map({ $0 + t.start }) else { return }
        // What has gone since, or became something else, has a time of its own.
        let fd = FolderEntries.openBeneath(tree.root.raw, name, O_RDONLY | O_DIRECTORY)
        if fd < 0 { return }
        let time = timespec(tv_sec: t.seconds, tv_nsec: t.nanoseconds)
        _ = futimens(Int32(fd), [time, time])
        _ = close(Int32(fd))
      }
    }
  }
}

/// Which owners there are here: all for root, those of the map in a user namespace. user_namespaces(7).
struct OwnerIDs {
  private let users: [(first: Int64, count: Int64)]
  private let groups: [(first: Int64, count: Int64)]
  /// Root of the machine: devices are made.
  let mayMakeDevices: Bool

  init() {
    func map(_ path: String) -> [(Int64, Int64)] {
      let text: String
      do throws(SysError) { text = try FileSystem.readText(path) } catch { return [(0, 1)] }
      return text.split(separator: "\n").compactMap { line in
        let f = line.split(separator: " ").compactMap { Int64($0) }
        return f.count == 3 ? (f[0], f[2]) : nil
      }
    }
    users = map("/proc/self/uid_map")
    groups = map("/proc/self/gid_map")
    mayMakeDevices = geteuid() == 0 && users.contains { $0.count == 4_294_967_295 }
  }

  /// One id only: every file is its own.
  var isOne: Bool { geteuid() != 0 || users.reduce(0) { $0 + $1.count } == 1 }
  func hasUser(_ id: Int64) -> Bool { users.contains { id >= $0.first && id - $0.first < $0.count } }
  func hasGroup(_ id: Int64) -> Bool { groups.contains { id >= $0.first && id - $0.first < $0.count } }
}
