// SPDX-License-Identifier: Apache-2.0
//
// /etc/passwd, group, shadow and gshadow: base-passwd's masters or the image's below, and the system users that are added. passwd(5), shadow(5).

struct Accounts {
  private var passwd: [[String]]
  private var groups: [[String]]
  private var shadow: [String: String]
  private var gshadow: [String: String]

  /// From what the image has; empty where it has no accounts at all.
  init(_ assembly: LayerAssembly) {
    func rows(_ path: String, _ master: String) -> [[String]] {
      (assembly.text(path) ?? assembly.text("usr/share/base-passwd/\(master)") ?? "").split(separator: "\n").map {
        $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      }
    }
    passwd = rows("etc/passwd", "passwd.master").filter { $0.count >= 7 }
    groups = rows("etc/group", "group.master").filter { $0.count >= 4 }
    func lines(_ path: String) -> [String: String] {
      var out: [String: String] = [:]
      for l in (assembly.text(path) ?? "").split(separator: "\n") { out[String(l.prefix { $0 != ":" })] = String(l) }
      return out
    }
    shadow = lines("etc/shadow")
    gshadow = lines("etc/gshadow")
  }

  var isEmpty: Bool { passwd.isEmpty && groups.isEmpty }

  /// A name or a number of the image's.
  func user(_ text: String) -> UInt32? { UInt32(text) ?? passwd.first { $0[0] == text }.flatMap { UInt32($0[2]) } }
  func group(_ text: String) -> UInt32? { UInt32(text) ?? groups.first { $0[0] == text }.flatMap { UInt32($0[2]) } }

  /// OWNER or OWNER:GROUP, as chown(1) takes it; a user alone brings the own group.
  func owner(_ text: String) -> (uid: UInt32, gid: UInt32)? {
    let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
    guard let first = parts.first, let uid = user(first) else { return nil }
    if parts.count == 2 { return group(parts[1]).map { (uid, $0) } }
    return (uid, passwd.first { $0[2] == "\(uid)" }.flatMap { UInt32($0[3]) } ?? uid)
  }

  /// Adds a user, unless there is one of this name. Ids that are not given: the first from 100 that is free for both.
  mutating func add(_ u: RecipeFile.User) throws(Failure) {
    if passwd.contains(where: { $0[0] == u.name }) { return }
    let taken = Set(passwd.map { $0[2] }).union(u.group == nil ? groups.map { $0[2] } : [])
    guard let id = u.id ?? (100..<1000).first(where: { !taken.contains("\($0)") }) else { throw Failure("user \(u.name): no id from 100 to 999 is free") }
    let gid: UInt32
    if let name = u.group {
      guard let g = group(name) else { throw Failure("user \(u.name): there is no group \(name)") }
      gid = g
    } else if let g = groups.first(where: { $0[0] == u.name }).flatMap({ UInt32($0[2]) }) {
      gid = g
    } else {
      groups.append([u.name, "x", "\(id)", ""])
      gid = id
    }
    passwd.append([u.name, "x", "\(id)", "\(gid)", u.comment, u.home, u.shell])
  }

  /// Writes the four files. day: of the last change of passwords that the masters bring, days since 1970.
  func write(to assembly: LayerAssembly, day: Int) {
    let shadowGroup = group("shadow") ?? 0
    let rows = passwd.map { row in [row[0], "x"] + row[2...] }
    let shadowText = passwd.map { r in shadow[r[0]] ?? "\(r[0]):\(r[1] == "x" || r[1].isEmpty ? "!" : r[1]):\(day):0:99999:7:::" }
    let groupRows = groups.map { row in [row[0], "x"] + row[2...] }
    let gshadowText = groups.map { r in gshadow[r[0]] ?? "\(r[0]):\(r[1] == "x" || r[1].isEmpty ? "!" : r[1])::\(r[3])" }
    func text(_ rows: [[String]]) -> String { rows.map { $0.joined(separator: ":") + "\n" }.joined() }
    assembly.file("etc/passwd", text(rows))
    assembly.file("etc/group", text(groupRows))
    assembly.file("etc/shadow", shadowText.map { $0 + "\n" }.joined(), mode: 0o640, gid: shadowGroup)
    assembly.file("etc/gshadow", gshadowText.map { $0 + "\n" }.joined(), mode: 0o640, gid: shadowGroup)
  }
}
