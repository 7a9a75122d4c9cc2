// SPDX-License-Identifier: Apache-2.0
//
// How a lab is told: as text for people, or as JSON lines for programs (lab learn).
import Glibc
import Kernel
import Manifest

protocol Reporter: AnyObject {
  func begin(_ story: Story)
  func step(_ number: Int, _ of: Int, _ step: Step)
  func evidence(_ lines: [Text])
  func fact(_ fact: Fact, holds: Bool, expected: String, found: String)
  func trace(_ line: String)
  func waiting()
  func end(_ failure: LabFailure?)
}

func put(_ fd: Int32, _ text: String) { _ = optional { () throws(SysError) in try writeAll(fd, text) } }

final class TextReporter: Reporter {
  private let language: Language
  /// Columns of the terminal; nil where standard output is none, and lines stay whole.
  private let columns: Int?

  init(_ language: Language) {
    self.language = language
    var size = winsize()
    columns = ioctl(1, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20 ? Int(size.ws_col) : nil
  }

  func begin(_ story: Story) { put(1, "\(story.id)   \(story.title[language])\n\n" + wrapped(story.question[language], "  ")) }

  func step(_ number: Int, _ of: Int, _ step: Step) {
    let head = language == .en ? "Step \(number) of \(of)" : "第 \(number) 步，共 \(of) 步"
    put(1, "\n\(head)   \(step.title[language])\n" + wrapped(step.why[language], "  "))
  }

  func evidence(_ lines: [Text]) { put(1, lines.flatMap { folded("      " + $0[language]) }.map { $0 + "\n" }.joined()) }

  /// A line that is wider than the terminal goes on below, indented.
  private func folded(_ line: String) -> [String] {
    columns.map { Cells.folded(line, to: $0, indent: 10) } ?? [line]
  }

  func fact(_ fact: Fact, holds: Bool, expected: String, found: String) {
    let word = holds ? (language == .en ? "ok  " : "通过") : (language == .en ? "FAIL" : "未通过")
    put(1, "  \(word)  \(fact.text[language])   [\(fact.id)]\n")
    if !holds {
      let (e, f) = language == .en ? ("expected", "found") : ("期望", "实际")
      put(1, "        \(e)  \(expected)\n        \(f)  \(found)\n")
    }
  }

  func trace(_ line: String) { put(1, "    | " + line.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\\n") + "\n") }
  func waiting() {}

  func end(_ failure: LabFailure?) {
    switch failure {
    case nil: put(1, language == .en ? "\nEverything was as the lesson says. Nothing was left behind.\n" : "\n一切与课文相符，没有留下任何东西。\n")
    case .quit: put(1, language == .en ? "\nEnded and cleaned up.\n" : "\n已结束并清理。\n")
    case .fact(let fact, _, _):
      put(2, language == .en ? "\nfact \(fact.id) did not hold: \(fact.text.en)\n" : "\n事实 \(fact.id) 不成立：\(fact.text.zh)\n")
    case .step(let why): put(2, language == .en ? "\nthe lab could not go on: \(why)\n" : "\n实验无法继续：\(why)\n")
    }
  }

  private func wrapped(_ text: String, _ indent: String) -> String { Cells.wrapped(text, to: 76).map { indent + $0 + "\n" }.joined() }
}

/// One object a line; Tutorial/LabStream.swift reads it.
final class JSONReporter: Reporter {
  private func put(_ v: Value) { LabKit.put(1, JSON.compact(v) + "\n") }
  private func both(_ t: Text) -> Value { .object([("en", .string(t.en)), ("zh", .string(t.zh))]) }

  func begin(_ story: Story) {
    put(.object([("story", .object([
      ("id", .string(story.id)), ("title", both(story.title)), ("question", both(story.question)), ("steps", .int(Int64(story.steps.count))),
      ("facts", .strings(story.facts.map(\.id))),
    ]))]))
  }
  func step(_ number: Int, _ of: Int, _ step: Step) {
    put(.object([("step", .object([("number", .int(Int64(number))), ("title", both(step.title)), ("why", both(step.why))]))]))
  }
  func evidence(_ lines: [Text]) {
    let at = WallTime(nanoseconds: Clock.wall).rfc3339Micro.dropFirst(11).prefix(12)
    put(.object([("evidence", .object([("at", .string(String(at))), ("lines", .array(lines.map { $0.en == $0.zh ? .string($0.en) : both($0) }))]))]))
  }
  func fact(_ fact: Fact, holds: Bool, expected: String, found: String) {
    put(.object([("fact", .object([
      ("id", .string(fact.id)), ("text", both(fact.text)), ("holds", .bool(holds)), ("expected", .string(expected)), ("found", .string(found)),
    ]))]))
  }
  func trace(_ line: String) { put(.object([("trace", .string(line))])) }
  func waiting() { put(.object([("waiting", .bool(true))])) }
  func end(_ failure: LabFailure?) {
    var v: [(String, Value)] = [("ok", .bool(failure == nil))]
    switch failure {
    case .fact(let f, _, _): v.append(("fact", .string(f.id)))
    case .step(let why): v.append(("why", .string(why)))
    case .quit, nil: break
    }
    put(.object([("ended", .object(v))]))
  }
}
