// SPDX-License-Identifier: Apache-2.0
//
// Image volumes: an image's files, read-only, in a container (KEP-4639). Found or made before the Pod starts; each container mounts the layers for
// itself (Runtime/ContainerPlan.swift).
import Control
import Glibc
import Images
import Kernel
import Manifest
import PodEngine

extension Supervisor {
  /// Whether a helper is at work for an image; when it is done, mountVolumes goes on.
  func fetchImageVolumes() throws(ConfigError) -> Bool {
    for volume in pod.spec.volumes {
      guard case .image(let reference, let policy) = volume.source, volumes.images[volume.name] == nil else { continue }
      let wanted: ImagePolicy =
        switch policy {
        case .always: .always
        case .ifNotPresent: .ifNotPresent
        case .never: .never
        }
      switch ImageStore(root: instance.images).request(reference, policy: wanted) {
      case .done(let outcome): try imageVolumeCame(volume.name, outcome)
      case .helper(let job):
        do throws(SysError) {
          let pull = ImagePull(job, try job.start(program: node.programs + "/podlab-image"))
          let key = "volume:" + volume.name
          pulls[key] = pull
          try loop.watch(pull.pidfd) { [unowned self] _ in imageVolumePulled(volume.name, key) }
          return true
        } catch { try imageVolumeCame(volume.name, job.failed(error)) }
      }
    }
    return false
  }

  private func imageVolumePulled(_ name: String, _ key: String) {
    guard let pull = pulls.removeValue(forKey: key) else { return }
    loop.forget(pull.pidfd)
    defer {
      _ = close(pull.pidfd)
      _ = close(pull.output)
    }
    let outcome: ImageOutcome
    do throws(SysError) {
      let status = try ExitStatus.collect(pidfd: pull.pidfd, wait: true) ?? ExitStatus(code: 255)
      outcome = pull.job.outcome(status, output: try FileSystem.read(pull.output, "the helper's output", limit: 1 << 16))
    } catch { outcome = pull.job.failed(error) }
    do throws(ConfigError) { try imageVolumeCame(name, outcome) } catch { return volumesFailed(error.message) }
    mountVolumes()
  }

  private func imageVolumeCame(_ name: String, _ outcome: ImageOutcome) throws(ConfigError) {
    switch outcome {
    case .present(let image), .pulled(let image, _): volumes.images[name] = image.layers
    case .failed(_, let message): throw ConfigError("MountVolume.SetUp failed for volume \"\(name)\" : \(message)")
    }
  }

  /// Of a Pod that another podd began.
  func recallImageVolumes() {
    for volume in pod.spec.volumes {
      guard case .image(let reference, _) = volume.source else { continue }
      if case .done(.present(let image)) = ImageStore(root: instance.images).request(reference, policy: .never) { volumes.images[volume.name] = image.layers }
    }
  }
}
