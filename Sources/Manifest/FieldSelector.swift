// SPDX-License-Identifier: Apache-2.0
//
// Field selectors: which fields of a kind may be asked for, and what they must be. Kubernetes apimachinery/pkg/fields, pkg/apis/core/v1/conversion.go.

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
