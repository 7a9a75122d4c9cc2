// SPDX-License-Identifier: Apache-2.0
//
// attach: the streams of a container's own process. What it writes is read from its log, from now on; what is typed goes through a descriptor that
// podd hands over, so that podd is in nobody's way. kubectl's words: staging/src/k8s.io/kubectl/pkg/cmd/attach.
import ArgumentParser
import Control
import Glibc
import Kernel
import Manifest

struct AttachCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attach", abstract: "Attach to a running container.", discussion: "Example: podctl attach web    podctl attach web -c app -i -t")

  @Argument(help: "The pod.") var names: [String] = []
  @Option(name: .shortAndLong, help: "The container (default: the first).") var container: String?
  @Flag(name: [.customShort("i"), .customLong("stdin")], help: "Pass standard input on.") var stdin = false
  @Flag(name: [.customShort("t"), .customLong("tty")], help: "Standard input is a terminal.") var tty = false
  @Flag(name: .shortAndLong, help: "Only the container's output.") var quiet = false
  @OptionGroup var common: CommonOptions

  func run() throws {
    guard let first = names.first else { throw Failure.error("at least 1 argument is required for attach\nSee 'podctl attach -h' for help and examples") }
    guard names.count <= 2 else {
      throw Failure.error("expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments) saw \(names.count): [\(names.joined(separator: " "))]")
    }
    let word = names.count == 2 ? "\(first)/\(names[1])" : first
    let session = try common.open()
    let target = try RunningContainer(session, common.ns, word, container, quiet: quiet, verb: "attach")
    try AttachSession(target, stdin: stdin, tty: tty, quiet: quiet).run()
  }
}

/// One session with a container.
final class AttachSession {
  private let target: RunningContainer
  private let wantsInput: Bool
  private let wantsTerminal: Bool
  private let quiet: Bool
  private let loop: EventLoop
  private let stream: LogStream
  private var client: PoddClient
  private let podd: PoddStream
  private let input: Int32
  private let isTerminal: Bool
  private let isOnce: Bool

  /// fromStart: also what it has written before.
  init(_ target: RunningContainer, stdin: Bool, tty: Bool, quiet: Bool, fromStart: Bool = false) throws {
    (self.target, wantsInput, wantsTerminal, self.quiet) = (target, stdin, tty, quiet)
    loop = try EventLoop()
    let path = "\(target.place.container(target.entry.name))/\(target.entry.restart).log"
    stream = try LogStream(path, LogStyle(), LogOutput(1), errors: LogOutput(2), follows: true, fromEnd: !fromStart)
    podd = try PoddStream(target.place)
    client = try PoddClient(target.place)
    try client.send(.object([("verb", .string("attach")), ("container", .string(target.entry.name)), ("stdin", .bool(stdin))]))
    let answer = try client.nextWithDescriptors()
    if let why = answer.value["error"]?.string { throw Failure.error("unable to upgrade connection: \(why)") }
    input = answer.descriptors.first ?? -1
    isTerminal = answer.value["tty"]?.bool ?? false
    isOnce = answer.value["once"]?.bool ?? false
  }

  deinit { if input >= 0 { _ = close(input) } }

  func run() throws {
    Signals.ignore(SIGPIPE)
    if wantsTerminal && !isTerminal && !quiet { say(2, "Unable to use a TTY - container \(target.entry.name) did not allocate one\n") }
    var raw: RawTerminal?
    if isTerminal && wantsInput && input >= 0 {
      if isatty(0) == 1 { raw = RawTerminal() } else if wantsTerminal && !quiet { say(2, "Unable to use a TTY - input is not a terminal or the right kind of file\n") }
    }
    defer { raw?.restore() }
    if !quiet { say(2, "If you don't see a command prompt, try pressing enter.\(raw == nil ? "\n" : "\r\n")") }
    if let raw {
      // A program that draws does so at a new size: one that is told the same size stays silent.
      var other = RawTerminal.size
      other.ws_col += 1
      _ = ioctl(input, UInt(TIOCSWINSZ), &other)
      RawTerminal.resize(input)
      try raw.watch(loop) { [unowned self] in RawTerminal.resize(input) }
    }
    if let watch = stream.watch {
      try loop.watch(watch.raw) { [unowned self] _ in
        watch.drain()
        pump()
      }
    }
    try loop.watch(podd.raw) { [unowned self] _ in told() }
    let flows = Flows(loop)
    if wantsInput && input >= 0 {
      if !isTerminal { try setNonblocking() }
      flows.add(0, input) { [unowned self] isWhole in if isWhole { inputEnded() } }
    }
    pump()
    try loop.run()
    raw?.restore()
    let policy = target.object["spec"]?["restartPolicy"]?.string ?? "Always"
    if raw != nil, policy == "Always", containerObject(target.object, target.entry.name)?["targetContainerName"] == nil {
      say(1, "Session ended, resume using 'podctl attach \(target.pod) -c \(target.entry.name) -i -t' command when the pod is running\n")
    }
  }

  private func setNonblocking() throws(SysError) {
    let flags = fcntl(input, F_GETFL)
    if flags < 0 || fcntl(input, F_SETFL, flags | O_NONBLOCK) < 0 { throw SysError(call: "fcntl", object: "O_NONBLOCK", errno: errno) }
  }

  private func pump() {
    do throws(SysError) { try stream.pump() } catch {
      say(2, "error: \(error)\n")
      loop.stop()
    }
    if stream.isFull { loop.stop() }
  }

  /// Ours has ended. With stdinOnce the container's ends too, and we stay for what it has to say; else the session is over.
  private func inputEnded() {
    guard isOnce && !isTerminal else {
      pump()
      return loop.stop()
    }
    _ = optional { () throws(SysError) in try client.send(.object([("verb", .string("closeInput"))])) }
    // The last copy but podd's.
    let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
    if null >= 0 {
      _ = dup2(null, input)
      _ = close(null)
    }
  }

  private func told() {
    var object: Value?
    if case .value(let v)? = optional({ () throws(SysError) in try podd.next() }) { object = v["object"] }
    let s = object.flatMap { containerStatus($0, target.entry.name) }
    if s?["state"]?["running"] != nil, s?["restartCount"]?.int == target.entry.restart { return }
    // In a hook after the start it is not shown as running yet.
    if object != nil, target.isAlive { return }
    pump()
    loop.stop()
  }
}
