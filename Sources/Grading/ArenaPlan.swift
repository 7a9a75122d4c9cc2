// SPDX-License-Identifier: Apache-2.0
//
// The arena's world as a plan: a root of its own on a tmpfs, tools and images read-only, a minimal dev, new proc and sys,
// an inbox on which nothing can be executed; then PID 1. Who is in there is root of nothing but this.
import Glibc
import Kernel

/// Limits of one arena (grading.md, Limits).
public struct ArenaLimits: Sendable, Equatable {
  public var memoryBytes: Int64 = 512 << 20
  public var processes: Int64 = 128
  /// Of the root's tmpfs.
  public var diskBytes: Int64 = 64 << 20
  public var inodes: Int64 = 16384
  /// Wall time of the whole run, nanoseconds.
  public var wall: Int64 = 120_000_000_000
  /// Bytes of output that a program in the arena may print to the observer.
  public var outputBytes = 1 << 20
  public init() {}
}

enum ArenaPlan {
  static let tools = ["podctl", "podd", "pause", "podlab-forward", "podlab-tls", "podlab-token", "podlab-seccomp", "init", "lab"]
  /// Where things stand inside.
  static let bin = "/podlab/bin", images = "/podlab/images", inbox = "/inbox"
  /// The tmpfs is mounted over a folder that every system has; only this process's mount namespace sees that.
  private static let stage = "/tmp"

  /// mount(2), <linux/mount.h>.
  private static let readOnly: UInt = 1, nosuid: UInt = 2, nodev: UInt = 4, noexec: UInt = 8, recursive: UInt = 16384, privately: UInt = 1 << 18
  /// MS_NOSYMFOLLOW, Linux 5.10.
  private static let nosymfollow: UInt = 256

  /// What a short list of variables says; everything else of the observer's environment stays outside.
  static let environment = [
    "PATH=\(bin)", "HOME=/", "LANG=C.UTF-8", "TZ=UTC", "PODLAB_IMAGES=\(images)", "SWIFT_BACKTRACE=enable=no",
  ]

  /// Becoming root of the user namespace entered.
  static let becomeRoot: [SpawnStep] = [
    SpawnStep(.groups([]), for: "dropping groups", tolerating: .any), SpawnStep(.group(0), for: "becoming the arena's root"),
    SpawnStep(.user(0), for: "becoming the arena's root"),
  ]

  /// The steps of PID 1. `mounts` are detached mounts, made by the observer, with the place (in the arena) where each belongs.
  static func steps(mounts: [(fd: Int32, at: String, isFolder: Bool)], limits: ArenaLimits, dieWithObserver: Bool) -> [SpawnStep] {
    var steps = becomeRoot
    func add(_ kind: SpawnStep.Kind, _ purpose: String? = nil, tolerating: SpawnStep.Tolerance = .none) {
      steps.append(SpawnStep(kind, for: purpose, tolerating: tolerating))
    }
    add(.propagation("/", flags: recursive | privately), "cutting the arena's mounts off")
    add(
      .mount(
        source: "arena", target: stage, type: "tmpfs", flags: nosuid | nodev,
        options: "mode=755,size=\(limits.diskBytes),nr_inodes=\(limits.inodes)"), "making the arena's root")
    for folder in ["podlab", "podlab/bin", "podlab/images", "inbox", "dev", "dev/shm", "dev/pts", "proc", "sys", "run", "var", "var/lib", "etc", "tmp"] {
      add(.makeFolder("\(stage)/\(folder)", mode: 0o755, mayExist: true))
    }
    add(.changeMode("\(stage)/tmp", mode: 0o1777))
    for mount in mounts {
      if mount.isFolder { add(.makeFolder(stage + mount.at, mode: 0o755, mayExist: true)) } else { add(.touch(stage + mount.at, mode: 0o755)) }
      add(.moveMount(fd: mount.fd, to: stage + mount.at), "putting \(mount.at) into the arena")
    }
    for device in ["null", "zero", "full", "random", "urandom", "tty"] {
      add(.touch("\(stage)/dev/\(device)", mode: 0o666))
      add(.bind(source: "/dev/\(device)", target: "\(stage)/dev/\(device)", recursive: false), "giving the arena /dev/\(device)")
    }
    add(.mount(source: "devpts", target: "\(stage)/dev/pts", type: "devpts", flags: nosuid | noexec, options: "newinstance,ptmxmode=0666,mode=620"), "mounting the arena's devpts")
    add(.symlink(text: "pts/ptmx", at: "\(stage)/dev/ptmx"))
    for (name, target) in [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
      add(.symlink(text: target, at: "\(stage)/dev/\(name)"))
    }
    add(.mount(source: "shm", target: "\(stage)/dev/shm", type: "tmpfs", flags: nosuid | nodev, options: "mode=1777,size=16m,nr_inodes=1024"))
    add(.mount(source: "proc", target: "\(stage)/proc", type: "proc", flags: nosuid | nodev | noexec, options: ""), "mounting the arena's proc")
    add(.mount(source: "sysfs", target: "\(stage)/sys", type: "sysfs", flags: nosuid | nodev | noexec | readOnly, options: ""), "mounting the arena's sys", tolerating: .any)
    add(.mount(source: "inbox", target: stage + inbox, type: "tmpfs", flags: nosuid | nodev | noexec | nosymfollow, options: "mode=700,size=16m,nr_inodes=1024"), "making the inbox")
    add(.changeFolder(stage))
    add(.pivotRoot(new: ".", old: "."), "changing to the arena's root")
    add(.unmount(".", flags: Int32(MNT_DETACH)), "leaving the machine's root")
    add(.changeFolder("/"))
    add(.linkUp("lo"), "bringing the arena's loopback up")
    add(.hostname("node"))
    // No user namespace below the arena's.
    add(.write("/proc/sys/user/max_user_namespaces", Array("0".utf8), flags: 0), "refusing nested user namespaces", tolerating: .any)
    steps += common
    if dieWithObserver { add(.deathSignal(SIGKILL)) }
    return steps
  }

  /// What every process of the arena begins with.
  static var common: [SpawnStep] {
    [
      SpawnStep(.newSession), SpawnStep(.umask(0o022)), SpawnStep(.limit(resource: 4 /* RLIMIT_CORE */, soft: 0, hard: 0)),
      SpawnStep(.seccomp(ArenaFilter.bytes, flags: 0), for: "installing the arena's system call filter"), SpawnStep(.closeFrom(3, atExec: true)),
    ]
  }

  /// Joining the arena: a further program of ours in there. stdin, stdout and stderr are descriptors of the observer's pipes.
  static func program(arena pidfd: Int32, _ arguments: [String], stdio: (Int32, Int32, Int32), environment more: [String] = []) -> SpawnPlan {
    let name = arguments.first ?? ""
    var plan = SpawnPlan(.paths(["\(bin)/\(name)"]), arguments, environment: environment + more)
    plan.joins = [(pidfd, [.user, .mount, .pid, .network, .ipc, .uts, .cgroup])]
    plan.steps = becomeRoot + [
      SpawnStep(.changeFolder("/")), SpawnStep(.duplicate(from: stdio.0, to: 0)), SpawnStep(.duplicate(from: stdio.1, to: 1)),
      SpawnStep(.duplicate(from: stdio.2, to: 2)),
    ] + common
    return plan
  }
}
