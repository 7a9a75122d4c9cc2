// SPDX-License-Identifier: Apache-2.0
//
// Seccomp filters of containers. A filter is made by a helper program (podlab-seccomp) when the first container wants it and kept in the instance's
// run folder: every later start only reads a file. Profiles of type Localhost are files below DATA/seccomp, as kubelet has them below its own folder.
import Control
import Glibc
import Kernel
import Manifest
import Runtime

/// Where a container's filter is kept, and how it is made when it is not there.
struct SeccompPlan: Equatable {
  /// The kept filter.
  let file: String
  /// Arguments of podlab-seccomp after OUT.
  let arguments: [String]
  /// What an error is about.
  let profile: String

  /// nil: the container runs without. capabilities: the container's; the default profile depends on them.
  static func of(_ container: Container, _ pod: Pod, _ capabilities: CapabilitySet, _ instance: Instance) throws(SysError) -> SeccompPlan? {
    guard let wanted = container.securityContext.seccompProfile ?? pod.spec.securityContext.seccompProfile else { return nil }
    if container.securityContext.privileged { return nil }
    let kept = instance.run + "/seccomp"
    switch wanted.type {
    case "RuntimeDefault":
      let set = String(capabilities.rawValue, radix: 16)
      return SeccompPlan(file: "\(kept)/default-\(set)", arguments: ["default", set], profile: "RuntimeDefault")
    case "Localhost":
      let path = "\(instance.data)/seccomp/\(wanted.localhostProfile ?? "")"
      // Another content is another file: what is kept under the old name stays right for who has it.
      let mark = try FileSystem.version(path)
      return SeccompPlan(file: "\(kept)/local-\(mark)", arguments: ["file", path], profile: path)
    default: return nil
    }
  }
}

extension Supervisor {
  enum SeccompAnswer {
    case none
    case filter(SeccompFilter, file: String)
    /// Asked for: the start goes on by itself when it is there.
    case later
    case failed(String)
  }

  /// The filter for a container's start; `again` is called when one that had to be made is ready.
  func seccomp(_ container: Container, _ capabilities: CapabilitySet, again: @escaping () -> Void) -> SeccompAnswer {
    let plan: SeccompPlan
    do throws(SysError) {
      guard let wanted = try SeccompPlan.of(container, pod, capabilities, instance) else { return .none }
      plan = wanted
    } catch {
      return .failed("cannot load seccomp profile \"\(error.object)\": open \(error.object): \(errnoText(error.errno).lowercased())")
    }
    if let why = seccompFailures.removeValue(forKey: plan.file) { return .failed("cannot load seccomp profile \"\(plan.profile)\": \(why)") }
    if let bytes = optional({ () throws(SysError) in try FileSystem.read(plan.file) }), let f = SeccompFilter(file: bytes) { return .filter(f, file: plan.file) }
    do throws(SysError) { try make(plan, again) } catch { return .failed("\(error.during("making the seccomp filter"))") }
    return .later
  }

  private func make(_ plan: SeccompPlan, _ again: @escaping () -> Void) throws(SysError) {
    try FileSystem.makeFolders(instance.run + "/seccomp", mode: 0o755)
    let pipe = try FileDescriptor.pipe()
    var p = SpawnPlan(.paths([node.programs + "/podlab-seccomp"]), ["podlab-seccomp", plan.file] + plan.arguments)
    p.steps = [
      .init(.open("/dev/null", flags: O_RDWR, as: 0)), .init(.duplicate(from: 0, to: 1)), .init(.duplicate(from: pipe.write.raw, to: 2)),
      .init(.closeFrom(3, atExec: true)),
    ]
    let pidfd = try p.spawn().release()
    let (output, end) = pipe.ends()
    _ = close(end)
    try loop.watch(pidfd) { [unowned self] _ in
      loop.forget(pidfd)
      let status = optional { () throws(SysError) in try ExitStatus.collect(pidfd: pidfd, wait: true) } ?? nil
      if status?.code != 0 {
        let said = optional { () throws(SysError) in try FileSystem.read(output, "the helper's output", limit: 4096) } ?? []
        let text = String(decoding: said, as: UTF8.self).split(separator: "\n").joined(separator: "; ")
        seccompFailures[plan.file] = text.isEmpty ? "podlab-seccomp ended with \(status?.code ?? 255)" : text
      }
      _ = close(output)
      _ = close(pidfd)
      again()
    }
  }
}
