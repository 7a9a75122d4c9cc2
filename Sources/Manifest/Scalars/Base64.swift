// SPDX-License-Identifier: Apache-2.0
//
// Base64 (RFC 4648), with padding; blanks and line ends are passed over, as Go's decoder does.

public enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  public static func encode(_ bytes: [UInt8]) -> String {
    var out: [UInt8] = []
    out.reserveCapacity((bytes.count + 2) / 3 * 4)
    var i = 0
    while i < bytes.count {
      let a = bytes[i]
      let b = i + 1 < bytes.count ? bytes[i + 1] : 0
      let c = i + 2 < bytes.count ? bytes[i + 2] : 0
      out.append(alphabet[Int(a >> 2)])
      out.append(alphabet[Int((a & 3) << 4 | b >> 4)])
      out.append(i + 1 < bytes.count ? alphabet[Int((b & 15) << 2 | c >> 6)] : 61)
      out.append(i + 2 < bytes.count ? alphabet[Int(c & 63)] : 61)
      i += 3
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// base64url without padding (RFC 7515).
  public static func url(_ bytes: [UInt8]) -> String {
    String(decoding: encode(bytes).utf8.compactMap { c -> UInt8? in c == 61 ? nil : c == 43 ? 45 : c == 47 ? 95 : c }, as: UTF8.self)
  }

  /// nil where it is no base64.
  public static func decode(_ text: String) -> [UInt8]? {
    var out: [UInt8] = []
    var word: UInt32 = 0
    var count = 0
    var padding = 0
    for c in text.utf8 {
      if c == 10 || c == 13 { continue }
      let v: UInt32
      switch c {
      case 65...90: v = UInt32(c - 65)
      case 97...122: v = UInt32(c - 71)
      case 48...57: v = UInt32(c + 4)
      case 43: v = 62
      case 47: v = 63
      case 61:
        padding += 1
        v = 0
      default: return nil
      }
      if padding > 0 && c != 61 { return nil }
      word = word << 6 | v
      count += 1
      if count == 4 {
        if padding > 2 { return nil }
        out.append(UInt8(word >> 16 & 255))
        if padding < 2 { out.append(UInt8(word >> 8 & 255)) }
        if padding < 1 { out.append(UInt8(word & 255)) }
        (word, count) = (0, 0)
      }
    }
    return count == 0 ? out : nil
  }
}
