// SPDX-License-Identifier: Apache-2.0
//
// Columns of text, and how long ago something was. Kubernetes cli-runtime/pkg/printers, apimachinery/pkg/util/duration.
import Manifest

/// Columns, padded like kubectl's: three blanks between, six characters at least.
public struct Table: Sendable {
  public var head: [String]
  public var rows: [[String]] = []
  public init(_ head: [String]) { self.head = head }

  public func text(noHeaders: Bool = false) -> String {
    var widths: [Int] = []
    return text(noHeaders: noHeaders, widths: &widths)
  }

  /// widths: of the columns, kept from one call to the next so that lines that come later stand under the earlier ones.
  public func text(noHeaders: Bool = false, widths: inout [Int]) -> String {
    let all = (noHeaders ? [] : [head]) + rows
    guard let columns = all.map(\.count).max() else { return "" }
    while widths.count < columns { widths.append(6) }
    for row in all { for (c, cell) in row.enumerated() { widths[c] = max(widths[c], cell.count + 3) } }
    return all.map { row in
      row.indices.map { c in c == row.count - 1 ? row[c] : row[c] + String(repeating: " ", count: widths[c] - row[c].count) }.joined() + "\n"
    }.joined()
  }
}

/// How kubectl shows a stretch of time. seconds since: apimachinery/pkg/util/duration (HumanDuration).
public func humanDuration(_ seconds: Int64) -> String {
  if seconds < -1 { return "<invalid>" }
  if seconds < 0 { return "0s" }
  if seconds < 120 { return "\(seconds)s" }
  let minutes = seconds / 60
  if minutes < 10 { return seconds % 60 == 0 ? "\(minutes)m" : "\(minutes)m\(seconds % 60)s" }
  if minutes < 180 { return "\(minutes)m" }
  let hours = minutes / 60
  if hours < 8 { return minutes % 60 == 0 ? "\(hours)h" : "\(hours)h\(minutes % 60)m" }
  if hours < 48 { return "\(hours)h" }
  if hours < 192 { return hours % 24 == 0 ? "\(hours / 24)d" : "\(hours / 24)d\(hours % 24)h" }
  if hours < 24 * 365 * 2 { return "\(hours / 24)d" }
  let years = hours / 24 / 365
  if hours < 24 * 365 * 8 { return hours / 24 % 365 == 0 ? "\(years)y" : "\(years)y\(hours / 24 % 365)d" }
  return "\(years)y"
}

/// Seconds from an RFC 3339 time until now; nil for no time.
public func age(_ v: Value?, now: WallTime) -> Int64? {
  v?.string.flatMap { WallTime(rfc3339: $0) }.map { max(0, (now.nanoseconds - $0.nanoseconds) / 1_000_000_000) }
}

/// The same as kubectl's tables show it; <unknown> for no time.
public func since(_ v: Value?, _ now: WallTime) -> String { age(v, now: now).map(humanDuration) ?? "<unknown>" }
