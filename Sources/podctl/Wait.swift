// SPDX-License-Identifier: Apache-2.0
//
// wait: until a condition holds, a path has a value, or the Pod is gone.
import ArgumentParser
import Control
import Glibc
import Kernel
import Manifest

struct WaitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wait", abstract: "Wait until something is so.",
    discussion: "Example: podctl wait --for=condition=Ready pod/web --timeout=60s    podctl wait --for=jsonpath='{.status.phase}'=Succeeded pod/job")

  @Argument(help: "pod/NAME …, pod NAME …") var what: [String] = []
  @Option(name: .customLong("for"), help: "condition=TYPE[=STATUS], jsonpath={PATH}[=VALUE], delete, create.") var condition = ""
  @Option(name: .long, parsing: .unconditional, help: "How long; 0 looks once.") var timeout = "30s"
  @Flag(name: .long) var all = false
  @Option(name: [.customShort("l"), .long]) var selector: String?
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
    let session = try common.open()
    let deadline = limit < 0 ? Clock.monotonic + 7 * 86_400_000_000_000 : Clock.monotonic + limit
    var (kinds, names) = try targets(what)
    if names.isEmpty {
      guard all || selector != nil, kinds.first == .pod else { throw Failure.error("resource name may not be empty") }
      let labels = try selector.map { s in try GetCommand.valid { try LabelSelector(s) } }
      names = try session.pods(common.ns).map { ObjectMeta($0["metadata"] ?? .null) }.filter { labels?.matches($0.labels) ?? true }.map { (.pod, $0.name) }
      if names.isEmpty { throw Failure.error("no matching resources found") }
    }
    for (kind, name) in names {
      guard kind == .pod else { throw Failure.error("only pods can be waited for") }
      try until(name, goal, deadline, session)
    }
  }

  private func goal() throws -> Goal {
    if condition == "delete" { return .delete }
    if condition == "create" { return .create }
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
      let path = try GetCommand.valid { try JSONPath(relaxed: String(text[..<end])) }
      return .path(path, rest.isEmpty ? nil : String(rest.dropFirst()))
    }
    throw Failure.error("unrecognized condition: \"\(condition)\"")
  }

  private func until(_ name: String, _ goal: Goal, _ deadline: Int64, _ session: Session) throws {
    let place = session.instance.place(common.ns, name)
    if !FileSystem.exists(place.object) {
      if case .delete = goal { return }
      if case .create = goal { throw Failure.error("timed out waiting for the condition on pods/\(name)") }
      throw Failure.notFound(.pod, name)
    }
    if case .create = goal { return say(1, "pod/\(name) condition met\n") }
    if let note = try Podd.ensure(session.instance, common.ns, name, programs: session.programs) { say(2, "note: \(note)\n") }
    let stream: PoddStream
    do throws(SysError) { stream = try PoddStream(place) } catch {
      // It went between our look and our call.
      if case .delete = goal, !FileSystem.exists(place.object) { return say(1, "pod/\(name) condition met\n") }
      throw error
    }
    while true {
      switch try stream.next(deadline: deadline) {
      case .late: throw Failure.error("timed out waiting for the condition on pods/\(name)")
      case .end:
        if case .delete = goal, !FileSystem.exists(place.object) { return say(1, "pod/\(name) condition met\n") }
        throw Failure.error("the supervisor of pod \(name) ended while it was waited for")
      case .value(let v):
        if v["deleted"]?.bool == true {
          if case .delete = goal { return say(1, "pod/\(name) condition met\n") }
          throw Failure.notFound(.pod, name)
        }
        if let object = v["object"], try holds(goal, object) { return say(1, "pod/\(name) condition met\n") }
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
      let found = try GetCommand.valid { try path.values(in: object) }
      guard let value else { return !found.isEmpty }
      return found.contains { ($0.string ?? JSON.compact($0)) == value }
    }
  }
}
