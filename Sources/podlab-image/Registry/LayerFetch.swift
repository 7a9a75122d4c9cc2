// SPDX-License-Identifier: Apache-2.0
//
// Layers come into the store side by side: for each one a process that fetches (TLS) and one that takes in (hashes, decompresses, unpacks), with a pipe
// between them, so that one layer keeps two cores busy and several keep all. This program has one thread: a fork is safe.
import CLinux
import Glibc
import Images
import Kernel

struct WantedLayer {
  var index: Int
  var blob: Blob
  /// Digest of the uncompressed layer.
  var diffID: String
}

final class LayerFetch {
  /// As containerd and docker have it.
  private static let atOnce = 3

  private let store: ImageStore
  private let reference: ImageReference
  private let options: RegistryOptions
  private let progress: LayerProgress
  /// Whoever asked, to be watched: when he hangs up, the work is given up.
  private let client: Int32?
  private var running: [Int32: Int] = [:]
  private var heard: [UInt8] = []
  private var failure: String?

  init(_ store: ImageStore, _ reference: ImageReference, _ options: RegistryOptions, _ progress: LayerProgress, client: Int32?) {
    (self.store, self.reference, self.options, self.progress, self.client) = (store, reference, options, progress, client)
  }

  func run(_ layers: [WantedLayer]) throws(Failure) {
    var waiting = layers[...]
    let pipe = try failing { () throws(SysError) in try FileDescriptor.pipe() }
    let (reports, reporter) = pipe.ends()
    defer {
      _ = close(reports)
      _ = close(reporter)
    }
    while failure == nil, !waiting.isEmpty || !running.isEmpty {
      while running.count < Self.atOnce, let next = waiting.popFirst() {
        let child = try failing("starting a layer's process") { () throws(SysError) in
          try Fork.run { FetchedLayer(self.store, self.reference, self.options, reporter).take(next) }
        }
        running[child.release()] = next.index
      }
      wait(reports)
    }
    guard failure != nil else { return }
    for (pidfd, _) in running {
      _ = optional { () throws(SysError) in try Pidfd.signal(pidfd, SIGKILL) }
      reap(pidfd)
    }
    // What they leave is removed by the next writer: at once.
    _ = try StoreWriter(store)
    throw Failure(failure ?? "")
  }

  private func wait(_ reports: Int32) {
    let pidfds = Array(running.keys)
    var ready = ([reports, client ?? -1] + pidfds).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    ready[1].events = 0
    guard poll(&ready, nfds_t(ready.count), -1) > 0 else { return }
    if ready[1].revents != 0 { failure = failure ?? "given up: nobody waits for it any more" }
    if ready[0].revents != 0 { hear(reports) }
    for p in ready.dropFirst(2) where p.revents != 0 {
      let index = running[p.fd] ?? 0
      let status = reap(p.fd)
      hear(reports)
      if status == 0 { progress.end(index, "pulled") } else { failure = failure ?? "the process that took in a layer ended with \(status)" }
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
      let words = line.split(separator: " ", maxSplits: 2).map(String.init)
      guard words.count == 3, let index = Int(words[1]) else { continue }
      switch words[0] {
      case "at": if let bytes = Int64(words[2]) { progress.move(index, to: bytes) }
      case "note": progress.say(words[2])
      default: failure = failure ?? words[2]
      }
    }
  }
}

/// One layer, in processes of its own.
private struct FetchedLayer {
  let store: ImageStore
  let reference: ImageReference
  let options: RegistryOptions
  let reporter: Int32

  init(_ store: ImageStore, _ reference: ImageReference, _ options: RegistryOptions, _ reporter: Int32) {
    (self.store, self.reference, self.options, self.reporter) = (store, reference, options, reporter)
  }

  /// In one write, which a pipe does not mix with others' (PIPE_BUF).
  private func report(_ kind: String, _ index: Int, _ text: String) {
    let line = text.utf8.map { $0 == 10 ? 32 : $0 }.prefix(3900)
    _ = optional { () throws(SysError) in try writeAll(reporter, Array("\(kind) \(index) ".utf8) + line + [10]) }
  }

  func take(_ layer: WantedLayer) -> Int32 {
    _ = lx_set_death_signal(SIGKILL)
    let ends: (Int32, Int32)
    let fetcher: Int32
    do throws(SysError) {
      ends = try FileDescriptor.pipe().ends()
      fetcher = try Fork.run {
        _ = lx_set_death_signal(SIGKILL)
        _ = close(ends.0)
        return fetch(layer, into: ends.1)
      }.release()
    } catch {
      report("error", layer.index, "\(error.during("starting to fetch a layer"))")
      return 1
    }
    _ = close(ends.1)
    var failure: String?
    do throws(Failure) {
      let writer = try StoreWriter(store)
      _ = try writer.addLayer(from: ends.0, expecting: Expected(layer.blob), diffID: layer.diffID)
      for line in writer.notes { report("note", layer.index, "warning: \(line)") }
    } catch { failure = error.description }
    _ = close(ends.0)
    let status = optional { () throws(SysError) in try ExitStatus.collect(pidfd: fetcher, wait: true) } ?? nil
    // A fetcher that failed by itself has said why.
    if status?.code == 1 { return 1 }
    if let failure { report("error", layer.index, failure) }
    return failure == nil ? 0 : 1
  }

  /// 0: all is in the pipe, or nobody wants it. 1: it failed, which was told.
  private func fetch(_ layer: WantedLayer, into output: Int32) -> Int32 {
    var told: Int64 = 0
    do throws(Failure) {
      let registry = try Registry(reference, options)
      registry.onRetry = { report("note", layer.index, Retry.text($0, $1)) }
      let blob = BlobFetch(registry, digest: layer.blob.digest, size: layer.blob.size, to: output) { bytes in
        if Clock.monotonic - told < 50_000_000, bytes < layer.blob.size { return }
        told = Clock.monotonic
        report("at", layer.index, "\(bytes)")
      }
      do throws(RegistryError) { try blob.run() } catch { throw Failure(error.description) }
      return 0
    } catch {
      report("error", layer.index, error.description)
      return 1
    }
  }
}

enum Retry {
  static func text(_ why: String, _ seconds: Double) -> String {
    let tenths = Int((seconds * 10).rounded())
    return "\(why); trying again in \(tenths / 10).\(tenths % 10) s"
  }
}
