// SPDX-License-Identifier: Apache-2.0
//
// Pods outlive a boot: their objects, with the last status, are kept in DATA/objects/pods/NAMESPACE/NAME.json (0600) by their podd. After a boot, or
// when RUN was emptied, whoever opens the instance makes the Pods' folders again, and each podd begins where the status says (PodEngine/Restoring.swift).
import Glibc
import Kernel
import Manifest

extension Instance {
  private var keptFolder: String { "\(data)/objects/pods" }
  private func keptPath(_ namespace: String, _ name: String) -> String { "\(keptFolder)/\(namespace)/\(name).json" }
  private var passingMark: String { "\(data)/passing" }

  /// Marks the instance as one that is thrown away with what runs in it: a lab's, the grader's. Its Pods are not kept.
  public func markPassing() throws(SysError) { try FileSystem.write(passingMark, "", mode: 0o600) }

  /// Whether Pods of this instance are kept.
  public var keepsPods: Bool { !FileSystem.exists(passingMark) }

  /// Keeps a Pod as `get` shows it. Not synced: a crash of the machine may lose what was written in the last seconds.
  public func keepPod(_ shown: [UInt8], _ namespace: String, _ name: String) throws(SysError) {
    do throws(SysError) { try FileSystem.writeAtomically(keptPath(namespace, name), shown, mode: 0o600) } catch where error.errno == ENOENT {
      try FileSystem.makeFolders("\(keptFolder)/\(namespace)", mode: 0o700)
      try FileSystem.writeAtomically(keptPath(namespace, name), shown, mode: 0o600)
    }
  }

  public func unkeepPod(_ namespace: String, _ name: String) { _ = unlink(keptPath(namespace, name)) }

  /// Whether there are Pods to be made again: kept ones, while RUN is empty or of an earlier boot.
  public var hasSurvivors: Bool { !isOfThisBoot && !kept.isEmpty }

  private var kept: [(namespace: String, name: String)] {
    let names = { (path: String) in optional { () throws(SysError) in try FileSystem.list(path) } ?? [] }
    return names(keptFolder).flatMap { ns in names("\(keptFolder)/\(ns)").filter { $0.hasSuffix(".json") }.map { (ns, String($0.dropLast(5))) } }
  }

  /// Every Pod as it is shown, those of before the boot too.
  func allPods() throws(SysError) -> [Value] {
    var all: [Value] = []
    let living = pods()
    for (ns, name) in living { if let v = try pod(ns, name) { all.append(v) } }
    for (ns, name) in kept where !living.contains(where: { $0 == (ns, name) }) { if let v = try Self.readValue(keptPath(ns, name)) { all.append(v) } }
    return all
  }

  /// Makes the Pods' folders again. The caller holds instance.lock, and the instance has no id of this boot yet.
  func bringBackPods() throws(SysError) {
    for f in ["claims.json", "antiaffinity.json", "network.json"] { _ = unlink("\(run)/\(f)") }
    for f in ["pending", "addresses"] where FileSystem.exists("\(run)/\(f)") { try FileSystem.removeTree("\(run)/\(f)") }
    for (ns, name) in kept {
      guard let shown = try Self.readValue(keptPath(ns, name)) else { continue }
      var object = shown
      object["status"] = nil
      let isLeaving = object["metadata"]?["deletionTimestamp"] != nil
      object["metadata"]?["deletionTimestamp"] = nil
      object["metadata"]?["deletionGracePeriodSeconds"] = nil
      // A Pod that was being deleted has nothing left to end.
      if isLeaving, (object["metadata"]?["finalizers"]?.array ?? []).isEmpty {
        unkeepPod(ns, name)
        // Not taken apart here: before the node is entered, files of the user's subordinate ids are out of reach.
        if FileSystem.exists(place(ns, name).folder) { try FileSystem.rename(place(ns, name).folder, to: "\(trash)/\(Self.randomID(10))") }
        continue
      }
      let place = place(ns, name)
      try FileSystem.makeFolders(place.folder, mode: 0o755)
      // Where RUN has outlived the boot (--root), logs and volumes are still there; what tells of processes is not true any more.
      for f in [place.journal, place.first, place.state, place.status, place.socket, place.lock] { _ = unlink(f) }
      try FileSystem.writeAtomically(place.object, JSON.compactBytes(object), mode: 0o600)
      var before = Value.object([("status", shown["status"] ?? .null)])
      if isLeaving { before["deleted"] = .bool(true) }
      try FileSystem.writeAtomically(place.before, JSON.compactBytes(before), mode: 0o600)
    }
  }

  /// What was known of a Pod before the boot; nil: nothing, or it has been taken in already.
  public func statusBeforeBoot(_ place: PodPlace) -> (status: PodStatus, isDeleted: Bool)? {
    guard let v = optional({ () throws(SysError) in try Self.readValue(place.before) }) ?? nil else { return nil }
    return (PodStatus(stored: v["status"] ?? .null), v["deleted"]?.bool ?? false)
  }

  /// Starts the supervisors of Pods that were brought back. Returns what went wrong, a line each.
  public func startSurvivors(programs: String) -> [String] {
    var wrong: [String] = []
    for (ns, name) in pods() where FileSystem.exists(place(ns, name).before) {
      do throws(SysError) { try Podd.start(self, ns, name, programs: programs) } catch { wrong.append("\(error)") }
    }
    return wrong
  }
}
