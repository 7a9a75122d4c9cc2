// SPDX-License-Identifier: Apache-2.0
//
// The Pod's service account tokens: asked of the helper beside the sandbox's creation, kept in memory, replaced at 80 % of their life by a timer.
// Kubernetes pkg/kubelet/token/token_manager.go.
import Control
import Glibc
import Kernel
import Manifest
import PodEngine

/// Tokens by what they were asked for.
final class TokenKeeper: TokenSource {
  struct Request: Hashable {
    var audience: String?
    var seconds: Int64
  }
  struct Token {
    var text: String
    /// When the next one is to be had: nanoseconds of CLOCK_MONOTONIC.
    var renewAt: Int64
  }

  var tokens: [Request: Token] = [:]
  /// The helper at work.
  var run: TokenRun?
  /// Why the last request failed.
  var failure: String?
  var timer: Timers.Handle?

  func token(audience: String?, seconds: Int64) throws(ConfigError) -> [UInt8] {
    guard let token = tokens[Request(audience: audience, seconds: seconds)] else {
      throw ConfigError("failed to fetch token: \(failure ?? "it has not been issued yet")")
    }
    return Array(token.text.utf8)
  }

  /// What a Pod's volumes ask for, each once.
  static func requests(_ pod: Pod) -> [Request] {
    var all: [Request] = []
    for volume in pod.spec.volumes {
      guard case .projected(let sources, _) = volume.source else { continue }
      for case .serviceAccountToken(let audience, let seconds, _) in sources {
        let request = Request(audience: audience, seconds: seconds)
        if !all.contains(request) { all.append(request) }
      }
    }
    return all
  }

  /// Whether the Pod shows the instance's certificate, which is made with the keys.
  static func needsCertificate(_ pod: Pod) -> Bool {
    let name = "kube-root-ca.crt"
    return pod.spec.volumes.contains { volume in
      switch volume.source {
      case .configMap(name: name, _, _, _): true
      case .projected(let sources, _): sources.contains { if case .configMap(name: name, _, _) = $0 { true } else { false } }
      default: false
      }
    }
  }
}

extension Supervisor {
  /// Whether tokens are on their way; when they have come, `then` is called. False: all that are needed are there, or cannot be had.
  func fetchTokens(renew: Bool = false, then: @escaping () -> Void) -> Bool {
    guard tokens.run == nil else { return true }
    let now = Clock.monotonic
    let due = TokenKeeper.requests(pod).filter { r in tokens.tokens[r].map { renew && $0.renewAt <= now } ?? true }
    let makesKeys = due.isEmpty && TokenKeeper.needsCertificate(pod) && !FileSystem.exists(instance.keys + "/ca.crt")
    guard !due.isEmpty || makesKeys else { return false }
    do throws(SysError) {
      let name = pod.spec.serviceAccountName
      guard let account = try instance.serviceAccount(pod.metadata.namespace, name) else {
        tokens.failure = "serviceaccounts \"\(name)\" not found"
        return false
      }
      let binding = TokenClaims.Binding.pod(.init(name: pod.metadata.name, uid: pod.metadata.uid), node: instance.nodeReference)
      let claims = due.map {
        TokenClaims(
          namespace: pod.metadata.namespace, serviceAccount: account, binding: binding, audiences: $0.audience.map { [$0] } ?? [], seconds: $0.seconds)
      }
      let run = try TokenRun(claims, instance, programs: node.programs)
      tokens.run = run
      try loop.watch(run.pidfd) { [unowned self] _ in
        tokensCame(due)
        then()
      }
      return true
    } catch {
      tokens.run = nil
      tokens.failure = "\(error)"
      return false
    }
  }

  private func tokensCame(_ requests: [TokenKeeper.Request]) {
    guard let run = tokens.run else { return }
    loop.forget(run.pidfd)
    tokens.run = nil
    do throws(SysError) {
      let now = Clock.monotonic
      for (request, text) in zip(requests, try run.finish()) {
        tokens.tokens[request] = .init(text: text, renewAt: now + TokenClaims.renewal(seconds: request.seconds) * second)
      }
      tokens.failure = nil
    } catch { tokens.failure = "\(error)" }
    planRenewal()
  }

  /// One timer, for the token that is due first. After a failure it is tried again a minute later.
  private func planRenewal() {
    if let old = tokens.timer { timers.cancel(old) }
    tokens.timer = nil
    guard let first = tokens.tokens.values.map(\.renewAt).min() else { return }
    let at = max(first, Clock.monotonic + (tokens.failure == nil ? 0 : 60 * second))
    tokens.timer = timers.schedule(at: at) { [unowned self] in
      tokens.timer = nil
      guard !engine.isFinished, infra >= 0 else { return }
      if !fetchTokens(renew: true, then: { [unowned self] in refill() }) { planRenewal() }
    }
  }
}
