// SPDX-License-Identifier: Apache-2.0
//
// What leads into a container: a pipe for `stdin`, a terminal for `tty`, made for each run and parked with infra, so that a podd that dies closes
// neither. podctl attach gets a copy of the descriptor and writes itself; what comes out is read from the log. API: Container.stdin, stdinOnce, tty.
import Glibc
import Kernel
import Manifest
import Runtime

/// podd's end.
struct ContainerInput {
  /// The pipe's write end, or the terminal's master.
  let descriptor: Int32
  let isTerminal: Bool
}

/// Both ends, until the container runs.
final class InputEnds {
  /// What the container gets: the pipe's read end, or the socket over which the terminal's master comes.
  private let near: Int32
  fileprivate private(set) var far: Int32
  fileprivate let isTerminal: Bool

  /// nil: standard input is /dev/null.
  init?(_ c: Container) throws(SysError) {
    guard c.tty || c.stdin else { return nil }
    isTerminal = c.tty
    (near, far) = c.tty ? try { () throws(SysError) in
      let (read, write) = try UnixSocket.pair().ends()
      return (write, read)
    }() : try FileDescriptor.pipe().ends()
  }

  deinit { for fd in [near, far] where fd >= 0 { _ = close(fd) } }

  /// A terminal has a size from the start, as programs expect.
  func streams(_ log: ContainerLog.Pipes) -> ContainerSpec.Streams {
    isTerminal ? .terminal(socket: near, rows: 24, columns: 80) : .descriptors(near, log.outputWriter, log.errorWriter)
  }

  /// Of a container that runs.
  fileprivate func take() throws(SysError) -> Int32? {
    if isTerminal { return try UnixSocket.receive(far).descriptors.first }
    let fd = far
    far = -1
    return fd
  }
}

extension Supervisor {
  /// After a start.
  func openInput(_ c: Container, _ ends: InputEnds) {
    do throws(SysError) {
      guard let fd = try ends.take() else { return }
      try hold(c.name, ContainerInput(descriptor: fd, isTerminal: ends.isTerminal))
      try store?.park("in:" + c.name, [fd])
    } catch { complain("\(error.during("opening the standard input of container \(c.name)"))") }
  }

  private func hold(_ name: String, _ input: ContainerInput) throws(SysError) {
    inputs[name] = input
    guard input.isTerminal else { return }
    let flags = fcntl(input.descriptor, F_GETFL)
    if flags < 0 || fcntl(input.descriptor, F_SETFL, flags | O_NONBLOCK) < 0 { throw SysError(call: "fcntl", object: "O_NONBLOCK", errno: errno) }
    try logs[name]?.watchTerminal(input.descriptor)
  }

  /// What infra kept; of a container that has ended there is only the rest of its words.
  func takeBackInput(_ name: String, _ descriptors: [Int32]) {
    guard let fd = descriptors.first, let c = container(name) else { return }
    do throws(SysError) { try hold(name, ContainerInput(descriptor: fd, isTerminal: c.tty)) } catch {
      complain("\(error.during("taking back the standard input of container \(name)"))")
    }
    if pidfds[name] == nil { closeInput(name) }
  }

  func closeInput(_ name: String) {
    guard let input = inputs.removeValue(forKey: name) else { return }
    if input.isTerminal { logs[name]?.forgetTerminal() }
    _ = close(input.descriptor)
    do throws(SysError) { try store?.remove("in:" + name) } catch { complain("\(error.during("closing the standard input of container \(name)"))") }
  }

  /// stdinOnce: the first session is the only one; with its end the program reads the end of its input. A terminal stays.
  func sessionEnded(_ name: String) {
    guard container(name)?.stdinOnce == true, inputs[name]?.isTerminal == false else { return }
    closeInput(name)
  }
}
