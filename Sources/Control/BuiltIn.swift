// SPDX-License-Identifier: Apache-2.0
//
// Objects that a cluster's controllers keep in every namespace: the ServiceAccount `default` and the ConfigMap `kube-root-ca.crt`. They are there
// without being stored; one that is stored stands in their place. Kubernetes pkg/controller/serviceaccount, pkg/controller/certificates/rootcacertpublisher.
import Kernel
import Manifest

extension Instance {
  /// The issuer's key and what is made with it.
  public var keys: String { data + "/keys" }

  func builtIn(_ kind: String, _ namespace: String, _ name: String) -> Value? {
    switch (kind, name) {
    case ("ServiceAccount", "default"):
      return .object([("apiVersion", .string("v1")), ("kind", .string(kind)), ("metadata", metadata(kind, namespace, name))])
    case ("ConfigMap", "kube-root-ca.crt"):
      guard let certificate = optional({ () throws(SysError) in try FileSystem.readText(keys + "/ca.crt") }) else { return nil }
      var meta = metadata(kind, namespace, name)
      meta["annotations"] = .object([
        ("kubernetes.io/description", .string("The certificate of this instance. Nothing here is served with a certificate that it could verify."))
      ])
      return .object([
        ("apiVersion", .string("v1")), ("data", .object([("ca.crt", .string(certificate))])), ("kind", .string(kind)), ("metadata", meta),
      ])
    default: return nil
    }
  }

  /// Those of a kind, in the namespaces given that have none stored.
  func builtIns(_ kind: String, namespaces: [String], stored: [Value]) -> [Value] {
    guard let name = ["ServiceAccount": "default", "ConfigMap": "kube-root-ca.crt"][kind] else { return [] }
    let taken = Set(stored.filter { $0["metadata"]?["name"]?.string == name }.compactMap { $0["metadata"]?["namespace"]?.string })
    return namespaces.filter { !taken.contains($0) }.compactMap { builtIn(kind, $0, name) }
  }

  private func metadata(_ kind: String, _ namespace: String, _ name: String) -> Value {
    .object([
      ("creationTimestamp", .string(WallTime(nanoseconds: made * 1_000_000_000).rfc3339)), ("name", .string(name)), ("namespace", .string(namespace)),
      ("resourceVersion", .string("1")), ("uid", .string(Self.uuid(from: Self.mixed("\(id) \(kind) \(namespace)")))),
    ])
  }

  /// 16 bytes that stay the same for the same text and differ for others (FNV-1a, twice).
  private static func mixed(_ text: String) -> [UInt8] {
    [UInt64(0xcbf2_9ce4_8422_2325), 0x9ae1_6a3b_2f90_404f].flatMap { seed -> [UInt8] in
      var h = seed
      for b in text.utf8 { h = (h ^ UInt64(b)) &* 0x100_0000_01b3 }
      return (0..<8).map { UInt8(truncatingIfNeeded: h >> (8 * UInt64($0))) }
    }
  }
}
