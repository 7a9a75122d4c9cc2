// SPDX-License-Identifier: Apache-2.0
//
// logs: what containers wrote, from the log files (CRI's format) that podd keeps.
import ArgumentParser
import Control
import Glibc
import Kernel
import Manifest

struct LogsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logs", abstract: "Show what a container wrote.", discussion: "Example: podctl logs web -c app --tail=20 -f    podctl logs web -p")

  @Argument(help: "The pod, and its container.") var names: [String]
  @Option(name: .shortAndLong, help: "The container.") var container: String?
  @Flag(name: .shortAndLong, help: "Go on as it writes.") var follow = false
  @Flag(name: .shortAndLong, help: "Of the run before.") var previous = false
  @Option(name: .long, parsing: .unconditional, help: "The last lines; -1 for all.") var tail: Int = -1
  @Flag(name: .long, help: "Each line with its time.") var timestamps = false
  @Option(name: .long, help: "Not older than: 5s, 2m, 3h.") var since: String?
  @Flag(name: .long, help: "Of every container.") var allContainers = false
  @Flag(name: .long, help: "Each line with its pod and container.") var prefix = false
  @OptionGroup var common: CommonOptions

  func run() throws {
    let session = try common.look()
    let name = names[0].hasPrefix("pod/") ? String(names[0].dropFirst(4)) : names[0].hasPrefix("pods/") ? String(names[0].dropFirst(5)) : names[0]
    guard let object = try session.instance.pod(common.ns, name) else { throw Failure.notFound(.pod, name) }
    let place = session.instance.place(common.ns, name)
    let list = try chosen(object, name)
    var oldest: String?
    if let since {
      guard let d = duration(since) else { throw Failure.error("invalid argument \"\(since)\" for \"--since\" flag: time: invalid duration \"\(since)\"") }
      oldest = WallTime(nanoseconds: Clock.wall - d).rfc3339
    }
    for c in list {
      let n = try number(object, c, name)
      let printer = LogPrinter(timestamps: timestamps, prefix: prefix ? "[pod/\(name)/\(c)] " : "", oldest: oldest)
      guard let n else { continue }
      let path = "\(place.container(c))/\(n).log"
      if follow && list.count == 1 {
        try Follower(session, common.ns, name, c, path, printer, tail).run()
      } else {
        try printer.show(path, tail: tail)
      }
    }
  }

  private func chosen(_ object: Value, _ pod: String) throws -> [String] {
    let apps = (object["spec"]?["containers"]?.array ?? []).compactMap { $0["name"]?.string }
    let initial = (object["spec"]?["initContainers"]?.array ?? []).compactMap { $0["name"]?.string }
    if allContainers { return initial + apps }
    if let c = container ?? (names.count > 1 ? names[1] : nil) {
      guard (apps + initial).contains(c) else { throw Failure.error("container \(c) is not valid for pod \(pod)") }
      return [c]
    }
    let annotated = object["metadata"]?["annotations"]?["kubectl.kubernetes.io/default-container"]?.string
    if annotated == nil, (apps + initial).count > 1 {
      say(2, "Defaulted container \"\(apps.first ?? "")\" out of: \((apps + initial.map { "\($0) (init)" }).joined(separator: ", "))\n")
    }
    return [annotated ?? apps.first ?? ""]
  }

  /// Number of the run whose log is meant; kubelet's words where there is none.
  private func number(_ object: Value, _ c: String, _ pod: String) throws -> Int64? {
    let all = (object["status"]?["containerStatuses"]?.array ?? []) + (object["status"]?["initContainerStatuses"]?.array ?? [])
    let bad = { (text: String) in Failure.server("BadRequest", text) }
    guard let s = all.first(where: { $0["name"]?.string == c }) else {
      throw bad("container \"\(c)\" in pod \"\(pod)\" is waiting to start: ContainerCreating")
    }
    let restarts = s["restartCount"]?.int ?? 0
    if previous {
      guard let t = s["lastState"]?["terminated"] else { throw bad("previous terminated container \"\(c)\" in pod \"\(pod)\" not found") }
      _ = t
      // Waiting to be started again: the newest run is the previous one.
      return s["state"]?["waiting"] != nil ? restarts : max(0, restarts - 1)
    }
    if let w = s["state"]?["waiting"], s["lastState"]?["terminated"] == nil {
      if allContainers { return nil }
      let reason = w["reason"]?.string ?? "ContainerCreating"
      if ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"].contains(reason) {
        throw bad("container \"\(c)\" in pod \"\(pod)\" is waiting to start: trying and failing to pull image")
      }
      throw bad("container \"\(c)\" in pod \"\(pod)\" is waiting to start: \(reason)")
    }
    return restarts
  }
}

/// Lines of CRI's format, as they are to be shown.
final class LogPrinter {
  private let timestamps: Bool
  private let prefix: String
  private let oldest: String?
  private var rest: [UInt8] = []
  private var isMidLine = false

  init(timestamps: Bool, prefix: String, oldest: String?) { (self.timestamps, self.prefix, self.oldest) = (timestamps, prefix, oldest) }

  /// The file, or its last lines. A file that is not there has none.
  func show(_ path: String, tail: Int) throws {
    guard FileSystem.exists(path) else { return }
    take(Self.last(try FileSystem.read(path), tail))
  }

  static func last(_ bytes: [UInt8], _ tail: Int) -> ArraySlice<UInt8> {
    guard tail >= 0 else { return bytes[...] }
    if tail == 0 { return [] }
    var lines = 0
    var start = bytes.count
    // Entries marked P belong to the line that follows them.
    var at = bytes.count - 1
    var end = bytes.count
    while at >= 0 {
      if at == 0 || bytes[at - 1] == 10 {
        let entry = bytes[at..<end]
        if entry.count > 38, entry[entry.startIndex + 38] == UInt8(ascii: "F") { lines += 1 }
        if lines > tail { break }
        start = at
        end = at
      }
      at -= 1
    }
    return bytes[start...]
  }

  func take(_ bytes: some Collection<UInt8>) {
    rest += bytes
    var out: [UInt8] = []
    var from = 0
    while let newline = rest[from...].firstIndex(of: 10) {
      add(rest[from..<newline], to: &out)
      from = newline + 1
    }
    rest.removeFirst(from)
    if !out.isEmpty { _ = optional { () throws(SysError) in try writeAll(1, out) } }
  }

  private func add(_ entry: ArraySlice<UInt8>, to out: inout [UInt8]) {
    guard entry.count >= 40 else { return }
    let time = entry.prefix(30)
    if let oldest, String(decoding: time.prefix(19), as: UTF8.self) < oldest.prefix(19) { return }
    if !isMidLine {
      out += prefix.utf8
      if timestamps { out += time + [32] }
    }
    out += entry.dropFirst(40)
    isMidLine = entry[entry.startIndex + 38] != UInt8(ascii: "F")
    if !isMidLine { out.append(10) }
  }
}

/// -f: the file as it grows, until its run has ended. Growth is told by inotify(7), the end by podd.
private final class Follower {
  private let session: Session
  private let (ns, pod, container, path): (String, String, String, String)
  private let printer: LogPrinter
  private let tail: Int
  private var offset = 0

  init(_ session: Session, _ ns: String, _ pod: String, _ container: String, _ path: String, _ printer: LogPrinter, _ tail: Int) {
    (self.session, self.ns, self.pod, self.container, self.path, self.printer, self.tail) = (session, ns, pod, container, path, printer, tail)
  }

  func run() throws {
    let place = session.instance.place(ns, pod)
    let changes = try FileWatch(path)
    let bytes = try FileSystem.read(path)
    offset = bytes.count
    printer.take(LogPrinter.last(bytes, tail))
    guard Podd.isAlive(place) else { return }
    let stream = try PoddStream(place)
    while true {
      var polls = [pollfd(fd: changes.raw, events: Int16(POLLIN), revents: 0), pollfd(fd: stream.raw, events: Int16(POLLIN), revents: 0)]
      if poll(&polls, 2, -1) < 0 { continue }
      if polls[0].revents != 0 {
        changes.drain()
        try more()
      }
      if polls[1].revents != 0 {
        guard case .value(let v) = try stream.next(), let object = v["object"] else { return try more() }
        let all = (object["status"]?["containerStatuses"]?.array ?? []) + (object["status"]?["initContainerStatuses"]?.array ?? [])
        guard let s = all.first(where: { $0["name"]?.string == container }) else { return try more() }
        if s["state"]?["running"] == nil || "\(s["restartCount"]?.int ?? 0).log" != path.split(separator: "/").last.map(String.init) { return try more() }
      }
    }
  }

  private func more() throws {
    guard FileSystem.exists(path) else { return }
    let fd = try FileDescriptor.open(path, O_RDONLY)
    // Rotated: a new file began.
    if try FileSystem.info(fd.raw).size < Int64(offset) { offset = 0 }
    lseek(fd.raw, off_t(offset), SEEK_SET)
    let bytes = try FileSystem.read(fd.raw, path)
    offset += bytes.count
    printer.take(bytes)
  }
}
