// SPDX-License-Identifier: Apache-2.0
//
// What pull and push understand alike on the command line, and the files in which credentials lie.
import Glibc
import Images
import Kernel

/// What pull and push understand alike.
enum RegistryWords {
  /// reference: whose registry it is about.
  static func options(_ words: Words, for reference: ImageReference) throws(Failure) -> RegistryOptions {
    var o = RegistryOptions()
    switch words.value("--tls-verify") {
    case nil, "true": break
    case "false": o.verifies = false
    case let other?: throw Failure("--tls-verify is true or false, not \(other)")
    }
    if let text = words.value("--timeout") {
      guard let n = Int(text), n > 0, n <= 3600 else { throw Failure("--timeout is a number of seconds from 1 to 3600, not \(text)") }
      o.patience = n
    }
    o.certificates = certificates(words.value("--certs").map { [$0] } ?? [])
    o.credentials = try AuthFiles.read(named: words.value("--authfile"), for: reference)
    return o
  }

  /// The machine's own folders come last.
  static func certificates(_ own: [String]) -> [String] { own + ["/etc/containers/certs.d", "/etc/docker/certs.d"] }
}

/// Where docker, podman and skopeo keep their credentials (containers-auth.json(5)).
enum AuthFiles {
  /// reference: whose registry the helpers are asked for that such a file names.
  static func read(named: String?, for reference: ImageReference) throws(Failure) -> RegistryCredentials {
    let variable = { (name: String) in getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 } }
    var all = RegistryCredentials()
    if let path = named ?? variable("REGISTRY_AUTH_FILE") {
      try add(path, reference, &all)
      return all
    }
    var paths: [String] = []
    if let run = variable("XDG_RUNTIME_DIR") { paths.append(run + "/containers/auth.json") }
    if let config = variable("XDG_CONFIG_HOME") ?? variable("HOME").map({ $0 + "/.config" }) { paths.append(config + "/containers/auth.json") }
    if let docker = variable("DOCKER_CONFIG") ?? variable("HOME").map({ $0 + "/.docker" }) { paths.append(docker + "/config.json") }
    for p in paths where FileSystem.exists(p) { try add(p, reference, &all) }
    return all
  }

  private static func add(_ path: String, _ reference: ImageReference, _ all: inout RegistryCredentials) throws(Failure) {
    let bytes = try failing("reading credentials") { () throws(SysError) in try FileSystem.read(path) }
    let helper: String?
    do throws(RegistryCredentials.Malformed) {
      helper = try RegistryCredentials.helper(in: bytes, for: reference)
      // As docker has it: what a helper keeps is not in the file.
      if helper == nil { return try all.add(file: bytes) }
    } catch { throw Failure("\(path): \(error)") }
    guard let helper else { return }
    do throws(Failure) {
      if let found = try CredentialHelper(helper).credential(for: reference) { all.add(found, for: reference) }
    } catch { ImageProgram.say("warning: \(path): \(error); going on without credentials for \(reference.domain)") }
  }
}
