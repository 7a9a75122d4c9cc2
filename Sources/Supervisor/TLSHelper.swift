// SPDX-License-Identifier: Apache-2.0
//
// TLS for HTTPS probes and hooks: a process (podlab-tls) that gets the connection and one end of a socket pair; plain bytes go over the pair. podd
// itself links no TLS: it would be in the memory of every Pod.
import Control
import Glibc
import Kernel

enum TLSHelper {
  /// Starts it on a connection. server: what is said as its name (SNI), an address is not said. Returns our end of the pair, non-blocking: the first
  /// byte to come is 0 when the handshake is done, or 1 before the text of what went wrong.
  static func start(_ loop: EventLoop, program: String, connection: Int32, server: String) throws(SysError) -> (socket: Int32, pidfd: Int32) {
    let (near, far) = try UnixSocket.pair().ends()
    let ours = FileDescriptor(owning: near)
    let theirs = FileDescriptor(owning: far)
    try ours.setNonblocking()
    var plan = SpawnPlan(.paths([program]), ["podlab-tls", IPAddress(literal: server) == nil ? server : ""])
    plan.steps = [
      .init(.duplicate(from: theirs.raw, to: 700)), .init(.duplicate(from: connection, to: 701)), .init(.duplicate(from: 700, to: 3)),
      .init(.duplicate(from: 701, to: 4)), .init(.open("/dev/null", flags: O_RDWR, as: 0)), .init(.duplicate(from: 0, to: 1)),
      .init(.duplicate(from: 0, to: 2)), .init(.closeFrom(5, atExec: true)), .init(.deathSignal(SIGKILL)),
    ]
    let pidfd = try plan.spawn().release()
    // Reaped whenever it ends, whoever still wants it.
    try loop.watch(pidfd) { [unowned loop] _ in
      loop.forget(pidfd)
      _ = optional { () throws(SysError) in try ExitStatus.collect(pidfd: pidfd) }
      _ = close(pidfd)
    }
    return (ours.release(), pidfd)
  }
}
