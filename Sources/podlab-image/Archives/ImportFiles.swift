// SPDX-License-Identifier: Apache-2.0
//
// The files that an image is imported from, by their names in it: a folder (OCI layout), an archive in a file, or one from a pipe or compressed, which
// is written to the store's work folder first.
import CArchive
import Glibc
import Kernel
import Manifest

final class ImportFiles {
  private enum Place {
    case folder(String)
    case archive(TarIndex)
  }
  private let place: Place
  let progress: LayerProgress
  /// The archive, or the folder.
  private let fd: FileDescriptor
  /// Open files of a folder, as long as this lives.
  private var opened: [Int32] = []

  /// path: an archive, a folder, or - for standard input.
  init(_ path: String, _ writer: StoreWriter, _ progress: LayerProgress) throws(Failure) {
    self.progress = progress
    let opened = try Self.open(path, writer, progress)
    let info = try failing { () throws(SysError) in try FileSystem.info(opened.raw) }
    place = info.isFolder ? .folder(path) : .archive(try TarIndex(opened.raw, size: info.size))
    fd = opened
  }

  /// The folder, or the archive as it can be read at any place.
  private static func open(_ path: String, _ writer: StoreWriter, _ progress: LayerProgress) throws(Failure) -> FileDescriptor {
    let input = try failing { () throws(SysError) in try FileDescriptor.open(path == "-" ? "/proc/self/fd/0" : path, O_RDONLY) }
    let info = try failing { () throws(SysError) in try FileSystem.info(input.raw) }
    if info.isFolder { return input }
    var head = [UInt8](repeating: 0, count: 6)
    let n = info.isRegular ? pread(input.raw, &head, 6, 0) : 0
    let magics: [[UInt8]] = [[0x1f, 0x8b], [0x28, 0xb5, 0x2f, 0xfd], [0xfd, 0x37, 0x7a, 0x58, 0x5a], [0x42, 0x5a, 0x68]]
    if info.isRegular, !(n == 6 && magics.contains { head.starts(with: $0) }) { return input }
    let row = progress.add("archive", total: info.isRegular ? info.size : 0)
    let output = try spool(input.raw, writer) { progress.move(row, to: $0) }
    progress.end(row, said("read", "已读取"))
    return output
  }
  deinit { for f in opened { _ = close(f) } }

  /// Writes what comes, decompressed, to a file without a name.
  /// progress: bytes that came.
  private static func spool(_ input: Int32, _ writer: StoreWriter, _ progress: (Int64) -> Void) throws(Failure) -> FileDescriptor {
    let path = writer.scratch("archive")
    let output = try failing { () throws(SysError) in try FileDescriptor.open(path, O_RDWR | O_CREAT | O_EXCL, mode: 0o600) }
    try failing { () throws(SysError) in try FileSystem.remove(path) }
    guard let archive = archive_read_new() else { throw Failure("libarchive: out of memory") }
    defer { archive_read_free(archive) }
    archive_read_support_format_raw(archive)
    archive_read_support_format_empty(archive)
    archive_read_support_filter_all(archive)
    func check(_ r: Int32) throws(Failure) {
      if r < ARCHIVE_WARN { throw Failure("reading the archive: \(archive_error_string(archive).map { String(cString: $0) } ?? "libarchive says \(r)")") }
    }
    try check(archive_read_open_fd(archive, input, 1 << 18))
    var entry: OpaquePointer?
    let first = archive_read_next_header(archive, &entry)
    if first == ARCHIVE_EOF { return output }
    try check(first)
    var total: Int64 = 0
    while true {
      var bytes: UnsafeRawPointer?
      var count = 0
      var offset: Int64 = 0
      let r = archive_read_data_block(archive, &bytes, &count, &offset)
      if r == ARCHIVE_EOF { return output }
      try check(r)
      total += Int64(count)
      let came = archive_filter_bytes(archive, -1)
      try LayerLimits.check(uncompressed: total, compressed: came)
      progress(came)
      do throws(SysError) { try writeAll(output.raw, UnsafeRawBufferPointer(start: bytes, count: count)) } catch {
        throw Failure(SysError(step: "keeping the archive while it is imported", call: "write", object: path, errno: error.errno))
      }
    }
  }

  /// The bytes of a file; nil where there is none of the name.
  func find(_ name: String) throws(Failure) -> (source: ByteSource, size: Int64)? {
    switch place {
    case .archive(let index):
      guard let at = try index.find(name) else { return nil }
      return (ByteSource(fd.raw, offset: at.offset, size: at.size), at.size)
    case .folder(let path):
      do throws(SysError) {
        // Through no link: whoever made the folder has no claim on other files of this machine.
        let file = try FileDescriptor.open2(name, at: fd, O_RDONLY, resolve: [.noSymlinks, .beneath])
        let info = try FileSystem.info(file.raw)
        guard info.isRegular else { throw SysError(call: "open", object: "\(path)/\(name)", errno: EINVAL) }
        let raw = file.release()
        opened.append(raw)
        return (ByteSource(raw, offset: 0, size: info.size), info.size)
      } catch {
        if error.errno == ENOENT || error.errno == ENOTDIR { return nil }
        throw Failure(error.during("reading the image \(path)"))
      }
    }
  }

  /// A small file of JSON; nil where there is none of the name.
  func json(_ name: String) throws(Failure) -> (value: Value, bytes: [UInt8])? {
    guard var file = try find(name) else { return nil }
    let bytes = try file.source.readAll(limit: Self.maxJSON, name)
    return (try Failure.json(bytes, name), bytes)
  }

  /// Bytes of an index, a manifest, a configuration. Registries draw the line at 4 MiB.
  static let maxJSON = 4 << 20
}
