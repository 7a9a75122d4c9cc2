// SPDX-License-Identifier: Apache-2.0
//
// What the full-screen tutorial knows and how keys change it: no terminal, no process. A key or a record comes in, wishes
// come out (go on with the lab, run the check, open a shell); LearnScreen draws the state.
import Grading

/// What a lab's executable says while it runs, one at a time.
public enum LabRecord: Sendable, Equatable {
  /// root: where the lab's pods live, for `podctl --root`.
  case story(title: Text, question: Text, steps: Int, root: String? = nil)
  case step(number: Int, title: Text, why: Text)
  case evidence(at: String, lines: [Text])
  case fact(id: String, text: Text, holds: Bool)
  case trace(String)
  /// The lab waits to be told to go on.
  case waiting
  case ended(ok: Bool)
}

public enum Key: Sendable, Equatable {
  case enter, back, up, down, pageUp, pageDown, home, end, backspace, escape, resize
  case character(Character)
}

/// What the model wants of the world.
public enum Wish: Sendable, Equatable {
  /// Start the lab, or let it go on.
  case advance
  case check, hint, shell, quit
  /// Leave the full screen for the line dialogue.
  case plain
}

public struct LearnModel: Sendable {
  public struct Step: Sendable, Equatable {
    public var number: Int
    public var title: Text
    public var why: Text
    public var evidence: [Text] = []
    public var readAt = ""
    public var facts: [(id: String, text: Text, holds: Bool)] = []
    public var trace: [String] = []
    public static func == (a: Step, b: Step) -> Bool {
      a.number == b.number && a.title == b.title && a.evidence == b.evidence && a.trace == b.trace && a.facts.map(\.id) == b.facts.map(\.id)
    }
  }
  public enum Overlay: Sendable, Equatable { case none, help, list, hint, quit, prompt(String) }
  public enum Run: Sendable, Equatable { case notStarted, working, waiting, ended(ok: Bool) }

  public let exercise: String
  public var language: Language
  /// Markdown of the lesson and of the exercise's brief, per language.
  public var lesson: Text
  public var brief: Text
  public var steps: [Step] = []
  public var stepCount = 0
  public var run = Run.notStarted
  /// 0 is the lesson, 1… the steps, the last one the exercise.
  public var page = 0
  public var scroll = 0
  public var overlay = Overlay.none
  public var showsTrace = false
  /// In a single pane: the evidence instead of the lesson.
  public var showsEvidence = false
  /// The exercise's last result, one line; and the whole report.
  public var resultLine: Text?
  public var report: Text?
  public var hint: Text?
  public var message: Text?
  public var checking = false
  public var title: Text
  /// Where the running lab's pods live; nil without one.
  public private(set) var labRoot: String?
  public var podIsUp: Bool { run == .waiting || run == .working }
  public var selected = 0
  /// How many lines the shown text has, and how many fit: set by whoever draws, used for scrolling.
  public var textLines = 0, textRoom = 1
  private var pattern = ""

  public init(exercise: String, title: Text, lesson: Text, brief: Text, language: Language) {
    (self.exercise, self.title, self.lesson, self.brief, self.language) = (exercise, title, lesson, brief, language)
  }

  /// The lesson, the steps seen so far, and the exercise once every step was seen.
  public var pageCount: Int { 1 + steps.count + (allStepsSeen ? 1 : 0) }
  public var allStepsSeen: Bool { if case .ended = run { true } else { false } }
  public var step: Step? { steps.indices.contains(page - 1) ? steps[page - 1] : nil }
  public var isExercise: Bool { allStepsSeen && page == steps.count + 1 }

  // MARK: what the lab says

  public mutating func apply(_ record: LabRecord) {
    switch record {
    case .story(let title, _, let steps, let root):
      self.title = title
      stepCount = steps
      labRoot = root
    case .step(let number, let title, let why):
      steps.append(Step(number: number, title: title, why: why))
      turn(to: steps.count)
    case .evidence(let at, let lines):
      guard !steps.isEmpty else { return }
      steps[steps.count - 1].evidence += lines
      steps[steps.count - 1].readAt = at
    case .fact(let id, let text, let holds):
      guard !steps.isEmpty else { return }
      steps[steps.count - 1].facts.append((id, text, holds))
    case .trace(let line):
      guard !steps.isEmpty else { return }
      steps[steps.count - 1].trace.append(line)
    case .waiting: run = .waiting
    case .ended(let ok):
      run = .ended(ok: ok)
      labRoot = nil
      message =
        ok
        ? Text(en: "The demonstration is over, nothing is left. Enter: the exercise", zh: "演示结束，没有留下任何东西。回车：练习")
        : Text(en: "The demonstration ended before its time: lab run \(exercise)", zh: "演示提前结束：lab run \(exercise)")
    }
  }

  // MARK: what the learner presses

  public mutating func press(_ key: Key) -> Wish? {
    if key == .resize { return nil }
    switch overlay {
    case .prompt(let text): return edit(text, key)
    case .quit: return answerQuit(key)
    case .list: return choose(key)
    case .help, .hint:
      if scrolls(key) { return nil }
      overlay = .none
      scroll = 0
      return nil
    case .none: break
    }
    if scrolls(key) { return nil }
    message = nil
    switch key {
    case .enter, .character(" "): return next()
    case .character("b"), .back: turn(to: max(0, page - 1))
    case .character("e"): showsEvidence.toggle(); scroll = 0
    case .character("s"): return .shell
    case .character("c"): return .check
    case .character("h"): return .hint
    case .character("t"): showsTrace.toggle()
    case .character("L"): language = language == .en ? .zh : .en; scroll = 0
    case .character("g"): (overlay, selected) = (.list, page)
    case .character("?"): (overlay, scroll) = (.help, 0)
    case .character("/"): overlay = .prompt("/")
    case .character(":"): overlay = .prompt(":")
    case .character("q"): return askToQuit()
    default: message = Text(en: "? shows all keys", zh: "按 ? 看所有按键")
    }
    return nil
  }

  /// A page's last line is hidden where it says that more is below: it comes first on the next screenful.
  private var screenful: Int { max(1, textRoom - 1) }

  private mutating func next() -> Wish? {
    if scroll + textRoom < textLines { return press(.pageDown) }
    if page + 1 < pageCount { turn(to: page + 1); return nil }
    switch run {
    case .notStarted, .waiting:
      run = .working
      return .advance
    case .working: message = Text(en: "one moment: the kernel is at work", zh: "请稍候，内核正在工作")
    case .ended: message = Text(en: "This was the last page. c checks the exercise, q quits", zh: "已是最后一页。c 检查练习，q 退出")
    }
    return nil
  }

  private mutating func askToQuit() -> Wish? {
    guard podIsUp else { return .quit }
    overlay = .quit
    return nil
  }

  private mutating func answerQuit(_ key: Key) -> Wish? {
    if key == .character("y") || key == .character("q") { return .quit }
    overlay = .none
    return nil
  }

  private mutating func turn(to page: Int) { (self.page, scroll) = (min(page, pageCount - 1), 0) }

  private mutating func scrolls(_ key: Key) -> Bool {
    let last = max(0, textLines - textRoom)
    switch key {
    case .up: scroll = max(0, scroll - 1)
    case .down: scroll = min(last, scroll + 1)
    case .pageUp: scroll = max(0, scroll - screenful)
    case .pageDown: scroll = min(last, scroll + screenful)
    case .home: scroll = 0
    case .end: scroll = last
    default: return false
    }
    return true
  }

  private mutating func choose(_ key: Key) -> Wish? {
    switch key {
    case .up: selected = max(0, selected - 1)
    case .down: selected = min(pageCount - 1, selected + 1)
    case .enter, .character(" "):
      overlay = .none
      turn(to: selected)
    case .character(let c):
      guard let n = c.wholeNumberValue, n < pageCount else { overlay = .none; return nil }
      overlay = .none
      turn(to: n)
    default: overlay = .none
    }
    return nil
  }

  /// The command line (`:`) and the search (`/`).
  private mutating func edit(_ text: String, _ key: Key) -> Wish? {
    switch key {
    case .character(let c): overlay = .prompt(text + String(c))
    case .backspace: overlay = text.count > 1 ? .prompt(String(text.dropLast())) : .none
    case .enter:
      overlay = .none
      return text.hasPrefix("/") ? find(String(text.dropFirst())) : command(String(text.dropFirst()))
    default: overlay = .none
    }
    return nil
  }

  /// Every action by its name, so that no key must be remembered.
  private mutating func command(_ name: String) -> Wish? {
    let keys: [String: Character] = [
      "back": "b", "evidence": "e", "shell": "s", "check": "c", "hint": "h", "trace": "t", "language": "L", "list": "g", "help": "?",
      "quit": "q",
    ]
    let name = name.trimmed
    if name == "next" { return next() }
    if name == "plain" { return .plain }
    if name.hasPrefix("search ") { return find(String(name.dropFirst(7))) }
    if let key = keys[name] { return press(.character(key)) }
    message = Text(
      en: "commands: next " + keys.keys.sorted().joined(separator: " ") + " search plain",
      zh: "命令：next " + keys.keys.sorted().joined(separator: " ") + " search plain")
    return nil
  }

  /// The next page, from this one on, whose text holds the words.
  private mutating func find(_ words: String) -> Wish? {
    if !words.isEmpty { pattern = words }
    let order = (0..<pageCount).map { (page + 1 + $0) % pageCount }
    for candidate in order where pageText(candidate).lowercased().contains(pattern.lowercased()) {
      turn(to: candidate)
      return nil
    }
    message = Text(en: "not found: \(pattern)", zh: "没有找到：\(pattern)")
    return nil
  }

  /// The Markdown of a page.
  public func pageText(_ page: Int) -> String {
    if page == 0 { return lesson[language] }
    if steps.indices.contains(page - 1) { return steps[page - 1].why[language] }
    return brief[language]
  }

  public func pageTitle(_ page: Int) -> String {
    if page == 0 { return language == .en ? "The lesson" : "课文" }
    if steps.indices.contains(page - 1) { return steps[page - 1].title[language] }
    return language == .en ? "The exercise" : "练习"
  }
}

extension String {
  var trimmed: String {
    var s = Substring(self)
    while s.first == " " { s.removeFirst() }
    while s.last == " " { s.removeLast() }
    return String(s)
  }
}
