// SPDX-License-Identifier: Apache-2.0
//
// The folder that a layer becomes. Every name is looked up below an open descriptor of that folder, through no symbolic link (openat2(2)), and never
// with "..": whatever the archive says, nothing outside can be reached. overlayfs.rst; image-spec, layer.md.
import Glibc
import Kernel

/// A name of an archive, split: its folder's parts joined by /, and its last part. Both empty: the layer's own folder.
struct EntryName {
  /// Bytes, each ended by a zero.
  var folder: [CChar]
  var last: [CChar]
  /// For messages.
  let shown: String

  /// A leading / is the layer's folder, as for every container engine; ".." is refused.
  init(_ raw: UnsafePointer<CChar>) throws(Failure) {
    shown = String(cString: raw)
    let bytes = UnsafeBufferPointer(start: raw, count: strlen(raw))
    if bytes.count > LayerLimits.name { throw Failure("a name in the layer has more than \(LayerLimits.name) bytes: \(shown.prefix(100))…") }
    var parts: [ArraySlice<CChar>] = []
    for part in Array(bytes).split(separator: 47) where part != [46] {
      if part == [46, 46] { throw Failure("\(shown): leads out of its folder (..): refused") }
      parts.append(part)
    }
    last = parts.popLast().map { $0 + [0] } ?? [0]
    folder = Array(parts.joined(separator: [47])) + [0]
  }

  var isRoot: Bool { last.count == 1 }
  /// folder/last
  var whole: [CChar] { folder.count == 1 ? last : folder.dropLast() + [47] + last }

  /// The whole name as text, without what does not count.
  var plain: String { String(decoding: whole.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self) }

  /// What stands behind .wh. in the last part; nil where nothing is whited out by this name.
  var whitedOut: [CChar]? { last.count > 5 && last.starts(with: [46, 119, 104, 46]) ? Array(last.dropFirst(4)) : nil }
}

final class LayerTree {
  let root: FileDescriptor
  private let shownRoot: String
  /// The folder in which the last entry was made; -1 for none.
  private var parent: Int32 = -1
  private var parentName: [CChar] = []

  /// Into an empty folder.
  init(_ folder: String) throws(Failure) {
    shownRoot = folder
    do throws(SysError) { root = try FileDescriptor.open(folder, O_RDONLY | O_DIRECTORY) } catch { throw Failure(error) }
  }

  /// Descriptor of the folder that holds the name, valid until the next call; made where it is missing.
  func folder(of name: EntryName) throws(Failure) -> Int32 {
    if let there = try existing(name) { return there }
    parent = try make(name).release()
    parentName = name.folder
    return parent
  }

  /// The same; nil where it is missing.
  func existing(_ name: EntryName) throws(Failure) -> Int32? {
    if name.folder.count == 1 { return root.raw }
    if parent >= 0, parentName == name.folder { return parent }
    forget()
    guard let opened = try find(name.folder) else { return nil }
    (parent, parentName) = (opened, name.folder)
    return opened
  }

  private func forget() {
    if parent >= 0 { _ = close(parent) }
    parent = -1
    parentName = []
  }
  deinit { forget() }

  /// nil where it is missing, or something that was whited out is in the way.
  private func find(_ path: [CChar]) throws(Failure) -> Int32? {
    let r = FolderEntries.openBeneath(root.raw, path, FileDescriptor.pathOnly | O_DIRECTORY)
    if r >= 0 { return Int32(r) }
    switch Int32(-r) {
    case ENOENT, ENOTDIR: return nil
    case ELOOP: throw Failure("\(shown(path)): leads through a symbolic link: refused")
    default: throw Failure(SysError(step: "unpacking", call: "openat2", object: shown(path), errno: Int32(-r)))
    }
  }

  /// Part by part.
  private func make(_ name: EntryName) throws(Failure) -> FileDescriptor {
    var at: FileDescriptor
    do throws(SysError) { at = try root.duplicate() } catch { throw Failure(error) }
    for part in name.folder.dropLast().split(separator: 47).map({ Array($0) + [0] }) {
      var s = stat()
      if fstatat(at.raw, part, &s, AT_SYMLINK_NOFOLLOW) != 0 {
        if mkdirat(at.raw, part, 0o755) != 0 { throw failed("mkdirat", name.shown) }
      } else if isWhiteout(s) {
        // A folder in the place of something that is whited out: new, and nothing from below shines through.
        if unlinkat(at.raw, part, 0) != 0 || mkdirat(at.raw, part, 0o755) != 0 { throw failed("mkdirat", name.shown) }
        try setOpaque(at.raw, part, name.shown)
      } else if s.st_mode & S_IFMT == S_IFLNK {
        throw Failure("\(name.shown): leads through a symbolic link: refused")
      } else if s.st_mode & S_IFMT != S_IFDIR {
        throw Failure("\(name.shown): \(shown(part)) is a file in this layer, not a folder")
      }
      let next = FolderEntries.open(at.raw, part, FileDescriptor.pathOnly | O_DIRECTORY | O_NOFOLLOW)
      if next < 0 { throw Failure(SysError(step: "unpacking", call: "openat", object: name.shown, errno: Int32(-next))) }
      at = FileDescriptor(owning: Int32(next))
    }
    return at
  }

  /// What `clear` left at a name.
  enum Left { case nothing, folder, whiteout }

  /// Makes room for an entry: what another entry of this layer put there goes. keepFolder: but a folder stays. `whiteout`: a whiteout was there, and
  /// is gone.
  func clear(_ folder: Int32, _ last: [CChar], keepFolder: Bool, _ shown: String) throws(Failure) -> Left {
    var s = stat()
    if fstatat(folder, last, &s, AT_SYMLINK_NOFOLLOW) != 0 { return .nothing }
    if s.st_mode & S_IFMT == S_IFDIR {
      if keepFolder { return .folder }
      // Aside first: a name need not be text, a path here is.
      let aside = shownRoot + "-gone"
      if renameat(folder, last, AT_FDCWD, aside) != 0 { throw failed("renameat", shown) }
      try failing { () throws(SysError) in try FileSystem.removeTree(aside) }
      return .nothing
    }
    if unlinkat(folder, last, 0) != 0 { throw failed("unlinkat", shown) }
    return isWhiteout(s) ? .whiteout : .nothing
  }

  private func isWhiteout(_ s: stat) -> Bool { s.st_mode & S_IFMT == S_IFCHR && s.st_rdev == 0 }

  /// As overlay wants it: for a mount by root, and for one in a user namespace (userxattr).
  func setOpaque(_ folder: Int32, _ last: [CChar], _ shown: String) throws(Failure) {
    let path = Self.path(folder, last)
    let r = FolderEntries.setAttribute(path, "user.overlay.opaque", "y", 1)
    if r < 0 {
      throw Failure(
        SysError(
          step: "marking a folder as opaque", call: "setxattr", object: shown, errno: Int32(-r),
          hint: "the image store needs a file system with user xattrs: ext4, xfs, btrfs, tmpfs from Linux 6.6"))
    }
    // Refused in a user namespace, where it would mean nothing.
    _ = FolderEntries.setAttribute(path, "trusted.overlay.opaque", "y", 1)
  }

  /// A character device 0:0: the kernel lets everybody make this one (since 5.8).
  func whiteOut(_ folder: Int32, _ last: [CChar], _ shown: String) throws(Failure) {
    if mknodat(folder, last, S_IFCHR, 0) != 0 { throw failed("mknodat", shown, "the image store needs a file system that keeps device nodes") }
  }

  /// For the calls that take no descriptor of a folder.
  static func path(_ folder: Int32, _ last: [CChar]) -> [CChar] { Array("/proc/self/fd/\(folder)/".utf8.map { CChar(bitPattern: $0) }) + last }

  func failed(_ call: String, _ shown: String, _ hint: String? = nil) -> Failure {
    Failure(SysError(step: "unpacking a layer", call: call, object: shown, errno: errno, hint: hint))
  }
  private func shown(_ path: [CChar]) -> String { String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self) }
}
