// SPDX-License-Identifier: Apache-2.0
//
// Files and folders by path. Text is UTF-8; what is not is repaired on reading.
import CLinux
import Glibc

public enum FileSystem {
  public static func read(_ path: String) throws(SysError) -> [UInt8] {
    let fd = try FileDescriptor.open(path, O_RDONLY)
    return try read(fd.raw, path)
  }

  /// Everything from here to the end. Sizes are not trusted: files of /proc have none.
  public static func read(_ fd: Int32, _ name: String, limit: Int = .max) throws(SysError) -> [UInt8] {
    var all: [UInt8] = []
    var chunk = 4096
    while all.count < limit {
      let want = min(chunk, limit - all.count)
      var failure: Int32 = 0
      let part = [UInt8](unsafeUninitializedCapacity: want) { room, count in
        let n = Glibc.read(fd, room.baseAddress, want)
        if n < 0 { failure = errno }
        count = max(0, n)
      }
      if failure == EINTR { continue }
      if failure != 0 { throw SysError(call: "read", object: name, errno: failure) }
      if part.isEmpty { break }
      if all.isEmpty { all = part } else { all += part }
      chunk = min(chunk * 2, 1 << 20)
    }
    return all
  }

  public static func readText(_ path: String) throws(SysError) -> String { String(decoding: try read(path), as: UTF8.self) }

  /// Overwrites or makes a file in place.
  public static func write(_ path: String, _ bytes: [UInt8], mode: UInt32 = 0o644) throws(SysError) {
    let fd = try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
    do throws(SysError) { try writeAll(fd.raw, bytes) } catch { throw SysError(call: "write", object: path, errno: error.errno) }
  }

  public static func write(_ path: String, _ text: String, mode: UInt32 = 0o644) throws(SysError) { try write(path, Array(text.utf8), mode: mode) }

  /// Writes into a kernel's file (cgroup, /proc): no creation, one write.
  public static func put(_ path: String, _ text: String) throws(SysError) {
    let fd = try FileDescriptor.open(path, O_WRONLY)
    let bytes = Array(text.utf8)
    let n = bytes.withUnsafeBytes { Glibc.write(fd.raw, $0.baseAddress, $0.count) }
    try check(n < 0 ? -Int(errno) : n, "write", "\(path), \"\(text)\"")
  }

  /// The old content or the new, never half of either: a temporary file beside it (PATH.new.THREAD, so that writers do not meet), renamed.
  /// sync: the new one also outlives a power cut (fsync of the file and of its folder).
  public static func writeAtomically(_ path: String, _ bytes: [UInt8], mode: UInt32 = 0o644, sync: Bool = false) throws(SysError) {
    let temporary = "\(path).new.\(lx_gettid())"
    do throws(SysError) {
      let fd = try FileDescriptor.open(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
      try writeAll(fd.raw, bytes)
      if sync { try check(errno: fsync(fd.raw), "fsync", temporary) }
      try rename(temporary, to: path)
    } catch {
      _ = unlink(temporary)
      throw error
    }
    if sync { try syncFolder(path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? ".") }
  }

  /// Makes the names in a folder outlive a power cut.
  public static func syncFolder(_ path: String) throws(SysError) {
    let fd = try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY)
    try check(errno: fsync(fd.raw), "fsync", path)
  }

  /// Brings the whole file system that a path is on to disk (syncfs(2)): cheaper than an fsync for each of many files.
  public static func sync(of path: String) throws(SysError) {
    let fd = try FileDescriptor.open(path, O_RDONLY)
    try check(lx_syncfs(fd.raw), "syncfs", path)
  }

  public static func rename(_ from: String, to: String) throws(SysError) { try check(errno: Glibc.rename(from, to), "rename", "\(from), \(to)") }
  public static func remove(_ path: String) throws(SysError) { try check(errno: unlink(path), "unlink", path) }
  public static func removeFolder(_ path: String) throws(SysError) { try check(errno: rmdir(path), "rmdir", path) }
  public static func symlink(_ text: String, at path: String) throws(SysError) { try check(errno: Glibc.symlink(text, path), "symlink", "\(text), \(path)") }
  public static func chmod(_ path: String, _ mode: UInt32) throws(SysError) { try check(errno: Glibc.chmod(path, mode), "chmod", path) }
  public static func chown(_ path: String, _ uid: UInt32, _ gid: UInt32) throws(SysError) {
    try check(errno: lchown(path, uid, gid), "lchown", "\(path), \(uid), \(gid)")
  }

  public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  public static func isFolder(_ path: String) -> Bool {
    var s = stat()
    return stat(path, &s) == 0 && s.st_mode & S_IFMT == S_IFDIR
  }

  public enum Kind: Sendable { case memory, disk, other }

  /// What a path lies on, or will lie on if it is not there yet. statfs(2). disk: one of the file systems that are known to do as an overlay's upper layer.
  public static func kind(of path: String) -> Kind {
    var s = statfs()
    guard statfs(path, &s) == 0 else {
      guard errno == ENOENT, let slash = path.lastIndex(of: "/"), path != "/" else { return .other }
      return kind(of: slash == path.startIndex ? "/" : String(path[..<slash]))
    }
    return switch UInt32(truncatingIfNeeded: s.f_type) {
    // tmpfs, ramfs
    case 0x0102_1994, 0x8584_58F6: .memory
    // ext2 to ext4, XFS, Btrfs, F2FS, bcachefs
    case 0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0xCA45_1A4E: .disk
    default: .other
    }
  }

  /// Bytes that the file system of a path holds in all; 0 where it does not say. statvfs(3).
  public static func size(of path: String) -> Int64 {
    var s = statvfs()
    return statvfs(path, &s) == 0 ? Int64(clamping: s.f_blocks) * Int64(clamping: s.f_frsize) : 0
  }

  /// Bytes that an ordinary user may still write there. statvfs(3).
  public static func free(of path: String) -> Int64 {
    var s = statvfs()
    return statvfs(path, &s) == 0 ? Int64(clamping: s.f_bavail) * Int64(clamping: s.f_frsize) : .max
  }

  public static func readlink(_ path: String) throws(SysError) -> String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let n = buffer.withUnsafeMutableBytes { b in b.baseAddress.map { Glibc.readlink(path, $0, b.count) } ?? -1 }
    try check(n < 0 ? -Int(errno) : n, "readlink", path)
    return String(decoding: buffer[..<n], as: UTF8.self)
  }

  /// Device and inode: the identity of a file.
  public struct Identity: Sendable, Hashable {
    public var device: UInt64
    public var inode: UInt64
  }

  public struct Info: Sendable {
    public var identity: Identity
    public var mode: UInt32
    public var uid: UInt32
    public var gid: UInt32
    public var size: Int64
    /// Time of the last change of the content, in seconds since 1970.
    public var modified: Int64
    public var links: UInt64
    /// Device number of a device node.
    public var device: UInt64
    public var isFolder: Bool { mode & S_IFMT == S_IFDIR }
    public var isRegular: Bool { mode & S_IFMT == S_IFREG }
    public var isSymlink: Bool { mode & S_IFMT == S_IFLNK }
  }

  /// stat(2), or lstat(2) where links are not to be followed.
  public static func info(_ path: String, follow: Bool = true) throws(SysError) -> Info {
    var s = stat()
    try check(errno: follow ? stat(path, &s) : lstat(path, &s), follow ? "stat" : "lstat", path)
    return Info(s)
  }

  /// A name for the file as it is now: another one once it was changed or replaced.
  public static func version(_ path: String) throws(SysError) -> String {
    var s = stat()
    try check(errno: stat(path, &s), "stat", path)
    return "\(s.st_dev)-\(s.st_ino)-\(s.st_size)-\(s.st_ctim.tv_sec)-\(s.st_ctim.tv_nsec)"
  }

  public static func info(_ fd: Int32) throws(SysError) -> Info {
    var s = stat()
    try check(errno: fstat(fd, &s), "fstat", "descriptor \(fd)")
    return Info(s)
  }

  /// Every missing folder of the path.
  public static func makeFolders(_ path: String, mode: UInt32 = 0o755) throws(SysError) {
    if mkdir(path, mode) == 0 { return }
    let code = errno
    if code == EEXIST, isFolder(path) { return }
    if code == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex {
      try makeFolders(String(path[..<slash]), mode: mode)
      if mkdir(path, mode) == 0 || (errno == EEXIST && isFolder(path)) { return }
      throw SysError(call: "mkdir", object: path, errno: errno)
    }
    throw SysError(call: "mkdir", object: path, errno: code)
  }

  /// One folder that must not be there yet.
  public static func makeFolder(_ path: String, mode: UInt32 = 0o755) throws(SysError) { try check(errno: mkdir(path, mode), "mkdir", path) }

  /// Names in a folder, sorted, without . and ..; those of a folder that is not there: none.
  public static func list(_ path: String) throws(SysError) -> [String] {
    guard let dir = opendir(path) else {
      if errno == ENOENT { return [] }
      throw SysError(call: "opendir", object: path, errno: errno)
    }
    defer { closedir(dir) }
    return names(dir).sorted()
  }

  /// Names of the folders in a folder, sorted; of one that is not there or cannot be read: none. For the kernel's own file systems, which always say
  /// what an entry is (readdir(3), d_type): no call for each entry.
  public static func folders(_ path: String) -> [String] {
    guard let dir = opendir(path) else { return [] }
    defer { closedir(dir) }
    return names(dir, type: UInt8(DT_DIR)).sorted()
  }

  /// type: of these entries alone (DT_DIR, …); nil: all.
  private static func names(_ dir: OpaquePointer, type: UInt8? = nil) -> [String] {
    var all: [String] = []
    while let entry = Glibc.readdir(dir) {
      if let type, entry.pointee.d_type != type { continue }
      let name = withUnsafePointer(to: &entry.pointee.d_name) { p in
        p.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { all.append(name) }
    }
    return all
  }

  /// Removes a tree without following a symbolic link, whatever is renamed meanwhile. A path that is not there is no error; folders without
  /// permission are given it first.
  public static func removeTree(_ path: String) throws(SysError) { try removeEntry(AT_FDCWD, path, shown: path) }

  private static func removeEntry(_ folder: Int32, _ name: String, shown: String) throws(SysError) {
    // Most of what is removed is a file or an empty folder: one call or two.
    if unlinkat(folder, name, 0) == 0 || errno == ENOENT { return }
    let notFile = errno
    if unlinkat(folder, name, AT_REMOVEDIR) == 0 || errno == ENOENT { return }
    if errno == ENOTDIR { throw SysError(call: "unlink", object: shown, errno: notFile) }
    let notEmpty = errno
    var fd = lx_openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0)
    if fd == -Int(EACCES) {
      // By a descriptor of the very folder: a link put in its place is not followed.
      let place = lx_openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0)
      if place >= 0 {
        _ = Glibc.chmod("/proc/self/fd/\(place)", 0o700)
        _ = close(Int32(place))
      }
      fd = lx_openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0)
    }
    if fd == -Int(ENOTDIR) || fd == -Int(ELOOP) { throw SysError(call: "unlink", object: shown, errno: notFile) }
    if fd < 0 { throw SysError(call: "open", object: shown, errno: Int32(-fd)) }
    try empty(Int32(fd), shown)
    if unlinkat(folder, name, AT_REMOVEDIR) == 0 || errno == ENOENT { return }
    throw SysError(call: "rmdir", object: shown, errno: errno == ENOTEMPTY ? notEmpty : errno)
  }

  /// Takes the descriptor.
  private static func empty(_ fd: Int32, _ path: String) throws(SysError) {
    guard let dir = fdopendir(fd) else {
      let code = errno
      _ = close(fd)
      throw SysError(call: "fdopendir", object: path, errno: code)
    }
    defer { closedir(dir) }
    var widened = false
    for name in names(dir) {
      do throws(SysError) { try removeEntry(fd, name, shown: "\(path)/\(name)") } catch {
        guard error.errno == EACCES, !widened, fchmod(fd, 0o700) == 0 else { throw error }
        widened = true
        try removeEntry(fd, name, shown: "\(path)/\(name)")
      }
    }
  }
}

extension FileSystem.Info {
  init(_ s: stat) {
    self.init(
      identity: .init(device: UInt64(s.st_dev), inode: UInt64(s.st_ino)), mode: s.st_mode, uid: s.st_uid, gid: s.st_gid, size: Int64(s.st_size), modified: Int64(s.st_mtim.tv_sec),
      links: UInt64(s.st_nlink), device: UInt64(s.st_rdev))
  }
}

/// An advisory lock on a file (flock(2)); given up when the value ends, or its process.
public struct FileLock: ~Copyable {
  private let fd: FileDescriptor

  /// Waits for the lock; the file is made if it is missing. shared: together with others who want it shared.
  public init(_ path: String, shared: Bool = false) throws(SysError) {
    let opened = try FileDescriptor.open(path, O_RDWR | O_CREAT, mode: 0o600)
    var r: Int32
    repeat { r = flock(opened.raw, shared ? LOCK_SH : LOCK_EX) } while r != 0 && errno == EINTR
    try check(errno: r, "flock", path)
    fd = opened
  }

  private init(held: consuming FileDescriptor) { fd = held }

  /// nil where somebody else holds it.
  public static func attempt(_ path: String) throws(SysError) -> FileLock? {
    let fd = try FileDescriptor.open(path, O_RDWR | O_CREAT, mode: 0o600)
    if flock(fd.raw, LOCK_EX | LOCK_NB) == 0 { return FileLock(held: fd) }
    if errno == EWOULDBLOCK { return nil }
    throw SysError(call: "flock", object: path, errno: errno)
  }

  /// Whether somebody holds the lock of this file; a file that is not there is held by nobody.
  public static func isHeld(_ path: String) -> Bool {
    let fd = lx_open(path, O_RDONLY, 0)
    guard fd >= 0 else { return false }
    defer { _ = close(Int32(fd)) }
    return flock(Int32(fd), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
  }

  public var raw: Int32 { fd.raw }
}
