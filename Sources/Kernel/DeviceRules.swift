// SPDX-License-Identifier: Apache-2.0
//
// Which devices a container may use that is not privileged: what the OCI runtime specification gives to all (config-linux.md, "Default Devices").
// Making a node is allowed for any device, as runtimes do; using it is not. cgroup-v1/devices.rst.

/// One rule.
public struct DeviceRule: Sendable, Equatable {
  /// b or c.
  public var type: Character
  /// nil: any.
  public var major: UInt32?
  public var minor: UInt32?
  /// Of r, w, m.
  public var access: String

  /// As devices.allow takes it.
  public var text: String { "\(type) \(major.map(String.init) ?? "*"):\(minor.map(String.init) ?? "*") \(access)" }
}

public enum DeviceRules {
  public static let allowed: [DeviceRule] = [
    DeviceRule(type: "c", access: "m"), DeviceRule(type: "b", access: "m"),
    // null, zero, full, random, urandom, tty, console, ptmx, pts
    DeviceRule(type: "c", major: 1, minor: 3, access: "rwm"), DeviceRule(type: "c", major: 1, minor: 5, access: "rwm"),
    DeviceRule(type: "c", major: 1, minor: 7, access: "rwm"), DeviceRule(type: "c", major: 1, minor: 8, access: "rwm"),
    DeviceRule(type: "c", major: 1, minor: 9, access: "rwm"), DeviceRule(type: "c", major: 5, minor: 0, access: "rwm"),
    DeviceRule(type: "c", major: 5, minor: 1, access: "rwm"), DeviceRule(type: "c", major: 5, minor: 2, access: "rwm"),
    DeviceRule(type: "c", major: 136, access: "rwm"),
  ]
}

/// Paths as CgroupDriver takes them.
enum CgroupPath {
  /// Its first part: the instance's group.
  static func top(_ path: String) -> String { String(path.prefix { $0 != "/" }) }
}
