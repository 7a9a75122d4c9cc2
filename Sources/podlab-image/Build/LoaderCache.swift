// SPDX-License-Identifier: Apache-2.0
//
// /etc/ld.so.cache as ldconfig(8) writes it (glibc, sysdeps/generic/dl-cache.h: "glibc-ld.so.cache1.1"), so that libraries outside of the loader's own
// folders are found without running anything.

struct LoaderCache {
  struct Library: Hashable {
    var soname: String
    /// Absolute.
    var path: String
  }

  private static let magic = Array("glibc-ld.so.cache1.1".utf8)
  private static let headerSize = 48
  private static let entrySize = 24

  /// Of an existing cache; nothing of one in another format.
  static func read(_ b: [UInt8]) -> [Library] {
    guard b.count >= headerSize, Array(b[..<20]) == magic else { return [] }
    func number(_ at: Int) -> Int { at + 4 <= b.count ? (0..<4).reduce(0) { $0 | Int(b[at + $1]) << (8 * $1) } : 0 }
    func text(_ at: Int) -> String { at < b.count ? String(decoding: b[at...].prefix { $0 != 0 }, as: UTF8.self) : "" }
    return (0..<number(20)).filter { headerSize + ($0 + 1) * entrySize <= b.count }.map { i in
      let e = headerSize + i * entrySize
      return Library(soname: text(number(e + 4)), path: text(number(e + 8)))
    }
  }

  static func write(_ libraries: [Library]) -> [UInt8] {
    // From the greatest to the least, as the loader's binary search wants it; folders in their order.
    let sorted = libraries.enumerated().sorted {
      let c = compare(Array($0.element.soname.utf8), Array($1.element.soname.utf8))
      return c == 0 ? $0.offset < $1.offset : c > 0
    }.map(\.element)
    var strings: [UInt8] = []
    var places: [String: Int] = [:]
    let start = headerSize + sorted.count * entrySize
    func place(_ s: String) -> Int {
      if let p = places[s] { return p }
      let p = start + strings.count
      places[s] = p
      strings += Array(s.utf8) + [0]
      return p
    }
    func bytes(_ n: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: n >> (8 * $0)) } }
    var table: [UInt8] = []
    for l in sorted {
      table += bytes(flags, 4) + bytes(place(l.soname), 4) + bytes(place(l.path), 4) + bytes(0, 4) + bytes(0, 8)
    }
    var out = magic + bytes(sorted.count, 4) + bytes(strings.count, 4)
    // Little-endian; no extensions.
    out += [2, 0, 0, 0] + bytes(0, 4) + bytes(0, 12)
    return out + table + strings
  }

  /// FLAG_ELF_LIBC6 and the machine's.
  private static var flags: Int {
    #if arch(arm64)
      0x0a03
    #else
      0x0303
    #endif
  }

  /// As _dl_cache_libcmp: numbers by value, a digit after any other letter.
  static func compare(_ a: [UInt8], _ b: [UInt8]) -> Int {
    func isDigit(_ c: UInt8) -> Bool { c >= 48 && c <= 57 }
    var (i, j) = (0, 0)
    while i < a.count {
      let c = a[i]
      let d = j < b.count ? b[j] : 0
      switch (isDigit(c), isDigit(d)) {
      case (true, true):
        var (m, n) = (0, 0)
        while i < a.count, isDigit(a[i]) { (m, i) = (m &* 10 &+ Int(a[i] - 48), i + 1) }
        while j < b.count, isDigit(b[j]) { (n, j) = (n &* 10 &+ Int(b[j] - 48), j + 1) }
        if m != n { return m < n ? -1 : 1 }
      case (true, false): return 1
      case (false, true): return -1
      case (false, false):
        if c != d { return c < d ? -1 : 1 }
        i += 1
        j += 1
      }
    }
    return j < b.count ? -1 : 0
  }

  /// The folders of /etc/ld.so.conf in their order, then the loader's own. include: the text of a file and the paths that match a pattern.
  static func folders(_ assembly: LayerAssembly) -> [String] {
    var out: [String] = []
    func add(_ text: String, _ depth: Int) {
      for line in text.split(separator: "\n") {
        let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" || $0 == ":" || $0 == "," }
        if words.first == "include", depth < 4 {
          for pattern in words.dropFirst() {
            guard let star = pattern.lastIndex(of: "*"), let slash = pattern.lastIndex(of: "/"), star > slash else { continue }
            let (folder, end) = (String(pattern[..<slash].drop { $0 == "/" }), pattern[pattern.index(after: star)...])
            for path in assembly.keptPaths(below: folder) where path.hasSuffix(end) { add(assembly.text(path) ?? "", depth + 1) }
          }
        } else {
          out += words.filter { $0.hasPrefix("/") }.map { String($0.dropFirst()) }
        }
      }
    }
    add(assembly.text("etc/ld.so.conf") ?? "", 0)
    return out + ["lib", "usr/lib", "lib64", "usr/lib64"]
  }

  /// Makes the image's cache.
  static func make(_ assembly: LayerAssembly) {
    guard assembly.exists("etc/ld.so.conf") else { return }
    var found: [Library] = []
    var done: Set<String> = []
    let before = read(assembly.base.bytes("etc/ld.so.cache") ?? [])
    for folder in folders(assembly) {
      let place = assembly.canonical(folder + "/x").dropLast(2)
      guard done.insert(String(place)).inserted else { continue }
      let own = assembly.libraries.filter { $0.path.hasPrefix(place + "/") && !$0.path.dropFirst(place.count + 1).contains("/") }
      var names: [String: String] = [:]
      for l in own {
        let name = String(l.path.dropFirst(place.count + 1))
        // By the soname's own link where there is one.
        names[l.soname] = assembly.exists("\(place)/\(l.soname)") ? l.soname : names[l.soname] ?? name
      }
      var here = names.map { Library(soname: $0.key, path: "/\(folder)/\($0.value)") }
      here += before.filter { l in
        l.path.hasPrefix("/\(folder)/") && !l.path.dropFirst(folder.utf8.count + 2).contains("/") && names[l.soname] == nil
      }
      found += here.sorted { $0.soname < $1.soname }
    }
    assembly.file("etc/ld.so.cache", write(found))
  }
}
