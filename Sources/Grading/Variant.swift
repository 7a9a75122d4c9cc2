// SPDX-License-Identifier: Apache-2.0
//
// A variant is what makes one student's exercise differ from the neighbour's: names, paths, numbers, drawn from a seed
// that only the course can derive. The texts and files of an exercise name them as ${name}.
import Manifest

public struct Variant: Sendable, Equatable {
  /// Sixteen hexadecimal digits.
  public let seed: String
  public let values: [String: String]

  /// HMAC-SHA256(course secret, exercise id ‖ version ‖ student id), first 8 bytes. Without a course the secret and the
  /// student id are empty, so everybody has the same variant. The parts are separated by a zero byte: no id holds one.
  public static func seed(exercise: String, version: Int, student: String = "", secret: [UInt8] = []) -> String {
    let message = Array(exercise.utf8) + [0] + Array(String(version).utf8) + [0] + Array(student.utf8)
    return SHA256.hexadecimal(SHA256.authenticate(message, key: secret).prefix(8))
  }

  /// Draws one of the choices for each name; the same seed and choices always give the same values.
  public init(seed: String, choices: [(name: String, values: [String])]) {
    self.seed = seed
    var values: [String: String] = [:]
    for choice in choices where !choice.values.isEmpty {
      let digest = SHA256.authenticate(Array(choice.name.utf8), key: Array(seed.utf8))
      let number = digest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      values[choice.name] = choice.values[Int(number % UInt64(choice.values.count))]
    }
    self.values = values
  }

  /// The text with every ${name} of this variant, and of `more`, filled in. Other dollars stay: they are the shell's.
  public func fill(_ text: String, _ more: [String: String] = [:]) -> String {
    fillPlaceholders(text, values.merging(more) { $1 })
  }

  public func fill(_ value: Value, _ more: [String: String] = [:]) -> Value { value.mapTexts { fill($0, more) } }
}

/// Replaces ${name} for the names given and nothing else.
public func fillPlaceholders(_ text: String, _ values: [String: String]) -> String {
  guard text.utf8.contains(UInt8(ascii: "$")) else { return text }
  var out: [UInt8] = []
  let bytes = Array(text.utf8)
  var at = 0
  while at < bytes.count {
    if bytes[at] == UInt8(ascii: "$"), at + 1 < bytes.count, bytes[at + 1] == UInt8(ascii: "{"),
      let end = bytes[at...].firstIndex(of: UInt8(ascii: "}")),
      let value = values[String(decoding: bytes[(at + 2)..<end], as: UTF8.self)]
    {
      out += Array(value.utf8)
      at = end + 1
    } else {
      out.append(bytes[at])
      at += 1
    }
  }
  return String(decoding: out, as: UTF8.self)
}
