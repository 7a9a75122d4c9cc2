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
    commandName: "exec", abstract: "Run a program in a container.", discussion: "Example: podctl exec web -- ps    podctl exec -it web -c app -- sh")

  @Argument(help: "The pod.") var pod: String
  @Option(name: .shortAndLong, help: "The container (default: the first).") var container: String?
  @Flag(name: [.customShort("i"), .customLong("stdin")], help: "Pass standard input on.") var stdin = false
  @Flag(name: [.customShort("t"), .customLong("tty")], help: "On a terminal of its own.") var tty = false
  @Flag(name: .shortAndLong) var quiet = false
  @Argument(parsing: .postTerminator, help: "The program and its arguments.") var command: [String] = []
  @OptionGroup var common: CommonOptions

  func run() throws {
    guard !command.isEmpty else { throw Failure.error("you must specify at least one command for the container") }
    let session = try common.open()
    let name = pod.hasPrefix("pod/") ? String(pod.dropFirst(4)) : pod
    let place = session.instance.place(common.ns, name)
    guard FileSystem.exists(place.object) else { throw Failure.notFound(.pod, name) }
    if !Podd.isAlive(place) { try session.wake(name) }
    guard case .state(let state) = PodState.read(place.state) else { throw Failure.error("unable to upgrade connection: pod \(name) has not started yet") }
    let target = try entry(state, name, session)
    guard let process = target.process, let fd = process.open() else { throw Failure.error("unable to upgrade connection: container not found (\"\(target.name)\")") }
    let host = Host.discover()
    if tty && !stdin { say(2, "") }
    let raw = tty && isatty(0) == 1
    if tty && !raw { say(2, "Unable to use a TTY - input is not a terminal or the right kind of file\n") }
    Glibc.exit(raw ? try terminal(target, fd.raw, host) : try plain(target, fd.raw, host))
  }

  private func entry(_ state: PodState, _ pod: String, _ session: Session) throws -> PodState.Container {
    let object = try session.instance.readPodObject(common.ns, pod) ?? .null
    let apps = (object["spec"]?["containers"]?.array ?? []).compactMap { $0["name"]?.string }
    let initial = (object["spec"]?["initContainers"]?.array ?? []).compactMap { $0["name"]?.string }
    let wanted: String
    if let container {
      guard (apps + initial).contains(container) else { throw Failure.error("container \(container) is not valid for pod \(pod)") }
      wanted = container
    } else {
      let annotated = object["metadata"]?["annotations"]?["kubectl.kubernetes.io/default-container"]?.string
      wanted = annotated ?? apps.first ?? ""
      if annotated == nil, (apps + initial).count > 1, !quiet {
        say(2, "Defaulted container \"\(wanted)\" out of: \((apps + initial.map { "\($0) (init)" }).joined(separator: ", "))\n")
      }
    }
    guard let found = state.containers.first(where: { $0.name == wanted }) else { throw Failure.error("unable to upgrade connection: container not found (\"\(wanted)\")") }
    return found
  }

  private func spec(_ c: PodState.Container, _ host: Host, _ streams: ContainerSpec.Streams) -> ExecSpec {
    var environment = c.exec.environment
    if tty, !environment.contains(where: { $0.hasPrefix("TERM=") }) { environment.append("TERM=xterm") }
    var s = ExecSpec(arguments: command, environment: environment, workingFolder: c.exec.workingFolder, streams: streams)
    s.identity = c.exec.identity
    s.capabilities = c.exec.capabilities
    s.isPrivileged = c.exec.isPrivileged
    s.noNewPrivileges = c.exec.noNewPrivileges
    s.cgroup = host.cgroups.entry(c.exec.cgroup)
    return s
  }

  private func started(_ spec: ExecSpec, _ fd: Int32, _ host: Host) throws -> Int32 {
    do throws(StartFailure) { return try spec.start(in: fd, host: host).release() } catch {
      say(2, "error: Internal error occurred: error executing command in container: \(error.message)\n")
      say(2, "command terminated with exit code \(error.exitCode)\n")
      throw Failure(text: "", code: error.exitCode)
    }
  }

  private func plain(_ c: PodState.Container, _ fd: Int32, _ host: Host) throws -> Int32 {
    let child = try started(spec(c, host, .descriptors(stdin ? 0 : -1, 1, 2)), fd, host)
    return try ended(child)
  }

  private func ended(_ pidfd: Int32) throws -> Int32 {
    let status = try ExitStatus.collect(pidfd: pidfd, wait: true) ?? ExitStatus(code: 255)
    if status.code != 0 { say(2, "command terminated with exit code \(status.code)\n") }
    return status.code
  }

  /// A terminal of the container's own, passed through; ours is raw for so long.
  private func terminal(_ c: PodState.Container, _ fd: Int32, _ host: Host) throws -> Int32 {
    let ends = try UnixSocket.pair()
    var size = winsize()
    _ = ioctl(0, UInt(TIOCGWINSZ), &size)
    let child = try started(spec(c, host, .terminal(socket: ends.write.raw, rows: Int(size.ws_row), columns: Int(size.ws_col))), fd, host)
    guard let master = try UnixSocket.receive(ends.read.raw).descriptors.first else { throw Failure.error("the container gave no terminal") }
    var old = termios()
    tcgetattr(0, &old)
    var bare = old
    cfmakeraw(&bare)
    tcsetattr(0, TCSANOW, &bare)
    defer { tcsetattr(0, TCSADRAIN, &old) }
    let loop = try EventLoop()
    try loop.watchSignals([SIGWINCH]) { _ in
      var size = winsize()
      _ = ioctl(0, UInt(TIOCGWINSZ), &size)
      _ = ioctl(master, UInt(TIOCSWINSZ), &size)
    }
    func pass(_ from: Int32, _ to: Int32) -> Bool {
      var chunk = [UInt8](repeating: 0, count: 4096)
      let n = read(from, &chunk, chunk.count)
      if n < 0 { return errno == EINTR || errno == EAGAIN }
      return n > 0 && optional { () throws(SysError) in try writeAll(to, Array(chunk[..<n])) } != nil
    }
    try loop.watch(0) { _ in if !pass(0, master) { loop.forget(0) } }
    try loop.watch(master) { _ in if !pass(master, 1) { loop.forget(master) } }
    try loop.watch(child) { _ in
      // What it wrote last is still in the terminal.
      let flags = fcntl(master, F_GETFL)
      _ = fcntl(master, F_SETFL, flags | O_NONBLOCK)
      var chunk = [UInt8](repeating: 0, count: 4096)
      while true {
        let n = read(master, &chunk, chunk.count)
        if n <= 0 || optional({ () throws(SysError) in try writeAll(1, Array(chunk[..<n])) }) == nil { break }
      }
      loop.stop()
    }
    try loop.run()
    return try ended(child)
  }
}
