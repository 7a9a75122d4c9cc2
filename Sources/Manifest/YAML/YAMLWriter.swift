// SPDX-License-Identifier: Apache-2.0
//
// A Value as YAML, as kubectl -o yaml prints: block style, sequences not indented, strings quoted where a reader would take them for something else.

public enum YAML {
  /// Ends with a newline.
  public static func write(_ v: Value) -> String {
    var out = ""
    switch v {
    case .object(let m) where !m.isEmpty: members(m, 0, &out)
    case .array(let a) where !a.isEmpty: sequence(a, 0, &out)
    default: out += scalar(v, 0) + "\n"
    }
    return out
  }

  private static func members(_ m: Value.Members, _ indent: Int, _ out: inout String, firstInline: Bool = false) {
    let pad = String(repeating: " ", count: indent)
    for (i, e) in m.entries.enumerated() {
      if !(i == 0 && firstInline) { out += pad }
      out += plainOrQuoted(e.key) + ":"
      switch e.value {
      case .object(let inner) where !inner.isEmpty:
        out += "\n"
        members(inner, indent + 2, &out)
      case .array(let list) where !list.isEmpty:
        out += "\n"
        sequence(list, indent, &out)
      default: out += " " + scalar(e.value, indent + 2) + "\n"
      }
    }
  }

  private static func sequence(_ list: [Value], _ indent: Int, _ out: inout String) {
    let pad = String(repeating: " ", count: indent)
    for v in list {
      out += pad + "- "
      switch v {
      case .object(let m) where !m.isEmpty: members(m, indent + 2, &out, firstInline: true)
      case .array(let a) where !a.isEmpty:
        // A sequence in a sequence: its first dash stands behind ours.
        var inner = ""
        sequence(a, indent + 2, &inner)
        out += inner.drop { $0 == " " }
      default: out += scalar(v, indent + 2) + "\n"
      }
    }
  }

  private static func scalar(_ v: Value, _ indent: Int) -> String {
    switch v {
    case .null: "null"
    case .bool(let b): b ? "true" : "false"
    case .int(let i): "\(i)"
    case .double(let d): JSON.number(d)
    case .string(let s): s.contains("\n") ? block(s, indent) : plainOrQuoted(s)
    case .array: "[]"
    case .object: "{}"
    }
  }

  /// A literal block, where one can hold the text exactly.
  private static func block(_ s: String, _ indent: Int) -> String {
    let clean = s.unicodeScalars.allSatisfy { $0 == "\n" || ($0.value >= 32 && $0.value < 127) || $0.value > 160 && $0.value < 0xD800 }
    let lines = s.split(separator: "\n", omittingEmptySubsequences: false)
    guard clean, !s.hasPrefix("\n"), !lines.contains(where: { $0.hasSuffix(" ") }) else { return quoted(s) }
    var body = lines
    var chomp = "-"
    if s.hasSuffix("\n") {
      body.removeLast()
      let trailing = body.reversed().prefix { $0.isEmpty }.count
      chomp = trailing > 0 ? "+" : ""
    }
    let pad = String(repeating: " ", count: indent)
    let mark = s.hasPrefix(" ") ? "2" : ""
    // With an explicit indicator the number counts from the parent's indentation, which is ours less two.
    return "|\(mark)\(chomp)\n" + body.map { $0.isEmpty ? "" : pad + $0 }.joined(separator: "\n")
  }

  static func plainOrQuoted(_ s: String) -> String {
    guard case .string = PlainScalar.value(s), !s.isEmpty else { return "\"\(s)\"" }
    if ["y", "Y", "n", "N", "=", "<<"].contains(s) || looksLikeDate(s) { return "\"\(s)\"" }
    let bad: Set<Character> = ["-", "?", ":", ",", "[", "]", "{", "}", "#", "&", "*", "!", "|", ">", "'", "\"", "%", "@", "`", " "]
    let first = s[s.startIndex]
    let soft = (first == "-" || first == "?" || first == ":") && s.count > 1 && s[s.index(after: s.startIndex)] != " "
    if bad.contains(first) && !soft || s.hasSuffix(" ") || s.hasSuffix(":") || s.contains(": ") || s.contains(" #")
      || s.hasPrefix("---") || s.hasPrefix("...") || s.unicodeScalars.contains(where: { $0.value < 32 || (127...160).contains($0.value) || $0.value == 0xFEFF })
    {
      return s.unicodeScalars.contains { $0.value < 32 || (127...160).contains($0.value) || $0.value == 0xFEFF } ? quoted(s) : singleQuoted(s)
    }
    return s
  }

  /// A date (2026-01-02, with or without a time) or a number of base 60 (1:30), to a reader of YAML 1.1.
  private static func looksLikeDate(_ s: String) -> Bool {
    let b = Array(s.utf8)
    func digits(_ range: Range<Int>) -> Bool { b.count >= range.upperBound && b[range].allSatisfy { (48...57).contains($0) } }
    if digits(0..<4), b.count >= 8, b[4] == 45 {
      let parts = s.split(separator: "-", maxSplits: 2, omittingEmptySubsequences: false)
      return parts.count == 3 && (1...2).contains(parts[1].count) && parts[2].utf8.first.map { (48...57).contains($0) } == true
    }
    let parts = s.drop { $0 == "-" || $0 == "+" }.split(separator: ":", omittingEmptySubsequences: false)
    return parts.count > 1
      && parts.enumerated().allSatisfy { i, p in
        !p.isEmpty && p.utf8.allSatisfy { (48...57).contains($0) || $0 == 95 && i == 0 || $0 == 46 && i == parts.count - 1 } && (i == 0 || p.prefix { $0 != "." }.count <= 2)
      }
  }

  private static func singleQuoted(_ s: String) -> String { "'" + s.reduce(into: "") { $0 += $1 == "'" ? "''" : String($1) } + "'" }

  private static func quoted(_ s: String) -> String {
    var out = "\""
    for u in s.unicodeScalars {
      switch u {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\t": out += "\\t"
      case "\r": out += "\\r"
      default:
        if u.value < 32 || (127...160).contains(u.value) {
          let hex = String(u.value, radix: 16)
          out += "\\x" + (hex.count < 2 ? "0" : "") + hex
        } else if u.value == 0xFEFF {
          out += "\\uFEFF"
        } else {
          out.unicodeScalars.append(u)
        }
      }
    }
    return out + "\""
  }
}
