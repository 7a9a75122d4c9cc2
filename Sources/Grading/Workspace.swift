// SPDX-License-Identifier: Apache-2.0
//
// The folder in which a learner works on an exercise: made by `lab start`, never overwritten, put back by `lab reset` with
// the old work kept beside it.
import Glibc
import Kernel
import Manifest

public enum WorkspaceError: Error, Sendable, CustomStringConvertible {
  case notEmpty(String)
  case notAWorkspace(String)
  case nothingKept(String)
  case system(SysError)
  case exercise(ExerciseError)

  public var description: String {
    switch self {
    case .notEmpty(let path): "\(path) is there and not empty: lab start LAB OTHER-DIR, or lab reset LAB for a fresh start"
    case .notAWorkspace(let path): "\(path) holds no exercise: lab start LAB makes one"
    case .nothingKept(let path): "\(path): no work has been put aside"
    case .system(let error): error.description
    case .exercise(let error): error.description
    }
  }
}

public struct Workspace: Sendable, Equatable {
  public let folder: String
  public let exercise: String
  public let version: Int
  public let variant: String

  static let mark = ".podlab/workspace.json"

  /// The workspace in this very folder.
  public init(at folder: String) throws(WorkspaceError) {
    let bytes: [UInt8]
    do throws(SysError) { bytes = try FileSystem.read("\(folder)/\(Self.mark)") } catch { throw .notAWorkspace(folder) }
    let value: Value
    do throws(JSON.Malformed) { value = try JSON.parse(bytes) } catch { throw .notAWorkspace(folder) }
    guard let exercise = value["exercise"]?.string, let variant = value["variant"]?.string else { throw .notAWorkspace(folder) }
    (self.folder, self.exercise, self.variant) = (folder, exercise, variant)
    version = Int(value["version"]?.int ?? 1)
  }

  /// Copies the starter and the brief into a folder that is not there yet, or empty.
  public static func start(_ exercise: Exercise, in folder: String, variant: Variant) throws(WorkspaceError) -> Workspace {
    try system { () throws(SysError) in try FileSystem.makeFolders(folder) }
    guard try system({ () throws(SysError) in try FileSystem.list(folder) }).isEmpty else { throw .notEmpty(folder) }
    try fill(folder, exercise, variant)
    let mark = Value.object([
      ("schema", .string("podlab.workspace/1")), ("exercise", .string(exercise.id)), ("version", .int(Int64(exercise.version))),
      ("variant", .string(variant.seed)),
    ])
    try system { () throws(SysError) in
      try FileSystem.makeFolders("\(folder)/.podlab")
      try FileSystem.writeAtomically("\(folder)/\(Self.mark)", Array(JSON.pretty(mark).utf8))
    }
    return try Workspace(at: folder)
  }

  private static func fill(_ folder: String, _ exercise: Exercise, _ variant: Variant) throws(WorkspaceError) {
    var files: [(path: String, content: [UInt8])]
    do throws(ExerciseError) {
      files = try exercise.files("starter", variant: variant)
      for language in Language.allCases {
        files.append(("README.\(language.rawValue).md", Array(try exercise.text("brief", language, variant: variant).utf8)))
      }
    } catch { throw .exercise(error) }
    for file in files {
      try system { () throws(SysError) in
        let path = "\(folder)/\(file.path)"
        if let slash = path.lastIndex(of: "/") { try FileSystem.makeFolders(String(path[..<slash])) }
        try FileSystem.writeAtomically(path, file.content)
      }
    }
  }

  /// Puts the work aside and the starter back. Answers where the work went.
  public func reset(_ exercise: Exercise, variant: Variant) throws(WorkspaceError) -> String {
    let kept = try putAside()
    try Self.fill(folder, exercise, variant)
    return kept
  }

  /// Brings the work back that was put aside last; what stands there now is put aside in its turn.
  public func undo() throws(WorkspaceError) -> String {
    let all = try Self.system { () throws(SysError) in try FileSystem.list("\(folder)/.kept") }
    guard let last = all.last else { throw .nothingKept(folder) }
    _ = try putAside()
    try move(from: "\(folder)/.kept/\(last)", to: folder)
    try Self.system { () throws(SysError) in try FileSystem.removeFolder("\(folder)/.kept/\(last)") }
    return last
  }

  private func putAside() throws(WorkspaceError) -> String {
    let stamp = Timestamp.seconds(Clock.wall).filter { $0.isNumber || $0 == "T" }
    var name = ".kept/\(stamp)", n = 1
    while FileSystem.exists("\(folder)/\(name)") { n += 1; name = ".kept/\(stamp)-\(n)" }
    try Self.system { () throws(SysError) in try FileSystem.makeFolders("\(folder)/\(name)") }
    try move(from: folder, to: "\(folder)/\(name)")
    return name
  }

  /// Everything but our own notes and kept work.
  private func move(from: String, to: String) throws(WorkspaceError) {
    try Self.system { () throws(SysError) in
      for name in try FileSystem.list(from) where name != ".kept" && name != ".podlab" { try FileSystem.rename("\(from)/\(name)", to: "\(to)/\(name)") }
    }
  }

  @discardableResult
  static func system<T>(_ body: () throws(SysError) -> T) throws(WorkspaceError) -> T {
    do throws(SysError) { return try body() } catch { throw .system(error) }
  }
}
