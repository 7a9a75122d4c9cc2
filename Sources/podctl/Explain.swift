// SPDX-License-Identifier: Apache-2.0
//
// explain: what a type and its fields are, in kubectl's form, in words of our own (Manifest/Explain).
import ArgumentParser
import Manifest

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Say what a type of object and its fields are.",
    discussion: "Example: podctl explain pod.spec.containers.livenessProbe    podctl explain pod --recursive")

  @Argument(help: "TYPE[.FIELD …]") var what: [String] = []
  @Flag(name: .long, help: "Only the names of the fields, those of fields too.") var recursive = false
  @Option(name: .long, help: "The version of the schema: v1 is the only one.") var apiVersion: String?
  @Option(name: .long, help: "plaintext, or plaintext-openapiv2 for the form of kubectl before 1.27.") var output = "plaintext"

  func run() throws {
    guard let word = what.first else {
      throw Failure.error("You must specify the type of resource to explain. Use \"podctl api-resources\" for a complete list of supported resources.\n")
    }
    guard what.count == 1 else { throw Failure.error("We accept only this format: explain RESOURCE\n") }
    var path = word.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    if path.count > 1, path.last == "" { path.removeLast() }
    let resource = path.removeFirst()
    guard let kind = Kind(word: resource), Schema.fields(of: kind.rawValue) != nil else {
      throw Failure.error("the server doesn't have a resource type \"\(resource)\"")
    }
    let old = output == "plaintext-openapiv2"
    guard old || output == "plaintext" else { throw Failure.error("unrecognized format: \(output)") }
    if let version = apiVersion, version != "v1" {
      let parts = version.split(separator: "/", omittingEmptySubsequences: false)
      guard parts.count <= 2 else { throw Failure.error("unexpected GroupVersion string: \(version)") }
      let full = parts.count == 2 ? version : "/\(version)"
      throw Failure.error("couldn't find resource for \"\(full), \(old ? "Kind=\(kind.rawValue)" : "Resource=\(kind.plural)")\"")
    }
    say(1, old ? try OldExplanation(kind, recursive).text(path) : try Explanation(kind, recursive).text(path))
  }
}

/// A field on the way, and what it holds.
private struct FieldPlace {
  var owner: String
  var field: SchemaField

  /// The field of a type; nil where it has none.
  init?(_ name: String, of type: String) {
    guard let f = Schema.fields(of: type)?[name] else { return nil }
    (owner, field) = (type, f)
  }

  var text: String { Explain.field(field, of: owner) }
}

extension FieldType {
  /// The type of the object, or of a list's or a map's elements; nil where those are no objects.
  fileprivate var object: String? {
    switch self {
    case .type(let name): name
    case .list(let inner), .map(let inner): inner.object
    default: nil
    }
  }
}

/// The form since kubectl 1.27.
private struct Explanation {
  let kind: Kind
  let recursive: Bool
  init(_ kind: Kind, _ recursive: Bool) { (self.kind, self.recursive) = (kind, recursive) }

  func text(_ path: [String]) throws -> String {
    var out = "KIND:       \(kind.rawValue)\nVERSION:    v1\n\n"
    var type: String? = kind.rawValue
    var last: FieldPlace?
    for name in path {
      guard let owner = type, let place = FieldPlace(name, of: owner) else { throw Failure.error("field \"\(path[path.count - 1])\" does not exist") }
      (last, type) = (place, place.field.type.object)
    }
    if let last {
      out += "FIELD: \(last.field.name) <\(Self.name(last.field.type))>\n"
      if let values = Explain.values(last.field.name, of: last.owner) { out += "ENUM:" + values.map { "\n    " + Self.shown($0) }.joined() }
      out += "\n\n"
    }
    out += "DESCRIPTION:\n"
    for part in [last?.text, type.map { Explain.type($0) }].compactMap({ $0 }) { out += wrapped(part, width: 76, indent: 4) }
    out += "    \n"
    if let type { out += "FIELDS:\n" + fields(type, level: 1, seen: []) }
    return out + "\n"
  }

  private func fields(_ type: String, level: Int, seen: Set<String>) -> String {
    var out = ""
    let pad = String(repeating: " ", count: level * 2)
    for f in Schema.fields(of: type)?.all ?? [] {
      out += "\(pad)\(f.name)\t<\(Self.name(f.type))>\(f.isRequired ? " -required-" : "")\n"
      if let values = Explain.values(f.name, of: type) {
        out += "\(pad)enum: " + values.prefix(4).map(Self.shown).joined(separator: ", ") + (values.count > 4 ? ", ...." : "") + "\n"
      }
      if !recursive {
        out += wrapped(Explain.field(f, of: type), width: 78 - level * 2, indent: level * 2 + 2) + "\n"
      } else if let inner = f.type.object, !seen.contains(inner) {
        out += fields(inner, level: level + 1, seen: seen.union([inner]))
      }
    }
    return out
  }

  private static func shown(_ value: String) -> String { value.isEmpty ? "\"\"" : value }

  private static func name(_ type: FieldType) -> String {
    switch type {
    case .string, .time, .base64: "string"
    case .int32, .int64: "integer"
    case .bool: "boolean"
    case .number: "number"
    case .quantity: "Quantity"
    case .intOrString: "IntOrString"
    case .any: "FieldsV1"
    case .type(let name): name
    case .list(let inner): "[]\(name(inner))"
    case .map(let inner): "map[string]\(name(inner))"
    }
  }
}

/// The form before.
private struct OldExplanation {
  let kind: Kind
  let recursive: Bool
  init(_ kind: Kind, _ recursive: Bool) { (self.kind, self.recursive) = (kind, recursive) }

  func text(_ path: [String]) throws -> String {
    var type: String? = kind.rawValue
    var last: FieldPlace?
    for name in path {
      // What stands behind a plain field is passed over.
      guard let owner = type else { break }
      guard let place = FieldPlace(name, of: owner) else { throw Failure.error("field \"\(name)\" does not exist") }
      (last, type) = (place, place.field.type.object)
    }
    var out = "KIND:     \(kind.rawValue)\nVERSION:  v1\n\n"
    if let last { out += "\(type == nil ? "FIELD:    " : "RESOURCE: ")\(path[path.count - 1]) <\(Self.name(last.field.type))>\n\n" }
    out += "DESCRIPTION:\n"
    out += [last?.text, type.map { Explain.type($0) }].compactMap { $0 }.map { wrapped($0, width: 75, indent: 5) }.joined(separator: "\n")
    if let type { out += "\nFIELDS:\n" + fields(type, indent: 3, seen: []) }
    return out
  }

  private func fields(_ type: String, indent: Int, seen: Set<String>) -> String {
    var out = ""
    let pad = String(repeating: " ", count: indent)
    for f in Schema.fields(of: type)?.all ?? [] {
      out += "\(pad)\(f.name)\t<\(Self.name(f.type))>"
      if recursive {
        out += "\n"
        if let inner = f.type.object, !seen.contains(inner) { out += fields(inner, indent: indent + 3, seen: seen.union([inner])) }
      } else {
        out += (f.isRequired ? " -required-" : "") + "\n" + wrapped(Explain.field(f, of: type), width: 80 - indent - 2, indent: indent + 2) + "\n"
      }
    }
    return out
  }

  private static func name(_ type: FieldType) -> String {
    switch type {
    case .string, .time, .base64, .quantity, .intOrString: "string"
    case .int32, .int64: "integer"
    case .bool: "boolean"
    case .number: "number"
    case .any: "map[string]"
    case .type: "Object"
    case .list(let inner): "[]\(name(inner))"
    case .map(let inner): "map[string]\(name(inner))"
    }
  }
}

/// Lines of at most width bytes, indented. Ends with a newline; empty for no text.
private func wrapped(_ text: String, width: Int, indent: Int) -> String {
  let pad = String(repeating: " ", count: indent)
  var lines: [String] = []
  var line = ""
  for word in text.split(separator: " ") {
    if !line.isEmpty, line.count + 1 + word.count > width {
      lines.append(line)
      line = ""
    }
    line += line.isEmpty ? String(word) : " \(word)"
  }
  if !line.isEmpty { lines.append(line) }
  return lines.map { pad + $0 + "\n" }.joined()
}
