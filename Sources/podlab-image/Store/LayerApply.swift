// SPDX-License-Identifier: Apache-2.0
//
// The second half of a layer's way: the archive's entries become files, folders, links, nodes and whiteouts (LayerTree.swift).
import CArchive
import Glibc
import Kernel

/// What of a layer could not be made as it is in the archive; said when the work is done.
struct LayerNotes {
  var devices = 0
  var attributes = 0
  var owners = 0
  /// The first of each.
  var device = ""
  var attribute = ""
  var owner = ""

  var lines: [String] {
    var all: [String] = []
    if devices > 0 { all.append("\(devices) device node\(devices == 1 ? "" : "s") left out (\(device)): only root outside of a user namespace can make them") }
    if attributes > 0 { all.append("\(attributes) extended attribute\(attributes == 1 ? "" : "s") left out (\(attribute))") }
    if owners > 0 { all.append("\(owners) file\(owners == 1 ? "" : "s") with an owner that has no id here belong\(owners == 1 ? "s" : "") to root (\(owner))") }
    return all
  }
}

final class LayerApply {
  private let tree: LayerTree
  private let owners: OwnerIDs
  private(set) var notes = LayerNotes()
  private var count = 0
  private var bytes: Int64 = 0
  private var setGroupSeen = false
  private var times = FolderTimes()

  init(_ folder: String) throws(Failure) {
    tree = try LayerTree(folder)
    owners = OwnerIDs()
  }

  /// Reads the archive from `input` to its end. progress: bytes of the blob so far.
  func run(_ input: Decompression, progress: (Int64) -> Void) throws(Failure) {
    let mask = umask(0)
    defer { umask(mask) }
    try LayerReader.run(input) { entry, archive throws(Failure) in
      try apply(entry, archive, input)
      // Now and then, and after each large file.
      if count & 63 == 0 || archive_entry_size(entry) > 1 << 20 { progress(input.progress) }
    }
    try times.set(in: tree)
  }

  private func check(_ result: Int32, _ archive: OpaquePointer) throws(Failure) { try LayerReader.check(result, archive) }

  private func apply(_ entry: OpaquePointer, _ archive: OpaquePointer, _ input: Decompression) throws(Failure) {
    count += 1
    if count > LayerLimits.entries { throw Failure("the layer has more than \(LayerLimits.entries) entries: refused") }
    guard let raw = archive_entry_pathname(entry) else { throw Failure("entry \(count) of the layer has a name that cannot be read") }
    let name = try EntryName(raw)
    let type = archive_entry_filetype(entry)
    if name.isRoot {
      guard type == S_IFDIR else { throw Failure("\(name.shown): is to take the place of the layer's own folder: refused") }
      return try finishFolder(tree.root.raw, [46, 0], entry, name)
    }
    let folder = try tree.folder(of: name)
    if let out = name.whitedOut { return try whiteOut(out, folder, name) }
    if let target = archive_entry_hardlink(entry) { return try link(target, folder, name) }
    switch type {
    case S_IFREG: try file(folder, entry, archive, input, name)
    case S_IFDIR:
      if mkdirat(folder, name.last, 0o700) != 0 {
        guard errno == EEXIST else { throw tree.failed("mkdirat", name.shown) }
        let left = try tree.clear(folder, name.last, keepFolder: true, name.shown)
        if left != .folder, mkdirat(folder, name.last, 0o700) != 0 { throw tree.failed("mkdirat", name.shown) }
        // In the place of something that is whited out: new, and nothing from below shines through.
        if left == .whiteout { try tree.setOpaque(folder, name.last, name.shown) }
      }
      try finishFolder(folder, name.last, entry, name)
    case S_IFLNK:
      guard let text = archive_entry_symlink(entry) else { throw Failure("\(name.shown): a symbolic link whose text cannot be read") }
      if symlinkat(text, folder, name.last) != 0 {
        guard errno == EEXIST else { throw tree.failed("symlinkat", name.shown) }
        _ = try tree.clear(folder, name.last, keepFolder: false, name.shown)
        if symlinkat(text, folder, name.last) != 0 { throw tree.failed("symlinkat", name.shown) }
      }
      try finish(folder, name.last, entry, name, mode: nil)
    case S_IFIFO: try node(folder, S_IFIFO, 0, entry, name)
    case S_IFCHR, S_IFBLK:
      let device = archive_entry_rdev(entry)
      // 0:0 would be a whiteout: no name says so, and no program uses it.
      if device == 0 || !owners.mayMakeDevices {
        if notes.devices == 0 { notes.device = name.shown }
        notes.devices += 1
        return
      }
      try node(folder, type, UInt64(device), entry, name)
    default: throw Failure("\(name.shown): an entry of unknown type")
    }
  }

  // MARK: kinds

  private func whiteOut(_ hidden: [CChar], _ folder: Int32, _ name: EntryName) throws(Failure) {
    // .wh..wh..opq: all of the folder that lies below is hidden. Other names of that kind are aufs' own affairs.
    if hidden.starts(with: [46, 119, 104, 46]) {
      if hidden == [46, 119, 104, 46, 46, 111, 112, 113, 0] { try tree.setOpaque(folder, [46, 0], name.shown) }
      return
    }
    if hidden == [0] || hidden == [46, 0] || hidden == [46, 46, 0] || hidden.count == 1 { throw Failure("\(name.shown): a whiteout of nothing: refused") }
    var s = stat()
    if fstatat(folder, hidden, &s, AT_SYMLINK_NOFOLLOW) == 0 {
      // Of this very layer: it hides what is below by being there.
      if s.st_mode & S_IFMT == S_IFDIR { try tree.setOpaque(folder, hidden, name.shown) }
      return
    }
    try tree.whiteOut(folder, hidden, name.shown)
  }

  private func link(_ target: UnsafePointer<CChar>, _ folder: Int32, _ name: EntryName) throws(Failure) {
    let to = try EntryName(target)
    if to.isRoot { throw Failure("\(name.shown): a hard link to the layer's own folder: refused") }
    // The cache holds one folder: keep this one while the other is looked up.
    let here = dup(folder)
    if here < 0 { throw tree.failed("dup", name.shown) }
    defer { _ = close(here) }
    guard let there = try tree.existing(to) else { throw Failure("\(name.shown): a hard link to \(to.shown), which this layer has not") }
    func attempt() -> Bool { linkat(there, to.last, here, name.last, 0) == 0 }
    if attempt() { return }
    if errno == EEXIST {
      var (a, b) = (stat(), stat())
      if fstatat(there, to.last, &a, AT_SYMLINK_NOFOLLOW) == 0, fstatat(here, name.last, &b, AT_SYMLINK_NOFOLLOW) == 0, a.st_ino == b.st_ino { return }
      if fstatat(there, to.last, &a, AT_SYMLINK_NOFOLLOW) != 0 { throw Failure("\(name.shown): a hard link to \(to.shown), which this layer has not") }
      let stays = try tree.clear(here, name.last, keepFolder: true, name.shown)
      if stays == .folder { throw Failure("\(name.shown): a hard link in the place of a folder: refused") }
      if attempt() { return }
    }
    if errno == ENOENT { throw Failure("\(name.shown): a hard link to \(to.shown), which this layer has not") }
    throw tree.failed("linkat", name.shown)
  }

  private func file(_ folder: Int32, _ entry: OpaquePointer, _ archive: OpaquePointer, _ input: Decompression, _ name: EntryName) throws(Failure) {
    defer { input.mayEnd = true }
    let size = archive_entry_size(entry)
    bytes += size
    if size < 0 || size > LayerLimits.bytes || bytes > LayerLimits.bytes {
      throw Failure("\(name.shown): \(size) bytes, more than the \(LayerLimits.bytes >> 30) GiB that a layer may have: refused")
    }
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
    let mode = UInt32(archive_entry_perm(entry)) & 0o777
    var opened = FolderEntries.open(folder, name.last, flags, mode: mode)
    if opened == -Int(EEXIST) {
      _ = try tree.clear(folder, name.last, keepFolder: false, name.shown)
      opened = FolderEntries.open(folder, name.last, flags, mode: mode)
    }
    if opened < 0 { throw Failure(SysError(step: "unpacking a layer", call: "openat", object: name.shown, errno: Int32(-opened))) }
    let fd = FileDescriptor(owning: Int32(opened))
    var end: Int64 = 0
    while true {
      var piece: UnsafeRawPointer?
      var length = 0
      var offset: Int64 = 0
      input.mayEnd = end == size
      let r = archive_read_data_block(archive, &piece, &length, &offset)
      if r == ARCHIVE_EOF { break }
      try check(r, archive)
      if offset < end || offset + Int64(length) > size { throw Failure("\(name.shown): data outside of its \(size) bytes: refused") }
      var at = 0
      while at < length, let piece {
        let n = pwrite(fd.raw, piece + at, length - at, Int(offset) + at)
        if n < 0 {
          if errno == EINTR { continue }
          throw tree.failed("pwrite", name.shown)
        }
        at += n
      }
      end = offset + Int64(length)
    }
    // A hole at the end.
    if end < size, ftruncate(fd.raw, Int(size)) != 0 { throw tree.failed("ftruncate", name.shown) }
    try finishFile(fd.raw, entry, name)
  }

  private func node(_ folder: Int32, _ type: UInt32, _ device: UInt64, _ entry: OpaquePointer, _ name: EntryName) throws(Failure) {
    let mode = type | UInt32(archive_entry_perm(entry)) & 0o777
    if mknodat(folder, name.last, mode, dev_t(device)) != 0 {
      guard errno == EEXIST else { throw tree.failed("mknodat", name.shown) }
      _ = try tree.clear(folder, name.last, keepFolder: false, name.shown)
      if mknodat(folder, name.last, mode, dev_t(device)) != 0 { throw tree.failed("mknodat", name.shown) }
    }
    try finish(folder, name.last, entry, name, mode: UInt32(archive_entry_perm(entry)))
  }

  // MARK: owner, mode, attributes, time; in this order, since a new owner takes set-id bits and capabilities away

  private func owner(_ entry: OpaquePointer, _ name: EntryName) -> (UInt32, UInt32)? {
    let (uid, gid) = (archive_entry_uid(entry), archive_entry_gid(entry))
    if uid == 0 && gid == 0 && !setGroupSeen { return nil }
    if owners.isOne { return nil }
    guard owners.hasUser(uid), owners.hasGroup(gid) else {
      if notes.owners == 0 { notes.owner = "\(name.shown): \(uid):\(gid)" }
      notes.owners += 1
      return nil
    }
    return (UInt32(truncatingIfNeeded: uid), UInt32(truncatingIfNeeded: gid))
  }

  private func time(_ entry: OpaquePointer) -> [timespec] {
    let t = timespec(tv_sec: archive_entry_mtime(entry), tv_nsec: archive_entry_mtime_nsec(entry))
    return [t, t]
  }

  private func finishFile(_ fd: Int32, _ entry: OpaquePointer, _ name: EntryName) throws(Failure) {
    let mode = UInt32(archive_entry_perm(entry))
    let owner = owner(entry, name)
    if let (u, g) = owner, fchown(fd, u, g) != 0 { throw tree.failed("fchown", name.shown) }
    if mode > 0o777 || owner != nil, fchmod(fd, mode) != 0 { throw tree.failed("fchmod", name.shown) }
    if archive_entry_xattr_count(entry) > 0 { try attributes(entry, name) { FolderEntries.setAttribute(of: fd, $0, $1, $2) } }
    if futimens(fd, time(entry)) != 0 { throw tree.failed("futimens", name.shown) }
  }

  /// mode: nil for a symbolic link, which has none.
  private func finish(_ folder: Int32, _ last: [CChar], _ entry: OpaquePointer, _ name: EntryName, mode: UInt32?, time: Bool = true) throws(Failure) {
    if let (u, g) = owner(entry, name), fchownat(folder, last, u, g, AT_SYMLINK_NOFOLLOW) != 0 { throw tree.failed("fchownat", name.shown) }
    if let mode, fchmodat(folder, last, mode, 0) != 0 { throw tree.failed("fchmodat", name.shown) }
    if archive_entry_xattr_count(entry) > 0 {
      let path = LayerTree.path(folder, last)
      try attributes(entry, name) { FolderEntries.setAttribute(path, $0, $1, $2) }
    }
    if time, utimensat(folder, last, self.time(entry), AT_SYMLINK_NOFOLLOW) != 0 { throw tree.failed("utimensat", name.shown) }
  }

  private func finishFolder(_ folder: Int32, _ last: [CChar], _ entry: OpaquePointer, _ name: EntryName) throws(Failure) {
    var mode = UInt32(archive_entry_perm(entry))
    if mode & 0o2000 != 0 { setGroupSeen = true }
    // Who is not root even in here must be able to go on in it.
    if geteuid() != 0 { mode |= 0o700 }
    try finish(folder, last, entry, name, mode: mode, time: false)
    // What is made in it later would change its time.
    times.add(name.isRoot ? [46, 0] : name.whole, archive_entry_mtime(entry), archive_entry_mtime_nsec(entry))
  }

  private func attributes(_ entry: OpaquePointer, _ name: EntryName, _ set: (UnsafePointer<CChar>, UnsafeRawPointer, Int) -> Int) throws(Failure) {
    archive_entry_xattr_reset(entry)
    var key: UnsafePointer<CChar>?
    var value: UnsafeRawPointer?
    var size = 0
    var total = 0
    while archive_entry_xattr_next(entry, &key, &value, &size) == ARCHIVE_OK, let key {
      let text = String(cString: key)
      total += size + text.utf8.count
      if total > LayerLimits.attributes { throw Failure("\(name.shown): more than \(LayerLimits.attributes) bytes of extended attributes: refused") }
      // overlay's own are not the image's to give: they could lead to other files.
      var result = text.contains(".overlay.") ? -Int(EPERM) : 0
      if result == 0 { result = withUnsafePointer(to: 0) { set(key, value ?? UnsafeRawPointer($0), size) } }
      switch Int32(-result) {
      case ...0: break
      case EPERM, ENOTSUP, EINVAL, EACCES:
        if notes.attributes == 0 { notes.attribute = "\(name.shown): \(text)" }
        notes.attributes += 1
      default: throw Failure(SysError(step: "unpacking a layer", call: "setxattr", object: "\(name.shown), \(text)", errno: Int32(-result)))
      }
    }
  }
}
