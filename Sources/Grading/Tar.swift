// SPDX-License-Identifier: Apache-2.0
//
// A strict reader of tar archives (POSIX ustar, pax names, GNU long names), for submissions: plain files and folders
// only, every name checked, every limit counted. It runs inside the arena (lab arena-helper), never in the observer.
//
// POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".

public struct ArchiveLimits: Sendable {
  public var bytes = 4 << 20
  public var entries = 200
  public var depth = 8
  public var nameBytes = 128
  public init() {}
}

/// Why an archive is refused; every offender is named.
public struct ArchiveRefusal: Error, Sendable, Equatable {
  public var offenders: [String]
  public init(_ offenders: [String]) { self.offenders = offenders }
}

public enum Tar {
  public struct Entry: Sendable, Equatable {
    public var path: String
    public var content: [UInt8]
  }

  /// The plain files of an archive, in its order. Folders are implied; everything else is refused.
  public static func read(_ archive: [UInt8], limits: ArchiveLimits = ArchiveLimits()) throws(ArchiveRefusal) -> [Entry] {
    guard archive.count <= limits.bytes else { throw ArchiveRefusal(["the archive is larger than \(limits.bytes) bytes"]) }
    var entries: [Entry] = [], offenders: [String] = [], seen: Set<String> = []
    var at = 0, longName: String?, count = 0, ended = false
    while at + 512 <= archive.count {
      let header = archive[at..<(at + 512)]
      if header.allSatisfy({ $0 == 0 }) { ended = true; break }
      guard checksumHolds(header), let size = number(header, 124, 12), size >= 0, at + 512 + size <= archive.count else {
        throw ArchiveRefusal(offenders + ["damaged or cut off at byte \(at)"])
      }
      count += 1
      if count > limits.entries { throw ArchiveRefusal(offenders + ["more than \(limits.entries) entries"]) }
      let body = archive[(at + 512)..<(at + 512 + size)]
      let type = header[header.startIndex + 156]
      at += 512 + (size + 511) / 512 * 512
      switch type {
      case UInt8(ascii: "x"):
        for record in paxRecords(body) where record.key == "path" { longName = record.value }
        continue
      case UInt8(ascii: "L"):
        longName = String(decoding: body.prefix { $0 != 0 }, as: UTF8.self)
        continue
      case UInt8(ascii: "g"): continue
      default: break
      }
      let raw = longName.map { Array($0.utf8) } ?? nameBytes(header)
      longName = nil
      let shown = Sanitise.line(String(decoding: raw, as: UTF8.self))
      guard let path = acceptable(raw, limits) else { offenders.append("name: \(shown)"); continue }
      switch type {
      case UInt8(ascii: "0"), 0, UInt8(ascii: "7"):
        if !seen.insert(path.lowercased()).inserted { offenders.append("twice: \(shown)") }
        entries.append(Entry(path: path, content: Array(body)))
      case UInt8(ascii: "5"): break
      case UInt8(ascii: "1"), UInt8(ascii: "2"): offenders.append("link: \(shown)")
      default: offenders.append("not a plain file: \(shown)")
      }
    }
    if !ended { offenders.append("the end of the archive is missing") }
    guard offenders.isEmpty else { throw ArchiveRefusal(offenders) }
    return entries
  }

  /// A relative path without `.`, `..`, empty parts, controls or a leading dash; nil for anything else.
  public static func acceptable(_ raw: [UInt8], _ limits: ArchiveLimits = ArchiveLimits()) -> String? {
    var raw = raw[...]
    while raw.starts(with: Array("./".utf8)) { raw = raw.dropFirst(2) }
    if raw.last == UInt8(ascii: "/") { raw = raw.dropLast() }
    let path = String(decoding: raw, as: UTF8.self)
    // Controls, bidirectional marks and invalid bytes show as something else than they are.
    guard Array(path.utf8) == Array(raw), Sanitise.visible(path, lines: false) == path, path.utf8.count <= limits.nameBytes else { return nil }
    if path.isEmpty { return raw.isEmpty ? "." : nil }
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= limits.depth else { return nil }
    return parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && !$0.hasPrefix("-") && !$0.hasPrefix("=") && !$0.hasSuffix(" ") } ? path : nil
  }

  private static func nameBytes(_ header: ArraySlice<UInt8>) -> [UInt8] {
    func field(_ from: Int, _ length: Int) -> [UInt8] { Array(header[(header.startIndex + from)...].prefix(length).prefix { $0 != 0 }) }
    let prefix = field(257, 5) == Array("ustar".utf8) ? field(345, 155) : []
    return prefix.isEmpty ? field(0, 100) : prefix + [UInt8(ascii: "/")] + field(0, 100)
  }

  private static func number(_ header: ArraySlice<UInt8>, _ from: Int, _ length: Int) -> Int? {
    let field = header[(header.startIndex + from)...].prefix(length)
    let digits = field.drop { $0 == 0x20 }.prefix { $0 >= 0x30 && $0 <= 0x37 }
    guard !digits.isEmpty, digits.count <= 11 else { return nil }
    return digits.reduce(0) { $0 << 3 | Int($1 - 0x30) }
  }

  private static func checksumHolds(_ header: ArraySlice<UInt8>) -> Bool {
    let stored = number(header, 148, 8)
    var sum = 0
    for (i, byte) in header.enumerated() { sum += (148..<156).contains(i) ? 0x20 : Int(byte) }
    return stored == sum
  }

  private static func paxRecords(_ body: ArraySlice<UInt8>) -> [(key: String, value: String)] {
    var records: [(String, String)] = [], rest = body
    while let space = rest.firstIndex(of: 0x20), let length = Int(String(decoding: rest[..<space], as: UTF8.self)), length > 0, length <= rest.count {
      let record = rest[(space + 1)..<(rest.startIndex + length)].dropLast()
      if let equals = record.firstIndex(of: UInt8(ascii: "=")) {
        records.append((String(decoding: record[..<equals], as: UTF8.self), String(decoding: record[(equals + 1)...], as: UTF8.self)))
      }
      rest = rest.dropFirst(length)
    }
    return records
  }
}
