// SPDX-License-Identifier: Apache-2.0
//
// Puts a stream of entries into a file tree, beneath one folder: whatever names and links the stream brings and whatever lies there already,
// nothing is made outside. openat2(2).
import Glibc
import Kernel

public struct TreeReceiver: ~Copyable {
  public struct Options: Sendable {
    /// Permissions as they came, not as the umask leaves them.
    public var keepsModes = true
    /// Owners as they came, where this process may give files away.
    public var keepsOwners = false
    /// A symbolic link that leads out of what is copied is not made (a copy from a container: its links mean nothing here).
    public var refusesOutwardLinks = false
    /// A symbolic link of what lies there already may be followed: inside root only (a container's own), or beneath it.
    public var resolve = FileDescriptor.Resolve.inRoot
    public init() {}
  }

  private let root: FileDescriptor
  /// Of what is copied, relative to root; its first part is there.
  private let top: String
  private let options: Options
  private let warn: (String) -> Void
  /// Folders that were made, with what they are to be at the end: one without write permission must take its members first.
  private var folders: [(path: String, entry: TreeEntry)] = []

  /// root: the folder that nothing leaves; top: path of the copy in it. shown: how warnings name it.
  public init(root: consuming FileDescriptor, top: String, options: Options, warn: @escaping (String) -> Void) {
    self.root = root
    (self.top, self.options, self.warn) = (top, options, warn)
  }

  /// Takes the stream to its end.
  public mutating func receive(_ reader: TreeReader, shown: String) throws(SysError) {
    while true {
      let e = try reader.next()
      switch e.kind {
      case .end:
        for (path, entry) in folders.reversed() { finishFolder(path, entry) }
        return
      case .warning: warn(e.name)
      case .failure: throw SysError(call: "", object: e.name, errno: ECANCELED)
      case .folder, .file, .symlink:
        var isTaken = false
        // Not relative, or with a step upwards: not a name that a sender of ours makes.
        if Self.isInside(e.name) {
          isTaken = try place(e, reader, shown)
        } else {
          warn("file \"\(shown)/\(e.name)\" is outside target destination, skipping")
        }
        if !isTaken, e.kind == .file { try reader.content(e.size) { (_) throws(SysError) in } }
      }
    }
  }

  /// Whether a relative name stays below its folder.
  public static func isInside(_ name: String) -> Bool {
    if name.hasPrefix("/") || name.utf8.contains(0) { return false }
    return !name.split(separator: "/", omittingEmptySubsequences: false).contains { $0 == ".." || $0 == "." || ($0.isEmpty && !name.isEmpty) }
  }

  /// Whether a link of this name, relative to the copy, leads to something in the copy.
  public static func staysInside(_ text: String, from name: String) -> Bool {
    if text.hasPrefix("/") || text.isEmpty { return false }
    var depth = name.split(separator: "/").count - 1
    for part in text.split(separator: "/") where part != "." {
      depth += part == ".." ? -1 : 1
      if depth < 0 { return false }
    }
    return !name.isEmpty
  }

  /// False: passed over, with a word about it.
  private mutating func place(_ e: TreeEntry, _ reader: TreeReader, _ shown: String) throws(SysError) -> Bool {
    let path = e.name.isEmpty ? top : top.isEmpty ? e.name : "\(top)/\(e.name)"
    let said = e.name.isEmpty ? shown : "\(shown)/\(e.name)"
    if e.kind == .symlink, options.refusesOutwardLinks, !Self.staysInside(e.link, from: e.name) {
      warn("skipping symlink: \"\(said)\" -> \"\(e.link)\"")
      return false
    }
    do throws(SysError) {
      // The folder itself is there already where the copy has no name of its own.
      if path.isEmpty { return true }
      let slash = path.lastIndex(of: "/")
      let parent = try openFolder(slash.map { String(path[..<$0]) } ?? ".")
      let last = slash.map { String(path[path.index(after: $0)...]) } ?? path
      switch e.kind {
      case .folder: try makeFolder(parent, last, path, e)
      case .symlink: try makeLink(parent, last, e)
      default: try makeFile(parent, last, path, e, reader)
      }
      return true
    } catch {
      guard error.errno == EXDEV || (error.errno == ELOOP && e.kind != .file) else { throw error }
      warn("file \"\(said)\" is outside target destination, skipping")
      return false
    }
  }

  private func openFolder(_ path: String) throws(SysError) -> FileDescriptor {
    try FileDescriptor.open2(path.isEmpty ? "." : path, at: root, FileDescriptor.pathOnly | O_DIRECTORY, resolve: options.resolve)
  }

  private mutating func makeFolder(_ parent: borrowing FileDescriptor, _ name: String, _ path: String, _ e: TreeEntry) throws(SysError) {
    if mkdirat(parent.raw, name, 0o755) == 0 {
      folders.append((path, e))
    } else if errno != EEXIST {
      throw SysError(call: "mkdir", object: path, errno: errno)
    } else {
      // There already: a folder, or a link to one that stays inside.
      _ = try openFolder(path).raw
    }
  }

  private func makeLink(_ parent: borrowing FileDescriptor, _ name: String, _ e: TreeEntry) throws(SysError) {
    if symlinkat(e.link, parent.raw, name) != 0 {
      guard errno == EEXIST, unlinkat(parent.raw, name, 0) == 0, symlinkat(e.link, parent.raw, name) == 0 else {
        throw SysError(call: "symlink", object: name, errno: errno)
      }
    }
    if options.keepsOwners { _ = fchownat(parent.raw, name, e.uid, e.gid, AT_SYMLINK_NOFOLLOW) }
    var times = Self.times(e)
    _ = utimensat(parent.raw, name, &times, AT_SYMLINK_NOFOLLOW)
  }

  private func makeFile(_ parent: borrowing FileDescriptor, _ name: String, _ path: String, _ e: TreeEntry, _ reader: TreeReader) throws(SysError) {
    let flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
    var raw = openat(parent.raw, name, flags, 0o666)
    // A link of that name is replaced, as an archiver does, not written through; and so is a program that runs.
    if raw < 0, errno == ELOOP || errno == ETXTBSY || errno == ENXIO, unlinkat(parent.raw, name, 0) == 0 { raw = openat(parent.raw, name, flags | O_EXCL, 0o666) }
    if raw < 0 { throw SysError(call: "open", object: path, errno: errno) }
    let fd = FileDescriptor(owning: raw)
    guard try FileSystem.info(fd.raw).isRegular else { throw SysError(call: "open", object: path, errno: EEXIST, hint: "a special file is in its place") }
    try reader.content(e.size) { (b) throws(SysError) in try writeAll(fd.raw, b) }
    if options.keepsOwners { _ = fchown(fd.raw, e.uid, e.gid) }
    _ = fchmod(fd.raw, mode(e))
    var times = Self.times(e)
    _ = futimens(fd.raw, &times)
  }

  private func finishFolder(_ path: String, _ e: TreeEntry) {
    guard let fd = optional({ () throws(SysError) in
      try FileDescriptor.open2(path, at: root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, resolve: options.resolve) })
    else { return }
    if options.keepsOwners { _ = fchown(fd.raw, e.uid, e.gid) }
    _ = fchmod(fd.raw, mode(e))
    var times = Self.times(e)
    _ = futimens(fd.raw, &times)
  }

  /// No set-user-ID from elsewhere.
  private func mode(_ e: TreeEntry) -> UInt32 {
    if options.keepsModes { return e.mode & 0o777 }
    let mask = umask(0)
    umask(mask)
    return e.mode & 0o777 & ~mask
  }

  /// Last access now, last change as it came.
  public static func times(_ e: TreeEntry) -> [timespec] {
    let now = (1 << 30) - 1  // UTIME_NOW
    return [timespec(tv_sec: 0, tv_nsec: now), timespec(tv_sec: Int(e.seconds), tv_nsec: Int(e.nanoseconds))]
  }
}
