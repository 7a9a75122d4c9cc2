// SPDX-License-Identifier: Apache-2.0
//
// What a container is to be: all of it, and nothing of Pods. Paths are the host's unless they say otherwise.
import Kernel

public struct ContainerSpec: Sendable {
  /// argv: the program (searched in PATH of `environment` when it has no slash) and its arguments.
  public var arguments: [String]
  /// NAME=value.
  public var environment: [String]
  /// In the container.
  public var workingFolder = "/"
  public var root: RootFileSystem
  public var mounts: [ContainerMount] = []
  public var identity = ContainerIdentity()
  public var isPrivileged = false
  public var capabilities = CapabilitySet.containerDefault
  public var noNewPrivileges = false
  public var seccomp: SeccompFilter?
  /// See IgnoredUserChanges.
  public var ignoresUserChanges = false
  /// Hide parts of /proc and /sys as container runtimes do.
  public var masksProc = true
  public var cgroup = CgroupEntry()
  /// What the container sees of its group at /sys/fs/cgroup; read-only unless it is privileged.
  public var cgroupView = CgroupView.none
  /// The sandbox has a user namespace of its own: the container's files are seen through its map.
  public var hasUserNamespace = false
  /// Beside those that every container has: the machine's, for a privileged one.
  public var devices: [Device] = []
  public var oomScoreAdjust: Int?
  /// How often the OOM killer had struck in the group before.
  public var oomKills: Int64 = 0
  public var processes = ProcessNamespace.own
  public var sharesHostNetwork = false
  public var sharesHostIPC = false
  public var streams: Streams
  /// The sandbox's shared memory, mounted at /dev/shm.
  public var sharedMemory: String?

  public enum ProcessNamespace: Sendable, Equatable {
    case own, sandbox, host
    /// That of a process: its pidfd.
    case of(Int32)

    /// It is another's, entered by an intermediate process.
    var isJoined: Bool {
      switch self {
      case .own, .host: false
      case .sandbox, .of: true
      }
    }
  }

  public enum Streams: Sendable {
    /// Descriptors for 0, 1, 2; -1 is /dev/null.
    case descriptors(Int32, Int32, Int32)
    /// A new terminal; its master is sent over this unix socket.
    case terminal(socket: Int32, rows: Int, columns: Int)
  }

  public init(arguments: [String], environment: [String], root: RootFileSystem, streams: Streams) {
    (self.arguments, self.environment, self.root, self.streams) = (arguments, environment, root, streams)
  }
}

/// An overlay of read-only layers, with one folder on top that takes the changes.
public struct RootFileSystem: Sendable {
  /// Topmost first.
  public var layers: [String]
  /// Both on one file system, both empty at first; `mountPoint` is any empty folder.
  public var upper: String
  public var work: String
  public var mountPoint: String
  public var isReadOnly = false
  public init(layers: [String], upper: String, work: String, mountPoint: String) {
    (self.layers, self.upper, self.work, self.mountPoint) = (layers, upper, work, mountPoint)
  }
}

/// A device node.
public struct Device: Sendable, Equatable {
  /// In /dev: `null`, `net/tun`.
  public var name: String
  /// Type and permissions, as st_mode.
  public var mode: UInt32
  public var number: UInt64
  public init(name: String, mode: UInt32, number: UInt64) { (self.name, self.mode, self.number) = (name, mode, number) }
}

/// A file or folder of the sandbox's mount namespace, seen in the container.
public struct ContainerMount: Sendable {
  public var source: String
  /// What of the source is meant: a path below it, never outside; nil for all of it.
  public var below: String?
  /// Whether symbolic links in `below` are followed.
  public var followsLinks = false
  /// Folders, topmost first, whose stack is first mounted read-only at the source, where only this container sees it.
  public var layers: [String] = []
  /// An open mount that is taken instead of the source: one of the node's, in its peer group.
  public var tree: MountTree?
  /// In the container; what is missing of it is made.
  public var target: String
  public var isReadOnly = false
  /// Whether the source is a folder or a file; nil where that is not known beforehand.
  public var isFolder: Bool?
  /// Read-only with everything that is mounted below.
  public var isRecursivelyReadOnly = false
  /// Mounts made in the source later appear here (HostToContainer); and the other way round (Bidirectional).
  public var propagation = Propagation.none
  public enum Propagation: Sendable { case none, hostToContainer, bidirectional }
  public init(source: String, target: String) { (self.source, self.target) = (source, target) }
}

/// A mount by its descriptor (open_tree(2)).
public final class MountTree: Sendable {
  let fd: FileDescriptor
  public init(_ fd: consuming FileDescriptor) { self.fd = fd }
}

/// Who the program is.
public struct ContainerIdentity: Sendable, Equatable {
  public var user: UInt32 = 0
  public var group: UInt32 = 0
  public var supplementary: [UInt32] = []
  public init() {}
}
