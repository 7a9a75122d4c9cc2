// SPDX-License-Identifier: Apache-2.0
//
// What was probably meant: the nearest known name.

public enum Spelling {
  /// The candidate nearest to a word, if it is near: up to a third of the word's letters, case apart.
  public static func nearest(to word: String, among candidates: [String]) -> String? {
    let lower = Array(word.lowercased().utf8)
    var best: (name: String, distance: Int)?
    for c in candidates {
      let d = distance(lower, Array(c.lowercased().utf8))
      if d < (best?.distance ?? Int.max) { best = (c, d) }
    }
    guard let best, best.distance <= max(1, word.utf8.count / 3) else { return nil }
    return best.name
  }

  /// Letters to insert, delete, change or swap with a neighbour.
  private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var rows = [[Int]](repeating: [Int](repeating: 0, count: b.count + 1), count: a.count + 1)
    for i in 0...a.count { rows[i][0] = i }
    for j in 0...b.count { rows[0][j] = j }
    for i in a.indices {
      for j in b.indices {
        var d = min(rows[i][j + 1] + 1, rows[i + 1][j] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { d = min(d, rows[i - 1][j - 1] + 1) }
        rows[i + 1][j + 1] = d
      }
    }
    return rows[a.count][b.count]
  }
}
