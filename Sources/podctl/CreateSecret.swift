// SPDX-License-Identifier: Apache-2.0
//
// create secret generic, tls, docker-registry. Kubernetes kubectl/pkg/cmd/create/create_secret*.go.
import ArgumentParser
import Control
import Kernel
import Manifest

struct CreateSecretCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "secret", abstract: "Create a secret.", discussion: "Example: podctl create secret generic db --from-literal=user=admin --from-file=key=id_rsa",
    subcommands: [GenericSecret.self, TLSSecret.self, RegistrySecret.self])

  func run() throws { throw Failure.error("a type is needed: podctl create secret (generic | tls | docker-registry) NAME") }
}

struct GenericSecret: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generic", abstract: "Create a secret from files, folders or values.",
    discussion: "Example: podctl create secret generic db --from-literal=user=admin --from-file=key=id_rsa --type=Opaque")

  @Argument(help: "NAME") var names: [String] = []
  @OptionGroup var sources: KeySources
  @Option(name: .long, help: "The secret's type.") var type: String?
  @OptionGroup var create: CreateOptions

  func run() throws {
    let name = try CreateOptions.name(names)
    let data = try sources.data("Secret", name)
    var rest: [(String, Value)] = []
    if !data.isEmpty { rest.append(("data", .object(data.map { ($0.key, .string(Base64.encode($0.bytes))) }))) }
    if let type, !type.isEmpty { rest.append(("type", .string(type))) }
    try create.make(.secret, name, rest, failing: "secret")
  }
}

struct TLSSecret: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tls", abstract: "Create a secret of a certificate and its key.", discussion: "Example: podctl create secret tls web --cert=tls.crt --key=tls.key")

  @Argument(help: "NAME") var names: [String] = []
  @Option(name: .long, help: "The certificate, PEM.") var cert: String?
  @Option(name: .long, help: "Its private key, PEM.") var key: String?
  @OptionGroup var create: CreateOptions

  func run() throws {
    let name = try CreateOptions.name(names)
    guard let key, !key.isEmpty else { throw Failure.error("key must be specified") }
    guard let cert, !cert.isEmpty else { throw Failure.error("certificate must be specified") }
    let certificate = try Self.pem(cert, ["CERTIFICATE"], "certificate")
    let secret = try Self.pem(key, ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"], "key")
    let data: [(String, Value)] = [("tls.crt", .string(Base64.encode(certificate))), ("tls.key", .string(Base64.encode(secret)))]
    try create.make(.secret, name, [("data", .object(data)), ("type", .string("kubernetes.io/tls"))], failing: "secret")
  }

  /// The file, which must hold a PEM block with one of these labels.
  private static func pem(_ path: String, _ labels: [String], _ what: String) throws -> [UInt8] {
    let bytes: [UInt8]
    do throws(SysError) { bytes = try FileSystem.read(path) } catch { throw Failure.error("Cannot read file \(path), open \(path): \(errnoText(error.errno).lowercased())") }
    let text = String(decoding: bytes, as: UTF8.self)
    let found = labels.contains { label in
      guard let start = text.firstRange(of: "-----BEGIN \(label)-----"), let end = text.firstRange(of: "-----END \(label)-----") else { return false }
      guard start.upperBound <= end.lowerBound else { return false }
      return Base64.decode(String(text[start.upperBound..<end.lowerBound].filter { !$0.isWhitespace })) != nil
    }
    guard found else { throw Failure.error("tls: failed to find any PEM data in \(what) input") }
    return bytes
  }
}

struct RegistrySecret: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "docker-registry", abstract: "Create a secret with a registry's credentials.",
    discussion: "Example: podctl create secret docker-registry pull --docker-server=registry.example --docker-username=me --docker-password=x")

  @Argument(help: "NAME") var names: [String] = []
  @Option(name: .long, help: "The registry.") var dockerServer = "https://index.docker.io/v1/"
  @Option(name: .long, help: "The user.") var dockerUsername: String?
  @Option(name: .long, help: "The password.") var dockerPassword: String?
  @Option(name: .long, help: "The user's address.") var dockerEmail: String?
  @Option(name: .long, help: "[.dockerconfigjson=]FILE: the credentials as docker keeps them.") var fromFile: [String] = []
  @OptionGroup var create: CreateOptions

  func run() throws {
    let name = try CreateOptions.name(names)
    let config: [UInt8]
    if fromFile.isEmpty {
      for (flag, value) in [("docker-username", dockerUsername), ("docker-password", dockerPassword), ("docker-server", dockerServer)] where value?.isEmpty ?? true {
        throw Failure.error("either --from-file or the combination of --docker-username, --docker-password and --docker-server is required: \(flag) is missing")
      }
      let (user, password) = (dockerUsername ?? "", dockerPassword ?? "")
      var entry: [(String, Value)] = [("username", .string(user)), ("password", .string(password))]
      if let dockerEmail, !dockerEmail.isEmpty { entry.append(("email", .string(dockerEmail))) }
      entry.append(("auth", .string(Base64.encode(Array("\(user):\(password)".utf8)))))
      config = JSON.compactBytes(.object([("auths", .object([(dockerServer, .object(entry))]))]))
    } else {
      let files = fromFile.map { $0.contains("=") ? $0 : ".dockerconfigjson=\($0)" }
      let data = try KeySources.data("Secret", name, files: files)
      guard let found = data.first(where: { $0.key == ".dockerconfigjson" }) else { throw Failure.error("the file must be given for the key .dockerconfigjson") }
      config = found.bytes
    }
    let data: [(String, Value)] = [(".dockerconfigjson", .string(Base64.encode(config)))]
    try create.make(.secret, name, [("data", .object(data)), ("type", .string("kubernetes.io/dockerconfigjson"))], failing: "secret")
  }
}
