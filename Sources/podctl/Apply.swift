// SPDX-License-Identifier: Apache-2.0
//
// apply: manifests in, objects stored, pods started. Everything is read and judged before anything is touched.
import ArgumentParser
import Control
import Glibc
import Kernel
import Manifest

struct ApplyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply", abstract: "Create or change objects from manifests.",
    discussion: "Example: podctl apply -f pod.yaml    podctl apply -f - <pod.yaml    podctl apply -f folder -f more.yaml")

  @Option(name: [.short, .customLong("filename")], help: "A file, - for standard input, or a folder of .yaml, .yml and .json files.") var files: [String] = []
  @Option(name: .customLong("dry-run"), help: "client: judge and print, change nothing.") var dryRun: DryRun = .none
  @OptionGroup var common: CommonOptions

  enum DryRun: String, ExpressibleByArgument { case none, client }

  func run() throws {
    guard !files.isEmpty else { throw Failure.error("must specify one of -f and -k") }
    let objects = try Manifests.load(files, namespace: common.ns)
    if let explicit = common.namespace, let other = objects.first(where: { $0.metadata.namespace != explicit }) {
      throw Failure.error("the namespace from the provided object \"\(other.metadata.namespace)\" does not match the namespace \"\(explicit)\". You must pass '--namespace=\(other.metadata.namespace)' to perform this operation.")
    }
    if dryRun == .client {
      for o in objects { say(1, "\(o.kind.rawValue.lowercased())/\(o.metadata.name) created (dry run)\n") }
      return
    }
    let session = try common.open()
    let changes = try objects.map { try Change($0, session) }
    for change in changes { say(1, try change.make(session) + "\n") }
  }
}

enum Manifests {
  /// Reads and judges all of them; what is wrong is said all at once.
  static func load(_ files: [String], namespace: String) throws -> [LoadedObject] {
    var objects: [LoadedObject] = []
    var wrong = ""
    for (name, bytes) in try files.flatMap(read) {
      let loaded = Loader.load(bytes, file: name, namespace: namespace)
      for d in loaded.warnings { say(2, "warning: \(d)\n") }
      for d in loaded.errors { wrong += "\(d)\n" }
      objects += loaded.objects
    }
    if !wrong.isEmpty { throw Failure(text: wrong) }
    var seen: Set<String> = []
    for o in objects where !seen.insert("\(o.kind.rawValue)/\(o.metadata.namespace)/\(o.metadata.name)").inserted {
      throw Failure.error("\(o.kind.rawValue.lowercased())/\(o.metadata.name) is there twice in what is to be applied")
    }
    return objects
  }

  private static func read(_ path: String) throws -> [(String, [UInt8])] {
    if path == "-" { return [("STDIN", try FileSystem.read(0, "standard input"))] }
    if FileSystem.isFolder(path) {
      let names = try FileSystem.list(path).filter { n in [".yaml", ".yml", ".json"].contains { n.hasSuffix($0) } }
      if names.isEmpty { throw Failure.error("error reading [\(path)]: recognized file extensions are [.json .yaml .yml]") }
      return try names.map { ("\(path)/\($0)", try FileSystem.read("\(path)/\($0)")) }
    }
    guard FileSystem.exists(path) else { throw Failure.error("the path \"\(path)\" does not exist") }
    return [(path, try FileSystem.read(path))]
  }
}

/// What is to be done about one object, judged before anything is done.
struct Change {
  private(set) var object: LoadedObject
  private let old: Value?
  private var word: String { "\(object.kind.rawValue.lowercased())/\(object.metadata.name)" }

  init(_ o: LoadedObject, _ session: Session) throws {
    object = o
    let (ns, name) = (o.metadata.namespace, o.metadata.name)
    switch o.kind {
    case .pod:
      old = try session.instance.readPodObject(ns, name)
      if let old, !Self.isSame(old, o.value) {
        if old["metadata"]?["deletionTimestamp"] != nil { throw Failure.server("Conflict", "pods \"\(name)\" is being deleted") }
        // Ephemeral containers are not a manifest's business: what debug has added stays.
        if let added = old["spec"]?["ephemeralContainers"] {
          var spec = o.value["spec"] ?? .null
          spec["ephemeralContainers"] = added
          object.value["spec"] = spec
        }
        if Self.isSame(old, object.value) { return }
        let resized = resizedPod(old, to: object.value)
        if resized != old, Pod(stored: old).spec.qosClass != Pod(stored: resized).spec.qosClass {
          let qos = Pod(stored: resized).spec.qosClass
          throw Failure(text: "The Pod \"\(name)\" is invalid: spec: Invalid value: \"\(qos)\": Pod QOS Class may not change as a result of resizing\n")
        }
        if let why = podUpdateDiagnostic(old: resized, new: object.value) { throw Failure(text: "The Pod \"\(name)\" is invalid: \(why)\n") }
      }
    default:
      old = try session.instance.object(o.kind.rawValue, ns, name)
      if let old, old["immutable"]?.bool == true, old["data"] != o.value["data"] || old["binaryData"] != o.value["binaryData"] {
        throw Failure(text: "The \(o.kind.rawValue) \"\(name)\" is invalid: data: Forbidden: field is immutable when `immutable` is set\n")
      }
    }
  }

  /// spec, data, labels and annotations: what an apply can change.
  private static func isSame(_ a: Value, _ b: Value) -> Bool {
    for key in ["spec", "data", "binaryData", "stringData", "type", "immutable"] where a[key] != b[key] { return false }
    for key in ["labels", "annotations", "finalizers"] where a["metadata"]?[key] != b["metadata"]?[key] { return false }
    return true
  }

  func make(_ session: Session) throws -> String {
    if let old, Self.isSame(old, object.value) {
      if object.kind == .pod { try reachable(session) }
      return "\(word) unchanged"
    }
    let stamped = Instance.stamped(object.value, old: old, wall: session.now)
    guard object.kind == .pod else {
      try session.instance.store(stamped)
      return "\(word) \(old == nil ? "created" : "configured")"
    }
    let (ns, name) = (object.metadata.namespace, object.metadata.name)
    if old == nil {
      _ = try session.instance.createPod(stamped)
      do throws(SysError) { try Podd.start(session.instance, ns, name, programs: session.programs) } catch {
        session.instance.forgetPod(ns, name)
        throw error
      }
      return "\(word) created"
    }
    try reachable(session)
    var client = try PoddClient(session.instance.place(ns, name))
    try client.send(.object([("verb", .string("update")), ("object", stamped)]))
    if case .value(let answer) = try client.next(), let why = answer["error"]?.string { throw Failure.error(why) }
    return "\(word) configured"
  }

  private func reachable(_ session: Session) throws {
    if let note = try Podd.ensure(session.instance, object.metadata.namespace, object.metadata.name, programs: session.programs) { say(2, "note: \(note)\n") }
  }
}
