// SPDX-License-Identifier: Apache-2.0
//
// Bytes from one descriptor to another through a buffer, on an event loop: terminals, pipes and sockets in both directions at once, and neither
// side waits for the other's reader. epoll(7).
import Glibc
import Kernel

/// One direction. The source is read when there is room, the target written when there is data.
final class Flow {
  fileprivate let from: Int32
  fileprivate let to: Int32
  private var buffer = [UInt8](repeating: 0, count: 1 << 16)
  private var start = 0
  private var end = 0
  private var hasEnded = false
  fileprivate var isOver = false
  /// Once: the source has ended and all of it was written (true), or the target takes nothing more (false).
  fileprivate let done: (Bool) -> Void

  fileprivate init(_ from: Int32, _ to: Int32, done: @escaping (Bool) -> Void) { (self.from, self.to, self.done) = (from, to, done) }

  fileprivate var wantsInput: Bool { !isOver && !hasEnded && start == end }
  fileprivate var wantsRoom: Bool { !isOver && start < end }

  /// Reads once and writes what can be written. Returns whether there may be more at once.
  fileprivate func move() -> Bool {
    if wantsInput {
      let n = buffer.withUnsafeMutableBytes { read(from, $0.baseAddress, $0.count) }
      if n < 0 && (errno == EINTR || errno == EAGAIN) { return errno == EINTR }
      // EIO: the last process has left a terminal.
      if n <= 0 { hasEnded = true } else { (start, end) = (0, n) }
    }
    while start < end {
      let n = buffer.withUnsafeBytes { b in write(to, b.baseAddress.map { $0 + start }, end - start) }
      if n < 0 && errno == EINTR { continue }
      if n < 0 && errno == EAGAIN { return false }
      if n < 0 {
        finish(false)
        return false
      }
      start += n
    }
    if hasEnded { finish(true) }
    return !isOver
  }

  private func finish(_ whole: Bool) {
    isOver = true
    done(whole)
  }
}

/// Flows that share a loop; a descriptor may be the source of one and the target of another.
final class Flows {
  private let loop: EventLoop
  private var sources: [Int32: Flow] = [:]
  private var targets: [Int32: Flow] = [:]

  init(_ loop: EventLoop) { self.loop = loop }

  /// done is called once (Flow.done); the descriptors stay open. A source that epoll does not take (a file) is read at once.
  func add(_ from: Int32, _ to: Int32, done: @escaping (Bool) -> Void) {
    let flow = Flow(from, to, done: done)
    sources[from] = flow
    targets[to] = flow
    // Not before it is ready: our own terminal blocks.
    if !arm(from) { step(flow, canWait: false) }
  }

  /// Takes a descriptor out, before it is closed.
  func forget(_ fd: Int32) {
    sources[fd]?.isOver = true
    targets[fd]?.isOver = true
    sources[fd] = nil
    targets[fd] = nil
    loop.forget(fd)
  }

  private func step(_ flow: Flow, canWait: Bool) {
    while flow.move() && !canWait && !flow.isOver {}
    if flow.isOver {
      if sources[flow.from] === flow { sources[flow.from] = nil }
      if targets[flow.to] === flow { targets[flow.to] = nil }
    }
    _ = arm(flow.from)
    _ = arm(flow.to)
  }

  /// Watches what is now waited for. A descriptor that nobody waits for is forgotten: its hang-up would be told for ever.
  private func arm(_ fd: Int32) -> Bool {
    var what: EventLoop.Readiness = []
    if sources[fd]?.wantsInput == true { what.insert(.readable) }
    if targets[fd]?.wantsRoom == true { what.insert(.writable) }
    if what.isEmpty {
      loop.forget(fd)
      return true
    }
    do throws(SysError) {
      try loop.watch(fd, what) { [unowned self] ready in
        if let flow = targets[fd], flow.wantsRoom, !ready.isDisjoint(with: [.writable, .error, .hangUp]) { step(flow, canWait: isWaitable(flow.from)) }
        if let flow = sources[fd], flow.wantsInput, !ready.isDisjoint(with: [.readable, .error, .hangUp]) { step(flow, canWait: true) }
      }
      return true
    } catch { return false }
  }

  private func isWaitable(_ fd: Int32) -> Bool {
    var s = stat()
    // epoll takes neither regular files nor folders (EPERM).
    return fstat(fd, &s) != 0 || (s.st_mode & S_IFMT != S_IFREG && s.st_mode & S_IFMT != S_IFDIR)
  }
}
