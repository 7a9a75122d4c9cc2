// SPDX-License-Identifier: Apache-2.0
//
// What a learner has done, as a file of events that is only ever appended to: it survives a crash, two of them merge, and
// nothing in it can be reset by accident. One JSON object a line.
import Glibc
import Kernel
import Manifest

public struct ProgressEvent: Sendable, Equatable {
  public enum Kind: String, Sendable { case started, checked, passed, hint, solution, reset }
  public var kind: Kind
  public var exercise: String
  public var version: Int
  /// RFC 3339, UTC.
  public var time: String
  /// Digest of the work at that time: changed later means "passed, since edited".
  public var digest: String?
  /// Where the workspace is; which hint it was; points.
  public var details: [(String, Value)]

  public init(_ kind: Kind, _ exercise: String, version: Int, digest: String? = nil, details: [(String, Value)] = []) {
    (self.kind, self.exercise, self.version, self.digest, self.details) = (kind, exercise, version, digest, details)
    time = Timestamp.seconds(Clock.wall)
  }

  public static func == (a: ProgressEvent, b: ProgressEvent) -> Bool { a.value == b.value }

  public var value: Value {
    var out: [(String, Value)] = [
      ("v", .int(1)), ("t", .string(time)), ("event", .string(kind.rawValue)), ("exercise", .string(exercise)), ("version", .int(Int64(version))),
    ]
    if let digest { out.append(("digest", .string(digest))) }
    return .object(out + details)
  }

  init?(_ value: Value) {
    guard let kind = value["event"]?.string.flatMap(Kind.init), let exercise = value["exercise"]?.string else { return nil }
    self.kind = kind
    self.exercise = exercise
    version = Int(value["version"]?.int ?? 1)
    time = value["t"]?.string ?? ""
    digest = value["digest"]?.string
    let known = ["v", "t", "event", "exercise", "version", "digest"]
    details = value.members?.entries.filter { !known.contains($0.key) }.map { ($0.key, $0.value) } ?? []
  }

  public func detail(_ name: String) -> Value? { details.first { $0.0 == name }?.1 }
}

public struct ProgressLog: Sendable {
  /// `$XDG_STATE_HOME/podlab`, or what --state says.
  public let folder: String
  private var file: String { folder + "/progress.jsonl" }

  public init(folder: String) { self.folder = folder }

  /// Where state belongs (XDG Base Directory Specification).
  public static func defaultFolder(_ environment: (String) -> String?) -> String {
    if let state = environment("XDG_STATE_HOME"), state.hasPrefix("/") { return state + "/podlab" }
    return (environment("HOME") ?? "/") + "/.local/state/podlab"
  }

  /// Every event that can be read, oldest first; lines of a newer or broken writer are passed over, never removed.
  public var events: [ProgressEvent] {
    guard let bytes = optional({ () throws(SysError) in try FileSystem.read(file) }) else { return [] }
    return bytes.split(separator: 0x0A).compactMap { line in
      do throws(JSON.Malformed) { return ProgressEvent(try JSON.parse(Array(line))) } catch { return nil }
    }
  }

  /// Appends under a lock: one write, so that two learners' windows cannot mix their lines.
  public func append(_ event: ProgressEvent) throws(SysError) {
    try FileSystem.makeFolders(folder, mode: 0o700)
    let lock = try FileLock(file)
    let end = try FileDescriptor.open(file, O_WRONLY | O_APPEND | O_CREAT, mode: 0o600)
    // A crash in the middle of a line must not spoil the next one.
    let old = try FileSystem.info(end.raw).size
    let last = old > 0 ? try lastByte(old) : 0x0A
    let broken = last != 0x0A
    try writeAll(end.raw, Array(((broken ? "\n" : "") + JSON.compact(event.value) + "\n").utf8))
    _ = lock.raw
  }

  private func lastByte(_ size: Int64) throws(SysError) -> UInt8? {
    let fd = try FileDescriptor.open(file, O_RDONLY)
    var byte: UInt8 = 0
    return pread(fd.raw, &byte, 1, off_t(size - 1)) == 1 ? byte : nil
  }

  /// The last workspace that was started or checked, of one exercise or of any.
  public func workspace(_ exercise: String?) -> (exercise: String, folder: String)? {
    for event in events.reversed() where exercise == nil || event.exercise == exercise {
      if let folder = event.detail("folder")?.string { return (event.exercise, folder) }
    }
    return nil
  }

  /// How many hints of an exercise have been shown since the last reset.
  public func hintsShown(_ exercise: String) -> Int {
    events.reduce(0) { count, event in
      guard event.exercise == exercise else { return count }
      switch event.kind {
      case .hint: return max(count, Int(event.detail("stage")?.int ?? 0))
      case .reset: return 0
      default: return count
      }
    }
  }

  public func hasChecked(_ exercise: String) -> Bool { events.contains { $0.exercise == exercise && ($0.kind == .checked || $0.kind == .passed) } }

  /// The digest of the work that passed last; nil where nothing has.
  public func passedDigest(_ exercise: String) -> String? { events.last { $0.exercise == exercise && $0.kind == .passed }?.digest }
}

/// Wall-clock time as results and logs write it.
public enum Timestamp {
  /// 2026-11-24T08:00:00Z of nanoseconds since 1970.
  public static func seconds(_ wall: Int64) -> String {
    let parts = utc(wall)
    return "\(four(parts.year))-\(two(parts.month))-\(two(parts.day))T\(two(parts.hour)):\(two(parts.minute)):\(two(parts.second))Z"
  }

  /// 14:02:07.118
  public static func clock(_ wall: Int64) -> String {
    let parts = utc(wall), thousandths = Int(wall / 1_000_000 % 1000)
    return "\(two(parts.hour)):\(two(parts.minute)):\(two(parts.second)).\(thousandths < 100 ? "0" : "")\(two(thousandths))"
  }

  private static func utc(_ wall: Int64) -> (year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) {
    var seconds = time_t(wall / 1_000_000_000), parts = tm()
    gmtime_r(&seconds, &parts)
    return (Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1, Int(parts.tm_mday), Int(parts.tm_hour), Int(parts.tm_min), Int(parts.tm_sec))
  }
  private static func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
  private static func four(_ n: Int) -> String { String(repeating: "0", count: max(0, 4 - String(n).count)) + String(n) }
}
