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
