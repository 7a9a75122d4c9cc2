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
    do throws(ConfigError) {
      if let group = pod.spec.securityContext.fsGroup, !hasUserNamespace, !node.host.maps(group: UInt32(clamping: group)), !pod.spec.volumes.isEmpty {
        throw ConfigError("fsGroup \(group) cannot be had here: \(SecurityRules.remedy)")
      }
      if !pod.spec.volumes.isEmpty {
        try volumes.make(pod)
        try fillVolumes()
      }
      volumeFailure = nil
      feed(.volumesReady)
    } catch {
      volumeFailure = error.message
      feed(.volumesFailed(message: error.message))
    }
  }

  private func fillVolumes() throws(ConfigError) {
    let (facts, objects, wall) = (self.facts, StoredObjects(instance: instance), Clock.wall)
    for volume in pod.spec.volumes { try volumes.fill(volume, facts, objects: objects, tokens: NoTokens(), wall: wall) }
  }

  /// An object of the namespace, or the Pod itself, has changed. A volume whose object is gone keeps its files, as the kubelet leaves them.
  func objectsChanged() {
    guard !pod.spec.volumes.isEmpty, !engine.isFinished else { return }
    if engine.areVolumesReady { return refill() }
    guard let failure = volumeFailure else { return }
    // Waiting for this, perhaps. A failure that was told is not told again; the engine's own next try may.
    do throws(ConfigError) {
      try volumes.make(pod)
      try fillVolumes()
      volumeFailure = nil
      feed(.volumesReady)
    } catch where error.message == failure {} catch {
      volumeFailure = error.message
      feed(.volumesFailed(message: error.message))
    }
  }

  /// Each volume as the objects say now.
  func refill() {
    let (facts, objects, wall) = (self.facts, StoredObjects(instance: instance), Clock.wall)
    for volume in pod.spec.volumes {
      do throws(ConfigError) {
        if volumes.needsFolder(volume, pod) { try volumes.make(pod) }
        try volumes.fill(volume, facts, objects: objects, tokens: NoTokens(), wall: wall)
      } catch { complain(error.message) }
    }
  }
}
