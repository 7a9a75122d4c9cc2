// SPDX-License-Identifier: Apache-2.0
//
// lab grade: a folder of submissions, a folder of results. The worker that grades one of them is a verb of its own.
import ArgumentParser
import Glibc
import Grading
import Kernel

struct GradeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "grade", abstract: "Grade a folder of submissions.",
    discussion: """
      Each folder and each .tar in DIR is one submission; its name is the student's id. One result file per submission; a second
      call does only what is missing or has changed. Exit code: 0 all graded or rejected, 4 some could not be, 2 usage, 3 machine.
      Example: lab grade submissions --out results --jobs 4
      """)

  @Argument(help: "The folder of submissions.") var folder: String
  @Option(name: .long, help: "The folder for results.") var out: String
  @Option(name: .long, help: "How many at a time (default: processors, as memory allows).") var jobs: Int?
  @Option(name: .long, help: "The exercise (default: the only one there is).") var exercise: String?
  @Option(name: .long, help: "A folder with hidden checks of your own (NN-name.yaml).") var hidden: String?
  @OptionGroup var options: ExerciseOptions

  func validate() throws {
    if let jobs, jobs < 1 { throw ValidationError("--jobs must be at least 1") }
  }

  func run() throws {
    try verb {
      let id = try exercise ?? onlyExercise()
      let graded = try options.exercise(id, hidden: hidden.map(absolute))
      guard FileSystem.isFolder(folder) else { throw Refusal.usage("\(folder) is no folder") }
      let entries = try ClassEntry.list(absolute(folder))
      guard !entries.isEmpty else { throw Refusal.usage("\(folder) holds no submissions: folders or .tar files, named after students") }
      // What the workers will need is made once, here.
      let observatory = try Observatories.make(options.root, enters: false)
      var worker = ["lab", "grade-one"]
      if let root = options.root { worker += ["--root", absolute(root)] }
      if let hidden { worker += ["--hidden", absolute(hidden)] }
      let run = ClassRun(
        graded, entries, results: ResultFiles(folder: absolute(out)), jobs: jobs ?? Self.defaultJobs(graded), worker: worker
      ) { line in _ = optional { () throws(SysError) in try writeAll(2, line + "\n") } }
      let outcome = try run.run()
      ArenaRecord.sweep(observatory.records)
      guard let outcome else {
        complain("stopped; what was finished is in \(out), the same command goes on")
        return 130
      }
      complain("\(outcome.done) graded, \(outcome.kept) kept, \(outcome.errors) could not be graded; results in \(out)/\(graded.id)")
      return outcome.errors > 0 ? 4 : 0
    }
  }

  private func onlyExercise() throws -> String {
    let ids = try Library(home: try Home.find()).ids
    guard let id = ids.first, ids.count == 1 else { throw Refusal.usage("which exercise? --exercise \(ids.joined(separator: " | "))") }
    return id
  }

  /// As many as there are processors, and as fit into the memory that is free.
  private static func defaultJobs(_ exercise: Exercise) -> Int {
    let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let info = optional { () throws(SysError) in try FileSystem.readText("/proc/meminfo") } ?? ""
    let available = info.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }?.split(separator: " ").dropFirst().first.flatMap { Int64($0) } ?? 0
    return max(1, min(processors, Int(available * 1024 / exercise.limits.memoryBytes)))
  }
}

struct GradeOneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "grade-one", abstract: "Grade one submission.", shouldDisplay: false)

  @Option(name: .long) var exercise: String
  @Option(name: .long) var student: String
  @Option(name: .long) var out: String
  @Option(name: .long) var folder: String?
  @Option(name: .long) var archive: String?
  @Option(name: .long) var hidden: String?
  @OptionGroup var options: ExerciseOptions

  func run() throws {
    try verb {
      let graded = try options.exercise(exercise, hidden: hidden)
      let source: Submission.Source
      if let folder { source = .folder(folder) } else if let archive { source = .archive(archive) } else { throw Refusal.usage("--folder or --archive") }
      let result = Grader(try Observatories.make(options.root)).grade(
        Assignment(exercise: graded, source: source, student: student, variant: graded.variant(), hidden: true))
      try ResultFiles(folder: out).write(result)
      return 0
    }
  }
}

struct ArenaDoorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "arena-door", abstract: "podctl in an arena that lab check --keep has left.", shouldDisplay: false)
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
  func run() throws {
    try verb {
      guard let root = arguments.first, let record = ArenaRecord(at: root) else { throw Refusal.usage("arena-door FOLDER WORDS") }
      return try ArenaDoor.run(["podctl"] + arguments.dropFirst(), in: record)
    }
  }
}

struct ArenaHelperCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "arena-helper", abstract: "What is done to a submission inside an arena.", shouldDisplay: false)
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
  func run() throws {
    let code = ArenaHelper.run(arguments)
    if code != 0 { throw ExitCode(code) }
  }
}
