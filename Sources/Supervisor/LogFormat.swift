// SPDX-License-Identifier: Apache-2.0
//
// Container logs in CRI's format, one line each: TIME stream F|P text. Kubernetes design-proposals/node/kubelet-cri-logging. P marks a piece
// whose line goes on in the next entry.
import Glibc

/// Turns chunks of output into log lines. One clock reading serves a chunk; nothing of a line is held back, so a dead supervisor loses none.
public struct LogFormat {
  /// Bytes before the text: 30 of time, " stdout F ".
  public static let headLength = 40

  /// Writes "2026-11-24T08:00:00.123456789Z stdout F " to head. wall: nanoseconds since 1970. Both streams' names are as long.
  public static func writeHead(_ head: UnsafeMutablePointer<UInt8>, wall: Int64, isError: Bool) {
    let day: Int64 = 86_400_000_000_000
    let days = wall >= 0 ? wall / day : (wall - day + 1) / day
    let rest = wall - days * day
    let (year, month, dayOfMonth) = civil(days)
    let seconds = rest / 1_000_000_000
    digits(head, year, 4)
    head[4] = UInt8(ascii: "-")
    digits(head + 5, month, 2)
    head[7] = UInt8(ascii: "-")
    digits(head + 8, dayOfMonth, 2)
    head[10] = UInt8(ascii: "T")
    digits(head + 11, seconds / 3600, 2)
    head[13] = UInt8(ascii: ":")
    digits(head + 14, seconds / 60 % 60, 2)
    head[16] = UInt8(ascii: ":")
    digits(head + 17, seconds % 60, 2)
    head[19] = UInt8(ascii: ".")
    digits(head + 20, rest % 1_000_000_000, 9)
    head[29] = UInt8(ascii: "Z")
    let tail: StaticString = isError ? " stderr F " : " stdout F "
    head.advanced(by: 30).update(from: tail.utf8Start, count: 10)
  }

  private static func digits(_ at: UnsafeMutablePointer<UInt8>, _ value: Int64, _ width: Int) {
    var v = value
    for i in stride(from: width - 1, through: 0, by: -1) {
      at[i] = UInt8(truncatingIfNeeded: 48 + v % 10)
      v /= 10
    }
  }

  /// Year, month and day of a count of days since 1970-01-01 (proleptic Gregorian calendar).
  static func civil(_ days: Int64) -> (Int64, Int64, Int64) {
    let z = days + 719_468
    let era = (z >= 0 ? z : z - 146_096) / 146_097
    let dayOfEra = z - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let m = (5 * dayOfYear + 2) / 153
    let month = m < 10 ? m + 3 : m - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * m + 2) / 5 + 1)
  }

  /// RFC 3339 with nanoseconds, 30 bytes.
  public static func timestamp(_ wall: Int64) -> String {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: headLength) { b in
      guard let p = b.baseAddress else { return "" }
      writeHead(p, wall: wall, isError: false)
      return String(decoding: UnsafeBufferPointer(start: p, count: 30), as: UTF8.self)
    }
  }

  /// Formats a chunk into `out`, calling flush when that is full. A line longer than limit is cut into pieces.
  /// - Returns: bytes left in out.
  public static func format(
    _ chunk: UnsafeBufferPointer<UInt8>, wall: Int64, isError: Bool, into out: UnsafeMutableBufferPointer<UInt8>,
    flush: (UnsafeRawBufferPointer) -> Void
  ) -> Int {
    guard let target = out.baseAddress, let source = chunk.baseAddress, out.count > headLength + 1 else { return 0 }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: headLength) { headBuffer in
      guard let head = headBuffer.baseAddress else { return 0 }
      writeHead(head, wall: wall, isError: isError)
      var used = 0
      var at = 0
      while at < chunk.count {
        let rest = chunk.count - at
        let newline = memchr(source + at, 10, rest)
        var length = newline.map { UnsafeRawPointer($0) - UnsafeRawPointer(source + at) } ?? rest
        var whole = newline != nil
        if used + headLength + length + 1 > out.count {
          if used > 0 { flush(UnsafeRawBufferPointer(start: target, count: used)) }
          used = 0
          if headLength + length + 1 > out.count {
            length = out.count - headLength - 1
            whole = false
          }
        }
        memcpy(target + used, head, headLength)
        if !whole { target[used + headLength - 2] = UInt8(ascii: "P") }
        memcpy(target + used + headLength, source + at, length)
        used += headLength + length
        target[used] = 10
        used += 1
        at += length + (whole ? 1 : 0)
      }
      return used
    }
  }
}
