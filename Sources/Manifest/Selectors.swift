// SPDX-License-Identifier: Apache-2.0
//
// Label and field selectors. Kubernetes apimachinery/pkg/labels, pkg/fields.

public struct LabelSelector: Sendable {
  enum Term: Sendable {
    case equal(String, String)
    case notEqual(String, String)
    case within(String, [String])
    case without(String, [String])
    case exists(String)
    case absent(String)
  }
  let terms: [Term]

  public struct Invalid: Error, Sendable, CustomStringConvertible {
    public var description: String
  }

  /// a=b,c!=d,e in (f,g),h notin (i),j,!k
  public init(_ text: String) throws(Invalid) {
    var list: [Term] = []
    for piece in Self.split(text) {
      let t = Self.trim(piece)
      if t.isEmpty { continue }
      if let set = Self.set(t, " notin ") {
        list.append(.without(set.0, set.1))
      } else if let set = Self.set(t, " in ") {
        list.append(.within(set.0, set.1))
      } else if let at = t.firstRange(of: "!=") {
        list.append(.notEqual(Self.trim(t[..<at.lowerBound]), Self.trim(t[at.upperBound...])))
      } else if let at = t.firstRange(of: "==") ?? t.firstRange(of: "=") {
        list.append(.equal(Self.trim(t[..<at.lowerBound]), Self.trim(t[at.upperBound...])))
      } else if t.hasPrefix("!") {
        list.append(.absent(Self.trim(t.dropFirst())))
      } else if t.contains(" ") || t.contains("(") {
        throw Invalid(description: "unable to parse requirement: found '\(t)', expected: in, notin, =, ==, !=")
      } else {
        list.append(.exists(t))
      }
    }
    terms = list
  }

  public func matches(_ labels: [String: String]) -> Bool {
    terms.allSatisfy {
      switch $0 {
      case .equal(let k, let v): labels[k] == v
      case .notEqual(let k, let v): labels[k] != v
      case .within(let k, let v): labels[k].map(v.contains) ?? false
      case .without(let k, let v): !(labels[k].map(v.contains) ?? false)
      case .exists(let k): labels[k] != nil
      case .absent(let k): labels[k] == nil
      }
    }
  }

  private static func trim(_ s: some StringProtocol) -> String {
    var t = Substring(s)
    while t.first == " " { t.removeFirst() }
    while t.last == " " { t.removeLast() }
    return String(t)
  }

  /// At commas outside parentheses.
  private static func split(_ text: String) -> [String] {
    var out: [String] = [""]
    var depth = 0
    for c in text {
      if c == "(" { depth += 1 }
      if c == ")" { depth -= 1 }
      if c == "," && depth == 0 { out.append("") } else { out[out.count - 1].append(c) }
    }
    return out
  }

  private static func set(_ t: String, _ word: String) -> (String, [String])? {
    guard let at = t.firstRange(of: word), let open = t.firstIndex(of: "("), t.hasSuffix(")") else { return nil }
    return (trim(t[..<at.lowerBound]), t[t.index(after: open)...].dropLast().split(separator: ",").map { trim($0) })
  }
}

/// metadata.name=x,status.phase!=Running …: any path of the object that leads to a scalar.
public struct FieldSelector: Sendable {
  let terms: [(path: String, value: String, equal: Bool)]

  /// The fields that are asked for.
  public var paths: [String] { terms.map(\.path) }
  /// What the API takes for a field that is not there.
  private static let absent = ["spec.hostNetwork": "false", "spec.unschedulable": "false"]

  /// The fields by which objects of a kind can be selected. Kubernetes pkg/apis/core/v1/conversion.go, pkg/registry/core/event.
  public static func fields(of kind: String) -> [String] {
    let all = ["metadata.name", "metadata.namespace"]
    switch kind {
    case "Pod":
      return all + [
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork", "status.phase", "status.podIP",
        "status.podIPs", "status.nominatedNodeName",
      ]
    case "Event":
      let about = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"].map { "involvedObject.\($0)" }
      return all + about + ["reason", "reportingComponent", "source", "type"]
    case "Secret": return all + ["type"]
    case "Node": return ["metadata.name", "spec.unschedulable"]
    default: return all
    }
  }

  public init(_ text: String) throws(LabelSelector.Invalid) {
    var list: [(String, String, Bool)] = []
    for piece in text.split(separator: ",") {
      if let at = piece.firstRange(of: "!=") {
        list.append((String(piece[..<at.lowerBound]), String(piece[at.upperBound...]), false))
      } else if let at = piece.firstRange(of: "==") ?? piece.firstRange(of: "=") {
        list.append((String(piece[..<at.lowerBound]), String(piece[at.upperBound...]), true))
      } else {
        throw LabelSelector.Invalid(description: "invalid selector: '\(piece)'; can't understand '\(piece)'")
      }
    }
    terms = list
  }

  public func matches(_ object: Value) -> Bool {
    terms.allSatisfy { term in
      var v: Value? = object
      for part in term.path.split(separator: ".") { v = v?[String(part)] }
      if term.path == "source" { v = v?["component"] }
      if term.path == "status.podIPs" { v = v?[0]?["ip"] }
      let text = v.map { $0.string ?? JSON.compact($0) } ?? Self.absent[term.path] ?? ""
      return (text == term.value) == term.equal
    }
  }
}
