// SPDX-License-Identifier: Apache-2.0
//
// The tutorial as a dialogue in lines: no boxes, no redraw, no spinner. What screen readers and braille displays need, and
// what a pipe can be fed.
import Glibc
import Grading
import Kernel

extension Learn {
  /// Runs until `q`, the last page, or the end of the input.
  public func plain() {
    var page = -1
    let atStart = model.page
    say(model.exercise + "  " + model.title[model.language])
    if atStart > 0 { page = atStart - 1 }
    while true {
      settle()
      if model.page != page {
        page = model.page
        tell()
      }
      if let message = model.message { say(message[model.language]) }
      model.message = nil
      ask()
      guard let answer = readLine(strippingNewline: true) else { break }
      if !act(answer.lowercased()) { break }
      if answer == "5" || answer == "l" { page = -1 }
    }
    end()
  }

  private func say(_ text: String) { _ = optional { () throws(SysError) in try writeAll(1, text + "\n") } }
  private func word(_ en: String, _ zh: String) -> String { model.language == .en ? en : zh }

  /// Waits until the lab waits, or has ended.
  private func settle() {
    while model.run == .working || checking != nil {
      if listen() { continue }
      var list: [pollfd] = []
      for fd in [lab?.output, checking?.output] { if let fd { list.append(pollfd(fd: fd, events: Int16(POLLIN), revents: 0)) } }
      if list.isEmpty { return }
      _ = poll(&list, nfds_t(list.count), -1)
    }
  }

  private func tell() {
    say("")
    if let step = model.step {
      say(word("Step \(step.number) of \(max(model.stepCount, step.number)). ", "第 \(step.number) 步，共 \(max(model.stepCount, step.number)) 步。") + step.title[model.language])
    } else {
      say(model.pageTitle(model.page))
    }
    for line in Markdown.lines(model.pageText(model.page), columns: 76) { say(line.map(\.text).joined()) }
    guard let step = model.step else { return }
    if !step.evidence.isEmpty {
      say("")
      say(word("Evidence, read from the kernel:", "证据，读自内核："))
      for line in step.evidence { say("  " + line[model.language]) }
    }
    for fact in step.facts { say((fact.holds ? word("Holds: ", "成立：") : word("Does not hold: ", "不成立：")) + fact.text[model.language]) }
  }

  private func ask() {
    let choices = word("1 next  2 back  3 check  4 hint  5 中文  6 shell  q quit", "1 下一步  2 返回  3 检查  4 提示  5 English  6 shell  q 退出")
    _ = optional { () throws(SysError) in try writeAll(1, "\n" + choices + ": ") }
  }

  /// False: the end.
  private func act(_ answer: String) -> Bool {
    switch answer {
    case "1", "", "next": if model.press(.enter) == .advance { advance() }
    case "2", "b", "back": _ = model.press(.character("b"))
    case "3", "c", "check":
      startCheck()
      if checking != nil { say(word("checking the exercise …", "正在检查练习 …")) }
      settle()
      if let report = model.report { say(report[model.language]) }
    case "4", "h", "hint":
      showHint()
      if model.overlay == .hint, let hint = model.hint { say(hint[model.language]) }
      model.overlay = .none
    case "5", "l": _ = model.press(.character("L"))
    case "6", "s", "shell": openShell()
    case "q", "quit": return false
    default: say(word("1 to 6, or q", "请输入 1 到 6，或 q"))
    }
    return true
  }
}
