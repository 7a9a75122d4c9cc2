// SPDX-License-Identifier: Apache-2.0
//
// lab hint: what the failing check says to do, then three stages, one at a time.
import ArgumentParser
import Grading
import Kernel
import Manifest

struct HintCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hint", abstract: "The next hint for an exercise.", discussion: "Hints cost nothing. Example: lab hint 3 --again")

  @Argument(help: "The exercise.") var lab: String?
  @Flag(name: .long, help: "The last one again.") var again = false
  @Flag(name: .long, help: "Also before the first check.") var now = false
  @OptionGroup var options: ExerciseOptions

  func run() throws {
    try verb {
      let exercise = try options.anyExercise(lab)
      guard let text = try Hints.next(exercise, options, again: again, now: now) else {
        show(options.say("Check first: lab check \(number(exercise.id)); or lab hint \(number(exercise.id)) --now\n", "请先检查：lab check \(number(exercise.id))；或 lab hint \(number(exercise.id)) --now\n"))
        return 0
      }
      show(text)
      return 0
    }
  }
}

enum Hints {
  /// The next hint as text; nil before the first check.
  static func next(_ exercise: Exercise, _ options: ExerciseOptions, again: Bool, now: Bool) throws -> String? {
    let log = options.progress
    guard now || log.hasChecked(exercise.id) else { return nil }
    let stages = try exercise.hints(options.language, variant: exercise.variant())
    let shown = log.hintsShown(exercise.id)
    let stage = again ? max(1, shown) : min(stages.count, shown + 1)
    var text = ""
    if let failing = lastFailure(exercise, options) { text += failing + "\n" }
    text += options.say("hint \(stage) of \(stages.count)\n\n", "第 \(stage) 条提示，共 \(stages.count) 条\n\n") + stages[stage - 1] + "\n"
    if stage == stages.count {
      text += options.say("\nThat was the last one: lab solution \(number(exercise.id))\n", "\n这是最后一条：lab solution \(number(exercise.id))\n")
    }
    if !again { options.note(ProgressEvent(.hint, exercise.id, version: exercise.version, details: [("stage", .int(Int64(stage)))])) }
    return text
  }

  /// What the first failing check of the last result has found, in two lines.
  private static func lastFailure(_ exercise: Exercise, _ options: ExerciseOptions) -> String? {
    let path = Practice.resultPath(options, exercise.id)
    guard let bytes = optional({ () throws(SysError) in try FileSystem.read(path) }), let result = try? JSON.parse(bytes),
      let check = result["checks"]?.array?.first(where: { $0["status"]?.string == "fail" }), let id = check["id"]?.string
    else { return nil }
    let words = options.language == .zh ? check["zh"] ?? check : check
    let why = check["why"]?[options.language.rawValue]?.string ?? ""
    return id + options.say(": found ", "：实际 ") + (words["found"]?.string ?? "") + "\n" + Cells.wrapped(why, to: 76).map { "  " + $0 }.joined(separator: "\n") + "\n"
  }
}

extension ExerciseOptions {
  /// The exercise named, or that of the workspace meant.
  func anyExercise(_ name: String?) throws -> Exercise {
    if let name { return try exercise(name) }
    return try workspace(nil).0
  }
}
