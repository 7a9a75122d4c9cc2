// SPDX-License-Identifier: Apache-2.0
//
// JSON text into a Value: what podd and podctl store and exchange. Strict RFC 8259; for manifests, which people write, YAMLReader keeps positions.

public enum JSON {
  /// Where and why text is no JSON.
  public struct Malformed: Error, Equatable, CustomStringConvertible {
    /// Byte offset.
    public var offset: Int
    public var reason: String
    public var description: String { "invalid JSON at byte \(offset): \(reason)" }
  }

  public static func parse(_ bytes: [UInt8]) throws(Malformed) -> Value {
    try bytes.withUnsafeBufferPointer { (buffer) throws(Malformed) -> Value in
      var p = Parser(bytes: buffer)
      let v = try p.value(depth: 0)
      p.space()
      if p.at < buffer.count { throw p.bad("more after the end") }
      return v
    }
  }

  public static func parse(_ text: String) throws(Malformed) -> Value { try parse(Array(text.utf8)) }

  private struct Parser {
    let bytes: UnsafeBufferPointer<UInt8>
    var at = 0

    func text(_ range: Range<Int>) -> String { String(decoding: UnsafeBufferPointer(rebasing: bytes[range]), as: UTF8.self) }

    func bad(_ why: String) -> Malformed { Malformed(offset: at, reason: why) }

    mutating func space() {
      while at < bytes.count, bytes[at] == 32 || bytes[at] == 10 || bytes[at] == 13 || bytes[at] == 9 { at += 1 }
    }

    mutating func value(depth: Int) throws(Malformed) -> Value {
      if depth > 200 { throw bad("nested too deeply") }
      space()
      guard at < bytes.count else { throw bad("unexpected end") }
      switch bytes[at] {
      case UInt8(ascii: "{"): return try object(depth)
      case UInt8(ascii: "["): return try array(depth)
      case UInt8(ascii: "\""): return .string(try string())
      case UInt8(ascii: "t"): return try word("true", .bool(true))
      case UInt8(ascii: "f"): return try word("false", .bool(false))
      case UInt8(ascii: "n"): return try word("null", .null)
      default: return try number()
      }
    }

    mutating func word(_ w: StaticString, _ v: Value) throws(Malformed) -> Value {
      let n = w.utf8CodeUnitCount
      guard at + n <= bytes.count, (0..<n).allSatisfy({ bytes[at + $0] == w.utf8Start[$0] }) else { throw bad("unexpected character") }
      at += n
      return v
    }

    /// What most numbers are: an integer that cannot overflow. nil: not so plain.
    mutating func plainInteger() -> Int64? {
      let isNegative = bytes[at] == 45
      let start = isNegative ? at + 1 : at
      var i = start
      var n: Int64 = 0
      while i < bytes.count, (48...57).contains(bytes[i]), i - start < 18 {
        n = n * 10 + Int64(bytes[i] - 48)
        i += 1
      }
      guard i > start, i - start == 1 || bytes[start] != 48 else { return nil }
      if i < bytes.count {
        switch bytes[i] {
        case 48...57, UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): return nil
        default: break
        }
      }
      at = i
      return isNegative ? -n : n
    }

    mutating func number() throws(Malformed) -> Value {
      if let n = plainInteger() { return .int(n) }
      let start = at
      var whole = true
      while at < bytes.count {
        let c = bytes[at]
        if (48...57).contains(c) || c == 45 || c == 43 {
        } else if c == 46 || c == 101 || c == 69 {
          whole = false
        } else {
          break
        }
        at += 1
      }
      let text = text(start..<at)
      // RFC 8259: no leading zeros, a digit on both sides of the point, no plus in front.
      let digits = text.utf8.drop { $0 == 45 }
      let isPlain = digits.first == 48 && digits.dropFirst().first.map { (48...57).contains($0) } == true
      if isPlain || text.utf8.first == 43 || text.utf8.last == 46 || text.contains(".e") || text.contains(".E") {
        at = start
        throw bad("not a number: \(text)")
      }
      if whole, let i = Int64(text) { return .int(i) }
      if let d = Double(text), d.isFinite, let f = text.utf8.first, f == 45 || (48...57).contains(f) { return .double(d) }
      at = start
      throw bad("unexpected character")
    }

    mutating func array(_ depth: Int) throws(Malformed) -> Value {
      at += 1
      var list: [Value] = []
      space()
      if at < bytes.count, bytes[at] == UInt8(ascii: "]") {
        at += 1
        return .array([])
      }
      while true {
        list.append(try value(depth: depth + 1))
        space()
        guard at < bytes.count else { throw bad("unexpected end") }
        let c = bytes[at]
        at += 1
        if c == UInt8(ascii: "]") { return .array(list) }
        if c != UInt8(ascii: ",") { throw bad("expected , or ]") }
      }
    }

    mutating func object(_ depth: Int) throws(Malformed) -> Value {
      at += 1
      var pairs: [Value.Members.Entry] = []
      space()
      if at < bytes.count, bytes[at] == UInt8(ascii: "}") {
        at += 1
        return .object(Value.Members())
      }
      while true {
        space()
        guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else { throw bad("expected a key") }
        let key = try string()
        space()
        guard at < bytes.count, bytes[at] == UInt8(ascii: ":") else { throw bad("expected :") }
        at += 1
        pairs.append(.init(key: key, value: try value(depth: depth + 1)))
        space()
        guard at < bytes.count else { throw bad("unexpected end") }
        let c = bytes[at]
        at += 1
        if c == UInt8(ascii: "}") { return .object(Value.Members(entries: pairs)) }
        if c != UInt8(ascii: ",") { throw bad("expected , or }") }
      }
    }

    mutating func string() throws(Malformed) -> String {
      at += 1
      let start = at
      while at < bytes.count, bytes[at] != UInt8(ascii: "\""), bytes[at] != UInt8(ascii: "\\"), bytes[at] >= 32 { at += 1 }
      guard at < bytes.count else { throw bad("unexpected end of a string") }
      if bytes[at] == UInt8(ascii: "\"") {
        defer { at += 1 }
        return text(start..<at)
      }
      var out = Array(bytes[start..<at])
      while true {
        guard at < bytes.count else { throw bad("unexpected end of a string") }
        let c = bytes[at]
        at += 1
        switch c {
        case UInt8(ascii: "\""): return String(decoding: out, as: UTF8.self)
        case UInt8(ascii: "\\"): try escape(into: &out)
        case 0..<32:
          at -= 1
          throw bad("a control character in a string")
        default: out.append(c)
        }
      }
    }

    mutating func escape(into out: inout [UInt8]) throws(Malformed) {
      guard at < bytes.count else { throw bad("unexpected end of a string") }
      let c = bytes[at]
      at += 1
      switch c {
      case UInt8(ascii: "n"): out.append(10)
      case UInt8(ascii: "t"): out.append(9)
      case UInt8(ascii: "r"): out.append(13)
      case UInt8(ascii: "b"): out.append(8)
      case UInt8(ascii: "f"): out.append(12)
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(c)
      case UInt8(ascii: "u"):
        var code = try hex()
        if (0xD800..<0xDC00).contains(code), at + 1 < bytes.count, bytes[at] == UInt8(ascii: "\\"), bytes[at + 1] == UInt8(ascii: "u") {
          at += 2
          let low = try hex()
          code = (0xDC00..<0xE000).contains(low) ? 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00) : 0xFFFD
        }
        out.append(contentsOf: String(Unicode.Scalar(code) ?? "\u{FFFD}").utf8)
      default: throw bad("unknown escape")
      }
    }

    mutating func hex() throws(Malformed) -> UInt32 {
      guard at + 4 <= bytes.count, let n = UInt32(text(at..<at + 4), radix: 16) else { throw bad("expected four hex digits") }
      at += 4
      return n
    }
  }
}

extension Value.Members {
  /// From entries as they came; of a key that stands twice the last counts.
  init(entries list: [Entry]) {
    self.init()
    if Self.areUnique(list) {
      adopt(list)
    } else {
      for e in list { self[e.key] = e.value }
    }
  }

  /// Few keys are compared with each other: a set of them takes longer to be made.
  private static func areUnique(_ list: [Entry]) -> Bool {
    if list.count > 16 { return Set(list.map(\.key)).count == list.count }
    for i in list.indices { for j in 0..<i where list[i].key == list[j].key { return false } }
    return true
  }
}
