// SPDX-License-Identifier: Apache-2.0
//
// How far a build is, on standard error: one line that is drawn anew on a terminal, plain lines elsewhere, nothing when podd builds.
import Control
import Glibc
import Kernel

final class BuildProgress {
  private let name: String
  private let isQuiet: Bool
  private let isTerminal: Bool
  private var verb = ""
  private var packages = 0
  private var bytes: Int64 = 0
  private var done: (packages: Int, bytes: Int64) = (0, 0)
  private var started: Int64 = 0
  private var drawn: Int64 = 0
  private var told = 0
  private var width = 0

  init(_ name: String, isQuiet: Bool) {
    self.name = name
    self.isQuiet = isQuiet
    isTerminal = isatty(2) == 1
  }

  /// What is done now, where nothing can be counted.
  func phase(_ words: String) {
    bytes = 0
    if isTerminal { draw("\(title)\(words) …") } else { line("\(title)\(words)") }
  }

  /// What is done now, of how much.
  func begin(_ verb: String, packages: Int, bytes: Int64) {
    (self.verb, self.packages, self.bytes) = (verb, packages, bytes)
    (done, started, drawn, told) = ((0, 0), Clock.monotonic, 0, 0)
    if isTerminal { at(packages: 0, bytes: 0) } else { line(title + said("\(verb) \(packages) packages, \(Self.size(bytes))", "\(verb) \(packages) 个软件包，\(Self.size(bytes))")) }
  }

  func at(packages count: Int, bytes now: Int64) {
    done = (max(done.packages, min(count, packages)), max(done.bytes, min(now, bytes)))
    let time = Clock.monotonic
    if isTerminal {
      if time - drawn < 100_000_000 && done.bytes < bytes { return }
      drawn = time
      let filled = bytes > 0 ? Int(done.bytes * 24 / bytes) : 24
      let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 24 - filled)
      let of = "\(done.packages)/\(packages)"
      draw("\(title)\(verb) [\(bar)] \(amount)" + said(", \(of) packages", "，软件包 \(of)") + left(time))
    } else {
      let tenth = bytes > 0 ? Int(done.bytes * 4 / bytes) : 4
      if tenth <= told || tenth == 4 { return }
      told = tenth
      line("\(title)\(verb) \(amount)\(left(time))")
    }
  }

  /// What has become of it; the bar goes.
  func end(_ words: String) {
    if isTerminal && !isQuiet && width > 0 { say("\r\(String(repeating: " ", count: width))\r") }
    line(title + words)
  }

  /// After a failure: the cursor below the bar.
  func abandon() { if isTerminal && !isQuiet && width > 0 { say("\n") } }

  private func left(_ now: Int64) -> String {
    guard done.bytes > 0, now - started > 500_000_000, done.bytes < bytes else { return "" }
    let seconds = Int(Double(now - started) / 1e9 * Double(bytes - done.bytes) / Double(done.bytes)) + 1
    let time = "\(seconds / 60):\(seconds % 60 < 10 ? "0" : "")\(seconds % 60)"
    return said(", \(time) left", "，还需 \(time)")
  }

  private var title: String { name + said(": ", "：") }
  private var amount: String { said("\(Self.size(done.bytes)) of \(Self.size(bytes))", "\(Self.size(done.bytes)) / \(Self.size(bytes))") }

  private static func size(_ n: Int64) -> String {
    let tenths = n * 10 / 1_000_000
    return "\(tenths / 10).\(tenths % 10) MB"
  }

  private func draw(_ text: String) {
    let count = CellWidth.of(text)
    if !isQuiet { say("\r\(text)\(String(repeating: " ", count: max(0, width - count)))") }
    width = count
  }

  private func line(_ text: String) { if !isQuiet { say(text + "\n") } }

  private func say(_ text: String) {
    do throws(SysError) { try writeAll(2, text) } catch {
      // Nobody looks.
    }
  }
}
