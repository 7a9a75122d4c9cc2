// SPDX-License-Identifier: Apache-2.0
//
// From checks.yaml to checks: strict, so that a typing mistake in an exercise is found by its author and not by a student.
import Manifest

/// A mistake in an exercise's own files; `place` is a path like checks[2].fact.
public struct ExerciseError: Error, Sendable, Equatable, CustomStringConvertible {
  public var file: String
  public var place: String
  public var problem: String
  public init(file: String, place: String = "", _ problem: String) { (self.file, self.place, self.problem) = (file, place, problem) }
  public var description: String { place.isEmpty ? "\(file): \(problem)" : "\(file): \(place): \(problem)" }
}

/// Walks a tree of data and remembers the way, for messages.
struct Entry {
  let value: Value
  let file: String
  let place: String

  func error(_ problem: String) -> ExerciseError { ExerciseError(file: file, place: place, problem) }

  func members(_ allowed: [String]) throws(ExerciseError) -> Value.Members {
    guard let members = value.members else { throw error("must be a map") }
    for key in members.keys where !allowed.contains(key) {
      throw error("unknown field \"\(key)\" (known: \(allowed.joined(separator: ", ")))")
    }
    return members
  }

  subscript(key: String) -> Entry? {
    guard let v = value[key], v != .null else { return nil }
    return Entry(value: v, file: file, place: place.isEmpty ? key : "\(place).\(key)")
  }

  func need(_ key: String) throws(ExerciseError) -> Entry {
    guard let node = self[key] else { throw error("\"\(key)\" is missing") }
    return node
  }

  func list() throws(ExerciseError) -> [Entry] {
    guard let items = value.array else { throw error("must be a list") }
    return items.enumerated().map { Entry(value: $1, file: file, place: "\(place)[\($0)]") }
  }

  func string() throws(ExerciseError) -> String {
    switch value {
    case .string(let s): return s
    case .int(let i): return String(i)
    case .bool(let b): return b ? "true" : "false"
    default: throw error("must be a text")
    }
  }

  func strings() throws(ExerciseError) -> [String] {
    if value.array == nil { return [try string()] }
    var out: [String] = []
    for node in try list() { out.append(try node.string()) }
    return out
  }

  func int() throws(ExerciseError) -> Int {
    switch value {
    case .int(let i): return Int(i)
    case .string(let s): if let i = Int(s) { return i }
    default: break
    }
    throw error("must be a whole number")
  }

  func text() throws(ExerciseError) -> Text {
    _ = try members(["en", "zh"])
    let text = Text(en: try need("en").string(), zh: try need("zh").string())
    guard !text.en.isEmpty, !text.zh.isEmpty else { throw error("must not be empty in either language") }
    return text
  }

  /// 500ms, 5s, 2m → nanoseconds.
  func duration() throws(ExerciseError) -> Int64 {
    let s = try string()
    for (unit, factor) in [("ms", Int64(1_000_000)), ("s", 1_000_000_000), ("m", 60_000_000_000)] where s.hasSuffix(unit) {
      if let n = Int64(s.dropLast(unit.count)), n > 0 { return n * factor }
    }
    throw error("must be a time like 500ms, 5s or 2m")
  }
}

enum CheckReader {
  /// The checks of one file, with the variant's values filled in.
  static func read(_ value: Value, file: String) throws(ExerciseError) -> [Check] {
    let root = Entry(value: value, file: file, place: "")
    _ = try root.members(["format", "checks"])
    guard try root.need("format").string() == "podlab.checks/1" else { throw root.error("format must be podlab.checks/1") }
    var checks: [Check] = []
    for node in try root.need("checks").list() {
      let check = try read(check: node)
      guard !checks.contains(where: { $0.id == check.id }) else { throw node.error("id \(check.id) is there twice") }
      checks.append(check)
    }
    return checks
  }

  private static func read(check node: Entry) throws(ExerciseError) -> Check {
    _ = try node.members([
      "id", "points", "title", "why", "needs", "visibility", "do", "fact", "expect", "within", "for", "expected", "all",
    ])
    var check = Check(
      id: try node.need("id").string(), points: try node.need("points").int(), title: try node.need("title").text(),
      why: try node.need("why").text(), needs: try node["needs"]?.strings() ?? [], visibility: .visible, actions: [], claims: [])
    if let v = node["visibility"] {
      guard let visibility = Check.Visibility(rawValue: try v.string()) else { throw v.error("must be visible or hidden") }
      check.visibility = visibility
    }
    guard check.points >= 0 else { throw node.error("points must not be negative") }
    if let actions = node["do"] { for action in try actions.list() { check.actions.append(try read(action: action)) } }
    if let all = node["all"] {
      guard node["fact"] == nil, node["expect"] == nil else { throw node.error("either fact and expect, or all") }
      for claim in try all.list() {
        _ = try claim.members(["fact", "expect", "within", "for", "expected"])
        check.claims.append(try read(claim: claim))
      }
    } else {
      check.claims = [try read(claim: node)]
    }
    guard !check.claims.isEmpty else { throw node.error("a check needs a fact") }
    return check
  }

  private static func read(claim node: Entry) throws(ExerciseError) -> Claim {
    let patience: Patience
    switch (node["within"], node["for"]) {
    case (nil, nil): patience = .now
    case (let within?, nil): patience = .within(try within.duration())
    case (nil, let time?): patience = .throughout(try time.duration())
    default: throw node.error("either within or for")
    }
    return Claim(
      fact: try read(question: try node.need("fact")), expect: try read(expectation: try node.need("expect")), patience: patience,
      expected: try node["expected"]?.text())
  }

  static func read(question node: Entry) throws(ExerciseError) -> Question {
    let kinds = ["manifest", "starter", "pod", "ns", "mount", "status", "file", "process", "log", "timeline", "left", "atStart"]
    let members = try node.members(kinds + ["field", "join", "lines"])
    let named = members.keys.filter(kinds.contains)
    guard named.count == 1, let kind = named.first, let body = node[kind] else {
      throw node.error("must name one fact of: \(kinds.joined(separator: ", "))")
    }
    func container() throws(ExerciseError) -> String { try body.need("container").string() }
    let source: Source
    switch kind {
    case "manifest": source = .manifest(path: try body.string())
    case "starter": source = .starter(path: try body.string())
    case "pod": source = .pod(path: try body.string())
    case "ns": source = .namespace(container: try container(), kind: try body.need("kind").string())
    case "mount": source = .mount(container: try container(), path: try body.need("path").string())
    case "status": source = .status(container: try container())
    case "file": source = .file(container: try container(), path: try body.need("path").string())
    case "process": source = .process(container: try container())
    case "log": source = .log(container: try container(), lines: try node["lines"]?.string() ?? "")
    case "timeline": source = .timeline(try body.strings())
    case "atStart": source = .atStart(try read(question: body))
    default: source = .left
    }
    return Question(source, fields: try node["field"]?.strings() ?? [], join: try node["join"]?.strings() ?? [])
  }

  private static func read(operand node: Entry) throws(ExerciseError) -> Operand {
    guard node.value.members != nil else { return .value(node.value) }
    return .fact(try read(question: node))
  }

  private static func read(expectation node: Entry) throws(ExerciseError) -> Expectation {
    let kinds = ["equals", "differs", "oneOf", "atLeast", "atMost", "contains", "before", "absent", "eachOnce"]
    let members = try node.members(kinds)
    guard members.keys.count == 1, let kind = members.keys.first else {
      throw node.error("must be one of: \(kinds.joined(separator: ", "))")
    }
    let body = Entry(value: members[kind] ?? .null, file: node.file, place: "\(node.place).\(kind)")
    switch kind {
    case "equals": return .equals(try read(operand: body))
    case "differs": return .differs(try read(operand: body))
    case "oneOf": return .oneOf(try body.list().map(\.value))
    case "atLeast": return .atLeast(Int64(try body.int()))
    case "atMost": return .atMost(Int64(try body.int()))
    case "contains": return .contains(try body.string())
    case "before": return .before(try body.strings())
    case "eachOnce": return .eachOnce(lines: try body.need("lines").int(), text: try body.need("text").string())
    default: return .absent
    }
  }

  private static func read(action node: Entry) throws(ExerciseError) -> Action {
    let kinds = ["write", "await", "signal", "delete"]
    let members = try node.members(kinds + ["within"])
    guard let kind = members.keys.first(where: kinds.contains) else {
      throw node.error("must be one of: \(kinds.joined(separator: ", "))")
    }
    let body = Entry(value: members[kind] ?? .null, file: node.file, place: "\(node.place).\(kind)")
    switch kind {
    case "write":
      _ = try body.members(["container", "path", "lines", "text", "pause"])
      var pause: Action.Pause?
      if let p = body["pause"] {
        pause = Action.Pause(before: try p.need("before").string(), log: try p.need("log").string(), line: try p.need("line").string())
      }
      return .write(
        Action.Write(
          container: try body.need("container").string(), path: try body.need("path").string(),
          lines: try body["lines"]?.int() ?? 1, text: try body.need("text").string(), pause: pause))
    case "await":
      return .await(
        log: try body.need("log").string(), line: try body.need("line").string(), within: try node.need("within").duration())
    case "signal": return .signal(container: try body.need("container").string(), signal: try body.need("signal").string())
    default: return .delete
    }
  }
}
