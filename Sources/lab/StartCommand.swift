// SPDX-License-Identifier: Apache-2.0
//
// lab start: a workspace with the starter and the brief.
import ArgumentParser
import Grading
import Kernel

struct StartCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "start", abstract: "Copy an exercise's starter into a folder of your own.",
    discussion: "Example: lab start 3 my-work && cd my-work && lab check")

  @Argument(help: "The exercise: its number, its name or the beginning of it.") var lab: String
  @Argument(help: "The folder (default: the exercise's name, here).") var folder: String?
  @OptionGroup var options: ExerciseOptions

  func run() throws {
    try verb {
      let exercise = try options.exercise(lab)
      let variant = exercise.variant()
      let workspace = try Workspace.start(exercise, in: absolute(folder ?? exercise.id), variant: variant)
      options.note(ProgressEvent(.started, exercise.id, version: exercise.version, details: [("folder", .string(workspace.folder)), ("variant", .string(variant.seed))]))
      let language = options.language
      let lines = [
        exercise.id + "  " + exercise.title[language], "",
        options.say("  task    ", "  任务    ") + "\(workspace.folder)/README.\(language.rawValue).md",
        options.say("  yours   ", "  要改的  ") + exercise.editable.joined(separator: ", "),
        options.say("  check   ", "  检查    ") + "cd \(folder ?? exercise.id) && lab check",
        options.say("  help    ", "  帮助    ") + "lab hint \(number(exercise.id))   lab learn \(number(exercise.id))",
      ] + elsewhere
      show(lines.joined(separator: "\n") + "\n")
      return 0
    }
  }
}

extension StartCommand {
  /// Where `lab` lies, for whoever could not call it from the workspace.
  private var elsewhere: [String] {
    let isInPath = (environment("PATH") ?? "").split(separator: ":").contains { FileSystem.exists("\($0)/lab") }
    guard !isInPath, let home = try? Home.find(), FileSystem.exists(home + "/lab") else { return [] }
    return ["", options.say("  `lab` and `podctl` are in \(home):", "  `lab` 和 `podctl` 在 \(home)："), "  export PATH=\"\(home):$PATH\""]
  }
}

/// 3 of 03-sidecar.
func number(_ id: String) -> String { String(id.prefix { $0 != "-" }) }
