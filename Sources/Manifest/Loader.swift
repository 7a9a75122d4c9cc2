// SPDX-License-Identifier: Apache-2.0
//
// The way in: manifest text → objects, or everything that is wrong with it. Open this file first.
//
//   bytes ─ YAMLReader → nodes ─ StrictCheck (schema) ─ Defaults → Value ─ typed Pod, Secret … ─ Validation → Loaded

/// An object of a kind that PodLab serves.
public struct LoadedObject: Sendable {
  public enum Kind: String, Sendable { case pod = "Pod", secret = "Secret", configMap = "ConfigMap", serviceAccount = "ServiceAccount" }
  public var kind: Kind
  public var metadata: ObjectMeta
  /// The object with its defaults.
  public var value: Value
  /// The object as it was written, with its namespace, nulls included.
  public var written: Value
  public var position: Position
  /// Set for a Pod.
  public var pod: Pod?
}

public struct Loaded: Sendable {
  public var objects: [LoadedObject] = []
  public var diagnostics: [Diagnostic] = []
  public var errors: [Diagnostic] { diagnostics.filter { $0.severity == .error } }
  public var warnings: [Diagnostic] { diagnostics.filter { $0.severity == .warning } }
}

public enum Loader {
  /// What is said of a text without documents.
  public static let nothing = "no objects in it"

  /// Reads a manifest of one or more documents. Never throws: what is wrong is in the diagnostics, in the order of the text; objects are only to be used
  /// when no diagnostic is an error. namespace: for objects that name none.
  public static func load(_ bytes: [UInt8], file: String, namespace: String = "default") -> Loaded {
    var out = Loaded()
    let (documents, problems) = YAMLReader.read(bytes, file: file)
    out.diagnostics = problems
    if documents.isEmpty && problems.isEmpty {
      out.diagnostics.append(Diagnostic(.error, file, Position(line: 1, column: 1), "", nothing))
    }
    for d in documents { add(d, file, namespace, &out) }
    out.diagnostics.sort { ($0.position.line, $0.position.column) < ($1.position.line, $1.position.column) }
    return out
  }

  private static func add(_ node: Node, _ file: String, _ namespace: String, _ out: inout Loaded) {
    func fail(_ at: Position, _ path: String, _ message: String, _ suggestion: String? = nil) {
      out.diagnostics.append(Diagnostic(.error, file, at, path, message, suggestion: suggestion))
    }
    guard case .mapping(let entries) = node.content else { return fail(node.position, "", "expected an object with apiVersion and kind") }
    let at = { (key: String) in entries.first { $0.key == key }?.value.position ?? node.position }
    guard case .scalar(.string(let kind))? = node["kind"]?.content else { return fail(at("kind"), "kind", "Required value") }
    guard case .scalar(.string(let version))? = node["apiVersion"]?.content else { return fail(at("apiVersion"), "apiVersion", "Required value") }
    if kind == "List" && version == "v1" {
      guard case .sequence(let items)? = node["items"]?.content else { return fail(at("items"), "items", "Required value") }
      for i in items { add(i, file, namespace, &out) }
      return
    }
    guard let known = LoadedObject.Kind(rawValue: kind) else {
      let names = ["Pod", "Secret", "ConfigMap", "ServiceAccount", "List"]
      return fail(
        at("kind"), "kind", "no matches for kind \"\(kind)\" in version \"\(version)\": this kind is not supported here (supported: \(names.joined(separator: ", ")))",
        Spelling.nearest(to: kind, among: names))
    }
    guard version == "v1" else {
      return fail(at("apiVersion"), "apiVersion", "no matches for kind \"\(kind)\" in version \"\(version)\": \(kind) is in version \"v1\"")
    }
    var check = StrictCheck(file: file)
    check.check(node, kind: kind)
    out.diagnostics += check.diagnostics
    // What is only missing does not hide what else is wrong; a wrong type or name does.
    let wrong = check.diagnostics.filter { $0.severity == .error }
    if wrong.contains(where: { $0.message != StrictCheck.missing }) { return }
    let missing = Set(wrong.map(\.path))
    var value = node.value.withoutNulls
    var meta = value["metadata"] ?? .null
    if (meta["namespace"]?.string ?? "").isEmpty { meta["namespace"] = .string(namespace) }
    value["metadata"] = meta
    value["status"] = nil
    var written = node.value
    if var m = written["metadata"] {
      if (m["namespace"]?.string ?? "").isEmpty { m["namespace"] = .string(namespace) }
      written["metadata"] = m
    }
    var object = LoadedObject(kind: known, metadata: ObjectMeta(), value: value, written: written, position: node.position, pod: nil)
    var (problems, warnings): ([Problem], [Problem]) = ([], [])
    switch known {
    case .pod:
      object.value = Defaults.pod(value)
      let pod = Pod(stored: object.value)
      object.pod = pod
      object.metadata = pod.metadata
      problems = Validation.pod(object.value)
      if problems.isEmpty { warnings = Validation.podWarnings(object.value) }
    case .secret:
      object.value = Defaults.secret(value)
      let s = Secret(stored: object.value)
      object.metadata = s.metadata
      problems = Validation.secret(s, value)
    case .configMap:
      let c = ConfigMap(stored: value)
      object.metadata = c.metadata
      problems = Validation.configMap(value)
    case .serviceAccount:
      object.metadata = ServiceAccount(stored: value).metadata
      problems = Validation.serviceAccount(value)
    }
    for p in problems where !missing.contains(p.path) {
      out.diagnostics.append(Diagnostic(.error, file, locate(p.place, node), p.path, p.message))
    }
    for w in warnings { out.diagnostics.append(Diagnostic(.warning, file, locate(w.place, node), w.path, w.message)) }
    out.objects.append(object)
  }

  /// Where a field stands; where it is missing, its nearest parent. Keys may hold dots: in brackets (data[tls.crt]), or at the end.
  static func locate(_ path: String, _ root: Node) -> Position {
    var at = root
    var rest = path[...]
    while !rest.isEmpty {
      if let whole = at[String(rest)] { return whole.position }
      let part: Substring
      if rest.first == "[" {
        part = rest.dropFirst().prefix { $0 != "]" }
        rest = rest.dropFirst(part.count + 2)
      } else {
        part = rest.prefix { $0 != "." && $0 != "[" }
        rest = rest.dropFirst(part.count)
      }
      if rest.first == "." { rest = rest.dropFirst() }
      guard let next = Int(part).flatMap({ at[$0] }) ?? at[String(part)] else { break }
      at = next
    }
    return at.position
  }
}

extension Value {
  /// Without members that are null: to the API a null is as if it were not there; an amount of a resource that is null is none of it.
  var withoutNulls: Value { withoutNulls(in: "") }

  private func withoutNulls(in field: String) -> Value {
    switch self {
    case .array(let a): return .array(a.map { $0.withoutNulls(in: "") })
    case .object(let m):
      let amounts = field == "limits" || field == "requests" || field == "overhead"
      return .object(m.entries.filter { amounts || $0.value != .null }.map { ($0.key, $0.value == .null ? .string("0") : $0.value.withoutNulls(in: $0.key)) })
    default: return self
    }
  }
}
