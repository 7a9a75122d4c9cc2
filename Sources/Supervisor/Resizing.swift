// SPDX-License-Identifier: Apache-2.0
//
// The effect resize: the limits of running containers are written anew. Kubernetes pkg/kubelet/allocation (canResizePod),
// kuberuntime_manager.go (doPodResizeAction).
import Kernel
import Manifest
import PodEngine

extension Supervisor {
  func resize(_ names: [String]) {
    if let why = infeasible() { return feed(.resized(failure: ResizeFailure(reason: "Infeasible", message: why))) }
    let groups = node.host.cgroups
    do throws(SysError) {
      if let why = try instance.resizePlace(pod) { return feed(.resized(failure: ResizeFailure(reason: "Deferred", message: why))) }
      var limits = Resources.podLimits(pod.spec)
      let final = limits
      // No container may have more processor time than its Pod while the two are changed one after the other (cgroup v1 refuses it).
      if final.cpuQuota != nil { limits.cpuQuota = -1 }
      limits.memory = nil
      try groups.setLimits(cgroup, limits)
      for name in names {
        guard let c = container(name) else { continue }
        try groups.setLimits("\(cgroup)/\(name)", Resources.limits(c.resources))
      }
      try groups.setLimits(cgroup, final)
      feed(.resized(failure: nil))
    } catch {
      feed(.resized(failure: ResizeFailure(reason: "Error", message: "\(error.during("resizing the pod"))")))
    }
  }

  /// What the node has not, in kubelet's words.
  private func infeasible() -> String? {
    let cpu = pod.spec.resources.requests["cpu"]?.milliValue ?? Resources.request(pod.spec) { $0.milli("cpu") }
    let memory = pod.spec.resources.requests["memory"]?.value ?? Resources.request(pod.spec) { $0.bytes("memory") }
    let has = (cpu: node.allocatable["cpu"]?.milliValue ?? .max, memory: node.allocatable["memory"]?.value ?? .max)
    if cpu > has.cpu { return "Node didn't have enough capacity: cpu, requested: \(cpu), capacity: \(has.cpu)" }
    if memory > has.memory { return "Node didn't have enough capacity: memory, requested: \(memory), capacity: \(has.memory)" }
    return nil
  }
}
