// SPDX-License-Identifier: Apache-2.0
//
// Image volumes: an image's files, read-only, in a container (KEP-4639). Found or made before the Pod starts; each container mounts the layers for
// itself (Runtime/ContainerPlan.swift).
import Control
import Images
import Kernel
import Manifest
import PodEngine

extension Supervisor {
  /// Whether a helper is at work for an image; when it is done, mountVolumes goes on.
  func fetchImageVolumes() throws(ConfigError) -> Bool {
    for volume in pod.spec.volumes {
      guard case .image(let reference, let policy) = volume.source, volumes.images[volume.name] == nil else { continue }
      let sources = sourcesForPulls()
      switch ImageStore(root: instance.images).request(reference, policy: ImagePolicy(policy), credentials: sources.credentials) {
      case .done(let outcome): try imageVolumeCame(volume.name, outcome)
      case .helper(let job):
        pull("volume:" + volume.name, job, sources) { [unowned self] outcome in
          do throws(ConfigError) { try imageVolumeCame(volume.name, outcome) } catch { return volumesFailed(error.message) }
          mountVolumes()
        }
        return true
      }
    }
    return false
  }

  private func imageVolumeCame(_ name: String, _ outcome: ImageOutcome) throws(ConfigError) {
    switch outcome {
    case .present(let image), .pulled(let image, _, _): volumes.images[name] = image.layers
    case .failed(_, let message): throw ConfigError("MountVolume.SetUp failed for volume \"\(name)\" : \(message)")
    }
  }

  /// Of a Pod that another podd began.
  func recallImageVolumes() {
    for volume in pod.spec.volumes {
      guard case .image(let reference, _) = volume.source else { continue }
      if let image = ImageStore(root: instance.images).image(named: reference) { volumes.images[volume.name] = image.layers }
    }
  }
}
