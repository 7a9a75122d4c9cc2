// SPDX-License-Identifier: Apache-2.0
//
// "This container needs that image": the answer in kubelet's terms (pkg/kubelet/images/image_manager.go). Where something must be made, a helper
// process makes it, so that a caller with an event loop need not wait.
import Glibc
import Kernel

/// When to look beyond the store.
public enum ImagePolicy: Sendable { case always, ifNotPresent, never }

/// How a request ended.
public enum ImageOutcome: Sendable, Equatable {
  /// It was there.
  case present(Image)
  /// It was made, or looked at anew; nanoseconds that it took.
  case pulled(Image, took: Int64)
  /// reason: ErrImagePull, ErrImageNeverPull, InvalidImageName; message as kubelet would show it.
  case failed(reason: String, message: String)
}

/// What a request needs next.
public enum ImageRequest: Sendable {
  case done(ImageOutcome)
  /// The helper is to be started (`ImageJob.start`).
  case helper(ImageJob)
}

extension ImageStore {
  /// Decides without waiting for anything but the disk.
  public func request(_ name: String, policy: ImagePolicy) -> ImageRequest {
    let started = Clock.monotonic
    let reference: ImageReference
    do throws(ImageReference.Invalid) { reference = try ImageReference(parsing: name) } catch {
      return .done(.failed(reason: "InvalidImageName", message: "Failed to apply default image tag \"\(name)\": \(error)"))
    }
    let found: Image?
    do throws(ImageError) { found = try resolve(reference) } catch { return .done(Self.cannotPull(reference, "\(error)")) }
    switch (policy, found) {
    case (.ifNotPresent, let image?), (.never, let image?): return .done(.present(image))
    case (.always, let image?): return .done(.pulled(image, took: Clock.monotonic - started))
    case (.never, nil):
      return .done(.failed(reason: "ErrImageNeverPull", message: "Container image \"\(name)\" is not present with pull policy of Never"))
    case (_, nil):
      guard let recipe = Recipe.named(reference) else {
        let made = Recipe.allCases.map(\.rawValue).joined(separator: ", ")
        return .done(
          Self.cannotPull(reference, "failed to resolve reference \"\(reference)\": \(reference): not found. PodLab makes these images itself: \(made)"))
      }
      return .helper(ImageJob(store: self, reference: reference, recipe: recipe, started: started))
    }
  }

  /// The same, waiting for the helper.
  public func ensure(_ name: String, policy: ImagePolicy) -> ImageOutcome {
    switch request(name, policy: policy) {
    case .done(let outcome): return outcome
    case .helper(let job):
      do throws(SysError) {
        let run = try job.start()
        let output = try FileSystem.read(run.output.raw, "the helper's output")
        return job.outcome(try run.child.wait(), output: output)
      } catch { return job.failed(error) }
    }
  }

  static func cannotPull(_ reference: ImageReference, _ why: String) -> ImageOutcome {
    .failed(reason: "ErrImagePull", message: "failed to pull and unpack image \"\(reference)\": \(why)")
  }
}

/// One run of podlab-image.
public struct ImageJob: Sendable {
  public let store: ImageStore
  public let reference: ImageReference
  public let recipe: Recipe
  let started: Int64

  /// The helper at work: wait for the pidfd, read the output (what it says when it fails) to its end, then ask `outcome`.
  public struct Run: ~Copyable {
    public let child: Child
    public let output: FileDescriptor

    /// pidfd and output, owned by the caller from now on.
    public consuming func ends() -> (pidfd: Int32, output: Int32) { (child.release(), output.release()) }
  }

  /// Starts the helper. program: podlab-image, else the one beside this program.
  public func start(program: String? = nil) throws(SysError) -> Run {
    let path: String
    if let program { path = program } else { path = try Programs.path("podlab-image") }
    let pipe = try FileDescriptor.pipe()
    var plan = SpawnPlan(
      .paths([path]), ["podlab-image", "build", recipe.rawValue, "--store", store.root, "--unless-present", "--quiet"],
      environment: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"])
    plan.steps = [
      .init(.open("/dev/null", flags: O_RDONLY, as: 0)), .init(.duplicate(from: pipe.write.raw, to: 1)), .init(.duplicate(from: pipe.write.raw, to: 2)),
      .init(.closeFrom(3, atExec: true)), .init(.umask(0o022)),
    ]
    let child: Child
    do throws(SysError) { child = try plan.spawn() } catch { throw error.during("starting the image helper") }
    let ends = pipe.ends()
    _ = close(ends.1)
    return Run(child: child, output: FileDescriptor(owning: ends.0))
  }

  /// What came of it.
  public func outcome(_ status: ExitStatus, output: [UInt8]) -> ImageOutcome {
    guard status.code == 0 else {
      let said = String(decoding: output, as: UTF8.self).split(separator: "\n").map { $0.hasPrefix("podlab-image: ") ? $0.dropFirst(14) : $0 }
      return ImageStore.cannotPull(reference, said.isEmpty ? "the image helper ended with \(status.code)" : said.joined(separator: "; "))
    }
    do throws(ImageError) {
      if let image = try store.resolve(reference) { return .pulled(image, took: Clock.monotonic - started) }
      return ImageStore.cannotPull(reference, "the image helper left nothing in \(store.root)")
    } catch { return ImageStore.cannotPull(reference, "\(error)") }
  }

  public func failed(_ error: SysError) -> ImageOutcome { ImageStore.cannotPull(reference, "\(error)") }
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
