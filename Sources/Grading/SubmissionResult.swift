// SPDX-License-Identifier: Apache-2.0
//
// podlab.result/1: what the observer decided about one submission. Its shape is a promise (docs/result.schema.json):
// additions are optional members, a changed meaning is /2.
import Manifest

public enum Reason: String, Sendable, CaseIterable {
  case mismatch, timeout, exited, killed
  case limitCPU = "limit-cpu", limitMemory = "limit-memory", limitPids = "limit-pids", limitDisk = "limit-disk"
  case limitOutput = "limit-output"
  case buildFailed = "build-failed", refusedArchive = "refused-archive", refusedManifest = "refused-manifest"
  case dependency, unsupportedHere = "unsupported-here"
  case `internal`
}

public struct CheckResult: Sendable, Equatable {
  public enum Status: String, Sendable { case pass, fail, skip, error }
  public var id: String
  public var status: Status
  public var reason: Reason?
  public var points: Int
  public var maxPoints: Int
  public var visibility: Check.Visibility
  /// How long it took; differs from run to run.
  public var milliseconds: Int
  public var title: Text
  public var why: Text
  /// nil where nothing was compared (skip).
  public var expected: Text?
  public var found: Text?
  public var evidence: [Clue]
  /// What the containers wrote, already made visible and cut.
  public var log: (text: String, truncatedBytes: Int)?

  public init(check: Check) {
    (id, points, maxPoints, visibility, title, why) = (check.id, 0, check.points, check.visibility, check.title, check.why)
    (status, milliseconds, evidence) = (.error, 0, [])
  }

  public static func == (a: CheckResult, b: CheckResult) -> Bool { a.value == b.value }

  public var value: Value {
    var out: [(String, Value)] = [
      ("id", .string(id)), ("status", .string(status.rawValue)), ("reason", reason.map { .string($0.rawValue) } ?? .null),
      ("points", .int(Int64(points))), ("maxPoints", .int(Int64(maxPoints))), ("visibility", .string(visibility.rawValue)),
      ("ms", .int(Int64(milliseconds))), ("title", title.value), ("expected", expected.map { .string($0.en) } ?? .null),
      ("found", found.map { .string($0.en) } ?? .null),
      ("evidence", .array(evidence.map { .object([("what", .string($0.what)), ("value", .string($0.value))]) })), ("why", why.value),
    ]
    if let log { out.append(("log", .object([("text", .string(log.text)), ("truncatedBytes", .int(Int64(log.truncatedBytes)))]))) }
    if let expected, let found, expected.zh != expected.en || found.zh != found.en {
      out.append(("zh", .object([("expected", .string(expected.zh)), ("found", .string(found.zh))])))
    }
    return .object(out)
  }
}

public struct Machine: Sendable, Equatable {
  public var kernel: String
  /// v1, v2, hybrid or none.
  public var cgroup: String
  /// root, rootless (subordinate ids) or single-id.
  public var mode: String
  /// full: the arena stands in a cgroup with limits; weak: it does not.
  public var limits: String
  public var speedFactor: Double
  public init(kernel: String, cgroup: String, mode: String, limits: String, speedFactor: Double) {
    (self.kernel, self.cgroup, self.mode, self.limits, self.speedFactor) = (kernel, cgroup, mode, limits, speedFactor)
  }
}

public struct SubmissionResult: Sendable, Equatable {
  public enum State: String, Sendable { case graded, rejected, error }
  public static let schema = "podlab.result/1"

  public var exercise: String
  public var version: Int
  public var checksDigest: String
  public var tool: String
  public var student: String
  public var attempt: Int
  public var submissionDigest: String
  /// When the platform says it came in; nil where no platform says so.
  public var receivedAt: String?
  public var gradedAt: String
  public var variant: String
  public var state: State
  /// Why it was not graded.
  public var reason: Reason?
  /// The same in words, for whoever looks at a rejected or failed one.
  public var message: Text?
  public var incomplete: Bool
  public var wallMilliseconds: Int
  public var flags: [String]
  /// Files that were handed in and do not count.
  public var unused: [String] = []
  public var machine: Machine
  public var checks: [CheckResult]
  /// Practice: written by `lab check` on a learner's own machine.
  public var practice: Bool

  public init(
    exercise: String, version: Int, checksDigest: String, tool: String, student: String, attempt: Int = 1, submissionDigest: String,
    receivedAt: String? = nil, gradedAt: String, variant: String, machine: Machine, practice: Bool
  ) {
    (self.exercise, self.version, self.checksDigest, self.tool) = (exercise, version, checksDigest, tool)
    (self.student, self.attempt, self.submissionDigest, self.receivedAt) = (student, attempt, submissionDigest, receivedAt)
    (self.gradedAt, self.variant, self.machine, self.practice) = (gradedAt, variant, machine, practice)
    (state, incomplete, wallMilliseconds, flags, checks) = (.error, false, 0, [], [])
  }

  /// The sum over checks; a state other than graded has none.
  public var points: Int { state == .graded ? checks.reduce(0) { $0 + $1.points } : 0 }
  /// Points of what this machine can check at all.
  public var maxPoints: Int { checks.filter { $0.reason != .unsupportedHere }.reduce(0) { $0 + $1.maxPoints } }

  public var value: Value {
    var out: [(String, Value)] = [
      ("schema", .string(Self.schema)), ("exercise", .string(exercise)), ("version", .int(Int64(version))),
      ("checksDigest", .string(checksDigest)), ("tool", .string(tool)), ("student", .string(student)), ("attempt", .int(Int64(attempt))),
      ("submissionDigest", .string(submissionDigest)), ("receivedAt", receivedAt.map(Value.string) ?? .null),
      ("gradedAt", .string(gradedAt)), ("variant", .string(variant)), ("state", .string(state.rawValue)),
      ("reason", reason.map { .string($0.rawValue) } ?? .null),
    ]
    // Ours to fix, not the student's: no points at all, rather than none.
    if state == .error { out += [("points", .null), ("maxPoints", .null)] }
    else { out += [("points", .int(Int64(points))), ("maxPoints", .int(Int64(maxPoints)))] }
    out += [
      ("incomplete", .bool(incomplete)), ("wallMs", .int(Int64(wallMilliseconds))), ("flags", .strings(flags)),
      (
        "machine",
        .object([
          ("kernel", .string(machine.kernel)), ("cgroup", .string(machine.cgroup)), ("mode", .string(machine.mode)),
          ("limits", .string(machine.limits)), ("speedFactor", .double(machine.speedFactor)),
        ])
      ), ("checks", .array(checks.map(\.value))),
    ]
    if let message { out.append(("message", message.value)) }
    if !unused.isEmpty { out.append(("unused", .strings(unused.map { Sanitise.line($0) }))) }
    if practice { out.append(("practice", .bool(true))) }
    return .object(out)
  }
}

extension Text {
  var value: Value { .object([("en", .string(en)), ("zh", .string(zh))]) }
}
