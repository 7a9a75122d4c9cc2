// SPDX-License-Identifier: Apache-2.0
//
// A layer's archive becomes a folder. Nothing in it may lead outside: no absolute names, no .., no way through a symbolic link.
import CArchive
import Glibc
import Kernel

enum Unpacking {
  private static let perm: Int32 = 2
  private static let owner: Int32 = 1
  private static let time: Int32 = 4
  private static let secureSymlinks: Int32 = 0x100
  private static let secureNoDotDot: Int32 = 0x200
  private static let secureNoAbsolutePaths: Int32 = 0x10000

  /// Into an empty folder. Changes the working folder while it works: this program has one thread.
  static func run(archive path: String, into folder: String) throws(Failure) {
    let source = try open(path, O_RDONLY)
    let before = try open(".", O_RDONLY | O_DIRECTORY)
    if chdir(folder) != 0 { throw Failure(SysError(call: "chdir", object: folder, errno: errno)) }
    defer { _ = fchdir(before.raw) }

    guard let input = archive_read_new() else { throw Failure("libarchive: out of memory") }
    defer { archive_read_free(input) }
    archive_read_support_format_tar(input)
    archive_read_support_filter_gzip(input)
    archive_read_support_filter_zstd(input)
    guard let output = archive_write_disk_new() else { throw Failure("libarchive: out of memory") }
    defer { archive_write_free(output) }
    // Owners by number: names of this machine mean nothing in an image.
    let flags = perm | time | secureSymlinks | secureNoDotDot | secureNoAbsolutePaths | (geteuid() == 0 ? owner : 0)
    archive_write_disk_set_options(output, flags)

    try check(archive_read_open_fd(input, source.raw, 1 << 16), input, path)
    while true {
      var entry: OpaquePointer?
      let r = archive_read_next_header(input, &entry)
      if r == ARCHIVE_EOF { break }
      try check(r, input, path)
      guard let entry else { break }
      let name = archive_entry_pathname(entry).map { String(cString: $0) } ?? "?"
      try check(archive_write_header(output, entry), output, name)
      try copy(input, output, name)
      // A warning here is an owner that a user namespace with one id does not have.
      let end = archive_write_finish_entry(output)
      if end < ARCHIVE_WARN { try check(end, output, name) }
    }
    try check(archive_write_close(output), output, path)
  }

  /// Digest of the uncompressed archive, and what its media type ends with.
  static func digest(archive path: String) throws(Failure) -> (diffID: String, suffix: String) {
    guard let input = archive_read_new() else { throw Failure("libarchive: out of memory") }
    defer { archive_read_free(input) }
    archive_read_support_format_raw(input)
    archive_read_support_format_empty(input)
    archive_read_support_filter_gzip(input)
    archive_read_support_filter_zstd(input)
    try check(archive_read_open_filename(input, path, 1 << 16), input, path)
    let digest = try Digest()
    var entry: OpaquePointer?
    let r = archive_read_next_header(input, &entry)
    if r != ARCHIVE_EOF { try check(r, input, path) }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while r != ARCHIVE_EOF {
      let n = buffer.withUnsafeMutableBytes { archive_read_data(input, $0.baseAddress, $0.count) }
      if n < 0 { try check(-30, input, path) }
      if n == 0 { break }
      buffer.withUnsafeBytes { digest.add(UnsafeRawBufferPointer(rebasing: $0[..<n])) }
    }
    let suffix =
      switch archive_filter_code(input, 0) {
      case ARCHIVE_FILTER_GZIP: "+gzip"
      case ARCHIVE_FILTER_ZSTD: "+zstd"
      default: ""
      }
    return ("sha256:\(digest.finish())", suffix)
  }

  private static func open(_ path: String, _ flags: Int32) throws(Failure) -> FileDescriptor {
    do throws(SysError) { return try FileDescriptor.open(path, flags) } catch { throw Failure(error) }
  }

  private static func copy(_ input: OpaquePointer, _ output: OpaquePointer, _ name: String) throws(Failure) {
    while true {
      var bytes: UnsafeRawPointer?
      var count = 0
      var offset: Int64 = 0
      let r = archive_read_data_block(input, &bytes, &count, &offset)
      if r == ARCHIVE_EOF { return }
      try check(r, input, name)
      if archive_write_data_block(output, bytes, count, offset) < 0 { try check(-30, output, name) }
    }
  }

  private static func check(_ result: Int32, _ archive: OpaquePointer, _ name: String) throws(Failure) {
    if result >= ARCHIVE_WARN { return }
    let code = archive_errno(archive)
    let text = archive_error_string(archive).map { String(cString: $0) } ?? "libarchive says \(result)"
    if code == ENOSPC { throw Failure(SysError(step: "unpacking \(name)", call: "write", object: name, errno: ENOSPC)) }
    throw Failure("unpacking \(name): \(text)")
  }
}
