// SPDX-License-Identifier: Apache-2.0
//
// resource.Quantity: an amount as Kubernetes writes it (100m, 64Mi, 1.5, 1e3).

/// An amount with its spelling. Arithmetic is exact to nano units, rounded up as the API does.
public struct Quantity: Sendable, Equatable {
  /// As written, in canonical form.
  public var text: String
  /// The amount in units of 10^-9, rounded up, saturated at the ends of the range.
  public var nano: Int128

  public init(text: String, nano: Int128) { (self.text, self.nano) = (text, nano) }

  /// Rounded up to whole units, as Quantity.Value() does.
  public var value: Int64 { Self.up(nano, 1_000_000_000) }
  /// Rounded up to thousandths, as Quantity.MilliValue() does.
  public var milliValue: Int64 { Self.up(nano, 1_000_000) }

  private static func up(_ n: Int128, _ unit: Int128) -> Int64 {
    let q = n / unit + (n % unit > 0 ? 1 : 0)
    return Int64(clamping: q)
  }
}
