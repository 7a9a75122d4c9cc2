// SPDX-License-Identifier: Apache-2.0
//
// "This container needs that image": the answer in kubelet's terms (pkg/kubelet/images/image_manager.go). Where something must be made or fetched, a
// helper process does it (ImageJob.swift), so that a caller with an event loop need not wait.
import Glibc
import Kernel

/// When to look beyond the store.
public enum ImagePolicy: Sendable { case always, ifNotPresent, never }

/// How a request ended.
public enum ImageOutcome: Sendable, Equatable {
  /// It was there.
  case present(Image)
  /// It was fetched, made, or asked for anew.
  case pulled(Image, took: Int64, tookWithWaiting: Int64)
  /// reason: ErrImagePull, ErrImageNeverPull, InvalidImageName, ImageInspectError; message as kubelet would show it.
  case failed(reason: String, message: String)
}

/// What a request needs next.
public enum ImageRequest: Sendable {
  case done(ImageOutcome)
  /// The helper is to be started (`ImageJob.start`): a pull, in kubelet's eyes, unless the job says that it is none.
  case helper(ImageJob)
}

extension ImageStore {
  /// Decides without waiting for anything but the disk.
  /// credentials: who asks. An image that a registry gave to somebody with credentials is not for others, unless the registry says so again
  /// (KubeletEnsureSecretPulledImages); one that was pulled by hand, imported or made is for all.
  public func request(_ name: String, policy: ImagePolicy, credentials: RegistryCredentials = .init()) -> ImageRequest {
    let started = Clock.monotonic
    let reference: ImageReference
    do throws(ImageReference.Invalid) { reference = try ImageReference(parsing: name) } catch {
      return .done(.failed(reason: "InvalidImageName", message: "Failed to apply default image tag \"\(name)\": \(error)"))
    }
    let found: Image?
    do throws(ImageError) { found = try resolve(reference) } catch {
      return .done(.failed(reason: "ImageInspectError", message: "Failed to inspect image \"\(name)\": \(error)"))
    }
    // What a recipe serves is not asked of a registry: such names work offline. One that was pulled or imported is an image like any other.
    let recipe = found?.isMadeHere ?? true ? Recipe.named(reference) : nil
    if let found, !found.access.isEmpty, policy != .always, !credentials.matching(reference).contains(where: { found.access.contains($0.mark) }) {
      if policy == .never { return Self.notPresent(name) }
      return .helper(ImageJob(store: self, reference: reference, work: .pull, isThere: true, started: started))
    }
    switch (policy, found) {
    case (.ifNotPresent, let image?), (.never, let image?): return .done(.present(image))
    case (.always, let image?) where recipe != nil:
      let took = Clock.monotonic - started
      return .done(.pulled(image, took: took, tookWithWaiting: took))
    case (.ifNotPresent, nil), (.never, nil):
      if let recipe, recipe.isOfThisMachine {
        return .helper(ImageJob(store: self, reference: reference, work: .build(recipe), isThere: false, isPull: false, started: started))
      }
      if policy == .never { return Self.notPresent(name) }
      fallthrough
    case (.always, _):
      return .helper(
        ImageJob(
          store: self, reference: reference, work: recipe.map(ImageJob.Work.build) ?? .pull, isThere: found != nil,
          remedy: found == nil ? "" : ". The image is here: imagePullPolicy IfNotPresent runs it without asking the registry", started: started))
    }
  }

  private static func notPresent(_ name: String) -> ImageRequest {
    .done(.failed(reason: "ErrImageNeverPull", message: "Container image \"\(name)\" is not present with pull policy of Never"))
  }

  /// The same, waiting for the helper.
  public func ensure(_ name: String, policy: ImagePolicy) -> ImageOutcome {
    switch request(name, policy: policy) {
    case .done(let outcome): return outcome
    case .helper(let job):
      do throws(SysError) {
        let run = try job.start(.program(try Programs.path("podlab-image")), ImageSources())
        let answer = try FileSystem.read(run.answer.raw, "the image helper's answer", limit: ImageJob.limit)
        if let child = run.child { _ = try ExitStatus.collect(pidfd: child, wait: true) }
        return job.outcome(answer)
      } catch { return job.failed("\(error)") }
    }
  }
}

/// PodLab's programs lie in one folder.
public enum Programs {
  /// The program of this name beside the running one.
  public static func path(_ name: String) throws(SysError) -> String {
    let own = try FileSystem.readlink("/proc/self/exe")
    let folder = own.lastIndex(of: "/").map { own[..<$0] } ?? ""
    let path = "\(folder)/\(name)"
    if FileSystem.exists(path) { return path }
    throw SysError(step: "looking for \(name)", call: "access", object: path, errno: ENOENT, hint: "the programs of PodLab belong in one folder")
  }
}
