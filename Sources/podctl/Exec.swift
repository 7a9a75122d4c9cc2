// SPDX-License-Identifier: Apache-2.0
//
// exec: a program in a container that runs. Joins the container's namespaces itself; podd is not asked.
import ArgumentParser
import Control
import Glibc
import Kernel
import Manifest
import Runtime

struct ExecCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exec", abstract: "Run a program in a container.",
    discussion: "Example: podctl exec web -- ps    podctl exec -it web -c app -- sh    podctl exec -f pod.yaml -- date")

  @Argument(help: "The pod, then -- and the program with its arguments.") var words: [String] = []
  @Option(name: .shortAndLong, help: "The container (default: the first).") var container: String?
  @Option(name: [.customShort("f"), .customLong("filename")], help: "The pod of this manifest.") var file: String?
  @Flag(name: [.customShort("i"), .customLong("stdin")], help: "Pass standard input on.") var stdin = false
  @Flag(name: [.customShort("t"), .customLong("tty")], help: "On a terminal of its own.") var tty = false
  @Flag(name: .shortAndLong, help: "Only the program's output.") var quiet = false
  @OptionGroup var common: CommonOptions

  func run() throws {
    let names = Array(words.dropLast(wordsAfterTerminator))
    let command = Array(words.suffix(wordsAfterTerminator))
    try Execution(names: names, command: command, container: container, file: file, stdin: stdin, tty: tty, quiet: quiet, common: common.place).run()
  }
}

/// What exec is asked for, however it was read (Quick.swift).
struct Execution {
  /// What stands before --, and what stands after it.
  let names: [String]
  let command: [String]
  let container: String?
  let file: String?
  let stdin: Bool
  let tty: Bool
  let quiet: Bool
  let common: Place

  func run() throws {
    guard names.count <= (file == nil ? 1 : 0) else {
      throw Failure.error(
        "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead\nSee 'podctl exec -h' for help and examples")
    }
    let (ns, pod) = try chosen()
    guard !command.isEmpty else { throw Failure.error("you must specify at least one command for the container") }
    let session = try common.open()
    let target = try RunningContainer(session, ns, pod, container, quiet: quiet)
    let rights = Host.Rights.discover()
    var isRaw = false
    if tty && stdin {
      isRaw = isatty(0) == 1
      if !isRaw && !quiet { say(2, "Unable to use a TTY - input is not a terminal or the right kind of file\n") }
    }
    Glibc.exit(isRaw ? try terminal(target, rights) : try plain(target, rights))
  }

  private func chosen() throws -> (namespace: String, pod: String) {
    if let name = names.first { return (common.ns, name) }
    guard let file else { throw Failure.error("pod, type/name or --filename must be specified") }
    let objects = try Manifests.load([file], common)
    guard objects.count == 1, let one = objects.first, one.kind == .pod else { throw Failure.error("\(file): one pod is expected, and nothing else") }
    return (one.metadata.namespace, one.metadata.name)
  }

  private func spec(_ c: PodState.Container, _ streams: ContainerSpec.Streams, isRaw: Bool) throws -> ExecSpec {
    var environment = c.exec.environment
    if isRaw, !environment.contains(where: { $0.hasPrefix("TERM=") }) { environment.append("TERM=xterm") }
    return try c.exec.spec(command, environment: environment, streams: streams)
  }

  private func started(_ spec: ExecSpec, _ target: RunningContainer, _ rights: Host.Rights) throws -> Int32 {
    do throws(StartFailure) { return try spec.start(in: target.process.raw, rights: rights).release() } catch {
      say(2, "error: Internal error occurred: error executing command in container: \(error.message)\n")
      say(2, "command terminated with exit code \(error.exitCode)\n")
      throw Failure(text: "", code: error.exitCode)
    }
  }

  private func plain(_ target: RunningContainer, _ rights: Host.Rights) throws -> Int32 {
    try ended(started(try spec(target.entry, .descriptors(stdin ? 0 : -1, 1, 2), isRaw: false), target, rights))
  }

  private func ended(_ pidfd: Int32) throws -> Int32 {
    let status = try ExitStatus.collect(pidfd: pidfd, wait: true) ?? ExitStatus(code: 255)
    if status.code != 0 { say(2, "command terminated with exit code \(status.code)\n") }
    return status.code
  }

  /// A terminal of the container's own, passed through; ours is raw for so long.
  private func terminal(_ target: RunningContainer, _ rights: Host.Rights) throws -> Int32 {
    let ends = try UnixSocket.pair()
    let size = RawTerminal.size
    let streams = ContainerSpec.Streams.terminal(socket: ends.write.raw, rows: Int(size.ws_row), columns: Int(size.ws_col))
    let child = try started(try spec(target.entry, streams, isRaw: true), target, rights)
    guard let master = try UnixSocket.receive(ends.read.raw).descriptors.first else { throw Failure.error("the container gave no terminal") }
    let owned = FileDescriptor(owning: master)
    try owned.setNonblocking()
    guard let raw = RawTerminal() else { throw Failure.error("standard input is no longer a terminal") }
    defer { raw.restore() }
    let loop = try EventLoop()
    let flows = Flows(loop)
    try raw.watch(loop) { RawTerminal.resize(master) }
    flows.add(0, master) { _ in }
    flows.add(master, 1) { _ in }
    try loop.watch(child) { _ in loop.stop() }
    try loop.run()
    // What it wrote last is still in the terminal.
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let n = read(master, &chunk, chunk.count)
      if n < 0 && errno == EINTR { continue }
      if n <= 0 { break }
      say(1, Array(chunk[..<n]))
    }
    raw.restore()
    return try ended(child)
  }
}

/// How many words stand after --: a program and its arguments, for exec and debug. The parser hands them over with the rest.
var wordsAfterTerminator: Int { CommandLine.arguments.firstIndex(of: "--").map { CommandLine.arguments.count - $0 - 1 } ?? 0 }

func say(_ fd: Int32, _ bytes: [UInt8]) { _ = optional { () throws(SysError) in try writeAll(fd, bytes) } }
