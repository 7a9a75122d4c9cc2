// SPDX-License-Identifier: Apache-2.0
//
// A file or a folder as a stream of entries, between this machine and a container: our own archive format, because no image needs to have a tar.
// An entry: kind, mode, ids, time, the length of its name, of its link's text, of its content (little-endian), then those three. A name is
// relative to what is copied; that itself has the empty one. The stream ends with a mark, so that a sender that was killed is noticed.
import Glibc
import Kernel

public struct TreeEntry: Sendable {
  public enum Kind: UInt8, Sendable { case folder = 100, file = 102, symlink = 108, warning = 119, failure = 101, end = 46 }
  public var kind: Kind
  public var mode: UInt32 = 0
  public var uid: UInt32 = 0
  public var gid: UInt32 = 0
  /// Last change of the content: seconds since 1970, and nanoseconds.
  public var seconds: Int64 = 0
  public var nanoseconds: UInt32 = 0
  public var size: UInt64 = 0
  public var name: String = ""
  /// Of a symbolic link, as it stands in it.
  public var link: String = ""

  public init(_ kind: Kind) { self.kind = kind }

  static let headLength = 48
  /// Longer names and links than any file system has.
  static let limit: UInt32 = 1 << 16

  var bytes: [UInt8] {
    var b: [UInt8] = [kind.rawValue]
    func add<T: FixedWidthInteger>(_ v: T) { withUnsafeBytes(of: v.littleEndian) { b += $0 } }
    add(mode)
    add(uid)
    add(gid)
    add(seconds)
    add(nanoseconds)
    add(size)
    add(UInt32(name.utf8.count))
    add(UInt32(link.utf8.count))
    b += [UInt8](repeating: 0, count: Self.headLength - b.count)
    return b + name.utf8 + link.utf8
  }
}

/// Reads a stream of entries. What comes from the other side is not trusted: lengths are bounded here, names judged by TreeReceiver.
public final class TreeReader {
  private let fd: Int32
  private let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
  public init(_ fd: Int32) { self.fd = fd }
  deinit { chunk.deallocate() }

  public func next() throws(SysError) -> TreeEntry {
    let head = try exactly(TreeEntry.headLength)
    func number<T: FixedWidthInteger>(_ at: Int, _ type: T.Type) -> T {
      (0..<MemoryLayout<T>.size).reversed().reduce(T(0)) { $0 << 8 | T(truncatingIfNeeded: head[at + $1]) }
    }
    guard let kind = TreeEntry.Kind(rawValue: head[0]) else { throw corrupted() }
    var e = TreeEntry(kind)
    (e.mode, e.uid, e.gid) = (number(1, UInt32.self), number(5, UInt32.self), number(9, UInt32.self))
    (e.seconds, e.nanoseconds, e.size) = (number(13, Int64.self), number(21, UInt32.self), number(25, UInt64.self))
    let (name, link) = (number(33, UInt32.self), number(37, UInt32.self))
    guard name <= TreeEntry.limit, link <= TreeEntry.limit, e.nanoseconds < 1_000_000_000 else { throw corrupted() }
    e.name = String(decoding: try exactly(Int(name)), as: UTF8.self)
    e.link = String(decoding: try exactly(Int(link)), as: UTF8.self)
    return e
  }

  /// An entry's content, in pieces.
  public func content(_ size: UInt64, _ take: (UnsafeRawBufferPointer) throws(SysError) -> Void) throws(SysError) {
    var left = size
    while left > 0 {
      let want = Int(min(left, UInt64(chunk.count)))
      let n = try readSome(fd, into: UnsafeMutableRawBufferPointer(rebasing: chunk[..<want])) ?? 0
      if n == 0 { throw cutOff() }
      try take(UnsafeRawBufferPointer(rebasing: chunk[..<n]))
      left -= UInt64(n)
    }
  }

  private func exactly(_ count: Int) throws(SysError) -> [UInt8] {
    var at = 0
    while at < count {
      let n = try readSome(fd, into: UnsafeMutableRawBufferPointer(rebasing: chunk[at..<count])) ?? 0
      if n == 0 { throw cutOff() }
      at += n
    }
    return Array(chunk[..<count])
  }

  private func corrupted() -> SysError { SysError(step: "reading what is copied", call: "read", object: "the stream", errno: EBADMSG) }
  private func cutOff() -> SysError { SysError(step: "reading what is copied", call: "read", object: "the stream", errno: EPIPE, hint: "the other side has ended before its time") }
}

/// Sends a file or a folder with all that is in it.
public final class TreeSender {
  private let to: Int32
  private let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
  public init(to: Int32) { self.to = to }
  deinit { chunk.deallocate() }

  public func say(_ kind: TreeEntry.Kind, _ text: String = "") throws(SysError) {
    var e = TreeEntry(kind)
    e.name = text
    try writeAll(to, e.bytes)
  }

  /// root: a folder that nothing leaves, symbolic links neither (openat2(2), RESOLVE_IN_ROOT), in which path is looked up. The last part of
  /// path is not followed where it is a link.
  public func send(_ path: String, in root: borrowing FileDescriptor) throws(SysError) {
    let top = try FileDescriptor.open2(path, at: root, FileDescriptor.pathOnly | O_NOFOLLOW, resolve: .inRoot)
    let info = try attributes(top.raw, path)
    switch info.st_mode & S_IFMT {
    case S_IFLNK: try link(top.raw, info, "")
    case S_IFDIR:
      let folder = try FileDescriptor.open2(path, at: root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, resolve: .inRoot)
      try self.folder(folder.release(), info, "", shown: path)
    case S_IFREG:
      let file = try FileDescriptor.open2(path, at: root, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, resolve: .inRoot)
      try self.file(file, "", shown: path)
    default: try say(.warning, "skipping special file: \"\(path)\"")
    }
    try say(.end)
  }

  private func attributes(_ fd: Int32, _ shown: String) throws(SysError) -> stat {
    var s = stat()
    if fstat(fd, &s) != 0 { throw SysError(call: "fstat", object: shown, errno: errno) }
    return s
  }

  private func entry(_ kind: TreeEntry.Kind, _ s: stat, _ name: String) -> TreeEntry {
    var e = TreeEntry(kind)
    (e.mode, e.uid, e.gid) = (s.st_mode & 0o7777, s.st_uid, s.st_gid)
    (e.seconds, e.nanoseconds) = (Int64(s.st_mtim.tv_sec), UInt32(clamping: s.st_mtim.tv_nsec))
    e.name = name
    return e
  }

  private func link(_ fd: Int32, _ s: stat, _ name: String) throws(SysError) {
    var text = [UInt8](repeating: 0, count: 4096)
    let n = text.withUnsafeMutableBytes { b in b.baseAddress.map { readlinkat(fd, "", $0, b.count) } ?? -1 }
    if n < 0 { throw SysError(call: "readlink", object: name, errno: errno) }
    var e = entry(.symlink, s, name)
    e.link = String(decoding: text[..<n], as: UTF8.self)
    try writeAll(to, e.bytes)
  }

  private func file(_ fd: borrowing FileDescriptor, _ name: String, shown: String) throws(SysError) {
    let s = try attributes(fd.raw, shown)
    guard s.st_mode & S_IFMT == S_IFREG else { return try say(.warning, "skipping special file: \"\(shown)\"") }
    var e = entry(.file, s, name)
    e.size = UInt64(clamping: s.st_size)
    try writeAll(to, e.bytes)
    // As much as was announced, whatever happens to the file meanwhile.
    var left = e.size
    while left > 0 {
      let piece = UnsafeMutableRawBufferPointer(rebasing: chunk[..<Int(min(left, UInt64(chunk.count)))])
      var n = try readSome(fd.raw, into: piece) ?? 0
      if n == 0 {
        piece.initializeMemory(as: UInt8.self, repeating: 0)
        n = piece.count
      }
      try writeAll(to, UnsafeRawBufferPointer(rebasing: piece[..<n]))
      left -= UInt64(n)
    }
  }

  /// Takes the descriptor.
  private func folder(_ fd: Int32, _ s: stat, _ name: String, shown: String) throws(SysError) {
    try writeAll(to, entry(.folder, s, name).bytes)
    guard let dir = fdopendir(fd) else {
      let code = errno
      _ = close(fd)
      throw SysError(call: "fdopendir", object: shown, errno: code)
    }
    defer { closedir(dir) }
    var names: [String] = []
    while let entry = readdir(dir) {
      let child = withUnsafePointer(to: &entry.pointee.d_name) { p in p.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) } }
      if child != "." && child != ".." { names.append(child) }
    }
    for child in names.sorted() {
      let path = name.isEmpty ? child : "\(name)/\(child)"
      do throws(SysError) { try member(fd, child, path, shown: "\(shown)/\(child)") } catch {
        // What cannot be read is said and passed over; the stream itself must stand.
        if error.call == "write" { throw error }
        try say(.warning, "skipping \"\(shown)/\(child)\": \(errnoText(error.errno))")
      }
    }
  }

  private func member(_ dir: Int32, _ child: String, _ path: String, shown: String) throws(SysError) {
    let place = FileDescriptor(owning: openat(dir, child, FileDescriptor.pathOnly | O_NOFOLLOW | O_CLOEXEC))
    if place.raw < 0 { throw SysError(call: "openat", object: shown, errno: errno) }
    let s = try attributes(place.raw, shown)
    switch s.st_mode & S_IFMT {
    case S_IFLNK: try link(place.raw, s, path)
    case S_IFDIR:
      let fd = openat(dir, child, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      if fd < 0 { throw SysError(call: "openat", object: shown, errno: errno) }
      try folder(fd, s, path, shown: shown)
    case S_IFREG:
      let fd = FileDescriptor(owning: openat(dir, child, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC))
      if fd.raw < 0 { throw SysError(call: "openat", object: shown, errno: errno) }
      try file(fd, path, shown: shown)
    default: try say(.warning, "skipping special file: \"\(shown)\"")
    }
  }
}
