// SPDX-License-Identifier: Apache-2.0
//
// lab learn: the tutorial of a lab, on the full screen or as a dialogue.
import ArgumentParser
import Grading
import Kernel
import Manifest
import Tutorial

struct LearnCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "learn", abstract: "The lesson, the demonstration and the exercise, on the full screen.",
    discussion: "Plain lines with --plain, with TERM=dumb, or where there is no terminal. Example: lab learn 3 --lang zh")

  @Argument(help: "The lab (default: the one started last).") var lab: String?
  @Flag(name: .long, help: "A dialogue in plain lines.") var plain = false
  @OptionGroup var options: ExerciseOptions

  func run() throws {
    try verb {
      let exercise = try options.anyExercise(lab)
      let home = try Home.find()
      let own = try FileSystem.readlink("/proc/self/exe")
      let variant = exercise.variant()
      let model = LearnModel(
        exercise: exercise.id, title: exercise.title,
        lesson: Text(en: try lesson(home, exercise.id, .en), zh: try lesson(home, exercise.id, .zh)),
        brief: Text(en: try exercise.text("brief", .en, variant: variant), zh: try exercise.text("brief", .zh, variant: variant)),
        language: options.language)
      let learn = Learn(model, try tools(exercise, own))
      if let last = lastResult(exercise) { learn.show(last) }
      var ending = Learn.Ending.plain
      if !plain, environment("TERM") != "dumb", isTerminal(0), isTerminal(1) {
        ending = learn.fullScreen(noColour: environment("NO_COLOR")?.isEmpty == false)
      }
      if ending != .quit { learn.plain() }
      return 0
    }
  }

  private func lesson(_ home: String, _ id: String, _ language: Language) throws -> String {
    try FileSystem.readText("\(home)/Labs/\(id)/lesson.\(language.rawValue).md")
  }

  private func tools(_ exercise: Exercise, _ own: String) throws -> LearnTools {
    let folder = own.lastIndex(of: "/").map { String(own[..<$0]) } ?? "."
    let program = "\(folder)/lab-\(exercise.id)"
    var shared: [String] = []
    if let root = options.root { shared += ["--root", absolute(root)] }
    if let state = options.state { shared += ["--state", absolute(state)] }
    let started = (try? options.workspace(exercise.id)) != nil
    return LearnTools(
      lab: FileSystem.exists(program) ? (program, [program, "-o", "json", "--step"]) : nil,
      check: started ? (own, ["lab", "check", exercise.id, "-o", "json"] + shared) : nil,
      shell: (own, ["lab", "shell"]),
      hint: { language in
        var options = options
        options.lang = language.rawValue
        return (try? Hints.next(exercise, options, again: false, now: false)) ?? nil
      },
      report: { result, language in
        Report(language: language, title: exercise.title, columns: 76).text(result)
      }, environment: ownEnvironment())
  }

  private func lastResult(_ exercise: Exercise) -> SubmissionResult? {
    guard let bytes = optional({ () throws(SysError) in try FileSystem.read(Practice.resultPath(options, exercise.id)) }), let value = try? JSON.parse(bytes)
    else { return nil }
    return SubmissionResult(value)
  }
}
