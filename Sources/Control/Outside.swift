// SPDX-License-Identifier: Apache-2.0
//
// The node of an ordinary user has a network of its own without a way out. What fetches images for its Pods must be started from outside: by a small
// process (podlab-outside) in the user's own network, which listens in the instance's run folder and ends with the node's holder.
import Glibc
import Images
import Kernel

public enum Outside {
  static func lock(_ instance: Instance) -> String { instance.run + "/outside.lock" }
  public static func socket(_ instance: Instance) -> String { instance.run + "/outside.sock" }

  static func isServed(_ instance: Instance) -> Bool { FileLock.isHeld(lock(instance)) }

  /// Starts it, unless somebody else just does; returns when it listens. The caller is outside.
  static func serve(_ instance: Instance, _ holder: ProcessIdentity, programs: String) throws(SysError) {
    // Taken here and inherited: the lock is held for as long as the process lives.
    guard let lock = try FileLock.attempt(lock(instance)) else { return }
    let listener = try UnixSocket.listen(socket(instance))
    guard let node = holder.open() else { return }
    var plan = SpawnPlan(.paths([programs + "/podlab-outside"]), ["podlab-outside", programs + "/podlab-image"] + ImageJob.environment())
    plan.steps = [
      .init(.newSession), .init(.changeFolder("/")), .init(.umask(0o022)),
      .init(.duplicate(from: listener.raw, to: 700)), .init(.duplicate(from: node.raw, to: 701)), .init(.duplicate(from: lock.raw, to: 702)),
      .init(.open("/dev/null", flags: O_RDWR, as: 0)), .init(.duplicate(from: 0, to: 1)), .init(.duplicate(from: 0, to: 2)),
      .init(.duplicate(from: 700, to: 3)), .init(.duplicate(from: 701, to: 4)), .init(.duplicate(from: 702, to: 5)), .init(.closeFrom(6, atExec: true)),
    ]
    do throws(SysError) { _ = try plan.spawn() } catch { throw error.during("starting the process that fetches images for the node") }
  }

  /// How a program of the user's own network, with the node's ids and mounts, is made: to be put into a plan's `joins`, and to be closed then.
  public static func joins(_ holder: ProcessIdentity) throws(SysError) -> [(fd: Int32, namespaces: Namespaces)] {
    guard let fd = holder.open() else { throw SysError(step: "entering the node", call: "pidfd_open", object: "\(holder.pid)", errno: ESRCH) }
    return [(fd.release(), [.user, .mount])]
  }
}
