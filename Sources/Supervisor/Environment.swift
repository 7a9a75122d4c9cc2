// SPDX-License-Identifier: Apache-2.0
//
// The environment of a container: envFrom, then env, each value expanded with what came before. Kubernetes
// pkg/kubelet/kubelet_pods.go, makeEnvironmentVariables.
import Manifest

/// Where Secrets and ConfigMaps come from. A missing object is nil.
public protocol ObjectSource {
  func secret(_ namespace: String, _ name: String) throws(ConfigError) -> Secret?
  func configMap(_ namespace: String, _ name: String) throws(ConfigError) -> ConfigMap?
}

/// Something that a container's configuration needs is not there: CreateContainerConfigError, or FailedMount for a volume.
public struct ConfigError: Error, Sendable, Equatable {
  public var message: String
  public init(_ message: String) { self.message = message }
}

/// NAME and value in the order in which they were defined; a name is there once.
public struct Environment: Sendable {
  public private(set) var names: [String] = []
  private var values: [String: String] = [:]

  public init() {}

  public subscript(name: String) -> String? {
    get { values[name] }
    set {
      if let newValue {
        if values.updateValue(newValue, forKey: name) == nil { names.append(name) }
      } else if values.removeValue(forKey: name) != nil {
        names.removeAll { $0 == name }
      }
    }
  }

  /// NAME=value each.
  public var list: [String] { names.map { "\($0)=\(values[$0] ?? "")" } }

  /// What the container's spec defines. files reads a key of an env file (fileKeyRef).
  public static func of(
    _ container: Container, facts: PodFacts, objects: some ObjectSource, files: (EnvFileKey) throws(ConfigError) -> String?
  ) throws(ConfigError) -> Environment {
    var env = Environment()
    let namespace = facts.pod.metadata.namespace
    for source in container.envFrom {
      let data: [String: [UInt8]]?
      switch source.kind {
      case .configMap: data = try objects.configMap(namespace, source.name)?.data
      case .secret: data = try objects.secret(namespace, source.name)?.data
      }
      guard let data else {
        if source.optional { continue }
        throw ConfigError(source.kind == .secret ? "secret \"\(source.name)\" not found" : "configmap \"\(source.name)\" not found")
      }
      for key in data.keys.sorted() {
        let name = source.prefix + key
        guard isName(name) else { continue }
        env[name] = String(decoding: data[key] ?? [], as: UTF8.self)
      }
    }
    for variable in container.env {
      if let value = try value(of: variable, in: container, env, facts, objects, files) { env[variable.name] = value }
    }
    return env
  }

  /// Any printable ASCII but "=" (KEP-4369); others are passed over, as the kubelet does for envFrom.
  private static func isName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "=") }
  }

  private static func value(
    of variable: EnvVar, in container: Container, _ env: Environment, _ facts: PodFacts, _ objects: some ObjectSource,
    _ files: (EnvFileKey) throws(ConfigError) -> String?
  ) throws(ConfigError) -> String? {
    let namespace = facts.pod.metadata.namespace
    switch variable.source {
    case .value(let text):
      return Expansion.expand(text) { env[$0] }
    case .field(let path):
      guard let value = facts.field(path) else { throw ConfigError("unsupported fieldPath: \(path)") }
      return value
    case .resource(let name, let resource, let divisor):
      let of = name ?? container.name
      guard let value = facts.resource(container: of, resource, divisor: divisor) else { throw ConfigError("container \(of) not found") }
      return value
    case .configMapKey(let name, let key, let optional):
      guard let map = try objects.configMap(namespace, name) else {
        if optional { return nil }
        throw ConfigError("configmap \"\(name)\" not found")
      }
      guard let bytes = map.data[key] else {
        if optional { return nil }
        throw ConfigError("couldn't find key \(key) in ConfigMap \(namespace)/\(name)")
      }
      return String(decoding: bytes, as: UTF8.self)
    case .secretKey(let name, let key, let optional):
      guard let secret = try objects.secret(namespace, name) else {
        if optional { return nil }
        throw ConfigError("secret \"\(name)\" not found")
      }
      guard let bytes = secret.data[key] else {
        if optional { return nil }
        throw ConfigError("couldn't find key \(key) in Secret \(namespace)/\(name)")
      }
      return String(decoding: bytes, as: UTF8.self)
    case .fileKey(let volume, let path, let key, let optional):
      if let value = try files(EnvFileKey(volume: volume, path: path, key: key, optional: optional)) { return value }
      if optional { return nil }
      throw ConfigError("environment variable key \"\(key)\" not found in file \"\(path)\"")
    }
  }
}
