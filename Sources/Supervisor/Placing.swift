// SPDX-License-Identifier: Apache-2.0
//
// The Pod and the node: judged when podd starts, and again whenever somebody says that the node has changed or that a place is free.
import Control
import Glibc
import Kernel
import Manifest
import PodEngine

extension Supervisor {
  /// A new Pod, or one that has outlived a boot: what was known of it.
  func bringBack() {
    guard let before = instance.statusBeforeBoot(place) else { return }
    // Whoever had no place yet is judged like a new one.
    killStrays()
    var status = before.status
    if status.hostIP != nil {
      status.hostIP = node.hostIPs.first
      feed(.restored(status))
    }
    if before.isDeleted { feed(.deleteRequested(graceSeconds: 0, force: false)) }
    _ = unlink(place.before)
  }

  /// Asks for a place where the Pod has none, and whether it may stay where it has one.
  func judgePlace() {
    do throws(SysError) {
      if engine.waitsForPlace {
        switch try instance.bind(pod) {
        case .fits: admit()
        case .unschedulable(let message): return feed(.unschedulable(message: message))
        case .gated: return feed(.gated)
        case .rejected(let reason, let message): return feed(.rejected(reason: reason, message: message))
        case .elsewhere: return
        }
      }
      if let names = engine.deferredResize { resize(names) }
      let stay = Scheduling.stay(pod, try instance.nodeFacts(brief: true).taints)
      if stay != nil || engine.isLeaving { feed(.staying(seconds: stay)) }
    } catch { complain("\(error.during("judging the pod against the node"))") }
  }

  /// Once the Pod has ended, or is gone.
  func giveUpPlace() {
    guard !hasGivenUpPlace else { return }
    hasGivenUpPlace = true
    instance.giveUpPlace(pod)
  }

  /// Keeps the Pod for the next boot when something has changed that must be known then.
  func keep(_ bytes: [UInt8]) {
    guard keepsPods else { return }
    let s = engine.status
    var mark = "\(s.phase.rawValue) \(s.hostIP ?? "") \(engine.deletionTimestamp != nil) \(pod.metadata.generation) \(pod.metadata.resourceVersion ?? "")"
    for c in s.initContainerStatuses + s.containerStatuses {
      mark += " \(c.restartCount)"
      switch c.state {
      case .waiting: mark += "w"
      case .running: mark += "r"
      case .terminated: mark += "t"
      }
    }
    guard mark != kept else { return }
    kept = mark
    do throws(SysError) { try instance.keepPod(bytes, pod.metadata.namespace, pod.metadata.name) } catch { complain("\(error.during("keeping the pod"))") }
  }
}
