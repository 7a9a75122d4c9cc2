// SPDX-License-Identifier: Apache-2.0
//
// Images of containers: what is told when one is fetched, found or not to be had, and when it is asked for again. Kubernetes
// pkg/kubelet/images/image_manager.go.
import Manifest

extension PodEngine {
  mutating func imagePulling(_ name: String, _ volumeImage: String?) {
    guard let i = index(name), runs[i].stage == .preparing else { return }
    runs[i].pullFailure = nil
    emit(.normal, "Pulling", "Pulling image \"\(volumeImage ?? runs[i].spec.image)\"", of: volumeImage == nil ? i : nil)
  }

  /// run: nil for a volume's image, of which the Pod is told.
  mutating func tellPulled(_ image: String, _ pulled: ImagePulled?, of run: Int?) {
    guard let pulled else { return emit(.normal, "Pulled", "Container image \"\(image)\" already present on machine and can be accessed by the pod", of: run) }
    let (time, whole) = (Self.duration(pulled.took), Self.duration(pulled.tookWithWaiting))
    emit(.normal, "Pulled", "Successfully pulled image \"\(image)\" in \(time) (\(whole) including waiting). Image size: \(pulled.size) bytes.", of: run)
  }

  mutating func imageReady(_ name: String, _ whole: String, _ imageID: String, _ pulled: ImagePulled?) {
    guard let i = index(name), runs[i].stage == .preparing else { return }
    let image = runs[i].spec.image
    (runs[i].image, runs[i].imageID) = (whole, imageID)
    runs[i].pullFailure = nil
    tellPulled(image, pulled, of: i)
    runs[i].stage = .starting
    if !runs[i].id.isEmpty { effects.append(.removeContainer(container: name, id: runs[i].id)) }
    effects.append(.startContainer(container: name, restartCount: runs[i].made))
  }

  mutating func imageFailed(_ name: String, _ reason: String, _ message: String, _ volumeImage: String?) {
    guard let i = index(name), runs[i].stage == .preparing else { return }
    runs[i].stage = runs[i].last == nil ? .idle : .exited
    if runs[i].last != nil { runs[i].hasLeave = true }
    runs[i].waiting = .init(reason: reason, message: message)
    runs[i].retryAt = now.monotonic + 10 * second
    let about = volumeImage == nil ? i : nil
    switch reason {
    case "ErrImagePull":
      emit(.warning, "Failed", "Failed to pull image \"\(volumeImage ?? runs[i].spec.image)\": \(message)", of: about)
      runs[i].pull.advance(now: now.monotonic, since: now.monotonic)
      runs[i].pullFailure = .init(at: now.monotonic, text: "ErrImagePull: \(message)", volumeImage: volumeImage)
      // The next look at it finds the back-off: kubelet comes by every second.
      runs[i].retryAt = now.monotonic + second
    case "ErrImageNeverPull": emit(.warning, reason, message, of: about)
    case "InvalidImageName", "ImageInspectError": emit(.warning, "InspectFailed", message, of: about)
    default: break
    }
    // kubelet's startContainer, which does not begin without the volumes' images.
    if volumeImage == nil { emit(.warning, "Failed", "Error: \(reason)", of: i) }
  }

  /// As Go prints a duration that is cut to milliseconds: 0s, 12ms, 1.5s, 2m3.25s, 1h0m2s.
  static func duration(_ nanoseconds: Int64) -> String {
    let ms = max(0, nanoseconds) / 1_000_000
    if ms == 0 { return "0s" }
    if ms < 1000 { return "\(ms)ms" }
    let seconds = ms / 1000
    var fraction = String(1000 + ms % 1000).dropFirst()
    while fraction.last == "0" { fraction = fraction.dropLast() }
    let minutes = seconds >= 60 ? "\(seconds / 60 % 60)m" : ""
    return (seconds >= 3600 ? "\(seconds / 3600)h" : "") + minutes + "\(seconds % 60)" + (fraction.isEmpty ? "" : ".\(fraction)") + "s"
  }
}
