// SPDX-License-Identifier: Apache-2.0
//
// Which files of a submission count: an exercise's editable globs. `*` and `?` stay within a folder, `**` does not.

public enum Glob {
  public static func matches(_ pattern: String, _ path: String) -> Bool {
    matches(Array(pattern.utf8)[...], Array(path.utf8)[...])
  }

  private static func matches(_ pattern: ArraySlice<UInt8>, _ path: ArraySlice<UInt8>) -> Bool {
    guard let p = pattern.first else { return path.isEmpty }
    let slash = UInt8(ascii: "/"), star = UInt8(ascii: "*")
    if p == star {
      let deep = pattern.dropFirst().first == star
      let rest = pattern.dropFirst(deep ? 2 : 1)
      var tail = path
      while true {
        if matches(rest, tail) { return true }
        guard let c = tail.first, deep || c != slash else { return false }
        tail = tail.dropFirst()
      }
    }
    guard let c = path.first, p == c || (p == UInt8(ascii: "?") && c != slash) else { return false }
    return matches(pattern.dropFirst(), path.dropFirst())
  }
}
