// SPDX-License-Identifier: Apache-2.0
//
// The lessons are Markdown; a terminal has cells. This turns the few forms that lessons use (headings, paragraphs, lists,
// code, tables, bold, `code`) into lines of a given width, in both languages.
import Grading

public enum Markdown {
  /// The text as lines of at most `columns` cells.
  public static func lines(_ text: String, columns: Int) -> [Line] {
    var out: [Line] = [], paragraph: [Substring] = [], mark = "", fenced = false
    // A list item is a paragraph that hangs on its mark.
    func flush() {
      guard !paragraph.isEmpty else { return }
      let inner = wrapped(join(paragraph), columns: columns - mark.utf8.count)
      for (i, line) in inner.enumerated() {
        let head = i == 0 ? mark : String(repeating: " ", count: mark.utf8.count)
        out.append(head.isEmpty ? line : [Span(head)] + line)
      }
      (paragraph, mark) = ([], "")
    }
    func blank() { if let last = out.last, !last.isEmpty { out.append([]) } }
    for raw in text.split(separator: "\n", omittingEmptySubsequences: false) {
      let indent = raw.prefix { $0 == " " }.count
      let body = raw.dropFirst(indent)
      if body.hasPrefix("```") {
        flush()
        fenced.toggle()
      } else if fenced || (indent >= 4 && paragraph.isEmpty && mark.isEmpty) {
        out.append([Span(Cells.truncated("  " + (fenced ? String(raw) : String(raw.dropFirst(4))), to: columns), .code)])
      } else if body.isEmpty {
        flush()
        blank()
      } else if body.hasPrefix("#") {
        flush()
        blank()
        out.append([Span(Cells.truncated(String(body.drop { $0 == "#" }.drop { $0 == " " }), to: columns), .title)])
      } else if body.hasPrefix("|") {
        flush()
        if !body.contains("---") { out.append([Span(Cells.truncated(String(body), to: columns))]) }
      } else if let item = listItem(body) {
        flush()
        mark = String(repeating: " ", count: indent) + item.mark + " "
        paragraph = [item.rest]
      } else {
        paragraph.append(body)
      }
    }
    flush()
    while let last = out.last, last.isEmpty { out.removeLast() }
    return out
  }

  private static func listItem(_ body: Substring) -> (mark: String, rest: Substring)? {
    if body.hasPrefix("- ") || body.hasPrefix("* ") { return ("-", body.dropFirst(2)) }
    let digits = body.prefix { $0.isNumber && $0.isASCII }
    guard !digits.isEmpty, body.dropFirst(digits.count).hasPrefix(". ") else { return nil }
    return (digits + ".", body.dropFirst(digits.count + 2))
  }

  /// Source lines of one paragraph: joined by a space, but not between two ideographs.
  private static func join(_ lines: [Substring]) -> String {
    lines.reduce(into: "") { text, line in
      if let last = text.last, let first = line.first {
        text += Cells.width(last) == 2 && Cells.width(first) == 2 ? "" : " "
      }
      text += line
    }
  }

  /// Wraps a paragraph, then gives bold and code their styles, also where they cross a line's end.
  static func wrapped(_ text: String, columns: Int) -> [Line] {
    // Markers take no cells: they are replaced by private characters of width nought while wrapping.
    let marked = mark(text)
    var style = Style.plain
    return Cells.wrapped(marked, to: columns).map { line in
      var spans: Line = [], part = ""
      func flush() { if !part.isEmpty { spans.append(Span(part, style)); part = "" } }
      for character in line {
        switch character {
        case bold: flush(); style = style == .title ? .plain : .title
        case code: flush(); style = style == .code ? .plain : .code
        default: part.append(character)
        }
      }
      flush()
      return spans
    }
  }

  // Format characters (general category Cf): no cells, and in no lesson.
  private static let bold: Character = "\u{2063}", code: Character = "\u{2064}"

  private static func mark(_ text: String) -> String {
    var out = "", rest = Substring(text), inCode = false
    while let c = rest.first {
      if c == "`" {
        inCode.toggle()
        out.append(code)
        rest = rest.dropFirst()
      } else if !inCode, rest.hasPrefix("**") {
        out.append(bold)
        rest = rest.dropFirst(2)
      } else if !inCode, c == "[", let close = rest.firstIndex(of: "]"), rest[rest.index(after: close)...].hasPrefix("("),
        let end = rest[close...].firstIndex(of: ")")
      {
        // A link shows its text; the address is of no use in a terminal.
        out += rest[rest.index(after: rest.startIndex)..<close]
        rest = rest[rest.index(after: end)...]
      } else {
        out.append(c)
        rest = rest.dropFirst()
      }
    }
    return out
  }
}
