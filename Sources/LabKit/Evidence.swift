// SPDX-License-Identifier: Apache-2.0
//
// What labs read from the kernel, with the name of the file it was read from.
import Glibc
import Kernel

public enum Evidence {
  /// net:[4026532...] as /proc/PID/ns/KIND says; "-" where there is no such process.
  public static func namespace(_ pid: Int32, _ kind: String) -> String {
    optional { () throws(SysError) in try FileSystem.readlink("/proc/\(pid)/ns/\(kind)") } ?? "-"
  }

  /// DEVICE:INODE of a file as a process sees it, by /proc/PID/root.
  public static func inode(_ pid: Int32, _ path: String) -> String {
    guard let i = optional({ () throws(SysError) in try FileSystem.info("/proc/\(pid)/root\(path)") }) else { return "-" }
    return "\(i.identity.device):\(i.identity.inode)"
  }

  /// Clock ticks since boot (field 22 of /proc/PID/stat).
  public static func startTime(_ pid: Int32) -> UInt64 { Proc.stat(pid)?.startTime ?? 0 }

  /// R, S, D, Z … (field 3 of /proc/PID/stat); "-" where there is no such process.
  public static func state(_ pid: Int32) -> String { Proc.stat(pid)?.state ?? "-" }

  /// A field of /proc/PID/status, its values separated by single spaces; "-" where there is none.
  public static func status(_ pid: Int32, _ field: String) -> String {
    Proc.status(pid, field)?.split { $0 == "\t" || $0 == " " }.joined(separator: " ") ?? "-"
  }

  /// The mount that a process has at a path (/proc/PID/mountinfo); of several the last.
  public static func mount(_ pid: Int32, _ path: String) -> MountInfo? {
    optional { () throws(SysError) in try MountInfo.of(pid) }?.last { $0.mountPoint == path }
  }

  /// Every process whose namespace of a kind this is.
  public static func members(_ kind: String, _ namespace: String) -> [Int32] { Proc.all.filter { self.namespace($0, kind) == namespace } }

  /// A process and all that descends from it.
  public static func family(_ pid: Int32) -> [Int32] { [pid] + Proc.children(pid).flatMap(family) }

  /// A file of the cgroup of a process, where its controller (v1) or the one hierarchy (v2) is mounted; nil where there is none.
  public static func cgroupFile(_ pid: Int32, controller: String, v1: String, v2: String) -> String? {
    guard let mounts = optional({ () throws(SysError) in try MountInfo.of() }) else { return nil }
    for group in Proc.cgroups(pid) {
      let isV2 = group.controllers.isEmpty
      guard isV2 || group.controllers.split(separator: ",").contains(Substring(controller)) else { continue }
      guard let mount = mounts.first(where: { isV2 ? $0.type == "cgroup2" : $0.type == "cgroup" && $0.superOptions.contains(controller) }) else { continue }
      let below = mount.root != "/" && group.path.hasPrefix(mount.root) ? String(group.path.dropFirst(mount.root.count)) : group.path
      let file = "\(mount.mountPoint)\(below)/\(isV2 ? v2 : v1)"
      if FileSystem.exists(file) { return file }
    }
    return nil
  }

  /// Seconds until a timer of a process goes off (timerfd_create(2), as /proc/PID/fdinfo shows it); nil where none is set.
  public static func timer(_ pid: Int32) -> Int64? {
    let folder = "/proc/\(pid)/fdinfo"
    for name in optional({ () throws(SysError) in try FileSystem.list(folder) }) ?? [] {
      guard let line = lines("\(folder)/\(name)").first(where: { $0.hasPrefix("it_value: (") }) else { continue }
      let seconds = line.dropFirst("it_value: (".count).prefix { $0.isNumber }
      if let n = Int64(seconds), line != "it_value: (0, 0)" { return n }
    }
    return nil
  }

  public static func text(_ path: String) -> String { optional { () throws(SysError) in try FileSystem.readText(path) } ?? "" }

  /// Complete lines of a file.
  public static func lines(_ path: String) -> [String] { text(path).split(separator: "\n").map(String.init) }

  /// The number after a key in a file of "key number" lines; nil without.
  public static func number(_ path: String, _ key: String) -> Int? {
    lines(path).first { $0.hasPrefix(key + " ") }.flatMap { Int($0.dropFirst(key.count + 1)) }
  }

  public static func command(_ pid: Int32) -> String { Proc.arguments(pid)?.joined(separator: " ") ?? "-" }
}
