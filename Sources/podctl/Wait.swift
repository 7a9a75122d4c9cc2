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
  @Option(name: .shortAndLong, help: "name, json, yaml, jsonpath=TEMPLATE: how what was waited for is shown.") var output: String?
  @OptionGroup var common: CommonOptions

  private enum Goal {
    case condition(String, String)
    case path(JSONPath, String?)
    case delete
    case create
  }

  /// One object that is waited for.
  private struct Awaited {
    let kind: Kind
    let namespace: String
    let name: String
    let goal: Goal
    /// Nanoseconds of CLOCK_MONOTONIC.
    let deadline: Int64
    /// Not at all: it is looked at once.
    let isOneLook: Bool

    var late: Failure {
      .error(isOneLook ? "condition not met for \(kind.plural)/\(name)" : "timed out waiting for the condition on \(kind.plural)/\(name)")
    }
    var isDelete: Bool { if case .delete = goal { true } else { false } }
    /// What is known of an object that was not seen.
    var unseen: Value {
      .object([
        ("apiVersion", .string("v1")), ("kind", .string(kind.rawValue)), ("metadata", .object([("name", .string(name)), ("namespace", .string(namespace))])),
      ])
    }
  }

  func run() throws {
    let goal = try self.goal()
    guard let limit = duration(timeout) else { throw Failure.error("invalid argument \"\(timeout)\" for \"--timeout\" flag: time: invalid duration \"\(timeout)\"") }
    try input.check(required: false)
    let report = ChangeReport(dryRun: .none, output: output)
    let format = try report.format()
    let session = try common.open()
    let deadline = limit < 0 ? Clock.monotonic + 7 * 86_400_000_000_000 : Clock.monotonic + limit
    let found: [(Kind, String, String)]
    if input.files.isEmpty {
      found = try session.chosen(
        what, namespace: allNamespaces ? nil : common.ns, all: all, selector: selector, fieldSelector: fieldSelector, verb: "wait")
    } else {
      found = try Manifests.load(input, common.place).names
    }
    if found.isEmpty {
      if case .delete = goal { return }
      throw Failure.error("no matching resources found")
    }
    // All have the same time; when it is over, each of the rest is looked at once.
    try Failure.each(found) { kind, ns, name in
      let awaited = Awaited(kind: kind, namespace: ns, name: name, goal: goal, deadline: deadline, isOneLook: limit == 0)
      if let object = try until(awaited, session) { try report.show(format, kind, object, "condition met") }
    }
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
      let parts = Self.parts(condition.dropFirst(9))
      guard parts.count <= 2 else {
        throw Failure.error("jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or --for=jsonpath='{.status.readyReplicas}'")
      }
      if parts[0].isEmpty { throw Failure.error("jsonpath expression cannot be empty") }
      let value = parts.count < 2 ? nil : Self.stripped(parts[1]) { $0 == "'" || $0 == "\"" }
      if value?.isEmpty == true { throw Failure.error("jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.readyReplicas}'=3") }
      do throws(JSONPath.Invalid) { return .path(try JSONPath(relaxed: parts[0]), value) } catch { throw Failure.error("\(error)") }
    }
    throw Failure.error("unrecognized condition: \"\(condition)\"")
  }

  /// At each single =; two together are a filter's.
  private static func parts(_ text: Substring) -> [String] {
    var parts = [""]
    var rest = text
    while let c = rest.popFirst() {
      if c == "=", rest.first == "=" {
        rest.removeFirst()
        parts[parts.count - 1] += "=="
      } else if c == "=" {
        parts.append("")
      } else {
        parts[parts.count - 1].append(c)
      }
    }
    return parts
  }

  /// Without these at its ends.
  private static func stripped(_ s: String, of isOuter: (Character) -> Bool) -> String {
    var rest = s.drop(while: isOuter)
    while let last = rest.last, isOuter(last) { rest.removeLast() }
    return String(rest)
  }

  /// The object as it was when it was so; nil for one whose end is waited for and that was not there.
  private func until(_ a: Awaited, _ session: Session) throws -> Value? {
    let watch = { () throws in
      try Watcher(session, [a.kind], namespace: a.kind.isNamespaced ? a.namespace : nil) { _, v in v["metadata"]?["name"]?.string == a.name }
    }
    if case .create = a.goal {
      let watcher = try watch()
      while watcher.current.isEmpty { guard try watcher.next(deadline: a.deadline) != nil else { throw a.late } }
      return watcher.current.first?.1
    }
    if a.kind == .pod { return try untilPod(a, session) }
    let watcher = try watch()
    guard var object = watcher.current.first?.1 else {
      if a.isDelete { return nil }
      throw Failure.notFound(a.kind, a.name)
    }
    while try !holds(a.goal, object) {
      guard let (change, _, v) = try watcher.next(deadline: a.deadline) else { throw a.late }
      if change == .deleted {
        if a.isDelete { return v }
        throw Failure.notFound(a.kind, a.name)
      }
      object = v
    }
    return object
  }

  /// A Pod's supervisor tells of each change, however short.
  private func untilPod(_ a: Awaited, _ session: Session) throws -> Value? {
    let place = session.instance.place(a.namespace, a.name)
    if !FileSystem.exists(place.object) {
      if a.isDelete { return nil }
      throw Failure.notFound(.pod, a.name)
    }
    if let note = try Podd.ensure(session.instance, a.namespace, a.name, programs: session.programs) { say(2, "note: \(note)\n") }
    var last = a.unseen
    let stream: PoddStream
    do throws(SysError) { stream = try PoddStream(session, a.namespace, a.name) } catch {
      // It went between our look and our call.
      if a.isDelete, !FileSystem.exists(place.object) { return last }
      throw error
    }
    while true {
      switch try stream.next(deadline: a.deadline) {
      case .late:
        guard let object = try session.pod(a.namespace, a.name) else {
          if a.isDelete { return last }
          throw Failure.notFound(.pod, a.name)
        }
        guard try holds(a.goal, object) else { throw a.late }
        return object
      case .end:
        if a.isDelete, !FileSystem.exists(place.object) { return last }
        throw Failure.error("the supervisor of pod \(a.name) ended while it was waited for")
      case .value(let v):
        if v["deleted"]?.bool == true {
          if a.isDelete { return last }
          throw Failure.notFound(.pod, a.name)
        }
        guard let object = v["object"] else { continue }
        if try holds(a.goal, object) { return object }
        last = object
      }
    }
  }

  private func holds(_ goal: Goal, _ object: Value) throws -> Bool {
    switch goal {
    case .delete: return false
    case .create: return true
    case .condition(let type, let status):
      guard let c = (object["status"]?["conditions"]?.array ?? []).first(where: { $0["type"]?.string?.lowercased() == type.lowercased() }) else { return false }
      // What was judged before the last change of the object says nothing about it as it is now.
      if let generation = object["metadata"]?["generation"]?.int,
        let observed = c["observedGeneration"]?.int ?? object["status"]?["observedGeneration"]?.int, observed < generation
      {
        return false
      }
      return c["status"]?.string?.lowercased() == status.lowercased()
    case .path(let path, let value):
      let found: [Value]
      do throws(JSONPath.Invalid) { found = try path.values(in: object) } catch { throw Failure.error("\(error)") }
      guard let first = found.first else { return false }
      if found.count > 1 { throw Failure.error("given jsonpath expression matches more than one value") }
      guard let value else { return true }
      if first.array != nil || first.members != nil { throw Failure.error("jsonpath leads to a nested object or list which is not supported") }
      return Self.stripped(first.string ?? JSON.compact(first), of: \.isWhitespace) == Self.stripped(value, of: \.isWhitespace)
    }
  }
}
