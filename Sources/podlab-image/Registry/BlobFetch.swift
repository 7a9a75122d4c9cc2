// SPDX-License-Identifier: Apache-2.0
//
// A blob on its way from the registry into a pipe. A connection that is cut is taken up where it ended (Range), as often as it brings something new.
import Glibc
import Images
import Kernel

final class BlobFetch: BodySink {
  private let registry: Registry
  private let digest: String
  private let size: Int64
  private let output: Int32
  private let progress: (Int64) -> Void
  private var delivered: Int64 = 0
  private var toSkip: Int64 = 0
  /// Why what the registry gives is not taken; nobody tries that again.
  private var objection: String?
  /// Whoever reads the pipe has gone: he knows why.
  private(set) var isUnwanted = false

  /// output: what is written to; it may block. progress: bytes so far.
  init(_ registry: Registry, digest: String, size: Int64, to output: Int32, progress: @escaping (Int64) -> Void) {
    (self.registry, self.digest, self.size, self.output, self.progress) = (registry, digest, size, output, progress)
  }

  func run() throws(RegistryError) {
    var failures = 0
    var pause = RegistryOptions.firstPause
    while delivered < size {
      let before = delivered
      let failure: RegistryError
      do throws(RegistryError) {
        let headers = delivered > 0 ? ["Range: bytes=\(delivered)-"] : []
        _ = try registry.send("GET", "blobs/\(digest)", headers: headers, sink: self, accepts: [200, 206])
        if isUnwanted { return }
        if let objection { throw RegistryError(description: objection) }
        if delivered >= size { return }
        failure = RegistryError(description: "unexpected EOF", isTransient: true)
      } catch {
        if isUnwanted { return }
        failure = objection.map { RegistryError(description: $0) } ?? error
      }
      if delivered > before { (failures, pause) = (0, RegistryOptions.firstPause) }
      failures += 1
      guard failure.isTransient, failure.status == 0, failures < RegistryOptions.attempts else { throw copying(failure) }
      registry.onRetry("\(failure.description) after \(delivered) of \(size) bytes", Double(pause) / 1e9)
      Registry.sleep(pause)
      pause *= 2
    }
  }

  private func copying(_ e: RegistryError) -> RegistryError {
    var e = e
    e.description = "failed to copy \(digest): " + (e.status == 404 ? "not found" : e.description)
    return e
  }

  func begin(_ head: HTTPResponse) -> Bool {
    toSkip = 0
    if head.status == 206 {
      let range = head.header("content-range") ?? ""
      guard range.hasPrefix("bytes \(delivered)-") else {
        objection = "the registry was asked for bytes from \(delivered) on and gave \"\(range)\""
        return false
      }
    } else {
      // Ranges are not served: once more from the start, and what is known is passed over.
      toSkip = delivered
    }
    if let length = head.header("content-length").flatMap({ Int64($0) }), length != size - delivered + toSkip {
      objection = "the registry gives \(length + delivered - toSkip) bytes, the manifest says \(size)"
      return false
    }
    return true
  }

  func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let skipped = min(toSkip, Int64(bytes.count))
    toSkip -= skipped
    let rest = UnsafeRawBufferPointer(rebasing: bytes[Int(skipped)...])
    if rest.isEmpty { return true }
    if delivered + Int64(rest.count) > size {
      objection = "the registry gives more than the \(size) bytes that the manifest says"
      return false
    }
    do throws(SysError) { try writeAll(output, rest) } catch {
      isUnwanted = true
      return false
    }
    delivered += Int64(rest.count)
    progress(delivered)
    return true
  }
}
