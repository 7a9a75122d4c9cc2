// SPDX-License-Identifier: Apache-2.0
//
// The kinds that there are, what kubectl calls them, and which objects a command line means.
import Manifest

enum Kind: String, CaseIterable {
  case pod = "Pod", secret = "Secret", configMap = "ConfigMap", serviceAccount = "ServiceAccount", event = "Event", node = "Node"

  var plural: String { rawValue.lowercased() + "s" }
  var singular: String { rawValue.lowercased() }
  var isNamespaced: Bool { self != .node }
  var shortNames: [String] {
    switch self {
    case .pod: ["po"]
    case .configMap: ["cm"]
    case .serviceAccount: ["sa"]
    case .event: ["ev"]
    case .node: ["no"]
    case .secret: []
    }
  }

  init?(word: String) {
    let w = word.lowercased()
    guard let k = Self.allCases.first(where: { w == $0.plural || w == $0.singular || $0.shortNames.contains(w) || w == "\($0.plural).v1" || w == "\($0.plural).v1." }) else { return nil }
    self = k
  }

  /// Each kind once, where it comes first.
  static func inOrder(of objects: [(Kind, String)]) -> [Kind] {
    var kinds: [Kind] = []
    for (k, _) in objects where !kinds.contains(k) { kinds.append(k) }
    return kinds
  }
}

/// `pods a b`, `pod/a secret/b`, `pods,secrets`, `all`: what is meant.
func targets(_ words: [String], verb: String = "get") throws -> (kinds: [Kind], names: [(Kind, String)]) {
  guard let first = words.first else {
    if verb == "delete" || verb == "wait" || verb == "patch" {
      throw Failure.error(
        "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'")
    }
    throw Failure(text: "error: You must specify the type of resource to \(verb). Use \"podctl api-resources\" for a complete list of supported resources.\n")
  }
  func kind(_ word: String) throws -> Kind {
    guard let k = Kind(word: word) else { throw Failure.error("the server doesn't have a resource type \"\(word)\"") }
    return k
  }
  if words.contains(where: { $0.contains("/") }) {
    let pairs = try words.map { w -> (Kind, String) in
      let p = w.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
      guard p.count > 1 else {
        throw Failure.error("there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'podctl get resource/<resource_name>' instead of 'podctl get resource resource/<resource_name>'")
      }
      guard p.count == 2, !p[0].isEmpty, !p[1].isEmpty else { throw Failure.error("arguments in resource/name form must have a single resource and name") }
      return (try kind(p[0]), p[1])
    }
    return (Kind.inOrder(of: pairs), pairs)
  }
  var kinds: [Kind] = []
  for word in first.split(separator: ",") {
    // The category `all` holds what runs.
    for k in word == "all" ? [.pod] : [try kind(String(word))] where !kinds.contains(k) { kinds.append(k) }
  }
  if kinds.isEmpty { throw Failure.error("the server doesn't have a resource type \"\(first)\"") }
  return (kinds, words.dropFirst().flatMap { name in kinds.map { ($0, name) } })
}

/// -l and --field-selector together.
struct Selection {
  private var labels: LabelSelector?
  private var fields: FieldSelector?

  /// kinds: those that are asked for; what is wrong is then said as the API server says it of the first.
  init(_ selector: String?, _ fieldSelector: String? = nil, kinds: [Kind] = []) throws {
    func refused(_ kind: Kind, _ why: String) -> Failure {
      .server(
        "BadRequest",
        "Unable to find \"/v1, Resource=\(kind.plural)\" that match label selector \"\(selector ?? "")\", field selector \"\(fieldSelector ?? "")\": \(why)")
    }
    do {
      labels = try selector.map { s in try LabelSelector(s) }
      fields = try fieldSelector.map { s in try FieldSelector(s) }
    } catch let e as LabelSelector.Invalid { throw kinds.first.map { refused($0, "\(e)") } ?? Failure.error("\(e)") }
    for kind in kinds {
      if let bad = fields?.paths.first(where: { !FieldSelector.fields(of: kind.rawValue).contains($0) }) { throw refused(kind, "field label not supported: \(bad)") }
    }
  }

  /// What a selector's flag says: blanks are as good as none.
  static func given(_ text: String?) -> String? { text.flatMap { $0.allSatisfy(\.isWhitespace) ? nil : $0 } }

  func matches(_ v: Value) -> Bool {
    (labels?.matches(ObjectMeta(v["metadata"] ?? .null).labels) ?? true) && (fields?.matches(v) ?? true)
  }
}
