// SPDX-License-Identifier: Apache-2.0
//
// One fact against one expectation, in words of both languages. Pure: what was read comes in, a verdict goes out. The words
// hold nothing that differs from run to run (ids, inodes, addresses, times): those are evidence.
import Manifest

/// What the observer found when it looked.
public struct Reading: Sendable, Equatable {
  /// nil: it is not there; `absence` says what is missing.
  public var value: Value?
  public var absence: Text?
  /// Members whose values differ from run to run: compared, but never shown in expected or found.
  public var masked: Set<String>
  public var evidence: [Clue]
  public init(_ value: Value?, absence: Text? = nil, masked: Set<String> = [], evidence: [Clue] = []) {
    (self.value, self.absence, self.masked, self.evidence) = (value, absence, masked, evidence)
  }
}

/// One thing the observer saw, with all its numbers.
public struct Clue: Sendable, Equatable {
  public var what: String
  public var value: String
  public init(_ what: String, _ value: String) { (self.what, self.value) = (what, value) }
}

public struct Verdict: Sendable, Equatable {
  public var holds: Bool
  public var expected: Text
  public var found: Text
}

public enum Matcher {
  /// `other` is the reading of the expectation's own fact, where it has one (equals, differs).
  public static func judge(_ expect: Expectation, _ reading: Reading, other: Reading? = nil) -> Verdict {
    switch expect {
    case .equals(let operand): return compare(reading, operandReading(operand, other), wantEqual: true)
    case .differs(let operand): return compare(reading, operandReading(operand, other), wantEqual: false)
    case .oneOf(let choices):
      let list = choices.map(show).joined(separator: ", ")
      let holds = reading.value.map(choices.contains) ?? false
      return Verdict(holds: holds, expected: Text(en: "one of \(list)", zh: "以下之一：\(list)"), found: found(reading))
    case .atLeast(let least):
      return Verdict(
        holds: (reading.value?.int).map { $0 >= least } ?? false, expected: Text(en: "at least \(least)", zh: "至少 \(least)"),
        found: found(reading))
    case .atMost(let most):
      return Verdict(
        holds: (reading.value?.int).map { $0 <= most } ?? false, expected: Text(en: "at most \(most)", zh: "至多 \(most)"),
        found: found(reading))
    case .contains(let part): return contains(part, reading)
    case .before(let names): return before(names, reading)
    case .absent:
      return Verdict(holds: reading.value == nil, expected: Text(en: "nothing", zh: "没有"), found: found(reading))
    case .eachOnce(let count, let text): return LineCount(reading.value, count: count, text: text).verdict(absence: reading.absence)
    }
  }

  private static func operandReading(_ operand: Operand, _ other: Reading?) -> Reading {
    switch operand {
    case .value(let v): Reading(v)
    case .fact: other ?? Reading(nil)
    }
  }

  private static func compare(_ here: Reading, _ there: Reading, wantEqual: Bool) -> Verdict {
    let masked = here.masked.union(there.masked)
    guard let a = here.value, let b = there.value else {
      // Nothing is never equal to anything: a fact that could not be read proves nothing.
      let expected = there.value.map { expectedWords($0, masked, wantEqual) } ?? found(there)
      return Verdict(holds: false, expected: expected, found: found(here))
    }
    let equal = a == b
    let names = maskedNames(a, masked)
    if !names.isEmpty, let both = Text.masked(names) {
      let same = Text(en: "the same \(both.en)", zh: "相同的\(both.zh)")
      let different = Text(en: "a different \(both.en)", zh: "不同的\(both.zh)")
      return Verdict(holds: equal == wantEqual, expected: wantEqual ? same : different, found: equal ? same : different)
    }
    if equal {
      let shown = Text.data(Sanitise.line(show(a)))
      return Verdict(holds: wantEqual, expected: wantEqual ? shown : expectedWords(b, masked, false), found: shown)
    }
    let (left, right) = firstDifference(a, b, at: "")
    return Verdict(
      holds: !wantEqual, expected: wantEqual ? right : expectedWords(b, masked, false), found: left)
  }

  private static func expectedWords(_ value: Value, _ masked: Set<String>, _ wantEqual: Bool) -> Text {
    if let names = Text.masked(maskedNames(value, masked)) {
      return wantEqual ? Text(en: "the same \(names.en)", zh: "相同的\(names.zh)") : Text(en: "a different \(names.en)", zh: "不同的\(names.zh)")
    }
    let shown = Sanitise.line(show(value))
    return wantEqual ? Text.data(shown) : Text(en: "anything but \(shown)", zh: "不是 \(shown)")
  }

  private static func maskedNames(_ value: Value, _ masked: Set<String>) -> [String] {
    value.members?.keys.filter(masked.contains) ?? []
  }

  /// The first place where two values part, shown on both sides.
  static func firstDifference(_ a: Value, _ b: Value, at place: String) -> (Text, Text) {
    func label(_ shown: String) -> Text { .data(place.isEmpty ? shown : "\(place): \(shown)") }
    switch (a, b) {
    case (.object(let left), .object(let right)):
      for key in left.keys + right.keys.filter({ !left.keys.contains($0) }) where left[key] != right[key] {
        let inner = place.isEmpty ? key : "\(place).\(key)"
        guard let l = left[key], let r = right[key] else {
          let nothing = Text(en: "\(inner): nothing", zh: "\(inner)：没有")
          return (left[key].map { Text.data("\(inner): \(Sanitise.line(show($0)))") } ?? nothing, right[key].map { Text.data("\(inner): \(Sanitise.line(show($0)))") } ?? nothing)
        }
        return firstDifference(l, r, at: inner)
      }
    case (.array(let left), .array(let right)):
      for i in 0..<min(left.count, right.count) where left[i] != right[i] { return firstDifference(left[i], right[i], at: "\(place)[\(i)]") }
      return (
        Text(en: "\(place): \(left.count) items", zh: "\(place)：\(left.count) 项"), Text(en: "\(place): \(right.count) items", zh: "\(place)：\(right.count) 项")
      )
    case (.string(let left), .string(let right)):
      let (l, r) = Sanitise.difference(left, right)
      return (label(l), label(r))
    default: break
    }
    return (label(Sanitise.line(show(a))), label(Sanitise.line(show(b))))
  }

  private static func contains(_ part: String, _ reading: Reading) -> Verdict {
    let expected = Text.data(Sanitise.line(part))
    switch reading.value {
    case .string(let s):
      let (found, _) = Sanitise.difference(s, part)
      return Verdict(holds: s.contains(part), expected: expected, found: .data(s.contains(part) ? expected.en : found))
    case .array(let items):
      let holds = items.contains { $0.string?.contains(part) ?? false }
      let missing = items.isEmpty ? Text(en: "no line at all", zh: "一行也没有") : Text(en: "no such line", zh: "没有这一行")
      return Verdict(holds: holds, expected: expected, found: holds ? expected : missing)
    default: return Verdict(holds: false, expected: expected, found: found(reading))
    }
  }

  private static func before(_ names: [String], _ reading: Reading) -> Verdict {
    let expected = order(names)
    let seen = reading.value?.array?.compactMap(\.string) ?? []
    let missing = names.filter { !seen.contains($0) }
    guard missing.isEmpty else {
      let list = missing.joined(separator: ", ")
      return Verdict(holds: false, expected: expected, found: Text(en: "not seen: \(list)", zh: "没有看到：\(list)"))
    }
    let relevant = seen.filter(names.contains)
    return Verdict(holds: relevant == names, expected: expected, found: order(relevant))
  }

  private static func order(_ names: [String]) -> Text {
    Text(en: names.joined(separator: ", then "), zh: names.joined(separator: "，然后 "))
  }

  static func found(_ reading: Reading) -> Text {
    if let value = reading.value {
      if let names = Text.masked(maskedNames(value, reading.masked)) { return Text(en: "some \(names.en)", zh: "某个\(names.zh)") }
      return Text.data(Sanitise.line(show(value)))
    }
    return reading.absence ?? Text(en: "nothing", zh: "没有")
  }

  /// A value as a person would write it: texts bare, the rest as JSON.
  public static func show(_ value: Value) -> String {
    switch value {
    case .string(let s): s.isEmpty ? "\"\"" : s
    case .null: "nothing"
    case .bool(let b): b ? "true" : "false"
    case .int(let i): String(i)
    case .double(let d): String(d)
    case .array(let a): "[" + a.map(show).joined(separator: ", ") + "]"
    case .object(let m): "{" + m.entries.map { "\($0.key): \(show($0.value))" }.joined(separator: ", ") + "}"
    }
  }
}

extension Text {
  /// "device and inode": names of members whose values are not shown.
  static func masked(_ names: [String]) -> Text? {
    guard !names.isEmpty else { return nil }
    let chinese = ["device": "设备", "inode": "inode", "pid": "进程号", "started": "启动时刻"]
    return Text(
      en: names.map { $0 == "started" ? "start time" : $0 }.joined(separator: " and "),
      zh: names.map { chinese[$0] ?? $0 }.joined(separator: "和"))
  }
}
