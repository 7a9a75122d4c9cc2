// SPDX-License-Identifier: Apache-2.0
//
// `lab learn`: the model, a lab at work, a check in the background, and somebody at the keys. Two faces: the full screen, and
// a dialogue in plain lines for screen readers, dumb terminals and pipes.
import Glibc
import Grading
import Kernel
import Manifest

/// What the verb gives the tutorial to work with.
public struct LearnTools {
  /// The lab's executable and its first arguments; nil where the lab has none.
  public var lab: (path: String, arguments: [String])?
  /// A command that checks the workspace and prints podlab.result/1; nil where nothing was started.
  public var check: (path: String, arguments: [String])?
  /// A command that opens a shell on the node.
  public var shell: (path: String, arguments: [String])
  /// The next hint; nil before the first check.
  public var hint: (Language) -> String?
  /// A report for the screen.
  public var report: (SubmissionResult, Language) -> String
  public var environment: [String]

  public init(
    lab: (path: String, arguments: [String])?, check: (path: String, arguments: [String])?, shell: (path: String, arguments: [String]),
    hint: @escaping (Language) -> String?, report: @escaping (SubmissionResult, Language) -> String, environment: [String]
  ) {
    (self.lab, self.check, self.shell, self.hint, self.report, self.environment) = (lab, check, shell, hint, report, environment)
  }
}

public final class Learn {
  var model: LearnModel
  let tools: LearnTools
  private(set) var lab: LineChild?
  private(set) var checking: LineChild?

  public init(_ model: LearnModel, _ tools: LearnTools) { (self.model, self.tools) = (model, tools) }

  /// Remembers a result: its line, its report.
  public func show(_ result: SubmissionResult) {
    model.report = Text(en: tools.report(result, .en), zh: tools.report(result, .zh))
    if let first = result.checks.first(where: { $0.status == .fail || $0.status == .error }) {
      let (en, zh) = first.status == .fail ? ("FAIL", "未通过") : ("error", "出错")
      model.resultLine = Text(en: "\(en)  \(first.id): \(first.title.en)", zh: "\(zh)  \(first.id)：\(first.title.zh)")
    } else if let reason = result.reason {
      model.resultLine = Text(en: "\(reason.rawValue): \(result.message?.en ?? "")", zh: "\(reason.rawValue)：\(result.message?.zh ?? "")")
    } else {
      let all = result.checks.count
      model.resultLine = Text(en: "ok  all \(all) checks pass, \(result.points)/\(result.maxPoints) points", zh: "通过  \(all) 项检查全部通过，\(result.points)/\(result.maxPoints) 分")
    }
  }

  // MARK: children

  /// Lets the lab go on, starting it if need be.
  func advance() {
    if let lab { return lab.proceed() }
    guard let command = tools.lab else {
      model.apply(.ended(ok: true))
      return
    }
    do throws(SysError) {
      lab = try LineChild(command.path, command.arguments, environment: tools.environment, keepsInput: true)
    } catch {
      model.apply(.ended(ok: false))
      model.message = .data("\(error)")
    }
  }

  func startCheck() {
    guard checking == nil else { return }
    guard let command = tools.check else {
      model.message = Text(en: "nothing to check yet: lab start \(model.exercise)", zh: "还没有可以检查的内容：lab start \(model.exercise)")
      return
    }
    do throws(SysError) {
      checking = try LineChild(command.path, command.arguments, environment: tools.environment, keepsInput: false)
      model.checking = true
    } catch { model.message = .data("\(error)") }
  }

  func showHint() {
    let (en, zh) = (tools.hint(.en), model.language == .zh ? tools.hint(.zh) : nil)
    guard let text = model.language == .zh ? zh : en else {
      model.message =
        checking == nil
        ? Text(en: "first check once: c", zh: "请先按 c 检查一次") : Text(en: "the check still runs; after it there is a hint", zh: "检查还在进行，结束后才有提示")
      return
    }
    model.hint = .data(text)
    (model.overlay, model.scroll) = (.hint, 0)
  }

  /// What the children have said since. True: something changed.
  func listen() -> Bool {
    var changed = false
    if let lab {
      for line in lab.lines() {
        if let record = LabRecord(line: line) { model.apply(record); changed = true }
      }
      if let status = lab.status {
        if case .ended = model.run {} else { model.apply(.ended(ok: status.code == 0)) }
        self.lab = nil
        changed = true
      }
    }
    if let child = checking {
      _ = child.lines()
      if child.status != nil {
        (checking, model.checking, changed) = (nil, false, true)
        if let value = try? JSON.parse(child.text), let result = SubmissionResult(value) { show(result) } else {
          model.message = Text(en: "the check could not be made: lab check \(model.exercise) says why", zh: "检查没有完成：用 lab check \(model.exercise) 看原因")
        }
      }
    }
    return changed
  }

  /// Waits for a key or for a child.
  func wait() {
    var list = [pollfd(fd: 0, events: Int16(POLLIN), revents: 0)]
    for fd in [lab?.output, checking?.output] { if let fd { list.append(pollfd(fd: fd, events: Int16(POLLIN), revents: 0)) } }
    _ = poll(&list, nfds_t(list.count), -1)
  }

  /// Ends the lab and waits for it: it removes its pods itself.
  func end() {
    lab?.finish()
    lab = nil
    checking?.finish()
    checking = nil
  }

  // MARK: the full screen

  public enum Ending { case quit, plain, noScreen }

  public func fullScreen(noColour: Bool) -> Ending {
    guard let screen = Curses(noColour: noColour) else { return .noScreen }
    defer { screen.close() }
    var ending: Ending?
    draw(screen)
    while ending == nil {
      var changed = listen()
      while let key = screen.key() {
        changed = true
        let small = screen.rows < LearnScreen.leastRows || screen.columns < LearnScreen.leastColumns
        if small {
          if key == .character("p") { ending = .plain } else if key == .character("q") { ending = .quit }
          continue
        }
        switch model.press(key) {
        case .advance: advance()
        case .check: startCheck()
        case .hint: showHint()
        case .shell: screen.suspended { openShell() }
        case .quit: ending = .quit
        case .plain: ending = .plain
        case nil: break
        }
      }
      if changed { draw(screen) }
      if ending == nil { wait() }
    }
    if ending == .quit {
      if lab != nil { model.message = Text(en: "removing the pod …", zh: "正在删除 Pod …") }
      draw(screen)
      end()
    }
    return ending ?? .quit
  }

  private func draw(_ screen: Curses) { screen.show(LearnScreen.draw(&model, rows: screen.rows, columns: screen.columns)) }

  /// A shell on the node; while the lab runs, on its node, where podctl reaches its pods.
  func openShell() {
    let words =
      model.labRoot == nil
      ? Text(en: "A shell on the node: podctl works in it, the lab has no pod up now. exit comes back.", zh: "节点上的 shell：可以用 podctl，实验现在没有运行中的 Pod。exit 返回。")
      : Text(en: "A shell on the lab's node: podctl get pods shows its pods. exit comes back.", zh: "实验节点上的 shell：podctl get pods 可以看到实验的 Pod。exit 返回。")
    _ = optional { () throws(SysError) in try writeAll(1, words[model.language] + "\n") }
    let arguments = tools.shell.arguments + (model.labRoot.map { ["--root", $0] } ?? [])
    let plan = SpawnPlan(.paths([tools.shell.path]), arguments, environment: tools.environment)
    do throws(SysError) { _ = try plan.spawn().wait() } catch {
      _ = optional { () throws(SysError) in try writeAll(2, "\(error)\n") }
    }
  }
}
