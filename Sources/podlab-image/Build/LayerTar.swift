// SPDX-License-Identifier: Apache-2.0
//
// A layer's archive, written entry by entry by libarchive as POSIX pax. The same entries give the same bytes: owners are numbers, times are whole
// seconds.
import CArchive
import Glibc

/// What an entry of a layer is.
struct LayerEntry {
  enum Kind: Equatable {
    case folder
    case file(size: Int64)
    case symlink(String)
    /// The same file as this path of the layer.
    case hardLink(String)
  }
  /// Without a first slash.
  var path: String
  var kind: Kind
  /// Permission bits.
  var mode: UInt32
  var uid: UInt32 = 0
  var gid: UInt32 = 0
  /// Seconds since 1970.
  var time: Int = 0
}

final class LayerTar {
  private let archive: OpaquePointer
  private let sink: Sink

  /// Where the archive's bytes go. Returns whether it took them; `reason` says why not.
  final class Sink {
    let take: (UnsafeRawBufferPointer) -> Bool
    let reason: () -> Failure?
    init(take: @escaping (UnsafeRawBufferPointer) -> Bool, reason: @escaping () -> Failure?) { (self.take, self.reason) = (take, reason) }
  }

  init(to sink: Sink) throws(Failure) {
    guard let made = archive_write_new() else { throw Failure("libarchive: out of memory") }
    (archive, self.sink) = (made, sink)
    archive_write_set_format_pax_restricted(archive)
    archive_write_set_bytes_in_last_block(archive, 1)
    let write: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?, UnsafeRawPointer?, Int) -> Int = { archive, context, bytes, count in
      guard let context else { return -1 }
      if Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue().take(UnsafeRawBufferPointer(start: bytes, count: count)) { return count }
      archive_set_error_text(archive, EIO, "cannot be written")
      return -1
    }
    try check(archive_write_open(archive, Unmanaged.passUnretained(sink).toOpaque(), nil, write, nil))
  }
  deinit { archive_write_free(archive) }

  /// Begins an entry; a file's bytes follow by `data`.
  func begin(_ e: LayerEntry) throws(Failure) {
    guard let entry = archive_entry_new() else { throw Failure("libarchive: out of memory") }
    defer { archive_entry_free(entry) }
    archive_entry_set_pathname(entry, e.path)
    switch e.kind {
    case .folder: archive_entry_set_mode(entry, S_IFDIR | e.mode)
    case .file(let size):
      archive_entry_set_mode(entry, S_IFREG | e.mode)
      archive_entry_set_size(entry, size)
    case .symlink(let text):
      archive_entry_set_mode(entry, S_IFLNK | 0o777)
      archive_entry_set_symlink(entry, text)
    case .hardLink(let path):
      archive_entry_set_mode(entry, S_IFREG | e.mode)
      archive_entry_set_hardlink(entry, path)
    }
    archive_entry_set_uid(entry, Int64(e.uid))
    archive_entry_set_gid(entry, Int64(e.gid))
    archive_entry_set_mtime(entry, e.time, 0)
    try check(archive_write_header(archive, entry))
  }

  func data(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
    var rest = bytes
    while !rest.isEmpty {
      let n = archive_write_data(archive, rest.baseAddress, rest.count)
      if n <= 0 { return try check(-30) }
      rest = UnsafeRawBufferPointer(rebasing: rest[n...])
    }
  }

  func data(_ bytes: [UInt8]) throws(Failure) {
    if archive_write_data(archive, bytes, bytes.count) != bytes.count { try check(-30) }
  }

  func end() throws(Failure) { try check(archive_write_close(archive)) }

  private func check(_ result: Int32) throws(Failure) {
    if result >= ARCHIVE_WARN { return }
    if let e = sink.reason() { throw e }
    throw Failure("writing a layer: \(archive_error_string(archive).map { String(cString: $0) } ?? "libarchive says \(result)")")
  }
}
