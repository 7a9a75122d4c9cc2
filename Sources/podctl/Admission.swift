// SPDX-License-Identifier: Apache-2.0
//
// What the API server does to a Pod between its defaults and its storage: the service account must be there, and gives the Pod its token.
import Control
import Kernel
import Manifest

extension Session {
  /// A new Pod as it is to be stored.
  func admitted(_ pod: Value) throws -> Value {
    let meta = ObjectMeta(pod["metadata"] ?? .null)
    let name = pod["spec"]?["serviceAccountName"]?.string ?? "default"
    guard let account = try instance.object("ServiceAccount", meta.namespace, name) else {
      throw Failure.server(
        "Forbidden", "pods \"\(meta.name)\" is forbidden: error looking up service account \(meta.namespace)/\(name): serviceaccount \"\(name)\" not found")
    }
    return ServiceAccountAdmission.admit(pod, account: account, old: nil, random: Instance.randomBytes(5))
  }
}
