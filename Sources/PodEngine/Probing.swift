// SPDX-License-Identifier: Apache-2.0
//
// Probes: when the next one is due, and what an answer means. Kubernetes pkg/kubelet/prober/worker.go.
import Manifest

extension PodEngine {
  mutating func beginProbes(_ i: Int) {
    let spec = runs[i].spec
    runs[i].probes = []
    runs[i].isStarted = spec.startupProbe == nil
    runs[i].isReady = spec.readinessProbe == nil
    // An ordinary init container has none.
    guard runs[i].kind != .initial else { return }
    for kind in ProbeKind.allCases {
      guard let probe = spec.probe(kind) else { continue }
      runs[i].probes.append(.init(kind: kind, nextAt: now.monotonic + probe.initialDelaySeconds * second))
    }
  }

  /// The startup probe goes first, the others wait for it. A container that is being ended is asked only whether it is ready.
  func runsNow(_ p: ContainerRun.ProbeRun, _ r: ContainerRun) -> Bool {
    if p.isDone || r.stage != .running || r.inPostStart { return false }
    switch p.kind {
    case .startup: return !r.isStarted && r.stop == nil
    case .liveness: return r.isStarted && r.stop == nil
    case .readiness: return r.isStarted
    }
  }

  mutating func runDueProbes() {
    for i in runs.indices {
      for p in runs[i].probes.indices {
        let probe = runs[i].probes[p]
        guard !probe.isInFlight, runsNow(probe, runs[i]), probe.nextAt <= now.monotonic else { continue }
        let period = max(1, runs[i].spec.probe(probe.kind)?.periodSeconds ?? 10) * second
        runs[i].probes[p].isInFlight = true
        // In step with the first one, whatever the answers take.
        let late = (now.monotonic - probe.nextAt) / period
        runs[i].probes[p].nextAt += (late + 1) * period
        effects.append(.runProbe(container: runs[i].spec.name, probe: probe.kind))
      }
    }
  }

  mutating func probeFinished(_ name: String, _ kind: ProbeKind, _ result: ProbeResult) {
    guard let i = index(name), runs[i].stage == .running, let p = runs[i].probes.firstIndex(where: { $0.kind == kind && $0.isInFlight }),
      let spec = runs[i].spec.probe(kind)
    else { return }
    runs[i].probes[p].isInFlight = false
    let title = kind.rawValue.prefix(1).uppercased() + kind.rawValue.dropFirst()
    let isGood: Bool
    switch result {
    case .unknown(let why):
      emit(.warning, "Unhealthy", "\(title) probe errored and resulted in unknown state: \(why)", of: i)
      return
    case .failure(let why):
      emit(.warning, "Unhealthy", "\(title) probe failed: \(why)", of: i)
      isGood = false
    case .warning(let what):
      emit(.warning, "ProbeWarning", "\(title) probe warning: \(what)", of: i)
      isGood = true
    case .success: isGood = true
    }
    if runs[i].probes[p].lastResult == isGood {
      runs[i].probes[p].inARow += 1
    } else {
      (runs[i].probes[p].lastResult, runs[i].probes[p].inARow) = (isGood, 1)
    }
    guard runs[i].probes[p].inARow >= (isGood ? spec.successThreshold : spec.failureThreshold) else { return }
    switch (kind, isGood) {
    case (.readiness, _): runs[i].isReady = isGood
    case (.startup, true):
      runs[i].isStarted = true
      runs[i].probes[p].isDone = true
    case (.liveness, true): break
    case (_, false):
      runs[i].probes[p].isDone = true
      guard runs[i].stop == nil else { return }
      let again = (runs[i].spec.restartPolicy ?? pod.spec.restartPolicy) != .never || runs[i].kind == .sidecar
      runs[i].restartsAfterStop = again
      beginStop(
        i, seconds: spec.terminationGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds,
        runs[i].kind == .app ? "Container \(name) failed \(kind.rawValue) probe" + (again ? ", will be restarted" : "") : "Init container \(name) failed \(kind.rawValue) probe")
    }
  }
}
