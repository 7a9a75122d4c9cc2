// SPDX-License-Identifier: Apache-2.0
//
// Probes and hooks: the effects runProbe, runHook, cancelHook, and commands in containers.
import Control
import Glibc
import Kernel
import Manifest
import PodEngine
import Runtime

extension Supervisor: HandlerHost {
  var podIP: String? { engine.status.podIPs.first }
  var tlsProgram: String { node.programs + "/podlab-tls" }

  func runProbe(_ name: String, _ kind: ProbeKind) {
    guard let c = container(name) else { return }
    let probe: Probe?
    switch kind {
    case .startup: probe = c.startupProbe
    case .liveness: probe = c.livenessProbe
    case .readiness: probe = c.readinessProbe
    }
    guard let probe else { return }
    let key = "\(name) \(kind.rawValue)"
    let run = HandlerRun(self, c) { [unowned self] outcome in
      handlers[key] = nil
      switch outcome {
      case .success: feed(.probeFinished(container: name, probe: kind, result: .success))
      case .warning(let what): feed(.probeFinished(container: name, probe: kind, result: .warning(what)))
      case .failure(let why): feed(.probeFinished(container: name, probe: kind, result: .failure(why)))
      case .error(let why): feed(.probeFinished(container: name, probe: kind, result: .unknown(why)))
      }
    }
    handlers[key]?.cancel()
    handlers[key] = run
    run.begin(probe.handler, seconds: probe.timeoutSeconds)
  }

  func runHook(_ name: String, _ kind: HookKind) {
    guard let c = container(name), let handler = kind == .postStart ? c.lifecycle.postStart : c.lifecycle.preStop else { return }
    let key = "\(name) \(kind.rawValue)"
    let run = HandlerRun(self, c, isHook: true) { [unowned self] outcome in
      handlers[key] = nil
      switch outcome {
      case .success, .warning: feed(.hookFinished(container: name, hook: kind, failure: nil))
      case .failure(let why), .error(let why): feed(.hookFinished(container: name, hook: kind, failure: hookText(handler, name, why)))
      }
    }
    handlers[key] = run
    run.begin(handler, seconds: nil)
  }

  /// How the kubelet tells of a hook that failed (pkg/kubelet/lifecycle/handlers.go).
  private func hookText(_ handler: Handler, _ name: String, _ why: String) -> String {
    let what: String
    switch handler {
    case .exec(let words): what = "Exec lifecycle hook ([\(words.joined(separator: " "))])"
    case .httpGet(let get): what = "HTTP lifecycle hook (\(get.path))"
    case .sleep(let seconds): what = "Sleep lifecycle hook (\(seconds))"
    case .tcpSocket, .grpc: return "Cannot run handler: \(why)"
    }
    return "\(what) for Container \"\(name)\" in Pod \"\(pod.metadata.fullName)\" failed - error: \(why)"
  }

  func cancelHook(_ name: String, _ kind: HookKind) { handlers.removeValue(forKey: "\(name) \(kind.rawValue)")?.cancel() }

  func execute(_ command: [String], in container: Container, done: @escaping (CommandEnd) -> Void) -> (any CommandRun)? {
    guard let fd = pidfds[container.name], let entry = state.containers.first(where: { $0.name == container.name }) else {
      done(.notStarted("container not running"))
      return nil
    }
    do throws(SysError) {
      let pipe = try FileDescriptor.pipe()
      let spec = try entry.exec.spec(
        command, environment: entry.exec.environment, streams: .descriptors(-1, pipe.write.raw, pipe.write.raw))
      let child: Int32
      do throws(StartFailure) { child = try spec.start(in: fd, rights: node.host.rights).release() } catch {
        done(.notStarted(error.message))
        return nil
      }
      let (read, write) = pipe.ends()
      _ = close(write)
      return try RunningCommand(loop, pidfd: child, output: read, done)
    } catch {
      done(.notStarted("\(error)"))
      return nil
    }
  }
}

/// A command in a container, with what it writes.
final class RunningCommand: CommandRun {
  private let loop: EventLoop
  private let pidfd: Int32
  private let output: Int32
  private var text: [UInt8] = []
  private var done: ((CommandEnd) -> Void)?
  /// pkg/kubelet/prober: what of the output is kept.
  private static let limit = 10 << 10

  init(_ loop: EventLoop, pidfd: Int32, output: Int32, _ done: @escaping (CommandEnd) -> Void) throws(SysError) {
    (self.loop, self.pidfd, self.output, self.done) = (loop, pidfd, output, done)
    let flags = fcntl(output, F_GETFL)
    _ = fcntl(output, F_SETFL, flags | O_NONBLOCK)
    try loop.watch(output) { [weak self] _ in self?.read() }
    try loop.watch(pidfd) { _ in self.end() }
  }

  private func read() {
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let n = Glibc.read(output, &chunk, chunk.count)
      if n < 0 && errno == EINTR { continue }
      if n == 0 { loop.forget(output) }
      guard n > 0 else { return }
      if text.count < Self.limit { text += chunk[..<min(n, Self.limit - text.count)] }
    }
  }

  private func end() {
    read()
    let status = optional { () throws(SysError) in try ExitStatus.collect(pidfd: pidfd, wait: true) } ?? nil
    loop.forget(output)
    loop.forget(pidfd)
    _ = close(output)
    _ = close(pidfd)
    let say = done
    done = nil
    say?(.ended(status ?? ExitStatus(code: 255), output: String(decoding: text, as: UTF8.self)))
  }

  /// Ends it; its end is still reaped, but told to nobody.
  func kill() {
    done = nil
    _ = optional { () throws(SysError) in try Pidfd.signal(pidfd, SIGKILL) }
  }
}
