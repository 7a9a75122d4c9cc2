// SPDX-License-Identifier: Apache-2.0
//
// A throw-away machine for one submission and one run: made, entered by our own programs only, looked at from outside,
// ended by killing its PID 1. The observer itself never enters it.
import Glibc
import Kernel

public final class Arena {
  public let id: String
  public let limits: ArenaLimits
  /// PID 1 of the arena, as the observer sees it.
  public let pid: Int32
  let pidfd: FileDescriptor
  /// The arena's root folder, from outside.
  let root: FileDescriptor
  let fence: Fence
  let kept: Bool
  /// O_PATH, which Swift's Glibc does not know.
  static let pathOnly: Int32 = 0o10000000

  /// `programs` is the folder of our built programs, `images` that of the image store's content.
  public init(id: String, programs: String, images: String, limits: ArenaLimits, fence: Fence, keep: Bool) throws(SysError) {
    (self.id, self.limits, self.kept) = (id, limits, keep)
    let users = try UserRange.make(fence.firstID)
    var mounts: [(fd: Int32, at: String, isFolder: Bool)] = []
    defer { for mount in mounts { _ = close(mount.fd) } }
    for tool in ArenaPlan.tools {
      let fd = try DetachedMount.copy(of: "\(programs)/\(tool)", readOnly: true, ids: nil)
      mounts.append((fd.release(), "\(ArenaPlan.bin)/\(tool)", false))
    }
    let layers = try DetachedMount.copy(of: images, readOnly: true, ids: fence.firstID == 0 ? nil : users.raw)
    mounts.append((layers.release(), ArenaPlan.images, true))

    var plan = SpawnPlan(.paths(["\(ArenaPlan.bin)/init"]), ["init", "\(ArenaPlan.bin)/pause"], environment: ArenaPlan.environment)
    plan.joins = [(users.raw, .user)]
    plan.namespaces = [.mount, .pid, .network, .ipc, .uts, .cgroup]
    let null = try FileDescriptor.open("/dev/null", O_RDWR)
    plan.steps = (0...2).map { SpawnStep(.duplicate(from: null.raw, to: $0)) }
    plan.steps += ArenaPlan.steps(mounts: mounts, limits: limits, dieWithObserver: !keep)
    do throws(SysError) {
      let child = try plan.spawn()
      pid = child.pid
      pidfd = FileDescriptor(owning: child.release())
    } catch { throw error.during("making an arena") }
    self.fence = fence
    try self.fence.add(pid)
    // A kept arena lives as long as its PID 1, not as long as we do.
    if keep { try self.fence.record.write(holder: ProcessIdentity(pid: pid)) }
    root = try FileDescriptor.open("/proc/\(pid)/root", Self.pathOnly | O_DIRECTORY)
  }

  /// What `podctl --root` takes to get in, once the arena is kept.
  public var door: String { fence.record.root }

  /// Opens a file beneath the arena's root: no link is followed anywhere, nothing blocks.
  func open(_ path: String, _ flags: Int32) throws(SysError) -> FileDescriptor {
    try FileDescriptor.open2(
      path.hasPrefix("/") ? String(path.dropFirst()) : path, at: root, flags & Self.pathOnly != 0 ? flags : flags | O_NONBLOCK | O_NOCTTY,
      resolve: [.beneath, .noSymlinks, .noMagicLinks])
  }

  /// A regular file's content, at most `limit` bytes.
  func read(_ path: String, limit: Int) throws(SysError) -> [UInt8] {
    let file = try open(path, O_RDONLY)
    guard try FileSystem.info(file.raw).isRegular else { throw SysError(call: "open", object: path, errno: EINVAL) }
    return try FileSystem.read(file.raw, path, limit: limit)
  }

  /// Kills everything in there and waits until nothing is left: the death of PID 1 takes the whole pid namespace with it,
  /// and wait(2) answers only when that is done. Safe to call twice.
  public func end() {
    guard !ended else { return }
    ended = true
    _ = optional { () throws(SysError) in try Pidfd.signal(pidfd.raw, SIGKILL) }
    _ = optional { () throws(SysError) in try ExitStatus.collect(pidfd: pidfd.raw, wait: true) }
    fence.remove()
  }
  private var ended = false
}
