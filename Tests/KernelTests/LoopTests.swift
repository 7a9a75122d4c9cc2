// SPDX-License-Identifier: Apache-2.0
//
// The event loop and unix sockets.
import Glibc
import Kernel
import Testing

@Suite(.serialized) struct Loop {
  @Test func descriptorsAndDeadlinesBecomeCalls() throws {
    let loop = try EventLoop()
    let pipe = try FileDescriptor.pipe(nonblocking: true)
    var read: [UInt8] = []
    let reader = pipe.read.raw
    try loop.watch(reader) { _ in
      var buffer = [UInt8](repeating: 0, count: 16)
      let n = buffer.withUnsafeMutableBytes { b in optional { () throws(SysError) in try readSome(reader, into: b) } ?? nil }
      read += buffer.prefix(n ?? 0)
      loop.forget(reader)
    }
    let begin = Clock.monotonic
    var fired: Int64 = 0
    loop.setDeadline(begin + 20_000_000) {
      fired = Clock.monotonic
      loop.stop()
    }
    try writeAll(pipe.write.raw, "ready")
    try loop.run()
    #expect(String(decoding: read, as: UTF8.self) == "ready")
    #expect(fired - begin >= 20_000_000)
  }

  @Test func aPastDeadlineComesAtOnceAndOnlyOnce() throws {
    let loop = try EventLoop()
    var count = 0
    loop.setDeadline(1) {
      count += 1
      loop.setDeadline(Clock.monotonic + 5_000_000) { loop.stop() }
    }
    try loop.run()
    #expect(count == 1)
  }

  @Test func theEndOfAChildIsAnEvent() throws {
    let loop = try EventLoop()
    let child = try SpawnPlan(.paths(["/bin/sh"]), ["sh", "-c", "exit 3"]).spawn()
    var status: ExitStatus?
    let pidfd = child.pidfd.raw
    try loop.watch(pidfd) { _ in
      status = optional { () throws(SysError) in try ExitStatus.collect(pidfd: pidfd) } ?? nil
      loop.forget(pidfd)
      loop.stop()
    }
    try loop.run()
    #expect(status == ExitStatus(code: 3))
  }

  /// A callback closes another descriptor that is due in the same round and opens a new one with its number: the new one's handler must not be
  /// called for the old one's event.
  @Test func anEventOfAForgottenDescriptorIsDropped() throws {
    let loop = try EventLoop()
    let a = try FileDescriptor.pipe()
    let b = try FileDescriptor.pipe()
    let c = try FileDescriptor.pipe()
    let (ra, wa) = a.ends()
    let (rb, wb) = b.ends()
    let (rc, wc) = c.ends()
    defer { for fd in [ra, wa, rb, wb, rc, wc] { close(fd) } }
    try writeAll(wa, "x")
    try writeAll(wb, "x")
    var wrong = 0
    var calls = 0
    func exchange(_ other: Int32) -> (EventLoop.Readiness) -> Void {
      return { _ in
        calls += 1
        guard calls == 1 else { return }
        loop.forget(other)
        dup2(rc, other)  // now the empty pipe
        do throws(SysError) { try loop.watch(other) { _ in wrong += 1 } } catch { Issue.record("\(error)") }
        loop.setDeadline(Clock.monotonic + 10_000_000) { loop.stop() }
        loop.forget(ra)
        loop.forget(other == ra ? rb : ra)
      }
    }
    try loop.watch(ra, .readable, exchange(rb))
    try loop.watch(rb, .readable, exchange(ra))
    try loop.run()
    #expect(wrong == 0)
  }

  @Test func signalsAreEvents() throws {
    // In a process of its own nothing else is disturbed; here a thread's own signal mask is what signalfd needs.
    nonisolated(unsafe) var got: Int32 = 0
    onThreads(1) { _ in
      let loop = try EventLoop()
      try loop.watchSignals([SIGUSR2]) { number in
        got = number
        loop.stop()
      }
      pthread_kill(pthread_self(), SIGUSR2)
      try loop.run()
    }
    #expect(got == SIGUSR2)
  }
}

@Suite struct Sockets {
  @Test(arguments: [10, 100, 107, 108, 120, 200, 240])
  func pathsOfAnyLengthWork(_ length: Int) throws {
    let scratch = try Scratch()
    var path = scratch.path
    while path.utf8.count + 60 < length { path += "/" + String(repeating: "d", count: 50) }
    try FileSystem.makeFolders(path)
    path += "/" + String(repeating: "s", count: max(1, length - path.utf8.count - 1))
    let listener = try UnixSocket.listen(path)
    #expect(try FileSystem.info(path).mode & 0o777 == 0o600)
    let client = try UnixSocket.connect(path)
    let server = try #require(box(try UnixSocket.accept(listener.raw, nonblocking: false)))
    #expect(try UnixSocket.peer(server.raw) == (getpid(), getuid(), getgid()))
    try writeAll(client.raw, "hello")
    #expect(try UnixSocket.receive(server.raw).bytes == Array("hello".utf8))
    // a second listener takes the place over
    let again = try UnixSocket.listen(path)
    _ = again.raw
  }

  @Test func nobodyListening() throws {
    let scratch = try Scratch()
    func code(_ path: String) -> Int32 {
      do throws(SysError) { _ = try UnixSocket.connect(path).raw } catch { return error.errno }
      return 0
    }
    #expect(code(scratch("none")) == ENOENT)
    do { _ = try UnixSocket.listen(scratch("dead")).raw }
    #expect(code(scratch("dead")) == ECONNREFUSED)
  }

  @Test func descriptorsTravel() throws {
    let pair = try UnixSocket.pair()
    let pipe = try FileDescriptor.pipe()
    try UnixSocket.send(pair.read.raw, Array("two".utf8), descriptors: [pipe.write.raw, pipe.read.raw])
    let peeked = try UnixSocket.receive(pair.write.raw, peek: true)
    let taken = try UnixSocket.receive(pair.write.raw)
    #expect(taken.bytes == Array("two".utf8) && taken.descriptors.count == 2 && peeked.descriptors.count == 2)
    try writeAll(taken.descriptors[0], "x")
    var byte: UInt8 = 0
    #expect(read(taken.descriptors[1], &byte, 1) == 1 && byte == 120)
    for fd in taken.descriptors + peeked.descriptors {
      #expect(fcntl(fd, F_GETFD) & FD_CLOEXEC == FD_CLOEXEC)
      close(fd)
    }
  }
}

/// A descriptor that #require can hand over.
final class Box {
  private let fd: FileDescriptor
  var raw: Int32 { fd.raw }
  init(_ fd: consuming FileDescriptor) { self.fd = fd }
}
func box(_ fd: consuming FileDescriptor?) -> Box? {
  guard let fd = consume fd else { return nil }
  return Box(fd)
}
