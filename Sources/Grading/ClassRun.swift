// SPDX-License-Identifier: Apache-2.0
//
// A whole class: every submission is graded by a process of its own, so many at a time; who has a result that still holds
// is passed over. A worker writes its own result; this process only counts and tells.
import Glibc
import Kernel
import Manifest

public struct ClassEntry: Sendable, Equatable {
  public var student: String
  public var source: Submission.Source

  /// The submissions in a folder: each folder and each .tar in it is one; the name is the student's id, as the instructor has it.
  public static func list(_ folder: String) throws(SysError) -> [ClassEntry] {
    var entries: [ClassEntry] = []
    for name in try FileSystem.list(folder) where !name.hasPrefix(".") {
      let path = "\(folder)/\(name)"
      let info = try FileSystem.info(path, follow: false)
      if info.isFolder { entries.append(ClassEntry(student: name, source: .folder(path))) }
      else if info.isRegular, name.hasSuffix(".tar"), name.count > 4 {
        entries.append(ClassEntry(student: String(name.dropLast(4)), source: .archive(path)))
      }
    }
    return entries
  }

  var path: String {
    switch source {
    case .folder(let path), .archive(let path): path
    }
  }

  /// What the result will say about what was handed in; nil where it cannot be told without unpacking or reading fails.
  func digest(_ exercise: Exercise) -> String? {
    switch source {
    case .folder(let path):
      guard let fd = optional({ () throws(SysError) in try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY) }) else { return nil }
      return (try? Submission.read(fd, editable: exercise.editable))?.digest
    case .archive(let path):
      return optional { () throws(SysError) in "sha256:" + SHA256.hex(try FileSystem.read(path)) }
    }
  }
}

public final class ClassRun {
  public struct Outcome: Sendable, Equatable {
    /// Graded or rejected in this run; still valid from before; ended in an error of ours.
    public var done = 0, kept = 0, errors = 0
  }

  private let exercise: Exercise
  private let entries: [ClassEntry]
  private let results: ResultFiles
  private let jobs: Int
  /// Arguments that start a worker, before its own: the program and what the instance is.
  private let worker: [String]
  private let tell: (String) -> Void

  public init(_ exercise: Exercise, _ entries: [ClassEntry], results: ResultFiles, jobs: Int, worker: [String], tell: @escaping (String) -> Void) {
    (self.exercise, self.entries, self.results, self.jobs, self.worker, self.tell) = (exercise, entries, results, max(1, jobs), worker, tell)
  }

  /// Runs until all is done, or SIGINT or SIGTERM asks to stop: then nil, and what was finished stays.
  public func run() throws(SysError) -> Outcome? {
    var outcome = Outcome()
    let variant = exercise.variant()
    var waiting: [ClassEntry] = []
    for entry in entries {
      if let digest = entry.digest(exercise), results.holds(exercise, entry.student, digest: digest, variant: variant) { outcome.kept += 1 } else { waiting.append(entry) }
    }
    if outcome.kept > 0 { tell("\(outcome.kept) of \(entries.count) have a result that still holds") }
    let total = waiting.count
    waiting.reverse()
    let loop = try EventLoop()
    var running: [Int32: Job] = [:]
    var stopped = false, finished = 0
    var failure: SysError?

    func start() {
      while running.count < jobs, let entry = waiting.popLast() {
        do throws(SysError) {
          let job = try Job(entry, worker + arguments(entry))
          let fd = job.pidfd.raw
          running[fd] = job
          try loop.watch(fd) { _ in ended(fd) }
        } catch {
          failure = error
          return loop.stop()
        }
      }
      if running.isEmpty { loop.stop() }
    }
    func ended(_ fd: Int32) {
      guard let job = running.removeValue(forKey: fd) else { return }
      loop.forget(fd)
      let status = optional { () throws(SysError) in try ExitStatus.collect(pidfd: fd, wait: true) } ?? nil
      finished += 1
      let value = results.read(exercise.id, job.entry.student)
      let state = status?.code == 0 ? value?["state"]?.string ?? "error" : "error"
      if state == "error" { outcome.errors += 1 } else { outcome.done += 1 }
      let points = state == "error" ? "" : "  \(value?["points"]?.int ?? 0)/\(value?["maxPoints"]?.int ?? 0)"
      tell("[\(finished)/\(total)] \(Sanitise.line(job.entry.student, limit: 60))  \(state)\(points)")
      start()
    }
    try loop.watchSignals([SIGINT, SIGTERM]) { _ in
      stopped = true
      loop.stop()
    }
    loop.beforeSleep = nil
    start()
    if !running.isEmpty { try loop.run() }
    for (fd, _) in running { _ = optional { () throws(SysError) in try Pidfd.signal(fd, SIGTERM) } }
    for (fd, _) in running { _ = optional { () throws(SysError) in try ExitStatus.collect(pidfd: fd, wait: true) } }
    if let failure { throw failure }
    return stopped ? nil : outcome
  }

  private func arguments(_ entry: ClassEntry) -> [String] {
    let kind = if case .archive = entry.source { "--archive" } else { "--folder" }
    return ["--exercise", exercise.id, "--student", entry.student, "--out", results.folder, kind, entry.path]
  }

  /// A worker at work.
  private final class Job {
    let entry: ClassEntry
    let pidfd: FileDescriptor

    init(_ entry: ClassEntry, _ arguments: [String]) throws(SysError) {
      self.entry = entry
      var plan = SpawnPlan(.paths(["/proc/self/exe"]), arguments, environment: Environment.own)
      // Its own process group: Ctrl-C asks us, and we ask it; and it ends with us, whatever ends us.
      plan.steps = [SpawnStep(.open("/dev/null", flags: O_RDONLY, as: 0)), SpawnStep(.newProcessGroup), SpawnStep(.deathSignal(SIGKILL))]
      let child = try plan.spawn()
      pidfd = FileDescriptor(owning: child.release())
    }
  }
}

enum Environment {
  /// NAME=value of this process.
  static var own: [String] {
    var out: [String] = [], at = environ
    while let entry = at.pointee { out.append(String(cString: entry)); at += 1 }
    return out
  }
}
