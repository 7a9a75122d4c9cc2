// SPDX-License-Identifier: Apache-2.0
//
// One rule that does not hold, in the API's words. Kubernetes: apimachinery/pkg/util/validation/field.

/// One rule that does not hold.
public struct Problem: Sendable, Equatable {
  /// The field, as the API server names it.
  public var path: String
  /// Where it stands in the object. The API leaves out an index here and there (volumeMounts.subPath); a position needs it.
  var place: String
  public var message: String

  init(path: String, place: String? = nil, message: String) { (self.path, self.place, self.message) = (path, place ?? path, message) }

  /// As the API server lists it.
  public var text: String { "\(path): \(message)" }

  static func required(_ path: String, _ why: String = "", at place: String? = nil) -> Problem {
    Problem(path: path, place: place, message: "Required value" + (why.isEmpty ? "" : ": \(why)"))
  }
  static func invalid(_ path: String, _ value: Value, _ why: String, at place: String? = nil) -> Problem {
    Problem(path: path, place: place, message: "Invalid value: \(JSON.compact(value)): \(why)")
  }
  static func invalid(_ path: String, _ number: Int64, _ why: String, at place: String? = nil) -> Problem { invalid(path, .int(number), why, at: place) }
  static func invalid(_ path: String, text: String, _ why: String, at place: String? = nil) -> Problem { invalid(path, .string(text), why, at: place) }
  /// One problem for each message about a text; none for none.
  static func each(_ path: String, _ text: String, _ messages: [String], at place: String? = nil) -> [Problem] {
    messages.map { .invalid(path, text: text, $0, at: place) }
  }
  static func unsupported(_ path: String, _ value: String, _ known: [String], at place: String? = nil) -> Problem {
    Problem(
      path: path, place: place,
      message: "Unsupported value: \(JSON.compact(.string(value))): supported values: \(known.map { "\"\($0)\"" }.joined(separator: ", "))")
  }
  static func duplicate(_ path: String, _ value: String) -> Problem { Problem(path: path, message: "Duplicate value: \(JSON.compact(.string(value)))") }
  static func notFound(_ path: String, _ value: String, _ why: String = "") -> Problem {
    Problem(path: path, message: "Not found: \(JSON.compact(.string(value)))" + (why.isEmpty ? "" : ": \(why)"))
  }
  static func forbidden(_ path: String, _ why: String, at place: String? = nil) -> Problem { Problem(path: path, place: place, message: "Forbidden: \(why)") }
  static func tooLong(_ path: String, _ limit: Int) -> Problem { Problem(path: path, message: "Too long: may not be more than \(limit) bytes") }
  static func tooMany(_ path: String, _ count: Int, _ limit: Int) -> Problem {
    Problem(path: path, message: "Too many: \(count): must have at most \(limit) items")
  }
}

extension Validation {
  /// An enumeration's value, when there is one; known in the order in which the API lists them.
  static func oneOf(_ path: String, _ value: String?, _ known: [String], at place: String? = nil) -> [Problem] {
    guard let value, !known.contains(value) else { return [] }
    return [.unsupported(path, value, known, at: place)]
  }

  /// A number between low and high, when there is one.
  static func between(_ path: String, _ value: Int64?, _ low: Int64, _ high: Int64) -> [Problem] {
    guard let value, value < low || value > high else { return [] }
    return [.invalid(path, value, "must be between \(low) and \(high), inclusive")]
  }

  static func nonNegative(_ path: String, _ value: Int64?) -> [Problem] {
    guard let value, value < 0 else { return [] }
    return [.invalid(path, value, "must be greater than or equal to 0")]
  }

  /// A file's permission bits.
  static func fileMode(_ path: String, _ value: Int64?, at place: String? = nil) -> [Problem] {
    guard let value, value < 0 || value > 0o777 else { return [] }
    return [.invalid(path, value, "must be a number between 0 and 0777 (octal), both inclusive", at: place)]
  }

  static let idRange: ClosedRange<Int64> = 0...Int64(Int32.max)
  static func userOrGroup(_ path: String, _ value: Int64?) -> [Problem] { between(path, value, idRange.lowerBound, idRange.upperBound) }
}
