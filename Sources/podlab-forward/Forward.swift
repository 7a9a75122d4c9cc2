// SPDX-License-Identifier: Apache-2.0
//
// podlab-forward: the host ports of one Pod. It carries what comes to sockets of the node on to the Pod's address, and back; it ends when the Pod's
// infra process does. Why a process and no firewall rules: docs/network.md.
//
//   podlab-forward WATCH (tcp|udp SOCKET ADDRESS PORT)…
//
// WATCH is a pidfd of infra, SOCKET a listening or bound socket: descriptors that it inherits. It sleeps until something comes.
import CLinux

/// What a descriptor is to us.
enum Role {
  case none
  case watch
  case listener(Target)
  case datagrams(Target)
  case connection(Connection)
  case session(Session)
}

/// Where a port leads.
final class Target {
  let socket: Int32
  var endpoint: lx_endpoint
  init(_ socket: Int32, _ endpoint: lx_endpoint) { (self.socket, self.endpoint) = (socket, endpoint) }
}

final class Forwarder {
  private let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
  private var roles: [Role] = []
  private var sessions: [Session] = []
  private let buffer = UnsafeMutableRawPointer.allocate(byteCount: Forwarder.size, alignment: 16)
  /// Closed for a moment when there are no more descriptors, to turn a connection away instead of leaving it in the queue for ever.
  private var reserve = Int32(lx_open("/dev/null", O_RDONLY, 0))
  private static let size = 64 << 10
  /// Conversations in datagrams have no end: forgotten after this long without one. The kernel's connection tracking has the same.
  private static let idle: Int64 = 60_000_000_000
  private static let mostSessions = 1024

  private func role(_ fd: Int32) -> Role { Int(fd) < roles.count ? roles[Int(fd)] : .none }

  func add(_ fd: Int32, _ role: Role, _ events: UInt32) -> Bool {
    while roles.count <= Int(fd) { roles.append(.none) }
    var e = epoll_event()
    e.events = events
    e.data.fd = fd
    guard epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0 else { return false }
    roles[Int(fd)] = role
    return true
  }

  private func drop(_ fd: Int32) {
    roles[Int(fd)] = .none
    close(fd)
  }

  func run() -> Int32 {
    let most = 64
    let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: most)
    while true {
      let n = epoll_wait(epoll, events, Int32(most), patience())
      if n < 0 && lx_errno() != EINTR { return 1 }
      var i = 0
      while i < Int(n) {
        switch role(events[i].data.fd) {
        case .none: break
        case .watch: return 0
        case .listener(let target): accept(target)
        case .datagrams(let target): receive(target)
        case .connection(let c): advance(c)
        case .session(let s): answer(s)
        }
        i += 1
      }
    }
  }

  // MARK: connections

  private func accept(_ target: Target) {
    while true {
      let client = Int32(lx_accept(target.socket, 1))
      if client == -EMFILE || client == -ENFILE {
        close(reserve)
        let one = Int32(lx_accept(target.socket, 1))
        if one >= 0 { close(one) }
        reserve = Int32(lx_open("/dev/null", O_RDONLY, 0))
        return
      }
      if client == -ECONNABORTED || client == -EINTR { continue }
      guard client >= 0 else { return }
      let there = Int32(lx_connect_to(1, &target.endpoint))
      guard there >= 0 else {
        lx_reset_at_close(client)
        close(client)
        continue
      }
      for fd in [client, there] {
        lx_socket_flag(fd, 6, 1)  // IPPROTO_TCP, TCP_NODELAY
        lx_socket_flag(fd, SOL_SOCKET, SO_KEEPALIVE)
      }
      let c = Connection(client, there)
      let all = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
      if !add(there, .connection(c), all) || !add(client, .connection(c), all) { end(c, reset: true) }
    }
  }

  /// Edge triggered: each time as far as it goes in both directions.
  private func advance(_ c: Connection) {
    if !c.isConnected {
      let code = lx_socket_error(c.there)
      if code != 0 { return end(c, reset: true) }
      // The client's events come before the other side stands.
      var p = pollfd(fd: c.there, events: Int16(POLLOUT), revents: 0)
      guard poll(&p, 1, 0) == 1 else { return }
      if lx_socket_error(c.there) != 0 { return end(c, reset: true) }
      c.isConnected = true
    }
    guard c.up.carry(from: c.client, to: c.there, buffer, Self.size), c.down.carry(from: c.there, to: c.client, buffer, Self.size) else {
      return end(c, reset: true)
    }
    if c.up.isEnded && c.down.isEnded { end(c, reset: false) }
  }

  private func end(_ c: Connection, reset: Bool) {
    if reset { lx_reset_at_close(c.client) }
    drop(c.client)
    drop(c.there)
  }

  // MARK: datagrams

  private func receive(_ target: Target) {
    var origin = lx_origin()
    while true {
      let n = lx_receive_datagram(target.socket, buffer, Self.size, &origin)
      if n == -Int(EINTR) || n == -Int(ECONNREFUSED) { continue }
      guard n >= 0 else { return }
      guard let s = session(target, &origin) else { continue }
      s.used = lx_clock(CLOCK_MONOTONIC)
      _ = send(s.socket, buffer, n, Int32(MSG_NOSIGNAL))
    }
  }

  private func session(_ target: Target, _ origin: inout lx_origin) -> Session? {
    for s in sessions where s.target === target && lx_same_endpoint(&s.origin.from, &origin.from) != 0 { return s }
    if sessions.count >= Self.mostSessions, let oldest = sessions.indices.min(by: { sessions[$0].used < sessions[$1].used }) { forget(oldest) }
    let fd = Int32(lx_connect_to(2, &target.endpoint))
    guard fd >= 0 else { return nil }
    let s = Session(fd, target, origin)
    guard add(fd, .session(s), EPOLLIN.rawValue) else {
      close(fd)
      return nil
    }
    sessions.append(s)
    return s
  }

  private func answer(_ s: Session) {
    while true {
      let n = recv(s.socket, buffer, Self.size, 0)
      if n < 0 && lx_errno() == EINTR { continue }
      if n < 0 && lx_errno() == ECONNREFUSED {
        // Nobody listens in the Pod yet.
        if let i = sessions.firstIndex(where: { $0 === s }) { forget(i) }
        return
      }
      guard n >= 0 else { return }
      s.used = lx_clock(CLOCK_MONOTONIC)
      _ = lx_answer_datagram(s.target.socket, buffer, n, &s.origin)
    }
  }

  private func forget(_ i: Int) {
    drop(sessions[i].socket)
    sessions.remove(at: i)
  }

  /// Milliseconds until the next conversation in datagrams is forgotten; -1: there is none.
  private func patience() -> Int32 {
    let now = lx_clock(CLOCK_MONOTONIC)
    var next = Int64.max
    var i = sessions.count - 1
    while i >= 0 {
      let at = sessions[i].used + Self.idle
      if at <= now { forget(i) } else if at < next { next = at }
      i -= 1
    }
    return next == Int64.max ? -1 : Int32((next - now) / 1_000_000 + 1)
  }
}

/// One TCP connection, and the one that it is carried on.
final class Connection {
  let client: Int32
  let there: Int32
  var isConnected = false
  let up = Flow()
  let down = Flow()
  init(_ client: Int32, _ there: Int32) { (self.client, self.there) = (client, there) }
}

/// One direction of a connection.
final class Flow {
  /// What was read and could not be written yet.
  private var held: UnsafeMutableRawPointer?
  private var at = 0
  private var count = 0
  private var isOver = false
  /// The end was passed on.
  private(set) var isEnded = false

  deinit { free(held) }

  /// Until one of the two sides blocks. false: the connection is broken.
  func carry(from: Int32, to: Int32, _ buffer: UnsafeMutableRawPointer, _ size: Int) -> Bool {
    while !isEnded {
      if let h = held {
        while at < count {
          let n = send(to, h + at, count - at, Int32(MSG_NOSIGNAL))
          if n < 0 && lx_errno() == EINTR { continue }
          if n < 0 { return lx_errno() == EAGAIN }
          at += n
        }
        free(h)
        held = nil
      }
      if isOver {
        shutdown(to, Int32(SHUT_WR))
        isEnded = true
        return true
      }
      let n = recv(from, buffer, size, 0)
      if n < 0 && lx_errno() == EINTR { continue }
      if n < 0 { return lx_errno() == EAGAIN }
      if n == 0 {
        isOver = true
        continue
      }
      var sent = 0
      while sent < n {
        let w = send(to, buffer + sent, n - sent, Int32(MSG_NOSIGNAL))
        if w < 0 && lx_errno() == EINTR { continue }
        if w < 0 && lx_errno() != EAGAIN { return false }
        if w < 0 { break }
        sent += w
      }
      guard sent < n else { continue }
      guard let keep = malloc(n - sent) else { return false }
      memcpy(keep, buffer + sent, n - sent)
      (held, at, count) = (keep, 0, n - sent)
    }
    return true
  }
}

/// A conversation in datagrams.
final class Session {
  let socket: Int32
  let target: Target
  var origin: lx_origin
  var used: Int64 = 0
  init(_ socket: Int32, _ target: Target, _ origin: lx_origin) { (self.socket, self.target, self.origin) = (socket, target, origin) }
}

/// A number of the command line.
func number(_ text: UnsafeMutablePointer<CChar>?) -> Int32 { text.map { Int32(truncatingIfNeeded: strtol($0, nil, 10)) } ?? -1 }

// SwiftPM links main to this name.
@_cdecl("podlab_forward_main")
func forwardMain(_ count: Int32, _ all: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Int32 {
  guard count >= 6, (count - 2) % 4 == 0 else { return 2 }
  lx_raise_descriptor_limit()
  let f = Forwarder()
  guard f.add(number(all[1]), .watch, EPOLLIN.rawValue) else { return 1 }
  var i = 2
  while i < Int(count) {
    guard let kind = all[i], let address = all[i + 2] else { return 2 }
    let socket = number(all[i + 1])
    var endpoint = lx_endpoint()
    guard lx_endpoint_of(address, UInt32(truncatingIfNeeded: number(all[i + 3])), &endpoint) == 0 else { return 2 }
    let target = Target(socket, endpoint)
    if strcmp(kind, "udp") == 0 {
      lx_want_local_address(socket)
      guard f.add(socket, .datagrams(target), EPOLLIN.rawValue) else { return 1 }
    } else {
      guard f.add(socket, .listener(target), EPOLLIN.rawValue) else { return 1 }
    }
    i += 4
  }
  return f.run()
}
