// SPDX-License-Identifier: Apache-2.0
//
// -o custom-columns=NAME:.metadata.name,…: a table of one's own. Kubernetes kubectl/pkg/cmd/get/customcolumn.go.
import Manifest

public struct CustomColumns: Sendable {
  private var columns: [(head: String, path: JSONPath)] = []

  /// HEADER:PATH,HEADER:PATH …
  public init(_ text: String) throws(OutputProblem) {
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let colon = part.firstIndex(of: ":") else { throw OutputProblem("unexpected custom-columns spec: \(part), expected <header>:<json-path-expr>") }
      columns.append((String(part[..<colon]), try Self.relaxed(String(part[part.index(after: colon)...]))))
    }
  }

  /// The headers on one line, the paths on the next.
  public init(file text: String) throws(OutputProblem) {
    let lines = text.split(separator: "\n").map { $0.split { $0 == " " || $0 == "\t" }.map(String.init) }
    guard lines.count >= 2 else { throw OutputProblem("missing template line, expected a line of headers and a line of paths") }
    guard lines[0].count == lines[1].count else { throw OutputProblem("number of headers (\(lines[0].count)) and field specifications (\(lines[1].count)) don't match") }
    for (head, path) in zip(lines[0], lines[1]) { columns.append((head, try Self.relaxed(path))) }
  }

  /// x.y, .x.y, {x.y} and {.x.y} mean the same.
  public static func relaxed(_ text: String) throws(OutputProblem) -> JSONPath {
    do throws(JSONPath.Invalid) { return try JSONPath(relaxed: text) } catch { throw OutputProblem("\(error)") }
  }

  public func table(_ objects: [Value]) -> Table {
    var t = Table(columns.map(\.head))
    t.rows = objects.map { object in
      columns.map { column in
        let found = Self.values(column.path, object)
        return found.isEmpty ? "<none>" : found.map(Self.show).joined(separator: ",")
      }
    }
    return t
  }

  /// What a path does not lead to is shown as <none>.
  private static func values(_ path: JSONPath, _ object: Value) -> [Value] {
    do throws(JSONPath.Invalid) { return try path.values(in: object) } catch { return [] }
  }

  /// As Go prints values: [a b], map[k:v].
  static func show(_ v: Value) -> String {
    switch v {
    case .string(let s): s
    case .array(let a): "[" + a.map(show).joined(separator: " ") + "]"
    case .object(let m): "map[" + m.entries.sorted { $0.key < $1.key }.map { "\($0.key):\(show($0.value))" }.joined(separator: " ") + "]"
    case .null: "<nil>"
    default: JSON.compact(v)
    }
  }
}
