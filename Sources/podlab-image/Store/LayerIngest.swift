// SPDX-License-Identifier: Apache-2.0
//
// A layer comes into the store: the blob as it is, and beside it the folder that it unpacks to, in one pass (Decompression.swift, LayerApply.swift).
// Compression is seen in the bytes (gzip, zstd, none),
// whatever the media type says.
import Glibc
import Images
import Kernel

/// A layer of the store.
struct Layer {
  /// As it lies in blobs.
  var blob: Blob
  /// Digest of the uncompressed archive; the folder is named after it.
  var diffID: String
  /// For the manifest, by the compression that was found.
  var mediaType: String
}

extension StoreWriter {
  /// Reads a layer's blob from the descriptor to its end (a file, a pipe): stores it and unpacks it. diffID: what the image's configuration says.
  /// progress: bytes of the blob so far. Throws when blob or content are not what was announced; then nothing of it is kept.
  func addLayer(from fd: Int32, expecting: Expected = Expected(), diffID: String? = nil, progress: (Int64) -> Void = { _ in }) throws(Failure) -> Layer {
    try addLayer(from: ByteSource(fd), expecting: expecting, diffID: diffID, progress: progress)
  }

  func addLayer(from source: ByteSource, expecting: Expected = Expected(), diffID: String? = nil, progress: (Int64) -> Void = { _ in }) throws(Failure) -> Layer {
    let blob = try openBlob(expecting: expecting)
    return try ingest(source, blob, expecting, diffID, progress)
  }

  /// Unpacks a blob that is here, unless its layer is here too. diffID: what the image's configuration says.
  func unpack(_ blob: Blob, diffID: String? = nil) throws(Failure) -> Layer {
    let fd: FileDescriptor
    do throws(SysError) { fd = try FileDescriptor.open(store.blobPath(blob.digest), O_RDONLY) } catch { throw Failure(error) }
    return try ingest(ByteSource(fd.raw), nil, Expected(blob), diffID, { _ in })
  }

  /// blob: where to keep what is read; nil where it is a blob already.
  private func ingest(_ source: ByteSource, _ blob: OpenBlob?, _ expected: Expected, _ diffID: String?, _ progress: (Int64) -> Void) throws(Failure) -> Layer {
    let scratch = scratch("layer")
    do throws(Failure) {
      let input = try Decompression(source, keepingIn: blob)
      defer { input.stop() }
      // One that is here is read all the same: its image must have it to be given it.
      let isHere = diffID.map(hasLayer) ?? false
      if !isHere {
        try failing { () throws(SysError) in try FileSystem.makeFolder(scratch) }
        let apply = try LayerApply(scratch)
        do throws(Failure) { try apply.run(input, progress: progress) } catch {
          // What is wrong with the blob is a better reason than what came of it.
          _ = try input.finish()
          _ = try blob?.prove()
          throw error
        }
        for line in apply.notes.lines { note(line) }
      }
      let found = try input.finish()
      let proved = try blob.map { b throws(Failure) in try b.prove() } ?? Blob(digest: "sha256:\(found.digest)", size: found.size)
      if let why = expected.objection(to: proved) { throw Failure("the layer is not what it was said to be: \(why)") }
      let layer = Layer(blob: proved, diffID: "sha256:\(found.diffDigest)", mediaType: MediaType.layer + found.suffix)
      if let diffID, diffID != layer.diffID { throw Failure("the layer \(proved.digest) unpacks to \(layer.diffID), its image says \(diffID)") }
      if !isHere, !hasLayer(layer.diffID) {
        do throws(SysError) {
          try FileSystem.chmod(scratch, 0o755)
          try FileSystem.rename(scratch, to: store.layerPath(layer.diffID))
        } catch {
          // Another writer was faster with the same one.
          if !hasLayer(layer.diffID) { throw Failure(error) }
        }
      }
      try blob?.place()
      do throws(SysError) { try FileSystem.removeTree(scratch) } catch { throw Failure(error) }
      return layer
    } catch {
      do throws(SysError) { try FileSystem.removeTree(scratch) } catch {
        // The writer's end, or the next one, removes it.
      }
      throw error
    }
  }
}
