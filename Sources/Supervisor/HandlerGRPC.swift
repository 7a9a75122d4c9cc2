// SPDX-License-Identifier: Apache-2.0
//
// grpc probes. Kubernetes pkg/probe/grpc: the connection is tried until it stands, then Health/Check is called, all within the time limit.
import Glibc
import Kernel
import Manifest

extension HandlerRun {
  func grpc(_ port: Int64, _ service: String) {
    let target = HTTPTarget(host: host.podIP ?? "", port: port, path: "")
    pending = target.authority
    guard let address = IPAddress(literal: target.host) else {
      return finish(.failure("error: failed to connect service at \"\(target.authority)\": the pod has no address"))
    }
    call(target, address, service)
  }

  private func call(_ target: HTTPTarget, _ address: IPAddress, _ service: String) {
    let health: GRPCHealth
    do throws(GRPCHealth.Failure) { health = try GRPCHealth(authority: target.authority, service: service) } catch {
      return finish(.failure("error: health rpc probe failed: \(error.text)"))
    }
    let again = { [weak self] in
      guard let self else { return }
      exchange = nil
      later { [weak self] in self?.call(target, address, service) }
    }
    let e = Exchange(
      host.loop, onConnect: { health.outgoing() },
      onBytes: { [weak self] bytes in
        let outcome = health.receive(bytes)
        self?.isCallOut = health.hasGreeting
        switch outcome {
        case .more: return .more(reply: health.outgoing())
        case .status(1): self?.finish(.success)
        case .status(let n):
          let name = GRPCHealth.names.indices.contains(n) ? GRPCHealth.names[n] : "\(n)"
          self?.finish(.failure("service unhealthy (responded with \"\(name)\")"))
        case .ended(code: 12, let text):
          self?.finish(.failure("error: this server does not implement the grpc health protocol (grpc.health.v1.Health): \(text)"))
        case .ended(let code, let text):
          self?.finish(.failure("error: health rpc probe failed: rpc error: code = \(GRPCHealth.code(code)) desc = \(text)"))
        case .broken(let why):
          // Before the server has spoken HTTP/2 the connection does not stand: it is tried again.
          if health.hasGreeting { self?.finish(.failure("error: health rpc probe failed: rpc error: code = Unavailable desc = \(why)")) } else { again() }
        }
        return .done
      },
      onEnd: { [weak self] end in
        guard health.hasGreeting else { return again() }
        var why = "error reading from server: EOF"
        if case .failed(let code, _) = end { why = "error reading from server: read tcp \(target.authority): read: \(goText(code))" }
        self?.finish(.failure("error: health rpc probe failed: rpc error: code = Unavailable desc = \(why)"))
      })
    exchange = e
    e.begin([address], port: UInt16(clamping: target.port))
  }
}
