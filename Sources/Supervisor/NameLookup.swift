// SPDX-License-Identifier: Apache-2.0
//
// Names of probe hosts: the node's /etc/hosts, then its name servers over UDP, and over TCP where an answer is too long for that, inside the loop. A
// static program has no NSS, and podd waits for nobody. hosts(5), resolv.conf(5); the texts are Go's, as they stand in kubelet's messages.
import Control
import Glibc
import Kernel

public enum HostsFile {
  /// The addresses that the file gives the name; localhost without a file too.
  public static func addresses(_ name: String, in text: String) -> [IPAddress] {
    let wanted = (name.hasSuffix(".") ? String(name.dropLast()) : name).lowercased()
    var all: [IPAddress] = []
    for line in text.split(whereSeparator: \.isNewline) {
      let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" }
      guard let first = words.first, words.dropFirst().contains(where: { $0.lowercased() == wanted }) else { continue }
      if let address = IPAddress(literal: String(first)), !all.contains(address) { all.append(address) }
    }
    if all.isEmpty, wanted == "localhost" { all = [IPAddress(v4: 127 << 24 | 1)] }
    return all.filter { !$0.isV6 } + all.filter(\.isV6)
  }
}

/// One name on its way to addresses.
final class NameLookup {
  enum Answer {
    case addresses([IPAddress])
    /// `lookup NAME on SERVER: no such host`.
    case failed(String)
  }

  private let loop: EventLoop
  private let timers: Timers
  private let name: String
  private let config: ResolverConfig
  private var names: [String]
  private var done: ((Answer) -> Void)?
  private var round = 0
  private var fd: Int32 = -1
  private var limit: Timers.Handle?
  private var open: [[UInt8]] = []
  /// Questions that were asked again over TCP.
  private var streams: [(question: [UInt8], exchange: Exchange)] = []
  private var found: [IPAddress] = []
  private var failure = "no such host"

  /// Begins; nil where the answer is known at once and has been given.
  static func begin(_ loop: EventLoop, _ timers: Timers, _ name: String, done: @escaping (Answer) -> Void) -> NameLookup? {
    if let literal = IPAddress(literal: name) {
      done(.addresses([literal]))
      return nil
    }
    let text = { (path: String) in optional { () throws(SysError) in try FileSystem.readText(path) } ?? "" }
    let known = HostsFile.addresses(name, in: text("/etc/hosts"))
    if !known.isEmpty {
      done(.addresses(known))
      return nil
    }
    let lookup = NameLookup(loop, timers, name, ResolverConfig(text("/etc/resolv.conf")), done)
    lookup.ask()
    return lookup
  }

  private init(_ loop: EventLoop, _ timers: Timers, _ name: String, _ config: ResolverConfig, _ done: @escaping (Answer) -> Void) {
    (self.loop, self.timers, self.name, self.config, self.done) = (loop, timers, name, config, done)
    names = config.candidates(name)
  }

  deinit { stop() }

  /// Ends it in silence.
  func cancel() {
    done = nil
    stop()
  }

  private func stop() {
    if let limit { timers.cancel(limit) }
    limit = nil
    if fd >= 0 {
      loop.forget(fd)
      _ = close(fd)
    }
    fd = -1
    for s in streams { s.exchange.cancel() }
    streams = []
  }

  private func finish(_ answer: Answer) {
    stop()
    let say = done
    done = nil
    say?(answer)
  }

  private var server: IPAddress { config.servers[round % config.servers.count] }
  private var serverText: String { (server.isV6 ? "[\(server)]" : "\(server)") + ":53" }

  /// Asks the next server for the first of the names that are left.
  private func ask() {
    stop()
    guard let current = names.first else { return finish(.failed("lookup \(name) on \(serverText): \(failure)")) }
    let id = Instance.randomBytes(4)
    open = [
      DNSMessage.question(current, .a, id: UInt16(id[0]) << 8 | UInt16(id[1])), DNSMessage.question(current, .aaaa, id: UInt16(id[2]) << 8 | UInt16(id[3])),
    ].compactMap { $0 }
    found = []
    guard !open.isEmpty else {
      names.removeFirst()
      return ask()
    }
    do throws(SysError) {
      fd = try DatagramSocket.connect(server, port: 53).release()
      for q in open where Glibc.send(fd, q, q.count, Int32(MSG_NOSIGNAL)) < 0 { throw SysError(call: "send", object: serverText, errno: errno) }
      try loop.watch(fd) { [weak self] _ in self?.receive() }
      limit = timers.schedule(at: Clock.monotonic + config.timeout * 1_000_000_000) { [weak self] in
        self?.failure = "read udp \(self?.serverText ?? ""): i/o timeout"
        self?.next()
      }
    } catch {
      failure = (error.call == "connect" ? "dial udp \(serverText): connect: " : "read udp \(serverText): read: ") + goText(error.errno)
      next()
    }
  }

  /// The same name of the next server; after the last round it is given up.
  private func next() {
    round += 1
    if round < config.attempts * config.servers.count { return ask() }
    round -= 1
    stop()
    finish(.failed("lookup \(name) on \(serverText): \(failure)"))
  }

  private func receive() {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while fd >= 0 {
      let n = recv(fd, &buffer, buffer.count, 0)
      if n < 0 && errno == EINTR { continue }
      if n < 0 && errno == EAGAIN { return }
      if n < 0 {
        failure = "read udp \(serverText): read: \(goText(errno))"
        return next()
      }
      take(Array(buffer[..<n]), isStream: false)
    }
  }

  /// A message that came; one that answers none of the questions is somebody else's.
  private func take(_ bytes: [UInt8], isStream: Bool) {
    guard let i = open.firstIndex(where: { DNSMessage.answer(bytes, to: $0) != nil }), let answer = DNSMessage.answer(bytes, to: open[i]) else { return }
    if answer.isCut, !isStream { return askAsStream(open[i]) }
    open.remove(at: i)
    switch answer.code {
    case 0: found += answer.addresses
    case 3: break
    default:
      failure = "server misbehaving"
      return next()
    }
    guard open.isEmpty else { return }
    if !found.isEmpty { return finish(.addresses(found.filter { !$0.isV6 } + found.filter(\.isV6))) }
    failure = "no such host"
    names.removeFirst()
    ask()
  }

  /// The same server, within the same time. RFC 7766.
  private func askAsStream(_ question: [UInt8]) {
    if streams.contains(where: { $0.question == question }) { return }
    var bytes: [UInt8] = []
    let exchange = Exchange(
      loop, onConnect: { DNSMessage.framed(question) },
      onBytes: { [weak self] more in
        bytes += more
        guard let whole = DNSMessage.unframed(bytes) else { return .more(reply: []) }
        self?.take(whole, isStream: true)
        return .done
      },
      onEnd: { [weak self] end in
        guard let self else { return }
        switch end {
        case .failed(let code, let connecting): failure = (connecting ? "dial tcp \(serverText): connect: " : "read tcp \(serverText): read: ") + goText(code)
        case .refused, .closed: failure = "read tcp \(serverText): EOF"
        }
        next()
      })
    streams.append((question, exchange))
    exchange.begin([server], port: 53)
  }
}
