// SPDX-License-Identifier: Apache-2.0
//
// How large an image is, for people: as crictl shows it (docker/go-units, HumanSize with three digits).

public enum ByteCount {
  /// 4.26MB, 980kB, 12B; thousands, three digits.
  public static func text(_ bytes: Int64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB"]
    // Thousandths of the unit.
    var n = bytes.magnitude * 1000
    var unit = 0
    while n >= 999_500, unit < units.count - 1 {
      n = (n + 500) / 1000
      unit += 1
    }
    let decimals: UInt64 = n >= 99_950 ? 0 : n >= 9_995 ? 1 : 2
    let step: UInt64 = decimals == 0 ? 1000 : decimals == 1 ? 100 : 10
    let rounded = (n + step / 2) / step
    let scale: UInt64 = decimals == 0 ? 1 : decimals == 1 ? 10 : 100
    var fraction = decimals == 0 ? "" : String(rounded % scale)
    while fraction.utf8.count < Int(decimals) { fraction = "0" + fraction }
    while fraction.hasSuffix("0") { fraction.removeLast() }
    return "\(rounded / scale)" + (fraction.isEmpty ? "" : "." + fraction) + units[unit]
  }
}
