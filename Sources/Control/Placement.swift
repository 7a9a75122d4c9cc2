// SPDX-License-Identifier: Apache-2.0
//
// Places on the node: who has taken what, so that two Pods that are started at once cannot take the same room. A Pod that wants nothing another could
// lack is not written down, and costs the same whoever else is there.
//
//   RUN/claims.json        what Pods have taken; written under claims.lock
//   RUN/antiaffinity.json  those of them that keep others away; there only while there are such
//   RUN/pending/UID        Pods without a place: NAMESPACE/NAME; UID.resize: Pods that wait for more room in theirs
//
// Whoever gives up a place tells those that wait; nobody looks again by himself.
import Glibc
import Kernel
import Manifest
import PodEngine

extension Instance {
  private var claimsFile: String { "\(run)/claims.json" }
  private var antiAffinityFile: String { "\(run)/antiaffinity.json" }
  private var pendingFolder: String { "\(run)/pending" }

  /// Judges a Pod against the node and those who have a place there; where it fits, it has its place from now on.
  public func bind(_ pod: Pod) throws(SysError) -> Verdict {
    let claim = Claim(pod)
    let isPlain =
      claim.isEmpty && pod.spec.nodeName == nil && pod.spec.nodeSelector.isEmpty && pod.object["spec"]?["affinity"] == nil
      && pod.object["spec"]?["topologySpreadConstraints"] == nil
      && !FileSystem.exists(antiAffinityFile)
    let node = try nodeFacts(brief: isPlain)
    if isPlain {
      let verdict = Scheduling.judge(pod, claim, node, occupants(claim, []))
      if case .unschedulable = verdict {} else { return verdict }
    }
    do throws(SysError) {
      let lock = try FileLock("\(run)/claims.lock")
      defer { _ = lock.raw }
      var claims = readClaims().filter { $0.uid != claim.uid }
      var verdict = Scheduling.judge(pod, claim, node, occupants(claim, claims))
      if verdict != .fits, let left = withoutStale(claims) {
        claims = left
        try write(claims)
        verdict = Scheduling.judge(pod, claim, node, occupants(claim, claims))
      }
      let entry = "\(pendingFolder)/\(claim.uid)"
      if case .unschedulable = verdict {
        // First into the list, then judged once more: who gives up his place in between finds us there.
        try FileSystem.makeFolders(pendingFolder, mode: 0o700)
        try FileSystem.write(entry, "\(claim.namespace)/\(claim.name)", mode: 0o600)
        verdict = Scheduling.judge(pod, claim, node, occupants(claim, claims))
      }
      if case .unschedulable = verdict { return verdict }
      _ = unlink(entry)
      if verdict == .fits, !claim.isEmpty { try write(claims + [claim]) }
      return verdict
    } catch { throw error.during("taking a place on the node") }
  }

  /// The Pod has ended or is gone: its place is free, and those that wait are told.
  public func giveUpPlace(_ pod: Pod) {
    let uid = pod.metadata.uid
    let claim = Claim(pod)
    if !claim.isEmpty {
      _ = optional { () throws(SysError) -> Bool in
        let lock = try FileLock("\(run)/claims.lock")
        defer { _ = lock.raw }
        let claims = readClaims()
        let left = claims.filter { $0.uid != uid }
        if left.count != claims.count { try write(left) }
        return true
      }
    }
    tellWaiting(except: uid)
  }

  /// A Pod that has its place asks for other amounts there. nil: they are its own from now on. Else what the node lacks for them; the Pod is told when
  /// that may have changed (Kubernetes pkg/kubelet/allocation), and until then nobody else is given what it waits for.
  public func resizePlace(_ pod: Pod) throws(SysError) -> String? {
    let claim = Claim(pod)
    let mark = "\(pendingFolder)/\(claim.uid).resize"
    var isLess = false
    do throws(SysError) {
      let lock = try FileLock("\(run)/claims.lock")
      defer { _ = lock.raw }
      let node = try nodeFacts(brief: false)
      let all = readClaims()
      let before = all.first { $0.uid == claim.uid }
      var others = all.filter { $0.uid != claim.uid }
      var lack = Scheduling.shortage(claim, node, occupants(claim, others))
      if lack != nil, let left = withoutStale(others) {
        others = left
        lack = Scheduling.shortage(claim, node, occupants(claim, others))
      }
      if lack != nil {
        // As in bind: first into the list, then judged once more.
        try FileSystem.makeFolders(pendingFolder, mode: 0o700)
        try FileSystem.write(mark, "\(claim.namespace)/\(claim.name)", mode: 0o600)
        lack = Scheduling.shortage(claim, node, occupants(claim, others))
      }
      if lack == nil { _ = unlink(mark) }
      let kept = lack == nil ? claim : before.map(claim.orMore) ?? claim
      if kept != before { try write(others + (kept.isEmpty ? [] : [kept])) }
      if let lack { return lack }
      isLess = before.map { b in b.requests.contains { $0.value > claim.requests[$0.key] ?? 0 } } ?? false
    } catch { throw error.during("taking other amounts of the node") }
    if isLess { tellWaiting(except: claim.uid) }
    return nil
  }

  /// Room has come free: those that wait for some are told.
  private func tellWaiting(except uid: String) {
    guard let waiting = optional({ () throws(SysError) in try FileSystem.list(pendingFolder) }), !waiting.isEmpty else { return }
    let own = [uid, "\(uid).resize"]
    for entry in own { _ = unlink("\(pendingFolder)/\(entry)") }
    for entry in waiting where !own.contains(entry) {
      guard let text = optional({ () throws(SysError) in try FileSystem.readText("\(pendingFolder)/\(entry)") }), let slash = text.firstIndex(of: "/") else { continue }
      Podd.tellNodeChanged(place(String(text[..<slash]), String(text[text.index(after: slash)...])))
    }
  }

  /// The node as Pods are judged against it. brief: for a Pod that asks for nothing: as long as nobody has changed the node, only how many Pods it takes.
  public func nodeFacts(brief: Bool) throws(SysError) -> NodeFacts {
    if brief, !FileSystem.exists("\(data)/objects/nodes/\(Self.nodeName).json") {
      var facts = NodeFacts(name: Self.nodeName)
      facts.allocatable["pods"] = Quantity(Self.podLimit)
      return facts
    }
    return NodeFacts(try nodeObject())
  }

  // MARK: who is there

  private func occupants(_ own: Claim, _ claims: [Claim]) -> Occupants {
    Occupants(
      count: { seated(except: own, atLeast: Self.podLimit) }, claims: { claims }, antiAffinity: { claims.filter { !$0.antiAffinity.isEmpty } },
      neighbours: { neighbours(except: own) })
  }

  /// How many Pods have a place; fewer folders than `atLeast` are not looked into.
  private func seated(except own: Claim, atLeast: Int64) -> Int {
    let names = { (path: String) in optional { () throws(SysError) in try FileSystem.list(path) } ?? [] }
    let folders = names("\(run)/pods").reduce(0) { $0 + names("\(run)/pods/\($1)").count }
    return folders <= atLeast ? max(0, folders - 1) : neighbours(except: own).count
  }

  /// Every Pod that has a place: not waiting for one, not ended.
  private func neighbours(except own: Claim) -> [Neighbour] {
    let waiting = Set(optional { () throws(SysError) in try FileSystem.list(pendingFolder) } ?? [])
    return pods().compactMap { ns, name in
      guard let object = optional({ () throws(SysError) in try pod(ns, name) }) ?? nil else { return nil }
      let meta = ObjectMeta(object["metadata"] ?? .null)
      let phase = object["status"]?["phase"]?.string
      let isElsewhere = object["spec"]?["nodeName"]?.string.map { $0 != Self.nodeName } ?? false
      if meta.uid == own.uid || waiting.contains(meta.uid) || phase == "Succeeded" || phase == "Failed" || isElsewhere { return nil }
      return Neighbour(namespace: ns, labels: meta.labels)
    }
  }

  // MARK: the files

  private func readClaims() -> [Claim] {
    let v = optional { () throws(SysError) in try Self.readValue(claimsFile) } ?? nil
    return (v?.array ?? []).compactMap(Claim.init(stored:))
  }

  private func write(_ claims: [Claim]) throws(SysError) {
    try FileSystem.writeAtomically(claimsFile, JSON.compactBytes(.array(claims.map(\.value))), mode: 0o600)
    let away = claims.filter { !$0.antiAffinity.isEmpty }
    if away.isEmpty {
      _ = unlink(antiAffinityFile)
    } else {
      try FileSystem.writeAtomically(antiAffinityFile, JSON.compactBytes(.array(away.map(\.value))), mode: 0o600)
    }
  }

  /// Claims of Pods that still are what they were; nil: all of them are. A Pod whose supervisor was killed has not said goodbye.
  private func withoutStale(_ claims: [Claim]) -> [Claim]? {
    let left = claims.filter { c in
      guard let object = optional({ () throws(SysError) in try pod(c.namespace, c.name) }) ?? nil else { return false }
      let phase = object["status"]?["phase"]?.string
      return object["metadata"]?["uid"]?.string == c.uid && phase != "Succeeded" && phase != "Failed"
    }
    return left.count == claims.count ? nil : left
  }
}

extension Podd {
  /// Has a living supervisor judge its Pod against the node again; one that does not listen is left alone. Never waits.
  public static func tellNodeChanged(_ place: PodPlace) {
    _ = optional { () throws(SysError) -> Bool in
      let fd = try UnixSocket.connect(place.socket, nonblocking: true)
      try writeAll(fd.raw, JSON.compactBytes(.object([("verb", .string("node"))])) + [10])
      return true
    }
  }
}
