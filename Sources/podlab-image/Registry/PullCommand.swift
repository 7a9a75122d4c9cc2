// SPDX-License-Identifier: Apache-2.0
//
// pull: an image from its registry into the store. The name's lock is held from the first question to the entry in the index: of two pulls of one image
// the second finds what the first has brought.
import Glibc
import Images
import Kernel
import Manifest

struct PullCommand: ImageCommand {
  static let name = "pull"
  static let usage = """
    REF [--platform OS/ARCH[/VARIANT]] [--tls-verify BOOL] [--certs DIR]… [--authfile FILE] [--timeout S] [--quiet]
          fetches an image from its registry
    """
  static let options = ["--platform", "--tls-verify", "--certs", "--authfile", "--timeout"]
  static let flags = ["--quiet"]

  static func run(_ words: Words) throws(Failure) {
    guard words.arguments.count == 1 else { throw Failure("pull takes one name") }
    let reference = try BuildCommand.reference(words.arguments[0])
    var pull = Pull(store: try words.store(), reference: reference, options: try RegistryWords.options(words, for: reference))
    if let text = words.value("--platform") {
      guard let p = Platform(parsing: text) else { throw Failure("--platform is OS/ARCH or OS/ARCH/VARIANT, as linux/arm64; not \(text)") }
      pull.platform = p
    }
    let progress = LayerProgress(quiet: words.has("--quiet"))
    let result: Pull.Result
    do throws(Failure) { result = try pull.run(progress) } catch {
      guard let recipe = Recipe.named(reference) else { throw error }
      throw Failure("\(error.description). Without a registry: podctl image build \(recipe.rawValue)")
    }
    print("\(reference.repository)\(reference.tag.map { ":\($0)" } ?? "")@\(result.digest)")
    if !result.isNew { progress.say("\(reference)" + said(": already here as the registry has it", "：本地已有，与仓库一致")) }
  }
}

struct Pull {
  let store: ImageStore
  let reference: ImageReference
  let options: RegistryOptions
  var platform = Platform.current
  /// The descriptor of whoever asked: when he hangs up, the work is given up.
  var client: Int32?
  /// An image of the name that is here is good enough.
  var unlessPresent = false
  /// For a Pod: an image that its credentials opened is for those who have them. By hand it is for all.
  var isForPod = false
  var onWait: () -> Void = {}

  struct Result {
    /// What the registry knows the image by.
    var digest: String
    /// Nanoseconds that the pull itself took, without waiting for another one.
    var took: Int64
    /// False: it was here already.
    var isNew: Bool
  }

  func run(_ progress: LayerProgress) throws(Failure) -> Result {
    let writer = try StoreWriter(store)
    let lock = try writer.hold("\(reference)") {
      progress.say("\(reference)" + said(": waiting for another pull of it", "：正在等待另一次拉取完成"))
      onWait()
    }
    defer { _ = lock.raw }
    let started = Clock.monotonic
    let here = try failing { () throws(ImageError) in try store.resolve(reference) }
    let isOpen = here.map { i in i.access.isEmpty || options.credentials.matching(reference).contains { i.access.contains($0.mark) } } ?? false
    if unlessPresent, isOpen, let here { return Result(digest: here.digest, took: 0, isNew: false) }
    let result = try fetch(writer, here, progress)
    return Result(digest: result.digest, took: Clock.monotonic - started, isNew: result.isNew)
  }

  private func fetch(_ writer: StoreWriter, _ here: Image?, _ progress: LayerProgress) throws(Failure) -> (digest: String, isNew: Bool) {
    let registry = try Registry(reference, options)
    registry.onRetry = { progress.say(Retry.text($0, $1)) }
    let source = ManifestFetch(registry: registry, platform: platform)
    let digest = try failing { () throws(RegistryError) in try source.digest() }
    if let here, here.digest == digest, platform == .current {
      if !here.access.isEmpty {
        let mark = isForPod ? registry.credentialInUse?.mark : nil
        let access = mark.map { here.access.contains($0) ? here.access : here.access + [$0] } ?? []
        if access != here.access { try writer.setAccess(name: "\(reference)", access) }
      }
      return (digest, false)
    }
    let found = try failing { () throws(RegistryError) in try source.manifest(of: digest) }
    let bytes = try failing { () throws(RegistryError) in try source.blob(found.value["config"], "image configuration", limit: 4 << 20) }
    let config = try Failure.json(bytes, "the image configuration of \(reference)")
    if let made = Platform(config), found.platform == nil, platform.distance(to: made) == nil {
      throw Failure("no match for platform in manifest: not found (this is \(platform); the image is for \(made))")
    }
    let layers = try Self.layers(found, ImageConfig(config).diffIDs, reference)
    progress.begin("\(reference)", layers: layers.count, bytes: layers.reduce(0) { $0 + $1.blob.size }, for: "\(platform)")
    for l in layers { progress.add(l.blob.digest, total: l.blob.size) }
    var wanted: [WantedLayer] = []
    for l in layers {
      // A layer that stands twice is fetched once.
      if writer.hasBlob(l.blob.digest, size: l.blob.size) {
        if !writer.hasLayer(l.diffID) { _ = try writer.unpack(l.blob, diffID: l.diffID) }
        progress.end(l.index, LayerProgress.alreadyHere)
      } else if wanted.contains(where: { $0.blob.digest == l.blob.digest }) {
        progress.end(l.index, LayerProgress.sameAsAnother)
      } else {
        wanted.append(l)
      }
    }
    try LayerFetch(store, reference, options, progress, client: client).run(wanted)
    _ = try writer.addBlob(bytes)
    try writer.commit(
      name: "\(reference)", manifest: found.bytes, mediaType: found.mediaType, knownDigest: found.knownDigest, source: .pulled(reference.domain),
      access: isForPod ? registry.credentialInUse.map { [$0.mark] } ?? [] : [])
    return (digest, true)
  }

  /// The manifest's layers with their diff ids; refuses what is no layer of a container image.
  private static func layers(_ found: FetchedManifest, _ diffIDs: [String], _ reference: ImageReference) throws(Failure) -> [WantedLayer] {
    let entries = found.value["layers"]?.array ?? []
    guard entries.count == diffIDs.count else {
      throw Failure("the manifest \(found.digest) has \(entries.count) layers, its configuration names \(diffIDs.count)")
    }
    if entries.isEmpty { throw Failure("\(reference) has no layers: there is nothing to run") }
    if entries.count > 500 { throw Failure("the manifest \(found.digest) has \(entries.count) layers, more than the 500 that are taken") }
    var all: [WantedLayer] = []
    for (i, d) in entries.enumerated() {
      let type = d["mediaType"]?.string ?? ""
      if type.contains("foreign") || type.contains("nondistributable") {
        throw Failure("the layer \(d["digest"]?.string ?? "") may not be distributed by a registry (\(type)): it is not fetched from elsewhere")
      }
      guard type.contains(".tar") || type.contains("diff.tar") else { throw Failure("the manifest \(found.digest) has a layer of type \(type), which is no archive of files") }
      guard let digest = d["digest"]?.string, ImageStore.isDigest(digest), let size = d["size"]?.int, size >= 0 else {
        throw Failure("the manifest \(found.digest) names a layer without a SHA-256 or size")
      }
      guard ImageStore.isDigest(diffIDs[i]) else { throw Failure("the configuration of \(reference) names the layer \(diffIDs[i]), which is no SHA-256") }
      all.append(WantedLayer(index: i, blob: Blob(digest: digest, size: size), diffID: diffIDs[i]))
    }
    return all
  }
}

func failing<T>(_ body: () throws(RegistryError) -> T) throws(Failure) -> T {
  do throws(RegistryError) { return try body() } catch { throw Failure(error.description) }
}

func failing<T>(_ body: () throws(ImageError) -> T) throws(Failure) -> T {
  do throws(ImageError) { return try body() } catch { throw Failure(error) }
}
