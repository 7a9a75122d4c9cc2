// SPDX-License-Identifier: Apache-2.0
//
// What a submission's manifest may not ask for, whatever the exercise: things that would make the pod's world larger than
// itself. Pure.
import Manifest

enum ManifestRules {
  static let mostContainers = 10

  /// Every reason for which a manifest is refused, as path and sentence.
  static func offences(_ documents: [Value], file: String, podName: String?) -> [Text] {
    guard documents.count == 1, let pod = documents.first else {
      return [Text(en: "\(file): one document is expected, there are \(documents.count)", zh: "\(file)：应当只有一个文档，实际有 \(documents.count) 个")]
    }
    guard pod["kind"]?.string == "Pod" else { return [Text(en: "\(file): kind must be Pod", zh: "\(file)：kind 必须是 Pod")] }
    var out: [Text] = []
    if let podName, pod["metadata"]?["name"]?.string != podName {
      out.append(Text(en: "\(file): metadata.name must stay \"\(podName)\"", zh: "\(file)：metadata.name 要保持为 \"\(podName)\""))
    }
    if let namespace = pod["metadata"]?["namespace"]?.string, namespace != "default" {
      out.append(Text(en: "\(file): metadata.namespace must be left out", zh: "\(file)：不要写 metadata.namespace"))
    }
    func refuse(_ path: String) { out.append(Text(en: "\(file): \(path): not allowed in this exercise", zh: "\(file)：\(path)：本练习不允许")) }
    for key in ["hostPID", "hostIPC", "hostNetwork"] where pod["spec"]?[key]?.bool == true { refuse("spec.\(key)") }
    var count = 0
    for list in ["initContainers", "containers", "ephemeralContainers"] {
      for (i, container) in (pod["spec"]?[list]?.array ?? []).enumerated() {
        count += 1
        let security = container["securityContext"], path = "spec.\(list)[\(i)].securityContext"
        if security?["privileged"]?.bool == true { refuse("\(path).privileged") }
        if !(security?["capabilities"]?["add"]?.array ?? []).isEmpty { refuse("\(path).capabilities.add") }
        if security?["seccompProfile"]?["type"]?.string == "Unconfined" { refuse("\(path).seccompProfile.type") }
      }
    }
    if count > mostContainers {
      out.append(Text(en: "\(file): at most \(mostContainers) containers, there are \(count)", zh: "\(file)：最多 \(mostContainers) 个容器，实际 \(count) 个"))
    }
    return out
  }
}
