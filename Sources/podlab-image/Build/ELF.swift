// SPDX-License-Identifier: Apache-2.0
//
// What the loader's cache and the busybox recipe must know of an ELF file of 64 bits, little-endian (elf(5)).

enum ELF {
  /// Not nil for a shared library with a DT_SONAME.
  static func soname(_ b: [UInt8]) -> String? {
    guard isELF(b), number(b, 16, 2) == 3 else { return nil }
    let headers = programHeaders(b)
    guard let dynamic = headers.first(where: { $0.type == 2 }) else { return nil }
    var names: Int?
    var strings: Int?
    var at = dynamic.offset
    while at + 16 <= min(b.count, dynamic.offset + dynamic.size) {
      let (tag, value) = (number(b, at, 8), number(b, at + 8, 8))
      if tag == 0 { break }
      if tag == 14 { names = value }
      if tag == 5 { strings = value }
      at += 16
    }
    guard let names, let strings else { return nil }
    // DT_STRTAB is an address: its place in the file is in the segment that holds it.
    guard let segment = headers.first(where: { $0.type == 1 && strings >= $0.address && strings < $0.address + $0.size }) else { return nil }
    let start = segment.offset + strings - segment.address + names
    guard start >= 0, start < b.count, let end = b[start...].firstIndex(of: 0), end > start else { return nil }
    return String(decoding: b[start..<end], as: UTF8.self)
  }

  /// Whether it needs no loader: no PT_INTERP.
  static func isStatic(_ b: [UInt8]) -> Bool { isELF(b) && !programHeaders(b).contains { $0.type == 3 } }

  private static func isELF(_ b: [UInt8]) -> Bool { b.count > 64 && b[0..<6] == [0x7f, 0x45, 0x4c, 0x46, 2, 1] }

  private static func programHeaders(_ b: [UInt8]) -> [(type: Int, offset: Int, address: Int, size: Int)] {
    let (table, size, count) = (number(b, 32, 8), number(b, 54, 2), number(b, 56, 2))
    return (0..<count).map { i in
      let h = table + i * size
      return (number(b, h, 4), number(b, h + 8, 8), number(b, h + 16, 8), number(b, h + 32, 8))
    }
  }

  /// 0 beyond the file's end, or where a number is none that an offset can be.
  private static func number(_ b: [UInt8], _ at: Int, _ count: Int) -> Int {
    guard at >= 0, at <= b.count - count else { return 0 }
    var n: UInt64 = 0
    for i in 0..<count { n |= UInt64(b[at + i]) << UInt64(8 * i) }
    return n < 1 << 40 ? Int(n) : 0
  }
}
