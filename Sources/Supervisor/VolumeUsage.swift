// SPDX-License-Identifier: Apache-2.0
//
// emptyDir's sizeLimit on disk: what is used is looked at every ten seconds, the one thing here that is polled, and only while such a volume exists.
// Kubernetes pkg/kubelet/eviction/eviction_manager.go (emptyDirLimitEviction, monitoringInterval).
import Kernel
import Manifest
import PodEngine

extension Supervisor {
  private var limited: [(name: String, limit: Quantity)] {
    pod.spec.volumes.compactMap { v in
      guard case .emptyDir(medium: "", let limit?) = v.source, limit.nano > 0 else { return nil }
      return (v.name, limit)
    }
  }

  /// Plans the next look. Called when a container was started; a second call changes nothing.
  func watchUsage() {
    guard usageTimer == nil, !limited.isEmpty, !engine.isFinished else { return }
    usageTimer = timers.schedule(at: Clock.monotonic + 10 * second) { [unowned self] in
      usageTimer = nil
      look()
    }
  }

  private func look() {
    guard !engine.isFinished, infra >= 0 else { return }
    for (name, limit) in limited {
      let used = FileSystem.usage(of: "\(volumes.folder)/\(name)")
      if used > limit.value {
        return feed(.evicted(message: "Usage of EmptyDir volume \"\(name)\" exceeds the limit \"\(limit.text)\". "))
      }
    }
    watchUsage()
  }
}
