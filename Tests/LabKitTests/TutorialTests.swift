// SPDX-License-Identifier: Apache-2.0
//
// The tutorial without a terminal: what keys do, and what a screen of a given size shows in either language.
import Grading
import Testing
import Tutorial

@Suite struct TutorialTests {
  func model(_ language: Language = .en) -> LearnModel {
    let long = (1...40).map { "Paragraph \($0) says something.\n" }.joined(separator: "\n")
    var model = LearnModel(
      exercise: "03-sidecar", title: Text(en: "Sidecars", zh: "边车"), lesson: Text(en: "# A lesson\n\n" + long, zh: "# 课文\n\n" + long),
      brief: Text(en: "# Task\n\nDo it.", zh: "# 任务\n\n做吧。"), language: language)
    model.apply(.story(title: Text(en: "Sidecars", zh: "边车"), question: .data("?"), steps: 2))
    return model
  }

  @Test func enterStartsTheLabAndTurnsThePages() {
    var m = model()
    #expect(m.press(.enter) == .advance)
    #expect(m.press(.enter) == nil)
    m.apply(.step(number: 1, title: Text(en: "First", zh: "一"), why: Text(en: "why **one**", zh: "为何 **一**")))
    m.apply(.evidence(at: "14:02:07.118", lines: [.data("app pid 1")]))
    m.apply(.waiting)
    #expect(m.page == 1)
    #expect(m.press(.character("b")) == nil && m.page == 0)
    #expect(m.press(.character(" ")) == nil && m.page == 1)
    #expect(m.press(.enter) == .advance)
    m.apply(.ended(ok: true))
    #expect(m.press(.enter) == nil && m.isExercise)
    #expect(m.press(.character("q")) == .quit)
  }

  @Test func quittingAsksOnlyWhileAPodIsUp() {
    var m = model()
    #expect(m.press(.character("q")) == .quit)
    _ = m.press(.enter)
    #expect(m.press(.character("q")) == nil && m.overlay == .quit)
    #expect(m.press(.character("n")) == nil && m.overlay == .none)
    _ = m.press(.character("q"))
    #expect(m.press(.character("y")) == .quit)
  }

  @Test func everyActionHasACommandToo() {
    var m = model()
    func type(_ text: String) -> Wish? {
      for c in ":" + text { _ = m.press(.character(c)) }
      return m.press(.enter)
    }
    #expect(type("check") == .check && type("hint") == .hint && type("shell") == .shell && type("plain") == .plain)
    #expect(type("language") == nil && m.language == .zh)
    #expect(type("next") == .advance)
    #expect(type("nonsense") == nil && m.message != nil)
  }

  @Test func scrollingStopsAtTheEnds() {
    var m = model()
    _ = LearnScreen.draw(&m, rows: 24, columns: 80)
    _ = m.press(.up)
    #expect(m.scroll == 0)
    for _ in 0..<50 { _ = m.press(.pageDown) }
    #expect(m.scroll == m.textLines - m.textRoom)
  }

  @Test func enterShowsWhatIsBelowFirstAndLeavesNoLineOut() {
    var m = model()
    var seen: Set<String> = []
    var presses = 0
    while true {
      let frame = LearnScreen.draw(&m, rows: 24, columns: 80)
      for n in 1...40 where frame.text.contains("Paragraph \(n) says") { seen.insert("\(n)") }
      if m.press(.enter) == .advance { break }
      presses += 1
      #expect(presses < 100)
    }
    #expect(seen.count == 40 && presses > 1)
  }

  @Test func everyRowFitsInEverySize() {
    for language in Language.allCases {
      for (rows, columns) in [(24, 80), (50, 140), (20, 60), (23, 79), (10, 30), (24, 200)] {
        var m = model(language)
        m.apply(.step(number: 1, title: Text(en: "First", zh: "第一步很长的标题第一步很长的标题第一步很长的标题"), why: Text(en: "why", zh: "为何")))
        m.apply(.evidence(at: "14:02:07.118", lines: [.data(String(repeating: "证据 evidence ", count: 20))]))
        for overlay in [LearnModel.Overlay.none, .help, .list, .quit] {
          m.overlay = overlay
          let frame = LearnScreen.draw(&m, rows: rows, columns: columns)
          let lines = frame.text.split(separator: "\n", omittingEmptySubsequences: false)
          #expect(lines.count == rows)
          #expect(lines.allSatisfy { Cells.width($0) <= columns }, "\(rows)x\(columns)\n\(frame.text)")
          // Both side borders stand in their columns.
          if rows >= 20, columns >= 60 {
            for line in lines.dropLast() { #expect(Cells.width(line) == columns, "\(line)") }
          }
        }
      }
    }
  }

  @Test func markdownIsLaidOutInCells() {
    let lines = Markdown.lines(
      "# Head\n\nSome **bold words** and `code` that wrap\nover lines.\n\n- item one that is long enough to wrap\n- two\n\n```\n$ cmd\n```\n", columns: 20)
    let text = lines.map { $0.map(\.text).joined() }
    #expect(text[0] == "Head" && lines[0].first?.style == .title)
    #expect(text.allSatisfy { Cells.width($0) <= 20 }, "\(text)")
    #expect(lines.flatMap { $0 }.contains { $0.style == .code && $0.text == "code" })
    #expect(text.contains("  $ cmd"))
    #expect(Markdown.lines("第一行\n第二行", columns: 40).first?.map(\.text).joined() == "第一行第二行")
  }
}
