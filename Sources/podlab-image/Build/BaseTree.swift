// SPDX-License-Identifier: Apache-2.0
//
// The image that another is made on, as its layers' archives have it. Not from the unpacked folders: there, owners are what this user may give.
import CArchive
import Glibc
import Images
import Kernel

struct BaseTree {
  private(set) var entries: [String: LayerEntry] = [:]
  private var kept: [String: [UInt8]] = [:]

  /// No image.
  init() {}

  /// blobs: paths of the layers' archives, lowest first. keeping: paths beside isKept's whose bytes are wanted.
  init(blobs: [String], keeping more: Set<String> = []) throws(Failure) {
    for path in blobs { try add(path, more) }
  }

  /// The bytes of a file that recipes build upon (`isKept`).
  func bytes(_ path: String) -> [UInt8]? { kept[path] }

  func text(_ path: String) -> String? { kept[path].map { String(decoding: $0, as: UTF8.self) } }

  var keptPaths: [String] { kept.keys.sorted() }

  /// Files whose content decides what else is in an image: accounts, package and alternatives databases, loader configuration, certificates, templates.
  static func isKept(_ path: String) -> Bool {
    for folder in [
      "usr/share/base-passwd/", "usr/share/base-files/", "usr/share/libc-bin/", "usr/share/debianutils/", "usr/share/pam/", "usr/share/pam-configs/",
      "usr/share/ca-certificates/", "usr/lib/sysusers.d/", "etc/ld.so.conf.d/", "var/lib/dpkg/alternatives/", "var/lib/dpkg/triggers/",
    ] where path.hasPrefix(folder) { return true }
    if path.hasSuffix(".jinfo") { return path.hasPrefix("usr/lib/jvm/") }
    return [
      "etc/passwd", "etc/group", "etc/shadow", "etc/gshadow", "etc/ld.so.conf", "etc/ld.so.cache", "var/lib/dpkg/status", "var/lib/apt/extended_states",
    ].contains(path)
  }

  private mutating func add(_ blob: String, _ more: Set<String>) throws(Failure) {
    guard let archive = archive_read_new() else { throw Failure("libarchive: out of memory") }
    defer { archive_read_free(archive) }
    archive_read_support_filter_all(archive)
    archive_read_support_format_tar(archive)
    func problem() -> Failure { Failure("\(blob): \(archive_error_string(archive).map { String(cString: $0) } ?? "cannot be read")") }
    if archive_read_open_filename(archive, blob, 1 << 18) != ARCHIVE_OK { throw problem() }
    while true {
      var entry: OpaquePointer?
      let r = archive_read_next_header(archive, &entry)
      if r == ARCHIVE_EOF { return }
      guard r >= ARCHIVE_WARN, let entry else { throw problem() }
      var parts = (archive_entry_pathname(entry).map { String(cString: $0) } ?? "").split(separator: "/")[...]
      if parts.first == "." { parts.removeFirst() }
      let path = parts.joined(separator: "/")
      guard let name = parts.last else { continue }
      if name == ".wh..wh..opq" {
        remove(below: parts.dropLast().joined(separator: "/"))
        continue
      }
      if name.hasPrefix(".wh.") {
        let hidden = (parts.dropLast() + [name.dropFirst(4)]).joined(separator: "/")
        (entries[hidden], kept[hidden]) = (nil, nil)
        remove(below: hidden)
        continue
      }
      let mode = archive_entry_mode(entry)
      let kind: LayerEntry.Kind
      if let link = archive_entry_hardlink(entry) {
        kind = .hardLink(String(cString: link))
      } else if mode & S_IFMT == S_IFDIR {
        kind = .folder
      } else if mode & S_IFMT == S_IFLNK {
        kind = .symlink(archive_entry_symlink(entry).map { String(cString: $0) } ?? "")
      } else {
        kind = .file(size: archive_entry_size(entry))
      }
      entries[path] = LayerEntry(
        path: path, kind: kind, mode: mode & 0o7777, uid: UInt32(clamping: archive_entry_uid(entry)), gid: UInt32(clamping: archive_entry_gid(entry)),
        time: archive_entry_mtime(entry))
      kept[path] = nil
      if case .file(let size) = kind, Self.isKept(path) || more.contains(path), size < 1 << 26 {
        var bytes = [UInt8](repeating: 0, count: Int(size))
        var have = 0
        while have < bytes.count {
          let n = bytes.withUnsafeMutableBytes { archive_read_data(archive, $0.baseAddress?.advanced(by: have), $0.count - have) }
          if n <= 0 { throw problem() }
          have += n
        }
        kept[path] = bytes
      }
    }
  }

  private mutating func remove(below folder: String) {
    for path in entries.keys where path.hasPrefix(folder + "/") { (entries[path], kept[path]) = (nil, nil) }
  }
}
