// SPDX-License-Identifier: Apache-2.0
//
// port-forward: ports of this machine that lead into a Pod. Listens here, before the node is entered; connects from the Pod's network namespace,
// where a copy of this process makes the sockets. kubectl's words: client-go tools/portforward.
import ArgumentParser
import Control
import Glibc
import Kernel
import Manifest
import Runtime

struct PortForwardCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "port-forward", abstract: "Forward local ports to a pod.",
    discussion: "Example: podctl port-forward web 8080:80    podctl port-forward pod/web :http --address 0.0.0.0")

  @Argument(help: "The pod, then [LOCAL:]REMOTE …; a remote port may be named.") var words: [String] = []
  @Option(name: .long, parsing: .singleValue, help: "Addresses to listen on, separated by commas; localhost is 127.0.0.1 and ::1.") var address: [String] = ["localhost"]
  @OptionGroup var common: CommonOptions

  func run() throws {
    guard let first = words.first, words.count > 1 else { throw Failure.error("TYPE/NAME and list of ports are required for port-forward\nSee 'podctl port-forward -h' for help and examples") }
    let pod = try podName(first)
    let (seen, ns) = (try common.look(), common.ns)
    guard let object = try seen.pod(ns, pod) else { throw Failure.notFound(.pod, pod) }
    let ports = try words.dropFirst().map { try ForwardedPort($0, object, pod) }
    let addresses = try listenAddresses()
    let phase = object["status"]?["phase"]?.string ?? "Pending"
    guard phase == "Running" else { throw Failure.error("unable to forward port because pod is not running. Current status=\(phase)") }
    let forwarder = try Forwarder(pod)
    for p in ports { forwarder.listen(p, addresses) }
    guard forwarder.isListening else {
      throw Failure.error("unable to listen on any of the requested ports: [\(ports.map { "{\($0.local) \($0.remote)}" }.joined(separator: " "))]")
    }
    // An ordinary user's Pods are in the user's node; the sockets above stay outside.
    let session = try common.open()
    guard case .state(let state) = PodState.read(session.instance.place(ns, pod).state), let infra = state.sandbox?.process.open() else {
      throw Failure.error("unable to forward port: the sandbox of pod \(pod) does not run")
    }
    try forwarder.run(FileDescriptorHolder(infra))
  }

  private func listenAddresses() throws -> [(IPAddress, isLocal: Bool)] {
    var all: [(IPAddress, isLocal: Bool)] = []
    for word in address.flatMap({ $0.split(separator: ",").map(String.init) }) {
      let these: [String] = word == "localhost" ? ["127.0.0.1", "::1"] : [word]
      for text in these {
        guard let a = IPAddress(literal: text) else { throw Failure.error("\(word) is not a valid IP") }
        if !all.contains(where: { $0.0 == a }) { all.append((a, word == "localhost")) }
      }
    }
    return all
  }
}

/// One [LOCAL:]REMOTE.
struct ForwardedPort {
  let local: UInt16
  let remote: UInt16

  init(_ text: String, _ object: Value, _ pod: String) throws {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 1 || parts.count == 2 else { throw Failure.error("invalid port format '\(text)'") }
    let word = parts[parts.count - 1]
    var ports: [Value] = []
    for key in ["containers", "initContainers"] {
      for c in object["spec"]?[key]?.array ?? [] { ports += c["ports"]?.array ?? [] }
    }
    let number: Int64
    if let n = Int64(word) {
      number = n
    } else {
      guard let found = ports.first(where: { $0["name"]?.string == word })?["containerPort"]?.int else {
        throw Failure.error("pod '\(pod)' does not have a named port '\(word)'")
      }
      number = found
    }
    let protocols = Set(ports.filter { $0["containerPort"]?.int == number }.map { $0["protocol"]?.string ?? "TCP" })
    if protocols == ["UDP"] { throw Failure.error("UDP protocol is not supported for \(word)") }
    func wrong(_ which: String, _ text: String) -> Failure {
      let why = text.allSatisfy(\.isNumber) && !text.isEmpty ? "value out of range" : "invalid syntax"
      return .error("error parsing \(which) port '\(text)': strconv.ParseUint: parsing \"\(text)\": \(why)")
    }
    guard let r = UInt16(exactly: number) else { throw wrong("remote", word) }
    guard r > 0 else { throw Failure.error("remote port must be > 0") }
    remote = r
    if parts.count == 1 {
      local = r
    } else {
      guard let l = UInt16(parts[0].isEmpty ? "0" : parts[0]) else { throw wrong("local", parts[0]) }
      local = l
    }
  }
}

/// Listeners and connections on one loop.
private final class Forwarder {
  private let pod: String
  private let loop: EventLoop
  private let flows: Flows
  private var listeners: [(fd: Int32, port: ForwardedPort, number: UInt16)] = []
  /// Asks the copy of us in the Pod's network namespace for sockets.
  private var helper: Int32 = -1

  init(_ pod: String) throws(SysError) {
    self.pod = pod
    loop = try EventLoop()
    flows = Flows(loop)
    Signals.ignore(SIGPIPE)
  }

  var isListening: Bool { !listeners.isEmpty }

  /// localhost is content with one of its two addresses; any other must be had.
  func listen(_ port: ForwardedPort, _ addresses: [(IPAddress, isLocal: Bool)]) {
    var made: [Int32] = []
    var failures: [String] = []
    var hasFailed = false
    var number = port.local
    for (address, isLocal) in addresses {
      let host = address.isV6 ? "[\(address)]" : "\(address)"
      do throws(SysError) {
        let fd = try InternetSocket.listen(address, port: isLocal ? number : port.local).release()
        let n = InternetSocket.localPort(fd)
        // A free port is the same on both.
        if isLocal { number = n }
        made.append(fd)
        listeners.append((fd, port, n))
        say(1, "Forwarding from \(host):\(n) -> \(port.remote)\n")
      } catch {
        failures.append("unable to create listener: Error listen tcp\(address.isV6 ? 6 : 4) \(host):\(number): \(error.call): \(errnoText(error.errno).lowercased())")
        if !isLocal { hasFailed = true }
      }
    }
    guard made.isEmpty || hasFailed else { return }
    listeners.removeAll { made.contains($0.fd) }
    for fd in made { _ = close(fd) }
    say(2, "Unable to listen on port \(port.local): Listeners failed to create with the following errors: [\(failures.joined(separator: " "))]\n")
  }

  func run(_ infra: FileDescriptorHolder) throws {
    let (ours, theirs) = try UnixSocket.pair().ends()
    let open = listeners.map(\.fd)
    _ = try Fork.run {
      for fd in open + [ours] { _ = close(fd) }
      return Self.serve(theirs, infra.raw)
    }.release()
    _ = close(theirs)
    helper = ours
    for l in listeners { try loop.watch(l.fd) { [unowned self] _ in accept(l.fd, l.port, l.number) } }
    try loop.watch(infra.raw) { [unowned self] _ in loop.stop() }
    try loop.run()
    throw Failure.error("lost connection to pod")
  }

  /// In the copy: a socket for each byte that asks for one (4 or 6), until we end.
  private static func serve(_ socket: Int32, _ infra: Int32) -> Int32 {
    do throws(SysError) {
      try Namespaces.network.enter(infra)
      while true {
        let asked = try UnixSocket.receive(socket, limit: 1).bytes
        guard let family = asked.first else { return 0 }
        let fd = try InternetSocket.make(v6: family == 6)
        try UnixSocket.send(socket, [family], descriptors: [fd.raw])
      }
    } catch {
      say(2, "error: \(error.during("making a socket in the pod's network"))\n")
      return 1
    }
  }

  private func accept(_ listener: Int32, _ port: ForwardedPort, _ number: UInt16) {
    while let client = optional({ () throws(SysError) in try UnixSocket.accept(listener) })??.release() {
      say(1, "Handling connection for \(number)\n")
      connect(client, port, number, [IPAddress(literal: "127.0.0.1"), IPAddress(literal: "::1")].compactMap { $0 }, [])
    }
  }

  /// localhost in the Pod: IPv4, then IPv6, as container runtimes do.
  private func connect(_ client: Int32, _ port: ForwardedPort, _ number: UInt16, _ addresses: [IPAddress], _ failures: [String]) {
    guard let address = addresses.first else {
      say(2, "error: an error occurred forwarding \(number) -> \(port.remote): error forwarding port \(port.remote) to pod \(pod): failed to connect to localhost:\(port.remote) inside the pod's network namespace: \(failures.joined(separator: " "))\n")
      _ = close(client)
      return
    }
    let word = "IPv\(address.isV6 ? 6 : 4): dial tcp\(address.isV6 ? 6 : 4) \(address.isV6 ? "[\(address)]" : "\(address)"):\(port.remote): connect: "
    let next = { [unowned self] (code: Int32) in
      connect(client, port, number, Array(addresses.dropFirst()), failures + [word + errnoText(code).lowercased()])
    }
    do throws(SysError) {
      try UnixSocket.send(helper, [address.isV6 ? 6 : 4], descriptors: [])
      guard let socket = try UnixSocket.receive(helper, limit: 1).descriptors.first else { return loop.stop() }
      do throws(SysError) {
        try InternetSocket.begin(socket, address, port: port.remote)
        try loop.watch(socket, .writable) { [unowned self] _ in
          loop.forget(socket)
          let code = InternetSocket.pendingError(socket)
          if code == 0 { return join(client, socket) }
          _ = close(socket)
          next(code)
        }
      } catch {
        _ = close(socket)
        next(error.errno)
      }
    } catch {
      _ = close(client)
      say(2, "error: \(error.during("making a socket in the pod's network"))\n")
    }
  }

  /// Both directions; the end of one is passed on, the other goes on.
  private func join(_ client: Int32, _ server: Int32) {
    var left = 2
    let end = { [unowned self] (to: Int32, isWhole: Bool) in
      left -= 1
      if isWhole { shutdown(to, Int32(SHUT_WR)) }
      guard left == 0 || !isWhole else { return }
      if left >= 0 {
        left = -2
        for fd in [client, server] {
          flows.forget(fd)
          _ = close(fd)
        }
      }
    }
    flows.add(client, server) { end(server, $0) }
    if left == 2 || left == 1 { flows.add(server, client) { end(client, $0) } }
  }
}
