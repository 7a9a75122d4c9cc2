// SPDX-License-Identifier: Apache-2.0
//
// A Debian package (deb(5)): an ar archive with the control files and the files, each a tar archive. Read in a stream by libarchive.
import CArchive
import Glibc
import Kernel

final class DebPackage {
  let path: String
  private let fd: FileDescriptor
  /// Name, first byte and size of each member of the ar archive.
  private var members: [(name: String, offset: Int, size: Int)] = []

  init(_ path: String) throws(Failure) {
    self.path = path
    do throws(SysError) { fd = try FileDescriptor.open(path, O_RDONLY) } catch { throw Failure(error) }
    var at = 8
    guard read(0, 8) == Array("!<arch>\n".utf8) else { throw Failure("\(path): no Debian package") }
    while case let header = read(at, 60), header.count == 60 {
      let name = String(decoding: header[..<16], as: UTF8.self).split(separator: " ").first.map { $0.hasSuffix("/") ? $0.dropLast() : $0 } ?? ""
      guard let size = Int(String(decoding: header[48..<58], as: UTF8.self).split(separator: " ").first ?? ""), size >= 0 else {
        throw Failure("\(path): a broken member \(name)")
      }
      members.append((String(name), at + 60, size))
      at += 60 + size + size % 2
    }
  }

  private func read(_ offset: Int, _ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let n = pread(fd.raw, &bytes, count, offset)
    return n > 0 ? Array(bytes[..<n]) : []
  }

  /// The files of control.tar, by name: control, md5sums, conffiles, postinst …
  func control() throws(Failure) -> [(name: String, bytes: [UInt8])] {
    var out: [(String, [UInt8])] = []
    try each("control.tar") { (e, file) throws(Failure) in
      if case .file = e.kind { out.append((e.path, try file.bytes())) }
    }
    return out
  }

  /// The files of data.tar, in their order; `file` gives the bytes of a regular one.
  /// progress: bytes of the package that were read so far.
  func files(progress: @escaping (Int64) -> Void, _ body: (_ entry: LayerEntry, _ file: Contents) throws(Failure) -> Void) throws(Failure) {
    try each("data.tar", progress, body)
  }

  /// The bytes of the entry that is being looked at.
  struct Contents {
    fileprivate let archive: OpaquePointer
    fileprivate let name: String
    fileprivate let size: Int64

    func bytes() throws(Failure) -> [UInt8] {
      var out: [UInt8] = []
      out.reserveCapacity(Int(size))
      try stream { (b) throws(Failure) in out.append(contentsOf: b) }
      return out
    }

    func stream(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Void) throws(Failure) {
      let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 16)
      defer { room.deallocate() }
      var left = size
      while left > 0 {
        let n = archive_read_data(archive, room.baseAddress, room.count)
        if n <= 0 { throw Failure("\(name): \(n == 0 ? "ends too early" : errorText(archive))") }
        try body(UnsafeRawBufferPointer(start: room.baseAddress, count: n))
        left -= Int64(n)
      }
    }
  }

  private final class Source {
    let fd: Int32
    var offset: Int
    var left: Int
    let progress: (Int64) -> Void
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 16)
    init(fd: Int32, offset: Int, left: Int, progress: @escaping (Int64) -> Void) {
      (self.fd, self.offset, self.left, self.progress) = (fd, offset, left, progress)
    }
    deinit { room.deallocate() }
  }

  private func each(_ kind: String, _ progress: @escaping (Int64) -> Void = { _ in }, _ body: (LayerEntry, Contents) throws(Failure) -> Void) throws(Failure) {
    guard let m = members.first(where: { $0.name == kind || $0.name.hasPrefix(kind + ".") }) else { throw Failure("\(path): no \(kind)") }
    guard let archive = archive_read_new() else { throw Failure("libarchive: out of memory") }
    defer { archive_read_free(archive) }
    archive_read_support_filter_all(archive)
    archive_read_support_format_tar(archive)
    let source = Source(fd: fd.raw, offset: m.offset, left: m.size, progress: progress)
    let read: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?, UnsafeMutablePointer<UnsafeRawPointer?>?) -> Int = { archive, context, out in
      guard let context else { return -1 }
      let s = Unmanaged<Source>.fromOpaque(context).takeUnretainedValue()
      let n = pread(s.fd, s.room.baseAddress, min(s.left, s.room.count), s.offset)
      if n < 0 {
        archive_set_error_text(archive, errno, "cannot be read")
        return -1
      }
      s.offset += n
      s.left -= n
      s.progress(Int64(s.offset))
      out?.pointee = UnsafeRawPointer(s.room.baseAddress)
      return n
    }
    try withExtendedLifetime(source) { () throws(Failure) in
      if archive_read_open(archive, Unmanaged.passUnretained(source).toOpaque(), nil, read, nil) != ARCHIVE_OK { throw Failure("\(path): \(errorText(archive))") }
      while true {
        var entry: OpaquePointer?
        let r = archive_read_next_header(archive, &entry)
        if r == ARCHIVE_EOF { return }
        guard r >= ARCHIVE_WARN, let entry else { throw Failure("\(path): \(errorText(archive))") }
        if let e = try Self.entry(entry, path) { try body(e, Contents(archive: archive, name: "\(path): \(e.path)", size: archive_entry_size(entry))) }
      }
    }
  }

  /// nil for the root folder.
  private static func entry(_ entry: OpaquePointer, _ package: String) throws(Failure) -> LayerEntry? {
    func clean(_ text: UnsafePointer<CChar>?) throws(Failure) -> String {
      var parts = (text.map { String(cString: $0) } ?? "").split(separator: "/")[...]
      if parts.first == "." { parts.removeFirst() }
      if parts.contains("..") || parts.contains(".") { throw Failure("\(package): a path that leads out of it") }
      return parts.joined(separator: "/")
    }
    let path = try clean(archive_entry_pathname(entry))
    if path.isEmpty { return nil }
    let mode = archive_entry_mode(entry)
    let kind: LayerEntry.Kind
    if let target = archive_entry_hardlink(entry) {
      kind = .hardLink(try clean(target))
    } else {
      switch mode & S_IFMT {
      case S_IFDIR: kind = .folder
      case S_IFLNK: kind = .symlink(archive_entry_symlink(entry).map { String(cString: $0) } ?? "")
      case S_IFREG: kind = .file(size: archive_entry_size(entry))
      default: throw Failure("\(package): \(path): neither file, folder nor link")
      }
    }
    return LayerEntry(
      path: path, kind: kind, mode: mode & 0o7777, uid: UInt32(clamping: archive_entry_uid(entry)), gid: UInt32(clamping: archive_entry_gid(entry)),
      time: archive_entry_mtime(entry))
  }
}

private func errorText(_ archive: OpaquePointer) -> String { archive_error_string(archive).map { String(cString: $0) } ?? "libarchive gives no reason" }
