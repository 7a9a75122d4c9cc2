// SPDX-License-Identifier: Apache-2.0
//
// Changes of objects as they come: the folders they are stored in are watched (inotify), and what is there is compared with what was there.
import Control
import Glibc
import Kernel
import Manifest

final class Watcher {
  enum Change: String { case added = "ADDED", modified = "MODIFIED", deleted = "DELETED" }

  private let session: Session
  private let kinds: [Kind]
  private let namespace: String?
  private let isWanted: (Kind, Value) -> Bool
  private let folders: FolderWatch
  private var known: [String: (Kind, Value)] = [:]
  private var order: [String] = []
  private var pending: [(Change, Kind, Value)] = []

  /// namespace: nil for all. isWanted: those to be told of. Watches from now on; `current` is what there is now.
  init(_ session: Session, _ kinds: [Kind], namespace: String?, isWanted: @escaping (Kind, Value) -> Bool) throws {
    (self.session, self.kinds, self.namespace, self.isWanted) = (session, kinds, namespace, isWanted)
    folders = try FolderWatch()
    try watch()
    for (key, kind, v) in try now() {
      known[key] = (kind, v)
      order.append(key)
    }
  }

  var current: [(Kind, Value)] { order.compactMap { known[$0] } }

  /// The next change; nil when the deadline (nanoseconds of CLOCK_MONOTONIC) is past.
  func next(deadline: Int64? = nil) throws -> (Change, Kind, Value)? {
    while pending.isEmpty {
      guard try folders.wait(deadline: deadline) else { return nil }
      try watch()
      try compare()
    }
    return pending.removeFirst()
  }

  private func now() throws -> [(String, Kind, Value)] {
    try kinds.flatMap { kind in
      try session.list(kind, namespace).filter { isWanted(kind, $0) }.map { v in
        let meta = v["metadata"]
        return ("\(kind.rawValue)/\(meta?["namespace"]?.string ?? "")/\(meta?["name"]?.string ?? "")", kind, v)
      }
    }
  }

  private func compare() throws {
    let fresh = try now()
    let keys = Set(fresh.map(\.0))
    for key in order where !keys.contains(key) {
      if let (kind, v) = known.removeValue(forKey: key) { pending.append((.deleted, kind, kind == .pod ? Self.deleted(v) : v)) }
    }
    order = fresh.map(\.0)
    for (key, kind, v) in fresh {
      let old = known.updateValue((kind, v), forKey: key)?.1
      guard let old else {
        pending.append((.added, kind, v))
        continue
      }
      if old["metadata"]?["uid"] != v["metadata"]?["uid"] {
        pending.append((.deleted, kind, old))
        pending.append((.added, kind, v))
      } else if old != v, kind != .node || !Session.isSame(old, v) {
        pending.append((.modified, kind, v))
      }
    }
  }

  /// A Pod that is gone was told to go, also when that went too fast to be seen.
  private static func deleted(_ pod: Value) -> Value {
    guard var meta = pod["metadata"], meta["deletionTimestamp"] == nil else { return pod }
    meta["deletionTimestamp"] = .string(Session.clock.rfc3339)
    var pod = pod
    pod["metadata"] = meta
    return pod
  }

  private func watch() throws {
    let (run, objects) = (session.instance.run, "\(session.instance.data)/objects")
    for kind in kinds {
      switch kind {
      case .pod, .event:
        try folders.add("\(run)/pods")
        for ns in try namespaces("\(run)/pods") {
          try folders.add("\(run)/pods/\(ns)")
          for name in try FileSystem.list("\(run)/pods/\(ns)") { try folders.add("\(run)/pods/\(ns)/\(name)", made: false) }
        }
        if kind == .event {
          try folders.add(run)
          try folders.add("\(run)/events")
          for ns in try namespaces("\(run)/events") { try folders.add("\(run)/events/\(ns)", made: false) }
        }
      case .node:
        try folders.add(objects)
        try folders.add("\(objects)/nodes", made: false)
      default:
        let base = "\(objects)/\(Instance.folder(of: kind.rawValue) ?? kind.plural)"
        try folders.add(objects)
        try folders.add(base)
        for ns in try namespaces(base) { try folders.add("\(base)/\(ns)") }
      }
    }
  }

  private func namespaces(_ path: String) throws -> [String] { try namespace.map { [$0] } ?? FileSystem.list(path) }
}
