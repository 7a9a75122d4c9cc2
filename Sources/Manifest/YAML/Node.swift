// SPDX-License-Identifier: Apache-2.0
//
// A document with positions: what the reader makes and the strict decoder looks at, so that every complaint can say where.

/// Line and column, from 1.
public struct Position: Sendable, Equatable {
  public var line: Int
  public var column: Int
  public init(line: Int, column: Int) { (self.line, self.column) = (line, column) }
}

public struct Node: Sendable {
  public var position: Position
  public var content: Content

  public indirect enum Content: Sendable {
    case scalar(Value)
    case sequence([Node])
    /// In order; a key may stand twice (the decoder says so).
    case mapping([Entry])
  }

  public struct Entry: Sendable {
    public var key: String
    public var keyPosition: Position
    public var value: Node
  }

  public init(_ content: Content, at position: Position) { (self.content, self.position) = (content, position) }

  /// The same data without positions; of a key that stands twice the last one counts.
  public var value: Value {
    switch content {
    case .scalar(let v): v
    case .sequence(let list): .array(list.map(\.value))
    case .mapping(let entries): .object(entries.map { ($0.key, $0.value.value) })
    }
  }

  public subscript(key: String) -> Node? {
    guard case .mapping(let entries) = content else { return nil }
    return entries.last { $0.key == key }?.value
  }

  public subscript(index: Int) -> Node? {
    guard case .sequence(let list) = content, list.indices.contains(index) else { return nil }
    return list[index]
  }
}

/// Something to say about a manifest.
public struct Diagnostic: Sendable, Equatable, CustomStringConvertible {
  public enum Severity: Sendable { case error, warning }
  public var severity: Severity
  public var file: String
  public var position: Position
  /// As the API writes it: spec.containers[0].image; empty for the document.
  public var path: String
  public var message: String
  /// What was probably meant.
  public var suggestion: String?

  public init(_ severity: Severity, _ file: String, _ position: Position, _ path: String, _ message: String, suggestion: String? = nil) {
    (self.severity, self.file, self.position, self.path, self.message, self.suggestion) = (severity, file, position, path, message, suggestion)
  }

  /// file:line:column: path: message (did you mean "x"?)
  public var description: String {
    "\(file):\(position.line):\(position.column): \(path.isEmpty ? "" : path + ": ")\(message)" + (suggestion.map { " (did you mean \"\($0)\"?)" } ?? "")
  }
}
