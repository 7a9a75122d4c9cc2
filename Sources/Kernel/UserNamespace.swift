// SPDX-License-Identifier: Apache-2.0
//
// Which ids a user namespace maps. Many ids need newuidmap (set-user-ID, from Debian's uidmap) and a range in /etc/subuid; without them the
// kernel lets a user map the own id alone. user_namespaces(7), newuidmap(1), subuid(5).
import CLinux
import Glibc

/// One line of uid_map.
public struct IDRange: Sendable, Equatable {
  public var inside: UInt32
  public var outside: UInt32
  public var count: UInt32
  public init(inside: UInt32, outside: UInt32, count: UInt32) { (self.inside, self.outside, self.count) = (inside, outside, count) }
}

/// Why a user has one id only, and what root can do about it.
public enum OneID: Sendable, Equatable, CustomStringConvertible {
  case noHelper, noRange

  public var remedy: String {
    switch self {
    case .noHelper: "apt-get install uidmap"
    case .noRange: "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER"
    }
  }

  public var description: String {
    switch self {
    case .noHelper: "newuidmap is not installed (Debian: \(remedy))"
    case .noRange: "no range for this user in /etc/subuid and /etc/subgid (as root: \(remedy))"
    }
  }
}

public struct IDMaps: Sendable, Equatable {
  public var users: [IDRange]
  public var groups: [IDRange]
  /// Only this user's own id is mapped.
  public var isSingle: Bool { users.count == 1 && users[0].count == 1 }

  public init(users: [IDRange], groups: [IDRange]) { (self.users, self.groups) = (users, groups) }

  /// What this user may have: 0 is the user, 1… the subordinate ids; or 0 alone. reason: why only one.
  public static func available() -> (maps: IDMaps, reason: OneID?) {
    let uid = getuid()
    let gid = getgid()
    let single = IDMaps(users: [IDRange(inside: 0, outside: uid, count: 1)], groups: [IDRange(inside: 0, outside: gid, count: 1)])
    guard newuidmap != nil, newgidmap != nil else { return (single, .noHelper) }
    guard let u = subordinate("/etc/subuid", uid), let g = subordinate("/etc/subgid", uid) else {
      return (single, .noRange)
    }
    return (
      IDMaps(
        users: [IDRange(inside: 0, outside: uid, count: 1), IDRange(inside: 1, outside: u.start, count: u.count)],
        groups: [IDRange(inside: 0, outside: gid, count: 1), IDRange(inside: 1, outside: g.start, count: g.count)]), nil
    )
  }

  private static var newuidmap: String? { ["/usr/bin/newuidmap", "/bin/newuidmap", "/usr/local/bin/newuidmap"].first { access($0, X_OK) == 0 } }
  private static var newgidmap: String? { ["/usr/bin/newgidmap", "/bin/newgidmap", "/usr/local/bin/newgidmap"].first { access($0, X_OK) == 0 } }

  /// The first range that the file gives this user, by number or by the name that /etc/passwd has for it.
  static func subordinate(_ file: String, _ uid: UInt32) -> (start: UInt32, count: UInt32)? {
    let name = userName(uid)
    for line in (Proc.text(file) ?? "").split(separator: "\n") {
      let f = line.split(separator: ":")
      guard f.count == 3, let start = UInt32(f[1]), let count = UInt32(f[2]), count > 0 else { continue }
      if f[0] == "\(uid)" || (name != nil && f[0] == Substring(name ?? "")) { return (start, count) }
    }
    return nil
  }

  /// By /etc/passwd alone: static programs have no NSS.
  public static func userName(_ uid: UInt32) -> String? {
    for line in (Proc.text("/etc/passwd") ?? "").split(separator: "\n") {
      let f = line.split(separator: ":", omittingEmptySubsequences: false)
      if f.count > 2, f[2] == "\(uid)" { return String(f[0]) }
    }
    return nil
  }

  /// Writes the maps of a process that was born in a new user namespace and waits. Many ids go through newuidmap; one id, or a caller with
  /// CAP_SETUID over the ids, writes the files itself.
  public func apply(to pid: Int32) throws(SysError) {
    if geteuid() == 0 {
      try FileSystem.put("/proc/\(pid)/uid_map", text(users))
      try FileSystem.put("/proc/\(pid)/gid_map", text(groups))
    } else if isSingle {
      try FileSystem.put("/proc/\(pid)/setgroups", "deny")
      try FileSystem.put("/proc/\(pid)/uid_map", text(users))
      try FileSystem.put("/proc/\(pid)/gid_map", text(groups))
    } else {
      try run(Self.newuidmap ?? "", pid, users)
      try run(Self.newgidmap ?? "", pid, groups)
    }
  }

  private func text(_ ranges: [IDRange]) -> String { ranges.map { "\($0.inside) \($0.outside) \($0.count)\n" }.joined() }

  private func run(_ program: String, _ pid: Int32, _ ranges: [IDRange]) throws(SysError) {
    let arguments = ["\(pid)"] + ranges.flatMap { ["\($0.inside)", "\($0.outside)", "\($0.count)"] }
    let plan = SpawnPlan(.paths([program]), [program] + arguments, environment: [])
    let status = try plan.spawn().wait()
    if status.code != 0 {
      throw SysError(
        step: "mapping subordinate ids", call: "execve", object: "\(program) \(arguments.joined(separator: " "))", errno: EPERM,
        hint: "it ended with \(status.code); see /etc/subuid and /etc/subgid, and that \(program) is set-user-ID root")
    }
  }
}

/// Why namespaces may be refused here, and the remedy. nil: nothing that forbids them was found.
public enum NamespaceRights {
  public static func obstacle() -> String? {
    func value(_ path: String) -> String? { Proc.text("/proc/sys/" + path).map { String($0.prefix { $0 != "\n" }) } }
    for kind in ["user", "mnt", "pid", "net", "ipc", "uts"] where value("user/max_\(kind)_namespaces") == "0" {
      return "user.max_\(kind)_namespaces is 0: as root, sysctl user.max_\(kind)_namespaces=65536"
    }
    if geteuid() == 0 { return nil }
    if value("kernel/unprivileged_userns_clone") == "0" {
      return "kernel.unprivileged_userns_clone is 0: as root, sysctl kernel.unprivileged_userns_clone=1"
    }
    if value("kernel/apparmor_restrict_unprivileged_userns") == "1" {
      return "AppArmor restricts user namespaces: as root, sysctl kernel.apparmor_restrict_unprivileged_userns=0, or a profile for these programs"
    }
    return nil
  }
}
