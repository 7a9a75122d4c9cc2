// SPDX-License-Identifier: Apache-2.0
//
// One TCP conversation of a probe or hook, inside the loop: connect, send, hand on what comes, until the talker has what it wants. Nothing waits.
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
  private var isConnected = false
  private let onConnect: () -> [UInt8]?
  private let onBytes: ([UInt8]) -> ExchangeStep
  private let onEnd: (ExchangeEnd) -> Void

  enum ExchangeEnd {
    /// connect(2) or a later call failed: errno.
    case failed(Int32, connecting: Bool)
    /// The other side closed.
    case closed
  }

  /// - Parameters:
  ///   - onConnect: what to send first; nil ends the exchange (a tcpSocket probe has what it wants).
  ///   - onBytes: called with what came.
  ///   - onEnd: called once, unless the exchange was ended by nil or .done.
  init(
    _ loop: EventLoop, onConnect: @escaping () -> [UInt8]?, onBytes: @escaping ([UInt8]) -> ExchangeStep, onEnd: @escaping (ExchangeEnd) -> Void
  ) {
    (self.loop, self.onConnect, self.onBytes, self.onEnd) = (loop, onConnect, onBytes, onEnd)
  }

  deinit { cancel() }

  func begin(_ address: IPAddress, port: UInt16) {
    do throws(SysError) {
      fd = try InternetSocket.connect(address, port: port).release()
      try loop.watch(fd, .writable) { [weak self] _ in self?.ready() }
    } catch {
      end(.failed(error.errno, connecting: true))
    }
  }

  /// Ends it in silence.
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
    if !isConnected {
      let code = InternetSocket.pendingError(fd)
      if code != 0 { return end(.failed(code, connecting: true)) }
      isConnected = true
      guard let bytes = onConnect() else { return cancel() }
      outgoing = bytes
    }
    guard send() else { return }
    var buffer = [UInt8](repeating: 0, count: 4096)
    while fd >= 0 {
      let n = read(fd, &buffer, buffer.count)
      if n == 0 { return end(.closed) }
      if n < 0 {
        if errno == EINTR { continue }
        if errno == EAGAIN { return }
        return end(.failed(errno, connecting: false))
      }
      switch onBytes(Array(buffer[..<n])) {
      case .done: return cancel()
      case .more(let reply):
        outgoing += reply
        guard send() else { return }
      }
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
