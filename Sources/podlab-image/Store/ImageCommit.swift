// SPDX-License-Identifier: Apache-2.0
//
// An image comes to be: its configuration and manifest become blobs, the index gets an entry. All content it names must be here.
import Images
import Kernel
import Manifest

extension StoreWriter {
  /// An image of layers that are here, lowest first, with a manifest of our own making. name: as in `ImageReference.description`; nil: reachable by
  /// its digest alone. An older image of the name loses it. Returns the manifest's digest.
  @discardableResult
  func commit(name: String?, config: [UInt8], layers: [Layer], source: ImageSource) throws(Failure) -> String {
    let configBlob = try addBlob(config)
    let manifest = Value.object([
      ("schemaVersion", .int(2)), ("mediaType", .string(MediaType.manifest)), ("config", descriptor(MediaType.config, configBlob)),
      ("layers", .array(layers.map { descriptor($0.mediaType, $0.blob) })),
    ])
    return try commit(name: name, manifest: JSON.compactBytes(manifest), mediaType: MediaType.manifest, source: source)
  }

  /// An image by the exact bytes of its manifest; its config and layers are blobs here already, the layers unpacked. knownDigest: what the registry
  /// knows it by, where that is an index's. access: marks of the credentials that it is for; empty: for all.
  @discardableResult
  func commit(name: String?, manifest: [UInt8], mediaType: String, knownDigest: String? = nil, source: ImageSource, access: [String] = []) throws(Failure)
    -> String
  {
    let blob = try addBlob(manifest)
    try checkContent(manifest, blob.digest)
    var notes = [source.annotation]
    if let name { notes.insert((ImageStore.nameKey, .string(name)), at: 0) }
    if let knownDigest, knownDigest != blob.digest { notes.append((ImageStore.digestKey, .string(knownDigest))) }
    if !access.isEmpty { notes.append((ImageStore.accessKey, .string(access.joined(separator: ",")))) }
    var entry = descriptor(mediaType, blob)
    entry["annotations"] = .object(notes.map { ($0.key, $0.value) })
    try changeIndex { entries in
      if let name {
        entries.removeAll { $0["annotations"]?[ImageStore.nameKey]?.string == name }
      } else {
        entries.removeAll { $0["annotations"]?[ImageStore.nameKey] == nil && $0["digest"]?.string == blob.digest }
      }
      entries.append(entry)
    }
    return blob.digest
  }

  /// Changes who an image that is here is for.
  func setAccess(name: String, _ access: [String]) throws(Failure) {
    try changeIndex { entries in
      for i in entries.indices where entries[i]["annotations"]?[ImageStore.nameKey]?.string == name {
        let notes = (entries[i]["annotations"]?.members?.entries ?? []).filter { $0.key != ImageStore.accessKey }.map { ($0.key, $0.value) }
        entries[i]["annotations"] = .object(notes + (access.isEmpty ? [] : [(ImageStore.accessKey, .string(access.joined(separator: ",")))]))
      }
    }
  }

  /// Reads the index, changes its entries, writes it: under the lock, the old or the new.
  func changeIndex(_ change: (inout [Value]) -> Void) throws(Failure) {
    let lock = try holdIndex()
    let bytes = try failing { () throws(SysError) in try FileSystem.read(store.indexPath) }
    var entries = try Failure.json(bytes, store.indexPath)["manifests"]?.array ?? []
    change(&entries)
    let index = Value.object([("schemaVersion", .int(2)), ("mediaType", .string(MediaType.index)), ("manifests", .array(entries))])
    try failing { () throws(SysError) in try FileSystem.writeAtomically(store.indexPath, JSON.compactBytes(index), sync: true) }
    _ = lock.raw
  }

  /// Everything that the manifest names is in the store: so that no entry ever names what is not there.
  private func checkContent(_ manifest: [UInt8], _ digest: String) throws(Failure) {
    let v = try Failure.json(manifest, "the image \(digest)")
    for d in [v["config"] ?? .null] + (v["layers"]?.array ?? []) {
      guard let named = d["digest"]?.string, hasBlob(named) else {
        throw Failure("the image \(digest) names \(d["digest"]?.string ?? "nothing"), which is not in the store")
      }
    }
    let path = store.blobPath(v["config"]?["digest"]?.string ?? "")
    let ids = try ManifestFile.diffIDs(try failing { () throws(SysError) in try FileSystem.read(path) }, path)
    for id in ids where !hasLayer(id) { throw Failure("the layer \(id) of the image \(digest) is not unpacked in the store") }
  }

  private func descriptor(_ type: String, _ blob: Blob) -> Value {
    .object([("mediaType", .string(type)), ("digest", .string(blob.digest)), ("size", .int(blob.size))])
  }
}
