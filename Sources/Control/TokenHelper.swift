// SPDX-License-Identifier: Apache-2.0
//
// Service account tokens: their claims from the instance's objects, their signature from the helper `podlab-token`, which alone reads the issuer's
// key.
import Glibc
import Kernel
import Manifest

extension Instance {
  /// The uid of a ServiceAccount; nil where there is none.
  public func serviceAccount(_ namespace: String, _ name: String) throws(SysError) -> TokenClaims.Reference? {
    guard let account = try object("ServiceAccount", namespace, name) else { return nil }
    return TokenClaims.Reference(name: name, uid: account["metadata"]?["uid"]?.string ?? "")
  }

  public var nodeReference: TokenClaims.Reference { TokenClaims.Reference(name: Self.nodeName, uid: nodeUID) }
}

/// A token that a Pod's volumes ask for.
public struct TokenRequest: Hashable, Sendable {
  /// nil: the API server's own.
  public var audience: String?
  public var seconds: Int64
  public init(audience: String?, seconds: Int64) { (self.audience, self.seconds) = (audience, seconds) }

  /// What a Pod's volumes ask for, each once.
  public static func all(of pod: Pod) -> [TokenRequest] {
    var all: [TokenRequest] = []
    for volume in pod.spec.volumes {
      guard case .projected(let sources, _) = volume.source else { continue }
      for case .serviceAccountToken(let audience, let seconds, _) in sources {
        let request = TokenRequest(audience: audience, seconds: seconds)
        if !all.contains(request) { all.append(request) }
      }
    }
    return all
  }
}

extension Instance {
  /// The claims of a Pod's tokens; nil where its service account is not there.
  public func claims(_ requests: [TokenRequest], of pod: Pod) throws(SysError) -> [TokenClaims]? {
    guard let account = try serviceAccount(pod.metadata.namespace, pod.spec.serviceAccountName) else { return nil }
    let binding = TokenClaims.Binding.pod(.init(name: pod.metadata.name, uid: pod.metadata.uid), node: nodeReference)
    return requests.map {
      TokenClaims(namespace: pod.metadata.namespace, serviceAccount: account, binding: binding, audiences: $0.audience.map { [$0] } ?? [], seconds: $0.seconds)
    }
  }
}

/// One run of the helper. It prints the tokens in the order of the claims.
public final class TokenRun {
  /// Readable when there is something to do: the helper has ended, or (inherited) has written.
  public let watched: Int32
  /// Started by another process: only its output is ours.
  public let isInherited: Bool
  private let output: Int32
  private let count: Int
  private let since = Clock.monotonic
  private var text: [UInt8] = []

  /// Starts it and returns when it runs. Without claims it makes the instance's keys, where they are missing.
  public init(_ claims: [TokenClaims], _ instance: Instance, programs: String) throws(SysError) {
    let pipe = try FileDescriptor.pipe()
    watched = try Self.start(claims, instance, programs: programs, output: pipe.write.raw).release()
    let ends = pipe.ends()
    _ = close(ends.1)
    output = ends.0
    count = claims.count
    isInherited = false
  }

  /// Takes what a helper writes that somebody else has started for `count` tokens. Takes the descriptor.
  public init(inherited output: Int32, count: Int) {
    (watched, self.output, self.count, isInherited) = (output, output, count, true)
    _ = fcntl(output, F_SETFD, FD_CLOEXEC)
    _ = fcntl(output, F_SETFL, fcntl(output, F_GETFL) | O_NONBLOCK)
  }

  deinit {
    if watched != output { _ = close(watched) }
    _ = close(output)
  }

  /// Starts the helper with its output into a descriptor.
  static func start(_ claims: [TokenClaims], _ instance: Instance, programs: String, output: Int32) throws(SysError) -> Child {
    let now = Clock.wall / 1_000_000_000
    let texts = claims.map { String(decoding: JSON.compactBytes($0.value(now: now, id: Instance.uuid())), as: UTF8.self) }
    var plan = SpawnPlan(.paths([programs + "/podlab-token"]), ["podlab-token", instance.keys] + texts)
    plan.steps = [
      .init(.open("/dev/null", flags: O_RDONLY, as: 0)), .init(.duplicate(from: output, to: 700)), .init(.duplicate(from: 700, to: 1)),
      .init(.duplicate(from: 700, to: 2)), .init(.closeFrom(3, atExec: true)), .init(.umask(0o077)),
    ]
    do throws(SysError) { return try plan.spawn() } catch { throw error.during("starting the helper that signs tokens") }
  }

  /// Whether its tokens are about as young as they say.
  public var isFresh: Bool { Clock.monotonic - since < 30_000_000_000 }

  /// Whether the helper has said all, so that finish() does not wait.
  public func isComplete() throws(SysError) -> Bool {
    if !isInherited { return true }
    var chunk = [UInt8](repeating: 0, count: 16384)
    while true {
      let n = read(output, &chunk, chunk.count)
      if n == 0 { return true }
      if n < 0 && errno == EINTR { continue }
      if n < 0 && errno == EAGAIN { return false }
      if n < 0 { throw SysError(step: "signing a token", call: "read", object: "the helper's output", errno: errno) }
      text += chunk[..<n]
    }
  }

  /// The tokens; waits for the helper's end.
  public func finish() throws(SysError) -> [String] {
    var status = ExitStatus(code: 0)
    if !isInherited {
      text = try FileSystem.read(output, "the helper's output", limit: 1 << 20)
      status = try ExitStatus.collect(pidfd: watched, wait: true) ?? ExitStatus(code: 255)
    }
    let lines = String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
    guard status.code == 0, lines.count == count, !lines.contains(where: { $0.hasPrefix("podlab-token: ") }) else {
      let said = lines.last { $0.hasPrefix("podlab-token: ") }.map { String($0.dropFirst(14)) } ?? "it ended with \(status.code)"
      throw SysError(step: "signing a token", call: "execve", object: "podlab-token", errno: ECHILD, hint: said)
    }
    return lines
  }
}
