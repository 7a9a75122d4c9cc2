// SPDX-License-Identifier: Apache-2.0
//
// A layer comes into the store: the blob as it is, and beside it the folder that it unpacks to. Compression is seen in the bytes (gzip, zstd, none),
// whatever the media type says.
import CArchive
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
    let blob = try addBlob(from: fd, expecting: expecting, progress: progress)
    return try unpack(blob, diffID: diffID)
  }

  /// Unpacks a blob that is here, unless its layer is here too. diffID: what the image's configuration says.
  func unpack(_ blob: Blob, diffID: String? = nil) throws(Failure) -> Layer {
    let found = try Unpacking.digest(archive: store.blobPath(blob.digest))
    if let diffID, diffID != found.diffID { throw Failure("the layer \(blob.digest) unpacks to \(found.diffID), its image says \(diffID)") }
    let layer = Layer(blob: blob, diffID: found.diffID, mediaType: MediaType.layer + found.suffix)
    if hasLayer(layer.diffID) { return layer }
    let scratch = scratch("layer")
    do throws(Failure) {
      try failing { () throws(SysError) in try FileSystem.makeFolder(scratch) }
      try Unpacking.run(archive: store.blobPath(blob.digest), into: scratch)
      try failing { () throws(SysError) in
        try FileSystem.sync(of: scratch)
        try FileSystem.rename(scratch, to: store.layerPath(layer.diffID))
      }
    } catch {
      do throws(SysError) { try FileSystem.removeTree(scratch) } catch {
        // The writer's end, or the next one, removes it.
      }
      throw error
    }
    return layer
  }
}
