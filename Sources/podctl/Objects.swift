// SPDX-License-Identifier: Apache-2.0
//
// Objects of every kind through one door: found, listed, made, changed. What podctl says here it says in the API server's place.
import Control
import Glibc
import Kernel
import Manifest

extension Session {
  /// The object as it is shown; nil where there is none.
  func find(_ kind: Kind, _ ns: String, _ name: String) throws -> Value? {
    switch kind {
    case .pod: try pod(ns, name)
    case .event: Events.list(self, ns).first { $0["metadata"]?["name"]?.string == name }
    case .node: name == Instance.nodeName ? try instance.nodeObject() : nil
    default: try instance.object(kind.rawValue, ns, name)
    }
  }

  /// All of a kind; nil: in every namespace.
  func list(_ kind: Kind, _ ns: String?) throws -> [Value] {
    switch kind {
    case .pod: try pods(ns)
    case .event: Events.list(self, ns)
    case .node: [try instance.nodeObject()]
    default: try instance.objects(kind.rawValue, namespace: ns)
    }
  }

  /// The object as it is stored: of a Pod without its status.
  func stored(_ kind: Kind, _ ns: String, _ name: String) throws -> Value? {
    if kind == .pod { return try instance.readPodObject(ns, name) }
    return try find(kind, ns, name)
  }

  /// Stores a new object, which has been judged, and starts it if it is a Pod.
  func create(_ kind: Kind, _ value: Value) throws -> Value {
    var value = value
    var meta = value["metadata"] ?? .null
    let ns = meta["namespace"]?.string ?? "default"
    if (meta["name"]?.string ?? "").isEmpty, let base = meta["generateName"]?.string {
      meta["name"] = .string(base + Self.suffix())
    }
    for key in ["uid", "creationTimestamp", "resourceVersion", "generation", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "managedFields"] { meta[key] = nil }
    let name = meta["name"]?.string ?? ""
    value["metadata"] = meta
    if try stored(kind, ns, name) != nil { throw Failure.exists(kind, name) }
    value = try admitted(value, kind)
    let made = Instance.stamped(value, old: nil, wall: now)
    guard kind == .pod else {
      try instance.store(made)
      return made
    }
    _ = try instance.createPod(made)
    do throws(SysError) { try Podd.start(instance, ns, name, programs: programs, for: Pod(stored: made)) } catch {
      instance.forgetPod(ns, name)
      throw error
    }
    return made
  }

  /// The letters of generated names: no vowels, nothing that looks like another. Kubernetes apimachinery/pkg/util/rand.
  private static func suffix() -> String {
    let letters = Array("bcdfghjklmnpqrstvwxz2456789")
    return String(Instance.randomBytes(5).map { letters[Int($0) % letters.count] })
  }

  /// A changed object held against the rules, defaults filled in. Nothing is stored.
  func judged(_ kind: Kind, old: Value, new: Value) throws -> Value {
    let name = old["metadata"]?["name"]?.string ?? ""
    func invalid(_ causes: [String]) -> Failure { Failure.invalid(kind, name, causes) }
    var given = new
    given["status"] = nil
    if given["metadata"]?["name"] != old["metadata"]?["name"] {
      throw invalid(["metadata.name: Invalid value: \"\(given["metadata"]?["name"]?.string ?? "")\": field is immutable"])
    }
    if kind == .node { return try NodeRules.judged(given, invalid) }
    // Ephemeral containers are no manifest's business: what debug has added stays as it is.
    let added = old["spec"]?["ephemeralContainers"]
    if kind == .pod, var spec = given["spec"] {
      if let asked = spec["ephemeralContainers"], asked.sorted != added?.sorted {
        throw invalid(["spec.ephemeralContainers: Forbidden: pod updates may not change ephemeral containers (use podctl debug)"])
      }
      spec["ephemeralContainers"] = nil
      // The place that the Pod was given is shown and not stored: who gives it back changes nothing.
      if let place = spec["nodeName"], old["spec"]?["nodeName"] == nil,
        try instance.pod(old["metadata"]?["namespace"]?.string ?? "default", name)?["spec"]?["nodeName"] == place
      {
        spec["nodeName"] = nil
      }
      given["spec"] = spec
    }
    let loaded = Loader.load(JSON.compactBytes(given), file: name, namespace: old["metadata"]?["namespace"]?.string ?? "default")
    if !loaded.errors.isEmpty { throw invalid(loaded.errors.map { ($0.path.isEmpty ? "" : "\($0.path): ") + $0.message }) }
    guard var value = loaded.objects.first?.value, loaded.objects.first?.kind.rawValue == kind.rawValue else {
      throw Failure.error("at least one of apiVersion, kind and name was changed")
    }
    if kind == .pod {
      value = DefaultTolerations.admit(value)
      if let added, var spec = value["spec"] {
        spec["ephemeralContainers"] = added
        value["spec"] = spec
      }
      let resized = resizedPod(old, to: value)
      if resized != old, let why = podResizeDiagnostic(old: old, new: resized) { throw invalid([why]) }
      if let why = podUpdateDiagnostic(old: resized, new: value) { throw invalid([why]) }
    } else {
      let problems = Validation.update(old: old, new: value)
      if !problems.isEmpty { throw invalid(problems.map(\.text)) }
    }
    return value
  }

  /// Stores a judged change and tells whom it concerns. Returns the object as it is now.
  func update(_ kind: Kind, old: Value, new: Value) throws -> Value {
    if kind == .node {
      try instance.storeNode(new)
      instance.tellNodeChanged()
      return try instance.nodeObject()
    }
    var made = Instance.stamped(new, old: old, wall: now)
    guard kind == .pod else {
      var meta = made["metadata"] ?? .null
      for key in ["deletionTimestamp", "deletionGracePeriodSeconds"] { meta[key] = old["metadata"]?[key] }
      made["metadata"] = meta
      if meta["deletionTimestamp"] != nil, meta["finalizers"]?.array?.isEmpty ?? true {
        // The last one that it waited for has let it go.
        try instance.removeObject(kind.rawValue, meta["namespace"]?.string ?? "default", meta["name"]?.string ?? "")
      } else {
        try instance.store(made)
      }
      return made
    }
    let (ns, name) = (old["metadata"]?["namespace"]?.string ?? "default", old["metadata"]?["name"]?.string ?? "")
    if let note = try Podd.ensure(instance, ns, name, programs: programs) { say(2, "note: \(note)\n") }
    var client = try PoddClient(instance.place(ns, name))
    try client.send(.object([("verb", .string("update")), ("object", made)]))
    if case .value(let answer) = try client.next(), let why = answer["error"]?.string { throw Failure.error(why) }
    return made
  }

  /// Whether two objects are the same but for what the server writes.
  static func isSame(_ a: Value, _ b: Value) -> Bool { essence(a) == essence(b) }

  private static func essence(_ v: Value) -> Value {
    var v = v
    v["status"] = nil
    var meta = v["metadata"] ?? .null
    for key in ["uid", "creationTimestamp", "resourceVersion", "generation", "managedFields", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"] {
      meta[key] = nil
    }
    for key in ["labels", "annotations", "finalizers"] where meta[key]?.members?.isEmpty == true || meta[key]?.array?.isEmpty == true { meta[key] = nil }
    v["metadata"] = meta
    for key in ["data", "binaryData", "spec"] where v[key]?.members?.isEmpty == true { v[key] = nil }
    return v.sorted
  }
}

extension Failure {
  static func exists(_ kind: Kind, _ name: String) -> Failure { server("AlreadyExists", "\(kind.plural) \"\(name)\" already exists") }

  /// The API server's answer to an object that breaks rules.
  static func invalid(_ kind: Kind, _ name: String, _ causes: [String]) -> Failure {
    Failure(text: "The \(kind.rawValue) \"\(name)\" is invalid: " + (causes.count == 1 ? causes[0] : "\n" + causes.map { "* \($0)" }.joined(separator: "\n")) + "\n")
  }

  /// The same with what was being done: Error from the server (X): error when creating "pod.yaml": …
  func during(_ doing: String) -> Failure {
    guard let at = text.firstRange(of: "): "), text.hasPrefix("Error from server (") else { return self }
    return Failure(text: text[..<at.upperBound] + "\(doing): " + text[at.upperBound...], code: code)
  }
}

/// What of a Node can be changed, and how it must look. Kubernetes pkg/apis/core/validation (ValidateNode).
enum NodeRules {
  static let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"]

  static func judged(_ node: Value, _ invalid: ([String]) -> Failure) throws -> Value {
    var causes = Validation.metadata(node["metadata"] ?? .null).map(\.text)
    var seen: Set<String> = []
    for (i, t) in (node["spec"]?["taints"]?.array ?? []).enumerated() {
      let (key, effect) = (t["key"]?.string ?? "", t["effect"]?.string ?? "")
      if let why = Names.qualified(key).first { causes.append("metadata.taints[\(i)].key: Invalid value: \"\(key)\": \(why)") }
      if let why = Names.labelValue(t["value"]?.string ?? "").first { causes.append("metadata.taints[\(i)].value: Invalid value: \"\(t["value"]?.string ?? "")\": \(why)") }
      if !effects.contains(effect) {
        causes.append("metadata.taints[\(i)].effect: Unsupported value: \"\(effect)\": supported values: \"NoExecute\", \"NoSchedule\", \"PreferNoSchedule\"")
      }
      if !seen.insert("\(key):\(effect)").inserted { causes.append("metadata.taints[\(i)]: Duplicate value: \"\(key):\(effect)\"") }
    }
    for e in node["spec"]?.members?.entries ?? [] where !["taints", "unschedulable"].contains(e.key) {
      causes.append("spec.\(e.key): Forbidden: node updates may only change labels, annotations, taints or unschedulable")
    }
    if !causes.isEmpty { throw invalid(causes) }
    var spec = node["spec"] ?? .object(Value.Members())
    if spec["taints"]?.array?.isEmpty == true { spec["taints"] = nil }
    var out = node
    out["spec"] = spec
    return out
  }
}
