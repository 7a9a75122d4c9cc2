// SPDX-License-Identifier: Apache-2.0
//
// push: an image of the store into a registry, as it is: the same bytes, so the same digests. First what the manifest names, some of it at once, then
// the manifest.
import Glibc
import Images
import Kernel
import Manifest

struct PushCommand: ImageCommand {
  static let name = "push"
  static let usage = """
    REF [DEST] [--tls-verify BOOL] [--certs DIR]… [--authfile FILE] [--timeout S] [--quiet]
          sends an image to the registry that DEST (else REF) names
    """
  static let options = ["--tls-verify", "--certs", "--authfile", "--timeout"]
  static let flags = ["--quiet"]

  static func run(_ words: Words) throws(Failure) {
    guard words.arguments.count == 1 || words.arguments.count == 2 else { throw Failure("push takes a name, and perhaps the name that it shall have there") }
    let reference = try BuildCommand.reference(words.arguments[0])
    let target = words.arguments.count == 2 ? try BuildCommand.reference(words.arguments[1]) : reference
    let push = Push(store: try words.store(), reference: reference, target: target, options: try RegistryWords.options(words, for: target))
    let digest = try push.run(LayerProgress(quiet: words.has("--quiet")))
    print("\(target.repository)\(target.tag.map { ":\($0)" } ?? "")@\(digest)")
  }
}

struct Push {
  let store: ImageStore
  let reference: ImageReference
  let target: ImageReference
  let options: RegistryOptions

  /// Returns the digest that the image has there.
  func run(_ progress: LayerProgress) throws(Failure) -> String {
    // Held so that nobody removes what is being sent.
    let writer = try StoreWriter(store)
    guard let image = try failing({ () throws(ImageError) in try store.find(reference) }) else {
      throw Failure("there is no image \(reference) in \(store.root): pull, import or build it first")
    }
    let path = store.blobPath(image.digest)
    let bytes = try failing { () throws(SysError) in try FileSystem.read(path) }
    let manifest = try Failure.json(bytes, path)
    if let digest = target.digest, digest != image.digest {
      throw Failure("\(target) names another digest than the image has: \(image.digest)")
    }
    let others = try Self.relatives(store, target)
    let registry = try Registry(target, options, actions: "pull,push", also: others)
    registry.onRetry = { progress.say(Retry.text($0, $1)) }
    let blobs = try (manifest["layers"]?.array ?? []) .map { d throws(Failure) in try Self.blob(d) } + [Self.blob(manifest["config"] ?? .null)]
    progress.begin("\(target)", layers: blobs.count - 1, bytes: blobs.reduce(0) { $0 + $1.size })
    for b in blobs { progress.add(b.digest, total: b.size) }
    // A blob that stands twice is sent once.
    let first = blobs.indices.filter { i in !blobs[..<i].contains { $0.digest == blobs[i].digest } }
    do throws(Failure) {
      try LayerProcesses(progress).run(first) { i, report in
        do throws(Failure) {
          let registry = try Registry(target, options, actions: "pull,push", also: others)
          registry.onRetry = { report.note(Retry.text($0, $1)) }
          let upload = BlobUpload(registry: registry, blob: blobs[i], path: store.blobPath(blobs[i].digest), progress: { report.moved(to: $0, of: blobs[i].size) })
          report.done(try failing { () throws(RegistryError) in try upload.run(from: others) })
          return 0
        } catch {
          report.failed(error.description)
          return 1
        }
      }
    } catch { throw Failure("failed to push \(target): \(error.description)") }
    for i in blobs.indices where !first.contains(i) { progress.end(i, LayerProgress.sameAsAnother) }
    do throws(RegistryError) {
      // OCI's may leave it out.
      let type = manifest["mediaType"]?.string ?? MediaType.manifest
      let answer = try registry.send(
        "PUT", "manifests/\(target.tag ?? image.digest)", headers: ["Content-Type: \(type)"], body: .bytes(bytes), accepts: [200, 201, 202])
      if let said = answer.header("docker-content-digest"), said != image.digest {
        throw RegistryError(description: "the registry took the manifest as \(said), it is \(image.digest)")
      }
    } catch { throw Failure("failed to push \(target): \(error.description)") }
    withExtendedLifetime(writer) {}
    return image.digest
  }

  private static func blob(_ d: Value) throws(Failure) -> Blob {
    guard let digest = d["digest"]?.string, let size = d["size"]?.int else { throw Failure("the manifest names a blob without digest or size") }
    return Blob(digest: digest, size: size)
  }

  /// Other repositories of the same registry that images here came from, or were named after: their layers need not be sent again.
  private static func relatives(_ store: ImageStore, _ target: ImageReference) throws(Failure) -> [String] {
    let all = try failing { () throws(ImageError) in try store.entries() }
    let paths = all.compactMap { e -> String? in
      guard let r = e.reference, r.domain == target.domain, r.path != target.path, case .pulled? = e.source else { return nil }
      return r.path
    }
    return Array(Set(paths).sorted().prefix(3))
  }
}

/// One blob on its way into a registry.
struct BlobUpload {
  let registry: Registry
  let blob: Blob
  let path: String
  let progress: (Int64) -> Void

  /// Returns how it came there, in a word for the progress.
  func run(from others: [String]) throws(RegistryError) -> String {
    if try registry.send("HEAD", "blobs/\(blob.digest)", accepts: [200, 404]).status == 200 { return said("already there", "对方已有") }
    let query = others.first.map { URLText.adding([("mount", blob.digest), ("from", $0)], to: "") } ?? ""
    var begun = try registry.send("POST", "blobs/uploads/\(query)", body: .none, accepts: [201, 202])
    if begun.status == 201 { return said("mounted from ", "挂接自 ") + (others.first ?? "") }
    for other in others.dropFirst() {
      let next = try registry.send("POST", "blobs/uploads/\(URLText.adding([("mount", blob.digest), ("from", other)], to: ""))", accepts: [201, 202])
      // The upload that was offered before is left to the registry.
      if next.status == 201 { return said("mounted from ", "挂接自 ") + other }
      begun = next
    }
    let end = try sendAll(to: try location(begun))
    _ = try registry.send("PUT", URLText.adding([("digest", blob.digest)], to: end), accepts: [201, 204])
    return said("pushed", "已推送")
  }

  private func location(_ answer: HTTPResponse) throws(RegistryError) -> String {
    guard let text = answer.header("location"), let url = registry.whole(text) else {
      throw RegistryError(description: "the registry takes \(blob.digest) and does not say where")
    }
    return url
  }

  /// The bytes, from where the registry has them on; returns where the upload is to be finished.
  private func sendAll(to first: String) throws(RegistryError) -> String {
    let fd: FileDescriptor
    do throws(SysError) { fd = try FileDescriptor.open(path, O_RDONLY) } catch { throw RegistryError(description: "\(error)") }
    var place = first
    var offset: Int64 = 0
    var failures = 0
    var pause = RegistryOptions.firstPause
    while true {
      let from = offset
      do throws(RegistryError) {
        let body = HTTPRequest.Body.file(fd.raw, offset: from, count: blob.size - from) { progress(from + $0) }
        var headers = ["Content-Type: application/octet-stream"]
        if from > 0 { headers.append("Content-Range: \(from)-\(blob.size - 1)") }
        return try location(try registry.send("PATCH", place, headers: headers, body: body, accepts: [202, 204], again: false))
      } catch {
        failures += 1
        guard error.isTransient, error.status == 0 || error.status >= 500, failures < RegistryOptions.attempts else { throw error }
        registry.onRetry(error.description, Double(pause) / 1e9)
        Registry.sleep(pause)
        pause *= 2
        // How much arrived: Range: 0-N.
        let state = try registry.send("GET", place, accepts: [204, 404])
        guard state.status == 204 else { throw error }
        let last = state.header("range").flatMap { $0.split(separator: "-").last }.flatMap { Int64($0) } ?? 0
        offset = last > 0 ? min(last + 1, blob.size) : 0
        if offset > from { failures = 0 }
        if state.header("location") != nil { place = try location(state) }
      }
    }
  }
}
