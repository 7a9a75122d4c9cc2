// SPDX-License-Identifier: Apache-2.0
//
// Secrets, ConfigMaps, ServiceAccounts: their rules, and what of them may change.

extension Validation {
  private static let limit = 1 << 20

  /// value: the object as it was written, with its metadata.
  public static func secret(_ s: Secret, _ value: Value) -> [Problem] {
    var p = metadata(value["metadata"] ?? .null)
    for k in s.data.keys.sorted() { p += Problem.each("data[\(k)]", k, Names.configKey(k), at: place(value, k)) }
    if s.data.values.reduce(0, { $0 + $1.count }) > limit { p.append(.tooLong("data", limit)) }
    switch s.type {
    case "kubernetes.io/service-account-token":
      if s.metadata.annotations["kubernetes.io/service-account.name"] ?? "" == "" { p.append(.required("metadata.annotations[kubernetes.io/service-account.name]")) }
    case "kubernetes.io/dockercfg": p += dockerConfig(s, ".dockercfg")
    case "kubernetes.io/dockerconfigjson": p += dockerConfig(s, ".dockerconfigjson")
    case "kubernetes.io/basic-auth":
      if s.data["username"] == nil, s.data["password"] == nil { p += [.required("data[username]"), .required("data[password]")] }
    case "kubernetes.io/ssh-auth": if s.data["ssh-privatekey"]?.isEmpty ?? true { p.append(.required("data[ssh-privatekey]")) }
    case "kubernetes.io/tls": for key in ["tls.crt", "tls.key"] where s.data[key] == nil { p.append(.required("data[\(key)]")) }
    default: break
    }
    return p
  }

  /// In data or stringData, where the key was written.
  private static func place(_ value: Value, _ key: String) -> String { value["stringData"]?[key] != nil ? "stringData" : "data" }

  private static func dockerConfig(_ s: Secret, _ key: String) -> [Problem] {
    guard let bytes = s.data[key] else { return [.required("data[\(key)]")] }
    let redacted = "<secret contents redacted>"
    do throws(JSON.Malformed) {
      guard try JSON.parse(bytes).members == nil else { return [] }
      return [.invalid("data[\(key)]", text: redacted, "json: cannot unmarshal a value that is no object")]
    } catch { return [.invalid("data[\(key)]", text: redacted, "\(error)")] }
  }

  public static func configMap(_ value: Value) -> [Problem] {
    var p = metadata(value["metadata"] ?? .null)
    var size = 0
    let binary = Set(value["binaryData"]?.members?.keys ?? [])
    for e in value["data"]?.members?.entries ?? [] {
      p += Problem.each("data[\(e.key)]", e.key, Names.configKey(e.key), at: "data")
      if binary.contains(e.key) { p.append(.invalid("data[\(e.key)]", text: e.key, "duplicate of key present in binaryData", at: "data")) }
      size += (e.value.string ?? "").utf8.count
    }
    for e in value["binaryData"]?.members?.entries ?? [] {
      p += Problem.each("binaryData[\(e.key)]", e.key, Names.configKey(e.key), at: "binaryData")
      size += e.value.string.flatMap { Base64.decode($0)?.count } ?? 0
    }
    // The API says "" here: the whole object is too long.
    if size > limit { p.append(.tooLong("", limit)) }
    return p
  }

  public static func serviceAccount(_ value: Value) -> [Problem] { metadata(value["metadata"] ?? .null) }
}
