// SPDX-License-Identifier: Apache-2.0
//
// Work on the layers of an image, each in a process of its own, some at once; what they tell comes back over one pipe, a line each. This program has one
// thread: a fork is safe.
import Glibc
import Kernel

final class LayerProcesses {
  /// As containerd and docker have it.
  private static let atOnce = 3

  private let progress: LayerProgress
  /// Whoever asked, to be watched: when he hangs up, the work is given up.
  private let client: Int32?
  /// By pidfd, the layer's row of the progress.
  private var running: [Int32: Int] = [:]
  private var words: [Int: String] = [:]
  private var heard: [UInt8] = []
  private var failure: String?

  init(_ progress: LayerProgress, client: Int32? = nil) { (self.progress, self.client) = (progress, client) }

  /// rows: of the progress, one for each layer. body: what the layer's process does; it returns its exit code, 0 when all is well.
  func run(_ rows: [Int], _ body: (Int, LayerReport) -> Int32) throws(Failure) {
    var waiting = rows[...]
    let pipe = try failing { () throws(SysError) in try FileDescriptor.pipe() }
    let (reports, reporter) = pipe.ends()
    defer {
      _ = close(reports)
      _ = close(reporter)
    }
    while failure == nil, !waiting.isEmpty || !running.isEmpty {
      while running.count < Self.atOnce, let next = waiting.popFirst() {
        let child = try failing("starting a layer's process") { () throws(SysError) in
          try Fork.run(diesWithParent: true) { body(next, LayerReport(fd: reporter, row: next)) }
        }
        running[child.release()] = next
      }
      wait(reports)
    }
    guard let failure else { return }
    for (pidfd, _) in running {
      _ = optional { () throws(SysError) in try Pidfd.signal(pidfd, SIGKILL) }
      reap(pidfd)
    }
    throw Failure(failure)
  }

  private func wait(_ reports: Int32) {
    let pidfds = Array(running.keys)
    var ready = ([reports, client ?? -1] + pidfds).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    ready[1].events = 0
    guard poll(&ready, nfds_t(ready.count), -1) > 0 else { return }
    if ready[1].revents != 0 { failure = failure ?? "given up: nobody waits for it any more" }
    if ready[0].revents != 0 { hear(reports) }
    for p in ready.dropFirst(2) where p.revents != 0 {
      let row = running[p.fd] ?? 0
      let status = reap(p.fd)
      hear(reports)
      if status == 0 { progress.end(row, words[row] ?? said("done", "完成")) } else { failure = failure ?? "the process that had a layer to do with ended with \(status)" }
    }
  }

  @discardableResult
  private func reap(_ pidfd: Int32) -> Int32 {
    running[pidfd] = nil
    let status = optional { () throws(SysError) in try ExitStatus.collect(pidfd: pidfd, wait: true) } ?? nil
    _ = close(pidfd)
    return status?.code ?? 255
  }

  /// Reads the reports that there are.
  private func hear(_ reports: Int32) {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    var p = pollfd(fd: reports, events: Int16(POLLIN), revents: 0)
    while poll(&p, 1, 0) > 0, p.revents != 0 {
      let n = read(reports, &buffer, buffer.count)
      if n <= 0 { break }
      heard += buffer[..<n]
    }
    while let end = heard.firstIndex(of: 10) {
      let line = String(decoding: heard[..<end], as: UTF8.self)
      heard.removeSubrange(...end)
      let parts = line.split(separator: " ", maxSplits: 2).map(String.init)
      guard parts.count == 3, let row = Int(parts[1]), let kind = LayerReport.Kind(rawValue: parts[0]) else { continue }
      switch kind {
      case .at: if let bytes = Int64(parts[2]) { progress.move(row, to: bytes) }
      case .note: progress.say(parts[2])
      case .done: words[row] = parts[2]
      case .error: failure = failure ?? parts[2]
      }
    }
  }
}

/// What the process of one layer tells.
final class LayerReport {
  fileprivate enum Kind: String { case at, note, done, error }
  private let fd: Int32
  private let row: Int
  private var told: Int64 = 0

  fileprivate init(fd: Int32, row: Int) { (self.fd, self.row) = (fd, row) }

  /// Bytes so far; not every call is told.
  func moved(to bytes: Int64, of total: Int64) {
    if Clock.monotonic - told < 50_000_000, bytes < total { return }
    told = Clock.monotonic
    send(.at, "\(bytes)")
  }
  func note(_ text: String) { send(.note, text) }
  /// In a word for the progress.
  func done(_ word: String) { send(.done, word) }
  func failed(_ why: String) { send(.error, why) }

  /// In one write, which a pipe does not mix with others' (PIPE_BUF).
  private func send(_ kind: Kind, _ text: String) {
    let line = text.utf8.map { $0 == 10 ? 32 : $0 }.prefix(3900)
    _ = optional { () throws(SysError) in try writeAll(fd, Array("\(kind.rawValue) \(row) ".utf8) + line + [10]) }
  }
}
