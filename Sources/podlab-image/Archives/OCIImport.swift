// SPDX-License-Identifier: Apache-2.0
//
// Images of an OCI layout: index.json, indexes, manifests, configurations, layers, each proved by the descriptor that names it. image-spec,
// image-layout.md and image-index.md.
import Images
import Kernel
import Manifest

struct OCIImport {
  let files: ImportFiles
  init(_ files: ImportFiles) { self.files = files }

  /// containerd writes the whole name here, since ref.name may be a tag alone.
  private static let containerdName = "io.containerd.image.name"

  func images(_ index: Value) throws(Failure) -> [ImportCommand.Found] {
    guard let layout = try files.json("oci-layout")?.value else { throw Failure("oci-layout is missing: this is no OCI layout") }
    guard let version = layout["imageLayoutVersion"]?.string, version.hasPrefix("1.") else { throw Failure("oci-layout: not a layout of version 1") }
    guard let all = index["manifests"]?.array else { throw Failure("index.json: no manifests") }
    var named: [ImportCommand.Found] = []
    var unnamed: [Value] = []
    for d in all {
      let notes = d["annotations"]
      let text = notes?[Self.containerdName]?.string ?? notes?[ImageStore.nameKey]?.string
      guard let text else {
        unnamed.append(d)
        continue
      }
      // A tag alone names nothing yet.
      let isWhole = text.contains("/") || text.contains(":") || text.contains("@")
      let names = isWhole ? [try Self.whole(text)] : []
      named.append(ImportCommand.Found(names: names, tag: isWhole ? nil : text) { writer, names throws(Failure) in try take(d, writer, names) })
    }
    if named.isEmpty {
      // One image, perhaps for several machines.
      if unnamed.isEmpty { throw Failure("index.json: no image") }
      let d = unnamed.count == 1 ? unnamed[0] : try Platform.current.entry(of: unnamed, "index.json")
      return [ImportCommand.Found(names: [], tag: nil) { writer, names throws(Failure) in try take(d, writer, names) }]
    }
    return named
  }

  private static func whole(_ text: String) throws(Failure) -> String {
    do throws(ImageReference.Invalid) { return try ImageReference(parsing: text).description } catch { throw Failure("index.json: \(error)") }
  }

  /// From a descriptor of an index or a manifest.
  private func take(_ first: Value, _ writer: StoreWriter, _ names: [String]) throws(Failure) -> String {
    var d = try Descriptor(first, "index.json")
    var seen: Set<String> = []
    var bytes = try blob(d)
    while MediaType.isIndex(d.mediaType) {
      guard seen.insert(d.digest).inserted, seen.count <= 8 else { throw Failure("the indexes lead in a circle at \(d.digest)") }
      let v = try Failure.json(bytes, d.digest)
      guard let list = v["manifests"]?.array else { throw Failure("\(d.digest): an index without manifests") }
      d = try Descriptor(try Platform.current.entry(of: list, d.digest), d.digest)
      bytes = try blob(d)
    }
    guard MediaType.isManifest(d.mediaType) else { throw Failure("\(d.digest) is no image: its media type is \(d.mediaType)") }
    let manifest = try ManifestFile(bytes, d)
    let config = try blob(manifest.config)
    let ids = try manifest.diffIDs(config)
    try Platform.current.check(config, writer)
    let rows = manifest.layers.map { files.progress.add($0.digest, total: $0.size) }
    for (i, layer) in manifest.layers.enumerated() {
      let isNew = try take(layer, ids[i], writer) { files.progress.move(rows[i], to: $0) }
      files.progress.end(rows[i], isNew ? LayerProgress.imported : LayerProgress.alreadyHere)
    }
    if !writer.hasBlob(manifest.config.digest) { _ = try writer.addBlob(config, expecting: manifest.config.expected) }
    let known = try Descriptor(first, "index.json").digest
    if names.isEmpty { return try writer.commit(name: nil, manifest: bytes, mediaType: d.mediaType, knownDigest: known, source: .imported) }
    for n in names { try writer.commit(name: n, manifest: bytes, mediaType: d.mediaType, knownDigest: known, source: .imported) }
    return d.digest
  }

  /// Returns whether the blob was not here.
  private func take(_ layer: Descriptor, _ id: String, _ writer: StoreWriter, progress: (Int64) -> Void) throws(Failure) -> Bool {
    if writer.hasBlob(layer.digest, size: layer.size) {
      if writer.hasLayer(id), writer.diffID(of: layer.digest) == id { return false }
      _ = try writer.unpack(Blob(digest: layer.digest, size: layer.size), diffID: id)
      return false
    }
    guard let file = try files.find(layer.path) else { throw Failure("the layer \(layer.digest) is missing") }
    _ = try writer.addLayer(from: file.source, expecting: layer.expected, diffID: id, progress: progress)
    return true
  }

  /// A small blob, proved.
  private func blob(_ d: Descriptor) throws(Failure) -> [UInt8] {
    guard var file = try files.find(d.path) else { throw Failure("\(d.digest) is missing") }
    if d.size > ImportFiles.maxJSON { throw Failure("\(d.digest) has \(d.size) bytes: too large for a manifest or a configuration") }
    let bytes = try file.source.readAll(limit: ImportFiles.maxJSON, d.digest)
    let found = Blob(digest: "sha256:" + (try Digest.of(bytes)), size: Int64(bytes.count))
    if let why = d.expected.objection(to: found) { throw Failure("\(d.digest) is not what its name says: \(why)") }
    return bytes
  }
}
