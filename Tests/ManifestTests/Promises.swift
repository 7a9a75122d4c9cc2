// SPDX-License-Identifier: Apache-2.0
//
// What must hold for any input to the reader of YAML, the loader of manifests and JSONPath: returned is the promise that it breaks, nil for none.
// The unit tests hold the corpus of Fuzz/ against it, the fuzzer whatever it comes upon.
import Manifest

enum Promises {
  static func yaml(_ bytes: [UInt8]) -> String? {
    let (documents, problems) = YAMLReader.read(bytes, file: "fuzz.yaml")
    for p in problems { _ = "\(p)" }
    for node in documents {
      let value = node.value
      let text = YAML.write(value)
      let (again, wrong) = YAMLReader.read(Array(text.utf8), file: "again.yaml")
      // "null" alone is no document.
      if value == .null || !isPlain(value) { continue }
      guard wrong.isEmpty, again.count == 1, same(again[0].value, value) else { return "written and read again it is another: \(text)" }
      do throws(JSON.Malformed) {
        guard same(try JSON.parse(JSON.compactBytes(value)), value) else { return "another through JSON: \(JSON.compact(value))" }
      } catch { return "no JSON: \(error): \(JSON.compact(value))" }
    }
    return nil
  }

  static func manifest(_ bytes: [UInt8]) -> String? {
    let loaded = Loader.load(bytes, file: "fuzz.yaml")
    for d in loaded.diagnostics {
      guard d.position.line >= 1, d.position.column >= 1 else { return "a diagnostic without a place: \(d)" }
      _ = "\(d)"
    }
    guard loaded.errors.isEmpty else { return nil }
    for o in loaded.objects {
      // What was accepted is accepted again as it is stored.
      let again = Loader.load(JSON.compactBytes(o.value), file: "again.json")
      guard again.errors.isEmpty, again.objects.count == 1 else { return "accepted, and then not: \(again.errors)" }
    }
    return nil
  }

  static func jsonpath(_ bytes: [UInt8]) -> String? {
    do throws(JSONPath.Invalid) {
      let path = try JSONPath(String(decoding: bytes, as: UTF8.self))
      _ = try path.text(in: pod)
      _ = try path.values(in: pod)
      _ = try path.text(in: pod, allowMissing: false)
    } catch { if "\(error)".isEmpty { return "an error without words" } }
    return nil
  }

  /// Neither JSON nor what kubectl prints has NaN and infinity.
  static func isPlain(_ v: Value) -> Bool {
    switch v {
    case .double(let d): d.isFinite
    case .array(let a): a.allSatisfy(isPlain)
    case .object(let m): m.entries.allSatisfy { isPlain($0.value) }
    default: true
    }
  }

  /// Equal, a whole number being what it is in either form.
  static func same(_ a: Value, _ b: Value) -> Bool {
    switch (a, b) {
    case (.double(let x), .double(let y)): x == y
    case (.int(let x), .double(let y)), (.double(let y), .int(let x)): Double(x) == y
    case (.array(let x), .array(let y)): x.count == y.count && zip(x, y).allSatisfy(same)
    case (.object(let x), .object(let y)): x.entries.count == y.entries.count && x.entries.allSatisfy { e in y[e.key].map { same($0, e.value) } ?? false }
    default: a == b
    }
  }

  static let pod = Value.object([
    ("kind", .string("Pod")), ("count", .int(-3)), ("ratio", .double(1.5)), ("on", .bool(true)), ("none", .null),
    ("metadata", .object([("name", .string("web")), ("labels", .object([("app", .string("a")), ("k8s.io/x", .string("y"))]))])),
    ("list", .array([.int(1), .int(2), .int(3), .string("d"), .array([.int(4)]), .object([("n", .int(5))])])),
    ("status", .object([
      ("podIP", .string("10.0.0.1")),
      ("containerStatuses", .array([
        .object([("name", .string("a")), ("ready", .bool(true)), ("restartCount", .int(2))]),
        .object([("name", .string("b")), ("ready", .bool(false)), ("restartCount", .int(0))]),
      ])),
    ])),
  ])
}
