// SPDX-License-Identifier: Apache-2.0
//
// What a layer may be: far above what images are, far below what harms the machine. Stated in docs/images.md.
import Kernel

enum LayerLimits {
  /// Bytes that a layer may unpack to, and that one file of it may have (holes count).
  static let bytes: Int64 = 64 << 30
  /// Files, folders, links of a layer.
  static let entries = 2_000_000
  /// Uncompressed bytes for each compressed one, once there are more than `ratioFrom`.
  static let ratio: Int64 = 200
  static let ratioFrom: Int64 = 512 << 20
  /// Bytes of a name with its folders (PATH_MAX), and of the extended attributes of one entry.
  static let name = 4096
  static let attributes = 1 << 16

  /// Throws when an archive that had `compressed` bytes so far has become too large.
  static func check(uncompressed: Int64, compressed: Int64) throws(Failure) {
    if uncompressed > bytes { throw Failure("the layer unpacks to more than \(bytes >> 30) GiB: refused") }
    if uncompressed > ratioFrom, uncompressed / ratio > compressed {
      throw Failure("the layer unpacks to more than \(ratio) times its size (\(compressed) bytes): refused as a decompression bomb")
    }
  }
}
