// SPDX-License-Identifier: Apache-2.0
//
// What the API server adds to a new Pod for its service account: the token's volume, its mount in every container, the account's imagePullSecrets.
// Kubernetes plugin/pkg/admission/serviceaccount.

public enum ServiceAccountAdmission {
  public static let mountPath = "/var/run/secrets/kubernetes.io/serviceaccount"
  private static let prefix = "kube-api-access-"
  /// What generated names end in: no vowels, nothing that looks like another.
  private static let letters = Array("bcdfghjklmnpqrstvwxz2456789")

  /// A Pod (with its defaults) as it is stored. account: its ServiceAccount. old: the Pod that is there already, whose volume keeps its name.
  /// random: five bytes for a new name.
  public static func admit(_ pod: Value, account: Value, old: Value?, random: [UInt8]) -> Value {
    var pod = pod
    var spec = pod["spec"] ?? .null
    if spec["automountServiceAccountToken"]?.bool ?? account["automountServiceAccountToken"]?.bool ?? true {
      let name = volume(in: spec) ?? volume(in: old?["spec"]) ?? prefix + String(random.prefix(5).map { letters[Int($0) % letters.count] })
      if mount(name, in: &spec), volume(in: spec) == nil {
        spec["volumes"] = .array((spec["volumes"]?.array ?? []) + [projected(name)])
      }
    }
    if spec["imagePullSecrets"]?.array?.isEmpty ?? true, let secrets = account["imagePullSecrets"], secrets.array?.isEmpty == false {
      spec["imagePullSecrets"] = secrets
    }
    pod["spec"] = spec
    return pod
  }

  private static func volume(in spec: Value?) -> String? {
    spec?["volumes"]?.array?.lazy.compactMap { $0["name"]?.string }.first { $0.hasPrefix(prefix) }
  }

  /// Returns whether any container was given the mount.
  private static func mount(_ name: String, in spec: inout Value) -> Bool {
    var isNeeded = false
    for key in ["initContainers", "containers"] {
      guard let list = spec[key]?.array else { continue }
      spec[key] = .array(
        list.map { container in
          let mounts = container["volumeMounts"]?.array ?? []
          if mounts.contains(where: { $0["mountPath"]?.string == mountPath }) { return container }
          isNeeded = true
          var c = container
          c["volumeMounts"] = .array(mounts + [.object([("mountPath", .string(mountPath)), ("name", .string(name)), ("readOnly", .bool(true))])])
          return c
        })
    }
    return isNeeded
  }

  private static func projected(_ name: String) -> Value {
    let namespace: Value = .object([
      ("fieldRef", .object([("apiVersion", .string("v1")), ("fieldPath", .string("metadata.namespace"))])), ("path", .string("namespace")),
    ])
    return .object([
      ("name", .string(name)),
      ("projected", .object([
        ("defaultMode", .int(420)),
        ("sources", .array([
          .object([("serviceAccountToken", .object([("expirationSeconds", .int(TokenClaims.automounted)), ("path", .string("token"))]))]),
          .object([
            ("configMap", .object([
              ("items", .array([.object([("key", .string("ca.crt")), ("path", .string("ca.crt"))])])), ("name", .string("kube-root-ca.crt")),
            ]))
          ]),
          .object([("downwardAPI", .object([("items", .array([namespace]))]))]),
        ])),
      ])),
    ])
  }
}
