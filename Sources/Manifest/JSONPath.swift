// SPDX-License-Identifier: Apache-2.0
//
// kubectl's JSONPath templates: text with {actions}. Reading them: JSONPathParser. What is found, and what is an error, is as in Kubernetes
// client-go/util/jsonpath; kubectl reference, "JSONPath support".

public struct JSONPath: Sendable {
  public struct Invalid: Error, Sendable, Equatable, CustomStringConvertible {
    public var description: String
    public init(description: String) { self.description = description }
  }

  indirect enum Node: Sendable {
    case text(String)
    case action([Part])
    case range([Part], [Node])
  }
  indirect enum Part: Sendable {
    case field(String)
    case slice(Slice)
    case wildcard
    case recursive
    case union([[Part]])
    /// operation: nil for "is there".
    case filter(left: [Part], operation: String?, right: [Part])
    case literal(Value)
    /// A word that is none of the grammar: an error when it is met.
    case unknown(String)
  }
  struct Slice: Sendable {
    var from: Int?
    var to: Int?
    /// [3], which is [3:4], and [-1], which is the last.
    var isIndex = false
    var step: Int?
  }

  let template: String
  let nodes: [Node]
  /// What one expression may find, so that no template outgrows the machine.
  private static let limit = 100_000

  /// A template. Without braces, or with braces around a plain path, the whole text is one path, its first point may be missing (kubectl wait, custom-columns).
  public init(_ template: String) throws(Invalid) {
    self.template = template
    var parser = JSONPathParser(Self.relaxed(template))
    nodes = try parser.template()
  }

  /// A template as `get -o jsonpath` takes it: text outside of braces is text.
  public init(printing template: String) throws(Invalid) {
    self.template = template
    var parser = JSONPathParser(template)
    nodes = try parser.template()
  }

  private static func relaxed(_ text: String) -> String {
    let isBraced = text.utf8.first == 123 && text.utf8.last == 125 && text.utf8.count > 1
    let path = isBraced ? text.dropFirst().dropLast() : text[...]
    guard let first = path.utf8.first, !path.utf8.contains(where: { $0 == 123 || $0 == 125 }) else { return text }
    if isBraced {
      let isName = first == 95 || (65...90).contains(first & 0xDF)
      return isName && !path.utf8.contains(32) && !["range", "end", "true", "false"].contains(path) ? "{.\(path)}" : text
    }
    return ".[$@".utf8.contains(first) ? "{\(path)}" : "{.\(path)}"
  }

  /// The values that the expressions find, in order (kubectl wait); text is left out.
  public func values(in v: Value) throws(Invalid) -> [Value] {
    var all: [Value] = []
    for case .action(let p) in nodes { all += try Self.find(p, [v], strict: false) }
    return all
  }

  /// The template filled in. A field that is not there is an error unless missing is allowed; an index beyond the end always is.
  public func text(in v: Value, allowMissing: Bool = true) throws(Invalid) -> String {
    do throws(Invalid) { return try Self.render(nodes, v, strict: !allowMissing) } catch {
      throw Invalid(
        description: """
          error executing jsonpath "\(template)": Error executing template: \(error). Printing more information for debugging the template:
          \ttemplate was:
          \t\t\(template)
          \tobject given to jsonpath engine was:
          \t\t\(JSON.compact(v))


          """)
    }
  }

  private static func render(_ nodes: [Node], _ v: Value, strict: Bool) throws(Invalid) -> String {
    var out = ""
    for node in nodes {
      switch node {
      case .text(let t): out += t
      case .action(let p): out += try find(p, [v], strict: strict).map(show).joined(separator: " ")
      case .range(let p, let body): for item in try find(p, [v], strict: strict) { out += try render(body, item, strict: strict) }
      }
      if out.utf8.count > limit * 100 { throw Invalid(description: "more than \(limit * 100) bytes of output") }
    }
    return out
  }

  /// Strings plain, everything else as JSON.
  static func show(_ v: Value) -> String { v.string ?? JSON.compact(v) }

  private static func find(_ parts: [Part], _ start: [Value], strict: Bool) throws(Invalid) -> [Value] {
    var now = start
    for part in parts {
      now = try step(part, now, strict: strict)
      if now.count > limit { throw Invalid(description: "more than \(limit) results") }
    }
    return now
  }

  private static func step(_ part: Part, _ input: [Value], strict: Bool) throws(Invalid) -> [Value] {
    var found: [Value] = []
    switch part {
    case .field(let name):
      found = input.compactMap { $0[name] }
      if found.isEmpty, strict { throw Invalid(description: "\(name) is not found") }
    case .slice(let s):
      for v in input where v != .null {
        guard let list = v.array else { throw Invalid(description: "\(kind(v)) is not array or slice") }
        found += try cut(list, s)
      }
    case .wildcard: for v in input { found += children(v) }
    case .recursive: for v in input { try descend(v, &found) }
    case .union(let paths): for p in paths { found += try find(p, input, strict: strict) }
    case .filter(let left, let operation, let right):
      for v in input {
        guard let list = v.array else { throw Invalid(description: "\(show(v)) is not array or slice and cannot be filtered") }
        for item in list where try passes(item, left, operation, right) { found.append(item) }
      }
    case .literal(let v):
      if case .string = v { return [v] }
      return input.map { _ in v }
    case .unknown(let word): throw Invalid(description: "unrecognized identifier \(word)")
    }
    return found
  }

  private static func children(_ v: Value) -> [Value] { v.array ?? v.members?.entries.map(\.value) ?? [] }

  /// A value and all that is in it, but for what is empty or a plain number or truth.
  private static func descend(_ v: Value, _ found: inout [Value]) throws(Invalid) {
    let inner = children(v)
    guard !inner.isEmpty || !(v.string ?? "").isEmpty else { return }
    found.append(v)
    if found.count > limit { throw Invalid(description: "more than \(limit) results") }
    for c in inner { try descend(c, &found) }
  }

  private static func cut(_ list: [Value], _ s: Slice) throws(Invalid) -> [Value] {
    let n = list.count
    var from = s.from ?? 0
    if from < 0 { from = from.addingReportingOverflow(n).partialValue }
    var to = s.to ?? n
    if to < 0 || to == 0 && s.isIndex { to = to.addingReportingOverflow(n).partialValue }
    if from == to { return [] }
    if from >= n || from < 0 { throw Invalid(description: "array index out of bounds: index \(from), length \(n)") }
    if to > n || to < 0 { throw Invalid(description: "array index out of bounds: index \(to < 0 ? to : to - 1), length \(n)") }
    if from > to { throw Invalid(description: "starting index \(from) is greater than ending index \(to)") }
    guard let step = s.step else { return Array(list[from..<to]) }
    if step <= 0 { throw Invalid(description: "step must be > 0") }
    return stride(from: from, to: to, by: step).map { list[$0] }
  }

  // MARK: filters

  private static func passes(_ item: Value, _ left: [Part], _ operation: String?, _ right: [Part]) throws(Invalid) -> Bool {
    guard let operation else {
      do throws(Invalid) { return try !find(left, [item], strict: false).isEmpty } catch { return false }
    }
    guard let a = try one(find(left, [item], strict: false)), let b = try one(find(right, [item], strict: false)) else { return false }
    switch operation {
    case "==": return try equal(a, b)
    case "!=": return try !equal(a, b)
    case "<": return try less(a, b)
    case "<=": return try !less(b, a)
    case ">": return try less(b, a)
    case ">=": return try !less(a, b)
    default: throw Invalid(description: "unrecognized filter operator \(operation)")
    }
  }

  private static func one(_ found: [Value]) throws(Invalid) -> Value? {
    if found.count > 1 { throw Invalid(description: "can only compare one element at a time") }
    return found.first
  }

  private static let incompatible = Invalid(description: "incompatible types for comparison")

  private static func equal(_ a: Value, _ b: Value) throws(Invalid) -> Bool {
    switch (a, b) {
    case (.string(let x), .string(let y)): return x == y
    case (.int(let x), .int(let y)): return x == y
    case (.double(let x), .double(let y)): return x == y
    case (.bool(let x), .bool(let y)): return x == y
    default: throw incompatible
    }
  }

  private static func less(_ a: Value, _ b: Value) throws(Invalid) -> Bool {
    switch (a, b) {
    case (.string(let x), .string(let y)): return x < y
    case (.int(let x), .int(let y)): return x < y
    case (.double(let x), .double(let y)): return x < y
    case (.bool, .bool): throw Invalid(description: "invalid type for comparison")
    default: throw incompatible
    }
  }

  /// As Go names what JSON became.
  private static func kind(_ v: Value) -> String {
    switch v {
    case .string: "string"
    case .int: "int64"
    case .double: "float64"
    case .bool: "bool"
    case .array: "[]interface {}"
    case .object, .null: "map[string]interface {}"
    }
  }
}
