// SPDX-License-Identifier: Apache-2.0
//
// A port of 127.0.0.1 that leads into a Pod, for a lab whose Pods fetch images from another Pod. An ordinary user's node has a network of its own, and
// images for it are fetched from outside (docs/registry.md): the port is opened in both networks under one number, before and after the node is entered.
import Glibc
import Kernel

final class LoopbackPort {
  let number: UInt16
  private var sockets: [Int32]

  /// In the network of whoever runs the lab; the kernel chooses the number.
  init() throws(SysError) {
    let fd = try InternetSocket.listen(Self.address(), port: 0)
    number = InternetSocket.localPort(fd.raw)
    sockets = [fd.release()]
  }
  deinit { for fd in sockets { _ = close(fd) } }

  /// The same number in the node, which has been entered.
  func openInNode() throws(SysError) { sockets.append(try InternetSocket.listen(Self.address(), port: number).release()) }

  private static func address() throws(SysError) -> IPAddress {
    guard let a = IPAddress(literal: "127.0.0.1") else { throw SysError(call: "inet_pton", object: "127.0.0.1", errno: EINVAL) }
    return a
  }

  /// From now on what comes here goes to a Pod's address, until the Pod's sandbox ends: then nobody listens any more. Once only.
  func lead(to podIP: String, port: Int, infra: Int32, programs: String) throws(SysError) {
    guard let watch = ProcessIdentity(pid: infra)?.open() else { throw SysError(call: "pidfd_open", object: "\(infra)", errno: ESRCH) }
    defer { _ = watch.raw }
    let inherited = [watch.raw] + sockets
    let ways = sockets.indices.flatMap { ["tcp", "\(4 + $0)", podIP, "\(port)"] }
    var plan = SpawnPlan(.paths([programs + "/podlab-forward"]), ["podlab-forward", "3"] + ways)
    // First out of the way: a descriptor's old number may be another one's new one.
    let high: Int32 = 800
    for (i, fd) in inherited.enumerated() { plan.steps.append(.init(.duplicate(from: fd, to: high + Int32(i)))) }
    for i in inherited.indices { plan.steps.append(.init(.duplicate(from: high + Int32(i), to: 3 + Int32(i)))) }
    plan.steps += [
      .init(.newSession), .init(.changeFolder("/")), .init(.open("/dev/null", flags: O_RDWR, as: 0)), .init(.duplicate(from: 0, to: 1)),
      .init(.duplicate(from: 0, to: 2)), .init(.closeFrom(3 + Int32(inherited.count), atExec: true)),
    ]
    do throws(SysError) { _ = try plan.spawn() } catch { throw error.during("opening a port that leads into the pod") }
    for fd in sockets { _ = close(fd) }
    sockets = []
  }
}
