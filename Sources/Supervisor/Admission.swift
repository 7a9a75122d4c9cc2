// SPDX-License-Identifier: Apache-2.0
//
// What a kubelet refuses for good when a Pod comes to its node: sysctls that are not safe, and AppArmor where the kernel has none. Kubernetes
// pkg/kubelet/sysctl, pkg/kubelet/lifecycle/handlers.go, pkg/security/apparmor.
import Kernel
import Manifest

enum Admission {
  struct Refusal: Error, Equatable {
    let reason: String
    let message: String
  }

  /// nil: the Pod may run.
  static func refusal(_ pod: Pod, hasAppArmor: Bool) -> Refusal? {
    for s in pod.spec.securityContext.sysctls { if let why = sysctl(s.name, pod.spec) { return Refusal(reason: "SysctlForbidden", message: why) } }
    if !hasAppArmor, wantsAppArmor(pod) {
      return Refusal(reason: "AppArmor", message: "Cannot enforce AppArmor: AppArmor is not enabled on the host")
    }
    return nil
  }

  /// Those that belong to a namespace of the Pod and reach no other one (kubelet's safe sysctls).
  static let safe: Set<String> = [
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
  ]

  private static func sysctl(_ name: String, _ spec: PodSpec) -> String? {
    let dotted = dots(name)
    guard safe.contains(dotted) else { return "forbidden sysctl: \"\(dotted)\" not allowlisted" }
    if spec.hostNetwork, dotted.hasPrefix("net.") { return "forbidden sysctl: \"\(dotted)\" not allowed with host net enabled" }
    if spec.hostIPC, dotted.hasPrefix("kernel.shm") { return "forbidden sysctl: \"\(dotted)\" not allowed with host ipc enabled" }
    return nil
  }

  /// a/b.c is another way to write a.b/c (sysctl(8)): which one it is says the first separator.
  static func dots(_ name: String) -> String {
    guard let first = name.first(where: { $0 == "." || $0 == "/" }), first == "/" else { return name }
    return String(name.map { $0 == "/" ? "." : $0 == "." ? "/" : $0 })
  }

  private static func wantsAppArmor(_ pod: Pod) -> Bool {
    (pod.spec.initContainers + pod.spec.containers).contains { c in
      guard let profile = c.securityContext.appArmorProfile ?? pod.spec.securityContext.appArmorProfile else { return false }
      return profile.type != "Unconfined" && !c.securityContext.privileged
    }
  }

  /// Whether the kernel enforces AppArmor profiles.
  static var kernelHasAppArmor: Bool {
    (optional { () throws(SysError) in try FileSystem.readText("/sys/module/apparmor/parameters/enabled") } ?? "").hasPrefix("Y")
  }
}

extension Supervisor {
  /// The first thing that a new Pod meets.
  func admit() {
    // What the kernel has is asked only for a Pod that wants it.
    if let no = Admission.refusal(pod, hasAppArmor: false), Admission.refusal(pod, hasAppArmor: Admission.kernelHasAppArmor) != nil || no.reason != "AppArmor" {
      return feed(.rejected(reason: no.reason, message: no.message))
    }
    feed(.admitted(hostIP: node.hostIPs.first ?? "127.0.0.1"))
  }
}
