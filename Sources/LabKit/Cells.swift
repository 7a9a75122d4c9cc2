// SPDX-License-Identifier: Apache-2.0
//
// How many columns a text takes on a terminal. An ideograph takes two, a combining mark none; columns line up only if
// they are padded by cells, not by characters.
import Control

public enum Cells {
  public static func width(_ character: Character) -> Int { character.unicodeScalars.first.map(CellWidth.of) ?? 0 }
  public static func width(_ text: some StringProtocol) -> Int { CellWidth.of(text) }

  /// The text with spaces up to `columns`; longer texts stay as they are.
  public static func padded(_ text: String, to columns: Int) -> String {
    text + String(repeating: " ", count: max(0, columns - width(text)))
  }

  /// The longest start of the text that fits; an ellipsis takes the place of what was cut.
  public static func truncated(_ text: String, to columns: Int) -> String {
    guard width(text) > columns else { return text }
    var out = "", used = 0
    for character in text {
      let cells = width(character)
      if used + cells > columns - 1 { break }
      out.append(character)
      used += cells
    }
    return out + "…"
  }

  /// Breaks a paragraph into lines of at most `columns`: between words, and beside any ideograph. Punctuation that may
  /// not begin a line stays with what it follows.
  public static func wrapped(_ text: String, to columns: Int) -> [String] {
    guard columns > 2 else { return [text] }
    var lines: [String] = [], line = "", used = 0
    for piece in pieces(text) {
      let cells = width(piece)
      if piece == " " {
        if !line.isEmpty { line += " "; used += 1 }
        continue
      }
      if used + cells > columns, !line.isEmpty {
        lines.append(trimmed(line))
        (line, used) = ("", 0)
      }
      // A word longer than a line is cut.
      var rest = Substring(piece)
      while used + width(rest) > columns {
        var part = "", taken = 0
        while let c = rest.first, taken + width(c) <= columns { part.append(c); taken += width(c); rest.removeFirst() }
        lines.append(part)
      }
      line += rest
      used += width(rest)
    }
    if !line.isEmpty { lines.append(trimmed(line)) }
    return lines.isEmpty ? [""] : lines
  }

  /// A line whose spaces mean something, cut between words where it is wider than `columns`; what goes on below is indented by `indent` cells.
  public static func folded(_ line: String, to columns: Int, indent: Int) -> [String] {
    guard width(line) > columns, columns > indent + 2 else { return [line] }
    var end = line.startIndex, cut: String.Index?, used = 0
    while end < line.endIndex, used + width(line[end]) <= columns {
      if line[end] == " ", line[line.startIndex..<end].contains(where: { $0 != " " }) { cut = end }
      used += width(line[end])
      end = line.index(after: end)
    }
    if line[end] == " " { cut = end }
    let at = cut ?? end
    let margin = String(repeating: " ", count: indent)
    return [trimmed(String(line[..<at]))] + wrapped(String(line[at...]), to: columns - indent).map { margin + $0 }
  }

  private static func trimmed(_ line: String) -> String {
    var kept = Substring(line)
    while kept.last == " " { kept.removeLast() }
    return String(kept)
  }

  /// Words, single spaces, and single ideographs with the punctuation that belongs to them.
  private static func pieces(_ text: String) -> [String] {
    var out: [String] = [], word = "", open = ""
    func flush() {
      if !word.isEmpty { out.append(open + word); word = ""; open = "" }
    }
    for character in text {
      if character == " " || character == "\n" {
        flush()
        if !open.isEmpty { out.append(open); open = "" }
        if out.last != " " { out.append(" ") }
      } else if closing.contains(character) {
        if !word.isEmpty { word.append(character); if width(character) == 2 { flush() } }
        else if let last = out.last, last != " " { out[out.count - 1] = last + String(character) }
        else { out.append(String(character)) }
      } else if opening.contains(character) {
        flush()
        open.append(character)
      } else if width(character) == 2 {
        flush()
        out.append(open + String(character))
        open = ""
      } else {
        word.append(character)
      }
    }
    flush()
    if !open.isEmpty { out.append(open) }
    return out
  }

  private static let closing = Set<Character>("，。、；：？！）】》」』”’…,.;:?!)]}")
  private static let opening = Set<Character>("（【《「『“‘")
}
