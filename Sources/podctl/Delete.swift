// SPDX-License-Identifier: Apache-2.0
//
// delete: by name, label, file, or all.
import ArgumentParser
import Control
import Glibc
import Kernel
import Manifest

struct DeleteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "End and remove objects.", discussion: "Example: podctl delete pod web --grace-period=5    podctl delete -f pod.yaml")

  @Argument(help: "TYPE NAME …, TYPE/NAME …") var what: [String] = []
  @Option(name: [.short, .customLong("filename")], help: "The objects of these manifests.") var files: [String] = []
  @Option(name: [.customShort("l"), .long], help: "Those with these labels.") var selector: String?
  @Flag(name: .long, help: "All of the type.") var all = false
  @Option(name: .long, parsing: .unconditional, help: "Seconds; -1 is the pod's own.") var gracePeriod: Int64 = -1
  @Flag(name: .long, help: "With --grace-period=0: kill at once.") var force = false
  @Flag(name: .long, help: "The same as --grace-period=1.") var now = false
  @Option(name: .long, help: "true or false: whether to wait until it is gone.") var wait = true
  @Option(name: .long, help: "How long to wait; 0 for as long as it takes.") var timeout = "0s"
  @Flag(name: .long) var ignoreNotFound = false
  @OptionGroup var common: CommonOptions

  func run() throws {
    if now && gracePeriod >= 0 { throw Failure.error("--now and --grace-period cannot be specified together") }
    if force && gracePeriod > 0 { throw Failure.error("--force and --grace-period greater than 0 cannot be specified together") }
    guard let limit = duration(timeout) else { throw Failure.error("invalid argument \"\(timeout)\" for \"--timeout\" flag: time: invalid duration \"\(timeout)\"") }
    let wanted = try chosen()
    let session = try common.open()
    let found = try wanted(session)
    if force { say(2, "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n") }
    var waiting: [(String, PoddStream)] = []
    var missing: Failure?
    for (kind, ns, name) in found {
      guard kind == .pod else {
        do throws(SysError) { try session.instance.removeObject(kind.rawValue, ns, name) } catch {
          if error.errno != ENOENT { throw error }
          if !ignoreNotFound { missing = .notFound(kind, name) }
          continue
        }
        say(1, "\(kind.singular) \"\(name)\" deleted\(from(ns))\n")
        continue
      }
      let place = session.instance.place(ns, name)
      guard FileSystem.exists(place.object) else {
        if !ignoreNotFound { missing = .notFound(kind, name) }
        continue
      }
      if let note = try Podd.ensure(session.instance, ns, name, programs: session.programs) { say(2, "note: \(note)\n") }
      let stream = try PoddStream(place, request(session))
      say(1, "pod \"\(name)\" \(force ? "force deleted" : "deleted")\(from(ns))\n")
      waiting.append((name, stream))
    }
    if wait { try awaitEnd(waiting, limit > 0 ? Clock.monotonic + limit : nil) }
    if let missing { throw missing }
  }

  private func from(_ ns: String) -> String { " from \(ns) namespace" }

  private func request(_ session: Session) -> Value {
    var grace: Value = .null
    if now { grace = .int(1) }
    if gracePeriod >= 0 { grace = .int(gracePeriod == 0 && !force ? 1 : gracePeriod) }
    return .object([("verb", .string("delete")), ("grace", force ? .int(0) : grace), ("force", .bool(force))])
  }

  private func chosen() throws -> (Session) throws -> [(Kind, String, String)] {
    if !files.isEmpty {
      let objects = try Manifests.load(files, namespace: common.ns)
      return { _ in objects.map { (Kind(word: $0.kind.rawValue) ?? .pod, $0.metadata.namespace, $0.metadata.name) } }
    }
    let (kinds, names) = try targets(what)
    if !names.isEmpty { return { _ in names.map { ($0.0, common.ns, $0.1) } } }
    guard all || selector != nil else { throw Failure.error("resource(s) were provided, but no name was specified") }
    let labels = try selector.map { s in try GetCommand.valid { try LabelSelector(s) } }
    return { session in
      var found: [(Kind, String, String)] = []
      for k in kinds {
        let list = k == .pod ? try session.pods(common.ns) : try session.instance.objects(k.rawValue, namespace: common.ns)
        for v in list {
          let meta = ObjectMeta(v["metadata"] ?? .null)
          if labels?.matches(meta.labels) ?? true { found.append((k, meta.namespace, meta.name)) }
        }
      }
      if found.isEmpty { say(1, "No resources found\n") }
      return found
    }
  }

  private func awaitEnd(_ list: [(String, PoddStream)], _ deadline: Int64?) throws {
    for (name, stream) in list {
      loop: while true {
        switch try stream.next(deadline: deadline) {
        case .end: break loop
        case .late: throw Failure.error("timed out waiting for the condition on pods/\(name)")
        case .value(let v):
          if let why = v["error"]?.string { throw Failure.error(why) }
          if v["deleted"]?.bool == true { break loop }
        }
      }
    }
  }
}
