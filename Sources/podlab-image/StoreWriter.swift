// SPDX-License-Identifier: Apache-2.0
//
// Writing the store so that a kill at any moment leaves the old or the new: everything is made under a name that nobody reads, brought to disk, and
// renamed. What a killed writer left is removed by the next one, who holds the lock.
import Glibc
import Images
import Kernel
import Manifest

/// The only one who writes, for as long as it lives.
final class StoreWriter {
  let store: ImageStore
  private let lock: FileLock
  static let scratch = ".new-"

  /// Makes the layout where it is missing, and waits for other writers.
  init(_ store: ImageStore) throws(Failure) {
    self.store = store
    do throws(SysError) {
      try FileSystem.makeFolders(store.root + "/blobs/sha256")
      try FileSystem.makeFolders(store.root + "/layers")
      lock = try FileLock(store.lockPath)
      for folder in ["/blobs/sha256/", "/layers/"] {
        for name in try FileSystem.list(store.root + folder) where name.hasPrefix(Self.scratch) { try FileSystem.removeTree(store.root + folder + name) }
      }
      let layout = store.root + "/oci-layout"
      if !FileSystem.exists(layout) { try FileSystem.writeAtomically(layout, Array("{\"imageLayoutVersion\":\"1.0.0\"}".utf8), sync: true) }
    } catch { throw Failure(error.during("opening the image store")) }
  }

  struct Blob {
    var digest: String
    var size: Int64
  }

  /// A blob that is written piece by piece; it gets its name at the end.
  final class Open {
    private let path: String
    private let fd: FileDescriptor
    private let digest: Digest
    private(set) var size: Int64 = 0
    private(set) var error: SysError?

    init(_ folder: String) throws(Failure) {
      path = "\(folder)/\(StoreWriter.scratch)\(getpid())"
      digest = try Digest()
      do throws(SysError) { fd = try FileDescriptor.open(path, O_RDWR | O_CREAT | O_TRUNC, mode: 0o644) } catch { throw Failure(error) }
    }

    /// Whether it could be written; the reason is kept in `error`.
    func add(_ bytes: UnsafeRawBufferPointer) -> Bool {
      digest.add(bytes)
      size += Int64(bytes.count)
      do throws(SysError) { try writeAll(fd.raw, bytes) } catch {
        self.error = SysError(step: "writing a blob", call: error.call, object: path, errno: error.errno)
        return false
      }
      return true
    }

    func finish() throws(Failure) -> Blob {
      let hex = digest.finish()
      do throws(SysError) {
        if fsync(fd.raw) != 0 { throw SysError(call: "fsync", object: path, errno: errno) }
        try FileSystem.rename(path, to: "\(path.dropLast("\(StoreWriter.scratch)\(getpid())".utf8.count))\(hex)")
      } catch { throw Failure(error) }
      return Blob(digest: "sha256:\(hex)", size: size)
    }
  }

  func openBlob() throws(Failure) -> Open { try Open(store.root + "/blobs/sha256") }

  func addBlob(_ v: Value) throws(Failure) -> Blob {
    let blob = try openBlob()
    if !JSON.compactBytes(v).withUnsafeBytes({ blob.add($0) }), let e = blob.error { throw Failure(e) }
    return try blob.finish()
  }

  /// Unpacks a tar blob to its place, unless it is there.
  func unpack(_ layer: Blob) throws(Failure) {
    let place = store.layerPath(layer.digest)
    if FileSystem.isFolder(place) { return }
    let scratch = "\(store.root)/layers/\(Self.scratch)\(getpid())"
    do throws(Failure) {
      do throws(SysError) { try FileSystem.makeFolder(scratch) } catch { throw Failure(error) }
      try Unpacking.run(archive: store.blobPath(layer.digest), into: scratch)
      do throws(SysError) {
        try FileSystem.sync(of: scratch)
        try FileSystem.rename(scratch, to: place)
      } catch { throw Failure(error) }
    } catch {
      do throws(SysError) { try FileSystem.removeTree(scratch) } catch {
        // The next writer removes it.
      }
      throw error
    }
  }

  /// Configuration, manifest and index entry of an image of uncompressed layers, lowest first. The layers are unpacked already.
  func addImage(name: String, recipe: Recipe, config: Value, layers: [Blob]) throws(Failure) {
    let configBlob = try addBlob(config)
    let manifestType = "application/vnd.oci.image.manifest.v1+json"
    let manifest = Value.object([
      ("schemaVersion", .int(2)), ("mediaType", .string(manifestType)),
      ("config", descriptor("application/vnd.oci.image.config.v1+json", configBlob)),
      ("layers", .array(layers.map { descriptor("application/vnd.oci.image.layer.v1.tar", $0) })),
    ])
    var entry = descriptor(manifestType, try addBlob(manifest))
    entry["annotations"] = .object([(ImageStore.nameKey, .string(name)), (ImageStore.recipeKey, .string(recipe.rawValue))])

    var entries: [Value] = []
    if FileSystem.exists(store.indexPath) {
      let bytes: [UInt8]
      do throws(SysError) { bytes = try FileSystem.read(store.indexPath) } catch { throw Failure(error) }
      do throws(JSON.Malformed) { entries = try JSON.parse(bytes)["manifests"]?.array ?? [] } catch { throw Failure("\(store.indexPath): \(error)") }
    }
    entries.removeAll { $0["annotations"]?[ImageStore.nameKey]?.string == name }
    entries.append(entry)
    let index = Value.object([
      ("schemaVersion", .int(2)), ("mediaType", .string("application/vnd.oci.image.index.v1+json")), ("manifests", .array(entries)),
    ])
    do throws(SysError) { try FileSystem.writeAtomically(store.indexPath, JSON.compactBytes(index), sync: true) } catch { throw Failure(error) }
  }

  private func descriptor(_ type: String, _ blob: Blob) -> Value {
    .object([("mediaType", .string(type)), ("digest", .string(blob.digest)), ("size", .int(blob.size))])
  }
}
