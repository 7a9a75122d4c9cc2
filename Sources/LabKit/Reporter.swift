// SPDX-License-Identifier: Apache-2.0
//
// How a lab is told: as text for people, or as JSON lines for programs (lab learn).
import Control
import Glibc
import Kernel
import Manifest

protocol Reporter: AnyObject {
  /// root: where the lab's pods live (`podctl --root`).
  func begin(_ story: Story, root: String)
  func step(_ number: Int, _ of: Int, _ step: Step)
  func evidence(_ lines: [Text])
  func fact(_ fact: Fact, holds: Bool, expected: Text, found: Text)
  /// A fact that this user's rights do not let come true, and why.
  func withheld(_ fact: Fact, _ why: Text)
  func trace(_ line: String)
  /// Something is waited for; said once a second has passed.
  func waitingFor(_ what: Text)
  func waiting()
  func end(_ failure: LabFailure?, kept: Bool)
}

func put(_ fd: Int32, _ text: String) {
  do throws(SysError) { try writeAll(fd, text) } catch {
    // Whoever reads has gone: there is nobody left to tell the story to.
    if fd == 1, error.errno == EPIPE || error.errno == EIO { Interrupt.nobodyReads() }
  }
}

/// What the one who reads can show.
struct Style {
  var colour = false
  var boxes = false

  /// Colour on a terminal only and never with NO_COLOR (https://no-color.org); box characters where the locale's encoding has them.
  static func detect(records: Bool) -> Style {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].compactMap(variable).first ?? ""
    let dumb = variable("TERM") == "dumb"
    let upper = locale.uppercased()
    return Style(colour: variable("NO_COLOR") == nil && !dumb && (records || isatty(1) == 1), boxes: !dumb && (upper.contains("UTF-8") || upper.contains("UTF8")))
  }

  func line(_ text: String) -> String { Picture.styled(boxes ? text : Picture.ascii(text), colour: colour) }
}

final class TextReporter: Reporter {
  private let language: Language
  private let style: Style
  private let recording: Recording?
  /// The last reason that was given: it is not said twice in a row.
  private var reason = ""
  /// Columns of the terminal, which may be resized at any time; nil where standard output is none, and lines stay whole.
  private var columns: Int? {
    var size = winsize()
    return ioctl(1, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20 ? Int(size.ws_col) : nil
  }

  init(_ language: Language, _ style: Style, _ recording: Recording?) { (self.language, self.style, self.recording) = (language, style, recording) }

  private func say(_ text: String) {
    recording?.output(text)
    put(1, text)
  }

  private func coloured(_ text: String, _ code: String) -> String { style.colour ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }

  func begin(_ story: Story, root: String) { say("\(story.id)   \(coloured(story.title[language], "1"))\n\n" + wrapped(story.question[language], "  ")) }

  func step(_ number: Int, _ of: Int, _ step: Step) {
    let head = language == .en ? "Step \(number) of \(of)" : "第 \(number) 步，共 \(of) 步"
    say("\n\(head)   \(coloured(step.title[language], "1"))\n" + wrapped(step.why[language], "  "))
  }

  func evidence(_ lines: [Text]) { say(lines.flatMap { folded("      " + $0[language]) }.map { style.line($0) + "\n" }.joined()) }

  /// A line that is wider than the terminal goes on below, indented.
  private func folded(_ line: String) -> [String] {
    columns.map { Cells.folded(line, to: $0, indent: 10) } ?? [line]
  }

  func fact(_ fact: Fact, holds: Bool, expected: Text, found: Text) {
    let word = holds ? (language == .en ? "ok  " : "通过") : (language == .en ? "FAIL" : "未通过")
    var text = row(word, holds ? "32" : "1;31", fact)
    if !holds {
      let (e, f) = language == .en ? ("expected", "found") : ("期望", "实际")
      text += "        \(e)  \(expected[language])\n        \(f)  \(found[language])\n"
    }
    say(text)
  }

  /// A word and what it says something of, folded where the terminal is too narrow; coloured only then, for colour has no width.
  private func row(_ word: String, _ code: String, _ fact: Fact) -> String {
    var lines = folded("  \(word)  \(fact.text[language])   [\(fact.id)]")
    lines[0] = lines[0].replacing(word, with: coloured(word, code), maxReplacements: 1)
    return lines.map { $0 + "\n" }.joined()
  }

  func withheld(_ fact: Fact, _ why: Text) {
    say(row(language == .en ? "--  " : "不适用", "33", fact))
    guard why[language] != reason else { return }
    reason = why[language]
    say(wrapped((language == .en ? "not here: " : "此处看不到：") + why[language], "        "))
  }

  func trace(_ line: String) { say("    | " + line.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\\n") + "\n") }
  func waitingFor(_ what: Text) { evidence([Text(en: "… waiting: ", zh: "… 等待：") + what]) }
  func waiting() {}

  func end(_ failure: LabFailure?, kept: Bool) {
    switch failure {
    case nil:
      let left = kept ? Text.data("") : Text(en: " Nothing was left behind.", zh: "没有留下任何东西。")
      say((language == .en ? "\nEverything was as the lesson says." : "\n一切与课文相符。") + left[language] + "\n")
    case .quit: say(language == .en ? "\nEnded and cleaned up.\n" : "\n已结束并清理。\n")
    case .fact(let fact, _, _):
      put(2, language == .en ? "\nfact \(fact.id) did not hold: \(fact.text.en)\n" : "\n事实 \(fact.id) 不成立：\(fact.text.zh)\n")
    case .step(let why): put(2, language == .en ? "\nthe lab could not go on: \(why.en)\n" : "\n实验无法继续：\(why.zh)\n")
    }
  }

  private func wrapped(_ text: String, _ indent: String) -> String { Cells.wrapped(text, to: 78 - indent.count).map { indent + $0 + "\n" }.joined() }
}

/// One object a line; Tutorial/LabStream.swift reads it.
final class JSONReporter: Reporter {
  private func put(_ v: Value) { LabKit.put(1, JSON.compact(v) + "\n") }
  /// A string where both languages have the same.
  private func line(_ t: Text) -> Value { t.en == t.zh ? .string(t.en) : both(t) }
  private func both(_ t: Text) -> Value { .object([("en", .string(t.en)), ("zh", .string(t.zh))]) }

  func begin(_ story: Story, root: String) {
    put(.object([("story", .object([
      ("id", .string(story.id)), ("title", both(story.title)), ("question", both(story.question)), ("steps", .int(Int64(story.steps.count))),
      ("facts", .strings(story.facts.map(\.id))), ("root", .string(root)),
    ]))]))
  }
  func step(_ number: Int, _ of: Int, _ step: Step) {
    put(.object([("step", .object([("number", .int(Int64(number))), ("title", both(step.title)), ("why", both(step.why))]))]))
  }
  func evidence(_ lines: [Text]) {
    let at = WallTime(nanoseconds: Clock.wall).rfc3339Micro.dropFirst(11).prefix(12)
    put(.object([("evidence", .object([("at", .string(String(at))), ("lines", .array(lines.map { $0.map { Picture.styled(Picture.ascii($0), colour: false) } }.map(line)))]))]))
  }
  func fact(_ fact: Fact, holds: Bool, expected: Text, found: Text) {
    put(.object([("fact", .object([
      ("id", .string(fact.id)), ("text", both(fact.text)), ("holds", .bool(holds)), ("expected", line(expected)), ("found", line(found)),
    ]))]))
  }
  func withheld(_ fact: Fact, _ why: Text) {
    put(.object([("withheld", .object([("id", .string(fact.id)), ("text", both(fact.text)), ("why", both(why))]))]))
  }
  func trace(_ line: String) { put(.object([("trace", .string(line))])) }
  func waitingFor(_ what: Text) {}
  func waiting() { put(.object([("waiting", .bool(true))])) }
  func end(_ failure: LabFailure?, kept: Bool) {
    var v: [(String, Value)] = [("ok", .bool(failure == nil))]
    switch failure {
    case .fact(let f, _, _): v.append(("fact", .string(f.id)))
    case .step(let why): v.append(("why", line(why)))
    case .quit, nil: break
    }
    put(.object([("ended", .object(v))]))
  }
}
