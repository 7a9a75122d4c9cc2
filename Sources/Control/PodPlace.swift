// SPDX-License-Identifier: Apache-2.0
//
// A Pod's files. All names are fixed by the Pod's folder, so that whoever comes next finds them.

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
  public var etc: String { folder + "/etc" }
  public var sharedMemory: String { folder + "/shm" }
  public var emptyRoot: String { folder + "/root" }
  /// Logs (N.log), root file system and termination message of one container.
  public func container(_ name: String) -> String { folder + "/containers/" + name }
}
