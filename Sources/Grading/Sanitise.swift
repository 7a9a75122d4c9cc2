// SPDX-License-Identifier: Apache-2.0
//
// Text that came out of a submission is shown, never obeyed: control characters, bidirectional overrides and invalid
// bytes become visible, and what is too long is cut with a count, around the place that matters.

public enum Sanitise {
  /// Bytes kept of the head and of the tail of one check's log.
  public static let headBytes = 4096, tailBytes = 4096

  /// UTF-8 with every C0, C1, DEL, bidirectional control and invalid byte spelled out; newlines stay where `lines` is true.
  public static func visible(_ bytes: some Collection<UInt8>, lines: Bool = true) -> String {
    var out = ""
    var rest = Array(bytes)[...]
    while let first = rest.first {
      if let (scalar, length) = decode(rest) {
        out += spelled(scalar, lines: lines)
        rest = rest.dropFirst(length)
      } else {
        out += hex(UInt32(first))
        rest = rest.dropFirst()
      }
    }
    return markTrailing(out)
  }

  public static func visible(_ text: String, lines: Bool = true) -> String { visible(text.utf8, lines: lines) }

  /// One line: what is visible, without newlines, shortened in the middle of nothing: the start is kept.
  public static func line(_ text: String, limit: Int = 160) -> String {
    let shown = visible(text, lines: false)
    guard shown.count > limit else { return shown }
    return String(shown.prefix(limit - 1)) + "…"
  }

  /// Head and tail of a long text, and how many bytes lie between them.
  public static func capped(_ bytes: [UInt8], head: Int = headBytes, tail: Int = tailBytes) -> (text: String, truncatedBytes: Int) {
    guard bytes.count > head + tail else { return (visible(bytes), 0) }
    let cut = bytes.count - head - tail
    return (visible(bytes.prefix(head)) + "\n… \(cut) bytes …\n" + visible(bytes.suffix(tail)), cut)
  }

  /// Two texts that differ, each cut to the surroundings of their first difference: never to one common prefix.
  public static func difference(_ a: String, _ b: String, context: Int = 24, limit: Int = 72) -> (String, String) {
    let left = Array(visible(a, lines: false)), right = Array(visible(b, lines: false))
    var at = 0
    while at < left.count, at < right.count, left[at] == right[at] { at += 1 }
    func cut(_ text: [Character]) -> String {
      let from = text.count <= limit ? 0 : max(0, min(at - context, text.count))
      let to = min(text.count, from + limit)
      return (from > 0 ? "…" : "") + String(text[from..<to]) + (to < text.count ? "…" : "")
    }
    return (cut(left), cut(right))
  }

  private static func spelled(_ scalar: Unicode.Scalar, lines: Bool) -> String {
    switch scalar.value {
    case 0x0A: lines ? "\n" : "\\n"
    case 0x09: lines ? "\t" : "\\t"
    case 0x0D: "\\r"
    case 0...0x1F, 0x7F...0x9F: hex(scalar.value)
    // Bidirectional controls, invisible marks and the byte order mark.
    case 0x061C, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x2069, 0xFEFF, 0xFFFE, 0xFFFF: "<U+" + padded(scalar.value, 4) + ">"
    default: String(Character(scalar))
    }
  }

  /// Spaces at the end of a line would not be seen.
  private static func markTrailing(_ text: String) -> String {
    guard text.contains(" \n") || text.hasSuffix(" ") else { return text }
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      var kept = line, count = 0
      while kept.last == " " { kept.removeLast(); count += 1 }
      return String(kept) + String(repeating: "·", count: count)
    }.joined(separator: "\n")
  }

  private static func hex(_ value: UInt32) -> String { "\\x" + padded(value, 2).lowercased() }
  private static func padded(_ value: UInt32, _ width: Int) -> String {
    let digits = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  /// The first scalar of well-formed UTF-8 (Unicode Standard, table 3-7), nil where it is not.
  private static func decode(_ bytes: ArraySlice<UInt8>) -> (Unicode.Scalar, Int)? {
    guard let first = bytes.first else { return nil }
    let length: Int
    switch first {
    case 0..<0x80: return (Unicode.Scalar(first), 1)
    case 0xC2...0xDF: length = 2
    case 0xE0...0xEF: length = 3
    case 0xF0...0xF4: length = 4
    default: return nil
    }
    guard bytes.count >= length else { return nil }
    var value = UInt32(first) & (0xFF >> UInt32(length + 1))
    for byte in bytes.dropFirst().prefix(length - 1) {
      guard byte & 0xC0 == 0x80 else { return nil }
      value = value << 6 | UInt32(byte & 0x3F)
    }
    let least: [UInt32] = [0, 0, 0x80, 0x800, 0x1_0000]
    guard value >= least[length], let scalar = Unicode.Scalar(value) else { return nil }
    return (scalar, length)
  }
}
