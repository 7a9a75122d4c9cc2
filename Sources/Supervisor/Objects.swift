// SPDX-License-Identifier: Apache-2.0
//
// Volumes over the Pod's life: set up (the effect mountVolumes), waiting for an object that is not there yet, written anew when one changes or when
// the Pod's own labels and annotations do. Nothing is polled: who stores an object tells the living podds (Control/Registry.swift).
import Control
import Kernel
import Manifest
import PodEngine

extension Supervisor {
  func mountVolumes() {
    guard !pod.spec.volumes.isEmpty else { return feed(.volumesReady) }
    do throws(ConfigError) {
      if let group = pod.spec.securityContext.fsGroup, !hasUserNamespace, !node.host.maps(group: UInt32(clamping: group)) {
        throw ConfigError("fsGroup \(group) cannot be had here: \(SecurityRules.remedy)")
      }
      try volumes.make(pod)
    } catch { return volumesFailed(error.message) }
    // Tokens are signed beside the sandbox's creation.
    if !fetchTokens(then: { [unowned self] in fillVolumes() }) { fillVolumes() }
  }

  private func fillVolumes() {
    guard !engine.isFinished else { return }
    let (facts, objects, wall) = (self.facts, StoredObjects(instance: instance), Clock.wall)
    do throws(ConfigError) {
      for volume in pod.spec.volumes { try volumes.fill(volume, facts, objects: objects, tokens: tokens, wall: wall) }
      volumeFailure = nil
      feed(.volumesReady)
    } catch { volumesFailed(error.message) }
  }

  func volumesFailed(_ message: String) {
    volumeFailure = message
    feed(.volumesFailed(message: message))
  }

  /// An object of the namespace, or the Pod itself, has changed. A volume whose object is gone keeps its files, as the kubelet leaves them.
  func objectsChanged() {
    guard !pod.spec.volumes.isEmpty, !engine.isFinished, tokens.run == nil else { return }
    if engine.areVolumesReady { return refill() }
    // Waiting for this, perhaps. A failure that was told is not told again here; the engine's own next try may.
    guard let failure = volumeFailure else { return }
    volumeFailure = nil
    do throws(ConfigError) { try volumes.make(pod) } catch {
      return error.message == failure ? volumeFailure = failure : volumesFailed(error.message)
    }
    let again = { [unowned self] in
      let (facts, objects, wall) = (self.facts, StoredObjects(instance: instance), Clock.wall)
      do throws(ConfigError) {
        for volume in pod.spec.volumes { try volumes.fill(volume, facts, objects: objects, tokens: tokens, wall: wall) }
        feed(.volumesReady)
      } catch where error.message == failure { volumeFailure = failure } catch { volumesFailed(error.message) }
    }
    if !fetchTokens(then: again) { again() }
  }

  /// Each volume as the objects say now; tokens that a new podd does not know are asked for first.
  func refill() {
    if fetchTokens(then: { [unowned self] in writeAgain() }) { return }
    writeAgain()
  }

  private func writeAgain() {
    guard !engine.isFinished else { return }
    let (facts, objects, wall) = (self.facts, StoredObjects(instance: instance), Clock.wall)
    for volume in pod.spec.volumes {
      do throws(ConfigError) {
        if volumes.needsFolder(volume, pod) { try volumes.make(pod) }
        try volumes.fill(volume, facts, objects: objects, tokens: tokens, wall: wall)
      } catch { complain(error.message) }
    }
  }
}
