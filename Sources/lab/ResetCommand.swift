// SPDX-License-Identifier: Apache-2.0
//
// lab reset: the starter again; the work is kept aside and can be brought back.
import ArgumentParser
import Grading

struct ResetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reset", abstract: "Go back to the starter; your work is kept aside.", discussion: "Example: lab reset 3; lab reset 3 --undo")

  @Argument(help: "The exercise.") var lab: String?
  @Flag(name: .long, help: "Bring the work back that was put aside last.") var undo = false
  @OptionGroup var options: ExerciseOptions

  func run() throws {
    try verb {
      let (exercise, workspace) = try options.workspace(lab)
      if undo {
        let name = try workspace.undo()
        show(options.say("The work of \(name) is back in \(workspace.folder).\n", "\(name) 的工作已恢复到 \(workspace.folder)。\n"))
        return 0
      }
      let kept = try workspace.reset(exercise, variant: exercise.variant())
      options.note(ProgressEvent(.reset, exercise.id, version: exercise.version))
      show(
        options.say(
          "The starter is back. Your work is in \(workspace.folder)/\(kept)\nBring it back: lab reset \(number(exercise.id)) --undo\n",
          "已恢复起始文件。你的工作在 \(workspace.folder)/\(kept)\n恢复：lab reset \(number(exercise.id)) --undo\n"))
      return 0
    }
  }
}
