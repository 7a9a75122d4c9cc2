// SPDX-License-Identifier: Apache-2.0
//
// What the place we run in allows, found by looking once: as root of the machine, or as root of a user namespace (an ordinary user's node).
import Kernel

public struct Host: Sendable {
  /// Inside a user namespace: device nodes are bound from outside instead of made, overlay keeps its marks in user.* attributes.
  public var isUserNamespace: Bool
  /// Whether id 5 (the group `tty` of devpts) is mapped.
  public var mapsTTYGroup: Bool
  /// The ranges of /proc/self/uid_map and gid_map: inside, count.
  public var userRanges: [(first: UInt32, count: UInt32)]
  public var groupRanges: [(first: UInt32, count: UInt32)]
  public var cgroups: any CgroupDriver
  /// Capabilities that can be given at all.
  public var capabilities: CapabilitySet

  /// What of it a further program in a container must know. Without the rest, which takes a quarter of an exec's time to find out.
  public struct Rights: Sendable {
    public var isUserNamespace: Bool
    public var capabilities: CapabilitySet

    public static func discover() -> Rights {
      Rights(isUserNamespace: !Host.isWhole(Host.ranges("/proc/self/uid_map")), capabilities: CapabilitySet.effective)
    }
  }
  public var rights: Rights { Rights(isUserNamespace: isUserNamespace, capabilities: capabilities) }

  /// Reads /proc and mountinfo.
  public static func discover() -> Host {
    let users = ranges("/proc/self/uid_map")
    let groups = ranges("/proc/self/gid_map")
    return Host(
      isUserNamespace: !isWhole(users), mapsTTYGroup: groups.contains { $0.first <= 5 && 5 - $0.first < $0.count }, userRanges: users, groupRanges: groups,
      cgroups: Cgroups.discover(), capabilities: CapabilitySet.effective)
  }

  private static func isWhole(_ users: [(first: UInt32, count: UInt32)]) -> Bool {
    users.count == 1 && users[0].first == 0 && users[0].count == UInt32.max
  }

  private static func ranges(_ file: String) -> [(first: UInt32, count: UInt32)] {
    let text = optional { () throws(SysError) in try FileSystem.readText(file) } ?? ""
    return pieces(of: text, at: "\n").compactMap {
      let f = pieces(of: $0, at: " ").compactMap { UInt32($0) }
      return f.count == 3 ? (f[0], f[2]) : nil
    }
  }

  /// An ordinary user without subordinate ids: 0 is all there is.
  public var hasOneID: Bool { isUserNamespace && userRanges.count == 1 && userRanges[0].count == 1 }

  /// Whether a user id can be had here (single-id nodes have 0 alone).
  public func maps(user: UInt32) -> Bool { userRanges.contains { $0.first <= user && user - $0.first < $0.count } }
  public func maps(group: UInt32) -> Bool { groupRanges.contains { $0.first <= group && group - $0.first < $0.count } }
}
