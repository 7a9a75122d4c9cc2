// SPDX-License-Identifier: Apache-2.0
//
// -f of every verb that takes it: files, folders and standard input become objects that have been judged. Everything is read before anything is touched.
import ArgumentParser
import Control
import Glibc
import Kernel
import Manifest

struct FileOptions: ParsableArguments {
  @Option(name: [.short, .customLong("filename")], help: "A file, - for standard input, or a folder of .yaml, .yml and .json files; may be given again.") var files: [String] = []
  @Flag(name: [.customShort("R"), .long], help: "Folders with all that is below them.") var recursive = false
  @Option(name: [.customShort("k"), .long], help: .hidden) var kustomize: String?

  /// required: there must be one file at least.
  func check(required: Bool) throws {
    if kustomize != nil { throw Failure.error("-k is not supported here: there is no kustomize; write its output to a file and give that with -f") }
    if required, files.isEmpty { throw Failure.error("must specify one of -f and -k") }
  }
}

/// --validate: manifests are always judged strictly here, so that nothing else can be asked for.
struct ValidateOptions: ParsableArguments {
  @Option(name: .long, help: "strict (or true): manifests are always judged strictly; warn, ignore and false are refused.") var validate = "strict"

  func check() throws {
    switch validate {
    case "strict", "true": return
    case "warn", "ignore", "false":
      throw Failure.error("--validate=\(validate) is not supported here: manifests are always judged strictly; leave out what is refused")
    default: throw Failure.error("invalid validate option \"\(validate)\"; must be one of: strict (or true), warn, ignore (or false)")
    }
  }
}

/// An object with the name of the file that it is from.
@dynamicMemberLookup
struct LoadedFileObject {
  var object: LoadedObject
  var file: String
  subscript<T>(dynamicMember path: KeyPath<LoadedObject, T>) -> T { object[keyPath: path] }
}

extension [LoadedFileObject] {
  /// What the objects are called: kind, namespace, name. Without those that podctl has no resource for.
  var names: [(Kind, String, String)] { compactMap { f in Kind(rawValue: f.kind.rawValue).map { ($0, f.metadata.namespace, f.metadata.name) } } }
}

enum Manifests {
  /// Reads and judges all of them; what is wrong is said all at once. distinct: the same name twice is refused.
  static func load(_ input: FileOptions, _ common: Place, distinct: Bool = true) throws -> [LoadedFileObject] {
    try load(input.files, recursive: input.recursive, common, distinct: distinct)
  }

  static func load(_ files: [String], recursive: Bool = false, _ common: Place, distinct: Bool = true) throws -> [LoadedFileObject] {
    var objects: [LoadedFileObject] = []
    var wrong = ""
    for (name, bytes) in try files.flatMap({ try read($0, recursive) }) {
      let loaded = Loader.load(bytes, file: name, namespace: common.ns)
      for d in loaded.warnings { say(2, "warning: \(d)\n") }
      // The verb says what it lacks when there is nothing at all.
      for d in loaded.errors where d.message != Loader.nothing { wrong += "\(d)\n" }
      objects += loaded.objects.map { LoadedFileObject(object: $0, file: name) }
    }
    if !wrong.isEmpty { throw Failure(text: wrong) }
    if let explicit = common.namespace, let other = objects.first(where: { $0.metadata.namespace != explicit }) {
      throw Failure.error("the namespace from the provided object \"\(other.metadata.namespace)\" does not match the namespace \"\(explicit)\". You must pass '--namespace=\(other.metadata.namespace)' to perform this operation.")
    }
    var seen: Set<String> = []
    for o in objects where distinct && !seen.insert("\(o.kind.rawValue)/\(o.metadata.namespace)/\(o.metadata.name)").inserted {
      throw Failure.error("\(o.kind.rawValue.lowercased())/\(o.metadata.name) is there twice in what is to be applied")
    }
    return objects
  }

  private static let endings = [".json", ".yaml", ".yml"]

  private static func read(_ path: String, _ recursive: Bool) throws -> [(String, [UInt8])] {
    if path == "-" { return [("STDIN", try FileSystem.read(0, "standard input"))] }
    if path.hasPrefix("http://") || path.hasPrefix("https://") { throw Failure.error("cannot read \(path): manifests are read from files; fetch it first and give the file") }
    if FileSystem.isFolder(path) {
      let found = try folder(path, recursive)
      if found.isEmpty { throw Failure.error("error reading [\(path)]: recognized file extensions are [.json .yaml .yml]") }
      return found
    }
    if FileSystem.exists(path) { return [(path, try FileSystem.read(path))] }
    let found = matching(path)
    if found.isEmpty { throw Failure.error("the path \"\(path)\" does not exist") }
    return try found.flatMap { try read($0, recursive) }
  }

  /// The paths that a pattern in quotes stands for, in order: glob(7).
  private static func matching(_ pattern: String) -> [String] {
    var found = glob_t()
    defer { globfree(&found) }
    guard glob(pattern, 0, nil, &found) == 0 else { return [] }
    return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }.filter(FileSystem.exists)
  }

  private static func folder(_ path: String, _ recursive: Bool) throws -> [(String, [UInt8])] {
    var all: [(String, [UInt8])] = []
    for name in try FileSystem.list(path) {
      let whole = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
      if FileSystem.isFolder(whole) {
        if recursive { all += try folder(whole, recursive) }
      } else if endings.contains(where: { name.hasSuffix($0) }) {
        all.append((whole, try FileSystem.read(whole)))
      }
    }
    return all
  }
}

/// The annotation in which apply keeps the manifest that it applied last.
enum LastApplied {
  static let key = "kubectl.kubernetes.io/last-applied-configuration"

  /// The object with `written` in its annotation.
  static func stored(_ object: Value, _ written: Value) -> Value {
    var object = object
    var meta = object["metadata"] ?? .null
    var annotations = meta["annotations"] ?? .null
    annotations[key] = .string(text(written))
    meta["annotations"] = annotations
    object["metadata"] = meta
    return object
  }

  /// One line, keys sorted, with annotations even where there are none, as kubectl writes it.
  static func text(_ written: Value) -> String {
    var written = written
    var meta = written["metadata"] ?? .null
    var annotations = meta["annotations"] ?? .object(Value.Members())
    if annotations == .null { annotations = .object(Value.Members()) }
    annotations[key] = nil
    meta["annotations"] = annotations
    written["metadata"] = meta
    written["status"] = nil
    return JSON.compact(written.sorted) + "\n"
  }

  /// What was applied last; nil where nothing was.
  static func of(_ object: Value) -> Value? {
    guard let text = object["metadata"]?["annotations"]?[key]?.string else { return nil }
    do throws(JSON.Malformed) { return try JSON.parse(text) } catch { return nil }
  }
}
