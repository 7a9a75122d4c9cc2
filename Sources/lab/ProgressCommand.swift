// SPDX-License-Identifier: Apache-2.0
//
// lab progress: where one stands, exercise by exercise.
import ArgumentParser
import Glibc
import Grading
import Kernel
import Manifest

struct ProgressCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "progress", abstract: "What you have started, checked and passed.")

  @Option(name: .shortAndLong, help: "text or json.") var output: OutputFormat = .text
  @OptionGroup var options: ExerciseOptions

  func run() throws {
    try verb {
      let library = try Library(home: try Home.find())
      let log = options.progress
      var rows: [(id: String, state: Text, word: String, points: String)] = []
      for id in library.ids {
        let exercise = try options.exercise(id)
        let events = log.events.filter { $0.exercise == id || exercise.aliases.contains($0.exercise) }
        let last = events.last { $0.kind == .checked || $0.kind == .passed }
        let points = last.map { "\($0.detail("points")?.int ?? 0)/\($0.detail("maxPoints")?.int ?? 0)" } ?? ""
        let (word, state) = standing(events, exercise)
        rows.append((id, state, word, points))
      }
      if output == .json {
        show(JSON.pretty(.array(rows.map { .object([("exercise", .string($0.id)), ("state", .string($0.word)), ("points", .string($0.points))]) })) + "\n")
      } else {
        for row in rows { show("  " + Cells.padded(row.id, to: 18) + Cells.padded(row.state[options.language], to: 24) + row.points + "\n") }
      }
      return 0
    }
  }

  private func standing(_ events: [ProgressEvent], _ exercise: Exercise) -> (String, Text) {
    if let passed = events.last(where: { $0.kind == .passed }) {
      // The digest of the work that passed, against the work as it is now.
      if let folder = passed.detail("folder")?.string, let fd = optional({ () throws(SysError) in try FileDescriptor.open(folder, O_RDONLY | O_DIRECTORY) }),
        let now = try? Submission.read(fd, editable: exercise.editable), now.digest != passed.digest
      {
        return ("edited", Text(en: "passed, since edited", zh: "已通过，之后有改动"))
      }
      return ("passed", Text(en: "passed", zh: "已通过"))
    }
    if events.contains(where: { $0.kind == .checked }) { return ("checked", Text(en: "checked", zh: "检查过")) }
    if events.contains(where: { $0.kind == .started }) { return ("started", Text(en: "started", zh: "已开始")) }
    return ("new", Text(en: "-", zh: "-"))
  }
}
