// SPDX-License-Identifier: Apache-2.0
//
// The part of a change that is a resize. On a cluster it goes through a subresource of its own; here one apply does both: the resize is judged by the
// rules of the subresource, the rest as any update.

/// The old Pod with the cpu and memory of the new one's containers, and of the Pod as a whole: what the resize subresource would be asked for.
public func resizedPod(_ old: Value, to new: Value) -> Value {
  var out = old
  guard var spec = old["spec"] else { return old }
  spec["resources"] = merged(spec["resources"], new["spec"]?["resources"])
  for key in ["containers", "initContainers"] {
    guard let list = spec[key]?.array else { continue }
    spec[key] = .array(
      list.map { c in
        guard let other = (new["spec"]?[key]?.array ?? []).first(where: { $0["name"] == c["name"] }) else { return c }
        var c = c
        c["resources"] = merged(c["resources"], other["resources"])
        return c
      })
  }
  out["spec"] = spec
  return out
}

/// The old amounts with cpu and memory as they are in the new ones.
private func merged(_ old: Value?, _ new: Value?) -> Value? {
  guard old != nil || new != nil else { return nil }
  // What the API never lets change must be the same already.
  let others = { (v: Value?) -> [String: [String: Value]] in
    var out: [String: [String: Value]] = [:]
    for kind in ["limits", "requests"] {
      for e in v?[kind]?.members?.entries ?? [] where e.key != "cpu" && e.key != "memory" { out[kind, default: [:]][e.key] = e.value }
    }
    return out
  }
  return others(old) == others(new) && old?["claims"] == new?["claims"] ? new : old
}
