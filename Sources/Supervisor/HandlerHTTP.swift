// SPDX-License-Identifier: Apache-2.0
//
// httpGet, of probes and of hooks. Kubernetes pkg/probe/http (DoHTTPProbe, RedirectChecker), pkg/kubelet/lifecycle/handlers.go (runHTTPHandler).
import Glibc
import Kernel
import Manifest

extension HandlerRun {
  func http(_ get: HTTPGet) {
    guard let number = number(get.port) else { return }
    let name = get.host.flatMap { $0.isEmpty ? nil : $0 } ?? host.podIP ?? ""
    var target = HTTPTarget(scheme: get.scheme.lowercased(), host: name, port: Int64(number), path: get.path)
    if !target.path.hasPrefix("/") { target.path = "/" + target.path }
    fetch(target, said: target.text, first: target, get.headers)
  }

  /// said: how Go's message names the URL: the whole one, or what a Location header said.
  private func fetch(_ target: HTTPTarget, said: String, first: HTTPTarget, _ headers: [HTTPGet.Header]) {
    pending = said
    let prefix = "Get \"\(said)\": "
    resolve(target.host, failing: prefix) { [weak self] addresses in
      self?.ask(target, addresses, prefix, first, headers)
    }
  }

  private func ask(_ target: HTTPTarget, _ addresses: [IPAddress], _ prefix: String, _ first: HTTPTarget, _ headers: [HTTPGet.Header]) {
    var answer = HTTPAnswer()
    let agent = isHook ? "kube-lifecycle/1.37" : "kube-probe/1.37"
    let e = Exchange(
      host.loop, tls: target.scheme == "https" ? (host.tlsProgram, target.host) : nil, onConnect: { target.request(headers, agent: agent) },
      onBytes: { [weak self] bytes in
        guard let self else { return .done }
        var step = answer.receive(bytes)
        if step == .head {
          if follow(answer, target, first, headers) { return .done }
          step = answer.proceed()
        }
        switch step {
        case .more, .head: return .more(reply: [])
        case .complete: judge(answer)
        case .malformed(let why): finish(.failure("\(prefix)net/http: HTTP/1.x transport connection broken: \(why)"))
        }
        return .done
      },
      onEnd: { [weak self] end in
        guard let self else { return }
        switch end {
        case .failed(let code, connecting: true):
          finish(.failure("\(prefix)dial tcp \(Self.place(exchange?.address, target)): connect: \(goText(code))"))
        case .failed(let code, connecting: false):
          finish(.failure("\(prefix)read tcp \(Self.place(exchange?.address, target)): read: \(goText(code))"))
        case .refused(let why): refused(why, target, prefix, first, headers)
        case .closed:
          guard let why = answer.whyIncomplete() else { return judge(answer) }
          // Of a body that breaks off the kubelet says nothing more.
          finish(why == "EOF" ? .failure(prefix + why) : isHook ? .success : .error(why))
        }
      })
    exchange = e
    e.begin(addresses, port: UInt16(clamping: target.port))
  }

  private static func place(_ address: IPAddress?, _ target: HTTPTarget) -> String {
    guard let address else { return target.authority }
    return HTTPTarget(host: "\(address)", port: target.port, path: "").authority
  }

  /// A hook that gets plain HTTP where it asked for HTTPS asks again without.
  private func refused(_ why: String, _ target: HTTPTarget, _ prefix: String, _ first: HTTPTarget, _ headers: [HTTPGet.Header]) {
    guard isHook, why.contains("server gave HTTP response to HTTPS client") else { return finish(.failure(prefix + why)) }
    var plain = target
    plain.scheme = "http"
    host.warn("LifecycleHTTPFallback", "request to HTTPS lifecycle hook \(target.authority) got HTTP response, retry with HTTP succeeded")
    fetch(plain, said: plain.text, first: plain, headers.filter { $0.name.lowercased() != "authorization" })
  }

  /// Follows a redirect to the same host, up to ten times. true: the answer is not the last.
  private func follow(_ answer: HTTPAnswer, _ target: HTTPTarget, _ first: HTTPTarget, _ headers: [HTTPGet.Header]) -> Bool {
    guard [301, 302, 303, 307, 308].contains(answer.status), let location = answer.location, let next = target.resolving(location),
      next.host == first.host
    else { return false }
    redirects += 1
    if redirects >= 10 { finish(.failure("Get \"\(location)\": stopped after 10 redirects")) } else { fetch(next, said: next.text, first: first, headers) }
    return true
  }

  /// 200…299 is success, 300…399 success with a warning. Of a hook any answer is.
  private func judge(_ answer: HTTPAnswer) {
    if isHook { return finish(.success) }
    switch answer.status {
    case 200..<300: finish(.success)
    case 300..<400: finish(.warning("Probe terminated redirects, Response body: \(String(decoding: answer.body, as: UTF8.self))"))
    default: finish(.failure("HTTP probe failed with statuscode: \(answer.status)"))
    }
  }
}
