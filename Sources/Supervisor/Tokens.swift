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
  struct Token {
    var text: String
    /// When the next one is to be had: nanoseconds of CLOCK_MONOTONIC.
    var renewAt: Int64
  }

  var tokens: [TokenRequest: Token] = [:]
  /// The helper at work.
  var run: TokenRun?
  /// The one that whoever made the Pod started for its first tokens, beside podd's own start.
  var first: TokenRun?
  /// Why the last request failed.
  var failure: String?
  var timer: Timers.Handle?

  func token(audience: String?, seconds: Int64) throws(ConfigError) -> [UInt8] {
    guard let token = tokens[TokenRequest(audience: audience, seconds: seconds)] else {
      throw ConfigError("failed to fetch token: \(failure ?? "it has not been issued yet")")
    }
    return Array(token.text.utf8)
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
    let wanted = TokenRequest.all(of: pod)
    let due = wanted.filter { r in tokens.tokens[r].map { renew && $0.renewAt <= now } ?? true }
    let makesKeys = due.isEmpty && TokenKeeper.needsCertificate(pod) && !FileSystem.exists(instance.keys + "/ca.crt")
    guard !due.isEmpty || makesKeys else { return false }
    do throws(SysError) {
      let run: TokenRun
      if let first = tokens.first, due == wanted, first.isFresh {
        run = first
      } else {
        guard let claims = try instance.claims(due, of: pod) else {
          tokens.failure = "serviceaccounts \"\(pod.spec.serviceAccountName)\" not found"
          return false
        }
        run = try TokenRun(claims, instance, programs: node.programs)
      }
      tokens.first = nil
      tokens.run = run
      try loop.watch(run.watched) { [unowned self] _ in if tokensCame(due, then) { then() } }
      return true
    } catch {
      tokens.run = nil
      tokens.failure = "\(error)"
      return false
    }
  }

  /// False: not all is there yet, or another helper had to be asked, which calls `then` itself.
  private func tokensCame(_ requests: [TokenRequest], _ then: @escaping () -> Void) -> Bool {
    guard let run = tokens.run else { return false }
    do throws(SysError) {
      guard try run.isComplete() else { return false }
      loop.forget(run.watched)
      tokens.run = nil
      let now = Clock.monotonic
      for (request, text) in zip(requests, try run.finish()) {
        tokens.tokens[request] = .init(text: text, renewAt: now + TokenClaims.renewal(seconds: request.seconds) * second)
      }
      tokens.failure = nil
    } catch {
      loop.forget(run.watched)
      tokens.run = nil
      // Its maker may have been killed before it could start the helper.
      if run.isInherited {
        if fetchTokens(then: then) { return false }
      } else {
        tokens.failure = "\(error)"
      }
    }
    planRenewal()
    return true
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
