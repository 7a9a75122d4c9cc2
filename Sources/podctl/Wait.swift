// SPDX-License-Identifier: Apache-2.0
//
// wait: until a condition holds, a path has a value, or an object is there or gone. Kubernetes kubectl/pkg/cmd/wait.
import ArgumentParser
import Control
import Glibc
import Kernel
import Manifest

struct WaitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wait", abstract: "Wait until something is so.",
    discussion: "Example: podctl wait --for=condition=Ready pod/web --timeout=60s    podctl wait --for=jsonpath='{.status.phase}'=Succeeded pod/job")

  @Argument(help: "TYPE/NAME …, TYPE NAME …") var what: [String] = []
  @OptionGroup var input: FileOptions
  @Option(name: .customLong("for"), help: "condition=TYPE[=STATUS], jsonpath={PATH}[=VALUE], delete, create.") var condition = ""
  @Option(name: .long, parsing: .unconditional, help: "How long; 0 looks once, below 0 a week.") var timeout = "30s"
  @Flag(name: .long, help: "All of the type.") var all = false
  @Flag(name: [.customShort("A"), .long], help: "In all namespaces.") var allNamespaces = false
  @Option(name: [.customShort("l"), .long], help: "Those with these labels.") var selector: String?
  @Option(name: .long, help: "Those with these fields.") var fieldSelector: String?
  @OptionGroup var common: CommonOptions

  private enum Goal {
    case condition(String, String)
    case path(JSONPath, String?)
    case delete
    case create
  }

  func run() throws {
    let goal = try self.goal()
    guard let limit = duration(timeout) else { throw Failure.error("invalid argument \"\(timeout)\" for \"--timeout\" flag: time: invalid duration \"\(timeout)\"") }
    try input.check(required: false)
    let session = try common.open()
    let deadline = limit < 0 ? Clock.monotonic + 7 * 86_400_000_000_000 : Clock.monotonic + limit
    let found: [(Kind, String, String)]
    if input.files.isEmpty {
      found = try session.chosen(
        what, namespace: allNamespaces ? nil : common.ns, all: all, selector: selector, fieldSelector: fieldSelector, unnamed: "resource name may not be empty",
        verb: "wait")
    } else {
      found = try Manifests.load(input, common.place).compactMap { f in Kind(rawValue: f.kind.rawValue).map { ($0, f.metadata.namespace, f.metadata.name) } }
    }
    if found.isEmpty {
      if case .delete = goal { return }
      throw Failure.error("no matching resources found")
    }
    for (kind, ns, name) in found { try until(kind, ns, name, goal, deadline, session) }
  }

  private func goal() throws -> Goal {
    if condition.lowercased() == "delete" { return .delete }
    if condition.lowercased() == "create" { return .create }
    if condition.hasPrefix("condition=") {
      let p = condition.dropFirst(10).split(separator: "=", maxSplits: 1).map(String.init)
      guard let type = p.first else { throw Failure.error("condition name must not be empty") }
      return .condition(type, p.count > 1 ? p[1] : "true")
    }
    if condition.hasPrefix("jsonpath=") {
      let text = condition.dropFirst(9)
      // The value stands behind the braces; without braces, behind the first =.
      let end = text.lastIndex(of: "}").map { text.index(after: $0) } ?? text.firstIndex(of: "=") ?? text.endIndex
      let rest = text[end...]
      guard rest.isEmpty || rest.hasPrefix("=") else {
        throw Failure.error("jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or --for=jsonpath='{.status.readyReplicas}'")
      }
      if rest == "=" { throw Failure.error("jsonpath wait has to have value after equal sign") }
      do throws(JSONPath.Invalid) {
        return .path(try JSONPath(relaxed: String(text[..<end])), rest.isEmpty ? nil : Self.unquoted(rest.dropFirst()))
      } catch { throw Failure.error("\(error)") }
    }
    throw Failure.error("unrecognized condition: \"\(condition)\"")
  }

  private static func unquoted(_ s: Substring) -> String {
    for q in ["\"", "'"] where s.count >= 2 && s.hasPrefix(q) && s.hasSuffix(q) { return String(s.dropFirst().dropLast()) }
    return String(s)
  }

  private func until(_ kind: Kind, _ ns: String, _ name: String, _ goal: Goal, _ deadline: Int64, _ session: Session) throws {
    let met = "\(kind.singular)/\(name) condition met\n"
    let late = Failure.error("timed out waiting for the condition on \(kind.plural)/\(name)")
    if case .create = goal {
      let watcher = try Watcher(session, [kind], namespace: kind.isNamespaced ? ns : nil) { _, v in v["metadata"]?["name"]?.string == name }
      while watcher.current.isEmpty { guard try watcher.next(deadline: deadline) != nil else { throw late } }
      return say(1, met)
    }
    guard kind != .pod else { return try untilPod(ns, name, goal, deadline, session, met, late) }
    let watcher = try Watcher(session, [kind], namespace: kind.isNamespaced ? ns : nil) { _, v in v["metadata"]?["name"]?.string == name }
    guard var object = watcher.current.first?.1 else {
      if case .delete = goal { return }
      throw Failure.notFound(kind, name)
    }
    while try !holds(goal, object) {
      guard let (change, _, v) = try watcher.next(deadline: deadline) else { throw late }
      if change == .deleted {
        if case .delete = goal { return say(1, met) }
        throw Failure.notFound(kind, name)
      }
      object = v
    }
    say(1, met)
  }

  /// A Pod's supervisor tells of each change, however short.
  private func untilPod(_ ns: String, _ name: String, _ goal: Goal, _ deadline: Int64, _ session: Session, _ met: String, _ late: Failure) throws {
    let place = session.instance.place(ns, name)
    if !FileSystem.exists(place.object) {
      if case .delete = goal { return }
      throw Failure.notFound(.pod, name)
    }
    if let note = try Podd.ensure(session.instance, ns, name, programs: session.programs) { say(2, "note: \(note)\n") }
    let stream: PoddStream
    do throws(SysError) { stream = try PoddStream(session, ns, name) } catch {
      // It went between our look and our call.
      if case .delete = goal, !FileSystem.exists(place.object) { return say(1, met) }
      throw error
    }
    while true {
      switch try stream.next(deadline: deadline) {
      case .late: throw late
      case .end:
        if case .delete = goal, !FileSystem.exists(place.object) { return say(1, met) }
        throw Failure.error("the supervisor of pod \(name) ended while it was waited for")
      case .value(let v):
        if v["deleted"]?.bool == true {
          if case .delete = goal { return say(1, met) }
          throw Failure.notFound(.pod, name)
        }
        if let object = v["object"], try holds(goal, object) { return say(1, met) }
      }
    }
  }

  private func holds(_ goal: Goal, _ object: Value) throws -> Bool {
    switch goal {
    case .delete: return false
    case .create: return true
    case .condition(let type, let status):
      return (object["status"]?["conditions"]?.array ?? []).contains {
        $0["type"]?.string?.lowercased() == type.lowercased() && $0["status"]?.string?.lowercased() == status.lowercased()
      }
    case .path(let path, let value):
      let found: [Value]
      do throws(JSONPath.Invalid) { found = try path.values(in: object) } catch { throw Failure.error("\(error)") }
      guard let value else { return !found.isEmpty }
      return found.contains { ($0.string ?? JSON.compact($0)) == value }
    }
  }
}
