// SPDX-License-Identifier: Apache-2.0
//
// What holds an arena from outside: a range of ids of its own and a cgroup with limits. Both are named after the arena, so
// that whoever comes after a crash finds them.
import Glibc
import Kernel

public final class Fence {
  /// Outside id of the arena's root; 0 where arenas share the ids there are.
  public let firstID: UInt32
  private let cgroups: any CgroupDriver
  private let path: String
  let record: ArenaRecord
  private let entry: CgroupEntry
  private var slot: Slot?
  private var removed = false

  /// full: a cgroup with limits; weak: none is to be had.
  public var limits: String { cgroups.lack == nil ? "full" : "weak" }
  public var version: String { cgroups.version }

  /// `records` is the folder in which the arenas of this user leave their names.
  public init(id: String, records: String, limits: ArenaLimits) throws(SysError) {
    ArenaRecord.sweep(records)
    try FileSystem.makeFolders(records, mode: 0o700)
    let slot = try Slot.take(records)
    (firstID, self.slot) = (slot?.firstID ?? 0, slot)
    cgroups = Cgroups.discover()
    path = ArenaRecord.cgroup(id)
    record = ArenaRecord(id: id, folder: records)
    try record.write(holder: ProcessIdentity(pid: getpid()))
    var wanted = CgroupLimits()
    wanted.memory = limits.memoryBytes
    wanted.processes = limits.processes
    // One processor's worth of time, whatever else runs.
    wanted.cpuQuota = 100_000
    try cgroups.create(path, limits: wanted)
    entry = cgroups.entry(path)
  }

  /// Puts a process behind the fence.
  func add(_ pid: Int32) throws(SysError) {
    let files = entry.tasks + (entry.folder.map { ["\($0)/cgroup.procs"] } ?? [])
    for file in files {
      do { try FileSystem.put(file, "\(pid)") } catch where error.errno == ESRCH {
        // It has ended already.
      }
    }
  }

  var oomKills: Int64 { cgroups.oomKills(path) }

  /// Removes the cgroup; what still ran in it is killed. Gives the ids back.
  func remove() {
    guard !removed else { return }
    removed = true
    _ = optional { () throws(SysError) in try cgroups.remove(path) }
    record.remove()
    slot = nil
  }

  /// The record and the cgroup outlive this process: `lab clean` removes them (ArenaRecord.sweep).
  func leave() { removed = true }

  deinit { remove() }
}

/// A range of ids that no other arena has, as long as the value lives (or the process).
private final class Slot {
  let firstID: UInt32
  private let lock: FileLock

  private init(_ number: Int, _ lock: consuming FileLock) {
    firstID = UserRange.first + UInt32(number * UserRange.size)
    self.lock = lock
  }

  /// nil where arenas share the ids there are.
  static func take(_ records: String) throws(SysError) -> Slot? {
    guard UserRange.hasAllIDs else { return nil }
    for number in 0..<UserRange.arenas {
      if let lock = try FileLock.attempt("\(records)/ids-\(number)") { return Slot(number, lock) }
    }
    throw SysError(step: "finding ids for an arena", call: "flock", object: records, errno: EAGAIN, hint: "\(UserRange.arenas) arenas are running")
  }
}
