// SPDX-License-Identifier: Apache-2.0
//
// Quantities as text. Kubernetes: apimachinery/pkg/api/resource (serialisation format).

extension Quantity {
  private static let suffixes: [(String, Int128, Int128)] = [
    ("Ki", 1 << 10, 1), ("Mi", 1 << 20, 1), ("Gi", 1 << 30, 1), ("Ti", 1 << 40, 1), ("Pi", 1 << 50, 1), ("Ei", 1 << 60, 1), ("n", 1, 1_000_000_000),
    ("u", 1, 1_000_000), ("m", 1, 1000), ("k", 1000, 1), ("M", 1_000_000, 1), ("G", 1_000_000_000, 1), ("T", 1_000_000_000_000, 1),
    ("P", 1_000_000_000_000_000, 1), ("E", 1_000_000_000_000_000_000, 1),
  ]

  /// From 100m, 1.5Gi, 1e3, -2; nil where it is none.
  public init?(_ text: String) {
    var digits = text[...]
    var negative = false
    if digits.first == "+" || digits.first == "-" {
      negative = digits.first == "-"
      digits = digits.dropFirst()
    }
    let number = digits.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let suffix = String(digits.dropFirst(number.count))
    let parts = number.split(separator: ".", omittingEmptySubsequences: false)
    guard !number.isEmpty, parts.count <= 2, number != "." else { return nil }
    var multiply: Int128 = 1
    var divide: Int128 = 1
    if suffix.isEmpty {
    } else if let s = Self.suffixes.first(where: { $0.0 == suffix }) {
      (multiply, divide) = (s.1, s.2)
    } else if suffix.first == "e" || suffix.first == "E", let e = Int(suffix.dropFirst()), (-18...18).contains(e) {
      for _ in 0..<abs(e) { if e > 0 { multiply *= 10 } else { divide *= 10 } }
    } else {
      return nil
    }
    var mantissa: Int128 = 0
    var scale: Int128 = 1
    for (i, part) in parts.enumerated() {
      for c in part.utf8 {
        guard mantissa < 1 << 100, scale < 1 << 60 else { break }
        mantissa = mantissa * 10 + Int128(c - 48)
        if i == 1 { scale *= 10 }
      }
    }
    let (product, over) = mantissa.multipliedReportingOverflow(by: multiply)
    let (units, over2) = product.multipliedReportingOverflow(by: 1_000_000_000)
    let limit = Int128(Int64.max) * 1_000_000_000
    var nano = limit
    if !over && !over2 {
      let d = scale * divide
      nano = min(limit, units / d + (units % d > 0 ? 1 : 0))
    }
    self.init(text: text, nano: negative ? -nano : nano)
  }

  /// A plain number.
  public init(_ value: Int64) { self.init(text: "\(value)", nano: Int128(value) * 1_000_000_000) }

  /// Thousandths, as 1500m or 2.
  public init(milli: Int64) { self.init(text: milli % 1000 == 0 ? "\(milli / 1000)" : "\(milli)m", nano: Int128(milli) * 1_000_000) }

  /// As the API writes it: the largest suffix of the spelling's own kind (binary, decimal, exponent) that leaves a whole number.
  public var canonical: String {
    let binary = text.hasSuffix("i")
    let exponent = text.contains { $0 == "e" } || text.dropLast().contains { $0 == "E" } && !binary
    if nano == 0 { return "0" }
    let one: Int128 = 1_000_000_000
    if binary, nano.magnitude >= 1024 * one.magnitude {
      var whole = nano / one + (nano > 0 && nano % one != 0 ? 1 : 0)
      var step = 0
      while step < 6, whole % 1024 == 0 { (whole, step) = (whole / 1024, step + 1) }
      return "\(whole)" + ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][step]
    }
    var (mantissa, power) = (nano, -9)
    while power < 18, mantissa % 1000 == 0 { (mantissa, power) = (mantissa / 1000, power + 3) }
    if exponent { return power == 0 ? "\(mantissa)" : "\(mantissa)e\(power)" }
    return "\(mantissa)" + ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"][power / 3 + 3]
  }
}
