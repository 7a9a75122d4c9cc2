// SPDX-License-Identifier: Apache-2.0
//
// Capabilities by name. capabilities(7).
import CLinux
import Glibc

/// A set of capabilities, one bit each.
public struct CapabilitySet: OptionSet, Sendable, Hashable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Names without CAP_, by number.
  public static let names: [String] = [
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE",
    "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN",
    "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
    "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
  ]
  public static let all = CapabilitySet(rawValue: (1 << UInt64(names.count)) - 1)

  /// From NET_ADMIN or CAP_NET_ADMIN; nil where there is no such capability.
  public init?(name: String) {
    let bare = name.hasPrefix("CAP_") ? String(name.dropFirst(4)) : name
    guard let i = Self.names.firstIndex(of: bare) else { return nil }
    self.init(rawValue: 1 << UInt64(i))
  }

  /// What containerd gives a container that asks for nothing.
  public static let containerDefault: CapabilitySet = [
    "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT",
    "KILL", "AUDIT_WRITE",
  ].reduce(into: []) { set, name in
    if let c = CapabilitySet(name: name) { set.formUnion(c) }
  }

  /// The names in it, with CAP_.
  public var labels: [String] {
    Self.names.indices.filter { rawValue >> UInt64($0) & 1 == 1 }.map { "CAP_" + Self.names[$0] }
  }

  /// This process's own effective set.
  public static var effective: CapabilitySet {
    var e: UInt64 = 0
    var p: UInt64 = 0
    var i: UInt64 = 0
    return lx_capget(&e, &p, &i) == 0 ? CapabilitySet(rawValue: e) : []
  }
}
