// SPDX-License-Identifier: Apache-2.0
//
// Env files (fileKeyRef): NAME='value' in a subset of the shell's syntax. A value stands in single quotes, as it is, over several lines if need be.
// Pure. Kubernetes pkg/kubelet/util/env, KEP-3721.

/// One key of an env file in a volume.
public struct EnvFileKey: Sendable, Equatable {
  public var volume: String
  public var path: String
  public var key: String
  public var optional: Bool
  public init(volume: String, path: String, key: String, optional: Bool = false) {
    (self.volume, self.path, self.key, self.optional) = (volume, path, key, optional)
  }
}

public enum EnvFile {
  /// The value of a key; nil where the file does not say it, or says that it is empty. text: nil where the file cannot be read, which an optional key allows.
  ///
  /// A line that is none of the format ends the search with an error, unless the key has been found before it.
  public static func value(of key: EnvFileKey, in text: String?) throws(ConfigError) -> String? {
    guard let text else {
      if key.optional { return nil }
      throw malformed
    }
    let newline = UInt8(ascii: "\n")
    let quote = UInt8(ascii: "'")
    var rest = text.utf8[...]
    while !rest.isEmpty {
      let line = trimmed(rest.prefix { $0 != newline })
      rest = rest.dropFirst(rest.prefix { $0 != newline }.count + 1)
      guard let first = line.first, first != UInt8(ascii: "#") else { continue }
      guard let equals = line.firstIndex(of: UInt8(ascii: "=")), equals > line.startIndex else { throw malformed }
      let name = line[..<equals]
      guard let last = name.last, !isBlank(last) else { throw malformed }
      let isIt = name.elementsEqual(key.key.utf8)
      let begin = line[line.index(after: equals)...]
      // As in a shell, NAME= 'value' leaves the name empty.
      if let next = begin.first, isBlank(next) {
        if isIt { return nil }
        continue
      }
      guard begin.first == quote else { throw malformed }
      let from = text.utf8[begin.index(after: begin.startIndex)...]
      guard let close = from.firstIndex(of: quote) else { throw malformed }
      let after = from[from.index(after: close)...]
      let tail = trimmed(after.prefix { $0 != newline })
      guard tail.first.map({ $0 == UInt8(ascii: "#") }) ?? true else { throw malformed }
      if isIt { return from[..<close].isEmpty ? nil : String(decoding: from[..<close], as: UTF8.self) }
      rest = after.dropFirst(after.prefix { $0 != newline }.count + 1)
    }
    return nil
  }

  private static let malformed = ConfigError("couldn't parse env file")

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  /// Without blanks at its start, and without the carriage return that may end a line.
  private static func trimmed(_ line: Substring.UTF8View) -> Substring.UTF8View {
    let text = line.drop(while: isBlank)
    return text.last == 0x0d ? text.dropLast() : text
  }
}
