// SPDX-License-Identifier: Apache-2.0
//
// Holds a document against the schema: unknown, duplicate, mistyped, missing, refused, ignored fields, all at once, each with its position.

public struct StrictCheck {
  private let file: String
  public private(set) var diagnostics: [Diagnostic] = []

  public init(file: String) { self.file = file }

  /// The whole object of a kind.
  public mutating func check(_ node: Node, kind: String) { walk(node, .type(kind), "", level: .must) }

  private mutating func say(_ severity: Diagnostic.Severity, _ at: Position, _ path: String, _ text: String, _ suggestion: String? = nil) {
    diagnostics.append(Diagnostic(severity, file, at, path, text, suggestion: suggestion))
  }

  private func join(_ path: String, _ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  private mutating func walk(_ node: Node, _ type: FieldType, _ path: String, level: FieldLevel) {
    if case .scalar(.null) = node.content { return }  // as if it were not there
    switch type {
    case .type(let name):
      guard case .mapping(let entries) = node.content else { return mistyped(node, type, path) }
      object(entries, node.position, name, path, level)
    case .map(let inner):
      guard case .mapping(let entries) = node.content else { return mistyped(node, type, path) }
      duplicates(entries, path)
      for e in entries { walk(e.value, inner, "\(path)[\(e.key)]", level: level) }
    case .list(let inner):
      guard case .sequence(let list) = node.content else { return mistyped(node, type, path) }
      for (i, n) in list.enumerated() { walk(n, inner, "\(path)[\(i)]", level: level) }
    case .any: return
    default: scalar(node, type, path)
    }
  }

  /// level: of the field that holds the object; what was warned about is not warned about again inside.
  private mutating func object(_ entries: [Node.Entry], _ at: Position, _ type: String, _ path: String, _ level: FieldLevel) {
    guard let fields = Schema.fields(of: type) else { return }
    duplicates(entries, path)
    for e in entries {
      let here = join(path, e.key)
      guard let f = fields[e.key] else {
        say(.error, e.keyPosition, here, "unknown field", Spelling.nearest(to: e.key, among: fields.all.map(\.name)))
        continue
      }
      if case .scalar(.null) = e.value.content, !f.isRequired { continue }
      switch f.level {
      case .reject:
        say(.error, e.keyPosition, here, Self.refusal(type, f.name))
        continue
      case .warn where level != .warn && !Self.isDefault(type, e): say(.warning, e.keyPosition, here, "has no effect on one machine without a cluster; kept in the object")
      default: break
      }
      walk(e.value, f.type, here, level: level == .warn ? .warn : f.level)
    }
    for f in fields.required where !entries.contains(where: { $0.key == f.name }) { say(.error, at, join(path, f.name), Self.missing) }
  }

  /// What the API server writes into every Pod is no wish of the manifest's: an object that was read can be given back without a word.
  private static func isDefault(_ type: String, _ entry: Node.Entry) -> Bool {
    guard case .scalar(let v) = entry.value.content else { return false }
    switch (type, entry.key) {
    case ("PodSpec", "enableServiceLinks"): return v == .bool(true)
    case ("PodSpec", "priority"): return v == .int(0)
    case ("PodSpec", "schedulerName"): return v == .string("default-scheduler")
    default: return false
    }
  }

  /// What is said of a required field that is not there.
  static let missing = "Required value"

  private static func refusal(_ type: String, _ field: String) -> String {
    switch (type, field) {
    case ("Volume", _): "not supported: one machine has no \(field) volumes (use hostPath, emptyDir, configMap, secret, downwardAPI or projected)"
    case ("PodSpec", "ephemeralContainers"): "Forbidden: cannot be set on create (use podctl debug)"
    case ("PodSpec", "runtimeClassName"): "not supported: there is one runtime here, and a pod must not run under another class silently"
    default: "not supported: one machine cannot serve this field, and ignoring it would change what the pod is"
    }
  }

  private mutating func duplicates(_ entries: [Node.Entry], _ path: String) {
    var seen: [String: Position] = [:]
    for e in entries {
      if let first = seen[e.key] {
        say(.error, e.keyPosition, join(path, e.key), "duplicate key (first at line \(first.line))")
      } else {
        seen[e.key] = e.keyPosition
      }
    }
  }

  private mutating func mistyped(_ node: Node, _ type: FieldType, _ path: String) {
    let got: String
    var hint = ""
    switch node.content {
    case .mapping: got = "an object"
    case .sequence: got = "a list"
    case .scalar(let v):
      switch v {
      case .string(let s): got = "the string \"\(s.count > 40 ? String(s.prefix(40)) + "…" : s)\""
      case .int(let i): (got, hint) = ("the integer \(i)", type == .string ? " (quote it: \"\(i)\")" : "")
      case .double(let d): (got, hint) = ("the number \(JSON.number(d))", type == .string ? " (quote it)" : "")
      case .bool(let b): (got, hint) = ("the boolean \(b)", type == .string ? " (quote it: \"\(b)\")" : "")
      default: got = "null"
      }
    }
    say(.error, node.position, path, "expected \(type.words), got \(got)\(hint)")
  }

  private mutating func scalar(_ node: Node, _ type: FieldType, _ path: String) {
    guard case .scalar(let v) = node.content else { return mistyped(node, type, path) }
    switch (type, v) {
    case (.string, .string), (.bool, .bool), (.intOrString, .int), (.intOrString, .string), (.number, .int), (.number, .double): return
    case (.int64, .int): return
    case (.int32, .int(let i)):
      if Int32(exactly: i) == nil { say(.error, node.position, path, "Invalid value: \(i): does not fit into 32 bits") }
    case (.int32, .double(let d)), (.int64, .double(let d)):
      if d != d.rounded() || abs(d) > 9e15 { mistyped(node, type, path) }
    case (.quantity, .string), (.quantity, .int), (.quantity, .double):
      let text = v.string ?? v.int.map(String.init) ?? { if case .double(let d) = v { JSON.number(d) } else { "" } }()
      if Quantity(text) == nil {
        say(.error, node.position, path, "Invalid value: \"\(text)\": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
      }
    case (.time, .string(let s)):
      if WallTime(rfc3339: s) == nil { say(.error, node.position, path, "Invalid value: \"\(s)\": not a time as RFC 3339 writes it (2026-01-02T03:04:05Z)") }
    case (.base64, .string(let s)):
      if Base64.decode(s) == nil { say(.error, node.position, path, "Invalid value: illegal base64 data") }
    default: mistyped(node, type, path)
    }
  }
}
