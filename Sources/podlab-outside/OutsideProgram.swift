// SPDX-License-Identifier: Apache-2.0
//
// The loop of podlab-outside: sleeps until somebody connects, a helper has ended, or the node has.
import Glibc
import Kernel

enum OutsideProgram {
  private static let listener: Int32 = 3
  private static let node: Int32 = 4
  private static let lock: Int32 = 5

  static func run() -> Int32 {
    let words = CommandLine.arguments
    guard words.count >= 2 else {
      _ = optional { () throws(SysError) in try writeAll(2, "usage: podlab-outside PROGRAM [NAME=value…] (started by podctl)\n") }
      return 2
    }
    for fd in [listener, node, lock] { _ = fcntl(fd, F_SETFD, FD_CLOEXEC) }
    var helpers: [Int32] = []
    while true {
      var ready = ([listener, node] + helpers).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      if poll(&ready, nfds_t(ready.count), -1) < 0 {
        if errno == EINTR { continue }
        return 1
      }
      if ready[1].revents != 0 { return 0 }
      for ended in ready.dropFirst(2) where ended.revents != 0 {
        _ = optional { () throws(SysError) in try ExitStatus.collect(pidfd: ended.fd, wait: true) }
        _ = close(ended.fd)
        helpers.removeAll { $0 == ended.fd }
      }
      guard ready[0].revents != 0 else { continue }
      do throws(SysError) {
        guard let connection = try UnixSocket.accept(listener, nonblocking: false) else { continue }
        // The file's mode says who may connect; this says it again of the user.
        guard try UnixSocket.peer(connection.raw).uid == getuid() else { continue }
        do throws(SysError) { helpers.append(try start(words[1], Array(words.dropFirst(2)), connection.raw)) } catch {
          // An answer of the helper, as far as whoever asked can see.
          try writeAll(connection.raw, "\(error)\n")
        }
      } catch { continue }
    }
  }

  /// Returns its pidfd.
  private static func start(_ program: String, _ environment: [String], _ connection: Int32) throws(SysError) -> Int32 {
    var plan = SpawnPlan(.paths([program]), ["podlab-image", "serve"], environment: environment)
    plan.joins = [(node, [.user, .mount])]
    plan.steps = [
      .init(.newSession), .init(.duplicate(from: connection, to: 0)), .init(.duplicate(from: 0, to: 1)), .init(.duplicate(from: 0, to: 2)),
      .init(.closeFrom(3, atExec: true)), .init(.umask(0o022)),
    ]
    do throws(SysError) { return try plan.spawn().release() } catch { throw error.during("starting the image helper") }
  }
}
