// SPDX-License-Identifier: Apache-2.0
//
// Image volumes: an image's files, read-only, in a container (KEP-4639). Found or fetched before the first container that mounts one starts; each
// container mounts the layers for itself (Runtime/ContainerPlan.swift). Kubernetes kuberuntime_manager.go (getImageVolumes, toKubeContainerImageVolumes).
import Control
import Images
import Kernel
import Manifest
import PodEngine

extension Supervisor {
  /// Whether all images are there that a container has volumes of. Else a helper is at work, and ensureImage comes again; or that was told.
  func hasVolumeImages(_ container: Container) -> Bool {
    for mount in container.volumeMounts {
      guard let volume = pod.spec.volumes.first(where: { $0.name == mount.name }), case .image(let reference, let policy) = volume.source,
        volumes.images[volume.name] == nil
      else { continue }
      let sources = sourcesForPulls()
      switch ImageStore(root: instance.images).request(reference, policy: ImagePolicy(policy), credentials: sources.credentials) {
      case .done(let outcome):
        if case .pulled = outcome { feed(.imagePulling(container: container.name, volumeImage: reference)) }
        guard volumeImageCame(volume.name, reference, container, outcome) else { return false }
      case .helper(let job):
        if job.isPull { feed(.imagePulling(container: container.name, volumeImage: reference)) }
        pull("volume:\(volume.name):\(container.name)", job, sources) { [unowned self] outcome in
          if volumeImageCame(volume.name, reference, container, outcome), engine.isPreparing(container.name) { ensureImage(container.name) }
        }
        return false
      }
    }
    return true
  }

  private func volumeImageCame(_ volume: String, _ reference: String, _ container: Container, _ outcome: ImageOutcome) -> Bool {
    switch outcome {
    case .present(let image):
      volumes.images[volume] = image.layers
      feed(.volumeImageReady(image: reference, pulled: nil))
    case .pulled(let image, let took, let all):
      volumes.images[volume] = image.layers
      feed(.volumeImageReady(image: reference, pulled: ImagePulled(took: took, tookWithWaiting: all, size: image.size)))
    case .failed(let reason, let message):
      feed(.imageFailed(container: container.name, reason: reason, message: message, volumeImage: reference))
      return false
    }
    return true
  }

  /// Of a Pod that another podd began.
  func recallImageVolumes() {
    for volume in pod.spec.volumes {
      guard case .image(let reference, _) = volume.source else { continue }
      if let image = ImageStore(root: instance.images).image(named: reference) { volumes.images[volume.name] = image.layers }
    }
  }
}
