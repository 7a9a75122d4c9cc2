// SPDX-License-Identifier: Apache-2.0
//
// What the API server adds to every Pod's tolerations: five minutes on a node that is not ready or cannot be reached. Kubernetes
// plugin/pkg/admission/defaulttolerationseconds.

public enum DefaultTolerations {
  private static let keys = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]
  private static let seconds: Int64 = 300

  /// A Pod as it is stored, new or changed; what tolerates such a node already stays as it is.
  public static func admit(_ pod: Value) -> Value {
    let own = pod["spec"]?["tolerations"]?.array ?? []
    let missing = keys.filter { key in
      !own.contains { t in
        let (k, effect) = (t["key"]?.string ?? "", t["effect"]?.string ?? "")
        return (k == key || k.isEmpty) && (effect == "NoExecute" || effect.isEmpty)
      }
    }
    guard !missing.isEmpty, var spec = pod["spec"] else { return pod }
    spec["tolerations"] = .array(
      own + missing.map {
        .object([("effect", .string("NoExecute")), ("key", .string($0)), ("operator", .string("Exists")), ("tolerationSeconds", .int(seconds))])
      })
    var out = pod
    out["spec"] = spec
    return out
  }
}
