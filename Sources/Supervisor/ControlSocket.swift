// SPDX-License-Identifier: Apache-2.0
//
// podd's side of its socket: one JSON object a line. Verbs: ping, watch, events, update, objects, node, delete, attach, closeInput. docs/state.md
// describes them.
import Control
import Glibc
import Kernel
import Manifest
import PodEngine

/// One who talks to us.
final class ControlClient {
  private let fd: Int32
  private unowned let supervisor: Supervisor
  private var input = LineReader()
  private var output: [UInt8] = []
  var isWatching = false
  private var waitsForEnd = false
  /// The container whose standard input this one has.
  private(set) var attachedTo: String?
  /// A reader that lags this far behind is let go.
  private static let limit = 8 << 20

  init(_ fd: Int32, _ supervisor: Supervisor) { (self.fd, self.supervisor) = (fd, supervisor) }

  func ready(_ what: EventLoop.Readiness) {
    if what.contains(.writable) { flush() }
    guard what.contains(.readable) || what.contains(.hangUp) || what.contains(.error) else { return }
    var chunk = [UInt8](repeating: 0, count: 65536)
    var hasLeft = false
    while true {
      let n = recv(fd, &chunk, chunk.count, 0)
      if n < 0 && errno == EINTR { continue }
      if n < 0 && errno == EAGAIN { break }
      hasLeft = n <= 0
      if hasLeft { break }
      if !input.add(chunk[..<n]) { return supervisor.leave(fd) }
    }
    // Who asks and goes at once (delete --wait=false) has asked all the same.
    defer { if hasLeft { supervisor.leave(fd) } }
    // An answer that cannot be sent ends the conversation.
    while supervisor.clients[fd] === self, let line = input.next() {
      do throws(PoddRequest.Invalid) { serve(try PoddRequest(line)) } catch { send(.object([("error", .string("\(error)"))])) }
    }
  }

  private func serve(_ request: PoddRequest) {
    switch request {
    case .ping:
      // Whoever looks after the answer sees what came before.
      supervisor.save()
      send(.object([("ok", .bool(true)), ("pid", .int(Int64(getpid())))]))
    case .events: send(.object([("items", supervisor.eventList)]))
    case .watch:
      isWatching = true
      supervisor.save()
      send(.object([("object", supervisor.shown)]))
    case .update(let object):
      supervisor.update(object)
      // Whoever looks after the answer sees it.
      supervisor.save()
      send(.object([("ok", .bool(true))]))
    case .objects:
      supervisor.objectsChanged()
      send(.object([("ok", .bool(true))]))
    case .condition(let type, let status):
      supervisor.feed(.gateSet(type: type, status: status))
      // Whoever looks after the answer sees it.
      supervisor.save()
      send(.object([("ok", .bool(true))]))
    case .delete(let grace, let force):
      waitsForEnd = true
      if grace == 0 || force { supervisor.beginLastSteps() }
      supervisor.feed(.deleteRequested(graceSeconds: grace, force: force))
    case .attach(let container, let stdin): attach(container, wantsInput: stdin)
    case .closeInput:
      if let name = attachedTo { supervisor.sessionEnded(name) }
      send(.object([("ok", .bool(true))]))
    case .node:
      supervisor.judgePlace()
      send(.object([("ok", .bool(true))]))
    }
  }

  /// The answer brings the descriptor that leads into the container: what comes out is in its log.
  private func attach(_ name: String, wantsInput: Bool) {
    guard let spec = supervisor.container(name), supervisor.pidfds[name] != nil else {
      return send(.object([("error", .string("container not found (\"\(name)\")"))]))
    }
    let input = wantsInput || spec.tty ? supervisor.inputs[name] : nil
    if wantsInput, input != nil { attachedTo = name }
    let answer = Value.object([("ok", .bool(true)), ("tty", .bool(spec.tty)), ("once", .bool(spec.stdinOnce))])
    guard let input else { return send(answer) }
    do throws(SysError) { try UnixSocket.send(fd, JSON.compactBytes(answer) + [10], descriptors: [input.descriptor]) } catch { supervisor.leave(fd) }
  }

  func send(_ v: Value) {
    output += JSON.compactBytes(v) + [10]
    flush()
  }

  private func flush() {
    while !output.isEmpty {
      let n = Glibc.send(fd, output, output.count, Int32(MSG_NOSIGNAL))
      if n < 0 {
        if errno == EINTR { continue }
        if errno == EAGAIN && output.count < Self.limit { break }
        return supervisor.leave(fd)
      }
      output.removeFirst(n)
    }
    supervisor.arm(fd, writable: !output.isEmpty)
  }

  /// The Pod is gone.
  func end() {
    if isWatching || waitsForEnd {
      let bytes = JSON.compactBytes(.object([("ok", .bool(true)), ("deleted", .bool(true))])) + [10]
      _ = Glibc.send(fd, output + bytes, output.count + bytes.count, Int32(MSG_NOSIGNAL))
    }
    _ = close(fd)
  }
}

extension Supervisor {
  /// Listens on the Pod's socket.
  func listen() throws(SysError) {
    let listener = try UnixSocket.listen(place.socket).release()
    let flags = fcntl(listener, F_GETFL)
    _ = fcntl(listener, F_SETFL, flags | O_NONBLOCK)
    try loop.watch(listener) { [unowned self] _ in accept(listener) }
  }

  private func accept(_ listener: Int32) {
    do throws(SysError) {
      while let fd = try UnixSocket.accept(listener)?.release() {
        let client = ControlClient(fd, self)
        clients[fd] = client
        try loop.watch(fd) { [weak client] what in client?.ready(what) }
      }
    } catch { complain("\(error.during("taking a connection"))") }
  }

  func arm(_ fd: Int32, writable: Bool) {
    guard let client = clients[fd] else { return }
    do throws(SysError) { try loop.watch(fd, writable ? [.readable, .writable] : .readable) { [weak client] what in client?.ready(what) } } catch {
      leave(fd)
    }
  }

  func leave(_ fd: Int32) {
    guard let client = clients.removeValue(forKey: fd) else { return }
    if let name = client.attachedTo { sessionEnded(name) }
    loop.forget(fd)
    _ = close(fd)
  }

  /// A changed object: stored, then told to the engine.
  func update(_ object: Value) {
    do throws(SysError) {
      if !FileSystem.exists(place.first) { try FileSystem.writeAtomically(place.first, JSON.compactBytes(pod.object), mode: 0o600) }
      try FileSystem.writeAtomically(place.object, JSON.compactBytes(object), mode: 0o600)
    } catch {
      complain("\(error.during("storing the changed pod"))")
    }
    feed(.updated(Pod(stored: object)))
    objectsChanged()
    markStatus()
    judgePlace()
  }
}
