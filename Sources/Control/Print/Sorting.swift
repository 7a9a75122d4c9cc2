// SPDX-License-Identifier: Apache-2.0
//
// --sort-by: objects in the order of one of their fields. Kubernetes kubectl/pkg/cmd/get/sorter.go.
import Manifest

public enum Sorting {
  /// Stable; objects without the field come first. A field that none of them has is an error.
  public static func sort(_ objects: [Value], by text: String) throws(OutputProblem) -> [Value] {
    let path = try CustomColumns.relaxed(text)
    var keyed: [(Value?, Value)] = []
    do throws(JSONPath.Invalid) { for o in objects { keyed.append((try path.values(in: o).first, o)) } } catch { throw OutputProblem("\(error)") }
    if !objects.isEmpty, keyed.allSatisfy({ $0.0 == nil }) {
      throw OutputProblem("couldn't find any field with path \"\(text.hasPrefix("{") ? text : "{\(text)}")\" in the list of objects")
    }
    return keyed.enumerated().sorted { a, b in
      if isLess(a.element.0, b.element.0) { return true }
      return isLess(b.element.0, a.element.0) ? false : a.offset < b.offset
    }.map(\.element.1)
  }

  private static func isLess(_ a: Value?, _ b: Value?) -> Bool {
    guard let a, let b else { return a == nil && b != nil }
    if let x = a.int, let y = b.int { return x < y }
    guard let x = a.string, let y = b.string else { return a.bool == false && b.bool == true }
    if let p = Quantity(x), let q = Quantity(y) { return p.nano < q.nano }
    return naturally(Array(x.utf8), Array(y.utf8))
  }

  /// Runs of digits count as numbers: web-2 before web-10.
  private static func naturally(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    var (i, j) = (0, 0)
    func digits(_ s: [UInt8], _ from: Int) -> ArraySlice<UInt8> { s[from...].prefix { (48...57).contains($0) } }
    while i < a.count, j < b.count {
      let (p, q) = (digits(a, i), digits(b, j))
      if !p.isEmpty, !q.isEmpty {
        let (m, n) = (p.drop { $0 == 48 }, q.drop { $0 == 48 })
        if m.count != n.count { return m.count < n.count }
        if !m.elementsEqual(n) { return m.lexicographicallyPrecedes(n) }
        (i, j) = (p.endIndex, q.endIndex)
      } else {
        if a[i] != b[j] { return a[i] < b[j] }
        (i, j) = (i + 1, j + 1)
      }
    }
    return a.count - i < b.count - j
  }
}
