// SPDX-License-Identifier: Apache-2.0
//
// Users and groups by the image's own /etc/passwd and /etc/group: a static program has no NSS, and the host's names mean nothing in there.
import Glibc
import Kernel

public struct UserDatabase: Sendable {
  struct User: Sendable { var name: String; var uid: UInt32; var gid: UInt32; var home: String }
  struct Group: Sendable { var name: String; var gid: UInt32; var members: [String] }
  let users: [User]
  let groups: [Group]

  /// Reads the first of the layers (topmost first) that has each file; beneath the layer only. A whiteout ends the search; a pipe or a device is not
  /// read, since it would not end.
  public init(layers: [String]) {
    func lines(_ file: String) -> [[Substring]] {
      for layer in layers {
        let text = optional { () throws(SysError) -> String in
          let dir = try FileDescriptor.open(layer, FileDescriptor.pathOnly)
          let place = try FileDescriptor.open2(file, at: dir, FileDescriptor.pathOnly, resolve: .inRoot)
          guard try FileSystem.info(place.raw).isRegular else { return "" }
          let fd = try FileDescriptor.open2(file, at: dir, O_NONBLOCK, resolve: .inRoot)
          return String(decoding: try FileSystem.read(fd.raw, file, limit: 1 << 20), as: UTF8.self)
        }
        if let text { return text.split(separator: "\n").map { $0.split(separator: ":", omittingEmptySubsequences: false) } }
      }
      return []
    }
    users = lines("etc/passwd").compactMap { f in
      guard f.count >= 6, let u = UInt32(f[2]), let g = UInt32(f[3]) else { return nil }
      return User(name: String(f[0]), uid: u, gid: g, home: String(f[5]))
    }
    groups = lines("etc/group").compactMap { f in
      guard f.count >= 4, let g = UInt32(f[2]) else { return nil }
      return Group(name: String(f[0]), gid: g, members: f[3].split(separator: ",").map(String.init))
    }
  }

  /// What an image's USER means: NAME, UID, NAME:GROUP, UID:GID. nil: a name that is not there.
  public func resolve(_ text: String) -> (user: UInt32, group: UInt32, supplementary: [UInt32])? {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let who = parts.first.map(String.init) ?? ""
    let known = users.first { $0.name == who } ?? users.first { "\($0.uid)" == who }
    guard let uid = known?.uid ?? UInt32(who) ?? (who.isEmpty ? 0 : nil) else { return nil }
    var gid = known?.gid ?? 0
    if parts.count == 2 {
      let name = String(parts[1])
      guard let g = groups.first(where: { $0.name == name })?.gid ?? UInt32(name) else { return nil }
      gid = g
    }
    return (uid, gid, supplementary(of: uid).filter { $0 != gid })
  }

  /// Groups that list the user of this id as a member.
  public func supplementary(of uid: UInt32) -> [UInt32] {
    guard let name = users.first(where: { $0.uid == uid })?.name else { return [] }
    return groups.filter { $0.members.contains(name) }.map(\.gid)
  }

  public func home(of uid: UInt32) -> String? { users.first { $0.uid == uid }?.home }
  public func primaryGroup(of uid: UInt32) -> UInt32? { users.first { $0.uid == uid }?.gid }
}
