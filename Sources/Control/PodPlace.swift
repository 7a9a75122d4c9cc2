// SPDX-License-Identifier: Apache-2.0
//
// A Pod's files. All names are fixed by the Pod's folder, so that whoever comes next finds them.
import Kernel

public struct PodPlace: Sendable, Equatable {
  /// RUN/pods/NAMESPACE/NAME.
  public let folder: String
  public init(folder: String) { self.folder = folder }

  /// The object as it was applied, defaults filled in.
  public var object: String { folder + "/pod.json" }
  /// The object with which the journal begins; there once it was changed.
  public var first: String { folder + "/first.json" }
  /// The object with its status: what `get -o json` prints.
  public var status: String { folder + "/status.json" }
  /// What was known of the Pod before the boot; gone once its podd has taken it in.
  public var before: String { folder + "/before.json" }
  /// A List of Event objects about the Pod.
  public var events: String { folder + "/events.json" }
  /// Every event of the engine with its effects, a JSON line each.
  public var journal: String { folder + "/journal.jsonl" }
  public var state: String { folder + "/state.json" }
  /// Held (flock) by a living podd.
  public var lock: String { folder + "/podd.lock" }
  public var socket: String { folder + "/podd.sock" }
  /// What podd has to say.
  public var notes: String { folder + "/podd.log" }
  public var volumes: String { folder + "/volumes" }
  /// Logs (N.log), root file system and termination message of one container.
  public func container(_ name: String) -> String { folder + "/containers/" + name }
}

/// Empty folders, one set for all Pods of an instance: what is mounted on them is seen in the mount namespaces of one sandbox alone. Made once: each
/// folder that a Pod needs of its own costs it time at both ends of its life.
public struct MountPoints: Sendable, Equatable {
  /// RUN/mnt.
  public let folder: String

  /// infra's root; nothing is mounted there.
  public var emptyRoot: String { folder + "/root" }
  /// /dev/shm of a sandbox.
  public var sharedMemory: String { folder + "/shm" }
  /// The files of secret, projected and downwardAPI volumes, and hosts, hostname, resolv.conf.
  public var files: String { folder + "/files" }
  /// A container's root file system, until it is the container's /.
  public var container: String { folder + "/container" }
  /// Lowest layers of containers' root file systems (Supervisor/MountPointLayer.swift), by what is in them.
  public var layers: String { folder + "/layers" }

  /// Makes those that are not there.
  public func make() throws(SysError) {
    // The last one is there: so are the others.
    if FileSystem.exists(container) { return }
    for path in [emptyRoot, sharedMemory, files, container] { try FileSystem.makeFolders(path, mode: 0o755) }
  }
}

extension Instance {
  public var mountPoints: MountPoints { MountPoints(folder: run + "/mnt") }
  /// Where what is left of a Pod goes that is gone, to be taken apart when nobody waits for it.
  public var trash: String { run + "/trash" }
}
