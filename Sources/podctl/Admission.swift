// SPDX-License-Identifier: Apache-2.0
//
// What the API server does to a Pod between its defaults and its storage: the service account must be there, and gives the Pod its token.
import Control
import Kernel
import Manifest

extension Session {
  /// The Pod as it is to be stored. old: the one that is there already; before: what will have been stored by then.
  func admitted(_ pod: Value, old: Value?, before: ArraySlice<LoadedObject> = []) throws -> Value {
    let meta = ObjectMeta(pod["metadata"] ?? .null)
    let name = pod["spec"]?["serviceAccountName"]?.string ?? "default"
    let coming = before.last { $0.kind == .serviceAccount && $0.metadata.namespace == meta.namespace && $0.metadata.name == name }
    guard let account = try coming?.value ?? instance.object("ServiceAccount", meta.namespace, name) else {
      // One that runs already is not judged again.
      if old != nil { return pod }
      throw Failure.server(
        "Forbidden", "pods \"\(meta.name)\" is forbidden: error looking up service account \(meta.namespace)/\(name): serviceaccount \"\(name)\" not found")
    }
    return ServiceAccountAdmission.admit(pod, account: account, old: old, random: Instance.randomBytes(5))
  }
}
