// SPDX-License-Identifier: Apache-2.0
//
// What a service account's token says, and how long it is good for. Kubernetes pkg/serviceaccount/claims.go,
// pkg/registry/core/serviceaccount/storage/token.go, pkg/kubelet/token/token_manager.go.

public enum TokenIssuer {
  /// `iss`, and the audience of tokens that name none: the API server's default.
  public static let name = "https://kubernetes.default.svc.cluster.local"
}

public struct TokenClaims: Sendable, Equatable {
  /// An object by its name and uid.
  public struct Reference: Sendable, Equatable {
    public var name: String
    public var uid: String
    public init(name: String, uid: String) { (self.name, self.uid) = (name, uid) }
    var value: Value { .object([("name", .string(name)), ("uid", .string(uid))]) }
  }
  /// The object whose end is the token's end too.
  public enum Binding: Sendable, Equatable {
    case none
    case pod(Reference, node: Reference)
    case secret(Reference)
    case node(Reference)
  }

  public var namespace: String
  public var serviceAccount: Reference
  public var binding: Binding
  public var audiences: [String]
  /// How long it was asked for, in seconds.
  public var seconds: Int64

  /// What a Pod's own token is asked for, and the sign by which the API server knows it.
  public static let automounted: Int64 = 3607

  public init(namespace: String, serviceAccount: Reference, binding: Binding, audiences: [String], seconds: Int64) {
    (self.namespace, self.serviceAccount, self.binding, self.seconds) = (namespace, serviceAccount, binding, seconds)
    self.audiences = audiences.isEmpty ? [TokenIssuer.name] : audiences
  }

  /// Why the API server would not issue it, by field; nil where it would.
  public static func refusal(seconds: Int64) -> (path: String, value: Int64, detail: String)? {
    if seconds < 600 { return ("spec.expirationSeconds", seconds, "may not specify a duration less than 10 minutes") }
    if seconds > 1 << 32 { return ("spec.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds") }
    return nil
  }

  /// The claims. now: seconds since 1970; id: a fresh uuid. The token that every Pod gets is good for a year, so that a program that never reads it
  /// again goes on working, and says when it should have (warnafter).
  public func value(now: Int64, id: String) -> Value {
    var kubernetes: [(String, Value)] = [("namespace", .string(namespace))]
    var life = seconds
    var warnAfter: Int64?
    switch binding {
    case .none: break
    case .pod(let pod, let node):
      kubernetes += [("node", node.value), ("pod", pod.value)]
      if seconds == Self.automounted && audiences == [TokenIssuer.name] { (life, warnAfter) = (365 * 86400, now + seconds) }
    case .secret(let secret): kubernetes.append(("secret", secret.value))
    case .node(let node): kubernetes.append(("node", node.value))
    }
    kubernetes.append(("serviceaccount", serviceAccount.value))
    if let warnAfter { kubernetes.append(("warnafter", .int(warnAfter))) }
    return .object([
      ("aud", .strings(audiences)), ("exp", .int(now + life)), ("iat", .int(now)), ("iss", .string(TokenIssuer.name)), ("jti", .string(id)),
      ("kubernetes.io", .object(kubernetes)), ("nbf", .int(now)), ("sub", .string("system:serviceaccount:\(namespace):\(serviceAccount.name)")),
    ])
  }

  /// How long after it was issued a Pod's token is replaced: at 80 % of the life that was asked for, after a day at most. Seconds.
  public static func renewal(seconds: Int64) -> Int64 { min(seconds - seconds / 5, 86400) }
}
