// SPDX-License-Identifier: Apache-2.0
//
// What a service account gives a Pod, and how long its tokens live.
import Manifest
import Testing

@Suite struct ServiceAccounts {
  private func pod(_ spec: String) -> Value {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: \(spec)\n"
    return Loader.load(Array(text.utf8), file: "x").objects[0].value
  }
  private let account: Value = .object([("kind", .string("ServiceAccount")), ("metadata", .object([("name", .string("default"))]))])
  private let bytes: [UInt8] = [0, 1, 2, 3, 4]

  @Test func everyContainerGetsTheMountButOneThatHasItsOwn() {
    let path = ServiceAccountAdmission.mountPath
    let p = pod(
      "{initContainers: [{name: i, image: x}], containers: [{name: a, image: x}, {name: b, image: x, volumeMounts: [{name: v, mountPath: \(path)}]}], volumes: [{name: v, emptyDir: {}}]}")
    let spec = ServiceAccountAdmission.admit(p, account: account, old: nil, random: bytes)["spec"]
    #expect(spec?["initContainers"]?[0]?["volumeMounts"]?[0]?["mountPath"]?.string == path)
    #expect(spec?["containers"]?[0]?["volumeMounts"]?[0]?["name"]?.string == "kube-api-access-bcdfg")
    #expect(spec?["containers"]?[1]?["volumeMounts"]?.array?.count == 1)
    #expect(spec?["volumes"]?.array?.count == 2)
  }

  @Test func whoHasOptedOutGetsNothing() {
    var closed = account
    closed["automountServiceAccountToken"] = .bool(false)
    let p = pod("{containers: [{name: a, image: x}]}")
    #expect(ServiceAccountAdmission.admit(p, account: closed, old: nil, random: bytes) == p)
    let own = pod("{automountServiceAccountToken: true, containers: [{name: a, image: x}]}")
    #expect(ServiceAccountAdmission.admit(own, account: closed, old: nil, random: bytes)["spec"]?["volumes"]?.array?.count == 1)
    let off = pod("{automountServiceAccountToken: false, containers: [{name: a, image: x}]}")
    #expect(ServiceAccountAdmission.admit(off, account: account, old: nil, random: bytes) == off)
  }

  @Test func appliedAgainItIsTheSame() {
    let p = pod("{containers: [{name: a, image: x}]}")
    let first = ServiceAccountAdmission.admit(p, account: account, old: nil, random: bytes)
    #expect(ServiceAccountAdmission.admit(p, account: account, old: first, random: [9, 9, 9, 9, 9]) == first)
    #expect(Validation.pod(first).isEmpty)
  }

  @Test(arguments: [
    ("", ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]),
    ("{operator: Exists}", []), ("{key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute}", ["node.kubernetes.io/unreachable"]),
    ("{key: node.kubernetes.io/unreachable, operator: Exists}", ["node.kubernetes.io/not-ready"]),
    ("{key: node.kubernetes.io/not-ready, operator: Exists, effect: NoSchedule}", ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]),
  ])
  func aNodeThatIsAwayIsToleratedForFiveMinutes(_ own: String, _ added: [String]) {
    let first = DefaultTolerations.admit(pod("{tolerations: [\(own)], containers: [{name: a, image: x}]}"))
    let more = (first["spec"]?["tolerations"]?.array ?? []).dropFirst(own.isEmpty ? 0 : 1)
    #expect(more.map { $0["key"]?.string } == added && more.allSatisfy { $0["tolerationSeconds"]?.int == 300 && $0["operator"]?.string == "Exists" })
    #expect(DefaultTolerations.admit(first) == first && Validation.pod(first).isEmpty)
  }

  @Test func aTokenIsRenewedAtFourFifthsOfItsLifeAndAfterADayAtMost() {
    #expect(TokenClaims.renewal(seconds: 600) == 480)
    #expect(TokenClaims.renewal(seconds: 3607) == 2886)
    #expect(TokenClaims.renewal(seconds: 30 * 86400) == 86400)
  }

  @Test func onlyAPodsOwnTokenForTheAPILivesLonger() {
    let me = TokenClaims.Reference(name: "sa", uid: "1")
    func claims(_ binding: TokenClaims.Binding, _ audiences: [String], _ seconds: Int64) -> Value {
      TokenClaims(namespace: "n", serviceAccount: me, binding: binding, audiences: audiences, seconds: seconds).value(now: 1000, id: "j")
    }
    let pod = TokenClaims.Binding.pod(me, node: me)
    let year: Int64 = 365 * 86400
    #expect(claims(pod, [], 3607)["exp"]?.int == year + 1000)
    #expect(claims(pod, [], 3607)["kubernetes.io"]?["warnafter"]?.int == 4607)
    #expect(claims(pod, ["vault"], 3607)["exp"]?.int == 4607)
    #expect(claims(.none, [], 3607)["exp"]?.int == 4607)
    #expect(claims(pod, [], 3600)["kubernetes.io"]?["warnafter"] == nil)
    #expect(claims(.none, ["vault"], 600)["sub"]?.string == "system:serviceaccount:n:sa")
  }

  @Test func tenMinutesAtLeast() {
    #expect(TokenClaims.refusal(seconds: 599)?.path == "spec.expirationSeconds")
    #expect(TokenClaims.refusal(seconds: 600) == nil)
    #expect(TokenClaims.refusal(seconds: (1 << 32) + 1) != nil)
  }
}
