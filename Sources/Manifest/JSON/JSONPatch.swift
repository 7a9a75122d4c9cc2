// SPDX-License-Identifier: Apache-2.0
//
// Changes as data: JSON Patch (RFC 6902, with the pointers of RFC 6901) and JSON Merge Patch (RFC 7386).

public enum JSONPatch {
  /// Why an operation cannot be carried out.
  public struct Failed: Error, Equatable, CustomStringConvertible {
    public var description: String
  }

  /// RFC 7386: members are set, null removes, a list takes the place of the old one.
  public static func merged(_ patch: Value, into target: Value) -> Value {
    guard let members = patch.members else { return patch }
    var out = target.members == nil ? Value.object([]) : target
    for e in members.entries {
      out[e.key] = e.value == .null ? nil : merged(e.value, into: out[e.key] ?? .null)
    }
    return out
  }

  /// RFC 6902: the operations in their order, all or none.
  public static func applied(_ operations: [Value], to target: Value) throws(Failed) -> Value {
    var out = target
    for operation in operations { out = try applied(operation, out) }
    return out
  }

  private static func applied(_ operation: Value, _ target: Value) throws(Failed) -> Value {
    guard let path = operation["path"]?.string else { throw Failed(description: "an operation needs a path") }
    let place = try pointer(path)
    switch operation["op"]?.string {
    case "add": return try edit(target, place[...], path) { (_, there) throws(Failed) in insert(try value(operation, path), there) }
    case "replace":
      return try edit(target, place[...], path) { (old, _) throws(Failed) in
        guard old != nil else { throw Failed(description: "there is nothing at \(path)") }
        return .set(try value(operation, path))
      }
    case "remove":
      return try edit(target, place[...], path) { (old, _) throws(Failed) in
        guard old != nil else { throw Failed(description: "there is nothing at \(path)") }
        return .remove
      }
    case "test":
      guard try find(target, place, path) == value(operation, path) else { throw Failed(description: "testing value \(path) failed") }
      return target
    case "copy", "move":
      guard let from = operation["from"]?.string else { throw Failed(description: "\(path) needs a from") }
      let moved = try find(target, try pointer(from), from)
      var base = target
      if operation["op"]?.string == "move" { base = try edit(target, try pointer(from)[...], from) { _, _ in .remove } }
      return try edit(base, place[...], path) { (_, there) throws(Failed) in insert(moved, there) }
    case let other: throw Failed(description: "unknown operation \"\(other ?? "")\"")
    }
  }

  private enum Change {
    case set(Value)
    case insert(Value)
    case remove
  }

  private static func insert(_ value: Value, _ isList: Bool) -> Change { isList ? .insert(value) : .set(value) }

  private static func value(_ operation: Value, _ path: String) throws(Failed) -> Value {
    guard let v = operation["value"] else { throw Failed(description: "\(path) needs a value") }
    return v
  }

  private static func pointer(_ text: String) throws(Failed) -> [String] {
    if text.isEmpty { return [] }
    guard text.hasPrefix("/") else { throw Failed(description: "\"\(text)\" is no path: it begins with /") }
    return text.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map { String($0).replacing("~1", with: "/").replacing("~0", with: "~") }
  }

  private static func find(_ target: Value, _ place: [String], _ path: String) throws(Failed) -> Value {
    var at = target
    for step in place {
      guard let next = at.array.map({ list in Int(step).flatMap { list.indices.contains($0) ? list[$0] : nil } }) ?? at[step] else {
        throw Failed(description: "there is nothing at \(path)")
      }
      at = next
    }
    return at
  }

  /// change is told what stands there, and whether it stands in a list.
  private static func edit(_ target: Value, _ place: ArraySlice<String>, _ path: String, _ change: (Value?, Bool) throws(Failed) -> Change) throws(Failed) -> Value {
    guard let step = place.first else {
      switch try change(target, false) {
      case .set(let v), .insert(let v): return v
      case .remove: return .null
      }
    }
    if var list = target.array {
      let at = step == "-" ? list.count : Int(step) ?? -1
      guard (0...list.count).contains(at) else { throw Failed(description: "there is nothing at \(path)") }
      let old = list.indices.contains(at) ? list[at] : nil
      if place.count > 1 {
        guard let old else { throw Failed(description: "there is nothing at \(path)") }
        list[at] = try edit(old, place.dropFirst(), path, change)
      } else {
        switch try change(old, true) {
        case .set(let v): if old != nil { list[at] = v }
        case .insert(let v): list.insert(v, at: at)
        case .remove: if old != nil { list.remove(at: at) }
        }
      }
      return .array(list)
    }
    guard target.members != nil else { throw Failed(description: "there is nothing at \(path)") }
    var out = target
    if place.count > 1 {
      guard let old = target[step] else { throw Failed(description: "there is nothing at \(path)") }
      out[step] = try edit(old, place.dropFirst(), path, change)
    } else {
      switch try change(target[step], false) {
      case .set(let v), .insert(let v): out[step] = v
      case .remove: out[step] = nil
      }
    }
    return out
  }
}
