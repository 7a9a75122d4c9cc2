// SPDX-License-Identifier: Apache-2.0
//
// get --raw: what the API server would answer to a GET of a path, as JSON on one line.
import Control
import Glibc
import Kernel
import Manifest

enum RawPath {
  static func show(_ text: String, _ session: Session) throws {
    let path = text.split(separator: "?")[0]
    switch path {
    case "/openid/v1/jwks": return say(1, try keys("jwks.json", session))
    case "/.well-known/openid-configuration": return say(1, try keys("openid-configuration.json", session))
    case "/healthz", "/livez", "/readyz": return say(1, "ok")
    case "/version", "/version/":
      return say(1, JSON.pretty(.object([("gitVersion", .string(VersionCommand.version)), ("major", .string("1")), ("minor", .string("37"))])) + "\n")
    default: say(1, JSON.compact(try answer(path.split(separator: "/").map(String.init), session).sorted) + "\n")
    }
  }

  private static func answer(_ parts: [String], _ session: Session) throws -> Value {
    let missing = Failure.server("NotFound", "the server could not find the requested resource")
    guard parts.count >= 3, parts[0] == "api", parts[1] == "v1" else { throw missing }
    var rest = parts.dropFirst(2)
    var ns: String?
    if rest.first == "namespaces" {
      guard rest.count >= 3 else { throw missing }
      ns = rest[rest.startIndex + 1]
      rest = rest.dropFirst(2)
    }
    guard let word = rest.popFirst(), let kind = Kind.allCases.first(where: { $0.plural == word }), kind.isNamespaced || ns == nil, rest.count <= 2 else { throw missing }
    guard let name = rest.popFirst() else {
      return .object([
        ("kind", .string(kind.rawValue + "List")), ("apiVersion", .string("v1")), ("metadata", .object([("resourceVersion", .string(""))])),
        ("items", .array(try session.list(kind, ns))),
      ])
    }
    guard ns != nil || !kind.isNamespaced, rest.isEmpty || rest.first == "status" && (kind == .pod || kind == .node) else { throw missing }
    guard let v = try session.find(kind, ns ?? "", name) else { throw Failure.notFound(kind, name) }
    return v
  }

  /// What the issuer of tokens publishes: DATA/keys.
  private static func keys(_ file: String, _ session: Session) throws -> String {
    if session.instance.exists, !FileSystem.exists("\(session.instance.keys)/issuer.key") {
      _ = try TokenRun([], session.instance, programs: session.programs).finish()
    }
    do throws(SysError) { return try FileSystem.readText("\(session.instance.data)/keys/\(file)") } catch {
      if error.errno != ENOENT && error.errno != ENOTDIR { throw error }
      throw Failure.server("NotFound", "no key has been made yet: the first token makes it (podctl create token NAME, or a pod with a service account token)")
    }
  }
}
