// SPDX-License-Identifier: Apache-2.0
//
// A folder whose files all change at once: they stand in a folder named by time, ..data points at it, and each name at the top points through
// ..data. A reader sees the old files or the new ones, never some of each. Kubernetes pkg/volume/util/atomic_writer.go.
import Glibc
import Kernel

struct AtomicFolder {
  let path: String

  /// Writes the payload. Nothing is touched when the files are already so.
  /// - Parameters:
  ///   - wall: names the new folder; nanoseconds since 1970.
  ///   - group: owner of files and folders (fsGroup), who may then read and enter; nil leaves them alone.
  /// - Returns: whether anything changed.
  @discardableResult
  func write(_ payload: Payload, wall: Int64, group: UInt32? = nil) throws(SysError) -> Bool {
    try FileSystem.makeFolders(path)
    let link = path + "/..data"
    let old = optional { () throws(SysError) in try FileSystem.readlink(link) }
    if let old, isSame(payload, path + "/" + old, group) { return false }

    let name = ".." + Self.stamp(wall)
    let folder = path + "/" + name
    try FileSystem.makeFolder(folder)
    for (file, content) in payload {
      let at = folder + "/" + file
      if let slash = file.lastIndex(of: "/") { try FileSystem.makeFolders(folder + "/" + file[..<slash]) }
      try FileSystem.write(at, content.bytes, mode: content.mode)
      if group != nil || content.owner != nil { try FileSystem.chown(at, content.owner ?? UInt32.max, group ?? UInt32.max) }
      try FileSystem.chmod(at, Self.mode(content.mode, group))
    }
    if let group {
      for sub in folders(payload) { try share(folder + "/" + sub, group) }
      try share(folder, group)
      try share(path, group)
    }
    let temporary = path + "/..data_tmp"
    _ = unlink(temporary)
    try FileSystem.symlink(name, at: temporary)
    try FileSystem.rename(temporary, to: link)

    let top = Set(payload.keys.map { String($0.prefix { $0 != "/" }) })
    for entry in try FileSystem.list(path) where !entry.hasPrefix("..") && !top.contains(entry) { try FileSystem.remove(path + "/" + entry) }
    for entry in top where optional({ () throws(SysError) in try FileSystem.readlink(path + "/" + entry) }) == nil {
      try FileSystem.symlink("..data/" + entry, at: path + "/" + entry)
    }
    // What is neither current nor of this writing: the old folder, or one left by a crash.
    for entry in try FileSystem.list(path) where entry.hasPrefix("..") && entry != "..data" && entry != name {
      try FileSystem.removeTree(path + "/" + entry)
    }
    return true
  }

  private static func mode(_ mode: UInt32, _ group: UInt32?) -> UInt32 { group == nil ? mode : mode | 0o440 }

  /// Belongs to the group, which may enter, and what is made in it does too.
  private func share(_ folder: String, _ group: UInt32) throws(SysError) {
    try FileSystem.chown(folder, UInt32.max, group)
    try FileSystem.chmod(folder, try FileSystem.info(folder).mode & 0o7777 | 0o2550)
  }

  /// Every folder that the payload's paths need, deepest last.
  private func folders(_ payload: Payload) -> [String] {
    var all: Set<String> = []
    for file in payload.keys {
      var parts = file.split(separator: "/")
      while parts.count > 1 {
        parts.removeLast()
        all.insert(parts.joined(separator: "/"))
      }
    }
    return all.sorted()
  }

  private func isSame(_ payload: Payload, _ folder: String, _ group: UInt32?) -> Bool {
    var files: [String] = []
    guard collect(folder, "", &files), Set(files) == Set(payload.keys) else { return false }
    for (file, content) in payload {
      guard let info = optional({ () throws(SysError) in try FileSystem.info(folder + "/" + file) }), info.mode & 0o7777 == Self.mode(content.mode, group),
        info.size == Int64(content.bytes.count), optional({ () throws(SysError) in try FileSystem.read(folder + "/" + file) }) == content.bytes
      else { return false }
    }
    return true
  }

  private func collect(_ folder: String, _ below: String, _ files: inout [String]) -> Bool {
    guard let names = optional({ () throws(SysError) in try FileSystem.list(folder) }) else { return false }
    for name in names {
      let here = folder + "/" + name
      if FileSystem.isFolder(here) {
        guard collect(here, below + name + "/", &files) else { return false }
      } else {
        files.append(below + name)
      }
    }
    return true
  }

  /// 2026_11_24_08_00_00.123456789
  static func stamp(_ wall: Int64) -> String {
    let t = LogFormat.timestamp(wall)
    return String(t.dropLast().map { $0 == "-" || $0 == "T" || $0 == ":" ? "_" : $0 })
  }
}
