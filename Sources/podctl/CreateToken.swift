// SPDX-License-Identifier: Apache-2.0
//
// create token: a token of a service account, as the TokenRequest API issues it. Kubernetes staging/src/k8s.io/kubectl/pkg/cmd/create/create_token.go,
// pkg/registry/core/serviceaccount/storage/token.go.
import ArgumentParser
import Control
import Glibc
import Kernel
import Manifest

struct CreateTokenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: "Request a service account token.",
    discussion: "Example: podctl create token default --audience vault --duration 10m")

  @Argument(help: "The service account.") var names: [String] = []
  @Option(name: .long, help: "For whom it is; may be repeated. Without one, the API server.") var audience: [String] = []
  @Option(name: .long, help: "How long it is good for, 10m at least (1h without it).") var duration = "0s"
  @Option(name: .long, help: "Pod, Secret or Node: the token ends with this object.") var boundObjectKind: String?
  @Option(name: .long, help: "The object's name.") var boundObjectName: String?
  @Option(name: .long, help: "The object's uid; without it, that of the object there is.") var boundObjectUid: String?
  @Option(name: .shortAndLong, help: "json, yaml, name or jsonpath=TEMPLATE: the whole TokenRequest.") var output: String?
  @OptionGroup var common: CommonOptions

  func run() throws {
    let name = try CreateOptions.name(names)
    let seconds = try judged()
    let session = try common.open()
    guard let account = try session.instance.serviceAccount(common.ns, name) else { throw failed("serviceaccounts \"\(name)\" not found") }
    let binding = try binding(name, session)
    if let no = TokenClaims.refusal(seconds: seconds) {
      throw failed("TokenRequest.authentication.k8s.io \"\" is invalid: \(no.path): Invalid value: \(no.value): \(no.detail)")
    }
    let claims = TokenClaims(namespace: common.ns, serviceAccount: account, binding: binding, audiences: audience, seconds: seconds)
    let now = session.now
    guard let token = try TokenRun([claims], session.instance, programs: session.programs).finish().first else { throw failed("no token in server response") }
    guard let output else { return say(1, isatty(1) == 1 ? token + "\n" : token) }
    let expiry = WallTime(nanoseconds: now.nanoseconds + seconds * 1_000_000_000)
    let request: Value = .object([
      ("apiVersion", .string("authentication.k8s.io/v1")), ("kind", .string("TokenRequest")),
      ("metadata", .object([("creationTimestamp", .string(now.rfc3339)), ("name", .string(name)), ("namespace", .string(common.ns))])),
      ("spec", .object([
        ("audiences", .strings(claims.audiences)), ("boundObjectRef", reference), ("expirationSeconds", .int(seconds)),
      ])),
      ("status", .object([("expirationTimestamp", .string(expiry.rfc3339)), ("token", .string(token))])),
    ])
    switch output {
    case "json": say(1, JSON.pretty(request) + "\n")
    case "yaml": say(1, YAML.write(request))
    case "name": say(1, "tokenrequest.authentication.k8s.io/\(name)\n")
    case let o where o.hasPrefix("jsonpath="):
      do throws(JSONPath.Invalid) { say(1, try JSONPath(String(o.dropFirst(9))).text(in: request)) } catch { throw Failure.error("\(error)") }
    default:
      throw Failure.error("unable to match a printer suitable for the output format \"\(output)\", allowed formats are: json,jsonpath,name,yaml")
    }
  }

  private var reference: Value {
    guard let boundObjectKind else { return .null }
    var v: [(String, Value)] = [("apiVersion", .string("v1")), ("kind", .string(boundObjectKind)), ("name", .string(boundObjectName ?? ""))]
    if let boundObjectUid { v.append(("uid", .string(boundObjectUid))) }
    return .object(v)
  }

  private func failed(_ why: String) -> Failure { .error("failed to create token: \(why)") }

  /// kubectl's own judgement, before anything is asked. Returns the seconds.
  private func judged() throws -> Int64 {
    guard let length = podctl.duration(duration) else {
      throw Failure.error("invalid argument \"\(duration)\" for \"--duration\" flag: time: invalid duration \"\(duration)\"")
    }
    if length < 0 { throw Failure.error("--duration must be greater than or equal to 0") }
    if length % 1_000_000_000 != 0 { throw Failure.error("--duration cannot be expressed in units less than seconds") }
    if audience.contains("") { throw Failure.error("--audience must not be an empty string") }
    if let kind = boundObjectKind {
      guard ["Node", "Pod", "Secret"].contains(kind) else { throw Failure.error("supported --bound-object-kind values are Node, Pod, Secret") }
      if (boundObjectName ?? "").isEmpty { throw Failure.error("--bound-object-name is required if --bound-object-kind is provided") }
    } else {
      if boundObjectName != nil { throw Failure.error("--bound-object-name can only be set if --bound-object-kind is provided") }
      if boundObjectUid != nil { throw Failure.error("--bound-object-uid can only be set if --bound-object-kind is provided") }
    }
    return length == 0 ? 3600 : length / 1_000_000_000
  }

  private func binding(_ name: String, _ session: Session) throws -> TokenClaims.Binding {
    guard let kind = boundObjectKind, let object = boundObjectName else { return .none }
    func reference(_ uid: String?, _ plural: String) throws -> TokenClaims.Reference {
      guard let uid else { throw failed("\(plural) \"\(object)\" not found") }
      if let given = boundObjectUid, given != uid {
        throw failed(
          "Operation cannot be fulfilled on \(kind) \"\(object)\": the UID in the bound object reference (\(given)) does not match the UID in record. The object might have been deleted and then recreated")
      }
      return TokenClaims.Reference(name: object, uid: uid)
    }
    switch kind {
    case "Pod":
      let pod = try session.instance.readPodObject(common.ns, object)
      let found = try reference(pod?["metadata"]?["uid"]?.string, "pods")
      let user = pod?["spec"]?["serviceAccountName"]?.string ?? "default"
      if user != name { throw failed("cannot bind token for serviceaccount \"\(name)\" to pod running with different serviceaccount name.") }
      return .pod(found, node: session.instance.nodeReference)
    case "Secret":
      return .secret(try reference(try session.instance.object("Secret", common.ns, object)?["metadata"]?["uid"]?.string, "secrets"))
    default:
      let node = session.instance.nodeReference
      return .node(try reference(object == node.name ? node.uid : nil, "nodes"))
    }
  }
}
