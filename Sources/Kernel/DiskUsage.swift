// SPDX-License-Identifier: Apache-2.0
//
// What a tree of files takes, as du(1) counts it.
import Glibc

extension FileSystem {
  /// Bytes on disk of a folder and all below it, a file with several names once, on this file system only. What vanishes meanwhile does not count.
  public static func usage(of path: String) -> Int64 {
    var seen: Set<UInt64> = []
    var s = stat()
    guard lstat(path, &s) == 0 else { return 0 }
    let device = s.st_dev
    var sum = Int64(s.st_blocks) * 512
    var folders = [path]
    while let folder = folders.popLast() {
      for name in optional({ () throws(SysError) in try list(folder) }) ?? [] {
        let entry = folder + "/" + name
        guard lstat(entry, &s) == 0, s.st_dev == device else { continue }
        let isFolder = s.st_mode & S_IFMT == S_IFDIR
        if isFolder { folders.append(entry) }
        if isFolder || s.st_nlink == 1 || seen.insert(UInt64(s.st_ino)).inserted { sum += Int64(s.st_blocks) * 512 }
      }
    }
    return sum
  }
}
