// SPDX-License-Identifier: Apache-2.0
//
// lab check: the work in an arena, the result on the terminal.
import ArgumentParser
import Grading
import Kernel
import Manifest

enum OutputFormat: String, ExpressibleByArgument { case text, json }

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Run your work on an exercise and check the result.",
    discussion: """
      Takes the current folder if it is a workspace, else the last one that was started.
      Exit code: 0 all pass, 1 some fail, 2 usage, 3 this machine cannot.
      Example: lab check 3 --keep
      """)

  @Argument(help: "The exercise.") var lab: String?
  @Flag(name: .long, help: "Leave the pod up and print the line that reaches it.") var keep = false
  @Option(name: .shortAndLong, help: "text or json.") var output: OutputFormat = .text
  @Flag(name: .shortAndLong, help: "Every failure in full, with logs.") var verbose = false
  @OptionGroup var options: ExerciseOptions

  func run() throws {
    try verb {
      let (exercise, workspace) = try options.workspace(lab)
      let observatory = try Observatories.make(options.root)
      let (result, reach) = practice(exercise, workspace, observatory)
      if output == .json { show(JSON.pretty(result.value) + "\n") } else { show(try report(result, exercise, reach)) }
      try Practice.record(result, exercise, workspace, options)
      switch result.state {
      case .error: return 3
      case .rejected: return 1
      case .graded: return result.checks.allSatisfy { $0.status == .pass } ? 0 : 1
      }
    }
  }

  private func practice(_ exercise: Exercise, _ workspace: Workspace, _ observatory: Observatory) -> (SubmissionResult, String?) {
    var assignment = Assignment(
      exercise: exercise, source: .folder(workspace.folder), student: "", variant: exercise.variant(), hidden: false)
    assignment.keep = keep
    let isShown = isTerminal(2) && output == .text
    assignment.progress = { check, n, of in
      if isShown { Practice.status("[\(n)/\(of)] \(check.title[options.language])") }
    }
    let grader = Grader(observatory)
    let result = grader.grade(assignment)
    if isShown { Practice.status("") }
    return (result, grader.arena.map { "podctl --root \($0.door) get pods" })
  }

  private func report(_ result: SubmissionResult, _ exercise: Exercise, _ reach: String?) throws -> String {
    var report = Report(
      language: options.language, title: exercise.title, verbose: verbose, columns: terminalColumns(),
      colour: isTerminal(1) && environment("NO_COLOR") == nil, hints: try exercise.hints(options.language, variant: exercise.variant()).count)
    report.hintsShown = options.progress.hintsShown(exercise.id)
    let there = try Library(home: try Home.find()).ids
    (report.proves, report.next, report.reach) = (exercise.proves, exercise.next.flatMap { there.contains($0) ? $0 : nil }, reach)
    (report.hiddenChecks, report.hiddenPoints) = try exercise.hiddenTally()
    return report.text(result)
  }
}

/// What happens around every check on a learner's own machine.
enum Practice {
  /// One line that is replaced by the next, on standard error.
  static func status(_ text: String) {
    _ = optional { () throws(SysError) in try writeAll(2, "\r\u{1b}[K" + Cells.truncated(text, to: max(20, terminalColumns() - 1))) }
  }

  static func resultPath(_ options: ExerciseOptions, _ id: String) -> String { "\(options.progress.folder)/results/\(id).json" }

  /// Remembers the result, for `lab learn`, and the event.
  static func record(_ result: SubmissionResult, _ exercise: Exercise, _ workspace: Workspace, _ options: ExerciseOptions) throws {
    guard result.state != .error else { return }
    let passed = result.state == .graded && result.checks.allSatisfy { $0.status == .pass }
    options.note(
      ProgressEvent(
        passed ? .passed : .checked, exercise.id, version: exercise.version, digest: result.submissionDigest,
        details: [
          ("points", .int(Int64(result.points))), ("maxPoints", .int(Int64(result.maxPoints))), ("folder", .string(workspace.folder)),
          ("failed", .strings(result.checks.filter { $0.status == .fail }.map(\.id))),
        ]))
    let path = resultPath(options, exercise.id)
    do throws(SysError) {
      try FileSystem.makeFolders("\(options.progress.folder)/results", mode: 0o700)
      try FileSystem.writeAtomically(path, Array((JSON.pretty(result.value) + "\n").utf8))
    } catch {
      complain(options.say("the result is not remembered: \(error)", "没有记住结果：\(error)"))
    }
  }
}
