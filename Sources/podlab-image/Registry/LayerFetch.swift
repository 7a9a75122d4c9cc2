// SPDX-License-Identifier: Apache-2.0
//
// Layers come into the store side by side: for each one a process that fetches (TLS) and one that takes in (hashes, decompresses, unpacks), with a pipe
// between them, so that one layer keeps two cores busy and several keep all.
import Glibc
import Images
import Kernel

struct WantedLayer {
  var index: Int
  var blob: Blob
  /// Digest of the uncompressed layer.
  var diffID: String
}

struct LayerFetch {
  let store: ImageStore
  let reference: ImageReference
  let options: RegistryOptions
  let progress: LayerProgress
  /// Whoever asked, to be watched: when he hangs up, the work is given up.
  let client: Int32?

  init(_ store: ImageStore, _ reference: ImageReference, _ options: RegistryOptions, _ progress: LayerProgress, client: Int32?) {
    (self.store, self.reference, self.options, self.progress, self.client) = (store, reference, options, progress, client)
  }

  func run(_ layers: [WantedLayer]) throws(Failure) {
    do throws(Failure) {
      try LayerProcesses(progress, client: client).run(layers.map(\.index)) { index, report in
        guard let layer = layers.first(where: { $0.index == index }) else { return 1 }
        return FetchedLayer(store: store, reference: reference, options: options, report: report).take(layer)
      }
    } catch {
      // What they leave is removed by the next writer: at once.
      _ = try StoreWriter(store)
      throw error
    }
  }
}

/// One layer, in processes of its own.
private struct FetchedLayer {
  let store: ImageStore
  let reference: ImageReference
  let options: RegistryOptions
  let report: LayerReport

  func take(_ layer: WantedLayer) -> Int32 {
    let ends: (Int32, Int32)
    let fetcher: Int32
    do throws(SysError) {
      ends = try FileDescriptor.pipe().ends()
      fetcher = try Fork.run(diesWithParent: true) {
        _ = close(ends.0)
        return fetch(layer, into: ends.1)
      }.release()
    } catch {
      report.failed("\(error.during("starting to fetch a layer"))")
      return 1
    }
    _ = close(ends.1)
    var failure: String?
    do throws(Failure) {
      let writer = try StoreWriter(store)
      _ = try writer.addLayer(from: ends.0, expecting: Expected(layer.blob), diffID: layer.diffID)
      for line in writer.notes { report.note("warning: \(line)") }
    } catch { failure = error.description }
    _ = close(ends.0)
    let status = optional { () throws(SysError) in try ExitStatus.collect(pidfd: fetcher, wait: true) } ?? nil
    // A fetcher that failed by itself has said why.
    if status?.code == 1 { return 1 }
    if let failure { report.failed(failure) } else { report.done(said("pulled", "已拉取")) }
    return failure == nil ? 0 : 1
  }

  /// 0: all is in the pipe, or nobody wants it. 1: it failed, which was told.
  private func fetch(_ layer: WantedLayer, into output: Int32) -> Int32 {
    do throws(Failure) {
      let registry = try Registry(reference, options)
      registry.onRetry = { report.note(Retry.text($0, $1)) }
      let blob = BlobFetch(registry, digest: layer.blob.digest, size: layer.blob.size, to: output) { report.moved(to: $0, of: layer.blob.size) }
      do throws(RegistryError) { try blob.run() } catch { throw Failure(error.description) }
      return 0
    } catch {
      report.failed(error.description)
      return 1
    }
  }
}

enum Retry {
  static func text(_ why: String, _ seconds: Double) -> String {
    let tenths = Int((seconds * 10).rounded())
    return why + said("; trying again in \(tenths / 10).\(tenths % 10) s", "；\(tenths / 10).\(tenths % 10) 秒后重试")
  }
}
