// SPDX-License-Identifier: Apache-2.0
//
// What the files of a secret, configMap, downwardAPI or projected volume contain. Kubernetes pkg/volume/{secret,configmap,downwardapi,projected}.
import Manifest

/// One file of such a volume.
struct PayloadFile: Equatable {
  var bytes: [UInt8]
  var mode: UInt32
  /// User that it belongs to; nil: root.
  var owner: UInt32?
}

/// Files by their path below the volume.
typealias Payload = [String: PayloadFile]

/// The tokens of the Pod's service account, issued already.
protocol TokenSource {
  func token(audience: String?, seconds: Int64) throws(ConfigError) -> [UInt8]
}

extension PodFacts {
  /// The payload of a volume; nil for a volume that has none (emptyDir, hostPath …).
  func payload(of source: VolumeSource, objects: some ObjectSource, tokens: some TokenSource) throws(ConfigError) -> Payload? {
    switch source {
    case .secret(let name, let items, let mode, let optional):
      return try files(secret: name, items, mode, optional, objects)
    case .configMap(let name, let items, let mode, let optional):
      return try files(configMap: name, items, mode, optional, objects)
    case .downwardAPI(let items, let mode):
      return try files(items, mode)
    case .projected(let sources, let mode):
      var all: Payload = [:]
      var failures: [String] = []
      for s in sources {
        do throws(ConfigError) { all.merge(try files(of: s, mode, objects, tokens)) { $1 } } catch {
          if !failures.contains(error.message) { failures.append(error.message) }
        }
      }
      // As Go prints several errors at once.
      if !failures.isEmpty { throw ConfigError(failures.count == 1 ? failures[0] : "[\(failures.joined(separator: ", "))]") }
      return all
    case .emptyDir, .hostPath, .image, .persistentVolumeClaim:
      return nil
    }
  }

  /// The files of one source of a projected volume.
  private func files(of source: ProjectedSource, _ mode: Int64, _ objects: some ObjectSource, _ tokens: some TokenSource) throws(ConfigError) -> Payload {
    switch source {
    case .secret(let name, let items, let optional): return try files(secret: name, items, mode, optional, objects)
    case .configMap(let name, let items, let optional): return try files(configMap: name, items, mode, optional, objects)
    case .downwardAPI(let items): return try files(items, mode)
    case .serviceAccountToken(let audience, let seconds, let path):
      return [path: PayloadFile(bytes: try tokens.token(audience: audience, seconds: seconds), mode: tokenMode(mode), owner: tokenOwner)]
    }
  }

  /// A token is for its reader alone, as KEP-2451 says: 0600 where the Pod has an fsGroup or all containers run as one user.
  private func tokenMode(_ mode: Int64) -> UInt32 {
    if pod.spec.securityContext.fsGroup != nil { return 0o600 }
    return tokenOwner == nil ? UInt32(mode) : 0o600
  }

  /// The one user that every container runs as by its spec; nil where they differ or none is said.
  var tokenOwner: UInt32? {
    let users = Set((pod.spec.containers + pod.spec.initContainers).map { $0.securityContext.runAsUser ?? pod.spec.securityContext.runAsUser })
    guard users.count == 1, case .some(.some(let uid)) = users.first else { return nil }
    return UInt32(exactly: uid)
  }

  private func files(secret name: String, _ items: [KeyToPath], _ mode: Int64, _ optional: Bool, _ objects: some ObjectSource)
    throws(ConfigError) -> Payload
  {
    guard let secret = try objects.secret(pod.metadata.namespace, name) else {
      if optional { return [:] }
      throw ConfigError("secret \"\(name)\" not found")
    }
    return try Self.pick(secret.data, items, mode, optional, "references non-existent secret key")
  }

  private func files(configMap name: String, _ items: [KeyToPath], _ mode: Int64, _ optional: Bool, _ objects: some ObjectSource)
    throws(ConfigError) -> Payload
  {
    guard let map = try objects.configMap(pod.metadata.namespace, name) else {
      if optional { return [:] }
      throw ConfigError("configmap \"\(name)\" not found")
    }
    return try Self.pick(map.files, items, mode, optional, "references non-existent config key")
  }

  /// All keys, or those that items names.
  private static func pick(_ data: [String: [UInt8]], _ items: [KeyToPath], _ mode: Int64, _ optional: Bool, _ missing: String)
    throws(ConfigError) -> Payload
  {
    if items.isEmpty { return data.mapValues { PayloadFile(bytes: $0, mode: UInt32(mode)) } }
    var files: Payload = [:]
    for item in items {
      guard let bytes = data[item.key] else {
        if optional { continue }
        throw ConfigError("\(missing): \(item.key)")
      }
      files[item.path] = PayloadFile(bytes: bytes, mode: UInt32(item.mode ?? mode))
    }
    return files
  }

  private func files(_ items: [DownwardAPIFile], _ mode: Int64) throws(ConfigError) -> Payload {
    var files: Payload = [:]
    for item in items {
      let text: String?
      switch item.source {
      case .field(let path): text = field(path)
      case .resource(let container, let resource, let divisor): text = self.resource(container: container, resource, divisor: divisor)
      }
      guard let text else { throw ConfigError("downwardAPI file \(item.path) refers to something that is not there") }
      files[item.path] = PayloadFile(bytes: Array(text.utf8), mode: UInt32(item.mode ?? mode))
    }
    return files
  }
}
