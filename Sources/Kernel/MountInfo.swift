// SPDX-License-Identifier: Apache-2.0
//
// /proc/PID/mountinfo (proc(5)): what is mounted where, as the kernel says.
import Glibc

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

  public static func parse(_ text: String) -> [MountInfo] { pieces(of: text, at: "\n").compactMap { MountInfo($0) } }

  /// The mounts of a file system type that begins so: what is of no interest is not taken apart.
  public static func parse(_ text: String, typePrefix: String) -> [MountInfo] {
    let mark = " - " + typePrefix
    return pieces(of: text, at: "\n").compactMap { line in strstr(String(line), mark) == nil ? nil : MountInfo(line) }
  }

  private init?(_ line: Substring) {
    let f = pieces(of: line, at: " ", omittingEmpty: false)
    guard f.count >= 10, let dash = f.firstIndex(of: "-"), dash >= 6, f.count > dash + 3, let id = Int(f[0]), let parent = Int(f[1]) else { return nil }
    let words = { (part: Substring) in pieces(of: part, at: ",").map(String.init) }
    (self.id, self.parent, device, root, mountPoint) = (id, parent, String(f[2]), Self.unescape(f[3]), Self.unescape(f[4]))
    (options, propagation) = (words(f[5]), f[6..<dash].map(String.init))
    (type, source, superOptions) = (String(f[dash + 1]), Self.unescape(f[dash + 2]), words(f[dash + 3]))
  }

  /// \040 and the like stand for bytes that would break the line.
  static func unescape(_ s: Substring) -> String {
    guard s.utf8.contains(92) else { return String(s) }
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
