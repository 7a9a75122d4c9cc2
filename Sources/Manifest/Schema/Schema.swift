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
}

public enum Schema {
  /// The names of all types.
  public static var types: [String] { GeneratedSchema.types.map(\.name.description) }

  /// The fields of a type (Pod, PodSpec, Container …), by name; nil for a type that is not in the table.
  public static func fields(of type: String) -> [SchemaField]? {
    for t in GeneratedSchema.types where t.name.description == type {
      return t.fields.description.split(separator: " ").compactMap { word in
        let p = word.split(separator: ":")
        guard p.count == 3, let level = FieldLevel(rawValue: String(p[2])) else { return nil }
        let required = p[0].hasSuffix("*")
        return SchemaField(name: String(required ? p[0].dropLast() : p[0]), type: FieldType(p[1]), isRequired: required, level: level)
      }
    }
    return nil
  }
}
