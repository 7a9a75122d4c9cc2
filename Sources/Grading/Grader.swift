// SPDX-License-Identifier: Apache-2.0
//
// One submission, one arena, one result. `lab check` and `lab grade` both come here: the same checks, the same code, the
// same arena; they differ in who reads the result.
import Glibc
import Kernel
import Manifest

/// Where the observer finds what it needs on this machine.
public struct Observatory: Sendable {
  /// The folder of the built programs.
  public var programs: String
  /// The image store's content, with what exercises need already in it.
  public var images: String
  /// Where arenas leave their names, for whoever cleans up after a crash.
  public var records: String
  /// root, rootless or single-id.
  public var mode: String
  public init(programs: String, images: String, records: String, mode: String) {
    (self.programs, self.images, self.records, self.mode) = (programs, images, records, mode)
  }
}

public struct Assignment {
  public var exercise: Exercise
  public var source: Submission.Source
  public var student: String
  public var variant: Variant
  /// Hidden checks too: `lab grade`.
  public var hidden: Bool
  public var keep = false
  /// Told before each check: its title, number and how many there are.
  public var progress: (Check, Int, Int) -> Void = { _, _, _ in }

  public init(exercise: Exercise, source: Submission.Source, student: String, variant: Variant, hidden: Bool) {
    (self.exercise, self.source, self.student, self.variant, self.hidden) = (exercise, source, student, variant, hidden)
  }
}

public final class Grader {
  public static let tool = "podlab 0.1.0"
  private let observatory: Observatory
  /// The arena of the last run, while it is kept.
  public private(set) var arena: Arena?

  public init(_ observatory: Observatory) { self.observatory = observatory }

  /// Why a submission gets no checks at all.
  private enum Stop: Error {
    case rejected(Reason, Text)
    case failed(String)
  }

  public func grade(_ assignment: Assignment) -> SubmissionResult {
    let began = Clock.monotonic
    let exercise = assignment.exercise
    let speed = SpeedFactor.measure()
    var result = SubmissionResult(
      exercise: exercise.id, version: exercise.version, checksDigest: exercise.checksDigest, tool: Self.tool, student: assignment.student,
      submissionDigest: "sha256:" + SHA256.hex([]), gradedAt: Timestamp.seconds(Clock.wall), variant: assignment.variant.seed,
      machine: Machine(kernel: Self.kernel, cgroup: "none", mode: observatory.mode, limits: "weak", speedFactor: speed),
      practice: !assignment.hidden)
    do {
      try run(assignment, speed: speed, into: &result)
      result.state = result.checks.contains { $0.status == .error } ? .error : .graded
      if result.state == .error {
        result.reason = .internal
        let what = result.checks.first { $0.status == .error }?.evidence.first?.value ?? ""
        result.message = Text(en: "PodLab could not check this: \(what)", zh: "PodLab 没能检查：\(what)")
      }
    } catch let stop as Stop {
      result.checks = []
      switch stop {
      case .rejected(let reason, let text): (result.state, result.reason, result.message) = (.rejected, reason, text)
      case .failed(let what):
        (result.state, result.reason) = (.error, .internal)
        result.message = Text(en: "PodLab could not check this: \(what)", zh: "PodLab 没能检查：\(what)")
      }
    } catch {
      (result.state, result.reason, result.message) = (.error, .internal, .data("\(error)"))
    }
    if result.state == .rejected { result.checks = rejectedChecks(assignment) }
    if assignment.keep && result.state == .graded {
      arena?.fence.leave()
    } else {
      arena?.end()
      arena = nil
    }
    result.wallMilliseconds = Int((Clock.monotonic - began) / 1_000_000)
    return result
  }

  private func run(_ assignment: Assignment, speed: Double, into result: inout SubmissionResult) throws {
    let exercise = assignment.exercise
    let id = Self.freshWord(5)
    let arena: Arena
    do {
      let fence = try Fence(id: id, records: observatory.records, limits: exercise.limits)
      result.machine.cgroup = fence.version
      result.machine.limits = fence.limits
      arena = try Arena(
        id: id, programs: observatory.programs, images: observatory.images, limits: exercise.limits, fence: fence, keep: assignment.keep)
    } catch { throw Stop.failed("\(error)") }
    self.arena = arena
    // From here on nobody in there can look into this process, whatever ids they have.
    ProcessMemory.hide()

    let submission = try take(assignment, arena, &result)
    result.unused = submission.unused.filter { !$0.hasPrefix("README.") && $0 != "submission.json" }
    guard let source = submission.files[exercise.manifest] else {
      throw Stop.rejected(.refusedManifest, Text(en: "\(exercise.manifest) is missing", zh: "缺少 \(exercise.manifest)"))
    }
    let starter = try starterManifest(assignment)
    let manifest = try parse(source, exercise.manifest, starter, arena)
    let checks: [Check]
    do { checks = try exercise.checks(hidden: assignment.hidden) } catch { throw Stop.failed("\(error)") }
    let scene: ArenaScene
    do { scene = try ArenaScene(arena: arena, source: source, manifest: manifest, starter: starter) } catch { throw Stop.failed("\(error)") }
    var checker = Checker(variant: assignment.variant, speedFactor: speed) { Self.freshWord(12) }
    checker.progress = assignment.progress
    result.checks = checker.run(checks, in: scene)
    if assignment.keep { try bringBack(scene) }
  }

  /// After the checks: a pod that is up, to be looked at.
  private func bringBack(_ scene: ArenaScene) throws {
    do {
      if try scene.freshPod() == nil { try scene.awaitReady() }
    } catch { throw Stop.failed("\(error)") }
  }

  private func take(_ assignment: Assignment, _ arena: Arena, _ result: inout SubmissionResult) throws -> Submission {
    do {
      switch assignment.source {
      case .folder(let path):
        let submission = try Submission.read(try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY), editable: assignment.exercise.editable)
        result.submissionDigest = submission.digest
        return submission
      case .archive(let path):
        let bytes = try FileSystem.read(path)
        result.submissionDigest = "sha256:" + SHA256.hex(bytes)
        let answer = try helper(["unpack", ArenaPlan.inbox], bytes, arena, orElse: .refusedArchive)
        if let offenders = answer["refused"]?.array?.compactMap(\.string) {
          throw Stop.rejected(.refusedArchive, .data(offenders.map { Sanitise.line($0) }.joined(separator: "\n")))
        }
        let inbox = try FileDescriptor.open("/proc/\(arena.pid)/root\(ArenaPlan.inbox)", O_RDONLY | O_DIRECTORY)
        return try Submission.read(inbox, editable: assignment.exercise.editable)
      }
    } catch let error as SubmissionError {
      switch error {
      case .refused(let offenders): throw Stop.rejected(.refusedArchive, .data(offenders.map { Sanitise.line($0) }.joined(separator: "\n")))
      case .unreadable(let error): throw Stop.failed("\(error)")
      }
    } catch let error as SysError {
      throw Stop.failed("\(error)")
    }
  }

  /// The starter is ours: it is read here.
  private func starterManifest(_ assignment: Assignment) throws -> Value {
    do {
      let files = try assignment.exercise.files("starter", variant: assignment.variant)
      guard let file = files.first(where: { $0.path == assignment.exercise.manifest }) else { throw Stop.failed("the starter has no manifest") }
      return try YAMLFile.value(file.content, file: "starter/\(file.path)")
    } catch let error as ExerciseError { throw Stop.failed("\(error)") }
  }

  private func parse(_ source: [UInt8], _ name: String, _ starter: Value, _ arena: Arena) throws -> Value {
    let answer = try helper(["manifest", name], source, arena, orElse: .refusedManifest)
    if let errors = answer["refused"]?.array?.compactMap(\.string) {
      throw Stop.rejected(.refusedManifest, .data(errors.prefix(40).map { Sanitise.line($0) }.joined(separator: "\n")))
    }
    let documents = answer["documents"]?.array ?? []
    let offences = ManifestRules.offences(documents, file: name, podName: starter["metadata"]?["name"]?.string)
    guard offences.isEmpty, let pod = documents.first else {
      throw Stop.rejected(
        .refusedManifest, Text(en: offences.map(\.en).joined(separator: "\n"), zh: offences.map(\.zh).joined(separator: "\n")))
    }
    return pod
  }

  /// A helper that crashes, or takes too long, was fed something it could not bear: the submission's.
  private func helper(_ arguments: [String], _ input: [UInt8], _ arena: Arena, orElse reason: Reason) throws -> Value {
    let ended: ArenaProgram.Ended
    do {
      let program = try ArenaProgram(["lab", "arena-helper"] + arguments, in: arena, input: input)
      ended = try program.finish(deadline: Clock.monotonic + 20_000_000_000)
    } catch { throw Stop.failed("\(error)") }
    guard ended.status.code == 0, let value = try? JSON.parse(ended.output) else {
      throw Stop.rejected(reason, Text(en: "it could not be read (\(ended.status.code)): \(Sanitise.line(ended.errorText))", zh: "无法读取（\(ended.status.code)）：\(Sanitise.line(ended.errorText))"))
    }
    return value
  }

  /// A rejected submission has every check, none of them passed.
  private func rejectedChecks(_ assignment: Assignment) -> [CheckResult] {
    guard let checks = try? assignment.exercise.checks(hidden: assignment.hidden) else { return [] }
    return checks.map { check in
      var result = CheckResult(check: check.mapTexts { assignment.variant.fill($0) })
      result.status = .skip
      result.reason = .dependency
      result.evidence = [Clue("needs", assignment.exercise.manifest)]
      return result
    }
  }

  /// Letters and digits that nobody can guess.
  static func freshWord(_ length: Int) -> String {
    let letters = Array("abcdefghijklmnopqrstuvwxyz234567")
    var random = SystemRandomNumberGenerator()
    return String((0..<length).map { _ in letters[Int(random.next() & 31)] })
  }

  /// 6.18 of 6.18.44-whatever.
  static var kernel: String {
    let release = optional { () throws(SysError) in try FileSystem.readText("/proc/sys/kernel/osrelease") } ?? "0.0"
    return release.split(separator: ".").prefix(2).joined(separator: ".")
  }
}

/// How much slower this machine is, now, than the one the exercises' times were made on: at least 1.
enum SpeedFactor {
  /// Nanoseconds that the same work takes there.
  private static let reference = 4_000_000.0

  static func measure() -> Double {
    let began = Clock.monotonic
    _ = SHA256.hash([UInt8](repeating: 1, count: 65536))
    let factor = Double(Clock.monotonic - began) / reference
    return min(10, max(1, (factor * 10).rounded() / 10))
  }
}
