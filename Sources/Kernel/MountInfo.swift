// SPDX-License-Identifier: Apache-2.0
//
// /proc/PID/mountinfo (proc(5)): what is mounted where, as the kernel says.

/// One mount.
public struct MountInfo: Sendable, Equatable {
  public var id: Int
  public var parent: Int
  /// MAJOR:MINOR of the file system.
  public var device: String
  /// The part of the file system that is mounted.
  public var root: String
  public var mountPoint: String
  public var options: [String]
  /// shared:N, master:N, propagate_from:N, unbindable.
  public var propagation: [String]
  public var type: String
  public var source: String
  public var superOptions: [String]

  /// The mounts that a process sees; those of this process without an id.
  public static func of(_ pid: Int32? = nil) throws(SysError) -> [MountInfo] {
    parse(try FileSystem.readText("/proc/\(pid.map(String.init) ?? "self")/mountinfo"))
  }

  /// The mount that an absolute path without links is on: of several at one place the last, which hides the others.
  public static func containing(_ path: String, in all: [MountInfo]) -> MountInfo? {
    var best: MountInfo?
    for m in all where m.mountPoint == "/" || path == m.mountPoint || path.hasPrefix(m.mountPoint + "/") {
      if m.mountPoint.utf8.count >= best?.mountPoint.utf8.count ?? 0 { best = m }
    }
    return best
  }

  public static func parse(_ text: String) -> [MountInfo] {
    text.split(separator: "\n").compactMap { line in
      let f = line.split(separator: " ", omittingEmptySubsequences: false)
      guard f.count >= 10, let dash = f.firstIndex(of: "-"), dash >= 6, f.count > dash + 3, let id = Int(f[0]), let parent = Int(f[1]) else { return nil }
      return MountInfo(
        id: id, parent: parent, device: String(f[2]), root: unescape(f[3]), mountPoint: unescape(f[4]), options: f[5].split(separator: ",").map(String.init),
        propagation: f[6..<dash].map(String.init), type: String(f[dash + 1]), source: unescape(f[dash + 2]),
        superOptions: f[dash + 3].split(separator: ",").map(String.init))
    }
  }

  /// \040 and the like stand for bytes that would break the line.
  static func unescape(_ s: Substring) -> String {
    guard s.contains("\\") else { return String(s) }
    var out: [UInt8] = []
    let b = Array(s.utf8)
    var i = 0
    while i < b.count {
      if b[i] == 92, i + 3 < b.count, let code = UInt8(String(decoding: b[i + 1...i + 3], as: UTF8.self), radix: 8) {
        out.append(code)
        i += 4
      } else {
        out.append(b[i])
        i += 1
      }
    }
    return String(decoding: out, as: UTF8.self)
  }
}
