// SPDX-License-Identifier: Apache-2.0
//
// An exercise as it stands in its folder: what it is called, what may be edited, what is checked, what a variant changes.
import Kernel
import Manifest

public struct Exercise: Sendable {
  public let id: String
  public let aliases: [String]
  public let version: Int
  public let title: Text
  /// What a pass has shown.
  public let proves: Text?
  public let next: String?
  /// The file that is applied.
  public let manifest: String
  /// Globs of the files that are the student's; everything else comes from the exercise.
  public let editable: [String]
  public let limits: ArenaLimits
  public let choices: [(name: String, values: [String])]
  public let folder: String
  private let visibleChecks: Value
  private let hiddenChecks: Value?
  /// SHA-256 over the checks as they stand in their files, hidden ones too where there are any.
  public let checksDigest: String

  /// Reads an exercise's folder. `hidden` is the folder of an instructor's own hidden checks.
  public init(folder: String, hidden: String? = nil) throws(ExerciseError) {
    self.folder = folder
    let name = folder.split(separator: "/").last.map(String.init) ?? folder
    let root = Entry(value: try Self.yaml("\(folder)/exercise.yaml"), file: "\(name)/exercise.yaml", place: "")
    _ = try root.members([
      "format", "id", "aliases", "version", "kind", "title", "proves", "manifest", "editable", "next", "limits", "needs", "variants", "points",
    ])
    guard try root.need("format").string() == "podlab.exercise/1" else { throw root.error("format must be podlab.exercise/1") }
    guard try root.need("kind").string() == "manifest" else { throw root.error("kind must be manifest") }
    id = try root.need("id").string()
    guard id == name else { throw root.error("id must be the folder's name, \(name)") }
    aliases = try root["aliases"]?.strings() ?? []
    version = try root.need("version").int()
    title = try root.need("title").text()
    proves = try root["proves"]?.text()
    next = try root["next"]?.string()
    manifest = try root.need("manifest").string()
    editable = try root.need("editable").strings()
    limits = try Self.limits(root["limits"])
    var choices: [(name: String, values: [String])] = []
    if let variants = root["variants"] {
      for key in variants.value.members?.keys ?? [] { choices.append((key, try variants.need(key).strings())) }
    }
    self.choices = choices
    visibleChecks = try Self.yaml("\(folder)/checks.yaml")
    let hiddenFile = hidden.map { "\($0)/\(name).yaml" } ?? "\(folder)/hidden.yaml"
    hiddenChecks = FileSystem.exists(hiddenFile) ? try Self.yaml(hiddenFile) : nil
    var digest = SHA256()
    for file in ["\(folder)/exercise.yaml", "\(folder)/checks.yaml"] + (hiddenChecks == nil ? [] : [hiddenFile]) {
      digest.update(try Self.bytes(file))
      digest.update([0])
    }
    checksDigest = "sha256:" + SHA256.hexadecimal(digest.finish())
  }

  public func variant(student: String = "", secret: [UInt8] = []) -> Variant {
    Variant(seed: Variant.seed(exercise: id, version: version, student: student, secret: secret), choices: choices)
  }

  /// The checks in their files' order. `hidden` adds those that only a grader runs.
  public func checks(hidden: Bool) throws(ExerciseError) -> [Check] {
    var checks = try CheckReader.read(visibleChecks, file: "\(id)/checks.yaml")
    if hidden, let hiddenChecks { checks += try CheckReader.read(hiddenChecks, file: "\(id)/hidden.yaml") }
    for check in checks {
      for need in check.needs where !checks.contains(where: { $0.id == need }) {
        throw ExerciseError(file: "\(id)/checks.yaml", place: check.id, "needs \(need), which is not there")
      }
    }
    return checks
  }

  /// How many hidden checks there are, and their points.
  public func hiddenTally() throws(ExerciseError) -> (checks: Int, points: Int) {
    guard let hiddenChecks else { return (0, 0) }
    let checks = try CheckReader.read(hiddenChecks, file: "\(id)/hidden.yaml")
    return (checks.count, checks.reduce(0) { $0 + $1.points })
  }

  /// The files of starter, solution or wrong/NAME, with a variant's values filled in; expect.yaml is no part of an answer.
  public func files(_ part: String, variant: Variant) throws(ExerciseError) -> [(path: String, content: [UInt8])] {
    var out: [(path: String, content: [UInt8])] = []
    func walk(_ inner: String) throws(ExerciseError) {
      for name in try Self.read({ () throws(SysError) in try FileSystem.list("\(folder)/\(part)\(inner)") }) where name != "expect.yaml" {
        let path = "\(inner)/\(name)"
        if FileSystem.isFolder("\(folder)/\(part)\(path)") { try walk(path); continue }
        let text = String(decoding: try Self.bytes("\(folder)/\(part)\(path)"), as: UTF8.self)
        out.append((String(path.dropFirst()), Array(variant.fill(text).utf8)))
      }
    }
    try walk("")
    return out
  }

  /// The brief, or a hint file, in a language.
  public func text(_ name: String, _ language: Language, variant: Variant) throws(ExerciseError) -> String {
    variant.fill(String(decoding: try Self.bytes("\(folder)/\(name).\(language.rawValue).md"), as: UTF8.self))
  }

  /// The stages of hints: the text under each `## N`.
  public func hints(_ language: Language, variant: Variant) throws(ExerciseError) -> [String] {
    var stages: [String] = []
    for line in try text("hints", language, variant: variant).split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("## ") { stages.append("") } else if !stages.isEmpty { stages[stages.count - 1] += line + "\n" }
    }
    return stages.map { stage in
      var trimmed = Substring(stage)
      while trimmed.last == "\n" { trimmed.removeLast() }
      while trimmed.first == "\n" { trimmed.removeFirst() }
      return String(trimmed)
    }
  }

  private static func limits(_ node: Entry?) throws(ExerciseError) -> ArenaLimits {
    var limits = ArenaLimits()
    guard let node else { return limits }
    _ = try node.members(["memory", "pids", "disk", "wall"])
    if let v = node["memory"] { limits.memoryBytes = try mebibytes(v) }
    if let v = node["disk"] { limits.diskBytes = try mebibytes(v) }
    if let v = node["pids"] { limits.processes = Int64(try v.int()) }
    if let v = node["wall"] { limits.wall = try v.duration() }
    return limits
  }

  private static func mebibytes(_ node: Entry) throws(ExerciseError) -> Int64 {
    let text = try node.string()
    guard text.hasSuffix("Mi"), let n = Int64(text.dropLast(2)), n > 0 else { throw node.error("must be a size like 64Mi") }
    return n << 20
  }

  static func bytes(_ path: String) throws(ExerciseError) -> [UInt8] {
    try read { () throws(SysError) in try FileSystem.read(path) }
  }

  private static func read<T>(_ body: () throws(SysError) -> T) throws(ExerciseError) -> T {
    do throws(SysError) { return try body() } catch { throw ExerciseError(file: error.object, errnoText(error.errno)) }
  }

  static func yaml(_ path: String) throws(ExerciseError) -> Value { try YAMLFile.value(try bytes(path), file: path) }
}

/// The exercises that are there.
public struct Library: Sendable {
  public let folder: String
  public let ids: [String]

  /// `home` is the folder that holds Exercises/.
  public init(home: String) throws(SysError) {
    folder = home + "/Exercises"
    ids = try FileSystem.list(folder).filter { FileSystem.exists("\(home)/Exercises/\($0)/exercise.yaml") }
  }

  /// By number (`3` is 03), by prefix, by the name without its number.
  public func find(_ name: String) -> [String] {
    if let number = Int(name) { return ids.filter { Int($0.prefix { $0 != "-" }) == number } }
    if ids.contains(name) { return [name] }
    return ids.filter { id in id.hasPrefix(name) || id.drop { $0 != "-" }.dropFirst().hasPrefix(name) }
  }
}
