// SPDX-License-Identifier: Apache-2.0
//
// How containers are ended: preStop hook, stop signal, KILL, within the grace period; of a Pod with sidecars, apps first and sidecars in reverse.
// Kubernetes kuberuntime_container.go (killContainer), kuberuntime_termination_order.go.
import Manifest

extension PodEngine {
  mutating func delete(_ graceSeconds: Int64?, _ force: Bool) {
    let seconds = force ? 0 : max(0, graceSeconds ?? pod.spec.terminationGracePeriodSeconds)
    let deadline = now.monotonic + seconds * second
    isForced = isForced || force
    if let earlier = deletionGracePeriodSeconds {
      // A second delete can only hurry.
      guard seconds < earlier || force else { return }
    } else {
      // The first delete is a change of the object (apiserver registry/rest, BeforeDelete).
      pod.metadata.generation += 1
      status.observedGeneration = pod.metadata.generation
    }
    deletionGracePeriodSeconds = seconds
    deletionTimestamp = WallTime(nanoseconds: now.wall.nanoseconds + seconds * second)
    leaving = nil
    restartsAll = restartsAll.map { _ in false }
    ending = .deleted
    for i in runs.indices {
      if let old = runs[i].stop?.deadline { runs[i].stop?.deadline = min(old, deadline) }
    }
  }

  /// Every container that runs gets its end, with what is left of the Pod's grace period.
  mutating func stopAll() {
    var seconds = pod.spec.terminationGracePeriodSeconds
    if ending == .deleted, let given = deletionGracePeriodSeconds { seconds = given }
    // kubelet's immediateEvictionGracePeriodSeconds.
    if ending == .evicted { seconds = 1 }
    for i in runs.indices where runs[i].stage == .running {
      if runs[i].stop == nil { beginStop(i, seconds: seconds, "Stopping container \(runs[i].spec.name)") }
      runs[i].stop?.withPod = true
    }
  }

  mutating func beginStop(_ i: Int, seconds: Int64, _ message: String) {
    guard runs[i].stage == .running, runs[i].stop == nil else { return }
    let name = runs[i].spec.name
    emit(.normal, "Killing", message, of: i)
    if runs[i].inPostStart {
      (runs[i].inPostStart, runs[i].waiting) = (false, nil)
      effects.append(.cancelHook(container: name, hook: .postStart))
    }
    var stop = ContainerRun.Stop(deadline: now.monotonic + seconds * second)
    if runs[i].spec.lifecycle.preStop != nil && seconds > 0 && !isForced {
      stop.inPreStop = true
      effects.append(.runHook(container: name, hook: .preStop))
    }
    runs[i].stop = stop
  }

  /// Takes every container that is being ended as far as it can go now.
  mutating func pushStops() {
    for i in runs.indices where runs[i].stage == .running {
      guard let stop = runs[i].stop else { continue }
      let name = runs[i].spec.name
      if isForced {
        if stop.inPreStop { effects.append(.cancelHook(container: name, hook: .preStop)) }
        runs[i].stop?.inPreStop = false
        if !stop.isKilled { kill(i) }
        continue
      }
      let isOver = now.monotonic >= stop.deadline
      if stop.inPreStop {
        guard isOver else { continue }
        runs[i].stop?.inPreStop = false
        effects.append(.cancelHook(container: name, hook: .preStop))
      }
      if stop.signalledAt == nil {
        guard isOver || isItsTurn(i) else { continue }
        runs[i].stop?.signalledAt = now.monotonic
        effects.append(.signal(container: name, signal: StopSignal.number(runs[i].spec.lifecycle.stopSignal)))
      } else if let at = stop.killAt, now.monotonic >= at, !stop.isKilled {
        kill(i)
      }
    }
  }

  mutating func kill(_ i: Int) {
    if runs[i].stop?.signalledAt == nil { runs[i].stop?.signalledAt = now.monotonic }
    runs[i].stop?.isKilled = true
    effects.append(.signal(container: runs[i].spec.name, signal: 9))
  }

  /// A sidecar is stopped after all app and ordinary init containers, and after the sidecars that were started after it.
  private func isItsTurn(_ i: Int) -> Bool {
    guard runs[i].kind == .sidecar, runs[i].stop?.withPod == true else { return true }
    return !runs.indices.contains { k in k != i && runs[k].isLive && (runs[k].kind != .sidecar || k > i) }
  }
}

/// Stop signals by the numbers of Linux (signal(7)); 0 stands for "the image's own, else SIGTERM".
enum StopSignal {
  static func number(_ name: String?) -> Int32 {
    guard let name else { return 0 }
    let names = [
      "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT",
      "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ]
    let bare = name.hasPrefix("SIG") ? String(name.dropFirst(3)) : name
    if let at = names.firstIndex(of: bare) { return Int32(at + 1) }
    if bare == "RTMIN" { return 34 }
    if bare == "RTMAX" { return 64 }
    if bare.hasPrefix("RTMIN+"), let n = Int32(bare.dropFirst(6)), n <= 30 { return 34 + n }
    if bare.hasPrefix("RTMAX-"), let n = Int32(bare.dropFirst(6)), n <= 30 { return 64 - n }
    return 15
  }
}
