// SPDX-License-Identifier: Apache-2.0
//
// A Value as JSON text: on one line, or indented by four as kubectl prints.

extension JSON {
  /// One line, no blanks.
  public static func compact(_ v: Value) -> String {
    var out: [UInt8] = []
    write(v, &out)
    return String(decoding: out, as: UTF8.self)
  }

  public static func compactBytes(_ v: Value) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(1024)
    write(v, &out)
    return out
  }

  /// As kubectl -o json, without the last newline.
  public static func pretty(_ v: Value) -> String {
    var out: [UInt8] = []
    write(v, &out, indent: 0)
    return String(decoding: out, as: UTF8.self)
  }

  private static func write(_ v: Value, _ out: inout [UInt8], indent: Int? = nil) {
    switch v {
    case .null: out += "null".utf8
    case .bool(let b): out += (b ? "true" : "false").utf8
    case .int(let i): out += "\(i)".utf8
    case .double(let d): out += number(d).utf8
    case .string(let s): string(s, &out)
    case .array(let list):
      if list.isEmpty { out += "[]".utf8; return }
      out.append(UInt8(ascii: "["))
      for (i, e) in list.enumerated() {
        if i > 0 { out.append(UInt8(ascii: ",")) }
        newline(indent.map { $0 + 1 }, &out)
        write(e, &out, indent: indent.map { $0 + 1 })
      }
      newline(indent, &out)
      out.append(UInt8(ascii: "]"))
    case .object(let m):
      if m.isEmpty { out += "{}".utf8; return }
      out.append(UInt8(ascii: "{"))
      for (i, e) in m.entries.enumerated() {
        if i > 0 { out.append(UInt8(ascii: ",")) }
        newline(indent.map { $0 + 1 }, &out)
        string(e.key, &out)
        out.append(UInt8(ascii: ":"))
        if indent != nil { out.append(32) }
        write(e.value, &out, indent: indent.map { $0 + 1 })
      }
      newline(indent, &out)
      out.append(UInt8(ascii: "}"))
    }
  }

  private static func newline(_ indent: Int?, _ out: inout [UInt8]) {
    guard let indent else { return }
    out.append(10)
    for _ in 0..<indent * 4 { out.append(32) }
  }

  static func number(_ d: Double) -> String {
    if d == d.rounded(), abs(d) < 1e15 { return "\(Int64(d))" }
    return d.isFinite ? "\(d)" : "null"
  }

  private static func string(_ s: String, _ out: inout [UInt8]) {
    out.append(UInt8(ascii: "\""))
    if s.utf8.allSatisfy({ $0 >= 32 && $0 != 127 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
      out += s.utf8
      out.append(UInt8(ascii: "\""))
      return
    }
    for b in s.utf8 {
      switch b {
      case UInt8(ascii: "\""): out += "\\\"".utf8
      case UInt8(ascii: "\\"): out += "\\\\".utf8
      case 10: out += "\\n".utf8
      case 13: out += "\\r".utf8
      case 9: out += "\\t".utf8
      case 0..<32, 127:
        let digits = Array("0123456789abcdef".utf8)
        out += "\\u00".utf8
        out.append(digits[Int(b >> 4)])
        out.append(digits[Int(b & 15)])
      default: out.append(b)
      }
    }
    out.append(UInt8(ascii: "\""))
  }
}
