// SPDX-License-Identifier: Apache-2.0
//
// What manifests and indexes say, read strictly: a digest becomes a path, a size a limit. image-spec, descriptor.md, manifest.md, image-index.md.
import Images
import Kernel
import Manifest

/// What names a blob.
struct Descriptor {
  let mediaType: String
  let digest: String
  /// Bytes.
  let size: Int64

  /// origin: who says it, for messages.
  init(_ v: Value, _ origin: String) throws(Failure) {
    guard let digest = v["digest"]?.string else { throw Failure("\(origin): a descriptor without a digest") }
    guard ImageStore.isDigest(digest) else { throw Failure("\(origin): \(digest.prefix(100)) is no SHA-256 digest") }
    guard let size = v["size"]?.int, size >= 0 else { throw Failure("\(origin): the descriptor of \(digest) has no size") }
    (self.digest, self.size, mediaType) = (digest, size, v["mediaType"]?.string ?? "")
  }

  var expected: Expected { Expected(digest: digest, size: size) }
  /// In an OCI layout.
  var path: String { "blobs/sha256/" + digest.dropFirst(7) }
}

/// An image's manifest.
struct ManifestFile {
  let config: Descriptor
  /// Lowest first.
  let layers: [Descriptor]
  let digest: String

  init(_ bytes: [UInt8], _ d: Descriptor) throws(Failure) {
    digest = d.digest
    let v = try Failure.json(bytes, d.digest)
    guard v["schemaVersion"]?.int == 2, let list = v["layers"]?.array, let c = v["config"] else { throw Failure("\(d.digest): not an image manifest of version 2") }
    if let type = v["mediaType"]?.string, type != d.mediaType { throw Failure("\(d.digest): its media type is \(type), not \(d.mediaType)") }
    config = try Descriptor(c, d.digest)
    guard config.mediaType == MediaType.config || config.mediaType == "application/vnd.docker.container.image.v1+json" else {
      throw Failure("\(d.digest) is no image: its configuration is of type \(config.mediaType)")
    }
    layers = try list.map { l throws(Failure) in try Descriptor(l, d.digest) }
  }

  /// The digests of the uncompressed layers, from the configuration's bytes.
  func diffIDs(_ bytes: [UInt8]) throws(Failure) -> [String] {
    let ids = try Self.diffIDs(bytes, config.digest)
    guard ids.count == layers.count else { throw Failure("\(digest): \(layers.count) layers, its configuration says \(ids.count)") }
    return ids
  }

  static func diffIDs(_ bytes: [UInt8], _ what: String) throws(Failure) -> [String] {
    let v = try Failure.json(bytes, what)
    guard v["rootfs"]?["type"]?.string ?? "layers" == "layers", let list = v["rootfs"]?["diff_ids"]?.array else { throw Failure("\(what): a configuration without rootfs.diff_ids") }
    let ids = list.compactMap(\.string)
    guard ids.count == list.count, ids.allSatisfy(ImageStore.isDigest) else { throw Failure("\(what): diff_ids that are no SHA-256 digests") }
    if ids.isEmpty { throw Failure("\(what): an image without layers") }
    return ids
  }
}

extension Platform {
  /// The descriptor for this machine. origin: who lists them, for messages.
  func entry(of list: [Value], _ origin: String) throws(Failure) -> Value {
    if let found = choose(from: list) ?? list.first(where: { $0["platform"] == nil }) { return found }
    let others = list.compactMap { Platform($0["platform"]).map { "\($0)" } }.filter { !$0.hasPrefix("unknown") }
    throw Failure("\(origin): no image for \(self)" + (others.isEmpty ? "" : ", only for \(others.joined(separator: ", "))"))
  }

  /// An image for another machine is kept, and said.
  func check(_ config: [UInt8], _ writer: StoreWriter) throws(Failure) {
    let v = try Failure.json(config, "the configuration")
    if let named = v["os"]?.string, !named.isEmpty, named != os { throw Failure("the image is for \(named), not for \(os)") }
    if let made = Platform(v), distance(to: made) == nil { writer.note("the image is for \(made): its programs do not run on this machine (\(self))") }
  }
}
