// SPDX-License-Identifier: Apache-2.0
//
// Resources that change in a running Pod (KEP-1287): given at once where that is possible, by a restart where resizePolicy says so. What cannot be
// given stands in the conditions PodResizePending and PodResizeInProgress. Kubernetes pkg/kubelet/allocation, kuberuntime_manager.go
// (computePodResizeAction).
import Manifest

extension PodEngine {
  /// Containers whose resources are no longer what they were. Those that are started again anyway are not among them.
  mutating func resize(from old: Pod, _ changed: [Int]) {
    var names: [String] = []
    let before = old.spec.initContainers + old.spec.containers
    for i in changed where runs[i].stage == .running && runs[i].stop == nil {
      guard let was = before.first(where: { $0.name == runs[i].spec.name })?.resources else { continue }
      if Self.restarts(runs[i].spec, from: was) {
        runs[i].restartsAfterStop = true
        beginStop(i, seconds: pod.spec.terminationGracePeriodSeconds, "Container \(runs[i].spec.name) resize requires restart")
        continue
      }
      runs[i].given = runs[i].given ?? was
      names.append(runs[i].spec.name)
    }
    guard sandbox == .ready, !changed.isEmpty || old.spec.resources != pod.spec.resources else { return }
    effects.append(.resize(containers: names))
  }

  mutating func resized(_ failure: ResizeFailure?) {
    resizeFailure = failure
    guard failure == nil else { return }
    for i in runs.indices { runs[i].given = nil }
  }

  private static func restarts(_ c: Container, from was: ResourceRequirements) -> Bool {
    c.restartsOnResize.contains { name in was.limits[name] != c.resources.limits[name] || was.requests[name] != c.resources.requests[name] }
  }

  mutating func setResizeConditions() {
    for (type, reason) in [("PodResizePending", "Infeasible"), ("PodResizeInProgress", "Error")] {
      if let f = resizeFailure, f.reason == reason {
        set(type, true, f.reason, f.message)
      } else {
        status.conditions.removeAll { $0.type == type }
      }
    }
  }
}
