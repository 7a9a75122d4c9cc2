// SPDX-License-Identifier: Apache-2.0
//
// hostPort: ports of the node that lead into the Pod. The sockets are opened here, so that a port that is taken fails the sandbox; a process of the
// Pod's own (podlab-forward) carries the bytes and outlives podd. It ends with infra, whose pidfd it watches.
import Control
import Glibc
import Kernel
import Manifest
import Runtime

/// The process that carries what comes to a Pod's host ports.
final class PortForwarder {
  let identity: ProcessIdentity
  let pidfd: Int32
  private let begun = Clock.monotonic

  init(_ identity: ProcessIdentity, pidfd: Int32) { (self.identity, self.pidfd) = (identity, pidfd) }
  deinit { _ = close(pidfd) }

  /// It did not live for a second: the next one is not started at once.
  var endedEarly: Bool { Clock.monotonic - begun < 1_000_000_000 }

  /// Ends it and waits until its sockets are closed.
  func end() {
    _ = optional { () throws(SysError) in try Pidfd.signal(pidfd, SIGKILL) }
    var p = pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)
    _ = poll(&p, 1, 2000)
    _ = optional { () throws(SysError) in try ExitStatus.collect(pidfd: pidfd) }
  }
}

extension Supervisor {
  /// Ports that want one of the node's: of app containers and sidecars. On the node's own network the container has the port itself.
  private var wantedHostPorts: [ContainerPort] {
    guard !pod.spec.hostNetwork else { return [] }
    let all = pod.spec.initContainers.filter { $0.restartPolicy == .always } + pod.spec.containers
    return all.flatMap(\.ports).filter { ($0.hostPort ?? 0) > 0 }
  }

  /// Why the Pod cannot have its host ports; nil: it can.
  var hostPortProblem: String? {
    guard let port = wantedHostPorts.first(where: { $0.protocolName == "SCTP" }) else { return nil }
    return "hostPort \(port.hostPort ?? 0): protocol SCTP is not carried from the node's ports to pods here (TCP and UDP are): remove the hostPort; pods reach each other's SCTP ports at their addresses"
  }

  /// Starts the forwarder where the Pod has host ports and none runs.
  func startForwarder(_ podIPs: [String]) throws(SysError) {
    let wanted = wantedHostPorts
    guard !wanted.isEmpty, forwarder == nil else { return }
    do throws(SysError) {
      var arguments: [String] = []
      var inherited = [infra]
      var kept: [FileDescriptorBox] = []
      for port in wanted {
        for (address, target) in Self.ways(port, podIPs) {
          guard let number = UInt16(exactly: port.hostPort ?? 0) else { continue }
          let isDatagrams = port.protocolName == "UDP"
          let fd = FileDescriptorBox(try PortSocket.open(address, port: number, datagrams: isDatagrams))
          arguments += [isDatagrams ? "udp" : "tcp", "\(3 + inherited.count)", target, "\(port.containerPort)"]
          inherited.append(fd.raw)
          kept.append(fd)
        }
      }
      let entry = node.host.cgroups.entry(cgroup + "/pause")
      var plan = SpawnPlan(.paths([node.programs + "/podlab-forward"]), ["podlab-forward", "3"] + arguments)
      let group = try entry.folder.map { (f) throws(SysError) in FileDescriptorBox(try FileDescriptor.open(f, O_RDONLY | O_DIRECTORY)) }
      plan.cgroup = group?.raw
      plan.steps = entry.tasks.map { .init(.write($0, Array("0".utf8), flags: 0), for: "entering the sandbox's cgroup") }
      // First out of the way: a descriptor's old number may be another one's new one.
      let high: Int32 = 800
      for (i, fd) in inherited.enumerated() { plan.steps.append(.init(.duplicate(from: fd, to: high + Int32(i)))) }
      for i in inherited.indices { plan.steps.append(.init(.duplicate(from: high + Int32(i), to: 3 + Int32(i)))) }
      plan.steps += [
        .init(.newSession), .init(.changeFolder("/")), .init(.open("/dev/null", flags: O_RDWR, as: 0)), .init(.duplicate(from: 0, to: 1)),
        .init(.duplicate(from: 0, to: 2)), .init(.closeFrom(3 + Int32(inherited.count), atExec: true)),
      ]
      let child = try plan.spawn()
      kept.removeAll()
      guard let identity = ProcessIdentity(pid: child.pid) else { throw SysError(call: "open", object: "/proc/\(child.pid)/stat", errno: ESRCH) }
      follow(PortForwarder(identity, pidfd: child.release()))
    } catch {
      throw error.during(
        "opening the pod's host ports",
        hint: error.errno == EADDRINUSE ? "another program of the node has the port: `ss -lntup` shows which" : error.hint)
    }
  }

  /// The addresses of the node that a port is opened on, each with the Pod's address that it leads to.
  static func ways(_ port: ContainerPort, _ podIPs: [String]) -> [(IPAddress, String)] {
    let all = podIPs.compactMap { IPAddress(literal: $0) }
    guard let first = all.first else { return [] }
    if let text = port.hostIP, !text.isEmpty, let address = IPAddress(literal: text) {
      return [(address, "\(all.first { $0.isV6 == address.isV6 } ?? first)")]
    }
    return all.compactMap { pod in IPAddress(literal: pod.isV6 ? "::" : "0.0.0.0").map { ($0, "\(pod)") } }
  }

  /// The one that an earlier podd started; a new one where that has ended.
  func adoptForwarder() {
    guard infra >= 0, !wantedHostPorts.isEmpty else { return }
    if let identity = state.forwarder, let fd = identity.open()?.release() { return follow(PortForwarder(identity, pidfd: fd)) }
    restartForwarder()
  }

  private func follow(_ new: PortForwarder) {
    forwarder = new
    state.forwarder = new.identity
    writeState()
    do throws(SysError) { try loop.watch(new.pidfd) { [unowned self] _ in forwarderEnded() } } catch {
      complain("\(error.during("watching the forwarder"))")
    }
  }

  private func forwarderEnded() {
    guard let old = forwarder else { return }
    loop.forget(old.pidfd)
    _ = optional { () throws(SysError) in try ExitStatus.collect(pidfd: old.pidfd) }
    forwarder = nil
    // It ends with infra; otherwise somebody has killed it.
    guard infra >= 0, !isStoppingSandbox, state.sandbox?.process.isAlive ?? false else { return }
    if !old.endedEarly { return restartForwarder() }
    _ = timers.schedule(at: Clock.monotonic + 1_000_000_000) { [weak self] in self?.restartForwarder() }
  }

  private func restartForwarder() {
    guard infra >= 0, forwarder == nil else { return }
    do throws(SysError) { try startForwarder(state.sandbox?.podIPs ?? []) } catch {
      complain("\(error)")
      _ = timers.schedule(at: Clock.monotonic + 10_000_000_000) { [weak self] in self?.restartForwarder() }
    }
  }

  /// With the sandbox.
  func endForwarder() {
    guard let old = forwarder else { return }
    loop.forget(old.pidfd)
    forwarder = nil
    state.forwarder = nil
    old.end()
  }
}
