// SPDX-License-Identifier: Apache-2.0
//
// The tutorial's screen as a frame of cells: lesson over evidence at 80×24 and above, one pane below that, a sentence where
// even that does not fit. The last line is the message line.
import Grading

public enum LearnScreen {
  public static let fullRows = 24, fullColumns = 80, leastRows = 20, leastColumns = 60

  /// Draws the model. Tells it how much text there is and how much room, so that scrolling knows its ends.
  public static func draw(_ model: inout LearnModel, rows: Int, columns: Int) -> Frame {
    var frame = Frame(rows: rows, columns: columns)
    guard rows >= leastRows, columns >= leastColumns else {
      let lines = [
        say(model, "This window has \(columns)×\(rows) cells;", "窗口只有 \(columns)×\(rows) 格；"),
        say(model, "\(leastColumns)×\(leastRows) are needed.", "需要 \(leastColumns)×\(leastRows)。"), say(model, "q: quit    p: plain text", "q：退出    p：纯文本"),
      ]
      for (i, line) in lines.enumerated() { frame.put([Span(line)], row: i, column: 0, width: columns) }
      return frame
    }
    let width = columns - 4
    let single = rows < fullRows || columns < fullColumns
    frame.border(row: 0, title: model.exercise + "  " + model.title[model.language])
    // Two panes share what is left of the borders, the result line, the key line and the message line.
    let footer = rows - 5
    let lessonEnd = single ? footer : 1 + (footer - 2) * 11 / 17
    let text = model.overlay == .none && single && model.showsEvidence ? evidence(model, width) : lesson(model, width)
    let room = lessonEnd - 3
    model.textLines = text.count
    model.textRoom = room
    model.scroll = min(model.scroll, max(0, text.count - room))
    frame.framed(heading(model, width), row: 1)
    for i in 0..<room where model.scroll + i < text.count {
      let isLast = i == room - 1 && model.scroll + room < text.count
      frame.framed(isLast ? [Span(say(model, "[more below]", "[下面还有]"), .dim)] : text[model.scroll + i], row: 3 + i)
    }
    fill(&frame, from: 1, to: lessonEnd)
    if !single {
      frame.border(row: lessonEnd, title: evidenceTitle(model))
      let lines = evidence(model, width), room = footer - lessonEnd - 1
      // What came last matters most.
      for (i, line) in lines.suffix(room).enumerated() { frame.framed(line, row: lessonEnd + 1 + i) }
      fill(&frame, from: lessonEnd + 1, to: footer)
    }
    frame.border(row: footer)
    frame.framed(resultLine(model), row: footer + 1)
    frame.framed([Span(keys(model, columns: width), .keys)], row: footer + 2)
    frame.border(row: footer + 3)
    if let message = messageLine(model) { frame.put([Span(message)], row: rows - 1, column: 0, width: columns - 1) }
    return frame
  }

  private static func fill(_ frame: inout Frame, from: Int, to: Int) {
    for row in from..<to where frame.content[row].isEmpty { frame.framed([], row: row) }
  }

  private static func heading(_ model: LearnModel, _ width: Int) -> Line {
    let left: String
    if let step = model.step {
      left = say(model, "Step \(step.number) of \(max(model.stepCount, step.number))   ", "第 \(step.number) 步，共 \(max(model.stepCount, step.number)) 步   ")
    } else { left = "" }
    let total = max(1, model.stepCount + 1), done = min(total, model.page)
    let bar = "[" + String(repeating: "#", count: 18 * done / total) + String(repeating: ".", count: 18 - 18 * done / total) + "]"
    let title = Cells.truncated(model.pageTitle(model.page), to: max(8, width - Cells.width(left) - 22))
    let gap = String(repeating: " ", count: max(1, width - Cells.width(left) - Cells.width(title) - 20))
    return [Span(left), Span(title, .title), Span(gap + bar, .dim)]
  }

  private static func lesson(_ model: LearnModel, _ width: Int) -> [Line] {
    switch model.overlay {
    case .help: return help(model)
    case .list:
      return (0..<model.pageCount).map { [Span(($0 == model.selected ? "> " : "  ") + "\($0)  " + model.pageTitle($0), $0 == model.selected ? .title : .plain)] }
    case .hint: return Markdown.lines(model.hint?[model.language] ?? "", columns: width)
    default: break
    }
    var lines = Markdown.lines(model.pageText(model.page), columns: width)
    if let step = model.step, !step.facts.isEmpty {
      lines.append([])
      for fact in step.facts {
        let word = fact.holds ? say(model, "ok    ", "成立  ") : say(model, "FAIL  ", "不成立")
        lines += hanging([Span(word + "  ", fact.holds ? .good : .bad)], fact.text[model.language], width)
      }
    }
    if model.isExercise, let report = model.report {
      lines.append([])
      lines += report[model.language].split(separator: "\n", omittingEmptySubsequences: false).map { [Span(Cells.truncated(String($0), to: width))] }
    }
    return lines
  }

  private static func hanging(_ head: Line, _ text: String, _ width: Int) -> [Line] {
    let indent = head.reduce(0) { $0 + Cells.width($1.text) }
    return Cells.wrapped(text, to: width - indent).enumerated().map { i, part in
      (i == 0 ? head : [Span(String(repeating: " ", count: indent))]) + [Span(part)]
    }
  }

  private static func evidence(_ model: LearnModel, _ width: Int) -> [Line] {
    guard let step = model.step else {
      return [[Span(model.page == 0 ? say(model, "Enter starts the demonstration on the real kernel.", "按回车，在真实内核上开始演示。") : "", .dim)]]
    }
    let trace = model.showsTrace ? step.trace.map { [Span(Cells.truncated($0, to: width), .dim)] } : []
    let folded = step.evidence.flatMap { Cells.folded($0[model.language], to: width, indent: 4) }
    let lines = folded.map { [Span(Cells.truncated($0, to: width), .code)] }
    if lines.isEmpty, trace.isEmpty {
      return [[Span(model.run == .working && model.page == model.steps.count ? say(model, "working …", "进行中 …") : "", .dim)]]
    }
    return trace + lines
  }

  private static func evidenceTitle(_ model: LearnModel) -> String {
    let at = model.step?.readAt ?? ""
    return say(model, "evidence, read from the kernel", "证据，读自内核") + (at.isEmpty ? "" : say(model, " at ", "，") + at)
  }

  private static func resultLine(_ model: LearnModel) -> Line {
    if model.checking { return [Span(say(model, "checking the exercise …", "正在检查练习 …"), .dim)] }
    if let result = model.resultLine { return [Span(result[model.language])] }
    return [Span(say(model, "exercise: not checked yet", "练习：还没有检查过"), .dim)]
  }

  /// The keys that matter here; on narrow screens the last ones go first.
  private static func keys(_ model: LearnModel, columns: Int) -> String {
    let all =
      model.language == .en
      ? ["Enter next", "b back", "e evidence", "s shell", "c check", "h hint", "L 中文", "? help"]
      : ["回车 下一步", "b 返回", "e 证据", "s shell", "c 检查", "h 提示", "L English", "? 帮助"]
    var kept = all
    while Cells.width(kept.joined(separator: "  ")) > columns, kept.count > 2 { kept.remove(at: kept.count - 2) }
    return kept.joined(separator: "  ")
  }

  private static func messageLine(_ model: LearnModel) -> String? {
    switch model.overlay {
    case .prompt(let text): return text + "_"
    case .quit:
      return say(model, "A pod is up; quitting removes it. Quit? y/n", "有 Pod 在运行，退出会删除它。退出吗？y/n")
    case .list: return say(model, "up/down or a number, Enter goes there", "上下键或数字选择，回车跳转")
    case .help, .hint: return say(model, "any key goes back", "按任意键返回")
    case .none: return model.message?[model.language]
    }
  }

  private static func help(_ model: LearnModel) -> [Line] {
    let keys: [(Text, Text)] = [
      (Text(en: "Enter, space", zh: "回车、空格"), Text(en: "what is below, then the next page; lets the demonstration go on", zh: "先看下面的内容，再到下一页；让演示继续")), (.data("b"), Text(en: "back", zh: "上一页")),
      (Text(en: "arrows, PgUp, PgDn", zh: "方向键、PgUp、PgDn"), Text(en: "scroll", zh: "滚动")), (.data("e"), Text(en: "evidence instead of lesson (small windows)", zh: "在证据与课文之间切换（小窗口）")),
      (.data("t"), Text(en: "system calls of the step, on or off", zh: "显示或隐藏这一步的系统调用")), (.data("s"), Text(en: "a shell on the lab's node", zh: "打开实验节点上的 shell")),
      (.data("c"), Text(en: "check the exercise", zh: "检查练习")), (.data("h"), Text(en: "the next hint", zh: "下一条提示")),
      (.data("L"), Text(en: "中文", zh: "English")), (.data("g"), Text(en: "list of pages", zh: "页面列表")), (.data("/"), Text(en: "search", zh: "查找")),
      (.data(":"), Text(en: "every action by its name", zh: "按名字执行任一操作")), (.data("q"), Text(en: "quit", zh: "退出")),
    ]
    return keys.map { [Span(Cells.padded($0.0[model.language], to: 22), .title), Span($0.1[model.language])] }
  }

  private static func say(_ model: LearnModel, _ en: String, _ zh: String) -> String { model.language == .en ? en : zh }
}
