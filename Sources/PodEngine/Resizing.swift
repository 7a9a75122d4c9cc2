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
    let isPodChanged = old.spec.resources != pod.spec.resources
    guard sandbox == .ready, !changed.isEmpty || isPodChanged else { return }
    if isPodChanged { givenToPod = givenToPod ?? old.spec.resources }
    effects.append(.resize(containers: names))
  }

  mutating func resized(_ failure: ResizeFailure?) {
    let before = resizeFailure
    resizeFailure = failure
    guard let failure else {
      for i in runs.indices { runs[i].given = nil }
      givenToPod = nil
      emit(.normal, "ResizeStarted", "Pod resize started: \(resizeSummary())")
      return emit(.normal, "ResizeCompleted", "Pod resize completed: \(resizeSummary())")
    }
    if failure == before { return }
    let summary = resizeSummary(failure.message)
    if failure.reason == "Error" { return emit(.warning, "ResizeError", "Pod resize error: \(summary)") }
    emit(.warning, "Resize\(failure.reason)", "Pod resize \(failure.reason): \(summary)")
  }

  /// Running containers whose new resources wait for room on the node; nil: none do.
  public var deferredResize: [String]? {
    guard resizeFailure?.reason == "Deferred", ending == nil else { return nil }
    return runs.filter { $0.given != nil && $0.stage == .running }.map(\.spec.name)
  }

  /// What is wanted, as kubelet's events list it (pkg/kubelet/events, podResizeMessage).
  private func resizeSummary(_ error: String = "") -> String {
    var all: [(String, Value)] = []
    for key in ["initContainers", "containers"] {
      guard let list = pod.object["spec"]?[key]?.array, !list.isEmpty else { continue }
      all.append((key, .array(list.map { .object([("name", $0["name"] ?? .null), ("resources", ($0["resources"] ?? .object([])).sorted)]) })))
    }
    all.append(("generation", .int(pod.metadata.generation)))
    if !error.isEmpty { all.append(("error", .string(error))) }
    return JSON.compact(.object(all))
  }

  private static func restarts(_ c: Container, from was: ResourceRequirements) -> Bool {
    c.restartsOnResize.contains { name in was.limits[name] != c.resources.limits[name] || was.requests[name] != c.resources.requests[name] }
  }

  mutating func setResizeConditions() {
    for (type, reasons) in [("PodResizePending", ["Deferred", "Infeasible"]), ("PodResizeInProgress", ["Error"])] {
      if let f = resizeFailure, reasons.contains(f.reason) {
        set(type, true, f.reason, f.message)
      } else {
        status.conditions.removeAll { $0.type == type }
      }
    }
  }
}
