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

  /// Every process whose namespace of a kind this is.
  public static func members(_ kind: String, _ namespace: String) -> [Int32] { Proc.all.filter { self.namespace($0, kind) == namespace } }

  public static func text(_ path: String) -> String { optional { () throws(SysError) in try FileSystem.readText(path) } ?? "" }

  /// Complete lines of a file.
  public static func lines(_ path: String) -> [String] { text(path).split(separator: "\n").map(String.init) }

  public static func command(_ pid: Int32) -> String { Proc.arguments(pid)?.joined(separator: " ") ?? "-" }
}
