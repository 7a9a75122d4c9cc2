// SPDX-License-Identifier: Apache-2.0
//
// What the API server does to a Pod between its defaults and its storage: the service account must be there, and gives the Pod its token; every Pod
// tolerates a node that is away for five minutes.
import Control
import Kernel
import Manifest

extension Session {
  /// A new Pod as it is to be stored; another object as it is. before: what will have been stored by then.
  func admitted(_ pod: Value, _ kind: Kind, before: ArraySlice<LoadedFileObject> = []) throws -> Value {
    guard kind == .pod else { return pod }
    let meta = ObjectMeta(pod["metadata"] ?? .null)
    let name = pod["spec"]?["serviceAccountName"]?.string ?? "default"
    let coming = before.last { $0.kind == .serviceAccount && $0.metadata.namespace == meta.namespace && $0.metadata.name == name }
    guard let account = try coming?.value ?? instance.object("ServiceAccount", meta.namespace, name) else {
      throw Failure.server(
        "Forbidden", "pods \"\(meta.name)\" is forbidden: error looking up service account \(meta.namespace)/\(name): serviceaccount \"\(name)\" not found")
    }
    return DefaultTolerations.admit(ServiceAccountAdmission.admit(pod, account: account, old: nil, random: Instance.randomBytes(5)))
  }
}
