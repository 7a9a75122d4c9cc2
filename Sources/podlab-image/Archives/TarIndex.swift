// SPDX-License-Identifier: Apache-2.0
//
// What lies where in an archive of images (docker save, OCI archive): its files are blobs of gigabytes, to be read in place and in an order of our
// own, which libarchive's streams cannot. POSIX.1-1988 ustar, PAX and GNU headers as far as such archives use them; sparse files are refused.
import Glibc
import Kernel

struct TarIndex {
  enum Entry: Equatable {
    /// Where its bytes are.
    case file(offset: Int64, size: Int64)
    /// To another name of the archive: hard and symbolic links (docker save has had both).
    case link(String)
  }

  /// By their names without leading ./ and /.
  private(set) var entries: [String: Entry] = [:]

  static let maxEntries = 100_000
  private static let block: Int64 = 512

  /// Reads the headers of an archive in a file that can be read at any place.
  init(_ fd: Int32, size: Int64) throws(Failure) {
    var at: Int64 = 0
    var longName: String?
    var longLink: String?
    var pax: [String: String] = [:]
    var ended = false
    while at + Self.block <= size {
      let h = try Self.read(fd, at, 512)
      if h.allSatisfy({ $0 == 0 }) {
        ended = true
        break
      }
      guard Self.checksum(h) else { throw Failure(at == 0 ? "this is not a tar archive" : "the archive is damaged: the header at byte \(at) has a wrong checksum") }
      let type = h[156]
      var length = try Self.number(h[124..<136], at)
      if let text = pax["size"], type != 0x67, type != 0x78 {
        guard let n = Int64(text), n >= 0 else { throw Failure("the archive is damaged: a file of size \(text) at byte \(at)") }
        length = n
      }
      let data = at + Self.block
      guard length >= 0, length <= size - data else { throw Failure("the archive is truncated: a file of \(length) bytes begins at byte \(at), the archive has \(size)") }
      at = data + (length + Self.block - 1) / Self.block * Self.block
      switch type {
      case 0x78: pax = try Self.records(try Self.read(fd, data, Self.small(length, data)), data)  // x
      case 0x67: break  // g
      case 0x4c: longName = Self.text(try Self.read(fd, data, Self.small(length, data))[...])  // L
      case 0x4b: longLink = Self.text(try Self.read(fd, data, Self.small(length, data))[...])  // K
      default:
        let prefix = Self.text(h[345..<500])
        let isUstar = Self.text(h[257..<262]) == "ustar" && h[263] == 0x30
        let short = Self.text(h[0..<100])
        let name = pax["path"] ?? longName ?? (isUstar && !prefix.isEmpty ? prefix + "/" + short : short)
        let target = pax["linkpath"] ?? longLink ?? Self.text(h[157..<257])
        if pax.keys.contains(where: { $0.hasPrefix("GNU.sparse.") }) || type == 0x53 { throw Failure("\(name): a sparse file in an archive of images: refused") }
        (pax, longName, longLink) = ([:], nil, nil)
        let own = try Self.plain(name)
        if own.isEmpty || type == 0x35 { continue }  // a folder
        let entry: Entry
        switch type {
        case 0, 0x30, 0x37: entry = .file(offset: data, size: length)
        case 0x31: entry = .link(try Self.plain(target))
        case 0x32:
          if target.hasPrefix("/") { throw Failure("\(name): a symbolic link to \(target), outside of the archive: refused") }
          let folder = own.split(separator: "/").dropLast().joined(separator: "/")
          entry = .link(try Self.resolved(folder + "/" + target, name))
        default: throw Failure("\(name): an entry of a type that archives of images do not have: refused")
        }
        if let old = entries[own], old != entry { throw Failure("\(name): is twice in the archive: refused") }
        entries[own] = entry
        if entries.count > Self.maxEntries { throw Failure("the archive has more than \(Self.maxEntries) files: refused") }
      }
    }
    // GNU tar and Go warn or pass over it; for an archive of images it means that a part is missing.
    if !ended { throw Failure(size == 0 ? "the archive is empty" : "the archive is truncated: it has no end mark") }
  }

  /// Where the file of this name is, links followed.
  func find(_ name: String) throws(Failure) -> (offset: Int64, size: Int64)? {
    var at = name
    for _ in 0..<10 {
      switch entries[at] {
      case .file(let offset, let size)?: return (offset, size)
      case .link(let to)?: at = to
      case nil: return nil
      }
    }
    throw Failure("\(name): links that lead in a circle")
  }

  // MARK: parts of a header

  private static func read(_ fd: Int32, _ offset: Int64, _ count: Int) throws(Failure) -> [UInt8] {
    var source = ByteSource(fd, offset: offset, size: Int64(count))
    return try source.readAll(limit: count, "a header")
  }

  private static func small(_ n: Int64, _ at: Int64) throws(Failure) -> Int {
    if n > 1 << 20 { throw Failure("the archive is damaged: a header of \(n) bytes at byte \(at)") }
    return Int(n)
  }

  private static func checksum(_ h: [UInt8]) -> Bool {
    guard let sum = octal(h[148..<156]) else { return false }
    var (a, b): (Int64, Int64) = (0, 0)
    for (i, c) in h.enumerated() {
      let v = (148..<156).contains(i) ? 32 : c
      a += Int64(v)
      b += Int64(Int8(bitPattern: v))
    }
    return sum == a || sum == b
  }

  private static func octal(_ field: ArraySlice<UInt8>) -> Int64? {
    var n: Int64 = 0
    var digits = 0
    for c in field.drop(while: { $0 == 32 }) {
      if c == 0 || c == 32 { break }
      guard c >= 48, c < 56, n < 1 << 59 else { return nil }
      n = n << 3 | Int64(c - 48)
      digits += 1
    }
    return digits > 0 ? n : nil
  }

  /// Octal, or GNU's binary form for what does not fit.
  private static func number(_ field: ArraySlice<UInt8>, _ at: Int64) throws(Failure) -> Int64 {
    if let first = field.first, first & 0x80 != 0 {
      var n: Int64 = Int64(first & 0x3f)
      for c in field.dropFirst() {
        if n >= 1 << 54 || first & 0x40 != 0 { throw Failure("the archive is damaged: an absurd size at byte \(at)") }
        n = n << 8 | Int64(c)
      }
      return n
    }
    if field.allSatisfy({ $0 == 0 || $0 == 32 }) { return 0 }
    guard let n = octal(field) else { throw Failure("the archive is damaged: a size that is no number at byte \(at)") }
    return n
  }

  private static func text(_ field: ArraySlice<UInt8>) -> String { String(decoding: field.prefix { $0 != 0 }, as: UTF8.self) }

  /// LENGTH KEY=VALUE\n …
  private static func records(_ bytes: [UInt8], _ at: Int64) throws(Failure) -> [String: String] {
    var all: [String: String] = [:]
    var rest = bytes[...]
    while !rest.isEmpty {
      let digits = rest.prefix { $0 >= 48 && $0 < 58 }
      guard digits.count < 8, let length = Int(String(decoding: digits, as: UTF8.self)), length > digits.count + 2, length <= rest.count,
        let equals = rest.prefix(length).firstIndex(of: 61), equals > digits.endIndex, rest[rest.startIndex + length - 1] == 10
      else { throw Failure("the archive is damaged: a PAX header at byte \(at) is malformed") }
      all[String(decoding: rest[(digits.endIndex + 1)..<equals], as: UTF8.self)] = String(decoding: rest[(equals + 1)..<(rest.startIndex + length - 1)], as: UTF8.self)
      rest = rest.dropFirst(length)
    }
    return all
  }

  // MARK: names

  /// Without . parts and leading slashes; .. is refused.
  private static func plain(_ name: String) throws(Failure) -> String {
    let parts = name.split(separator: "/").filter { $0 != "." }
    if parts.contains("..") { throw Failure("\(name): leads out of the archive (..): refused") }
    return parts.joined(separator: "/")
  }

  private static func resolved(_ path: String, _ name: String) throws(Failure) -> String {
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == ".." {
        if parts.popLast() == nil { throw Failure("\(name): a symbolic link that leads out of the archive: refused") }
      } else {
        parts.append(part)
      }
    }
    return parts.joined(separator: "/")
  }
}
