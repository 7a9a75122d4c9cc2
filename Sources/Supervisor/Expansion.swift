// SPDX-License-Identifier: Apache-2.0
//
// $(NAME) in env values, command, args and subPathExpr. Kubernetes third_party/forked/golang/expansion: $$ is a dollar, an unknown name stays as
// it is written.

public enum Expansion {
  /// Replaces each $(NAME) by what lookup says; where it says nil, the text stays.
  public static func expand(_ text: String, _ lookup: (String) -> String?) -> String {
    guard text.utf8.contains(UInt8(ascii: "$")) else { return text }
    return scan(text, lookup).text
  }

  /// The same for subPathExpr, where an unknown name is an error: the name, or nil when all were known.
  public static func unknownName(in text: String, _ lookup: (String) -> String?) -> String? { scan(text, lookup).unknown }

  private static func scan(_ text: String, _ lookup: (String) -> String?) -> (text: String, unknown: String?) {
    let dollar = UInt8(ascii: "$")
    let input = Array(text.utf8)
    var out: [UInt8] = []
    var unknown: String?
    var i = 0
    while i < input.count {
      guard input[i] == dollar, i + 1 < input.count else {
        out.append(input[i])
        i += 1
        continue
      }
      switch input[i + 1] {
      case dollar:
        out.append(dollar)
        i += 2
      case UInt8(ascii: "("):
        guard let close = input[(i + 2)...].firstIndex(of: UInt8(ascii: ")")) else {
          out += input[i...(i + 1)]
          i += 2
          continue
        }
        let name = String(decoding: input[(i + 2)..<close], as: UTF8.self)
        if let value = lookup(name) {
          out += value.utf8
        } else {
          unknown = unknown ?? name
          out += input[i...close]
        }
        i = close + 1
      default:
        out += input[i...(i + 1)]
        i += 2
      }
    }
    return (String(decoding: out, as: UTF8.self), unknown)
  }
}
