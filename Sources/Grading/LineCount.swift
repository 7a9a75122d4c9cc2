// SPDX-License-Identifier: Apache-2.0
//
// Numbered lines on their way through a log: which arrived, which are missing, which came twice.
import Manifest

struct LineCount {
  let wanted: Int
  private(set) var missing: [Int] = []
  private(set) var twice: [Int] = []
  private(set) var total = 0

  /// A line counts if it is exactly `text` with ${n} replaced by its number.
  init(_ value: Value?, count: Int, text: String) {
    wanted = count
    var seen: [String: Int] = [:]
    for line in value?.array ?? [] { if let s = line.string { seen[s, default: 0] += 1 } }
    for n in stride(from: 1, through: count, by: 1) {
      let times = seen[fillPlaceholders(text, ["n": String(n)])] ?? 0
      total += times
      if times == 0 { missing.append(n) }
      if times > 1 { twice.append(n) }
    }
  }

  func verdict(absence: Text?) -> Verdict {
    let expected = Text(en: "\(wanted) lines, each once", zh: "\(wanted) 行，每行一次")
    if missing.isEmpty, twice.isEmpty { return Verdict(holds: true, expected: expected, found: expected) }
    if total == 0 { return Verdict(holds: false, expected: expected, found: absence ?? Text(en: "none of the lines", zh: "一行也没有")) }
    var en = "\(total) lines", zh = "\(total) 行"
    if !missing.isEmpty { en += "; missing \(Self.list(missing, to: " to "))"; zh += "；缺 \(Self.list(missing, to: " 至 "))" }
    if !twice.isEmpty { en += "; more than once \(Self.list(twice, to: " to "))"; zh += "；重复 \(Self.list(twice, to: " 至 "))" }
    return Verdict(holds: false, expected: expected, found: Text(en: en, zh: zh))
  }

  /// 41, 42, 43 or 44 to 100: four or more in a row are shortened; at most six groups.
  static func list(_ numbers: [Int], to: String) -> String {
    var groups: [ClosedRange<Int>] = []
    for n in numbers {
      if let last = groups.last, last.upperBound + 1 == n { groups[groups.count - 1] = last.lowerBound...n } else { groups.append(n...n) }
    }
    let shown = groups.prefix(6).map { group in
      group.count >= 4 ? "\(group.lowerBound)\(to)\(group.upperBound)" : group.map(String.init).joined(separator: ", ")
    }
    return shown.joined(separator: ", ") + (groups.count > 6 ? ", …" : "")
  }
}
