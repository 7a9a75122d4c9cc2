// SPDX-License-Identifier: Apache-2.0
//
// Environment variables and where their values come from; the references (fieldRef, resourceFieldRef) that downwardAPI volumes use too.

extension Validation {
  static func environment(_ list: [Value], _ path: String) -> [Problem] {
    var p: [Problem] = []
    for (i, e) in list.enumerated() {
      let here = "\(path)[\(i)]"
      let name = e.text("name") ?? ""
      p += name.isEmpty ? [.required("\(here).name")] : Problem.each("\(here).name", name, Names.environment(name))
      if let from = e.part("valueFrom") { p += valueFrom(from, "\(here).valueFrom", beside: e.text("value") ?? "") }
    }
    return p
  }

  private static func valueFrom(_ v: Value, _ path: String, beside value: String) -> [Problem] {
    var p: [Problem] = []
    var count = 0
    func when(_ key: String, _ rule: (Value, String) -> [Problem]) {
      guard let s = v.part(key) else { return }
      count += 1
      p += rule(s, "\(path).\(key)")
    }
    when("fieldRef") { fieldRef($0, $1, known: environmentFields) }
    when("resourceFieldRef") { resourceRef($0, $1, volume: false) }
    when("configMapKeyRef", keyRef)
    when("secretKeyRef", keyRef)
    when("fileKeyRef", fileKeyRef)
    if count == 0 {
      p.append(.invalid(path, text: "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"))
    } else if !value.isEmpty {
      p.append(.invalid(path, text: "", "may not be specified when `value` is not empty"))
    } else if count > 1 {
      p.append(.invalid(path, text: "", "may not have more than one field specified at a time"))
    }
    return p
  }

  private static func keyRef(_ v: Value, _ path: String) -> [Problem] {
    let (name, key) = (v.text("name") ?? "", v.text("key") ?? "")
    return Problem.each("\(path).name", name, Names.subdomain(name))
      + (key.isEmpty ? [.required("\(path).key")] : Problem.each("\(path).key", key, Names.configKey(key)))
  }

  private static func fileKeyRef(_ v: Value, _ path: String) -> [Problem] {
    let (key, volume, file) = (v.text("key") ?? "", v.text("volumeName") ?? "", v.text("path") ?? "")
    return (key.isEmpty ? [.required("\(path).key")] : Problem.each("\(path).key", key, Names.environment(key)))
      + (volume.isEmpty ? [.required("\(path).volumeName")] : Problem.each("\(path).volumeName", volume, Names.label(volume)))
      + (file.isEmpty ? [.required("\(path).path")] : noBacksteps("\(path).path", file))
  }

  static func environmentFrom(_ list: [Value], _ path: String) -> [Problem] {
    var p: [Problem] = []
    for (i, e) in list.enumerated() {
      let here = "\(path)[\(i)]"
      if let prefix = e.text("prefix"), !prefix.isEmpty { p += Problem.each("\(here).prefix", prefix, Names.environment(prefix)) }
      var count = 0
      for kind in ["configMapRef", "secretRef"] {
        guard let r = e.part(kind) else { continue }
        count += 1
        let name = r.text("name") ?? ""
        p += name.isEmpty ? [.required("\(here).\(kind).name")] : Problem.each("\(here).\(kind).name", name, Names.asPrefix(name, Names.subdomain))
      }
      if count == 0 { p.append(.invalid(path, text: "", "must specify one of: `configMapRef` or `secretRef`", at: here)) }
      if count > 1 { p.append(.invalid(path, text: "", "may not have more than one field specified at a time", at: here)) }
    }
    return p
  }

  // MARK: references to fields

  static let environmentFields = [
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP",
    "status.podIPs",
  ]
  static let downwardVolumeFields = ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"]
  /// What the API can name at all; which of them a use allows is its own list.
  private static let fieldLabels = Set(environmentFields + downwardVolumeFields + ["spec.restartPolicy", "spec.schedulerName", "status.phase"])

  static func fieldRef(_ v: Value, _ path: String, known: [String], at place: String? = nil) -> [Problem] {
    let (version, field) = (v.text("apiVersion") ?? "v1", v.text("fieldPath") ?? "")
    let here = "\(path).fieldPath"
    let spot = place.map { "\($0).fieldPath" }
    if field.isEmpty { return [.required(here, at: spot)] }
    func unconvertible(_ why: String) -> [Problem] { [.invalid(here, text: field, "error converting fieldPath: \(why)", at: spot)] }
    if version != "v1" { return unconvertible("unsupported pod version: \(version)") }
    if let (base, key) = subscripted(field) {
      switch base {
      case "metadata.annotations": return Problem.each(path, key.lowercased(), Names.qualified(key.lowercased()), at: spot ?? here)
      case "metadata.labels": return Problem.each(path, key, Names.qualified(key), at: spot ?? here)
      default: return unconvertible("field label does not support subscript: \(field)")
      }
    }
    if field == "spec.host" { return oneOf(here, "spec.nodeName", known, at: spot) }
    if !fieldLabels.contains(field) { return unconvertible("field label not supported: \(field)") }
    return oneOf(here, field, known, at: spot)
  }

  /// metadata.labels['key'] → (metadata.labels, key).
  private static func subscripted(_ field: String) -> (String, String)? {
    guard field.hasSuffix("']") else { return nil }
    let bytes = Array(field.utf8.dropLast(2))
    guard let open = bytes.indices.dropLast().first(where: { bytes[$0] == 91 && bytes[$0 + 1] == 39 }), open > 0 else { return nil }
    return (String(decoding: bytes[..<open], as: UTF8.self), String(decoding: bytes[(open + 2)...], as: UTF8.self))
  }

  private static let containerResources = [
    "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory",
  ]
  private static let byteDivisors = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"]

  static func resourceRef(_ v: Value, _ path: String, volume: Bool, at place: String? = nil) -> [Problem] {
    let (resource, place) = (v.text("resource") ?? "", place ?? path)
    let huge = resource.hasPrefix("limits.hugepages-") || resource.hasPrefix("requests.hugepages-")
    var p: [Problem] = []
    if volume, (v.text("containerName") ?? "").isEmpty {
      p.append(.required("\(path).containerName", at: "\(place).containerName"))
    } else if resource.isEmpty {
      p.append(.required("\(path).resource", at: "\(place).resource"))
    } else if !huge {
      p += oneOf("\(path).resource", resource, containerResources, at: "\(place).resource")
    }
    guard let divisor = v["divisor"]?.quantity, divisor.nano != 0 else { return p }
    let what: (allowed: [String], name: String)? =
      if huge { (byteDivisors, "hugepages") } else if resource.hasSuffix(".cpu") { (["1m", "1"], "cpu") } else if resource.hasSuffix(".memory") {
        (byteDivisors, "memory")
      } else if resource.hasSuffix(".ephemeral-storage") { (byteDivisors, "local ephemeral storage") } else { nil }
    if let what, !what.allowed.contains(divisor.canonical) {
      let list = what.name == "cpu" ? "1m and 1" : what.allowed.joined(separator: ", ")
      p.append(.invalid("\(path).divisor", text: resource, "only divisor's values \(list) are supported with the \(what.name) resource", at: "\(place).divisor"))
    }
    return p
  }
}
