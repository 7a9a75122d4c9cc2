// SPDX-License-Identifier: Apache-2.0
//
// metadata's rules, the same for every kind. Kubernetes: apimachinery/pkg/api/validation (objectmeta.go).

/// The API server's rules for Pods, Secrets, ConfigMaps, ServiceAccounts, beyond the schema: the same field paths and words, one file a concern.
public enum Validation {
  /// metadata: the object's own. A name that generateName is yet to make counts as there.
  public static func metadata(_ v: Value, name rule: (String) -> [String] = Names.subdomain) -> [Problem] {
    var p: [Problem] = []
    let generate = v.text("generateName") ?? ""
    if !generate.isEmpty { p += Problem.each("metadata.generateName", generate, Names.asPrefix(generate, rule)) }
    let name = v.text("name") ?? ""
    if !name.isEmpty {
      p += Problem.each("metadata.name", name, rule(name))
    } else if generate.isEmpty {
      p.append(.required("metadata.name", "name or generateName is required"))
    }
    if let n = v.text("namespace") { p += Problem.each("metadata.namespace", n, Names.label(n)) }
    p += nonNegative("metadata.generation", v.number("generation"))
    p += labels(v["labels"], "metadata.labels")
    p += annotations(v["annotations"])
    p += owners(v.list("ownerReferences"))
    p += finalizers(v.strings("finalizers"))
    for (i, f) in v.list("managedFields").enumerated() { p += managed(f, "metadata.managedFields[\(i)]") }
    return p
  }

  /// A map of labels: keys and values.
  static func labels(_ v: Value?, _ path: String) -> [Problem] {
    var p: [Problem] = []
    for e in v?.members?.entries ?? [] {
      let text = e.value.string ?? ""
      p += Problem.each(path, e.key, Names.qualified(e.key), at: "\(path).\(e.key)") + Problem.each(path, text, Names.labelValue(text), at: "\(path).\(e.key)")
    }
    return p
  }

  private static func annotations(_ v: Value?) -> [Problem] {
    let path = "metadata.annotations"
    var p: [Problem] = []
    var size = 0
    for e in v?.members?.entries ?? [] {
      p += Problem.each(path, e.key, Names.qualified(e.key.lowercased()), at: "\(path).\(e.key)")
      size += e.key.utf8.count + (e.value.string ?? "").utf8.count
    }
    if size > 256 << 10 { p.append(.tooLong(path, 256 << 10)) }
    return p
  }

  private static func owners(_ list: [Value]) -> [Problem] {
    var p: [Problem] = []
    var controller: String?
    let path = "metadata.ownerReferences"
    for (i, o) in list.enumerated() {
      let version = o.text("apiVersion") ?? ""
      let parts = version.split(separator: "/", omittingEmptySubsequences: false)
      if version.isEmpty || parts.count > 2 || parts.last?.isEmpty ?? true {
        p.append(.invalid("\(path).apiVersion", text: version, "version must not be empty", at: "\(path)[\(i)].apiVersion"))
      }
      for key in ["kind", "name", "uid"] where o.text(key) ?? "" == "" {
        p.append(.invalid("\(path).\(key)", text: "", "\(key) must not be empty", at: "\(path)[\(i)].\(key)"))
      }
      if version == "v1", o.text("kind") == "Event" { p.append(.invalid(path, o, "/v1, Kind=Event is disallowed from being an owner", at: "\(path)[\(i)]")) }
      guard o.flag("controller") == true else { continue }
      if let first = controller {
        p.append(
          .invalid(
            path, .array(list),
            "Only one reference can have Controller set to true. Found \"true\" in references for \(first) and \(o.text("name") ?? "")", at: "\(path)[\(i)]"))
      } else {
        controller = o.text("name") ?? ""
      }
    }
    return p
  }

  static let standardFinalizers: Set<String> = ["kubernetes", "orphan", "foregroundDeletion"]

  private static func finalizers(_ list: [String]) -> [Problem] {
    let path = "metadata.finalizers"
    var p: [Problem] = []
    for (i, f) in list.enumerated() { p += Problem.each(path, f, Names.qualified(f), at: "\(path)[\(i)]") }
    if list.contains("orphan"), list.contains("foregroundDeletion") {
      p.append(.invalid(path, .strings(list), "finalizer orphan and foregroundDeletion cannot be both set"))
    }
    for (i, f) in list.enumerated() where !f.contains("/") && !standardFinalizers.contains(f) {
      p.append(.invalid("\(path)[\(i)]", text: f, "name is neither a standard finalizer name nor is it fully qualified"))
    }
    return p
  }

  private static func managed(_ f: Value, _ path: String) -> [Problem] {
    var p: [Problem] = []
    if (f.text("manager") ?? "").utf8.count > 128 { p.append(.tooLong("metadata.fieldManager", 128)) }
    let operation = f.text("operation") ?? ""
    if operation != "Apply", operation != "Update" { p.append(.invalid("\(path).operation", text: operation, "must be `Apply` or `Update`")) }
    if let type = f.text("fieldsType"), !type.isEmpty, type != "FieldsV1" { p.append(.invalid("\(path).fieldsType", text: type, "must be `FieldsV1`")) }
    return p
  }

  /// A metav1.LabelSelector, when there is one.
  static func labelSelector(_ v: Value?, _ path: String) -> [Problem] {
    guard let v else { return [] }
    var p = labels(v["matchLabels"], "\(path).matchLabels")
    for (i, e) in v.list("matchExpressions").enumerated() { p += labelRequirement(e, "\(path).matchExpressions[\(i)]", operators: ["In", "NotIn", "Exists", "DoesNotExist"]) }
    return p
  }

  /// One requirement of a label or node selector; values judges the values as labels.
  static func labelRequirement(_ e: Value, _ path: String, operators: [String], judgeValues: Bool = true) -> [Problem] {
    var p: [Problem] = []
    let (op, values, key) = (e.text("operator") ?? "", e.strings("values"), e.text("key") ?? "")
    if !operators.contains(op) {
      p.append(.invalid("\(path).operator", text: op, "not a valid selector operator"))
    } else if ["In", "NotIn"].contains(op), values.isEmpty {
      p.append(.required("\(path).values", "must be specified when `operator` is 'In' or 'NotIn'"))
    } else if ["Exists", "DoesNotExist"].contains(op), !values.isEmpty {
      p.append(.forbidden("\(path).values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
    } else if ["Gt", "Lt"].contains(op), values.count != 1 {
      p.append(.required("\(path).values", "must be specified single value when `operator` is 'Lt' or 'Gt'"))
    }
    p += Problem.each("\(path).key", key, Names.qualified(key))
    if judgeValues { for (i, v) in values.enumerated() { p += Problem.each("\(path).values[\(i)]", v, Names.labelValue(v)) } }
    return p
  }
}
