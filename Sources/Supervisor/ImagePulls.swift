// SPDX-License-Identifier: Apache-2.0
//
// The effect ensureImage: an image is found, or a helper fetches it while the loop goes on; with what the Pod's imagePullSecrets hold.
import Control
import Glibc
import Images
import Kernel
import Manifest
import PodEngine

/// A helper at work for an image.
final class ImagePull {
  let job: ImageJob
  let answer: Int32
  let child: Int32?
  var text: [UInt8] = []

  init(_ job: ImageJob, _ run: consuming ImageJob.Run) {
    self.job = job
    (answer, child) = run.ends()
  }
  deinit {
    _ = close(answer)
    if let child { _ = close(child) }
  }
}

extension ImagePolicy {
  init(_ p: PullPolicy) {
    switch p {
    case .always: self = .always
    case .ifNotPresent: self = .ifNotPresent
    case .never: self = .never
    }
  }
}

extension Supervisor {
  func ensureImage(_ name: String) {
    guard let c = container(name), hasVolumeImages(c) else { return }
    let store = ImageStore(root: instance.images)
    let sources = sourcesForPulls()
    switch store.request(c.image, policy: ImagePolicy(c.imagePullPolicy), credentials: sources.credentials) {
    case .done(let outcome):
      if case .pulled = outcome { feed(.imagePulling(container: name)) }
      imageCame(name, outcome)
    case .helper(let job):
      if job.isPull { feed(.imagePulling(container: name)) }
      pull(name, job, sources) { [unowned self] outcome in imageCame(name, outcome) }
    }
  }

  /// key: by which it is remembered, one at a time. then: called when it has ended, perhaps at once.
  func pull(_ key: String, _ job: ImageJob, _ sources: PullSources, then: @escaping (ImageOutcome) -> Void) {
    let usable: ImageSources
    switch sources {
    case .usable(let s): usable = s
    case .malformed(let why): return then(job.failed(why))
    }
    do throws(SysError) {
      let outside = instance.run + "/outside.sock"
      let helper: ImageHelper = FileSystem.exists(outside) ? .socket(outside) : .program(node.programs + "/podlab-image")
      let pull = ImagePull(job, try job.start(helper, usable))
      if let old = pulls[key] { loop.forget(old.answer) }
      pulls[key] = pull
      try loop.watch(pull.answer) { [unowned self] _ in read(key, pull, then) }
    } catch {
      pulls[key] = nil
      then(job.failed("\(error)"))
    }
  }

  private func read(_ key: String, _ pull: ImagePull, _ then: (ImageOutcome) -> Void) {
    let outcome: ImageOutcome
    do throws(SysError) {
      if let more = try ImageJob.read(pull.answer) {
        if pull.text.count < ImageJob.limit { pull.text += more }
        return
      }
      // It has closed its socket with its end.
      if let child = pull.child { _ = try ExitStatus.collect(pidfd: child, wait: true) }
      outcome = pull.job.outcome(pull.text)
    } catch { outcome = pull.job.failed("\(error)") }
    loop.forget(pull.answer)
    pulls[key] = nil
    then(outcome)
  }

  private func imageCame(_ name: String, _ outcome: ImageOutcome) {
    switch outcome {
    case .present(let image):
      images[name] = image
      feed(.imageReady(container: name, image: "\(image.reference)", imageID: image.id, pulled: nil))
    case .pulled(let image, let took, let all):
      images[name] = image
      let pulled = ImagePulled(took: took, tookWithWaiting: all, size: image.size)
      feed(.imageReady(container: name, image: "\(image.reference)", imageID: image.id, pulled: pulled))
    case .failed(let reason, let message): feed(.imageFailed(container: name, reason: reason, message: message))
    }
  }

  // MARK: imagePullSecrets

  enum PullSources {
    case usable(ImageSources)
    /// A Secret that holds no credentials, though its type says so.
    case malformed(String)

    var credentials: RegistryCredentials { if case .usable(let s) = self { s.credentials } else { RegistryCredentials() } }
  }

  /// kubelet_pods.go, getPullSecretsForPod: a Secret that is not there is told of, the pull is tried all the same.
  func sourcesForPulls() -> PullSources {
    var sources = ImageSources(certificates: [instance.certificates])
    if pod.spec.imagePullSecrets.isEmpty { return .usable(sources) }
    let objects = StoredObjects(instance: instance)
    var missing: [String] = []
    for name in pod.spec.imagePullSecrets where !name.isEmpty {
      let found: Secret?
      do throws(ConfigError) { found = try objects.secret(pod.metadata.namespace, name) } catch { found = nil }
      guard let secret = found else {
        missing.append(name)
        continue
      }
      let key = ["kubernetes.io/dockerconfigjson": ".dockerconfigjson", "kubernetes.io/dockercfg": ".dockercfg"][secret.type]
      guard let key, let bytes = secret.data[key], !bytes.isEmpty else { continue }
      do throws(RegistryCredentials.Malformed) { try sources.credentials.add(file: bytes) } catch {
        return .malformed("the secret \(pod.metadata.namespace)/\(name) cannot be used: \(error)")
      }
    }
    if !missing.isEmpty {
      warn(
        "FailedToRetrieveImagePullSecret",
        "Unable to retrieve some image pull secrets (\(missing.joined(separator: ", "))); attempting to pull the image may not succeed.")
    }
    return .usable(sources)
  }
}
