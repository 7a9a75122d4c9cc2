// SPDX-License-Identifier: Apache-2.0
//
// One layer on top of an image: the packages' files in one pass, then what has to be made. Knows every path of the image so far, keeps the paths of a
// merged /usr apart from their aliases (/bin is a link to usr/bin), writes no path twice.
import Glibc

final class LayerAssembly {
  let base: BaseTree
  private let tar: LayerTar
  private var own: [String: LayerEntry] = [:]
  private var kept: [String: [UInt8]] = [:]
  /// Shared libraries that went by: their path and their soname.
  private(set) var libraries: [(path: String, soname: String)] = []
  /// Paths that something made here takes the place of: the packages' entries are left out.
  private var replaced: Set<String> = []
  private var made: [String: (entry: LayerEntry, bytes: [UInt8])] = [:]
  /// Of the newest file of the packages, seconds since 1970: the date of everything that is made here.
  private(set) var newest = 0

  /// hasPackages: of Debian, whose /usr is merged.
  init(on base: BaseTree, tar: LayerTar, hasPackages: Bool) {
    (self.base, self.tar) = (base, tar)
    merges = base.entries["bin"].map { $0.kind != .folder } ?? hasPackages
  }

  // MARK: what is there

  /// Top folders that are links into /usr.
  static let merged = ["bin", "sbin", "lib", "lib32", "lib64", "libo32", "libx32"]

  /// Whether they are, in this image.
  private let merges: Bool

  /// The path behind a merged /usr: bin/sh is usr/bin/sh.
  func canonical(_ path: String) -> String {
    if !merges { return path }
    let first = path.prefix { $0 != "/" }
    return Self.merged.contains(String(first)) && first.count < path.count ? "usr/\(path)" : path
  }

  /// The entry at this path in this layer, in what will be made, or below.
  func entry(_ path: String) -> LayerEntry? {
    let p = canonical(path)
    return made[p]?.entry ?? own[p] ?? base.entries[p]
  }

  func exists(_ path: String) -> Bool { entry(path) != nil }

  /// Follows links, at most eight; the path of the file.
  func resolved(_ path: String) -> String? {
    var p = canonical(path)
    for _ in 0..<8 {
      guard let e = entry(p) else { return nil }
      guard case .symlink(let text) = e.kind else { return p }
      var parts = text.hasPrefix("/") ? [] : p.split(separator: "/").dropLast()
      for part in text.split(separator: "/") where part != "." {
        if part == ".." { _ = parts.popLast() } else { parts.append(part) }
      }
      p = canonical(parts.joined(separator: "/"))
    }
    return nil
  }

  func bytes(_ path: String) -> [UInt8]? {
    let p = canonical(path)
    return made[p]?.bytes ?? kept[p] ?? base.bytes(p)
  }

  func text(_ path: String) -> String? { bytes(path).map { String(decoding: $0, as: UTF8.self) } }

  /// Kept files of the image below a folder, in order.
  func keptPaths(below folder: String) -> [String] {
    Set(kept.keys).union(base.keptPaths).union(made.keys).filter { $0.hasPrefix(folder + "/") }.sorted()
  }

  // MARK: the packages

  /// Whose paths will be made here; before any package is added.
  func replace(_ paths: some Sequence<String>) { replaced.formUnion(paths.map(canonical)) }

  /// Paths beside isKept's whose bytes `bytes` shall have.
  var alsoKept: Set<String> = []

  func add(_ entry: LayerEntry, _ file: DebPackage.Contents) throws(Failure) {
    var e = entry
    e.path = canonical(entry.path)
    if case .hardLink(let to) = e.kind { e.kind = .hardLink(canonical(to)) }
    newest = max(newest, e.time)
    let keep = BaseTree.isKept(e.path) || alsoKept.contains(e.path)
    if replaced.contains(e.path) {
      if case .file = e.kind, keep { kept[e.path] = try file.bytes() }
      return
    }
    if merges, e.kind == .folder, Self.merged.contains(e.path) { e.path = "usr/" + e.path }
    if own[e.path] != nil { return }
    if e.kind == .folder {
      // A folder that is there stays as it is, and a link to a folder is one.
      if let below = base.entries[e.path] {
        guard below.kind == .folder else { return }
        e = below
      }
    }
    own[e.path] = e
    try tar.begin(e)
    guard case .file = e.kind else { return }
    if keep || Self.isLibrary(e.path) {
      let bytes = try file.bytes()
      if keep { kept[e.path] = bytes }
      if Self.isLibrary(e.path), let soname = ELF.soname(bytes) { libraries.append((e.path, soname)) }
      try tar.data(bytes)
    } else {
      try file.stream { (b) throws(Failure) in try tar.data(b) }
    }
  }

  private static func isLibrary(_ path: String) -> Bool {
    guard path.hasPrefix("usr/"), let slash = path.lastIndex(of: "/") else { return false }
    let name = path[slash...]
    return name.hasSuffix(".so") || name.contains(".so.")
  }

  // MARK: what is made

  func folder(_ path: String, mode: UInt32 = 0o755, uid: UInt32 = 0, gid: UInt32 = 0) {
    make(LayerEntry(path: path, kind: .folder, mode: mode, uid: uid, gid: gid), [])
  }

  func file(_ path: String, _ bytes: [UInt8], mode: UInt32 = 0o644, uid: UInt32 = 0, gid: UInt32 = 0) {
    make(LayerEntry(path: path, kind: .file(size: Int64(bytes.count)), mode: mode, uid: uid, gid: gid), bytes)
  }

  func file(_ path: String, _ text: String, mode: UInt32 = 0o644, uid: UInt32 = 0, gid: UInt32 = 0) {
    file(path, Array(text.utf8), mode: mode, uid: uid, gid: gid)
  }

  func symlink(_ path: String, to text: String) { make(LayerEntry(path: path, kind: .symlink(text), mode: 0o777), []) }

  func hardLink(_ path: String, to other: String, mode: UInt32) { make(LayerEntry(path: path, kind: .hardLink(other), mode: mode), []) }

  private func make(_ entry: LayerEntry, _ bytes: [UInt8]) {
    var e = entry
    e.path = canonical(e.path)
    made[e.path] = (e, bytes)
  }

  /// Writes what was made, with the folders that it needs. time: of an image without packages.
  func finish(time: Int? = nil) throws(Failure) {
    let date = time ?? newest
    for path in Array(made.keys) {
      var parent = path
      while let slash = parent.lastIndex(of: "/") {
        parent = String(parent[..<slash])
        if made[parent] != nil || own[parent] != nil { continue }
        let below = base.entries[parent].flatMap { $0.kind == .folder ? $0 : nil }
        made[parent] = (below ?? LayerEntry(path: parent, kind: .folder, mode: 0o755), [])
      }
    }
    // Hard links last: what they are links to must be there. Parents sort before what they hold.
    let order = made.values.sorted {
      let (a, b) = (Self.isHardLink($0.entry), Self.isHardLink($1.entry))
      return a == b ? Array($0.entry.path.utf8).lexicographicallyPrecedes(Array($1.entry.path.utf8)) : b
    }
    for (entry, bytes) in order {
      var e = entry
      if own[e.path] != nil {
        // A package's folder that was given another mode or owner has been written already: a second entry gives them.
        guard e.kind == .folder else { throw Failure("/\(e.path): made, and also in a package: name it in the recipe's files, copies or links") }
      }
      e.time = date
      try tar.begin(e)
      if case .file = e.kind { try tar.data(bytes) }
    }
    try tar.end()
  }

  private static func isHardLink(_ e: LayerEntry) -> Bool { if case .hardLink = e.kind { true } else { false } }
}
