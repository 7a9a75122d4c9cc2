// SPDX-License-Identifier: Apache-2.0
//
// kubectl's JSONPath templates: text with {expressions}, what they find and how it is printed. Kubernetes: client-go/util/jsonpath; kubectl reference,
// "JSONPath support". Reading a template: JSONPathParser.

public struct JSONPath: Sendable {
  public struct Invalid: Error, Sendable, CustomStringConvertible {
    public var description: String
  }

  indirect enum Node: Sendable {
    case text(String)
    case literal(Value)
    case field(String)
    case slice(Bounds)
    case wildcard
    case recursive
    case union([[Node]])
    /// op nil: left is there.
    case filter(left: [Node], op: String?, right: [Node])
    case identifier(String)
  }

  /// [from:to:by]; to is one further when only an index was written.
  struct Bounds: Sendable {
    var from: Int?
    var to: Int?
    var by: Int?
    /// Written as an index: [2].
    var single = false
  }

  enum Block: Sendable {
    case text(String)
    case action([Node])
    case range([Node], [Block])
  }

  let template: String
  let blocks: [Block]

  /// A template. What stands outside of braces is text.
  public init(_ template: String) throws(Invalid) {
    self.template = template
    do throws(Invalid) { blocks = try JSONPathParser.blocks(of: template) } catch {
      throw Invalid(description: "error parsing jsonpath \(template), \(error)")
    }
  }

  /// One expression as kubectl takes it where it wants a field and not a template (wait, sort-by): a.b, .a.b, {a.b} or {.a.b}.
  public init(relaxed text: String) throws(Invalid) {
    var inner = text[...]
    if inner.hasPrefix("{"), inner.hasSuffix("}") { inner = inner.dropFirst().dropLast() }
    if inner.hasPrefix(".") { inner = inner.dropFirst() }
    guard !inner.isEmpty, !inner.contains("{"), !inner.contains("}") else {
      throw Invalid(
        description: "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'")
    }
    try self.init("{.\(inner)}")
  }

  /// The values that the expressions find, in order (kubectl wait); text is left out.
  public func values(in v: Value) throws(Invalid) -> [Value] {
    var all: [Value] = []
    for case .action(let nodes) in blocks { all += try explained { () throws(Invalid) in try Self.find(nodes, [v], strict: false) } }
    return all
  }

  /// The template filled in. A field that is not there is nothing, as kubectl get has it, unless that is not allowed.
  public func text(in v: Value, allowMissing: Bool = true) throws(Invalid) -> String {
    try explained { () throws(Invalid) in try Self.render(blocks, v, strict: !allowMissing) }
  }

  /// What each expression and each text finds, as a JSON array of its own (jsonpath-as-json).
  public func json(in v: Value, allowMissing: Bool = true) throws(Invalid) -> String {
    try explained { () throws(Invalid) in try Self.lists(blocks, v, strict: !allowMissing).map { JSON.pretty(.array($0.map(\.sorted))) + "\n" }.joined() }
  }

  private static func lists(_ blocks: [Block], _ v: Value, strict: Bool) throws(Invalid) -> [[Value]] {
    var all: [[Value]] = []
    for block in blocks {
      switch block {
      case .text(let t): all.append([.string(t)])
      case .action(let nodes): all.append(try find(nodes, [v], strict: strict))
      case .range(let nodes, let body): for item in try find(nodes, [v], strict: strict) { all += try lists(body, item, strict: strict) }
      }
    }
    return all
  }

  private func explained<T>(_ body: () throws(Invalid) -> T) throws(Invalid) -> T {
    do throws(Invalid) { return try body() } catch {
      throw Invalid(
        description: "error executing jsonpath \(JSON.compact(.string(template))): Error executing template: \(error). "
          + "Printing more information for debugging the template:\n\ttemplate was:\n\t\t\(template)")
    }
  }

  private static func render(_ blocks: [Block], _ v: Value, strict: Bool) throws(Invalid) -> String {
    var out = ""
    for block in blocks {
      switch block {
      case .text(let t): out += t
      case .action(let nodes): out += try find(nodes, [v], strict: strict).map(show).joined(separator: " ")
      case .range(let nodes, let body): for item in try find(nodes, [v], strict: strict) { out += try render(body, item, strict: strict) }
      }
    }
    return out
  }

  /// Scalars plain, lists and objects as Go writes JSON: keys in order, no signs that HTML knows.
  static func show(_ v: Value) -> String {
    switch v {
    case .string(let s): return s
    case .array, .object:
      var out = ""
      for c in JSON.compact(v.sorted).unicodeScalars {
        switch c {
        case "<": out += "\\u003c"
        case ">": out += "\\u003e"
        case "&": out += "\\u0026"
        default: out.unicodeScalars.append(c)
        }
      }
      return out
    default: return JSON.compact(v)
    }
  }

  // MARK: finding

  private static func find(_ nodes: [Node], _ start: [Value], strict: Bool) throws(Invalid) -> [Value] {
    var now = start
    for node in nodes { now = try step(node, now, strict: strict) }
    return now
  }

  private static func step(_ node: Node, _ input: [Value], strict: Bool) throws(Invalid) -> [Value] {
    switch node {
    case .text(let t): return [.string(t)]
    case .literal(let v): return input.map { _ in v }
    case .field(let name):
      if input.isEmpty { return [] }
      let found = input.compactMap { $0[name] }
      if found.isEmpty, strict { throw Invalid(description: "\(name) is not found") }
      return found
    case .slice(let b):
      var all: [Value] = []
      for v in input where v != .null { all += try slice(v, b) }
      return all
    case .wildcard: return input.flatMap(children)
    case .recursive: return input.flatMap(everything)
    case .union(let parts):
      var all: [Value] = []
      for p in parts { all += try find(p, input, strict: strict) }
      return all
    case .filter(let left, let op, let right):
      var all: [Value] = []
      for v in input {
        guard let list = v.array else { throw Invalid(description: "\(show(v)) is not array or slice and cannot be filtered") }
        for item in list where try passes(item, left, op, right, strict: strict) { all.append(item) }
      }
      return all
    case .identifier(let name): throw Invalid(description: name == "end" ? "not in range, nothing to end" : "unrecognized identifier \(name)")
    }
  }

  private static func children(_ v: Value) -> [Value] { v.array ?? v.members?.entries.map(\.value) ?? [] }

  /// The value and all below it that holds something.
  private static func everything(_ v: Value) -> [Value] {
    let below = children(v)
    return below.isEmpty ? [] : [v] + below.flatMap(everything)
  }

  private static func slice(_ v: Value, _ b: Bounds) throws(Invalid) -> [Value] {
    guard let a = v.array else { throw Invalid(description: "\(goType(v)) is not array or slice") }
    let n = a.count
    var from = b.from ?? 0
    if from < 0 { from += n }
    var to = b.to ?? n
    if to < 0 || to == 0 && b.single { to += n }
    if from == to { return [] }
    if from < 0 || from >= n { throw Invalid(description: "array index out of bounds: index \(from), length \(n)") }
    if to < 0 || to > n { throw Invalid(description: "array index out of bounds: index \(to - 1), length \(n)") }
    if from > to { throw Invalid(description: "starting index \(from) is greater than ending index \(to)") }
    let by = b.by ?? 1
    if by <= 0 { throw Invalid(description: "step must be > 0") }
    return stride(from: from, to: to, by: by).map { a[$0] }
  }

  private static func goType(_ v: Value) -> String {
    switch v {
    case .null: "<nil>"
    case .bool: "bool"
    case .int: "int64"
    case .double: "float64"
    case .string: "string"
    case .array: "[]interface {}"
    case .object: "map[string]interface {}"
    }
  }

  private static func passes(_ item: Value, _ left: [Node], _ op: String?, _ right: [Node], strict: Bool) throws(Invalid) -> Bool {
    guard let op else {
      do throws(Invalid) { return try !find(left, [item], strict: strict).isEmpty } catch { return false }
    }
    let a = try find(left, [item], strict: strict)
    if a.count > 1 { throw Invalid(description: "can only compare one element at a time") }
    guard let a = a.first else { return false }
    let b = try find(right, [item], strict: strict)
    if b.count > 1 { throw Invalid(description: "can only compare one element at a time") }
    guard let b = b.first else { return false }
    switch op {
    case "==": return try equal(a, b)
    case "!=": return try !equal(a, b)
    case "<": return try less(a, b)
    case "<=": return try !less(b, a)
    case ">": return try less(b, a)
    case ">=": return try !less(a, b)
    default: throw Invalid(description: "unrecognized filter operator \(op)")
    }
  }

  private static let incompatible = Invalid(description: "incompatible types for comparison")
  private static let incomparable = Invalid(description: "invalid type for comparison")

  private static func equal(_ a: Value, _ b: Value) throws(Invalid) -> Bool {
    switch (a, b) {
    case (.bool(let x), .bool(let y)): return x == y
    case (.int(let x), .int(let y)): return x == y
    case (.double(let x), .double(let y)): return x == y
    case (.string(let x), .string(let y)): return x == y
    case (.array, _), (.object, _), (.null, _), (_, .array), (_, .object), (_, .null): throw incomparable
    default: throw incompatible
    }
  }

  private static func less(_ a: Value, _ b: Value) throws(Invalid) -> Bool {
    switch (a, b) {
    case (.int(let x), .int(let y)): return x < y
    case (.double(let x), .double(let y)): return x < y
    case (.string(let x), .string(let y)): return x < y
    case (.bool, .bool), (.array, _), (.object, _), (.null, _), (_, .array), (_, .object), (_, .null): throw incomparable
    default: throw incompatible
    }
  }
}
