// SPDX-License-Identifier: Apache-2.0
//
// Whether a file changes. inotify(7): 128 instances for each user, so for programs that look at a few files, not for supervisors.
import CLinux
import Glibc

public final class FileWatch {
  public let raw: Int32

  /// Readable when the file was written to, renamed or removed. folder: also when something appears in this folder, so that a file that
  /// takes the place of one that was renamed is not missed.
  public init(_ path: String, folder: String? = nil) throws(SysError) {
    raw = Int32(try check(errno: inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK)), "inotify_init1", "IN_CLOEXEC"))
    do throws(SysError) {
      try add(path)
      if let folder { try add(folder, mask: UInt32(IN_CREATE) | UInt32(IN_MOVED_TO)) }
    } catch {
      _ = close(raw)
      throw error
    }
  }
  deinit { _ = close(raw) }

  /// Watches another file too.
  public func add(_ path: String) throws(SysError) { try add(path, mask: UInt32(IN_MODIFY) | UInt32(IN_MOVE_SELF) | UInt32(IN_DELETE_SELF)) }

  private func add(_ path: String, mask: UInt32) throws(SysError) {
    try check(errno: inotify_add_watch(raw, path, mask), "inotify_add_watch", path)
  }

  /// Takes what has been told.
  public func drain() {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while read(raw, &buffer, buffer.count) > 0 {}
  }
}

/// Whether something comes into, leaves or changes in some folders.
public final class FolderWatch {
  public let raw: Int32

  public init() throws(SysError) {
    raw = Int32(try check(errno: inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK)), "inotify_init1", "IN_CLOEXEC"))
  }
  deinit { _ = close(raw) }

  /// Watches a folder as well; one that is watched already, or is not there, is no error. made: also names that appear and are not complete yet.
  public func add(_ path: String, made: Bool = true) throws(SysError) {
    var mask = UInt32(IN_MOVED_TO) | UInt32(IN_DELETE_SELF) | UInt32(IN_ONLYDIR)
    if made { mask |= UInt32(IN_CREATE) | UInt32(IN_DELETE) | UInt32(IN_MOVED_FROM) }
    if inotify_add_watch(raw, path, mask) < 0, errno != ENOENT { throw SysError(call: "inotify_add_watch", object: path, errno: errno) }
  }

  /// Waits until something happened. deadline: nanoseconds of CLOCK_MONOTONIC; nil waits for ever. false: it is past.
  public func wait(deadline: Int64?) throws(SysError) -> Bool {
    while true {
      let left = deadline.map { max(0, $0 - Clock.monotonic) }
      var p = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
      let n = poll(&p, 1, left.map { Int32(clamping: ($0 + 999_999) / 1_000_000) } ?? -1)
      if n < 0 && errno == EINTR { continue }
      if n < 0 { throw SysError(call: "poll", object: "inotify", errno: errno) }
      if n == 0 { return false }
      var buffer = [UInt8](repeating: 0, count: 4096)
      while read(raw, &buffer, buffer.count) > 0 {}
      return true
    }
  }
}
