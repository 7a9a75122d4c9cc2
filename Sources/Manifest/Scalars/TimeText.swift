// SPDX-License-Identifier: Apache-2.0
//
// Times as RFC 3339 writes them. Days from a civil date: the usual arithmetic on a year that begins in March.

extension WallTime {
  /// From 2026-01-02T03:04:05Z, with a fraction or an offset; nil where it is none. Beyond the years 1677 to 2262 the nearest instant that 64 bits hold.
  public init?(rfc3339 text: String) {
    let b = Array(text.utf8)
    guard b.count >= 20, b[4] == 45, b[7] == 45, b[10] == 84 || b[10] == 116, b[13] == 58, b[16] == 58 else { return nil }
    func number(_ from: Int, _ count: Int) -> Int64? {
      var n: Int64 = 0
      for i in from..<from + count {
        guard i < b.count, (48...57).contains(b[i]) else { return nil }
        n = n * 10 + Int64(b[i] - 48)
      }
      return n
    }
    guard let y = number(0, 4), let mo = number(5, 2), let d = number(8, 2), let h = number(11, 2), let mi = number(14, 2), let s = number(17, 2),
      (1...12).contains(mo), (1...31).contains(d), h < 24, mi < 60, s < 61
    else { return nil }
    var at = 19
    var nano: Int64 = 0
    if b[at] == 46 {
      at += 1
      var unit: Int64 = 100_000_000
      while at < b.count, (48...57).contains(b[at]) {
        nano += Int64(b[at] - 48) * unit
        unit /= 10
        at += 1
      }
    }
    guard at < b.count else { return nil }
    var offset: Int64 = 0
    if b[at] == 90 || b[at] == 122 {
      guard at + 1 == b.count else { return nil }
    } else {
      guard b[at] == 43 || b[at] == 45, at + 6 == b.count, b[at + 3] == 58, let oh = number(at + 1, 2), let om = number(at + 4, 2) else { return nil }
      offset = (oh * 60 + om) * 60 * (b[at] == 43 ? 1 : -1)
    }
    let year = mo <= 2 ? y - 1 : y
    let era = (year >= 0 ? year : year - 399) / 400
    let yoe = year - era * 400
    let doy = (153 * (mo + (mo > 2 ? -3 : 9)) + 2) / 5 + d - 1
    let days = era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
    let exact = Int128(days * 86400 + h * 3600 + mi * 60 + s - offset) * 1_000_000_000 + Int128(nano)
    self.init(nanoseconds: Int64(clamping: exact))
  }

  /// To the second: 2026-01-02T03:04:05Z.
  public var rfc3339: String { text(fraction: 0) }
  /// With six digits, as events have.
  public var rfc3339Micro: String { text(fraction: 6) }
  /// With nine digits, as log lines have.
  public var rfc3339Nano: String { text(fraction: 9) }

  private func text(fraction: Int) -> String {
    var seconds = nanoseconds / 1_000_000_000
    var nano = nanoseconds % 1_000_000_000
    if nano < 0 {
      nano += 1_000_000_000
      seconds -= 1
    }
    var days = seconds / 86400
    var rest = seconds % 86400
    if rest < 0 {
      rest += 86400
      days -= 1
    }
    days += 719_468
    let era = (days >= 0 ? days : days - 146_096) / 146_097
    let doe = days - era * 146_097
    let yoe = (doe - doe / 1460 + doe / 36524 - doe / 146_096) / 365
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100)
    let mp = (5 * doy + 2) / 153
    let day = doy - (153 * mp + 2) / 5 + 1
    let month = mp < 10 ? mp + 3 : mp - 9
    let year = yoe + era * 400 + (month <= 2 ? 1 : 0)
    var out: [UInt8] = []
    func put(_ n: Int64, _ width: Int) {
      var unit: Int64 = 1
      for _ in 1..<width { unit *= 10 }
      while unit > 0 {
        out.append(UInt8(48 + n / unit % 10))
        unit /= 10
      }
    }
    put(year, 4); out.append(45); put(month, 2); out.append(45); put(day, 2); out.append(84)
    put(rest / 3600, 2); out.append(58); put(rest / 60 % 60, 2); out.append(58); put(rest % 60, 2)
    if fraction == 6 { out.append(46); put(nano / 1000, 6) }
    if fraction == 9 { out.append(46); put(nano, 9) }
    out.append(90)
    return String(decoding: out, as: UTF8.self)
  }
}
