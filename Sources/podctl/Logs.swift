// SPDX-License-Identifier: Apache-2.0
//
// logs: what containers wrote, from the log files that podd keeps. kubectl's rules: staging/src/k8s.io/kubectl pkg/cmd/logs, pkg/polymorphichelpers;
// the words for logs that are not there yet: pkg/kubelet/kubelet_pods.go (validateContainerLogStatus).
import ArgumentParser
import Control
import Glibc
import Kernel
import Manifest

struct LogsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logs", abstract: "Show what a container wrote.",
    discussion: "Example: podctl logs web -c app --tail=20 -f    podctl logs web -p    podctl logs -l app=web --all-containers --prefix")

  @Argument(help: "The pod, and its container.") var names: [String] = []
  @Option(name: .shortAndLong, help: "The container.") var container: String?
  @Flag(name: .shortAndLong, help: "Go on as it writes.") var follow = false
  @Flag(name: .shortAndLong, help: "Of the run before.") var previous = false
  @Option(name: .long, parsing: .unconditional, help: "The last lines; -1 for all. With -l the last 10, unless given.") var tail: Int64?
  @Flag(name: .long, help: "Each line with its time.") var timestamps = false
  @Option(name: .long, parsing: .unconditional, help: "Not older than: 5s, 2m, 3h.") var since: String?
  @Option(name: .long, help: "Not before this time, as 2026-01-02T03:04:05Z.") var sinceTime: String?
  @Option(name: .long, parsing: .unconditional, help: "Bytes at most, of each container.") var limitBytes: Int64?
  @Flag(name: .long, inversion: .prefixedNo, help: "Of every container.") var allContainers = false
  @Flag(name: .long, help: "Of every pod that -l names, each line with its pod and container.") var allPods = false
  @Flag(name: .long, help: "Each line with its pod and container.") var prefix = false
  @Option(name: [.customShort("l"), .long], help: "Of the pods with these labels.") var selector: String?
  @Option(name: .long, help: "How many logs may be followed at once.") var maxLogRequests = 5
  @Flag(name: .long, help: "With -f: say what goes wrong with one log, and go on with the others.") var ignoreErrors = false
  @OptionGroup var common: CommonOptions

  func run() throws {
    let usage = "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command\nSee 'podctl logs -h' for help and examples"
    if names.count > 2 || (names.isEmpty && selector == nil) { throw Failure.error(usage) }
    if names.count == 1, selector != nil { throw Failure.error("only a selector (-l) or a POD name is allowed\nSee 'podctl logs -h' for help and examples") }
    if since != nil && sinceTime != nil { throw Failure.error("at most one of `sinceTime` or `sinceSeconds` may be specified") }
    let wanted = container ?? (names.count == 2 ? names[1] : nil)
    if allContainers, let wanted { throw Failure.error("--all-containers=true should not be specified with container name \(wanted)") }
    if container != nil && names.count == 2 { throw Failure.error("only one of -c or an inline [CONTAINER] arg is allowed") }
    if let limitBytes, limitBytes < 0 { throw Failure.error("--limit-bytes must be greater than 0") }
    if let tail, tail < -1 { throw Failure.error("--tail must be greater than or equal to -1") }
    var style = LogStyle()
    style.timestamps = timestamps
    style.oldest = try oldest()
    style.tail = tail.map { $0 < 0 ? nil : $0 } ?? (selector != nil ? 10 : nil)
    style.limit = limitBytes.flatMap { $0 == 0 ? nil : $0 }
    let session = try common.look()
    let sources = try pods(session).flatMap { pod in try chosen(pod, wanted).map { (pod, $0) } }
    if follow && sources.count > 1 && sources.count > maxLogRequests {
      throw Failure.error("you are attempting to follow \(sources.count) log streams, but maximum allowed concurrency is \(maxLogRequests), use --max-log-requests to increase the limit")
    }
    let output = LogOutput(1)
    Signals.ignore(SIGPIPE)
    let follower = try follow ? LogFollower(session) : nil
    for (pod, name) in sources {
      let meta = ObjectMeta(pod["metadata"] ?? .null)
      // Where no node was found for it nothing has been written, and nobody is asked. pkg/registry/core/pod/strategy.go, LogLocation.
      if pod["spec"]?["nodeName"] == nil { continue }
      if prefix || allPods { style.prefix = Array("[pod/\(meta.name)/\(name)] ".utf8) }
      do {
        let path = "\(session.instance.place(meta.namespace, meta.name).container(name))/\(try number(pod, name, meta.name)).log"
        guard FileSystem.exists(path) else { continue }
        let stream = try LogStream(path, style, output, follows: follow)
        if let follower { try follower.add(stream, meta, name) } else { try stream.pump() }
      } catch let failure as Failure where ignoreErrors && follow {
        say(1, failure.text)
      }
    }
    try follower?.run()
  }

  private func oldest() throws -> [UInt8] {
    if let since {
      guard let d = duration(since) else { throw Failure.error("invalid argument \"\(since)\" for \"--since\" flag: time: invalid duration \"\(since)\"") }
      if d < 0 { throw Failure.error("--since must be greater than 0") }
      if d == 0 { return [] }
      // To the second, as the API takes it.
      let seconds = max(1, (d + 500_000_000) / 1_000_000_000)
      return Self.head(WallTime(nanoseconds: Clock.wall - seconds * 1_000_000_000))
    }
    guard let sinceTime else { return [] }
    guard let t = WallTime(rfc3339: sinceTime) else {
      throw Failure.error("parsing time \"\(sinceTime)\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"\(sinceTime)\" as \"2006\"")
    }
    return Self.head(t)
  }

  /// As it would begin an entry.
  private static func head(_ t: WallTime) -> [UInt8] {
    let fraction = String(1_000_000_000 + ((t.nanoseconds % 1_000_000_000) + 1_000_000_000) % 1_000_000_000).dropFirst()
    return Array("\(t.rfc3339.prefix(19)).\(fraction)Z".utf8)
  }

  private func pods(_ session: Session) throws -> [Value] {
    guard let selector else {
      let name = try podName(names[0])
      guard let object = try session.instance.pod(common.ns, name) else { throw Failure.notFound(.pod, name) }
      return [object]
    }
    let selection = try Selection(selector, kinds: [.pod])
    let all = try session.pods(common.ns).filter(selection.matches)
    if all.isEmpty { say(2, "No resources found in \(common.ns) namespace.\n") }
    return all
  }

  private func chosen(_ object: Value, _ wanted: String?) throws -> [String] {
    let containers = ContainerNames(object)
    let pod = object["metadata"]?["name"]?.string ?? ""
    if allContainers { return containers.initial + containers.apps + containers.ephemeral }
    guard let wanted else { return [containers.standard(object, pod: pod, quiet: false)] }
    guard containers.all.contains(wanted) else { throw Failure.error("container \(wanted) is not valid for pod \(pod)") }
    return [wanted]
  }

  /// Number of the run whose log is meant; kubelet's words where there is none.
  private func number(_ object: Value, _ c: String, _ pod: String) throws -> Int64 {
    let bad = { (text: String) in Failure.server("BadRequest", text) }
    guard let s = containerStatus(object, c) else {
      let none = object["spec"]?["initContainers"]?.array?.isEmpty ?? true
      throw bad("container \"\(c)\" in pod \"\(pod)\" is waiting to start: \(none ? "ContainerCreating" : "PodInitializing")")
    }
    let restarts = s["restartCount"]?.int ?? 0
    let waiting = s["state"]?["waiting"]
    if previous {
      guard s["lastState"]?["terminated"] != nil else { throw bad("previous terminated container \"\(c)\" in pod \"\(pod)\" not found") }
      // Waiting to be started again: the newest run is the previous one.
      return waiting != nil ? restarts : max(0, restarts - 1)
    }
    if let waiting, s["lastState"]?["terminated"] == nil {
      let reason = waiting["reason"]?.string ?? "ContainerCreating"
      switch reason {
      case "ErrImagePull": throw bad("container \"\(c)\" in pod \"\(pod)\" is waiting to start: image can't be pulled")
      case "ImagePullBackOff": throw bad("container \"\(c)\" in pod \"\(pod)\" is waiting to start: trying and failing to pull image")
      default: throw bad("container \"\(c)\" in pod \"\(pod)\" is waiting to start: \(reason)")
      }
    }
    return restarts
  }
}

/// -f: logs as they grow, each until its run has ended. Growth is told by inotify(7), the end by podd.
final class LogFollower {
  private let session: Session
  private let loop: EventLoop
  private var streams: [Entry] = []
  /// Conversations with the podds of the Pods, by namespace/name.
  private var podds: [String: PoddStream] = [:]

  private final class Entry {
    let stream: LogStream
    let pod: String
    let container: String
    init(_ stream: LogStream, _ pod: String, _ container: String) { (self.stream, self.pod, self.container) = (stream, pod, container) }
  }

  init(_ session: Session) throws(SysError) {
    self.session = session
    loop = try EventLoop()
  }

  func add(_ stream: LogStream, _ meta: ObjectMeta, _ container: String) throws(SysError) {
    let entry = Entry(stream, "\(meta.namespace)/\(meta.name)", container)
    try stream.pump()
    if stream.isFull { return }
    streams.append(entry)
    guard let watch = stream.watch else { return }
    try loop.watch(watch.raw) { [unowned self, unowned entry] _ in
      watch.drain()
      grown(entry)
    }
    let place = session.instance.place(meta.namespace, meta.name)
    guard podds[entry.pod] == nil, Podd.isAlive(place) else { return }
    let podd = try PoddStream(place)
    podds[entry.pod] = podd
    try loop.watch(podd.raw) { [unowned self] _ in told(entry.pod) }
  }

  /// Until the last one has ended. Where no podd lives nothing grows.
  func run() throws(SysError) {
    for e in streams where podds[e.pod] == nil { end(e) }
    if streams.isEmpty { return }
    try loop.run()
  }

  private func grown(_ e: Entry) {
    do throws(SysError) { try e.stream.pump() } catch {
      say(2, "error: \(error)\n")
      return end(e)
    }
    if e.stream.isFull { end(e) }
  }

  private func told(_ pod: String) {
    guard let podd = podds[pod] else { return }
    var object: Value?
    if case .value(let v)? = optional({ () throws(SysError) in try podd.next() }) { object = v["object"] }
    for e in streams where e.pod == pod {
      let s = object.flatMap { containerStatus($0, e.container) }
      if s?["state"]?["running"] != nil, e.stream.path.hasSuffix("/\(s?["restartCount"]?.int ?? 0).log") { continue }
      // Its last words are in the file before podd says that it has ended.
      grown(e)
      end(e)
    }
    if object == nil {
      loop.forget(podd.raw)
      podds[pod] = nil
    }
  }

  private func end(_ e: Entry) {
    guard let at = streams.firstIndex(where: { $0 === e }) else { return }
    if let watch = e.stream.watch { loop.forget(watch.raw) }
    streams.remove(at: at)
    if streams.isEmpty { loop.stop() }
  }
}
