// SPDX-License-Identifier: Apache-2.0
//
// JSONPath templates, read: text outside of braces, actions inside. The grammar, with its odd corners, is that of Kubernetes client-go/util/jsonpath.

struct JSONPathParser {
  private let text: [UInt8]
  private var at = 0
  /// How deep ranges may stand in each other. Filters cannot: the first ) ends the outer one.
  private static let deepest = 50

  init(_ template: String) { text = Array(template.utf8) }
  private init(_ part: [UInt8]) { text = part }

  private func invalid(_ why: String) -> JSONPath.Invalid { JSONPath.Invalid(description: why) }
  private func peek(_ offset: Int = 0) -> UInt8? { at + offset < text.count ? text[at + offset] : nil }
  private func starts(_ word: StaticString) -> Bool {
    at + word.utf8CodeUnitCount <= text.count && (0..<word.utf8CodeUnitCount).allSatisfy { text[at + $0] == word.utf8Start[$0] }
  }

  /// The whole text. What is wrong is told with the text.
  mutating func template() throws(JSONPath.Invalid) -> [JSONPath.Node] {
    do throws(JSONPath.Invalid) {
      var open: [(path: [JSONPath.Part], before: [JSONPath.Node])] = []
      var nodes: [JSONPath.Node] = []
      while at < text.count {
        let start = at
        while let c = peek(), c != UInt8(ascii: "{") { at += 1 }
        if at > start { nodes.append(.text(String(decoding: text[start..<at], as: UTF8.self))) }
        guard at < text.count else { break }
        at += 1
        switch try action() {
        case .plain(let parts): nodes.append(.action(parts))
        case .range(let parts):
          if open.count >= Self.deepest { throw invalid("more than \(Self.deepest) ranges in each other") }
          open.append((parts, nodes))
          nodes = []
        case .end:
          guard let last = open.popLast() else { throw invalid("not in range, nothing to end") }
          nodes = last.before + [.range(last.path, nodes)]
        }
      }
      if !open.isEmpty { throw invalid("range not closed: {end} is missing") }
      return nodes
    } catch { throw invalid("error parsing jsonpath \(String(decoding: text, as: UTF8.self)), \(error)") }
  }

  private enum Action { case plain([JSONPath.Part]), range([JSONPath.Part]), end }

  private mutating func action() throws(JSONPath.Invalid) -> Action {
    let parts = try self.parts(untilBrace: true)
    guard case .unknown(let word)? = parts.first else { return .plain(parts) }
    if word == "range" { return .range(Array(parts.dropFirst())) }
    return word == "end" && parts.count == 1 ? .end : .plain(parts)
  }

  /// Up to the closing brace, or up to the end of a part of a filter.
  private mutating func parts(untilBrace: Bool) throws(JSONPath.Invalid) -> [JSONPath.Part] {
    var parts: [JSONPath.Part] = []
    while true {
      guard let c = peek(), c != 10, c != 13 else {
        if untilBrace || at < text.count { throw invalid("unclosed action") }
        return parts
      }
      if untilBrace, c == UInt8(ascii: "}") {
        at += 1
        return parts
      }
      if starts("[?(") {
        parts.append(try filter())
      } else if starts("..") {
        if case .recursive? = parts.last { throw invalid("invalid multiple recursive descent") }
        at += 2
        parts.append(.recursive)
        if let n = peek(), Self.isWord(n) { parts.append(field()) }
      } else if c == 32 || c == UInt8(ascii: "@") || c == UInt8(ascii: "$") {
        at += 1
      } else if c == UInt8(ascii: "[") {
        parts += try array()
      } else if c == UInt8(ascii: "'") || c == UInt8(ascii: "\"") {
        parts.append(.literal(.string(try quoted(c))))
      } else if c == UInt8(ascii: ".") {
        at += 1
        parts.append(field())
      } else if c == UInt8(ascii: "+") || c == UInt8(ascii: "-") || (48...57).contains(c) {
        parts.append(.literal(try number()))
      } else if Self.isWord(c) {
        let start = at
        while let n = peek(), !Self.ends(n) { at += 1 }
        let word = String(decoding: text[start..<at], as: UTF8.self)
        parts.append(word == "true" || word == "false" ? .literal(.bool(word == "true")) : .unknown(word))
      } else {
        let hex = String(c, radix: 16, uppercase: true)
        throw invalid("unrecognized character in action: U+\(String(repeating: "0", count: 4 - hex.utf8.count))\(hex) '\(Character(Unicode.Scalar(c)))'")
      }
    }
  }

  private static func isWord(_ c: UInt8) -> Bool { c == 95 || c >= 128 || (48...57).contains(c) || (65...90).contains(c & 0xDF) }
  /// What may stand behind a word.
  private static func ends(_ c: UInt8) -> Bool { [32, 9, 10, 13].contains(c) || ".,[]$@{}".utf8.contains(c) }

  private mutating func field() -> JSONPath.Part {
    var name: [UInt8] = []
    while let c = peek(), !Self.ends(c) {
      at += 1
      guard c == UInt8(ascii: "\\") else {
        name.append(c)
        continue
      }
      if let escaped = peek() {
        name.append(escaped)
        at += 1
      }
    }
    return name == [UInt8(ascii: "*")] ? .wildcard : .field(String(decoding: name, as: UTF8.self))
  }

  private mutating func number() throws(JSONPath.Invalid) -> Value {
    let start = at
    at += 1
    while let c = peek(), c == UInt8(ascii: ".") || (48...57).contains(c) { at += 1 }
    let word = String(decoding: text[start..<at], as: UTF8.self)
    if let i = Int64(word) { return .int(i) }
    if let d = Double(word), d.isFinite { return .double(d) }
    throw invalid("cannot parse number \(word)")
  }

  private mutating func quoted(_ end: UInt8) throws(JSONPath.Invalid) -> String {
    let start = at
    at += 1
    while true {
      guard let c = peek(), c != 10 else { throw invalid("unterminated quoted string") }
      at += 1
      if c == end && text[at - 2] != UInt8(ascii: "\\") { break }
    }
    let whole = String(decoding: text[start..<at], as: UTF8.self)
    guard let s = Self.unquoted(text[start + 1..<at - 1]) else { throw invalid("unquote string \(whole) error invalid syntax") }
    return s
  }

  /// With Go's escapes; nil where one is none.
  private static func unquoted(_ bytes: ArraySlice<UInt8>) -> String? {
    guard bytes.contains(UInt8(ascii: "\\")) else { return String(decoding: bytes, as: UTF8.self) }
    let plain: [UInt8: UInt8] = [97: 7, 98: 8, 102: 12, 110: 10, 114: 13, 116: 9, 118: 11, 92: 92, 39: 39, 34: 34]
    let digits: [UInt8: Int] = [120: 2, 117: 4, 85: 8]
    var out: [UInt8] = []
    var rest = bytes
    while let c = rest.popFirst() {
      guard c == UInt8(ascii: "\\") else {
        out.append(c)
        continue
      }
      guard let e = rest.popFirst() else { return nil }
      if let p = plain[e] {
        out.append(p)
      } else if let n = digits[e], rest.count >= n, let code = UInt32(String(decoding: rest.prefix(n), as: UTF8.self), radix: 16), let u = Unicode.Scalar(code) {
        rest = rest.dropFirst(n)
        if e == 120 { out.append(UInt8(code)) } else { out += String(u).utf8 }
      } else {
        return nil
      }
    }
    return String(decoding: out, as: UTF8.self)
  }

  // MARK: [ … ]

  private mutating func array() throws(JSONPath.Invalid) -> [JSONPath.Part] {
    at += 1
    let start = at
    while let c = peek(), c != UInt8(ascii: "]"), c != 10 { at += 1 }
    guard peek() == UInt8(ascii: "]") else { throw invalid("unterminated array") }
    defer { at += 1 }
    let inner = text[start..<at]
    let items = inner.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    if items.count == 1 { return try element(inner) }
    var all: [[JSONPath.Part]] = []
    for item in items { all.append(try element(Self.trimmed(item))) }
    return [.union(all)]
  }

  private static func trimmed(_ s: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var t = s
    while t.first == 32 { t.removeFirst() }
    while t.last == 32 { t.removeLast() }
    return t
  }

  private func element(_ bytes: ArraySlice<UInt8>) throws(JSONPath.Invalid) -> [JSONPath.Part] {
    if Array(bytes) == [UInt8(ascii: "*")] { return [.slice(.init())] }
    let quote = UInt8(ascii: "'")
    if bytes.count >= 2, bytes.first == quote, bytes.last == quote, !bytes.dropFirst().dropLast().contains(quote) {
      // 'a.b' is the field b of the field a; a point of a name has a backslash in front.
      var inner = JSONPathParser([UInt8(ascii: ".")] + bytes.dropFirst().dropLast())
      return try inner.parts(untilBrace: false)
    }
    let words = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    let all = String(decoding: bytes, as: UTF8.self)
    guard words.count <= 3, words.allSatisfy({ w in w.enumerated().allSatisfy { i, c in (48...57).contains(c) || i == 0 && c == 45 } }), !bytes.isEmpty else {
      throw invalid("invalid array index \(all)")
    }
    var numbers: [Int?] = []
    for w in words {
      let n = Int(String(decoding: w, as: UTF8.self))
      if n == nil, !w.isEmpty { throw invalid("array index \(String(decoding: w, as: UTF8.self)) is not a number") }
      numbers.append(n)
    }
    guard words.count == 1 else { return [.slice(.init(from: numbers[0], to: numbers[1], step: words.count == 3 ? numbers[2] : nil))] }
    guard let i = numbers[0], i < Int.max else { throw invalid("invalid array index \(all)") }
    return [.slice(.init(from: i, to: i + 1, isIndex: true))]
  }

  private mutating func filter() throws(JSONPath.Invalid) -> JSONPath.Part {
    at += 3
    let start = at
    var pair: UInt8?
    var isPaired = false
    while true {
      guard let c = peek(), c != 10 else { throw invalid("unterminated filter") }
      at += 1
      if c == UInt8(ascii: "\"") || c == UInt8(ascii: "'") {
        if pair == nil { pair = c } else if c == pair, text[at - 2] != UInt8(ascii: "\\") { isPaired = true }
      } else if c == UInt8(ascii: ")"), (pair != nil) == isPaired {
        break
      }
    }
    guard peek() == UInt8(ascii: "]") else { throw invalid("unclosed array expect ]") }
    let inner = text[start..<at - 1]
    at += 1
    let signs = Array("!<>=".utf8)
    var left = inner
    var operation: [UInt8] = []
    var right: ArraySlice<UInt8> = []
    if let i = inner.firstIndex(where: signs.contains), i > inner.startIndex {
      let end = inner[i...].firstIndex { !signs.contains($0) } ?? inner.endIndex
      if end < inner.endIndex { (left, operation, right) = (inner[..<i], Array(inner[i..<end]), inner[end...]) }
    }
    var a = JSONPathParser(Array(left))
    var b = JSONPathParser(Array(right))
    return .filter(
      left: try a.parts(untilBrace: false), operation: operation.isEmpty ? nil : String(decoding: operation, as: UTF8.self), right: try b.parts(untilBrace: false))
  }
}
