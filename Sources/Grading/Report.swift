// SPDX-License-Identifier: Apache-2.0
//
// A result as text for a terminal: one line per check, the word first, the first failure in full. Columns are counted in
// cells; the status is a word and never colour or a symbol alone.
import Manifest

public struct Report {
  public var language: Language
  /// All failures in full, not only the first.
  public var verbose: Bool
  public var columns: Int
  public var colour: Bool
  /// What the exercise brings to the report's words.
  public var title: Text
  public var proves: Text?
  public var next: String?
  public var hints: Int
  /// How many of them the student has seen.
  public var hintsShown = 0
  /// Checks that only the grader runs, and their points.
  public var hiddenChecks = 0, hiddenPoints = 0
  /// What `lab check --keep` prints: the line that reaches the arena.
  public var reach: String?
  public var variantValues: [String: String] = [:]

  public init(language: Language, title: Text, verbose: Bool = false, columns: Int = 80, colour: Bool = false, hints: Int = 3) {
    (self.language, self.verbose, self.columns, self.colour) = (language, verbose, max(60, columns), colour)
    (self.title, self.hints) = (title, hints)
  }

  public func text(_ result: SubmissionResult) -> String {
    let number = String(result.exercise.prefix { $0 != "-" })
    var lines = [heading(result), ""]
    if result.state == .graded {
      let width = (result.checks.map { Cells.width($0.id) }.max() ?? 0) + 2
      for check in result.checks { lines.append(line(check, idWidth: width)) }
      lines.append("")
    } else {
      lines += refusal(result)
    }
    if !result.unused.isEmpty {
      let names = result.unused.map { Sanitise.line($0) }.joined(separator: ", ")
      lines += Cells.wrapped(say("not used, they are the exercise's own: ", "没有采用（由练习提供）：") + names, to: columns - 2) + [""]
    }
    let failures = result.checks.filter { $0.status == .fail || $0.status == .error }
    for check in verbose ? failures : Array(failures.prefix(1)) { lines += detail(check, number: number) + [""] }
    lines += summary(result, number: number)
    return lines.joined(separator: "\n") + "\n"
  }

  private func heading(_ result: SubmissionResult) -> String {
    let variant = say("variant ", "变体 ") + result.variant.prefix(4)
    let left = Cells.padded(result.exercise, to: 12) + " " + title[language]
    return Cells.padded(Cells.truncated(left, to: columns - 14), to: columns - 4 - Cells.width(variant)) + variant
  }

  private func line(_ check: CheckResult, idWidth: Int) -> String {
    let status = Cells.padded(word(check.status), to: language == .en ? 6 : 8)
    let right: String
    if check.status == .skip {
      right = check.evidence.first { $0.what == "needs" }.map { say("needs ", "需要 ") + $0.value } ?? ""
    } else {
      right = seconds(check.milliseconds)
    }
    let left = "  " + paint(status, check.status) + Cells.padded(check.id, to: idWidth)
    let used = 2 + Cells.width(status) + idWidth
    let room = columns - 4 - used - Cells.width(right)
    return left + Cells.padded(Cells.truncated(check.title[language], to: room - 1), to: room) + right
  }

  private func detail(_ check: CheckResult, number: String) -> [String] {
    var lines = [check.id]
    if check.status == .error {
      let what = check.evidence.first?.value ?? ""
      lines += field("", say(
        "PodLab could not check this (\(what)). It is not your mistake; nothing is counted. lab doctor",
        "PodLab 没能检查这一项（\(what)）。这不是你的错，不计入成绩。请运行 lab doctor"))
      return lines
    }
    if let expected = check.expected { lines += field(say("expected", "期望"), expected[language]) }
    if let found = check.found { lines += field(say("found", "实际"), found[language]) }
    for (i, evidence) in check.evidence.enumerated() {
      lines += field(i == 0 ? say("evidence", "证据") : "", evidence.what.isEmpty ? evidence.value : "\(evidence.what)  \(evidence.value)")
    }
    lines += field(say("why", "原因"), check.why[language])
    let look = reach ?? say(
      "lab check \(number) --keep     leaves the pod up and prints the podctl line (with its --root) that looks inside",
      "lab check \(number) --keep     保留 Pod，并打印用来查看它的 podctl 命令（带 --root）")
    lines += field(say("look", "查看"), look)
    if verbose, let log = check.log, !log.text.isEmpty {
      lines += field(say("log", "日志"), "")
      lines += log.text.split(separator: "\n", omittingEmptySubsequences: false).map { "            " + $0 }
    }
    return lines
  }

  private func field(_ label: String, _ text: String) -> [String] {
    let wrapped = Cells.wrapped(text, to: columns - 14)
    return wrapped.enumerated().map { i, part in "  " + Cells.padded(i == 0 ? label : "", to: 10) + part }
  }

  /// A submission without checks: refused, or not checked by a fault of ours.
  private func refusal(_ result: SubmissionResult) -> [String] {
    let head: String
    switch result.reason {
    case .refusedManifest: head = say("the manifest was not accepted; no pod was started", "清单没有被接受，没有启动 Pod")
    case .refusedArchive: head = say("what was handed in was not accepted; nothing was run", "提交的内容没有被接受，什么都没有运行")
    case .buildFailed: head = say("it could not be built", "无法构建")
    default: head = say("PodLab could not check this. It is not your mistake; nothing is counted. lab doctor", "PodLab 没能检查。这不是你的错，不计入成绩。请运行 lab doctor")
    }
    let words = (result.message?[language] ?? "").split(separator: "\n").flatMap { Cells.wrapped(String($0), to: columns - 4).map { "    " + $0 } }
    return Cells.wrapped(head, to: columns - 4).map { "  " + $0 } + words + [""]
  }

  private func summary(_ result: SubmissionResult, number: String) -> [String] {
    func count(_ status: CheckResult.Status) -> Int { result.checks.count { $0.status == status } }
    let (pass, fail, skip, error) = (count(.pass), count(.fail), count(.skip), count(.error))
    let hidden = hiddenChecks == 0 ? "" : say(
      " (Grading has \(hiddenChecks) more hidden \(hiddenChecks == 1 ? "check" : "checks"), \(hiddenPoints) points.)",
      "（评分时另有 \(hiddenChecks) 项隐藏检查，\(hiddenPoints) 分。）")
    if result.state == .graded, fail + skip + error == 0 {
      var lines = [
        say(
          "All \(pass) checks pass: \(result.points)/\(result.maxPoints) points.\(hidden)",
          "\(pass) 项检查全部通过，可见部分 \(result.points)/\(result.maxPoints) 分。\(hidden)")
      ]
      if let proves {
        lines += Cells.wrapped(say("You have shown: ", "你证明了：") + proves[language], to: columns - 2)
      }
      let solution = say("compare: ", "对照参考答案：") + "lab solution \(number)"
      if let reach { lines.append(say("look  ", "查看  ") + reach) }
      lines.append(next.map { say("Next: ", "下一个：") + "lab start \($0.prefix { $0 != "-" })     " + solution } ?? solution)
      return lines
    }
    if result.state == .error { return [] }
    var parts: [String] = []
    if pass > 0 { parts.append(say("\(pass) pass", "\(pass) 项通过")) }
    if fail > 0 { parts.append(say("\(fail) \(fail == 1 ? "fails" : "fail")", "\(fail) 项未通过")) }
    if skip > 0, result.state == .graded { parts.append(say("\(skip) \(skip == 1 ? "waits" : "wait")", "\(skip) 项等待")) }
    if error > 0 { parts.append(say("\(error) could not be checked", "\(error) 项没能检查")) }
    let points = say("\(result.points) of \(result.maxPoints) points", "\(result.points)/\(result.maxPoints) 分")
    let tally = parts.isEmpty ? points : points + say(": ", "：") + parts.joined(separator: say(", ", "，"))
    return [
      tally + say(".", "。") + hidden,
      hint(number)
        + say("      Lesson: lab learn \(number)      Reset: lab reset \(number)", "   课文：lab learn \(number)   重来：lab reset \(number)"),
    ]
  }

  /// Where the next hint is.
  private func hint(_ number: String) -> String {
    if hintsShown >= hints { return say("Last hint again: lab hint \(number) --again", "再看最后一条提示：lab hint \(number) --again") }
    return say("Hint \(hintsShown + 1) of \(hints): lab hint \(number)", "第 \(hintsShown + 1) 条提示（共 \(hints) 条）：lab hint \(number)")
  }

  public func word(_ status: CheckResult.Status) -> String {
    switch status {
    case .pass: say("ok", "通过")
    case .fail: say("FAIL", "未通过")
    case .skip: say("skip", "跳过")
    case .error: say("error", "出错")
    }
  }

  private func seconds(_ milliseconds: Int) -> String {
    let tenths = (milliseconds + 50) / 100
    return "\(tenths / 10).\(tenths % 10) " + say("s", "秒")
  }

  private func paint(_ word: String, _ status: CheckResult.Status) -> String {
    guard colour else { return word }
    let code = switch status { case .pass: "32"; case .fail, .error: "1;31"; case .skip: "2" }
    return "\u{1b}[\(code)m\(word)\u{1b}[0m"
  }

  private func say(_ en: String, _ zh: String) -> String { language == .en ? en : zh }
}
