// SPDX-License-Identifier: Apache-2.0
//
// Writing the store (Images/ImageStore.swift), so that a kill at any moment leaves what was or what is to be.
//
// A StoreWriter is a writer among others: pulls, imports and builds go on side by side. Everything is written in the writer's own folder, work/ID,
// and gets its place with one rename: blobs/sha256/HEX for a blob whose digest is proved, layers/HEX for a layer that is whole. Content is named
// after its digest, so two writers that bring the same one bring the same. At last `commit` writes config, manifest and the index entry
// (ImageCommit.swift): from then on there is an image.
//
//   let writer = try StoreWriter(store)
//   let once = try writer.hold(name)                            // optional: one writer at a time for this name
//   let layer = try writer.addLayer(from: fd, …)                // LayerIngest.swift: a blob, any compression, stored and unpacked in one pass
//   let blob = try writer.addBlob(from: fd, expecting: …)       // BlobIngest.swift: a blob as it is
//   let digest = try writer.commit(…)                           // ImageCommit.swift
//
// Locks, all below locks/ and all given up with their process: `content` is held shared by every writer and alone by the one who removes (prune);
// `index` by the one who changes index.json, or makes or cleans folders in work/; `name-HASH` by the one who works at that name. A writer's folder is
// locked itself, so that the next writer knows whether its owner is dead, and removes it.
import Glibc
import Images
import Kernel
import Manifest

final class StoreWriter {
  let store: ImageStore
  /// Where everything is written before it gets its place.
  let folder: String
  private let content: FileLock
  private let own: FileLock
  // Several threads may bring layers at a time.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var serial = 0
  private var noted: [String] = []

  /// Makes the layout where it is missing, makes room on a full disk, removes what dead writers left, waits while somebody prunes.
  init(_ store: ImageStore) throws(Failure) {
    self.store = store
    try StoreRemover.relieve(store)
    pthread_mutex_init(mutex, nil)
    let work = store.root + "/work"
    let locks = store.root + "/locks"
    do throws(SysError) {
      for f in [store.root + "/blobs/sha256", store.root + "/layers", work, locks] { try FileSystem.makeFolders(f) }
      content = try FileLock(locks + "/content", shared: true)
      let index = try FileLock(locks + "/index")
      let layout = store.root + "/oci-layout"
      if !FileSystem.exists(layout) { try FileSystem.writeAtomically(layout, Array("{\"imageLayoutVersion\":\"1.0.0\"}".utf8), sync: true) }
      if !FileSystem.exists(store.indexPath) {
        let empty = Value.object([("schemaVersion", .int(2)), ("mediaType", .string(MediaType.index)), ("manifests", .array([]))])
        try FileSystem.writeAtomically(store.indexPath, JSON.compactBytes(empty), sync: true)
      }
      try Self.removeLeftovers(work)
      var number = 0
      while FileSystem.exists("\(work)/\(getpid())-\(number)") { number += 1 }
      folder = "\(work)/\(getpid())-\(number)"
      try FileSystem.makeFolder(folder, mode: 0o700)
      own = try FileLock(folder + "/lock")
      _ = index.raw
    } catch { throw Failure(error.during("opening the image store")) }
  }

  deinit {
    mutex.deallocate()
    do throws(SysError) { try FileSystem.removeTree(folder) } catch {
      // The next writer removes it.
    }
  }

  /// The folders whose owner is dead. The caller holds `index`.
  static func removeLeftovers(_ work: String) throws(SysError) {
    for name in try FileSystem.list(work) {
      let path = "\(work)/\(name)"
      if FileSystem.exists(path + "/lock"), FileLock.isHeld(path + "/lock") { continue }
      try FileSystem.removeTree(path)
    }
  }

  /// A path in the writer's folder that nobody used yet.
  func scratch(_ what: String) -> String {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    serial += 1
    return "\(folder)/\(what)-\(serial)"
  }

  /// What could not be made as the images have it, for the user to read.
  var notes: [String] {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return noted
  }

  func note(_ line: String) {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    if !noted.contains(line) { noted.append(line) }
  }

  /// Waits until nobody else works at this name (an image's, a blob's digest). Look whether the work is done when you have it.
  /// waiting: called when somebody does.
  func hold(_ name: String, waiting: () -> Void = {}) throws(Failure) -> FileLock {
    let path = "\(store.root)/locks/name-\(try Digest.of(Array(name.utf8)).prefix(32))"
    return try failing { () throws(SysError) in
      if let free = try FileLock.attempt(path) { return free }
      waiting()
      return try FileLock(path)
    }
  }

  /// Held while index.json is changed.
  func holdIndex() throws(Failure) -> FileLock { try failing { () throws(SysError) in try FileLock(store.root + "/locks/index") } }

  // MARK: what is here already

  /// Whether the blob is here; size: and has so many bytes. Its digest was proved when it came (and is by fsck).
  func hasBlob(_ digest: String, size: Int64? = nil) -> Bool {
    guard ImageStore.isDigest(digest) else { return false }
    do throws(SysError) {
      let info = try FileSystem.info(store.blobPath(digest))
      return info.isRegular && (size.map { $0 == info.size } ?? true)
    } catch { return false }
  }

  /// Whether the layer of this diff id is here, unpacked and whole.
  func hasLayer(_ diffID: String) -> Bool { ImageStore.isDigest(diffID) && FileSystem.isFolder(store.layerPath(diffID)) }

  /// What the blob of a layer unpacks to, if an image of the store says so.
  func diffID(of digest: String) -> String? { layers.first { $0.blob.digest == digest }?.diffID }

  /// The layer of this diff id, if an image of the store has it and all of it is here.
  func layer(_ diffID: String) throws(Failure) -> Layer? {
    layers.first { $0.diffID == diffID && hasBlob($0.blob.digest, size: $0.blob.size) && hasLayer(diffID) }
  }

  /// The layers of all images of the store.
  private var layers: [Layer] {
    var all: [Layer] = []
    do throws(ImageError) {
      for entry in try store.entries() {
        guard let content = try store.content(entry.digest) else { continue }
        for (d, id) in zip(content.layers, content.config.diffIDs) {
          all.append(Layer(blob: Blob(digest: d.digest, size: d.size), diffID: id, mediaType: d.mediaType))
        }
      }
    } catch {
      // What cannot be read helps nobody; whoever needs it says why.
    }
    return all
  }
}

/// image-spec, media-types.md; and the names that Docker's registry gave the same things.
enum MediaType {
  static let index = "application/vnd.oci.image.index.v1+json"
  static let manifest = "application/vnd.oci.image.manifest.v1+json"
  static let config = "application/vnd.oci.image.config.v1+json"
  static let layer = "application/vnd.oci.image.layer.v1.tar"
  static let dockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json"
  static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"

  static func isIndex(_ type: String) -> Bool { type == index || type == dockerIndex }
  static func isManifest(_ type: String) -> Bool { type == manifest || type == dockerManifest }
}
