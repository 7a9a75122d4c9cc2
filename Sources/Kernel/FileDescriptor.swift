// SPDX-License-Identifier: Apache-2.0
//
// A descriptor that closes itself.
import CLinux
import Glibc

/// Owns one file descriptor; closed when the value ends.
public struct FileDescriptor: ~Copyable, Sendable {
  public let raw: Int32

  /// Takes ownership of an open descriptor.
  public init(owning raw: Int32) { self.raw = raw }
  deinit { if raw >= 0 { _ = close(raw) } }

  /// O_PATH: a place in the file tree, without the right to read it. Glibc's module lacks it.
  public static let pathOnly: Int32 = O_PATH

  /// Gives the descriptor up: the caller closes it.
  public consuming func release() -> Int32 {
    let r = raw
    discard self
    return r
  }

  /// A second descriptor of the same open file, close-on-exec.
  public func duplicate() throws(SysError) -> FileDescriptor {
    FileDescriptor(owning: Int32(try check(lx_fcntl(raw, F_DUPFD_CLOEXEC, 0), "fcntl", "\(raw), F_DUPFD_CLOEXEC")))
  }

  /// A second descriptor with at least this number, which the caller owns.
  public func duplicate(atLeast number: Int32) throws(SysError) -> Int32 {
    Int32(try check(lx_fcntl(raw, F_DUPFD_CLOEXEC, Int(number)), "fcntl", "\(raw), F_DUPFD_CLOEXEC, \(number)"))
  }

  /// open(2) with O_CLOEXEC. flags as O_….
  public static func open(_ path: String, _ flags: Int32, mode: UInt32 = 0) throws(SysError) -> FileDescriptor {
    FileDescriptor(owning: Int32(try check(lx_open(path, flags, mode), "open", path)))
  }

  /// openat(2) with O_CLOEXEC.
  public static func open(_ path: String, at dir: borrowing FileDescriptor, _ flags: Int32, mode: UInt32 = 0) throws(SysError) -> FileDescriptor {
    FileDescriptor(owning: Int32(try check(lx_openat(dir.raw, path, flags, mode), "openat", path)))
  }

  /// openat2(2): resolve is a set of RESOLVE_… bits (Resolve).
  public static func open2(_ path: String, at dir: borrowing FileDescriptor, _ flags: Int32, mode: UInt32 = 0, resolve: Resolve) throws(SysError)
    -> FileDescriptor
  {
    FileDescriptor(
      owning: Int32(try check(lx_openat2(dir.raw, path, UInt64(flags | O_CLOEXEC), UInt64(mode), resolve.rawValue), "openat2", path)))
  }

  /// openat2's RESOLVE_… flags.
  public struct Resolve: OptionSet, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static let noMagicLinks = Resolve(rawValue: 2)
    public static let noSymlinks = Resolve(rawValue: 4)
    public static let beneath = Resolve(rawValue: 8)
    public static let inRoot = Resolve(rawValue: 16)
  }

  /// A pipe: what is written to the second is read from the first. Both close-on-exec.
  public static func pipe(nonblocking: Bool = false) throws(SysError) -> Pipe {
    var ends: [Int32] = [-1, -1]
    try check(errno: pipe2(&ends, O_CLOEXEC | (nonblocking ? O_NONBLOCK : 0)), "pipe2", "O_CLOEXEC")
    return Pipe(read: FileDescriptor(owning: ends[0]), write: FileDescriptor(owning: ends[1]))
  }

  public struct Pipe: ~Copyable {
    public let read: FileDescriptor
    public let write: FileDescriptor
    /// Both ends, owned separately.
    public consuming func ends() -> (Int32, Int32) { (read.release(), write.release()) }
  }

  public func setNonblocking(_ on: Bool = true) throws(SysError) {
    let flags = try check(lx_fcntl(raw, F_GETFL, 0), "fcntl", "F_GETFL")
    try check(lx_fcntl(raw, F_SETFL, on ? flags | Int(O_NONBLOCK) : flags & ~Int(O_NONBLOCK)), "fcntl", "F_SETFL")
  }
}

/// read(2) into a buffer; nil means "would block", 0 the end.
public func readSome(_ fd: Int32, into buffer: UnsafeMutableRawBufferPointer) throws(SysError) -> Int? {
  while true {
    let n = read(fd, buffer.baseAddress, buffer.count)
    if n >= 0 { return n }
    if errno == EINTR { continue }
    if errno == EAGAIN { return nil }
    throw SysError(call: "read", object: "descriptor \(fd)", errno: errno)
  }
}

/// Writes all of it, waiting where the descriptor blocks.
public func writeAll(_ fd: Int32, _ bytes: UnsafeRawBufferPointer) throws(SysError) {
  var at = 0
  while at < bytes.count {
    guard let base = bytes.baseAddress else { return }
    let n = write(fd, base + at, bytes.count - at)
    if n >= 0 {
      at += n
    } else if errno == EAGAIN {
      var p = pollfd(fd: fd, events: Int16(POLLOUT), revents: 0)
      _ = poll(&p, 1, -1)
    } else if errno != EINTR {
      throw SysError(call: "write", object: "descriptor \(fd)", errno: errno)
    }
  }
}

public func writeAll(_ fd: Int32, _ bytes: [UInt8]) throws(SysError) {
  var failure: SysError?
  bytes.withUnsafeBytes { b in
    do throws(SysError) { try writeAll(fd, b) } catch { failure = error }
  }
  if let failure { throw failure }
}

public func writeAll(_ fd: Int32, _ text: String) throws(SysError) { try writeAll(fd, Array(text.utf8)) }
