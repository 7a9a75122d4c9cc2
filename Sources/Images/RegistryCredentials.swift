// SPDX-License-Identifier: Apache-2.0
//
// Who may fetch from which registry: what docker, podman and kubelet write down (config.json, auth.json, Secrets of type kubernetes.io/dockerconfigjson and
// dockercfg) and which of it belongs to an image (pkg/credentialprovider/keyring.go).
import Manifest

/// A name and its password, or a token in their place.
public struct RegistryCredential: Sendable, Equatable {
  public var user: String
  public var password: String
  /// An OAuth2 refresh token; empty where there is none.
  public var identityToken: String
  public init(user: String, password: String, identityToken: String = "") {
    (self.user, self.password, self.identityToken) = (user, password, identityToken)
  }

  /// By which the store remembers that an image was given to this credential: it says nothing about it.
  public var mark: String { SHA256.hex(Array("\(user)\0\(password)\0\(identityToken)".utf8)) }
}

public struct RegistryCredentials: Sendable, Equatable {
  struct Entry: Sendable, Equatable {
    /// HOST[:PORT][/PATH], without scheme and /v1, /v2.
    var key: String
    var credential: RegistryCredential
  }
  private(set) var entries: [Entry] = []

  public init() {}

  /// Why a text holds no credentials.
  public struct Malformed: Error, Sendable, Equatable, CustomStringConvertible {
    public var description: String
  }

  /// Adds a map of hosts to entries, as it stands under `auths`.
  public mutating func add(auths: Value) throws(Malformed) {
    for (host, entry) in auths.members?.entries.map({ ($0.key, $0.value) }) ?? [] {
      var credential = RegistryCredential(
        user: entry["username"]?.string ?? "", password: entry["password"]?.string ?? "", identityToken: entry["identitytoken"]?.string ?? "")
      if let packed = entry["auth"]?.string, !packed.isEmpty {
        guard let bytes = Base64.decode(packed), let colon = bytes.firstIndex(of: 58) else {
          throw Malformed(description: "the credentials for \(host) are not base64 of NAME:PASSWORD")
        }
        credential.user = String(decoding: bytes[..<colon], as: UTF8.self)
        // Some writers end the text with a zero byte.
        credential.password = String(decoding: bytes[(colon + 1)...].filter { $0 != 0 }, as: UTF8.self)
      }
      if credential.user.isEmpty && credential.password.isEmpty && credential.identityToken.isEmpty { continue }
      entries.append(Entry(key: Self.normal(host), credential: credential))
    }
  }

  /// Adds a whole file: {"auths": {…}}, or the map alone (.dockercfg).
  public mutating func add(file bytes: [UInt8]) throws(Malformed) {
    let v: Value
    do throws(JSON.Malformed) { v = try JSON.parse(bytes) } catch { throw Malformed(description: "\(error)") }
    guard v.members != nil else { throw Malformed(description: "not a JSON object") }
    if let auths = v["auths"] { return try add(auths: auths) }
    // A config.json that names helpers and nothing else is no map of hosts.
    let hosts = v.members?.entries.filter { $0.value.members.map { m in ["auth", "username", "identitytoken"].contains { m.keys.contains($0) } } ?? false } ?? []
    try add(auths: .object(hosts.map { ($0.key, $0.value) }))
  }

  /// A credential that was found for an image.
  public mutating func add(_ credential: RegistryCredential, for reference: ImageReference) {
    entries.append(Entry(key: Self.normal(reference.domain), credential: credential))
  }

  /// The program that keeps the passwords of an image's registry, as a config.json names it: credHelpers by registry, else credsStore for all; nil: none.
  public static func helper(in file: [UInt8], for reference: ImageReference) throws(Malformed) -> String? {
    let v: Value
    do throws(JSON.Malformed) { v = try JSON.parse(file) } catch { throw Malformed(description: "\(error)") }
    let own = v["credHelpers"]?.members?.entries.first { normal($0.key) == normal(reference.domain) }?.value.string
    guard let name = own ?? v["credsStore"]?.string, !name.isEmpty else { return nil }
    return name
  }

  /// By which such a program knows a registry.
  public static func server(of reference: ImageReference) -> String { reference.domain == "docker.io" ? "https://index.docker.io/v1/" : reference.domain }

  private static func normal(_ key: String) -> String {
    var s = Substring(key)
    for scheme in ["https://", "http://"] where s.hasPrefix(scheme) { s = s.dropFirst(scheme.count) }
    let slash = s.firstIndex(of: "/") ?? s.endIndex
    let host = s[..<slash]
    var path = s[slash...]
    for version in ["/v1", "/v2"] where path == version || path.hasPrefix(version + "/") { path = path.dropFirst(3) }
    while path.last == "/" { path = path.dropLast() }
    let hub = ["index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"].contains(String(host))
    return (hub ? "docker.io" : String(host)) + path
  }

  /// What may be tried for an image, the longest key first.
  public func matching(_ reference: ImageReference) -> [RegistryCredential] {
    entries.enumerated().filter { Self.matches($0.element.key, reference) }
      .sorted { ($0.element.key.utf8.count, $1.offset) > ($1.element.key.utf8.count, $0.offset) }.map(\.element.credential)
  }

  private static func matches(_ key: String, _ reference: ImageReference) -> Bool {
    let slash = key.firstIndex(of: "/") ?? key.endIndex
    guard matchesHost(key[..<slash], Substring(reference.domain)) else { return false }
    let path = key[slash...].dropFirst()
    return path.isEmpty || reference.path == path || reference.path.hasPrefix(path + "/")
  }

  /// *.example.com matches one part of a name for each star; the port is matched exactly.
  private static func matchesHost(_ pattern: Substring, _ host: Substring) -> Bool {
    if pattern == host { return true }
    guard pattern.contains("*") || pattern.contains("?") else { return false }
    func split(_ s: Substring) -> (names: [Substring], port: Substring) {
      let colon = s.lastIndex(of: ":") ?? s.endIndex
      return (s[..<colon].split(separator: ".", omittingEmptySubsequences: false), s[colon...])
    }
    let (a, b) = (split(pattern), split(host))
    return a.port == b.port && a.names.count == b.names.count && zip(a.names, b.names).allSatisfy { glob(Array($0.utf8)[...], Array($1.utf8)[...]) }
  }

  private static func glob(_ p: ArraySlice<UInt8>, _ s: ArraySlice<UInt8>) -> Bool {
    guard let c = p.first else { return s.isEmpty }
    if c == UInt8(ascii: "*") { return glob(p.dropFirst(), s) || (!s.isEmpty && glob(p, s.dropFirst())) }
    guard let d = s.first, c == d || c == UInt8(ascii: "?") else { return false }
    return glob(p.dropFirst(), s.dropFirst())
  }
}

extension RegistryCredentials {
  /// As they are handed to the helper.
  public var value: Value {
    .array(
      entries.map {
        .object([
          ("key", .string($0.key)), ("user", .string($0.credential.user)), ("password", .string($0.credential.password)),
          ("token", .string($0.credential.identityToken)),
        ])
      })
  }

  public init(handed v: Value?) {
    for e in v?.array ?? [] {
      let text = { (key: String) in e[key]?.string ?? "" }
      entries.append(Entry(key: text("key"), credential: .init(user: text("user"), password: text("password"), identityToken: text("token"))))
    }
  }
}
