// SPDX-License-Identifier: Apache-2.0
//
// Places in an object, as checks name them: spec.containers[name=app].args[0]
import Manifest

public enum ObjectPath {
  /// What stands at the path; nil where nothing does. `[name=app]` finds the element of a list whose member is that text.
  public static func find(_ path: String, in value: Value) -> Value? {
    var here = value
    for step in steps(path) {
      let next: Value?
      switch step {
      case .member(let key): next = here[key]
      case .index(let i): next = here[i]
      case .matching(let key, let text): next = here.array?.first { $0[key]?.string == text }
      }
      guard let found = next, found != .null else { return nil }
      here = found
    }
    return here
  }

  enum Step: Equatable { case member(String), index(Int), matching(String, String) }

  static func steps(_ path: String) -> [Step] {
    var steps: [Step] = [], name = ""
    var rest = Substring(path)
    func flush() { if !name.isEmpty { steps.append(.member(name)); name = "" } }
    while let c = rest.popFirst() {
      switch c {
      case ".": flush()
      case "[":
        flush()
        let inside = rest.prefix { $0 != "]" }
        rest = rest.dropFirst(inside.count + 1)
        if let i = Int(inside) { steps.append(.index(i)) }
        else if let equals = inside.firstIndex(of: "=") {
          steps.append(.matching(String(inside[..<equals]), String(inside[inside.index(after: equals)...])))
        } else { steps.append(.member(String(inside))) }
      default: name.append(c)
      }
    }
    flush()
    return steps
  }
}
