// SPDX-License-Identifier: Apache-2.0
//
// An archive of images, written to a descriptor: files of one time (1970) and one owner.
import CArchive
import Glibc
import Kernel

final class ArchiveFile {
  private let archive: OpaquePointer

  init(_ fd: Int32) throws(Failure) {
    guard let made = archive_write_new() else { throw Failure("libarchive: out of memory") }
    archive = made
    archive_write_set_format_pax_restricted(archive)
    archive_write_set_bytes_per_block(archive, 1 << 18)
    archive_write_set_bytes_in_last_block(archive, 1)
    try check(archive_write_open_fd(archive, fd))
  }
  deinit { archive_write_free(archive) }

  func folder(_ path: String) throws(Failure) { try header(path, S_IFDIR | 0o755, 0) }

  func add(_ path: String, _ bytes: [UInt8]) throws(Failure) {
    try begin(path, size: Int64(bytes.count))
    var failure: Failure?
    bytes.withUnsafeBytes { b in
      do throws(Failure) { try write(b) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  func add(_ path: String, size: Int64, from source: inout ByteSource) throws(Failure) {
    try begin(path, size: size)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let n = try source.read(into: buffer)
      if n == 0 { return }
      try write(UnsafeRawBufferPointer(rebasing: buffer[..<n]))
    }
  }

  /// A file whose bytes come by `write`.
  func begin(_ path: String, size: Int64) throws(Failure) { try header(path, S_IFREG | 0o644, size) }

  func write(_ piece: UnsafeRawBufferPointer) throws(Failure) {
    if archive_write_data(archive, piece.baseAddress, piece.count) != piece.count { try check(-30) }
  }

  func finish() throws(Failure) { try check(archive_write_close(archive)) }

  private func header(_ path: String, _ mode: UInt32, _ size: Int64) throws(Failure) {
    guard let entry = archive_entry_new() else { throw Failure("libarchive: out of memory") }
    defer { archive_entry_free(entry) }
    archive_entry_set_pathname(entry, path)
    archive_entry_set_mode(entry, mode)
    archive_entry_set_size(entry, size)
    archive_entry_set_mtime(entry, 0, 0)
    try check(archive_write_header(archive, entry))
  }

  private func check(_ result: Int32) throws(Failure) {
    if result >= ARCHIVE_WARN { return }
    let code = archive_errno(archive)
    if code > 0 { throw Failure(SysError(step: "writing the archive", call: "write", object: "the archive", errno: code)) }
    throw Failure("writing the archive: \(archive_error_string(archive).map { String(cString: $0) } ?? "libarchive says \(result)")")
  }
}
