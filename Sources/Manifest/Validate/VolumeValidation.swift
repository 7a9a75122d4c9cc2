// SPDX-License-Identifier: Apache-2.0
//
// A Pod's volumes. Types that one machine cannot serve were refused before (StrictCheck) and have no rule here.

extension Validation {
  /// The problems, and the volumes that have none, by name: only these can be mounted.
  static func volumes(_ spec: Value) -> (problems: [Problem], good: [String: Value]) {
    var p: [Problem] = []
    var good: [String: Value] = [:]
    for (i, v) in spec.list("volumes").enumerated() {
      let path = "spec.volumes[\(i)]"
      let name = v.text("name") ?? ""
      var own = source(v, path)
      own += name.isEmpty ? [.required("\(path).name")] : Problem.each("\(path).name", name, Names.label(name))
      if good[name] != nil { own.append(.duplicate("\(path).name", name)) }
      if own.isEmpty { good[name] = v }
      p += own
    }
    return (p, good)
  }

  private static func source(_ v: Value, _ path: String) -> [Problem] {
    let known: [(String, (Value, String) -> [Problem])] = [
      ("emptyDir", emptyDir), ("hostPath", hostPath), ("secret", { keyed($0, $1, name: "secretName") }), ("downwardAPI", downwardAPI),
      ("configMap", { keyed($0, $1, name: "name") }), ("projected", projected), ("image", image),
    ]
    var p: [Problem] = []
    var count = 0
    for (kind, rule) in known {
      guard let s = v.part(kind) else { continue }
      count += 1
      p += count > 1 ? [.forbidden("\(path).\(kind)", "may not specify more than 1 volume type")] : rule(s, "\(path).\(kind)")
    }
    if count == 0 { p.append(.required(path, "must specify a volume type")) }
    return p
  }

  private static func emptyDir(_ v: Value, _ path: String) -> [Problem] {
    var p: [Problem] = []
    if let q = v["sizeLimit"]?.quantity, q.nano < 0 { p.append(.forbidden("\(path).sizeLimit", "SizeLimit field must be a valid resource quantity")) }
    if let mode = v.number("mode"), mode < 0 || mode > 0o1777 {
      p.append(.invalid("\(path).mode", mode, "must be a number between 0 and 01777 (octal), both inclusive"))
    }
    // The API server leaves the medium to kubelet; one that is not served here is refused before anything is made.
    return p + oneOf("\(path).medium", v.text("medium"), ["", "Memory"])
  }

  private static func hostPath(_ v: Value, _ path: String) -> [Problem] {
    let at = v.text("path") ?? ""
    if at.isEmpty { return [.required("\(path).path")] }
    return noBacksteps("\(path).path", at)
      + oneOf("\(path).type", v.text("type"), ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"])
  }

  /// A Secret or a ConfigMap as a volume.
  private static func keyed(_ v: Value, _ path: String, name: String) -> [Problem] {
    var p: [Problem] = (v.text(name) ?? "").isEmpty ? [.required("\(path).\(name)")] : []
    p += fileMode("\(path).defaultMode", v.number("defaultMode"))
    for (i, k) in v.list("items").enumerated() { p += keyToPath(k, "\(path).items[\(i)]") }
    return p
  }

  private static func keyToPath(_ k: Value, _ path: String) -> [Problem] {
    let to = k.text("path") ?? ""
    var p: [Problem] = (k.text("key") ?? "").isEmpty ? [.required("\(path).key")] : []
    if to.isEmpty { p.append(.required("\(path).path")) }
    return p + localPath("\(path).path", to) + fileMode("\(path).mode", k.number("mode"))
  }

  private static func downwardAPI(_ v: Value, _ path: String) -> [Problem] {
    var p = fileMode("\(path).defaultMode", v.number("defaultMode"))
    for (i, f) in v.list("items").enumerated() { p += downwardFile(f, path, at: "\(path).items[\(i)]") }
    return p
  }

  /// The API names these fields without the item's index.
  private static func downwardFile(_ f: Value, _ path: String, at place: String) -> [Problem] {
    let to = f.text("path") ?? ""
    var p: [Problem] = to.isEmpty ? [.required("\(path).path", at: "\(place).path")] : []
    p += localPath("\(path).path", to, at: "\(place).path")
    if let field = f.part("fieldRef") {
      p += fieldRef(field, "\(path).fieldRef", known: downwardVolumeFields, at: "\(place).fieldRef")
      if f.part("resourceFieldRef") != nil {
        p.append(.invalid(path, text: "resource", "fieldRef and resourceFieldRef can not be specified simultaneously", at: place))
      }
    } else if let r = f.part("resourceFieldRef") {
      p += resourceRef(r, "\(path).resourceFieldRef", volume: true, at: "\(place).resourceFieldRef")
    } else {
      p.append(.required(path, "one of fieldRef and resourceFieldRef is required", at: place))
    }
    return p + fileMode("\(path).mode", f.number("mode"), at: "\(place).mode")
  }

  private static func projected(_ v: Value, _ path: String) -> [Problem] {
    var p = fileMode("\(path).defaultMode", v.number("defaultMode"))
    var paths: Set<String> = []
    func claim(_ to: String, _ said: String, _ place: String) {
      if !to.isEmpty, !paths.insert(to).inserted { p.append(.invalid(path, text: said, "conflicting duplicate paths", at: place)) }
    }
    for (i, s) in v.list("sources").enumerated() {
      let here = "\(path).sources[\(i)]"
      var count = 0
      for kind in ["secret", "configMap"] {
        guard let source = s.part(kind) else { continue }
        count += 1
        let name = source.text("name") ?? ""
        if name.isEmpty { p.append(.required("\(here).\(kind).name")) }
        for (j, k) in source.list("items").enumerated() {
          p += keyToPath(k, "\(here).\(kind).items[\(j)]")
          claim(k.text("path") ?? "", name, "\(here).\(kind).items[\(j)].path")
        }
      }
      if let d = s.part("downwardAPI") {
        count += 1
        for (j, f) in d.list("items").enumerated() {
          p += downwardFile(f, "\(here).downwardAPI", at: "\(here).downwardAPI.items[\(j)]")
          claim(f.text("path") ?? "", f.text("path") ?? "", "\(here).downwardAPI.items[\(j)].path")
        }
      }
      if let t = s.part("serviceAccountToken") {
        count += 1
        let (seconds, to) = (t.number("expirationSeconds") ?? 3600, t.text("path") ?? "")
        if let why = TokenClaims.refusal(seconds: seconds) { p.append(.invalid("\(here).serviceAccountToken.expirationSeconds", seconds, why.detail)) }
        let place = "\(here).serviceAccountToken.path"
        if to.isEmpty { p.append(.required("\(path).path", at: place)) } else { p += localPath("\(path).path", to, at: place) }
      }
      if count > 1 { p.append(.forbidden(here, "may not specify more than 1 volume type per source")) }
    }
    return p
  }

  private static func image(_ v: Value, _ path: String) -> [Problem] {
    ((v.text("reference") ?? "").isEmpty ? [.required("\(path).reference")] : []) + oneOf("\(path).pullPolicy", v.text("pullPolicy"), ["Always", "IfNotPresent", "Never"])
  }

  // MARK: paths

  /// No element of the path is "..".
  static func noBacksteps(_ path: String, _ value: String, at place: String? = nil) -> [Problem] {
    value.split(separator: "/").contains("..") ? [.invalid(path, text: value, "must not contain '..'", at: place)] : []
  }

  /// A path below something: relative, no "..".
  static func descending(_ path: String, _ value: String, at place: String? = nil) -> [Problem] {
    (value.hasPrefix("/") ? [.invalid(path, text: value, "must be a relative path", at: place)] : []) + noBacksteps(path, value, at: place)
  }

  /// A path of a file in a volume: also nothing that begins with "..", which the atomic writer's own names do.
  static func localPath(_ path: String, _ value: String, at place: String? = nil) -> [Problem] {
    var p = descending(path, value, at: place)
    if value.hasPrefix(".."), !value.hasPrefix("../") {
      if value == ".." { return p }
      p.append(.invalid(path, text: value, "must not start with '..'", at: place))
    }
    return p
  }
}
