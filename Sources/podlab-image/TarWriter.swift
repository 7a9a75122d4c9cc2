// SPDX-License-Identifier: Apache-2.0
//
// A layer as a tar archive by libarchive. The same entries give the same bytes: one time for all files, numbers for owners, no names of users.
import CArchive
import Glibc

final class TarWriter {
  private let archive: OpaquePointer
  private let blob: OpenBlob
  /// Seconds since 1970 that every entry carries.
  private let time: Int

  init(to blob: OpenBlob, time: Int) throws(Failure) {
    guard let made = archive_write_new() else { throw Failure("libarchive: out of memory") }
    (archive, self.blob, self.time) = (made, blob, time)
    archive_write_set_format_pax_restricted(archive)
    archive_write_set_bytes_in_last_block(archive, 1)
    let write: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?, UnsafeRawPointer?, Int) -> Int = { archive, context, bytes, count in
      guard let context else { return -1 }
      let blob = Unmanaged<OpenBlob>.fromOpaque(context).takeUnretainedValue()
      if blob.add(UnsafeRawBufferPointer(start: bytes, count: count)) { return count }
      archive_set_error_text(archive, EIO, "cannot be written")
      return -1
    }
    let context = Unmanaged.passUnretained(blob).toOpaque()
    try check(archive_write_open(archive, context, nil, write, nil))
  }
  deinit { archive_write_free(archive) }

  func folder(_ path: String, mode: UInt32 = 0o755, uid: Int64 = 0, gid: Int64 = 0) throws(Failure) {
    try add(path, S_IFDIR | mode, uid, gid) { _ in }
  }

  func file(_ path: String, _ bytes: [UInt8], mode: UInt32 = 0o644) throws(Failure) {
    try add(path, S_IFREG | mode, 0, 0) { archive_entry_set_size($0, Int64(bytes.count)) }
    let written = bytes.withUnsafeBytes { archive_write_data(archive, $0.baseAddress, $0.count) }
    if written != bytes.count { try check(-30) }
  }

  func link(_ path: String, to target: String, mode: UInt32) throws(Failure) {
    try add(path, S_IFREG | mode, 0, 0) { archive_entry_set_hardlink($0, target) }
  }

  func symlink(_ path: String, to text: String) throws(Failure) {
    try add(path, S_IFLNK | 0o777, 0, 0) { archive_entry_set_symlink($0, text) }
  }

  /// Ends the archive and names the blob.
  func finish() throws(Failure) -> Blob {
    try check(archive_write_close(archive))
    return try blob.finish()
  }

  private func add(_ path: String, _ mode: UInt32, _ uid: Int64, _ gid: Int64, _ more: (OpaquePointer) -> Void) throws(Failure) {
    guard let entry = archive_entry_new() else { throw Failure("libarchive: out of memory") }
    defer { archive_entry_free(entry) }
    archive_entry_set_pathname(entry, path)
    archive_entry_set_mode(entry, mode)
    archive_entry_set_uid(entry, uid)
    archive_entry_set_gid(entry, gid)
    archive_entry_set_mtime(entry, time, 0)
    more(entry)
    try check(archive_write_header(archive, entry))
  }

  private func check(_ result: Int32) throws(Failure) {
    if result >= 0 { return }
    if let e = blob.error { throw e }
    throw Failure("writing a layer: \(archive_error_string(archive).map { String(cString: $0) } ?? "libarchive says \(result)")")
  }
}
