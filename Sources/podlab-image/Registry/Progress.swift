// SPDX-License-Identifier: Apache-2.0
//
// How far the layers of an image are, on standard error: bars on a terminal, a line for each layer elsewhere.
import Glibc
import Kernel

final class LayerProgress {
  enum Style { case bars, lines, silent }
  private enum State { case waiting, moving, done(String) }
  private struct Row {
    var name: String
    var total: Int64
    var now: Int64 = 0
    var state = State.waiting
  }
  private let style: Style
  private var rows: [Row] = []
  private var drawn = 0
  private var lastDrawn: Int64 = 0
  private let started = Clock.monotonic

  /// barsOnly: where there is no terminal, nothing.
  init(quiet: Bool, barsOnly: Bool = false) {
    let terminal = getenv("TERM").map { String(cString: $0) } ?? "dumb"
    let hasBars = isatty(2) == 1 && terminal != "dumb"
    style = quiet || barsOnly && !hasBars ? .silent : hasBars ? .bars : .lines
  }

  /// digest: of the layer, or another name; total: its bytes, 0 where nobody knows. Returns its row.
  @discardableResult
  func add(_ digest: String, total: Int64) -> Int {
    rows.append(Row(name: String(digest.split(separator: ":").last?.prefix(12) ?? ""), total: total))
    return rows.count - 1
  }

  func move(_ i: Int, to bytes: Int64) {
    guard rows.indices.contains(i) else { return }
    rows[i].now = bytes
    rows[i].state = .moving
    draw()
  }

  /// What an image has: how many layers, how many bytes; platform: whom it is for.
  func begin(_ image: String, layers: Int, bytes: Int64, for platform: String? = nil) {
    let words = said(": \(layers) layer\(layers == 1 ? "" : "s"), \(Self.size(bytes))", "：\(layers) 层，\(Self.size(bytes))")
    say(image + words + (platform.map { said(", ", "，") + $0 } ?? ""))
  }

  static var alreadyHere: String { said("already here", "本地已有") }
  static var sameAsAnother: String { said("the same as another", "与另一层相同") }
  static var imported: String { said("imported", "已导入") }

  /// word: pulled, already here, pushed …
  func end(_ i: Int, _ word: String) {
    guard rows.indices.contains(i) else { return }
    if rows[i].total > 0 { rows[i].now = rows[i].total }
    rows[i].total = rows[i].now
    rows[i].state = .done(word)
    if style == .lines { say(Self.told(rows[i], word)) }
    draw(force: true)
  }

  /// A line of its own, above the bars.
  func say(_ text: String) {
    guard style != .silent else { return }
    erase()
    write("\(text)\n")
    draw(force: true)
  }

  private func erase() {
    if drawn > 0 { write("\u{1b}[\(drawn)A\u{1b}[J") }
    drawn = 0
  }

  private func draw(force: Bool = false) {
    guard style == .bars, !rows.isEmpty else { return }
    let now = Clock.monotonic
    if !force, now - lastDrawn < 100_000_000 { return }
    lastDrawn = now
    var window = winsize()
    let width = ioctl(2, UInt(TIOCGWINSZ), &window) == 0 && window.ws_col > 20 ? Int(window.ws_col) : 80
    let fits = window.ws_row > 4 ? Int(window.ws_row) - 2 : 20
    erase()
    // Where not all fit, those that move.
    let shown = rows.count <= fits ? rows : Array(rows.filter { if case .done = $0.state { false } else { true } }.prefix(fits))
    write(shown.map { line($0, width) + "\n" }.joined())
    drawn = shown.count
  }

  private func line(_ r: Row, _ width: Int) -> String {
    switch r.state {
    case .waiting: return r.name + said(": waiting", "：等待")
    case .done(let word): return Self.told(r, word)
    case .moving where r.total == 0: return "\(r.name): \(Self.size(r.now))"
    case .moving:
      let seconds = Double(Clock.monotonic - started) / 1e9
      let left = r.now > 0 ? Int(seconds * Double(max(0, r.total - r.now)) / Double(r.now)) : 0
      let text = " \(Self.size(r.now))/\(Self.size(r.total)) \(left) s"
      let room = min(40, max(4, width - r.name.count - text.count - 5))
      let full = min(room, Int(Double(room) * Double(r.now) / Double(r.total)))
      return "\(r.name): [" + String(repeating: "=", count: full) + String(repeating: " ", count: room - full) + "]" + text
    }
  }

  private static func told(_ r: Row, _ word: String) -> String { r.name + said(": \(word), ", "：\(word)，") + size(r.total) }

  /// 12.3 MB
  static func size(_ bytes: Int64) -> String {
    if bytes < 1000 { return "\(bytes) B" }
    var value = Double(bytes)
    var unit = ""
    for u in ["kB", "MB", "GB", "TB"] where value >= 999.95 || unit.isEmpty { (value, unit) = (value / 1000, u) }
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10) \(unit)"
  }

  private func write(_ text: String) { _ = optional { () throws(SysError) in try writeAll(2, text) } }
}
