// SPDX-License-Identifier: Apache-2.0
//
// Label selectors: a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1 read as the API server reads them, and held against labels. What is wrong is said in its
// words. Kubernetes apimachinery/pkg/labels/selector.go.

public struct LabelSelector: Sendable {
  public struct Invalid: Error, Sendable, CustomStringConvertible {
    public var description: String
  }

  enum Test: Sendable {
    case exists
    case absent
    case within([String])
    case without([String])
    case above(Int64)
    case below(Int64)
  }
  typealias Requirement = (key: String, test: Test)

  let requirements: [Requirement]

  /// Nothing but blanks selects everything.
  public init(_ text: String) throws(Invalid) {
    var parser = LabelSelectorParser(text)
    requirements = try parser.requirements()
  }

  public func matches(_ labels: [String: String]) -> Bool {
    requirements.allSatisfy { key, test in
      let value = labels[key]
      return switch test {
      case .exists: value != nil
      case .absent: value == nil
      case .within(let list): value.map(list.contains) ?? false
      case .without(let list): !(value.map(list.contains) ?? false)
      case .above(let n): value.flatMap { Int64($0) }.map { $0 > n } ?? false
      case .below(let n): value.flatMap { Int64($0) }.map { $0 < n } ?? false
      }
    }
  }
}

private struct LabelSelectorParser {
  private typealias Invalid = LabelSelector.Invalid

  private enum Token: Equatable { case word, comma, not, open, close, equal, unequal, greater, less, wrong, end }
  private typealias Item = (token: Token, text: String)

  private var items: [Item] = []
  private var at = 0

  init(_ text: String) {
    var rest = Array(text.utf8)[...]
    while let item = Self.item(&rest) { items.append(item) }
  }

  /// Signs that are no part of a word.
  private static let signs = Array("=!(),><".utf8)
  private static let blanks = Array(" \t\r\n".utf8)

  private static func item(_ rest: inout ArraySlice<UInt8>) -> Item? {
    rest = rest.drop { blanks.contains($0) }
    guard let first = rest.first else { return nil }
    if !signs.contains(first) {
      let word = rest.prefix { !signs.contains($0) && !blanks.contains($0) }
      rest = rest.dropFirst(word.count)
      return (.word, String(decoding: word, as: UTF8.self))
    }
    let known: [(String, Token)] = [
      ("==", .equal), ("!=", .unequal), ("=", .equal), (",", .comma), ("!", .not), ("(", .open), (")", .close), (">", .greater), ("<", .less),
    ]
    for (text, token) in known where rest.starts(with: text.utf8) {
      rest = rest.dropFirst(text.utf8.count)
      return (token, text)
    }
    return nil
  }

  private var next: Item { at < items.count ? items[at] : (.end, "") }

  private mutating func take() -> Item {
    defer { at += 1 }
    return next
  }

  mutating func requirements() throws(LabelSelector.Invalid) -> [LabelSelector.Requirement] {
    var all: [LabelSelector.Requirement] = []
    while next.token != .end {
      guard next.token == .word || next.token == .not else { throw Invalid(description: "found '\(next.text)', expected: !, identifier, or 'end of string'") }
      do throws(Invalid) { all.append(try requirement()) } catch { throw Invalid(description: "unable to parse requirement: \(error)") }
      let after = take()
      if after.token == .end { break }
      guard after.token == .comma else { throw Invalid(description: "found '\(after.text)', expected: ',' or 'end of string'") }
      guard next.token == .word || next.token == .not else { throw Invalid(description: "found '\(next.text)', expected: identifier after ','") }
    }
    return all
  }

  private mutating func requirement() throws(LabelSelector.Invalid) -> LabelSelector.Requirement {
    let isAbsent = next.token == .not
    if isAbsent { at += 1 }
    let key = take()
    guard key.token == .word else { throw Invalid(description: "found '\(key.text)', expected: identifier") }
    let wrong = Names.qualified(key.text)
    if !wrong.isEmpty { throw Invalid(description: "<nil>: Invalid value: \"\(key.text)\": \(wrong.joined(separator: "; "))") }
    if isAbsent { return (key.text, .absent) }
    if next.token == .end || next.token == .comma { return (key.text, .exists) }
    let sign = take()
    switch (sign.token, sign.text) {
    case (.equal, _): return (key.text, .within([try value(key.text)]))
    case (.unequal, _): return (key.text, .without([try value(key.text)]))
    case (.word, "in"): return (key.text, .within(try values(key.text)))
    case (.word, "notin"): return (key.text, .without(try values(key.text)))
    case (.greater, _): return (key.text, .above(try number(key.text)))
    case (.less, _): return (key.text, .below(try number(key.text)))
    default: throw Invalid(description: "found '\(sign.text)', expected: in, notin, =, ==, !=, gt, lt")
    }
  }

  /// One value, perhaps none at all.
  private mutating func value(_ key: String) throws(LabelSelector.Invalid) -> String {
    if next.token == .end || next.token == .comma { return "" }
    let item = take()
    guard item.token == .word else { throw Invalid(description: "found '\(item.text)', expected: identifier") }
    return try checked([item.text], key)[0]
  }

  private mutating func number(_ key: String) throws(LabelSelector.Invalid) -> Int64 {
    let text = try value(key)
    guard let n = Int64(text) else {
      throw Invalid(description: "values[0]: Invalid value: \"\(text)\": for 'Gt', 'Lt' operators, the value must be an integer")
    }
    return n
  }

  /// (a,b): what stands between commas may be nothing.
  private mutating func values(_ key: String) throws(LabelSelector.Invalid) -> [String] {
    let open = take()
    guard open.token == .open else { throw Invalid(description: "found '\(open.text)' expected: '('") }
    var all: [String] = []
    while true {
      if next.token == .word { all.append(take().text) } else { all.append("") }
      let after = take()
      switch after.token {
      case .close: return try checked(all, key)
      case .comma: continue
      default: throw Invalid(description: "found '\(after.text)', expected: ',' or ')'")
      }
    }
  }

  private func checked(_ values: [String], _ key: String) throws(LabelSelector.Invalid) -> [String] {
    for (i, v) in Set(values).sorted().enumerated() {
      let wrong = Names.labelValue(v)
      if !wrong.isEmpty { throw Invalid(description: "values[\(i)][\(key)]: Invalid value: \"\(v)\": \(wrong.joined(separator: "; "))") }
    }
    return values
  }
}
