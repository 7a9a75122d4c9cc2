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

/// One run of the helper. It prints the tokens in the order of the claims.
public final class TokenRun {
  public let pidfd: Int32
  private let output: Int32
  private let count: Int

  /// Starts it and returns when it runs. Without claims it makes the instance's keys, where they are missing.
  public init(_ claims: [TokenClaims], _ instance: Instance, programs: String) throws(SysError) {
    let now = Clock.wall / 1_000_000_000
    let texts = claims.map { String(decoding: JSON.compactBytes($0.value(now: now, id: Instance.uuid())), as: UTF8.self) }
    let pipe = try FileDescriptor.pipe()
    var plan = SpawnPlan(.paths([programs + "/podlab-token"]), ["podlab-token", instance.keys] + texts)
    plan.steps = [
      .init(.open("/dev/null", flags: O_RDONLY, as: 0)), .init(.duplicate(from: pipe.write.raw, to: 700)), .init(.duplicate(from: 700, to: 1)),
      .init(.duplicate(from: 700, to: 2)), .init(.closeFrom(3, atExec: true)), .init(.umask(0o077)),
    ]
    do throws(SysError) { pidfd = try plan.spawn().release() } catch { throw error.during("starting the helper that signs tokens") }
    let ends = pipe.ends()
    _ = close(ends.1)
    output = ends.0
    count = claims.count
  }

  deinit {
    _ = close(pidfd)
    _ = close(output)
  }

  /// The tokens; waits for the helper's end.
  public func finish() throws(SysError) -> [String] {
    let bytes = try FileSystem.read(output, "the helper's output", limit: 1 << 20)
    let status = try ExitStatus.collect(pidfd: pidfd, wait: true) ?? ExitStatus(code: 255)
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    guard status.code == 0, lines.count == count else {
      let said = lines.last { $0.hasPrefix("podlab-token: ") }.map { String($0.dropFirst(14)) } ?? "it ended with \(status.code)"
      throw SysError(step: "signing a token", call: "execve", object: "podlab-token", errno: ECHILD, hint: said)
    }
    return lines
  }
}
