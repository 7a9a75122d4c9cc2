// SPDX-License-Identifier: Apache-2.0
//
// The schema as a table: looked up by type, parsed when a type is first met, so that a program that reads no manifest pays nothing.

/// What PodLab does with a field (design: pod-fields).
public enum FieldLevel: String, Sendable {
  case must = "m", should = "s", warn = "w", reject = "r", omit = "o"
}

/// A field's type.
public indirect enum FieldType: Sendable, Equatable {
  case string, int32, int64, bool, number, quantity, intOrString, time, base64, any
  case type(String)
  case list(FieldType)
  case map(FieldType)

  init(_ code: Substring) {
    switch code.first {
    case "s": self = .string
    case "i": self = .int32
    case "l": self = .int64
    case "b": self = .bool
    case "n": self = .number
    case "q": self = .quantity
    case "x": self = .intOrString
    case "t": self = .time
    case "y": self = .base64
    case "@": self = .type(String(code.dropFirst()))
    case "[": self = .list(FieldType(code.dropFirst()))
    case "{": self = .map(FieldType(code.dropFirst()))
    default: self = .any
    }
  }

  /// In words, for a message.
  public var words: String {
    switch self {
    case .string: "a string"
    case .int32, .int64: "an integer"
    case .bool: "a boolean (true or false)"
    case .number: "a number"
    case .quantity: "a quantity (100m, 64Mi)"
    case .intOrString: "an integer or a string"
    case .time: "a time (2026-01-02T03:04:05Z)"
    case .base64: "a base64 string"
    case .any: "anything"
    case .type, .map: "an object"
    case .list: "a list"
    }
  }
}

public struct SchemaField: Sendable {
  public var name: String
  public var type: FieldType
  public var isRequired: Bool
  public var level: FieldLevel

  /// A word of the table; nil for one that is none.
  fileprivate init?(_ word: Substring) {
    let parts = word.utf8.split(separator: UInt8(ascii: ":"))
    guard parts.count == 3, let level = FieldLevel(rawValue: String(Substring(parts[2]))) else { return nil }
    isRequired = parts[0].last == UInt8(ascii: "*")
    (name, type, self.level) = (String(Substring(isRequired ? parts[0].dropLast() : parts[0])), FieldType(Substring(parts[1])), level)
  }
}

/// The fields of one type. Each is read when it is asked for: a manifest names few of the many that there are.
public struct SchemaFields: Sendable {
  private let words: [Substring]

  fileprivate init(_ table: StaticString) { words = table.description.utf8.split(separator: UInt8(ascii: " ")).map { Substring($0) } }

  public subscript(_ name: String) -> SchemaField? {
    let length = name.utf8.count
    let word = words.first { word in
      guard word.utf8.starts(with: name.utf8) else { return false }
      let after = word.utf8.dropFirst(length).first
      return after == UInt8(ascii: ":") || after == UInt8(ascii: "*")
    }
    return word.flatMap { SchemaField($0) }
  }

  public var required: [SchemaField] { words.filter { $0.utf8.contains(UInt8(ascii: "*")) }.compactMap { SchemaField($0) } }
  /// By name.
  public var all: [SchemaField] { words.compactMap { SchemaField($0) } }
}

public enum Schema {
  /// The names of all types.
  public static var types: [String] { GeneratedSchema.types.map(\.name.description) }

  /// The fields of a type (Pod, PodSpec, Container …); nil for a type that is not in the table.
  public static func fields(of type: String) -> SchemaFields? {
    var type = type
    return type.withUTF8 { wanted in
      GeneratedSchema.types.first { t in
        t.name.utf8CodeUnitCount == wanted.count && t.name.withUTF8Buffer { $0.elementsEqual(wanted) }
      }.map { SchemaFields($0.fields) }
    }
  }
}
