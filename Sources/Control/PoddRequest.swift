// SPDX-License-Identifier: Apache-2.0
//
// What a podd is asked, and the lines it is asked in: bytes → lines → requests. Pure, so that the fuzzer (Fuzz/control.swift) reaches all of it.
import Manifest

/// A request to a Pod's supervisor. docs/state.md describes the form: one JSON object a line.
public enum PoddRequest: Sendable, Equatable {
  case ping
  case events
  case watch
  case update(Value)
  /// A Secret, ConfigMap or ServiceAccount of the namespace has changed.
  case objects
  /// The Node has changed, or room on it was freed.
  case node
  /// A condition that a readiness gate names, set from outside.
  case condition(type: String, status: Bool)
  /// Whoever attaches to a container, with its input or without.
  case attach(container: String, stdin: Bool)
  /// The attached one writes no more.
  case closeInput
  /// grace: seconds; nil for the Pod's own.
  case delete(grace: Int64?, force: Bool)

  /// Why a line is no request; goes back to the one who sent it.
  public struct Invalid: Error, Equatable, CustomStringConvertible {
    public var description: String
    public init(description: String) { self.description = description }
  }

  /// One line, without its end.
  public init(_ line: [UInt8]) throws(Invalid) {
    let v: Value
    do throws(JSON.Malformed) { v = try JSON.parse(line) } catch { throw Invalid(description: "not a request: \(error)") }
    switch v["verb"]?.string {
    case "ping": self = .ping
    case "events": self = .events
    case "watch": self = .watch
    case "update":
      guard let object = v["object"], object.members != nil else { throw Invalid(description: "update needs an object") }
      self = .update(object)
    case "objects": self = .objects
    case "node": self = .node
    case "condition":
      guard let type = v["type"]?.string, !type.isEmpty, let status = v["status"]?.bool else { throw Invalid(description: "condition needs a type and a status") }
      self = .condition(type: type, status: status)
    case "attach": self = .attach(container: v["container"]?.string ?? "", stdin: v["stdin"]?.bool ?? false)
    case "closeInput": self = .closeInput
    case "delete": self = .delete(grace: v["grace"]?.int, force: v["force"]?.bool ?? false)
    case let verb?: throw Invalid(description: "unknown verb \"\(verb)\"")
    case nil: throw Invalid(description: "a request needs a verb")
    }
  }
}

/// Bytes as they come, cut into lines.
public struct LineReader: Sendable {
  /// A line that is longer is nobody's request: an object has at most some 1.5 MiB.
  public static let limit = 8 << 20
  private var bytes: [UInt8] = []
  /// Where the next line begins, and up to where no end of line was found.
  private var start = 0
  private var seen = 0

  public init() {}

  /// Takes what was read. false: the line under way is too long, and whoever writes it is to be let go.
  public mutating func add(_ more: ArraySlice<UInt8>) -> Bool {
    if start > 0 {
      bytes.removeFirst(start)
      (start, seen) = (0, seen - start)
    }
    bytes += more
    return bytes.count <= Self.limit || bytes[seen...].contains(10)
  }

  /// The next whole line, without its end; nil while there is none.
  public mutating func next() -> [UInt8]? {
    guard let end = bytes[seen...].firstIndex(of: 10) else {
      seen = bytes.count
      return nil
    }
    defer { (start, seen) = (end + 1, end + 1) }
    return Array(bytes[start..<end])
  }
}
