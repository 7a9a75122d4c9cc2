// SPDX-License-Identifier: Apache-2.0
//
// The entries of a layer's archive (tar in all its forms: ustar, PAX, GNU), one after the other, from the thread that decompresses it.
import CArchive
import Glibc
import Kernel

enum LayerReader {
  /// Calls for each entry; its data is read from the archive.
  static func run(_ input: Decompression, _ each: (OpaquePointer, OpaquePointer) throws(Failure) -> Void) throws(Failure) {
    guard let archive = archive_read_new() else { throw Failure("libarchive: out of memory") }
    defer { archive_read_free(archive) }
    archive_read_support_format_tar(archive)
    archive_read_support_format_empty(archive)
    let read: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?, UnsafeMutablePointer<UnsafeRawPointer?>?) -> Int = { _, context, piece in
      guard let context, let piece else { return -1 }
      guard let bytes = Unmanaged<Decompression>.fromOpaque(context).takeUnretainedValue().nextBlock() else { return 0 }
      piece.pointee = bytes.baseAddress
      return bytes.count
    }
    try check(archive_read_open(archive, Unmanaged.passUnretained(input).toOpaque(), nil, read, nil), archive)
    while true {
      var entry: OpaquePointer?
      let r = archive_read_next_header(archive, &entry)
      if r == ARCHIVE_EOF { return }
      try check(r, archive)
      guard let entry else { return }
      try each(entry, archive)
    }
  }

  static func check(_ result: Int32, _ archive: OpaquePointer) throws(Failure) {
    if result >= ARCHIVE_WARN { return }
    throw Failure("reading the layer's archive: \(archive_error_string(archive).map { String(cString: $0) } ?? "libarchive says \(result)")")
  }
}
