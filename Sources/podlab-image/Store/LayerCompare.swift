// SPDX-License-Identifier: Apache-2.0
//
// An unpacked layer held against its archive: kind, size, content, mode, text of links. A name that is twice in the archive counts as it was last.
import CArchive
import Glibc
import Kernel

final class LayerCompare {
  private let tree: LayerTree
  /// Names that are not as in the archive.
  private(set) var differences: Set<String> = []
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 64)

  init(_ folder: String) throws(Failure) { tree = try LayerTree(folder) }
  deinit { buffer.deallocate() }

  func run(_ input: Decompression) throws(Failure) {
    try LayerReader.run(input) { entry, archive throws(Failure) in
      guard let raw = archive_entry_pathname(entry) else { return }
      let name = try EntryName(raw)
      if name.isRoot { return }
      let shown = name.plain
      guard try same(name, entry, archive) else {
        differences.insert(shown)
        return
      }
      differences.remove(shown)
      // What was below it before went with what it took the place of.
      if archive_entry_filetype(entry) != S_IFDIR { differences = differences.filter { !$0.hasPrefix(shown + "/") } }
    }
  }

  private func same(_ name: EntryName, _ entry: OpaquePointer, _ archive: OpaquePointer) throws(Failure) -> Bool {
    guard let folder = try tree.existing(name) else { return false }
    var s = stat()
    if let hidden = name.whitedOut {
      if hidden.starts(with: [46, 119, 104, 46]) { return true }
      // A whiteout, or something of this layer in its place.
      return fstatat(folder, hidden, &s, AT_SYMLINK_NOFOLLOW) == 0
    }
    let type = archive_entry_filetype(entry)
    let isThere = fstatat(folder, name.last, &s, AT_SYMLINK_NOFOLLOW) == 0
    if archive_entry_hardlink(entry) != nil { return isThere }
    // Left out where nobody may make it.
    if type == S_IFCHR || type == S_IFBLK { return !isThere || s.st_mode & S_IFMT == type }
    guard isThere, s.st_mode & S_IFMT == type else { return false }
    let mode = UInt32(archive_entry_perm(entry))
    switch type {
    case S_IFLNK:
      guard let text = archive_entry_symlink(entry), let base = buffer.baseAddress else { return false }
      let n = readlinkat(folder, name.last, base.assumingMemoryBound(to: CChar.self), buffer.count)
      return n == strlen(text) && memcmp(base, text, n) == 0
    case S_IFREG:
      guard s.st_mode & 0o7777 == mode, Int64(s.st_size) == archive_entry_size(entry) else { return false }
      let r = FolderEntries.open(folder, name.last, O_RDONLY | O_NOFOLLOW)
      if r < 0 { return false }
      let fd = FileDescriptor(owning: Int32(r))
      return try sameContent(fd.raw, archive)
    default: return geteuid() != 0 || s.st_mode & 0o7777 == mode
    }
  }

  private func sameContent(_ fd: Int32, _ archive: OpaquePointer) throws(Failure) -> Bool {
    var isSame = true
    while true {
      var piece: UnsafeRawPointer?
      var length = 0
      var offset: Int64 = 0
      let r = archive_read_data_block(archive, &piece, &length, &offset)
      if r == ARCHIVE_EOF { return isSame }
      try LayerReader.check(r, archive)
      var at = 0
      while isSame, at < length, let piece {
        guard let base = buffer.baseAddress else { return false }
        let n = pread(fd, base, min(buffer.count, length - at), Int(offset) + at)
        if n <= 0 || memcmp(base, piece + at, n) != 0 { isSame = false }
        at += n
      }
    }
  }
}
