// SPDX-License-Identifier: Apache-2.0
//
// The machine's devices, which a privileged container sees. What belongs to a terminal or is mounted in /dev of its own is left out, as container
// runtimes do (containerd: oci.WithHostDevices).
import Glibc
import Kernel

public enum NodeDevices {
  private static let foreign: Set<String> = ["pts", "shm", "fd", "mqueue", "console", "ptmx", ".lxc", ".lxd-mounts", ".udev"]

  /// Every character and block device below /dev, by path.
  public static func all() throws(SysError) -> [Device] { try below("") }

  private static func below(_ folder: String) throws(SysError) -> [Device] {
    var found: [Device] = []
    for name in try FileSystem.list("/dev/" + folder).sorted() where !(folder.isEmpty && foreign.contains(name)) {
      var s = stat()
      // What goes away while it is looked at is not there.
      guard lstat("/dev/\(folder)\(name)", &s) == 0 else { continue }
      switch s.st_mode & S_IFMT {
      case S_IFDIR: found += try below("\(folder)\(name)/")
      case S_IFCHR, S_IFBLK: found.append(Device(name: folder + name, mode: s.st_mode, number: UInt64(s.st_rdev)))
      default: break
      }
    }
    return found
  }
}
