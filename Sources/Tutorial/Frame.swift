// SPDX-License-Identifier: Apache-2.0
//
// A screenful of cells, drawn in memory: what the tutorial shows is decided and tested here; curses only copies it.
import Grading

/// The few ways in which text can look. Each has a second cue besides colour: bold or reverse.
public enum Style: Int, Sendable, CaseIterable { case plain, title, code, good, bad, dim, keys }

public struct Span: Sendable, Equatable {
  public var text: String
  public var style: Style
  public init(_ text: String, _ style: Style = .plain) { (self.text, self.style) = (text, style) }
}

/// One line of a pane.
public typealias Line = [Span]

public struct Frame: Sendable {
  public let rows: Int
  public let columns: Int
  /// Spans with their columns, row by row.
  public private(set) var content: [[(column: Int, span: Span)]]

  public init(rows: Int, columns: Int) {
    (self.rows, self.columns) = (rows, columns)
    content = Array(repeating: [], count: max(0, rows))
  }

  /// Puts spans at a place, cut at `width` cells.
  public mutating func put(_ line: Line, row: Int, column: Int, width: Int) {
    guard content.indices.contains(row) else { return }
    var at = column
    for span in line {
      let room = column + width - at
      guard room > 0 else { return }
      let text = Cells.truncated(span.text, to: room)
      content[row].append((at, Span(text, span.style)))
      at += Cells.width(text)
    }
  }

  /// A horizontal border with a title.
  public mutating func border(row: Int, title: String = "") {
    let shown = title.isEmpty ? "" : "- " + Cells.truncated(title, to: columns - 6) + " "
    let dashes = String(repeating: "-", count: max(0, columns - 2 - Cells.width(shown)))
    put([Span("+"), Span(shown, .title), Span(dashes + "+")], row: row, column: 0, width: columns)
  }

  /// A line between the side borders.
  public mutating func framed(_ line: Line, row: Int) {
    put([Span("|")], row: row, column: 0, width: 1)
    put(line, row: row, column: 2, width: columns - 4)
    put([Span("|")], row: row, column: columns - 1, width: 1)
  }

  /// As plain text, for tests and dumps: every row as wide as the screen at most.
  public var text: String {
    content.map { row in
      var line = "", at = 0
      for (column, span) in row.sorted(by: { $0.column < $1.column }) {
        line += String(repeating: " ", count: max(0, column - at)) + span.text
        at = max(at, column) + Cells.width(span.text)
      }
      return line
    }.joined(separator: "\n")
  }
}
