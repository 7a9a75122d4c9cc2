// SPDX-License-Identifier: Apache-2.0
//
// Whether a file changes. inotify(7): 128 instances for each user, so for programs that look at one file, not for supervisors.
import CLinux
import Glibc

public final class FileWatch {
  public let raw: Int32

  /// Readable when the file was written to, renamed or removed.
  public init(_ path: String) throws(SysError) {
    raw = Int32(try check(errno: inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK)), "inotify_init1", "IN_CLOEXEC"))
    let mask = UInt32(IN_MODIFY) | UInt32(IN_MOVE_SELF) | UInt32(IN_DELETE_SELF)
    if inotify_add_watch(raw, path, mask) < 0 {
      let code = errno
      _ = close(raw)
      throw SysError(call: "inotify_add_watch", object: path, errno: code)
    }
  }
  deinit { _ = close(raw) }

  /// Takes what has been told.
  public func drain() {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while read(raw, &buffer, buffer.count) > 0 {}
  }
}
