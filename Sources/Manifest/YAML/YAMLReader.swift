// SPDX-License-Identifier: Apache-2.0
//
// YAML (and JSON, which is YAML) into nodes, on libyaml's events. Plain scalars become what the API server's reader makes of them
// (sigs.k8s.io/yaml: YAML 1.1's booleans but for y and n, octal 0777 and 0o777, no dates). Limits guard against documents made to hurt.
import CYaml

public struct YAMLReader {
  /// Limits of one file.
  public struct Limits: Sendable {
    public var depth = 64
    public var nodes = 200_000
    /// Nodes that aliases may stand for, together.
    public var aliased = 20_000
    public init() {}
  }

  /// Reads every document. Errors end the reading; what came before them is kept.
  public static func read(_ bytes: [UInt8], file: String, limits: Limits = Limits()) -> (documents: [Node], diagnostics: [Diagnostic]) {
    var r = YAMLReader(file: file, limits: limits)
    return r.readAll(bytes)
  }

  private let file: String
  private let limits: Limits
  private var anchors: [String: (node: Node, size: Int)] = [:]
  private var count = 0
  private var aliased = 0
  private var warnings: [Diagnostic] = []

  private init(file: String, limits: Limits) { (self.file, self.limits) = (file, limits) }

  private struct Failure: Error { var diagnostic: Diagnostic }

  private func fail(_ position: Position, _ message: String) -> Failure { Failure(diagnostic: Diagnostic(.error, file, position, "", message)) }

  private mutating func readAll(_ bytes: [UInt8]) -> ([Node], [Diagnostic]) {
    var parser = yaml_parser_t()
    guard yaml_parser_initialize(&parser) == 1 else { return ([], [Diagnostic(.error, file, Position(line: 1, column: 1), "", "out of memory")]) }
    defer { yaml_parser_delete(&parser) }
    var documents: [Node] = []
    var failures: [Diagnostic] = []
    bytes.withUnsafeBufferPointer { buffer in
      yaml_parser_set_input_string(&parser, buffer.baseAddress, buffer.count)
      do throws(Failure) {
        while let node = try nextDocument(&parser) { documents.append(node) }
      } catch { failures.append(error.diagnostic) }
    }
    return (documents, failures + warnings)
  }

  /// One event, released after body. nil at the end of the stream.
  private mutating func next(_ parser: inout yaml_parser_t) throws(Failure) -> yaml_event_t {
    var event = yaml_event_t()
    if yaml_parser_parse(&parser, &event) == 1 { return event }
    let at = Position(line: Int(parser.problem_mark.line) + 1, column: Int(parser.problem_mark.column) + 1)
    var text = parser.problem.map { String(cString: $0) } ?? "cannot be read"
    if parser.error == YAML_READER_ERROR {
      text = "\(text) at byte \(parser.problem_offset)"
    } else if let context = parser.context {
      text = "\(String(cString: context)) at line \(parser.context_mark.line + 1): \(text)"
    }
    if text.contains("cannot start any token") { text += " (a tab cannot indent)" }
    throw fail(at, "error parsing YAML: \(text)")
  }

  private mutating func nextDocument(_ parser: inout yaml_parser_t) throws(Failure) -> Node? {
    while true {
      var event = try next(&parser)
      defer { yaml_event_delete(&event) }
      switch event.type {
      case YAML_STREAM_END_EVENT, YAML_NO_EVENT: return nil
      case YAML_DOCUMENT_START_EVENT:
        anchors = [:]
        var first = try next(&parser)
        defer { yaml_event_delete(&first) }
        let node = try build(&first, &parser, depth: 0)
        var end = try next(&parser)
        yaml_event_delete(&end)
        // "---" with nothing behind it is no document
        if case .scalar(.null) = node.content { continue }
        return node
      default: continue
      }
    }
  }

  private mutating func build(_ event: inout yaml_event_t, _ parser: inout yaml_parser_t, depth: Int) throws(Failure) -> Node {
    let at = Position(line: Int(event.start_mark.line) + 1, column: Int(event.start_mark.column) + 1)
    count += 1
    if count > limits.nodes { throw fail(at, "too large: more than \(limits.nodes) nodes") }
    if depth > limits.depth { throw fail(at, "nested too deeply: more than \(limits.depth) levels") }
    let before = count
    switch event.type {
    case YAML_SCALAR_EVENT:
      let s = event.data.scalar
      let text = String(decoding: UnsafeBufferPointer(start: s.value, count: s.length), as: UTF8.self)
      let tag = s.tag.map { Self.text($0) }
      let value: Value
      if let tag, tag != "!" {
        value = try tagged(tag, text, at)
      } else {
        value = s.style == YAML_PLAIN_SCALAR_STYLE && tag == nil ? PlainScalar.value(text) : .string(text)
      }
      return remember(s.anchor, Node(.scalar(value), at: at), before)
    case YAML_SEQUENCE_START_EVENT:
      let anchor = event.data.sequence_start.anchor.map { Self.text($0) }
      var list: [Node] = []
      while true {
        var e = try next(&parser)
        defer { yaml_event_delete(&e) }
        if e.type == YAML_SEQUENCE_END_EVENT { break }
        list.append(try build(&e, &parser, depth: depth + 1))
      }
      return remember(anchor, Node(.sequence(list), at: at), before)
    case YAML_MAPPING_START_EVENT:
      let anchor = event.data.mapping_start.anchor.map { Self.text($0) }
      return remember(anchor, Node(.mapping(try entries(&parser, depth: depth)), at: at), before)
    case YAML_ALIAS_EVENT:
      let name = event.data.alias.anchor.map { Self.text($0) } ?? ""
      guard let known = anchors[name] else { throw fail(at, "unknown anchor '\(name)' referenced") }
      aliased += known.size
      if aliased > limits.aliased { throw fail(at, "too large: aliases stand for more than \(limits.aliased) nodes") }
      return Node(known.node.content, at: at)
    default: throw fail(at, "unexpected end of the document")
    }
  }

  private mutating func entries(_ parser: inout yaml_parser_t, depth: Int) throws(Failure) -> [Node.Entry] {
    var all: [Node.Entry] = []
    var merged: [Node.Entry] = []
    while true {
      var k = try next(&parser)
      defer { yaml_event_delete(&k) }
      if k.type == YAML_MAPPING_END_EVENT {
        // A mapping's own keys win, wherever they stand; of merged ones the first.
        for e in merged where !all.contains(where: { $0.key == e.key }) { all.append(e) }
        return all
      }
      let key = try build(&k, &parser, depth: depth + 1)
      var v = try next(&parser)
      defer { yaml_event_delete(&v) }
      let value = try build(&v, &parser, depth: depth + 1)
      guard case .scalar(let scalar) = key.content else { throw fail(key.position, "a key must be a string") }
      let name: String
      switch scalar {
      case .string(let s): name = s
      case .int(let n): name = "\(n)"
      case .bool(let b): name = b ? "true" : "false"
      case .null: name = "null"
      case .double(let d): name = "\(d)"
      default: throw fail(key.position, "a key must be a string")
      }
      if name == "<<" {
        switch value.content {
        case .mapping(let more):
          merged += more
          continue
        case .sequence(let list):
          for case .mapping(let more) in list.map(\.content) { merged += more }
          continue
        default: break
        }
      }
      all.append(Node.Entry(key: name, keyPosition: key.position, value: value))
    }
  }

  private mutating func remember(_ anchor: UnsafeMutablePointer<UInt8>?, _ node: Node, _ before: Int) -> Node {
    remember(anchor.map { Self.text($0) }, node, before)
  }

  private mutating func remember(_ anchor: String?, _ node: Node, _ before: Int) -> Node {
    if let anchor { anchors[anchor] = (node, count - before + 1) }
    return node
  }

  private func tagged(_ tag: String, _ text: String, _ at: Position) throws(Failure) -> Value {
    switch tag {
    case "tag:yaml.org,2002:str": return .string(text)
    case "tag:yaml.org,2002:null": return .null
    case "tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool":
      let v = PlainScalar.value(text)
      if case .string = v { throw fail(at, "cannot decode !!\(tag.split(separator: ":").last ?? "") `\(text)`") }
      return v
    case "tag:yaml.org,2002:binary": return .string(text)
    default: throw fail(at, "unknown tag \(tag)")
    }
  }

  private static func text(_ p: UnsafeMutablePointer<UInt8>) -> String { String(cString: p) }
}

/// What a plain (unquoted) scalar means.
public enum PlainScalar {
  public static func value(_ t: String) -> Value {
    switch t {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": return .bool(true)
    case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": return .bool(false)
    default: break
    }
    guard let first = t.utf8.first, first == 43 || first == 45 || first == 46 || (48...57).contains(first) else { return .string(t) }
    if let i = integer(t) { return .int(i) }
    if let d = float(t) { return .double(d) }
    return .string(t)
  }

  private static func integer(_ t: String) -> Int64? {
    let s = t.replacing("_")
    let negative = s.hasPrefix("-")
    let digits = s.hasPrefix("-") || s.hasPrefix("+") ? String(s.dropFirst()) : s
    guard let first = digits.utf8.first, (48...57).contains(first) else { return nil }
    func radix(_ skip: Int, _ base: Int) -> Int64? { Int64((negative ? "-" : "") + digits.dropFirst(skip), radix: base) }
    if digits.hasPrefix("0x") { return radix(2, 16) }
    if digits.hasPrefix("0o") { return radix(2, 8) }
    if digits.hasPrefix("0b") { return radix(2, 2) }
    if digits.count > 1 && digits.hasPrefix("0") { return radix(1, 8) }
    return radix(0, 10)
  }

  private static func float(_ t: String) -> Double? {
    switch t {
    case ".inf", ".Inf", ".INF", "+.inf": return .infinity
    case "-.inf", "-.Inf", "-.INF": return -.infinity
    case ".nan", ".NaN", ".NAN": return .nan
    default: break
    }
    guard t.utf8.allSatisfy({ (48...57).contains($0) || [43, 45, 46, 69, 101, 95].contains($0) }), t.utf8.contains(where: { (48...57).contains($0) })
    else { return nil }
    // One too large to hold stays text.
    return Double(t.replacing("_")).flatMap { $0.isFinite ? $0 : nil }
  }
}

extension String {
  /// Without a character.
  fileprivate func replacing(_ c: Character) -> String { contains(c) ? filter { $0 != c } : self }
}
