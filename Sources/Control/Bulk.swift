// SPDX-License-Identifier: Apache-2.0
//
// What containers write (root file systems, logs, volumes that are to be on disk) lies in folders of RUN, and RUN is in memory on most machines: /run
// and $XDG_RUNTIME_DIR are a tmpfs. There the folders are links into DATA/run, if DATA can carry an overlay.
import Glibc
import Kernel

extension Instance {
  /// Names in RUN. Pods and what is left of them go together: one is renamed into the other.
  private static let bulk = ["pods", "trash"]
  /// Where RUN's links lead.
  var bulkFolder: String { data + "/run" }

  /// Whether RUN is in memory and DATA on a disk that overlayfs takes as its upper layer (Documentation/filesystems/overlayfs.rst).
  private var liesApart: Bool { FileSystem.kind(of: run) == .memory && FileSystem.kind(of: data) == .disk }

  /// Where instances of labs are made.
  public var labs: String { (liesApart ? bulkFolder : run) + "/labs" }
  /// Where they may have been made.
  public var allLabs: [String] { [run + "/labs", bulkFolder + "/labs"] }
  /// Removes the folders that held labs, if none is there any more.
  public func removeEmptyLabs() { for folder in allLabs + [bulkFolder] { _ = rmdir(folder) } }

  /// Makes the folders. The caller holds instance.lock, and the instance has no id of this boot yet.
  func makeBulkFolders(mode: UInt32) throws(SysError) {
    for name in Self.bulk where !FileSystem.exists("\(run)/\(name)") {
      guard liesApart else {
        try FileSystem.makeFolders("\(run)/\(name)", mode: mode)
        continue
      }
      try FileSystem.makeFolders("\(bulkFolder)/\(name)", mode: mode)
      // A link whose folder was removed.
      try FileSystem.removeTree("\(run)/\(name)")
      try FileSystem.symlink("\(bulkFolder)/\(name)", at: "\(run)/\(name)")
    }
  }
}
