// SPDX-License-Identifier: Apache-2.0
//
// Reads a JSONPath template as kubectl reads it, with its words for what cannot be read.

struct JSONPathParser {
  typealias Invalid = JSONPath.Invalid
  typealias Node = JSONPath.Node

  private let text: [Unicode.Scalar]
  private var at = 0

  private init(_ text: [Unicode.Scalar]) { self.text = text }

  /// The whole template: text, actions, and ranges with what stands between {range} and its {end}.
  static func blocks(of template: String) throws(Invalid) -> [JSONPath.Block] {
    var parser = JSONPathParser(Array(template.unicodeScalars))
    var open: [(nodes: [Node], before: [JSONPath.Block])] = []
    var now: [JSONPath.Block] = []
    while parser.at < parser.text.count {
      if parser.text[parser.at] != "{" {
        let plain = parser.take { $0 != "{" }
        now.append(.text(plain))
        continue
      }
      parser.at += 1
      let nodes = try parser.action()
      switch nodes.first {
      case .identifier("range"):
        open.append((Array(nodes.dropFirst()), now))
        now = []
      case .identifier("end"):
        guard let (range, before) = open.popLast() else { throw Invalid(description: "not in range, nothing to end") }
        now = before + [.range(range, now)]
      default: now.append(.action(nodes))
      }
    }
    if !open.isEmpty { throw Invalid(description: "unclosed range: {end} is missing") }
    return now
  }

  /// Text as if it stood in braces.
  private static func expression(_ text: String) throws(Invalid) -> [Node] {
    var parser = JSONPathParser(Array(text.unicodeScalars) + ["}"])
    let nodes = try parser.action()
    guard parser.at == parser.text.count else { throw Invalid(description: "unclosed action") }
    return nodes
  }

  private func starts(_ word: String) -> Bool { text[at...].starts(with: word.unicodeScalars) }

  private mutating func take(while holds: (Unicode.Scalar) -> Bool) -> String {
    var out = String.UnicodeScalarView()
    while at < text.count, holds(text[at]) {
      out.append(text[at])
      at += 1
    }
    return String(out)
  }

  private static func isEnd(_ c: Unicode.Scalar) -> Bool { c == "\n" || c == "\r" }
  private static func terminates(_ c: Unicode.Scalar) -> Bool { isEnd(c) || " \t.,[]$@{}".unicodeScalars.contains(c) }
  private static func isWord(_ c: Unicode.Scalar) -> Bool { c == "_" || c.properties.isAlphabetic || isDigit(c) }
  private static func isDigit(_ c: Unicode.Scalar) -> Bool { ("0"..."9").contains(c) }

  /// Up to the closing brace, which is taken.
  private mutating func action() throws(Invalid) -> [Node] {
    var nodes: [Node] = []
    while true {
      if starts("}") {
        at += 1
        return nodes
      }
      if starts("[?(") {
        nodes.append(try filter())
        continue
      }
      if starts("..") {
        if case .recursive? = nodes.last { throw Invalid(description: "invalid multiple recursive descent") }
        at += 2
        nodes.append(.recursive)
        if at < text.count, Self.isWord(text[at]) { nodes.append(field()) }
        continue
      }
      guard at < text.count, !Self.isEnd(text[at]) else { throw Invalid(description: "unclosed action") }
      let c = text[at]
      switch c {
      case " ", "@", "$": at += 1
      case "[": nodes += try brackets()
      case "\"", "'": nodes.append(.text(try quoted(c)))
      case ".":
        at += 1
        nodes.append(field())
      case _ where c == "+" || c == "-" || Self.isDigit(c): nodes.append(try number())
      case _ where Self.isWord(c):
        let word = take { !Self.terminates($0) }
        nodes.append(word == "true" || word == "false" ? .literal(.bool(word == "true")) : .identifier(word))
      default:
        let hex = String(c.value, radix: 16, uppercase: true)
        throw Invalid(description: "unrecognized character in action: U+\(String(repeating: "0", count: max(0, 4 - hex.count)))\(hex) '\(c)'")
      }
    }
  }

  /// A name up to a terminator; a backslash takes the next one in.
  private mutating func field() -> Node {
    var name = String.UnicodeScalarView()
    while at < text.count {
      if text[at] == "\\" {
        at += 1
        if at < text.count { name.append(text[at]) }
        at += at < text.count ? 1 : 0
      } else if Self.terminates(text[at]) {
        break
      } else {
        name.append(text[at])
        at += 1
      }
    }
    return name.elementsEqual("*".unicodeScalars) ? .wildcard : .field(String(name))
  }

  private mutating func number() throws(Invalid) -> Node {
    let begin = at
    if text[at] == "+" || text[at] == "-" { at += 1 }
    _ = take { $0 == "." || Self.isDigit($0) }
    let word = String(String.UnicodeScalarView(text[begin..<at]))
    if let n = Int64(word) { return .literal(.int(n)) }
    if let d = Double(word) { return .literal(.double(d)) }
    throw Invalid(description: "cannot parse number \(word)")
  }

  private mutating func quoted(_ quote: Unicode.Scalar) throws(Invalid) -> String {
    let begin = at
    at += 1
    while true {
      guard at < text.count, text[at] != "\n" else { throw Invalid(description: "unterminated quoted string") }
      at += 1
      if text[at - 1] == quote, text[at - 2] != "\\" { break }
    }
    let inner = Array(text[(begin + 1)..<(at - 1)])
    guard let plain = Self.unescaped(inner, quote) else {
      throw Invalid(description: "unquote string \(String(String.UnicodeScalarView(text[begin..<at]))) error invalid syntax")
    }
    return plain
  }

  /// Go's escapes; nil where there is none.
  private static func unescaped(_ s: [Unicode.Scalar], _ quote: Unicode.Scalar) -> String? {
    let simple: [Unicode.Scalar: Unicode.Scalar] = ["n": "\n", "t": "\t", "r": "\r", "\\": "\\", "a": "\u{7}", "b": "\u{8}", "f": "\u{c}", "v": "\u{b}"]
    var out = String.UnicodeScalarView()
    var i = 0
    while i < s.count {
      guard s[i] == "\\" else {
        out.append(s[i])
        i += 1
        continue
      }
      guard i + 1 < s.count else { return nil }
      let c = s[i + 1]
      i += 2
      if let plain = simple[c] ?? (c == quote ? c : nil) {
        out.append(plain)
        continue
      }
      let digits = ["x": 2, "u": 4, "U": 8][String(c)] ?? 0
      guard digits > 0, i + digits <= s.count, let value = UInt32(String(String.UnicodeScalarView(s[i..<(i + digits)])), radix: 16),
        let scalar = Unicode.Scalar(value)
      else { return nil }
      out.append(scalar)
      i += digits
    }
    return String(out)
  }

  /// [index], [from:to:by], ['key'], or several of them.
  private mutating func brackets() throws(Invalid) -> [Node] {
    at += 1
    let inner = take { $0 != "]" && $0 != "\n" }
    guard starts("]") else { throw Invalid(description: "unterminated array") }
    at += 1
    return try Self.element(inner)
  }

  private static func element(_ inner: String) throws(Invalid) -> [Node] {
    let parts = inner.split(separator: ",", omittingEmptySubsequences: false)
    if parts.count > 1 {
      var all: [[Node]] = []
      for p in parts { all.append(try element(String(trimmed(p)))) }
      return [.union(all)]
    }
    if inner.count >= 2, inner.hasPrefix("'"), inner.hasSuffix("'"), !inner.dropFirst().dropLast().contains("'") {
      return try expression(".\(inner.dropFirst().dropLast())")
    }
    if inner == "*" { return [.slice(JSONPath.Bounds())] }
    let pieces = inner.split(separator: ":", omittingEmptySubsequences: false)
    let wellFormed = pieces.count <= 3 && pieces.allSatisfy { ($0.hasPrefix("-") ? $0.dropFirst() : $0).unicodeScalars.allSatisfy(isDigit) }
    guard wellFormed else { throw Invalid(description: "invalid array index \(inner)") }
    func number(_ i: Int) throws(Invalid) -> Int? {
      guard i < pieces.count, !pieces[i].isEmpty else { return nil }
      guard let n = Int(pieces[i]) else { throw Invalid(description: "array index \(pieces[i]) is not a number") }
      return n
    }
    var b = JSONPath.Bounds(from: try number(0), to: try number(1), by: try number(2))
    if pieces.count == 1 {
      (b.to, b.single) = ((b.from ?? 0) &+ 1, true)
      b.from = b.from ?? 0
    }
    return [.slice(b)]
  }

  private static func trimmed(_ s: Substring) -> Substring {
    var s = s
    while s.first == " " { s = s.dropFirst() }
    while s.last == " " { s = s.dropLast() }
    return s
  }

  private mutating func filter() throws(Invalid) -> Node {
    at += 3
    let begin = at
    var quote: Unicode.Scalar?
    var closed = false
    scan: while true {
      guard at < text.count, text[at] != "\n" else { throw Invalid(description: "unterminated filter") }
      let c = text[at]
      at += 1
      switch c {
      case "\"", "'":
        if quote == nil { quote = c } else if c == quote, text[at - 2] != "\\" { closed = true }
      case ")" where quote == nil || closed: break scan
      default: break
      }
    }
    let inner = Array(text[begin..<(at - 1)])
    guard starts("]") else { throw Invalid(description: "unclosed array expect ]") }
    at += 1
    let operators = "!<>=".unicodeScalars
    guard let first = inner.firstIndex(where: operators.contains), first > 0 else { return .filter(left: try Self.part(inner[...]), op: nil, right: []) }
    let rest = inner[first...]
    let op = rest.prefix(while: operators.contains)
    guard op.count < rest.count else { return .filter(left: try Self.part(inner[...]), op: nil, right: []) }
    return .filter(
      left: try Self.part(inner[..<first]), op: String(String.UnicodeScalarView(op)), right: try Self.part(rest.dropFirst(op.count)))
  }

  private static func part(_ s: ArraySlice<Unicode.Scalar>) throws(Invalid) -> [Node] { try expression(String(String.UnicodeScalarView(s))) }
}
