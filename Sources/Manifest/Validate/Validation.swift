// SPDX-License-Identifier: Apache-2.0
//
// The API server's rules for Pods, Secrets, ConfigMaps, beyond the schema: the same field paths and words. Kubernetes: pkg/apis/core/validation.

/// One rule that does not hold.
public struct Problem: Sendable, Equatable {
  public var path: String
  public var message: String

  static func required(_ path: String, _ why: String = "") -> Problem { Problem(path: path, message: "Required value" + (why.isEmpty ? "" : ": \(why)")) }
  static func invalid(_ path: String, _ value: String, _ why: String) -> Problem { Problem(path: path, message: "Invalid value: \(value): \(why)") }
  static func invalid(_ path: String, text: String, _ why: String) -> Problem { invalid(path, "\"\(text)\"", why) }
  static func unsupported(_ path: String, _ value: String, _ known: [String]) -> Problem {
    Problem(path: path, message: "Unsupported value: \"\(value)\": supported values: \(known.sorted().map { "\"\($0)\"" }.joined(separator: ", "))")
  }
  static func duplicate(_ path: String, _ value: String) -> Problem { Problem(path: path, message: "Duplicate value: \"\(value)\"") }
  static func notFound(_ path: String, _ value: String) -> Problem { Problem(path: path, message: "Not found: \"\(value)\"") }
  static func forbidden(_ path: String, _ why: String) -> Problem { Problem(path: path, message: "Forbidden: \(why)") }
  static func tooLong(_ path: String, _ limit: Int) -> Problem { Problem(path: path, message: "Too long: may not be more than \(limit) bytes") }
}

public enum Validation {
  public static func metadata(_ m: ObjectMeta, name rule: (String) -> String?) -> [Problem] {
    var p: [Problem] = []
    if let g = m.generateName, m.name.isEmpty {
      if let why = rule(g.hasSuffix("-") ? String(g.dropLast()) + "x" : g) { p.append(.invalid("metadata.generateName", text: g, why)) }
    } else if m.name.isEmpty {
      p.append(.required("metadata.name", "name or generateName is required"))
    } else if let why = rule(m.name) {
      p.append(.invalid("metadata.name", text: m.name, why))
    }
    if let why = Names.label(m.namespace) { p.append(.invalid("metadata.namespace", text: m.namespace, why)) }
    for (k, v) in m.labels.sorted(by: { $0.key < $1.key }) {
      if let why = Names.qualified(k) { p.append(.invalid("metadata.labels", text: k, why)) }
      if let why = Names.labelValue(v) { p.append(.invalid("metadata.labels", text: v, why)) }
    }
    for (k, _) in m.annotations.sorted(by: { $0.key < $1.key }) {
      if let why = Names.qualified(k.lowercased()) { p.append(.invalid("metadata.annotations", text: k, why)) }
    }
    if m.annotations.reduce(0, { $0 + $1.key.utf8.count + $1.value.utf8.count }) > 256 << 10 { p.append(.tooLong("metadata.annotations", 256 << 10)) }
    return p
  }

  public static func secret(_ s: Secret) -> [Problem] {
    var p = metadata(s.metadata, name: Names.subdomain) + data(s.data, "data")
    let needs: [String: [String]] = [
      "kubernetes.io/tls": ["tls.crt", "tls.key"], "kubernetes.io/ssh-auth": ["ssh-privatekey"], "kubernetes.io/dockerconfigjson": [".dockerconfigjson"],
      "kubernetes.io/dockercfg": [".dockercfg"],
    ]
    for key in needs[s.type] ?? [] where s.data[key] == nil { p.append(.required("data[\(key)]")) }
    if s.type == "kubernetes.io/basic-auth", s.data["username"] == nil, s.data["password"] == nil {
      p += [.required("data[username]"), .required("data[password]")]
    }
    if s.type == "kubernetes.io/service-account-token", s.metadata.annotations["kubernetes.io/service-account.name"] == nil {
      p.append(.required("metadata.annotations[kubernetes.io/service-account.name]"))
    }
    for (type, key) in [("kubernetes.io/dockerconfigjson", ".dockerconfigjson"), ("kubernetes.io/dockercfg", ".dockercfg")] where s.type == type {
      if let bytes = s.data[key] {
        do throws(JSON.Malformed) { _ = try JSON.parse(bytes) } catch { p.append(.invalid("data[\(key)]", text: "<secret contents redacted>", "\(error)")) }
      }
    }
    return p
  }

  public static func configMap(_ c: ConfigMap, _ value: Value) -> [Problem] {
    var p = metadata(c.metadata, name: Names.subdomain) + data(c.data, "data")
    let text = Set(value["data"]?.members?.keys ?? [])
    for k in value["binaryData"]?.members?.keys ?? [] where text.contains(k) { p.append(.invalid("data[\(k)]", text: k, "duplicate of key present in binaryData")) }
    return p
  }

  private static func data(_ d: [String: [UInt8]], _ path: String) -> [Problem] {
    var p: [Problem] = []
    for k in d.keys.sorted() { if let why = Names.configKey(k) { p.append(.invalid("\(path)[\(k)]", text: k, why)) } }
    if d.values.reduce(0, { $0 + $1.count }) > 1 << 20 { p.append(.tooLong(path, 1 << 20)) }
    return p
  }

  static func oneOf(_ path: String, _ value: String?, _ known: [String]) -> [Problem] {
    guard let value, !known.contains(value) else { return [] }
    return [.unsupported(path, value, known)]
  }

  static func range(_ path: String, _ value: Int64?, _ low: Int64, _ high: Int64 = .max) -> [Problem] {
    guard let value, value < low || value > high else { return [] }
    if high == .max { return [.invalid(path, "\(value)", "must be greater than \(low == 1 ? "0" : "or equal to \(low)")")] }
    return [.invalid(path, "\(value)", "must be between \(low) and \(high), inclusive")]
  }
}
