// SPDX-License-Identifier: Apache-2.0
//
// Pictures made of characters: boxes in boxes, tables whose columns are compared, trees, two texts with their difference marked. Pure: lines in, lines
// out. They are drawn with box characters; `ascii` replaces each by one of ASCII, so that nothing shifts. What is to stand out is put between two
// control characters, which the one who prints turns into colour or leaves out: no picture needs colour to be understood.

public enum Picture {
  /// Begins and ends what stands out.
  static let (strong, plain): (Character, Character) = ("\u{1}", "\u{2}")
  public static func emphasised(_ text: String) -> String { "\(strong)\(text)\(plain)" }

  // MARK: boxes

  /// A frame around lines, as wide as they need, with a title in its upper edge.
  ///
  ///     ┌─ infra ──────────┐
  ///     │ pause   pid 4711 │
  ///     └──────────────────┘
  public static func box(_ title: String, _ lines: [String]) -> [String] {
    let width = max(lines.map(Cells.width).max() ?? 0, title.isEmpty ? 0 : Cells.width(title) + 2)
    let head = title.isEmpty ? "" : "─ \(title) "
    let rule = { (n: Int) in String(repeating: "─", count: max(0, n)) }
    return ["┌" + head + rule(width + 2 - Cells.width(head)) + "┐"] + lines.map { "│ " + Cells.padded($0, to: width) + " │" } + ["└" + rule(width + 2) + "┘"]
  }

  /// Blocks side by side, the shorter ones filled up below.
  public static func beside(_ blocks: [[String]], gap: Int = 1) -> [String] {
    let widths = blocks.map { $0.map(Cells.width).max() ?? 0 }
    let space = String(repeating: " ", count: gap)
    return (0..<(blocks.map(\.count).max() ?? 0)).map { row in
      zip(blocks, widths).map { block, width in Cells.padded(row < block.count ? block[row] : "", to: width) }.joined(separator: space)
    }
  }

  // MARK: tables

  /// Columns under their heads, padded by cells. compared: a last line says for each column after the first whether all rows agree.
  public static func table(_ heads: [String], _ rows: [[String]], compared: Language? = nil) -> [String] {
    var all = [heads] + rows
    if let language = compared {
      let (same, other) = language == .en ? ("same", "differ") : ("相同", "不同")
      all.append([""] + heads.indices.dropFirst().map { column in
        let values = Set(rows.map { column < $0.count ? $0[column] : "" })
        return values.count == 1 ? "= \(same)" : emphasised("≠ \(other)")
      })
    }
    let widths = heads.indices.map { column in all.map { column < $0.count ? Cells.width($0[column]) : 0 }.max() ?? 0 }
    return all.map { row in
      var line = ""
      for (column, cell) in row.enumerated() { line += column + 1 < row.count ? Cells.padded(cell, to: widths[column] + 2) : cell }
      return line.trimmedRight
    }
  }

  // MARK: trees

  /// Lines with their depth, joined by branches.
  ///
  ///     /
  ///     ├─ proc
  ///     └─ logs      one file system …
  public static func tree(_ nodes: [(depth: Int, text: String)]) -> [String] {
    nodes.enumerated().map { i, node in
      guard node.depth > 0 else { return node.text }
      var line = ""
      for depth in 1...node.depth {
        // Whether another node of this depth follows below the same parent.
        let goesOn = nodes[(i + 1)...].first { $0.depth <= depth }.map { $0.depth == depth } ?? false
        if depth == node.depth { line += goesOn ? "├─ " : "└─ " } else { line += goesOn ? "│  " : "   " }
      }
      return line + node.text
    }
  }

  // MARK: two texts

  /// Two lines, and below them a mark under each place where they are not the same.
  public static func difference(_ a: (name: String, text: String), _ b: (name: String, text: String)) -> [String] {
    let name = max(Cells.width(a.name), Cells.width(b.name)) + 2
    let (x, y) = (Array(a.text), Array(b.text))
    var start = 0
    while start < min(x.count, y.count), x[start] == y[start] { start += 1 }
    var end = 0
    while end < min(x.count, y.count) - start, x[x.count - 1 - end] == y[y.count - 1 - end] { end += 1 }
    let lines = [Cells.padded(a.name, to: name) + a.text, Cells.padded(b.name, to: name) + b.text]
    let changed = max(Cells.width(String(x[start..<x.count - end])), Cells.width(String(y[start..<y.count - end])))
    guard changed > 0 else { return lines }
    let before = name + Cells.width(String(x[..<start]))
    return lines + [String(repeating: " ", count: before) + emphasised(String(repeating: "^", count: changed))]
  }

  // MARK: what a terminal can show

  private static let replaced: [Character: Character] = [
    "─": "-", "│": "|", "┌": "+", "┐": "+", "└": "+", "┘": "+", "├": "+", "┤": "+", "┬": "+", "┴": "+", "┼": "+", "═": "=", "▶": ">", "◀": "<", "▲": "^",
    "▼": "v", "●": "o", "■": "]", "○": ".", "✗": "x", "█": "#", "▓": "#", "░": ".", "·": ".", "≠": "!", "→": ">", "←": "<", "↑": "^", "↓": "v", "…": "~", "×": "x",
  ]

  /// The line for a terminal that knows only ASCII; what is not of a picture (an ideograph) stays. "≠ " becomes "!=", which is as wide.
  public static func ascii(_ line: String) -> String {
    var ascii = "", last: Character = " "
    for c in line {
      ascii.append(c == " " && last == "≠" ? "=" : replaced[c] ?? c)
      last = c
    }
    return ascii
  }

  /// The line with what stands out in bold, or without any mark.
  public static func styled(_ line: String, colour: Bool) -> String {
    line.map { $0 == strong ? (colour ? "\u{1B}[1;33m" : "") : $0 == plain ? (colour ? "\u{1B}[0m" : "") : String($0) }.joined()
  }
}

extension String {
  var trimmedRight: String {
    var rest = Substring(self)
    while rest.last == " " { rest.removeLast() }
    return String(rest)
  }

  /// Without spaces and newlines at either end.
  public var trimmed: String {
    var rest = Substring(self)
    while let c = rest.last, c.isWhitespace { rest.removeLast() }
    return String(rest.drop { $0.isWhitespace })
  }

  /// At most so many columns; an ellipsis stands for what was cut.
  public func shortened(_ columns: Int) -> String { Cells.truncated(self, to: columns) }

  /// With spaces up to so many columns.
  public func padded(_ columns: Int) -> String { Cells.padded(self, to: columns) }
}
