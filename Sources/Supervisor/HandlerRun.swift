// SPDX-License-Identifier: Apache-2.0
//
// One run of what a probe or a hook does, with a time limit. Texts are kubelet's and Go's. Kubernetes pkg/probe, pkg/kubelet/lifecycle.
import Glibc
import Kernel
import Manifest

/// How a run ended.
enum HandlerOutcome: Equatable {
  case success
  /// It counts as success, and there is something to tell (ProbeWarning).
  case warning(String)
  /// The handler says no: what a probe's event shows.
  case failure(String)
  /// It could not be carried out.
  case error(String)
}

/// What a run needs from its surroundings.
protocol HandlerHost: AnyObject {
  var loop: EventLoop { get }
  var timers: Timers { get }
  /// Where a probe without a host goes.
  var podIP: String? { get }
  /// The program podlab-tls.
  var tlsProgram: String { get }
  /// An event about the Pod.
  func warn(_ reason: String, _ message: String)
  /// Runs a command in the container. The answer comes once: exit status and what it wrote (first 10 KiB), or why it could not be started.
  func execute(_ command: [String], in container: Container, done: @escaping (CommandEnd) -> Void) -> (any CommandRun)?
}

/// A running command that can be given up.
protocol CommandRun: AnyObject {
  func kill()
}

enum CommandEnd {
  case ended(ExitStatus, output: String)
  case notStarted(String)
}

final class HandlerRun {
  unowned let host: any HandlerHost
  let container: Container
  /// A hook of the container's life, not a probe: other rules for what counts (pkg/kubelet/lifecycle/handlers.go).
  let isHook: Bool
  private var limit: Timers.Handle?
  private var lookup: NameLookup?
  var exchange: Exchange?
  private var command: (any CommandRun)?
  private var done: ((HandlerOutcome) -> Void)?
  /// What a time limit's message names.
  var pending = ""
  var redirects = 0
  /// How far a grpc call got, for the message of its time limit.
  var isCallOut = false
  private var retry: Timers.Handle?

  init(_ host: any HandlerHost, _ container: Container, isHook: Bool = false, done: @escaping (HandlerOutcome) -> Void) {
    (self.host, self.container, self.isHook, self.done) = (host, container, isHook, done)
  }

  /// seconds: the time limit, nil for none.
  func begin(_ handler: Handler, seconds: Int64?) {
    if let seconds, case .sleep = handler {
      _ = seconds
    } else if let seconds {
      limit = host.timers.schedule(at: Clock.monotonic + seconds * 1_000_000_000) { [weak self] in self?.timedOut(handler, seconds) }
    }
    switch handler {
    case .exec(let words): exec(words)
    case .httpGet(let get): http(get)
    case .tcpSocket(let port, let name): tcp(port, name)
    case .grpc(let port, let service): grpc(port, service)
    case .sleep(let seconds):
      if seconds <= 0 { return finish(.success) }
      limit = host.timers.schedule(at: Clock.monotonic + seconds * 1_000_000_000) { [weak self] in self?.finish(.success) }
    }
  }

  /// Ends it in silence.
  func cancel() {
    done = nil
    stop()
  }

  private func stop() {
    if let limit { host.timers.cancel(limit) }
    limit = nil
    if let retry { host.timers.cancel(retry) }
    retry = nil
    lookup?.cancel()
    lookup = nil
    exchange?.cancel()
    exchange = nil
    command?.kill()
    command = nil
  }

  func finish(_ outcome: HandlerOutcome) {
    guard let done else { return }
    self.done = nil
    stop()
    done(outcome)
  }

  private func timedOut(_ handler: Handler, _ seconds: Int64) {
    switch handler {
    case .exec(let words): finish(.failure("command \"\(words.joined(separator: " "))\" timed out"))
    case .httpGet: finish(.failure("Get \"\(pending)\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"))
    case .tcpSocket: finish(.failure("dial tcp \(pending): i/o timeout"))
    case .grpc where isCallOut: finish(.failure("timeout: health rpc did not complete within \(seconds)s"))
    case .grpc: finish(.failure("timeout: failed to connect service \"\(pending)\" within \(seconds)s: context deadline exceeded"))
    case .sleep: finish(.success)
    }
  }

  // MARK: exec

  private func exec(_ words: [String]) {
    command = host.execute(words, in: container) { [weak self] end in
      guard let self else { return }
      command = nil
      switch end {
      case .ended(let status, _) where status.code == 0: finish(.success)
      case .ended(let status, let output) where isHook:
        finish(.failure("command '\(words.joined(separator: " "))' exited with \(status.code): , message: \(PodFacts.quoted(output))"))
      case .ended(_, let output): finish(.failure(output))
      case .notStarted(let why): finish(.error(isHook ? "\(why), message: \"\"" : why))
      }
    }
  }

  // MARK: network

  /// A number, or the container's port of that name (pkg/probe/util.go); nil: there is none, and that was said.
  func number(_ port: IntOrString) -> UInt16? {
    var value: Int64 = -1
    switch port {
    case .int(let n): value = n
    case .string(let name):
      guard let n = container.ports.first(where: { $0.name == name })?.containerPort ?? Int64(name) else {
        finish(.error("strconv.Atoi: parsing \(PodFacts.quoted(name)): invalid syntax"))
        return nil
      }
      value = n
    }
    if let n = UInt16(exactly: value), n > 0 { return n }
    finish(.error("invalid port number: \(value)"))
    return nil
  }

  /// The addresses of a host; what went wrong is said with the text before it.
  func resolve(_ name: String, failing prefix: String, then: @escaping ([IPAddress]) -> Void) {
    let begun = NameLookup.begin(host.loop, host.timers, name) { [weak self] answer in
      switch answer {
      case .addresses(let all): then(all)
      case .failed(let why): self?.finish(.failure(prefix + "dial tcp: " + why))
      }
    }
    // An answer that was known at once may have ended the run.
    if done != nil { lookup = begun } else { begun?.cancel() }
  }

  private func tcp(_ port: IntOrString, _ name: String?) {
    if isHook { return finish(.error("invalid handler: a tcpSocket hook never runs in Kubernetes")) }
    guard let number = number(port) else { return }
    let target = HTTPTarget(scheme: "tcp", host: name ?? host.podIP ?? "", port: Int64(number), path: "")
    pending = target.authority
    resolve(target.host, failing: "") { [weak self] addresses in
      guard let self else { return }
      let e = Exchange(
        host.loop,
        onConnect: { [weak self] in
          self?.finish(.success)
          return nil
        }, onBytes: { _ in .done },
        onEnd: { [weak self] end in
          guard case .failed(let code, _) = end else { return }
          self?.finish(.failure("dial tcp \(target.authority): connect: \(goText(code))"))
        })
      exchange = e
      e.begin(addresses, port: number)
    }
  }

  /// Calls again after a second, within the time limit.
  func later(_ what: @escaping () -> Void) {
    retry = host.timers.schedule(at: Clock.monotonic + 1_000_000_000) { [weak self] in
      self?.retry = nil
      what()
    }
  }
}
