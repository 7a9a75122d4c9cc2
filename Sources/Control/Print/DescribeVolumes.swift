// SPDX-License-Identifier: Apache-2.0
//
// The volumes of `describe pod`. Kubernetes kubectl/pkg/describe/describe.go (describeVolumes).
import Manifest

extension Describe {
  func volumes(_ v: Value?, _ out: inout Lines) {
    let list = v?.array ?? []
    out.add("Volumes:" + (list.isEmpty ? "\t<none>" : ""))
    for volume in list {
      out.add("  \(volume["name"]?.string ?? ""):")
      source(volume, &out)
    }
  }

  private func source(_ v: Value, _ out: inout Lines) {
    func rows(_ type: String, _ pairs: [(String, String)]) {
      out.add("    Type:\t\(type)")
      for (name, value) in pairs { out.add("    \(name):\t\(value)") }
    }
    if let h = v["hostPath"] {
      rows("HostPath (bare host directory volume)", [("Path", h["path"]?.string ?? ""), ("HostPathType", h["type"]?.string ?? "<none>")])
    } else if let e = v["emptyDir"] {
      let limit = e["sizeLimit"].map { $0.string ?? JSON.compact($0) } ?? "<unset>"
      rows("EmptyDir (a temporary directory that shares a pod's lifetime)", [("Medium", e["medium"]?.string ?? ""), ("SizeLimit", limit)])
    } else if let s = v["secret"] {
      rows("Secret (a volume populated by a Secret)", [("SecretName", s["secretName"]?.string ?? ""), ("Optional", "\(s["optional"]?.bool ?? false)")])
    } else if let c = v["configMap"] {
      rows("ConfigMap (a volume populated by a ConfigMap)", [("Name", c["name"]?.string ?? ""), ("Optional", "\(c["optional"]?.bool ?? false)")])
    } else if let d = v["downwardAPI"] {
      rows("DownwardAPI (a volume populated by information about the pod)", [])
      out.add("    Items:")
      for i in d["items"]?.array ?? [] { out.add("      \(i["fieldRef"]?["fieldPath"]?.string ?? i["resourceFieldRef"]?["resource"]?.string ?? "") -> \(i["path"]?.string ?? "")") }
    } else if let p = v["projected"] {
      rows("Projected (a volume that contains injected data from multiple sources)", (p["sources"]?.array ?? []).flatMap(projection))
    } else if let i = v["image"] {
      rows("Image (a container image or OCI artifact)", [("Reference", i["reference"]?.string ?? ""), ("PullPolicy", i["pullPolicy"]?.string ?? "")])
    } else {
      out.add("  <unknown>")
    }
  }

  private func projection(_ s: Value) -> [(String, String)] {
    if let v = s["secret"] { return [("SecretName", v["name"]?.string ?? ""), ("Optional", "\(v["optional"]?.bool ?? false)")] }
    if s["downwardAPI"] != nil { return [("DownwardAPI", "true")] }
    if let v = s["configMap"] { return [("ConfigMapName", v["name"]?.string ?? ""), ("Optional", "\(v["optional"]?.bool ?? false)")] }
    if let v = s["serviceAccountToken"] { return [("TokenExpirationSeconds", "\(v["expirationSeconds"]?.int ?? 3600)")] }
    return []
  }
}
