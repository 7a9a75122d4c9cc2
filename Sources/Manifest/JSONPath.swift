// SPDX-License-Identifier: Apache-2.0
//
// kubectl's JSONPath templates: text with {expressions}. Kubernetes client-go/util/jsonpath; kubectl reference, "JSONPath support".

public struct JSONPath: Sendable {
  public struct Invalid: Error, Sendable, CustomStringConvertible {
    public var description: String
  }

  indirect enum Node: Sendable {
    case text(String)
    case path([Part])
    case range([Part], [Node])
  }
  enum Part: Sendable {
    case field(String)
    case index(Int)
    case slice(Int?, Int?, Int)
    case wildcard
    case recursive
    case union([Part])
    case filter(left: [Part], op: String?, right: Operand?)
    case root
  }
  enum Operand: Sendable {
    case literal(Value)
    case path([Part])
  }

  let nodes: [Node]

  /// A template; without braces the whole text is one expression (`.status.phase`).
  public init(_ template: String) throws(Invalid) {
    var parser = Parser(text: Array(template.utf8))
    if template.contains("{") {
      nodes = try parser.template(untilEnd: false)
    } else {
      var inner = Parser(text: Array((template.hasPrefix(".") || template.hasPrefix("$") || template.hasPrefix("[") ? "" : ".") .utf8) + Array(template.utf8))
      nodes = [.path(try inner.path(stop: []))]
    }
  }

  /// The values that the expressions find, in order (kubectl wait); text is left out.
  public func values(in v: Value) throws(Invalid) -> [Value] {
    var all: [Value] = []
    for case .path(let p) in nodes { all += try Self.find(p, [v], root: v, strict: false) }
    return all
  }

  /// The template filled in. A field that is not there is an error, as for kubectl, unless missing is allowed.
  public func text(in v: Value, allowMissing: Bool = true) throws(Invalid) -> String { try Self.render(nodes, v, root: v, strict: !allowMissing) }

  private static func render(_ nodes: [Node], _ v: Value, root: Value, strict: Bool) throws(Invalid) -> String {
    var out = ""
    for node in nodes {
      switch node {
      case .text(let t): out += t
      case .path(let p): out += try find(p, [v], root: root, strict: strict).map(show).joined(separator: " ")
      case .range(let p, let body):
        for item in try find(p, [v], root: root, strict: strict) { out += try render(body, item, root: root, strict: strict) }
      }
    }
    return out
  }

  /// Strings plain, everything else as JSON.
  static func show(_ v: Value) -> String { v.string ?? JSON.compact(v) }

  private static func find(_ parts: [Part], _ start: [Value], root: Value, strict: Bool) throws(Invalid) -> [Value] {
    var now = start
    for part in parts {
      var next: [Value] = []
      for v in now { next += try step(part, v, root: root, strict: strict) }
      now = next
    }
    return now
  }

  private static func step(_ part: Part, _ v: Value, root: Value, strict: Bool) throws(Invalid) -> [Value] {
    switch part {
    case .root: return [root]
    case .field(let name):
      if let found = v[name] { return [found] }
      if strict { throw Invalid(description: "\(name) is not found") }
      return []
    case .index(let i):
      guard let a = v.array else { return [] }
      let at = i < 0 ? a.count + i : i
      if a.indices.contains(at) { return [a[at]] }
      if strict { throw Invalid(description: "array index out of bounds: index \(i), length \(a.count)") }
      return []
    case .slice(let from, let to, let by):
      guard let a = v.array else { return [] }
      let low = max(0, from.map { $0 < 0 ? a.count + $0 : $0 } ?? 0)
      let high = min(a.count, to.map { $0 < 0 ? a.count + $0 : $0 } ?? a.count)
      return low < high ? stride(from: low, to: high, by: by).map { a[$0] } : []
    case .wildcard: return v.array ?? v.members?.entries.map(\.value) ?? []
    case .recursive: return everything(v)
    case .union(let list):
      var all: [Value] = []
      for p in list { all += try step(p, v, root: root, strict: strict) }
      return all
    case .filter(let left, let op, let right):
      var all: [Value] = []
      for item in v.array ?? [] {
        let l = try find(left, [item], root: root, strict: false)
        guard let op, let right else {
          if !l.isEmpty { all.append(item) }
          continue
        }
        let r: [Value]
        switch right {
        case .literal(let x): r = [x]
        case .path(let p): r = try find(p, [item], root: root, strict: false)
        }
        guard let a = l.first, let b = r.first else { continue }
        if compare(a, op, b) { all.append(item) }
      }
      return all
    }
  }

  private static func everything(_ v: Value) -> [Value] {
    let children = v.array ?? v.members?.entries.map(\.value) ?? []
    return [v] + children.flatMap(everything)
  }

  private static func compare(_ a: Value, _ op: String, _ b: Value) -> Bool {
    if op == "==" { return a == b }
    if op == "!=" { return a != b }
    let less: Bool
    let same: Bool
    if let x = a.int, let y = b.int {
      (less, same) = (x < y, x == y)
    } else if let x = a.string, let y = b.string {
      (less, same) = (x < y, x == y)
    } else {
      return false
    }
    switch op {
    case "<": return less
    case "<=": return less || same
    case ">": return !less && !same
    case ">=": return !less
    default: return false
    }
  }

  // MARK: reading

  private struct Parser {
    let text: [UInt8]
    var at = 0
    init(text: [UInt8]) { self.text = text }

    func peek(_ offset: Int = 0) -> UInt8? { at + offset < text.count ? text[at + offset] : nil }
    func starts(_ word: String) -> Bool { text[at...].starts(with: word.utf8) }
    mutating func spaces() { while peek() == 32 { at += 1 } }
    func invalid(_ why: String) -> Invalid { Invalid(description: "error parsing jsonpath \(String(decoding: text, as: UTF8.self)), \(why)") }

    mutating func template(untilEnd: Bool) throws(Invalid) -> [Node] {
      var nodes: [Node] = []
      var plain: [UInt8] = []
      func flush() { if !plain.isEmpty { nodes.append(.text(String(decoding: plain, as: UTF8.self))); plain = [] } }
      while let c = peek() {
        if c != UInt8(ascii: "{") {
          plain.append(c)
          at += 1
          continue
        }
        flush()
        at += 1
        spaces()
        if starts("end") {
          at += 3
          try close()
          if untilEnd { return nodes }
          throw invalid("not in range, nothing to end")
        }
        if starts("range") {
          at += 5
          spaces()
          let p = try path(stop: [UInt8(ascii: "}")])
          try close()
          nodes.append(.range(p, try template(untilEnd: true)))
          continue
        }
        if let q = peek(), q == UInt8(ascii: "\"") || q == UInt8(ascii: "'") {
          nodes.append(.text(try quoted(q)))
        } else {
          nodes.append(.path(try path(stop: [UInt8(ascii: "}")])))
        }
        try close()
      }
      flush()
      if untilEnd { throw invalid("range not closed: {end} is missing") }
      return nodes
    }

    mutating func close() throws(Invalid) {
      spaces()
      guard peek() == UInt8(ascii: "}") else { throw invalid("unclosed action") }
      at += 1
    }

    mutating func quoted(_ q: UInt8) throws(Invalid) -> String {
      at += 1
      var out: [UInt8] = []
      while let c = peek() {
        at += 1
        if c == q { return String(decoding: out, as: UTF8.self) }
        if c == UInt8(ascii: "\\"), let n = peek() {
          at += 1
          switch n {
          case UInt8(ascii: "n"): out.append(10)
          case UInt8(ascii: "t"): out.append(9)
          default: out.append(n)
          }
        } else {
          out.append(c)
        }
      }
      throw invalid("unterminated quoted string")
    }

    mutating func path(stop: Set<UInt8>) throws(Invalid) -> [Part] {
      var parts: [Part] = []
      while let c = peek(), !stop.contains(c), c != 32 {
        switch c {
        case UInt8(ascii: "$"):
          parts.append(.root)
          at += 1
        case UInt8(ascii: "@"): at += 1
        case UInt8(ascii: "."):
          at += 1
          if peek() == UInt8(ascii: ".") {
            at += 1
            parts.append(.recursive)
          }
          if peek() == UInt8(ascii: "*") {
            at += 1
            parts.append(.wildcard)
          } else if peek() != UInt8(ascii: "["), let name = word(stop), !name.isEmpty {
            parts.append(.field(name))
          }
        case UInt8(ascii: "["): parts.append(try bracket())
        default:
          guard let name = word(stop), !name.isEmpty else { throw invalid("unrecognized character in action") }
          parts.append(.field(name))
        }
      }
      return parts
    }

    private mutating func word(_ stop: Set<UInt8>) -> String? {
      var out: [UInt8] = []
      while let c = peek(), c != UInt8(ascii: "."), c != UInt8(ascii: "["), c != 32, !stop.contains(c), !"=!<>)".utf8.contains(c) {
        if c == UInt8(ascii: "\\"), let n = peek(1) {
          out.append(n)
          at += 2
        } else {
          out.append(c)
          at += 1
        }
      }
      return String(decoding: out, as: UTF8.self)
    }

    private mutating func bracket() throws(Invalid) -> Part {
      at += 1
      if starts("?(") {
        at += 2
        spaces()
        let left = try path(stop: Set(")=!<>".utf8))
        spaces()
        var op: String?
        for candidate in ["==", "!=", "<=", ">=", "<", ">"] where starts(candidate) {
          op = candidate
          at += candidate.utf8.count
          break
        }
        var right: Operand?
        if op != nil {
          spaces()
          right = try operand()
        }
        spaces()
        guard starts(")]") else { throw invalid("unterminated filter") }
        at += 2
        return .filter(left: left, op: op, right: right)
      }
      var parts: [Part] = []
      while true {
        spaces()
        guard let c = peek() else { throw invalid("unterminated array") }
        if c == UInt8(ascii: "'") || c == UInt8(ascii: "\"") {
          parts.append(.field(try quoted(c)))
        } else if c == UInt8(ascii: "*") {
          at += 1
          parts.append(.wildcard)
        } else {
          var item: [UInt8] = []
          while let d = peek(), d != UInt8(ascii: ","), d != UInt8(ascii: "]") {
            item.append(d)
            at += 1
          }
          parts.append(try element(String(decoding: item, as: UTF8.self)))
        }
        spaces()
        if peek() == UInt8(ascii: ",") {
          at += 1
          continue
        }
        guard peek() == UInt8(ascii: "]") else { throw invalid("unterminated array") }
        at += 1
        return parts.count == 1 ? parts[0] : .union(parts)
      }
    }

    private func element(_ text: String) throws(Invalid) -> Part {
      let pieces = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      func number(_ s: String) throws(Invalid) -> Int? {
        if s.isEmpty { return nil }
        guard let n = Int(s) else { throw invalid("invalid array index \(text)") }
        return n
      }
      if pieces.count == 1 {
        guard let n = try number(text) else { throw invalid("invalid array index \(text)") }
        return .index(n)
      }
      guard pieces.count <= 3 else { throw invalid("invalid array index \(text)") }
      let by = pieces.count == 3 ? try number(pieces[2]) ?? 1 : 1
      guard by > 0 else { throw invalid("step must be > 0") }
      return .slice(try number(pieces[0]), try number(pieces[1]), by)
    }

    private mutating func operand() throws(Invalid) -> Operand {
      guard let c = peek() else { throw invalid("unterminated filter") }
      if c == UInt8(ascii: "'") || c == UInt8(ascii: "\"") { return .literal(.string(try quoted(c))) }
      if c == UInt8(ascii: "@") || c == UInt8(ascii: "$") { return .path(try path(stop: Set(")".utf8))) }
      var word: [UInt8] = []
      while let d = peek(), d != UInt8(ascii: ")"), d != 32 {
        word.append(d)
        at += 1
      }
      let text = String(decoding: word, as: UTF8.self)
      if text == "true" || text == "false" { return .literal(.bool(text == "true")) }
      if let n = Int64(text) { return .literal(.int(n)) }
      if let d = Double(text) { return .literal(.double(d)) }
      throw invalid("unrecognized identifier \(text)")
    }
  }
}
