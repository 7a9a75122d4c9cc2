// SPDX-License-Identifier: Apache-2.0
//
// One run of what a probe or a hook does, with a time limit. Texts are kubelet's and Go's. Kubernetes pkg/probe, pkg/kubelet/lifecycle.
import Glibc
import Kernel
import Manifest

/// How a run ended.
enum HandlerOutcome: Equatable {
  case success
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
  private unowned let host: any HandlerHost
  private let container: Container
  private var limit: Timers.Handle?
  private var exchange: Exchange?
  private var command: (any CommandRun)?
  private var done: ((HandlerOutcome) -> Void)?
  private var redirects = 0

  init(_ host: any HandlerHost, _ container: Container, done: @escaping (HandlerOutcome) -> Void) {
    (self.host, self.container, self.done) = (host, container, done)
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
    exchange?.cancel()
    exchange = nil
    command?.kill()
    command = nil
  }

  private func finish(_ outcome: HandlerOutcome) {
    guard let done else { return }
    self.done = nil
    stop()
    done(outcome)
  }

  private var pending = ""
  private func timedOut(_ handler: Handler, _ seconds: Int64) {
    switch handler {
    case .exec(let words): finish(.failure("command \"\(words.joined(separator: " "))\" timed out"))
    case .httpGet: finish(.failure("Get \"\(pending)\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"))
    case .tcpSocket: finish(.failure("dial tcp \(pending): i/o timeout"))
    case .grpc:
      finish(.failure("timeout: failed to connect service \"\(pending)\" within \(seconds)s: context deadline exceeded"))
    case .sleep: finish(.success)
    }
  }

  // MARK: exec

  private func exec(_ words: [String]) {
    command = host.execute(words, in: container) { [weak self] end in
      guard let self else { return }
      command = nil
      switch end {
      case .ended(let status, let output): finish(status.code == 0 ? .success : .failure(output))
      case .notStarted(let why): finish(.error(why))
      }
    }
  }

  // MARK: network

  /// A number, or the container's port of that name; nil when there is none.
  private func number(_ port: IntOrString) -> Int64? {
    switch port {
    case .int(let n): n > 0 && n < 65536 ? n : nil
    case .string(let name): container.ports.first { $0.name == name }?.containerPort ?? Int64(name)
    }
  }

  private func address(_ name: String) -> IPAddress? { IPAddress(literal: name) ?? NameLookup.address(name) }

  private func tcp(_ port: IntOrString, _ name: String?) {
    guard let number = number(port) else { return finish(.error("couldn't find port: \(port) in container \(container.name)")) }
    let target = HTTPTarget(scheme: "tcp", host: name ?? host.podIP ?? "", port: number, path: "")
    pending = target.authority
    guard let address = address(target.host) else { return finish(.failure("dial tcp: lookup \(target.host): no such host")) }
    let e = Exchange(
      host.loop,
      onConnect: { [weak self] in
        self?.finish(.success)
        return nil
      }, onBytes: { _ in .done },
      onEnd: { [weak self] end in
        if case .failed(let code, _) = end { self?.finish(.failure("dial tcp \(target.authority): connect: \(goText(code))")) }
      })
    exchange = e
    e.begin(address, port: UInt16(number))
  }

  private func http(_ get: HTTPGet) {
    guard let number = number(get.port) else { return finish(.error("couldn't find port: \(get.port) in container \(container.name)")) }
    var target = HTTPTarget(scheme: get.scheme.lowercased(), host: get.host ?? host.podIP ?? "", port: number, path: get.path)
    if !target.path.hasPrefix("/") { target.path = "/" + target.path }
    fetch(target, first: target, get.headers)
  }

  private func fetch(_ target: HTTPTarget, first: HTTPTarget, _ headers: [HTTPGet.Header]) {
    pending = target.text
    guard target.scheme == "http" else { return finish(.error("Get \"\(target.text)\": https probes are not served on this machine")) }
    guard let address = address(target.host) else {
      return finish(.failure("Get \"\(target.text)\": dial tcp: lookup \(target.host): no such host"))
    }
    var received: [UInt8] = []
    let e = Exchange(
      host.loop, onConnect: { target.request(headers) },
      onBytes: { [weak self] bytes in
        received += bytes
        switch HTTPAnswer.read(received) {
        case .more: return .more(reply: [])
        case .malformed(let why):
          self?.finish(.failure("Get \"\(target.text)\": net/http: \(why)"))
        case .answer(let answer):
          self?.judge(answer, target, first, headers)
        }
        return .done
      },
      onEnd: { [weak self] end in
        switch end {
        case .failed(let code, connecting: true):
          self?.finish(.failure("Get \"\(target.text)\": dial tcp \(target.authority): connect: \(goText(code))"))
        case .failed(let code, connecting: false):
          self?.finish(.failure("Get \"\(target.text)\": read tcp \(target.authority): \(goText(code))"))
        case .closed:
          self?.finish(.failure("Get \"\(target.text)\": EOF"))
        }
      })
    exchange = e
    e.begin(address, port: UInt16(target.port))
  }

  /// 200…399 is success; a redirect to the same host is followed, up to ten times; one to another host counts as success.
  private func judge(_ answer: HTTPAnswer, _ target: HTTPTarget, _ first: HTTPTarget, _ headers: [HTTPGet.Header]) {
    let redirect = [301, 302, 303, 307, 308].contains(answer.status)
    if redirect, let location = answer.location, let next = target.resolving(location), next.host == first.host {
      redirects += 1
      if redirects >= 10 { return finish(.failure("Get \"\(next.text)\": stopped after 10 redirects")) }
      return fetch(next, first: first, headers)
    }
    finish((200..<400).contains(answer.status) ? .success : .failure("HTTP probe failed with statuscode: \(answer.status)"))
  }

  private func grpc(_ port: Int64, _ service: String) {
    let target = HTTPTarget(scheme: "http", host: host.podIP ?? "", port: port, path: "")
    pending = target.authority
    guard let address = address(target.host) else { return finish(.failure("failed to connect service \"\(target.authority)\"")) }
    var health = GRPCHealth()
    let e = Exchange(
      host.loop, onConnect: { GRPCHealth.request(authority: target.authority, service: service) },
      onBytes: { [weak self] bytes in
        switch health.receive(bytes) {
        case .more: return .more(reply: health.takeReply())
        case .status(1): self?.finish(.success)
        case .status(let n):
          let name = GRPCHealth.names.indices.contains(n) ? GRPCHealth.names[n] : "\(n)"
          self?.finish(.failure("service unhealthy (responded with \"\(name)\")"))
        case .failed(let why): self?.finish(.failure("error: health rpc failed: \(why)"))
        }
        return .done
      },
      onEnd: { [weak self] end in
        switch end {
        case .failed(let code, connecting: true):
          self?.finish(.failure("timeout: failed to connect service \"\(target.authority)\": connect: \(goText(code))"))
        case .failed(let code, connecting: false): self?.finish(.failure("error: health rpc failed: \(goText(code))"))
        case .closed: self?.finish(.failure("error: health rpc failed: the server closed the connection"))
        }
      })
    exchange = e
    e.begin(address, port: UInt16(port))
  }
}
