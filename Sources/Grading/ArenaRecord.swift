// SPDX-License-Identifier: Apache-2.0
//
// An arena's name on disk, written before anything is made and removed after everything is gone: what a crash leaves is
// found here, and a kept arena is reached through it.
import Glibc
import Kernel
import Manifest

public struct ArenaRecord: Sendable {
  public let id: String
  /// The folder of all records.
  let folder: String

  static func cgroup(_ id: String) -> String { "podlab-arena-\(id)" }
  private static let file = "arena.json"
  /// The folder that `podctl --root` takes to reach a kept arena.
  public var root: String { "\(folder)/\(id)" }

  /// Whoever holds the arena: when that process is gone, so is the arena.
  func write(holder: ProcessIdentity?) throws(SysError) {
    guard let holder else { throw SysError(call: "read", object: "/proc", errno: 3) }
    try FileSystem.makeFolders(root, mode: 0o700)
    let value = Value.object([("pid", .int(Int64(holder.pid))), ("startTime", .int(Int64(clamping: holder.startTime)))])
    try FileSystem.writeAtomically("\(root)/\(Self.file)", Array((JSON.compact(value) + "\n").utf8), mode: 0o600)
  }

  func remove() { _ = optional { () throws(SysError) in try FileSystem.removeTree(root) } }

  /// The arena that a folder is the record of; nil where it is none's.
  public init?(at root: String) {
    guard let slash = root.lastIndex(of: "/"), FileSystem.exists("\(root)/\(Self.file)") else { return nil }
    self.init(id: String(root[root.index(after: slash)...]), folder: String(root[..<slash]))
  }

  init(id: String, folder: String) { (self.id, self.folder) = (id, folder) }

  /// The process that holds the arena; nil where it has ended.
  var holder: ProcessIdentity? {
    guard let bytes = optional({ () throws(SysError) in try FileSystem.read("\(root)/\(Self.file)") }), let value = try? JSON.parse(bytes),
      let pid = value["pid"]?.int, let start = value["startTime"]?.int
    else { return nil }
    let identity = ProcessIdentity(pid: Int32(truncatingIfNeeded: pid), startTime: UInt64(bitPattern: start))
    return identity.isAlive ? identity : nil
  }

  /// Every arena that has left its name.
  public static func all(_ folder: String) -> [ArenaRecord] {
    (optional { () throws(SysError) in try FileSystem.list(folder) } ?? [])
      .filter { FileSystem.exists("\(folder)/\($0)/\(file)") }.map { ArenaRecord(id: $0, folder: folder) }
  }

  /// Removes what arenas have left whose holder is gone; with `living`, ends the kept ones too. Answers whose.
  @discardableResult
  public static func sweep(_ folder: String, living: Bool = false) -> [String] {
    var swept: [String] = []
    for record in all(folder) {
      if let holder = record.holder {
        guard living else { continue }
        // The end of PID 1 ends everything in there. It is waited for, at most ten seconds.
        if let fd = holder.open() {
          holder.signal(SIGKILL)
          var end = pollfd(fd: fd.raw, events: Int16(POLLIN), revents: 0)
          _ = poll(&end, 1, 10_000)
        }
      }
      _ = optional { () throws(SysError) in try Cgroups.discover().remove(cgroup(record.id)) }
      record.remove()
      swept.append(record.id)
    }
    return swept
  }
}
