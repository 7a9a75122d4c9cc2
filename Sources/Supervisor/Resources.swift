// SPDX-License-Identifier: Apache-2.0
//
// From requests and limits to the kernel's: cgroup limits, oom_score_adj, QoS class. Kubernetes pkg/kubelet/cm/helpers_linux.go, pkg/kubelet/qos.
import Kernel
import Manifest

enum Resources {
  /// Thousandths of a CPU to microseconds in a period of 100 ms; at least 1 ms.
  static func quota(_ milli: Int64) -> Int64 { max(1000, milli * 100) }
  /// Thousandths of a CPU to cgroup v1's shares.
  static func shares(_ milli: Int64) -> Int64 { milli == 0 ? 2 : min(262_144, max(2, milli * 1024 / 1000)) }

  /// What a container's group is limited to.
  static func limits(_ r: ResourceRequirements) -> CgroupLimits {
    var l = CgroupLimits()
    let cpuLimit = r.limits["cpu"]?.milliValue ?? 0
    let cpuRequest = r.requests["cpu"]?.milliValue ?? cpuLimit
    if cpuLimit > 0 { l.cpuQuota = quota(cpuLimit) }
    l.cpuShares = shares(cpuRequest)
    if let m = r.limits["memory"]?.value, m > 0 { l.memory = m }
    l.killsTogether = true
    return l
  }

  /// What the Pod's group is limited to: Pod-level limits, or the sum where every container has one.
  static func podLimits(_ spec: PodSpec) -> CgroupLimits {
    var l = CgroupLimits()
    if let cpu = spec.resources.limits["cpu"]?.milliValue ?? sum(spec, { $0.limits["cpu"]?.milliValue }) { l.cpuQuota = quota(cpu) }
    l.memory = spec.resources.limits["memory"]?.value ?? sum(spec, { $0.limits["memory"]?.value })
    l.cpuShares = shares(spec.resources.requests["cpu"]?.milliValue ?? request(spec) { $0.milli("cpu") })
    return l
  }

  /// The sum over app containers and sidecars, or the largest ordinary init container; nil when one of them has none.
  private static func sum(_ spec: PodSpec, _ amount: (ResourceRequirements) -> Int64?) -> Int64? {
    var total: Int64 = 0
    for c in spec.containers + spec.initContainers.filter({ $0.restartPolicy == .always }) {
      guard let a = amount(c.resources), a > 0 else { return nil }
      total += a
    }
    for c in spec.initContainers where c.restartPolicy != .always {
      guard let a = amount(c.resources), a > 0 else { return nil }
      total = max(total, a)
    }
    return total > 0 ? total : nil
  }

  /// What the Pod's containers ask for together: apps and sidecars, or the largest ordinary init container with the sidecars before it
  /// (component-helpers/resource: PodRequests).
  static func request(_ spec: PodSpec, _ amount: (ResourceRequirements) -> Int64) -> Int64 {
    var (sidecars, most) = (Int64(0), Int64(0))
    for c in spec.initContainers {
      if c.restartPolicy == .always { sidecars += amount(c.resources) } else { most = max(most, sidecars + amount(c.resources)) }
    }
    return max(most, sidecars + spec.containers.reduce(0) { $0 + amount($1.resources) })
  }

  /// Of a container of this Pod. A sidecar is no likelier to be killed than the containers that it serves. pkg/kubelet/qos/policy.go.
  static func oomScoreAdjust(_ container: Container, _ spec: PodSpec, qosClass: String, capacity: Int64) -> Int {
    var c = container
    let own = { (c: Container) in c.resources.bytes("memory") }
    // What the Pod asks for beyond its containers is shared out among them.
    let spare = max(0, (spec.resources.requests["memory"]?.value ?? 0) - request(spec) { $0.bytes("memory") })
    let share = spare / Int64(max(1, spec.containers.count + spec.initContainers.count))
    if share > 0 { c.resources.requests["memory"] = .bytes(own(container) + share) }
    let score = oomScoreAdjust(c, qosClass: qosClass, capacity: capacity)
    guard container.restartPolicy == .always, spec.initContainers.contains(where: { $0.name == container.name }), qosClass == "Burstable",
      let least = spec.containers.min(by: { own($0) < own($1) })
    else { return score }
    return min(score, oomScoreAdjust(least, qosClass: qosClass, capacity: capacity))
  }

  /// capacity: the node's memory in bytes.
  static func oomScoreAdjust(_ container: Container, qosClass: String, capacity: Int64) -> Int {
    switch qosClass {
    case "Guaranteed": return -997
    case "BestEffort": return 1000
    default:
      let request = container.resources.requests["memory"]?.value ?? container.resources.limits["memory"]?.value ?? 0
      let score = 1000 - (1000 * Int128(request)) / Int128(max(1, capacity))
      return Int(min(999, max(3, score)))
    }
  }
}

extension ResourceRequirements {
  /// What is asked for: the request, else the limit.
  func milli(_ name: String) -> Int64 { requests[name]?.milliValue ?? limits[name]?.milliValue ?? 0 }
  func bytes(_ name: String) -> Int64 { requests[name]?.value ?? limits[name]?.value ?? 0 }
}

extension Quantity {
  static func bytes(_ n: Int64) -> Quantity { Quantity(text: "\(n)", nano: Int128(n) * 1_000_000_000) }
}
