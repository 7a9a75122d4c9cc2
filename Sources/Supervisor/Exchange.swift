// SPDX-License-Identifier: Apache-2.0
//
// One TCP conversation of a probe or hook, inside the loop: connect (to the first of some addresses that answers), perhaps TLS, send, hand on what
// comes, until the talker has what it wants. Nothing waits.
import Glibc
import Kernel

/// What to do after bytes came.
enum ExchangeStep {
  case more(reply: [UInt8])
  case done
}

final class Exchange {
  private let loop: EventLoop
  private var fd: Int32 = -1
  private var outgoing: [UInt8] = []
  private enum Stage { case connecting, handshake, open }
  private var stage = Stage.connecting
  private var addresses: ArraySlice<IPAddress> = []
  private var port: UInt16 = 0
  private var firstFailure: Int32?
  private let tls: (program: String, server: String)?
  /// What the TLS helper says before the first byte of the server.
  private var greeting: [UInt8] = []
  private let onConnect: () -> [UInt8]?
  private let onBytes: ([UInt8]) -> ExchangeStep
  private let onEnd: (ExchangeEnd) -> Void

  enum ExchangeEnd: Equatable {
    /// connect(2) or a later call failed: errno.
    case failed(Int32, connecting: Bool)
    /// The TLS handshake failed; in Go's words.
    case refused(String)
    /// The other side closed.
    case closed
  }

  /// - Parameters:
  ///   - tls: the helper program, and the server's name; nil for plain TCP.
  ///   - onConnect: what to send first; nil ends the exchange (a tcpSocket probe has what it wants).
  ///   - onBytes: called with what came.
  ///   - onEnd: called once, unless the exchange was ended by nil or .done.
  init(
    _ loop: EventLoop, tls: (program: String, server: String)? = nil, onConnect: @escaping () -> [UInt8]?,
    onBytes: @escaping ([UInt8]) -> ExchangeStep, onEnd: @escaping (ExchangeEnd) -> Void
  ) {
    (self.loop, self.tls, self.onConnect, self.onBytes, self.onEnd) = (loop, tls, onConnect, onBytes, onEnd)
  }

  deinit { cancel() }

  /// The address that is being spoken to, or was tried first.
  private(set) var address: IPAddress?

  func begin(_ addresses: [IPAddress], port: UInt16) {
    (self.addresses, self.port) = (addresses[...], port)
    connect()
  }

  private func connect() {
    guard let next = addresses.popFirst() else { return end(.failed(firstFailure ?? ENETUNREACH, connecting: true)) }
    if firstFailure == nil { address = next }
    do throws(SysError) {
      fd = try InternetSocket.connect(next, port: port).release()
      try loop.watch(fd, .writable) { [weak self] _ in self?.ready() }
    } catch {
      failedToConnect(error.errno)
    }
  }

  private func failedToConnect(_ code: Int32) {
    if firstFailure == nil { firstFailure = code }
    cancel()
    connect()
  }

  /// Ends it in silence. A TLS helper ends with its end of the pair.
  func cancel() {
    guard fd >= 0 else { return }
    loop.forget(fd)
    _ = close(fd)
    fd = -1
  }

  private func end(_ how: ExchangeEnd) {
    cancel()
    onEnd(how)
  }

  private func ready() {
    if stage == .connecting {
      let code = InternetSocket.pendingError(fd)
      if code != 0 { return failedToConnect(code) }
      guard tls == nil else { return secure() }
      guard begun() else { return }
    }
    guard send() else { return }
    var buffer = [UInt8](repeating: 0, count: 4096)
    while fd >= 0 {
      let n = read(fd, &buffer, buffer.count)
      if n == 0 { return end(stage == .handshake ? .refused(greeting.count > 1 ? Self.text(greeting) : "EOF") : .closed) }
      if n < 0 {
        if errno == EINTR { continue }
        if errno == EAGAIN { return }
        return end(.failed(errno, connecting: false))
      }
      var bytes = buffer[..<n]
      if stage == .handshake {
        greeting += bytes
        guard greeting.first == 0 else { continue }
        bytes = greeting.dropFirst()
        guard begun(), send() else { return }
        if bytes.isEmpty { continue }
      }
      switch onBytes(Array(bytes)) {
      case .done: return cancel()
      case .more(let reply):
        outgoing += reply
        guard send() else { return }
      }
    }
  }

  private static func text(_ greeting: [UInt8]) -> String { String(decoding: greeting.dropFirst(), as: UTF8.self) }

  /// false: it has what it wants.
  private func begun() -> Bool {
    stage = .open
    guard let bytes = onConnect() else {
      cancel()
      return false
    }
    outgoing = bytes
    return true
  }

  /// Hands the connection over to the helper; from here on we talk to that.
  private func secure() {
    guard let tls else { return }
    do throws(SysError) {
      let (near, _) = try TLSHelper.start(loop, program: tls.program, connection: fd, server: tls.server)
      cancel()
      fd = near
      stage = .handshake
      try loop.watch(fd) { [weak self] _ in self?.ready() }
    } catch {
      end(.refused("tls: \(error)"))
    }
  }

  /// false: it has ended.
  private func send() -> Bool {
    while !outgoing.isEmpty {
      let n = Glibc.send(fd, outgoing, outgoing.count, Int32(MSG_NOSIGNAL))
      if n < 0 {
        if errno == EINTR { continue }
        if errno == EAGAIN { break }
        end(.failed(errno, connecting: false))
        return false
      }
      outgoing.removeFirst(n)
    }
    do throws(SysError) {
      try loop.watch(fd, outgoing.isEmpty ? .readable : [.readable, .writable]) { [weak self] _ in self?.ready() }
    } catch {
      end(.failed(error.errno, connecting: false))
      return false
    }
    return true
  }
}

/// errno in Go's words, as they stand in kubelet's messages.
func goText(_ code: Int32) -> String {
  switch code {
  case ECONNREFUSED: "connection refused"
  case EHOSTUNREACH: "no route to host"
  case ENETUNREACH: "network is unreachable"
  case ETIMEDOUT: "connection timed out"
  case ECONNRESET: "connection reset by peer"
  case EPIPE: "broken pipe"
  default: errnoText(code).lowercased()
  }
}
