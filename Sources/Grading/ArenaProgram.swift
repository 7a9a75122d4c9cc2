// SPDX-License-Identifier: Apache-2.0
//
// One of our programs running in an arena: fed through a pipe, listened to through two, with limits on time and output.
// Nothing it prints decides a check; it is where diagnostics come from.
import Glibc
import Kernel

public final class ArenaProgram {
  public struct Ended {
    public var status: ExitStatus
    public var output: [UInt8]
    public var errors: [UInt8]
    /// Killed by us: its time, or its output, was over.
    public var reason: Reason?
    public var errorText: String { Sanitise.visible(errors) }
  }

  private let pid: Int32
  private let pidfd: FileDescriptor
  private var input: Int32
  private var pending: ArraySlice<UInt8>
  private var outputs: [(fd: Int32, bytes: [UInt8])]
  private let limit: Int
  private var reason: Reason?

  /// Starts it. Its standard input is given only after it stands behind the arena's fence.
  public init(_ arguments: [String], in arena: Arena, input bytes: [UInt8] = [], environment: [String] = []) throws(SysError) {
    let (childIn, ourIn) = try FileDescriptor.pipe().ends()
    let (ourOut, childOut) = try FileDescriptor.pipe().ends()
    let (ourErr, childErr) = try FileDescriptor.pipe().ends()
    defer { for fd in [childIn, childOut, childErr] { _ = close(fd) } }
    input = ourIn
    outputs = [(ourOut, []), (ourErr, [])]
    pending = bytes[...]
    limit = arena.limits.outputBytes
    let plan = ArenaPlan.program(arena: arena.pidfd.raw, arguments, stdio: (childIn, childOut, childErr), environment: environment)
    do throws(SysError) {
      let child = try plan.spawn()
      pid = child.pid
      pidfd = FileDescriptor(owning: child.release())
    } catch {
      for fd in [ourIn, ourOut, ourErr] { _ = close(fd) }
      throw error.during("starting \(arguments.first ?? "") in the arena")
    }
    try arena.fence.add(pid)
    for fd in [ourIn, ourOut, ourErr] { _ = fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) }
    feed()
  }

  deinit {
    _ = optional { () throws(SysError) in try Pidfd.signal(pidfd.raw, SIGKILL) }
    for fd in [input] + outputs.map(\.fd) where fd >= 0 { _ = close(fd) }
  }

  /// What poll(2) should wait for on its behalf.
  var interests: [pollfd] {
    var list = [pollfd(fd: pidfd.raw, events: Int16(POLLIN), revents: 0)]
    for out in outputs where out.fd >= 0 { list.append(pollfd(fd: out.fd, events: Int16(POLLIN), revents: 0)) }
    if input >= 0 { list.append(pollfd(fd: input, events: Int16(POLLOUT), revents: 0)) }
    return list
  }

  /// Moves what can be moved. The end, when it has come: the program has ended, and what it had printed has been read. What a
  /// grandchild still holds open is not waited for.
  public func pump() throws(SysError) -> Ended? {
    feed()
    for i in outputs.indices { drain(i) }
    guard let status = try ExitStatus.collect(pidfd: pidfd.raw) else { return nil }
    for i in outputs.indices { drain(i) }
    return Ended(status: status, output: outputs[0].bytes, errors: outputs[1].bytes, reason: reason)
  }

  /// Ends it for a reason; pump() then tells of the end.
  public func kill(_ why: Reason) {
    guard reason == nil else { return }
    reason = why
    _ = optional { () throws(SysError) in try Pidfd.signal(pidfd.raw, SIGKILL) }
  }

  /// Waits for its end, at most until the deadline (nanoseconds, monotonic); `meanwhile` is called on each round.
  public func finish(deadline: Int64, meanwhile: () -> Void = {}) throws(SysError) -> Ended {
    while true {
      if let end = try pump() { return end }
      meanwhile()
      let left = deadline - Clock.monotonic
      if left <= 0 { kill(.timeout) }
      var list = interests
      _ = poll(&list, nfds_t(list.count), Int32(max(1, min(left / 1_000_000, 20))))
    }
  }

  private func feed() {
    while input >= 0 {
      if pending.isEmpty {
        _ = close(input)
        input = -1
        return
      }
      let n = pending.withUnsafeBytes { write(input, $0.baseAddress, $0.count) }
      if n > 0 { pending = pending.dropFirst(n) } else if errno == EAGAIN { return } else { pending = [] }
    }
  }

  private func drain(_ i: Int) {
    var buffer = [UInt8](repeating: 0, count: 65536)
    while outputs[i].fd >= 0 {
      let n = read(outputs[i].fd, &buffer, buffer.count)
      if n > 0 {
        outputs[i].bytes += buffer[..<min(n, max(0, limit - outputs[i].bytes.count))]
        if outputs[i].bytes.count >= limit { kill(.limitOutput) }
      } else if n < 0 && (errno == EAGAIN || errno == EINTR) {
        return
      } else {
        _ = close(outputs[i].fd)
        outputs[i].fd = -1
      }
    }
  }
}
