// SPDX-License-Identifier: Apache-2.0
//
// Who is who in an arena, seen from outside: a number that means something in there becomes a process out here, by the
// kernel's own account (NSpid, the user namespace), never by name or arguments.
import Glibc
import Kernel

struct ArenaPeople {
  /// The user namespace is the arena's own: whoever is in it belongs to the arena.
  private let users: UInt64
  /// How deep the arena's pid namespace lies: where its numbers stand in NSpid.
  private let depth: Int

  init?(arena pid: Int32) {
    guard let users = Proc.namespace(pid, "user"), let numbers = Self.numbers(pid) else { return nil }
    (self.users, depth) = (users, numbers.count - 1)
  }

  /// Every process of the arena, by our numbers.
  var all: [Int32] { Proc.all.filter { Proc.namespace($0, "user") == users } }

  /// The process whose number inside the arena is this one.
  func process(_ inside: Int32) -> Int32? {
    all.first { pid in
      guard let numbers = Self.numbers(pid), numbers.count > depth else { return false }
      return numbers[depth] == inside
    }
  }

  private static func numbers(_ pid: Int32) -> [Int32]? {
    Proc.status(pid, "NSpid").map { $0.split { $0 == "\t" || $0 == " " }.compactMap { Int32($0) } }
  }
}

/// A container's first process, held by a pidfd: no other process can take its place.
final class Resident {
  let container: String
  /// Its number in the arena.
  let inside: Int32
  let identity: ProcessIdentity
  let pidfd: FileDescriptor
  /// The root folder that it sees.
  let root: FileDescriptor

  /// nil where it has ended in the meantime.
  init?(container: String, inside: Int32, pid: Int32) {
    guard let identity = ProcessIdentity(pid: pid), let fd = identity.open(),
      let root = optional({ () throws(SysError) in try FileDescriptor.open("/proc/\(pid)/root", Arena.pathOnly | O_DIRECTORY) }), identity.isAlive
    else { return nil }
    (self.container, self.inside, self.identity) = (container, inside, identity)
    pidfd = fd
    self.root = root
  }

  /// Opens a file beneath its root: no link is followed anywhere, nothing blocks.
  func open(_ path: String, _ flags: Int32) throws(SysError) -> FileDescriptor {
    let inner = path.split(separator: "/").joined(separator: "/")
    return try FileDescriptor.open2(
      inner.isEmpty ? "." : inner, at: root, flags & Arena.pathOnly != 0 ? flags : flags | O_NONBLOCK | O_NOCTTY, resolve: [.beneath, .noSymlinks, .noMagicLinks])
  }
}

extension SysError {
  /// A link stood where none is followed.
  var isLink: Bool { errno == ELOOP }
}
