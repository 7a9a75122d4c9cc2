// SPDX-License-Identifier: Apache-2.0
//
// Descriptors that must outlive podd: read ends of log pipes and pidfds are parked in a socket pair that the infra process holds too. Whoever
// comes next takes the socket with pidfd_getfd(2) and reads them back: a dead podd breaks no writer, and a pidfd that is held keeps the exit code
// of a process that ended meanwhile. The idea is systemd's file descriptor store.
import Glibc
import Kernel

/// The store. Each entry is a name with up to 16 descriptors; a new entry of the same name replaces the older one.
final class DescriptorStore {
  /// Both ends; the infra process holds copies of both. What is sent into `near` waits in `far`.
  let near: Int32
  let far: Int32
  private var entries: [String: [Int32]] = [:]
  private var queued = 0

  /// More than this many messages and the old ones are dropped.
  private static let limit = 48

  init() throws(SysError) {
    (near, far) = try UnixSocket.pair(packets: true).ends()
    try Self.nonblocking(near)
    try Self.nonblocking(far)
  }

  /// Takes over both ends, and what waits in them.
  init(near: Int32, far: Int32) throws(SysError) {
    (self.near, self.far) = (near, far)
    try Self.nonblocking(near)
    try Self.nonblocking(far)
  }

  deinit {
    _ = close(near)
    _ = close(far)
  }

  private static func nonblocking(_ fd: Int32) throws(SysError) {
    let flags = fcntl(fd, F_GETFL)
    if flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 { throw SysError(call: "fcntl", object: "O_NONBLOCK", errno: errno) }
  }

  /// Parks copies; the caller's own stay open.
  func park(_ name: String, _ descriptors: [Int32]) throws(SysError) {
    entries[name] = descriptors
    try send(name, descriptors)
    if queued > Self.limit + entries.count { try compact() }
  }

  /// Forgets an entry; its copies go with the next compaction.
  func drop(_ name: String) { entries[name] = nil }

  /// Forgets an entry and closes its copies now: what waits for the last copy's end must not wait for the next compaction.
  func remove(_ name: String) throws(SysError) {
    guard entries.removeValue(forKey: name) != nil else { return }
    try compact()
  }

  private func send(_ name: String, _ descriptors: [Int32]) throws(SysError) {
    do throws(SysError) { try UnixSocket.send(near, Array(name.utf8), descriptors: descriptors) } catch {
      throw error.during("keeping descriptors for a later podd")
    }
    queued += 1
  }

  /// The current ones once more, then the old ones out: at each moment all current entries are in the queue.
  private func compact() throws(SysError) {
    let old = queued
    for (name, descriptors) in entries { try send(name, descriptors) }
    for _ in 0..<old {
      for fd in try UnixSocket.receive(far, limit: 512).descriptors { _ = close(fd) }
      queued -= 1
    }
  }

  /// Everything that waits, the newest of each name. Each message is parked again before it is taken out, so that being killed here loses nothing.
  /// The caller owns the descriptors.
  func takeBack() throws(SysError) -> [String: [Int32]] {
    var found: [String: [Int32]] = [:]
    let end = ".\(getpid()) \(Clock.monotonic)"
    try send(end, [])
    queued = 0
    while true {
      let message = try UnixSocket.receive(far, limit: 512, peek: true)
      let name = String(decoding: message.bytes, as: UTF8.self)
      // A mark that is not ours was left by one who was killed here.
      if !name.hasPrefix(".") {
        try send(name, message.descriptors)
        for old in found[name] ?? [] { _ = close(old) }
        found[name] = message.descriptors
      }
      for fd in try UnixSocket.receive(far, limit: 512).descriptors { _ = close(fd) }
      if name == end { break }
    }
    entries = found
    try compact()
    return found
  }
}
