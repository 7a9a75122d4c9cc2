// SPDX-License-Identifier: Apache-2.0
//
// lab solution: the reference, after a pass or after all hints, or when asked for with --yes.
import ArgumentParser
import Grading
import Kernel

struct SolutionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "solution", abstract: "The reference solution of an exercise.",
    discussion: "Shown after a pass, after all hints, or with --yes. Example: lab solution 3 --yes > pod.yaml")

  @Argument(help: "The exercise.") var lab: String?
  @Flag(name: .long, help: "Do not ask.") var yes = false
  @Option(name: .long, help: "Write the files into this folder instead of printing them.") var into: String?
  @OptionGroup var options: ExerciseOptions

  func run() throws {
    try verb {
      let exercise = try options.anyExercise(lab)
      let log = options.progress, variant = exercise.variant()
      let earned = log.passedDigest(exercise.id) != nil
      if !yes, !earned {
        let all = try exercise.hints(options.language, variant: variant).count
        guard log.hintsShown(exercise.id) >= all, isTerminal(0), agreed() else {
          complain(
            options.say(
              "not yet: pass it, or see all hints first (lab hint \(number(exercise.id))); --yes shows it now",
              "还不到时候：先通过，或看完所有提示（lab hint \(number(exercise.id))）；--yes 立即显示"))
          return 1
        }
      }
      options.note(ProgressEvent(.solution, exercise.id, version: exercise.version))
      for file in try exercise.files("solution", variant: variant) {
        if let into {
          let path = absolute(into) + "/" + file.path
          try FileSystem.writeAtomically(path, file.content)
          show(path + "\n")
        } else {
          show(String(decoding: file.content, as: UTF8.self))
        }
      }
      return 0
    }
  }

  private func agreed() -> Bool {
    complain(options.say("show the solution? y/n", "显示答案吗？y/n"))
    return readLine()?.lowercased().hasPrefix("y") ?? false
  }
}
