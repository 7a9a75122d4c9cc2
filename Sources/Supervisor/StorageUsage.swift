// SPDX-License-Identifier: Apache-2.0
//
// Limits of what a Pod keeps on disk: emptyDir's sizeLimit, and ephemeral-storage of its containers. What is used is looked at every ten seconds, the one
// thing here that is polled, and only while there is such a limit. Kubernetes pkg/kubelet/eviction/eviction_manager.go (localStorageEviction,
// monitoringInterval).
import Kernel
import Manifest
import PodEngine

extension Supervisor {
  static let storage = "ephemeral-storage"

  /// emptyDirs on disk.
  private var folders: [(name: String, limit: Quantity?)] {
    pod.spec.volumes.compactMap { v in
      guard case .emptyDir(medium: "", let limit) = v.source else { return nil }
      return (v.name, limit.flatMap { $0.nano > 0 ? $0 : nil })
    }
  }

  private var limitedContainers: [(name: String, limit: Quantity)] {
    pod.spec.containers.compactMap { c in c.resources.limits[Self.storage].flatMap { $0.nano > 0 ? (c.name, $0) : nil } }
  }

  /// What the containers may have together; nil: as much as there is.
  private var storageOfPod: Quantity? {
    let all = (pod.spec.containers + pod.spec.initContainers).compactMap { $0.resources.limits[Self.storage] }
    guard let first = all.first else { return nil }
    let sum = Resources.request(pod.spec) { $0.limits[Self.storage]?.value ?? 0 }
    return sum > 0 ? Quantity(text: first.text, nano: Int128(sum) * 1_000_000_000) : nil
  }

  /// Plans the next look. Called when a container was started; a second call changes nothing.
  func watchUsage() {
    guard usageTimer == nil, !engine.isFinished, storageOfPod != nil || folders.contains(where: { $0.limit != nil }) else { return }
    usageTimer = timers.schedule(at: Clock.monotonic + 10 * second) { [unowned self] in
      usageTimer = nil
      look()
    }
  }

  private func look() {
    guard !engine.isFinished, infra >= 0 else { return }
    if let why = excess() { return feed(.evicted(message: why)) }
    watchUsage()
  }

  /// Which limit is exceeded, in the eviction manager's words and order.
  private func excess() -> String? {
    let whole = storageOfPod
    var used: Int64 = 0
    for (name, limit) in folders where limit != nil || whole != nil {
      let own = FileSystem.usage(of: "\(volumes.folder)/\(name)")
      if let limit, own > limit.value { return "Usage of EmptyDir volume \"\(name)\" exceeds the limit \"\(limit.text)\". " }
      used += own
    }
    guard let whole else { return nil }
    var byContainer: [String: Int64] = [:]
    // Of each what it wrote into its root file system, and its logs.
    for c in pod.spec.initContainers + pod.spec.containers { byContainer[c.name] = FileSystem.usage(of: place.container(c.name)) }
    used += byContainer.values.reduce(0, +)
    if used > whole.value { return "Pod ephemeral local storage usage exceeds the total limit of containers \(whole.canonical). " }
    for (name, limit) in limitedContainers where byContainer[name] ?? 0 > limit.value {
      return "Container \(name) exceeded its local ephemeral storage limit \"\(limit.text)\". "
    }
    return nil
  }
}
