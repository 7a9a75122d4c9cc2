// SPDX-License-Identifier: Apache-2.0
//
// Programs that keep passwords (docker-credential-NAME): asked for a registry's on their standard input, they answer in JSON. The protocol is that of
// github.com/docker/docker-credential-helpers (`get`).
import Glibc
import Images
import Kernel
import Manifest

struct CredentialHelper {
  private let program: String

  /// name: as config.json has it.
  init(_ name: String) throws(Failure) {
    guard !name.isEmpty, !name.contains("/") else { throw Failure("the credential helper \"\(name)\" is no program's name") }
    program = "docker-credential-" + name
  }

  /// nil: it has none for the registry.
  func credential(for reference: ImageReference) throws(Failure) -> RegistryCredential? {
    let places: [String] = Self.path.split(separator: ":").map { "\($0)/\(program)" }
    guard let path = places.first(where: { access($0, X_OK) == 0 }) else {
      throw Failure("the credential helper \(program) is not in PATH")
    }
    let (status, said) = try failing("asking \(program)") { () throws(SysError) in try ask(path, RegistryCredentials.server(of: reference)) }
    let text = String(decoding: said, as: UTF8.self)
    if status != 0 {
      // Its way to say that it knows nothing of the registry.
      if text.contains("credentials not found") { return nil }
      throw Failure("\(program) ended with \(status): \(text.split(separator: "\n").joined(separator: " "))")
    }
    let answer = try Failure.json(said, "the answer of \(program)")
    let (user, secret) = (answer["Username"]?.string ?? "", answer["Secret"]?.string ?? "")
    if secret.isEmpty { return nil }
    return user == "<token>" ? RegistryCredential(user: "", password: "", identityToken: secret) : RegistryCredential(user: user, password: secret)
  }

  private func ask(_ path: String, _ server: String) throws(SysError) -> (status: Int32, said: [UInt8]) {
    let input = try FileDescriptor.pipe()
    let output = try FileDescriptor.pipe()
    var plan = SpawnPlan(.paths([path]), [program, "get"], environment: Self.environment)
    plan.steps = [
      .init(.deathSignal(SIGTERM)), .init(.duplicate(from: input.read.raw, to: 700)), .init(.duplicate(from: output.write.raw, to: 701)),
      .init(.duplicate(from: 700, to: 0)), .init(.duplicate(from: 701, to: 1)), .init(.closeFrom(3, atExec: true)),
    ]
    let child = try plan.spawn()
    let (away, question) = input.ends()
    let (answer, theirs) = output.ends()
    defer { _ = close(answer) }
    _ = close(away)
    _ = close(theirs)
    // One that does not read is known by its answer. A server's name fits into the pipe.
    _ = optional { () throws(SysError) in try writeAll(question, server + "\n") }
    _ = close(question)
    var said: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while said.count < 1 << 20 {
      let n = read(answer, &buffer, buffer.count)
      if n < 0 && errno == EINTR { continue }
      if n < 0 { throw SysError(call: "read", object: path, errno: errno) }
      if n == 0 { break }
      said += buffer[..<n]
    }
    return (try child.wait().code, said)
  }

  /// The user's own.
  private static var path: String { (getenv("PODLAB_USER_PATH") ?? getenv("PATH")).map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin" }

  /// The user's own, as far as it came here: keyrings are found by it.
  private static var environment: [String] {
    let names: [String] = [
      "HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "GNUPGHOME", "PASSWORD_STORE_DIR", "LC_ALL", "TERM",
    ]
    return ["PATH=\(path)"] + names.compactMap { (name: String) -> String? in getenv(name).map { "\(name)=\(String(cString: $0))" } }
  }
}
