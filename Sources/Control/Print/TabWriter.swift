// SPDX-License-Identifier: Apache-2.0
//
// Elastic tabstops, as kubectl's describe lays out its lines: a cell that ends in a tab is as wide as the widest of the cells above and below it,
// as far as these have no gap. Go text/tabwriter.

public enum TabWriter {
  /// Lines whose cells are separated by tabs; padding: blanks between cells.
  public static func format(_ text: String, padding: Int = 2) -> String {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { $0.split(separator: "\t", omittingEmptySubsequences: false) }
    let endsInNewline = lines.last?.count == 1 && lines.last?[0].isEmpty == true
    if endsInNewline { lines.removeLast() }
    var layout = Layout(lines: lines, padding: padding)
    layout.block(0, lines.count)
    return layout.out
  }

  private struct Layout {
    let lines: [[Substring]]
    let padding: Int
    var widths: [Int] = []
    var out = ""

    /// Lays out the lines first..<end, whose columns left of ours have their widths.
    mutating func block(_ first: Int, _ end: Int) {
      let column = widths.count
      var start = first
      var i = first
      while i < end {
        if column >= lines[i].count - 1 {
          i += 1
          continue
        }
        write(start, i)
        start = i
        var width = 0
        while i < end, column < lines[i].count - 1 {
          width = max(width, lines[i][column].count + padding)
          i += 1
        }
        widths.append(width)
        block(start, i)
        widths.removeLast()
        start = i
      }
      write(start, end)
    }

    private mutating func write(_ first: Int, _ end: Int) {
      for line in lines[first..<max(first, end)] {
        for (i, cell) in line.enumerated() {
          out += cell
          if i < widths.count, i < line.count - 1 { out += String(repeating: " ", count: max(0, widths[i] - cell.count)) }
        }
        out += "\n"
      }
    }
  }
}
