// SPDX-License-Identifier: Apache-2.0
//
// An instance: a world of pods of its own, in two folders: RUN (what lives: pods, sockets, logs) and DATA (what stays: images, objects). Two instances
// never touch each other: names of links, cgroups and addresses carry the instance's id.
import Glibc
import Kernel
import Manifest

/// An environment variable; nil when it is not set or empty.
public func variable(_ name: String) -> String? {
  guard let p = getenv(name) else { return nil }
  let text = String(cString: p)
  return text.isEmpty ? nil : text
}

/// Whether this user's messages are in Chinese: by LC_ALL, else LC_MESSAGES, else LANG (setlocale(3)).
public var readsChinese: Bool { (variable("LC_ALL") ?? variable("LC_MESSAGES") ?? variable("LANG"))?.hasPrefix("zh") == true }

/// A path made absolute by the working directory, without . and .. parts.
public func absolutePath(_ path: String) -> String {
  // What most paths are: nothing to be done.
  if path.utf8.first == UInt8(ascii: "/"), path.utf8.last != UInt8(ascii: "/"), strstr(path, "//") == nil, strstr(path, "/.") == nil { return path }
  var whole = path
  if !path.hasPrefix("/"), let cwd = getcwd(nil, 0) {
    whole = String(cString: cwd) + "/" + path
    free(cwd)
  }
  var parts: [Substring] = []
  for part in pieces(of: whole, at: "/") where part != "." {
    if part == ".." { _ = parts.popLast() } else { parts.append(part) }
  }
  return "/" + parts.joined(separator: "/")
}

public struct Instance: Sendable {
  public let run: String
  public let data: String
  public let images: String
  /// Five characters of a-z2-7; empty until opened.
  public private(set) var id = ""
  /// Set by open() when it made this boot's instance: Pods of before are there again, without a supervisor (Survivors.swift).
  public private(set) var isNew = false

  public init(run: String, data: String, images: String) { (self.run, self.data, self.images) = (run, data, images) }

  /// Where the instance's folders are: `root` (--root) or PODLAB_ROOT, else root's or the user's own. Touches nothing.
  public static func locate(root: String?) throws(SysError) -> Instance {
    let run: String
    let data: String
    if let root = root ?? variable("PODLAB_ROOT") {
      let whole = absolutePath(root)
      (run, data) = (whole + "/run", whole + "/data")
    } else if geteuid() == 0 {
      (run, data) = ("/run/podlab", "/var/lib/podlab")
    } else {
      run = variable("XDG_RUNTIME_DIR").map { $0 + "/podlab" } ?? "/tmp/podlab-\(getuid())"
      guard let share = variable("XDG_DATA_HOME") ?? variable("HOME").map({ $0 + "/.local/share" }) else {
        throw SysError(
          step: "finding a place for data", call: "getenv", object: "HOME", errno: ENOENT, hint: "set HOME or XDG_DATA_HOME, or give --root DIR")
      }
      data = share + "/podlab"
    }
    return Instance(run: run, data: data, images: variable("PODLAB_IMAGES").map(absolutePath) ?? data + "/images")
  }

  /// Makes the folders and the instance's id where they are missing. A second call costs one read.
  public mutating func open() throws(SysError) {
    if let known = readID() {
      id = known
      return
    }
    do throws(SysError) {
      let mode: UInt32 = geteuid() == 0 ? 0o755 : 0o700
      try FileSystem.makeFolders(run, mode: mode)
      let info = try FileSystem.info(run)
      if info.uid != geteuid() {
        throw SysError(call: "stat", object: run, errno: EPERM, hint: "the folder belongs to user \(info.uid): remove it, or choose another with --root DIR")
      }
      for f in ["objects", "images"] { try FileSystem.makeFolders("\(data)/\(f)", mode: mode) }
      let lock = try FileLock("\(run)/instance.lock")
      if let known = readID() {
        id = known
      } else {
        try makeBulkFolders(mode: mode)
        try bringBackPods()
        try FileSystem.makeFolders("\(run)/addresses", mode: mode)
        try mountPoints.make()
        let new = keptID() ?? Self.randomID(5)
        try FileSystem.writeAtomically(idFile, Array(new.utf8), mode: 0o600)
        let text = JSON.compactBytes(.object([("id", .string(new)), ("boot", .string(Boot.id))]))
        try FileSystem.writeAtomically("\(run)/instance.json", text, mode: 0o600)
        id = new
        isNew = true
      }
      _ = lock.raw
    } catch {
      throw error.during("opening the instance \(run)", hint: error.hint ?? Self.remedy(error.errno))
    }
  }

  var idFile: String { "\(data)/instance.id" }

  /// The id of before: what a lost RUN leaves on the machine (links, cgroups) carries it.
  private func keptID() -> String? {
    guard let text = optional({ () throws(SysError) in try FileSystem.readText(idFile) }), text.utf8.count == 5, text.allSatisfy(Self.letters.contains) else { return nil }
    return text
  }

  static func remedy(_ code: Int32) -> String? {
    switch code {
    case ENOSPC, EDQUOT: "make room on that file system, or choose another place with --root DIR"
    case EROFS: "the file system is read-only: choose another place with --root DIR"
    case EACCES, EPERM: "choose a place of your own with --root DIR"
    default: nil
    }
  }

  /// The id of this boot's instance; nil where there is none, or it is of an earlier boot.
  private func readID() -> String? {
    guard let bytes = optional({ () throws(SysError) in try FileSystem.read("\(run)/instance.json") }) else { return nil }
    do throws(JSON.Malformed) {
      let v = try JSON.parse(bytes)
      guard let id = v["id"]?.string, id.utf8.count == 5, v["boot"]?.string == Boot.id else { return nil }
      return id
    } catch { return nil }
  }

  var isOfThisBoot: Bool { readID() != nil }

  /// Whether there is anything of this instance.
  public var exists: Bool { FileSystem.exists("\(run)/instance.json") }

  static let letters = Array("abcdefghijklmnopqrstuvwxyz234567")
  static func randomID(_ count: Int) -> String { String(randomBytes(count).map { letters[Int($0 & 31)] }) }

  /// From getrandom(2).
  public static func randomBytes(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var at = 0
    while at < count {
      let n = bytes.withUnsafeMutableBytes { b in Clock.random(into: UnsafeMutableRawBufferPointer(rebasing: b[at...])) }
      if n > 0 { at += n }
    }
    return bytes
  }

  // MARK: the node's root

  /// What stands before the paths of hostPath volumes; empty for the machine's own /.
  public var nodeRoot: String {
    let text = optional { () throws(SysError) in try FileSystem.readText("\(run)/node-root") } ?? ""
    return String(text.prefix { $0 != "\n" })
  }

  /// Makes a folder the node's / for the hostPath volumes of every Pod of the instance; the machine's own for "/". It cannot change while there are
  /// Pods.
  public func setNodeRoot(_ path: String) throws(SysError) {
    let wanted = absolutePath(path)
    let new = wanted == "/" ? "" : wanted
    if new == nodeRoot { return }
    if !pods().isEmpty {
      let now = nodeRoot.isEmpty ? "/" : nodeRoot
      throw SysError(
        step: "making \(wanted) the node's root", call: "rename", object: "\(run)/node-root", errno: EBUSY,
        hint: "it is \(now) for the pods that there are: delete them first, or use another instance with --root DIR")
    }
    if !new.isEmpty, !FileSystem.isFolder(new) {
      throw SysError(step: "making \(wanted) the node's root", call: "stat", object: new, errno: ENOTDIR, hint: "make the folder first")
    }
    try FileSystem.writeAtomically("\(run)/node-root", Array((new + "\n").utf8), mode: 0o600)
  }

  // MARK: places

  public func place(_ namespace: String, _ name: String) -> PodPlace { PodPlace(folder: "\(run)/pods/\(namespace)/\(name)") }

  /// Every Pod that has a folder, sorted.
  public func pods(namespace: String? = nil) -> [(namespace: String, name: String)] {
    let names = { (path: String) in optional { () throws(SysError) in try FileSystem.list(path) } ?? [] }
    return (namespace.map { [$0] } ?? names("\(run)/pods")).flatMap { ns in names("\(run)/pods/\(ns)").map { (ns, $0) } }
      .filter { FileSystem.exists(place($0.0, $0.1).object) }
  }

  /// Folder of registries' certificates: HOST[:PORT]/ca.crt, client.cert, client.key.
  public var certificates: String { data + "/certs.d" }
  public var bridgeName: String { "podlab" + id }
  public var cgroupRoot: String { "podlab-" + id }
}
