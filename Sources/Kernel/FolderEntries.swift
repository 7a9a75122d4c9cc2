// SPDX-License-Identifier: Apache-2.0
//
// Calls on names in a folder, where a name is bytes that need not be text (archives hold such). Each returns what the call returns, or -errno.
import CLinux
import Glibc

/// Names end with a zero byte.
public enum FolderEntries {
  /// openat(2) with O_CLOEXEC.
  public static func open(_ folder: Int32, _ name: UnsafePointer<CChar>, _ flags: Int32, mode: UInt32 = 0) -> Int { lx_openat(folder, name, flags, mode) }

  /// openat2(2): a path below the folder, through no symbolic link.
  public static func openBeneath(_ folder: Int32, _ path: UnsafePointer<CChar>, _ flags: Int32) -> Int {
    let resolve: FileDescriptor.Resolve = [.beneath, .noSymlinks]
    return lx_openat2(folder, path, UInt64(flags | O_CLOEXEC), 0, resolve.rawValue)
  }

  /// lsetxattr(2).
  public static func setAttribute(_ path: UnsafePointer<CChar>, _ name: UnsafePointer<CChar>, _ value: UnsafeRawPointer, _ size: Int) -> Int {
    lx_lsetxattr(path, name, value, size)
  }

  /// fsetxattr(2).
  public static func setAttribute(of file: Int32, _ name: UnsafePointer<CChar>, _ value: UnsafeRawPointer, _ size: Int) -> Int {
    lx_fsetxattr(file, name, value, size)
  }
}
