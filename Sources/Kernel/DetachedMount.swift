// SPDX-License-Identifier: Apache-2.0
//
// A copy of a mount that hangs nowhere yet: made here, put in its place by a plan's moveMount step in another namespace.
// That is how something of this machine gets into a world that cannot see it. open_tree(2), fsopen(2), mount_setattr(2).
import CLinux
import Glibc

public enum DetachedMount {
  /// A private copy of the mount at a path (file or folder, with what is mounted below it). isRestricted: without
  /// set-user-ID and device files. ids: a user namespace through whose map the owners of files are seen (idmapped mount, Linux 5.12); nil: as they are.
  public static func copy(of path: String, readOnly: Bool, isRestricted: Bool = true, ids: Int32?) throws(SysError) -> FileDescriptor {
    let clone: UInt32 = 1, closeOnExec = UInt32(O_CLOEXEC), recursive: UInt32 = 0x8000
    let tree = FileDescriptor(
      owning: Int32(try check(lx_open_tree(AT_FDCWD, path, clone | closeOnExec | recursive), "open_tree", "\(path), OPEN_TREE_CLONE")))
    var set: UInt64 = isRestricted ? 0x2 | 0x4 : 0  // MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV
    if readOnly { set |= 0x1 }
    let private_: UInt64 = 1 << 18
    try check(lx_mount_setattr_fd(tree.raw, recursive, set, private_, -1), "mount_setattr", "\(path), AT_RECURSIVE")
    if let ids {
      let idmap: UInt64 = 0x0010_0000
      try check(lx_mount_setattr_fd(tree.raw, 0, idmap, 0, ids), "mount_setattr", "\(path), MOUNT_ATTR_IDMAP")
    }
    return tree
  }

  /// A copy that stays in the peer group of the mount at a path: what is mounted in one of the two appears in the other. With what is mounted
  /// below. mount_namespaces(7).
  public static func peer(of path: String) throws(SysError) -> FileDescriptor {
    FileDescriptor(
      owning: Int32(try check(lx_open_tree(AT_FDCWD, path, 0x8001 | UInt32(O_CLOEXEC)), "open_tree", "\(path), OPEN_TREE_CLONE|AT_RECURSIVE")))
  }

  /// A new tmpfs, without set-user-ID and device files; its files can be reached below /proc/self/fd/N before and after it has got its place.
  /// options as in tmpfs(5), without `=` a flag. optional: flags that an older kernel, or one's rights, may refuse.
  public static func tmpfs(_ options: [(name: String, value: String)], optional flags: [String] = []) throws(SysError) -> FileDescriptor {
    let context = FileDescriptor(owning: Int32(try check(lx_fsopen("tmpfs"), "fsopen", "tmpfs")))
    let (setFlag, setString, create): (UInt32, UInt32, UInt32) = (0, 1, 6)
    try check(lx_fsconfig(context.raw, setString, "source", "tmpfs"), "fsconfig", "tmpfs, source")
    for o in options { try check(lx_fsconfig(context.raw, setString, o.name, o.value), "fsconfig", "tmpfs, \(o.name)=\(o.value)") }
    for f in flags { _ = lx_fsconfig(context.raw, setFlag, f, nil) }
    try check(lx_fsconfig(context.raw, create, nil, nil), "fsconfig", "tmpfs, FSCONFIG_CMD_CREATE")
    let attributes: UInt32 = 0x2 | 0x4  // MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV
    return FileDescriptor(owning: Int32(try check(lx_fsmount(context.raw, attributes), "fsmount", "tmpfs")))
  }
}
