// SPDX-License-Identifier: Apache-2.0
//
// What is taken and warned about: a piece of spec, and all that is said. Kubernetes: pkg/api/pod/warnings_test.go.
import Manifest
import Testing

@Suite struct PodWarnings {
  private static let affinity = "requiredDuringSchedulingIgnoredDuringExecution"

  /// What is said of fields and their values, not of fields that have no effect here.
  private static func said(_ text: String) -> [String] {
    load(text).warnings.filter { !$0.message.hasPrefix("has no effect") }.map { "\($0.path): \($0.message)" }
  }

  @Test(arguments: [
    ("env: [{name: a, value: x}, {name: a, value: y}]", "env[1]: hides previous definition of \"a\", which may be dropped when using apply"),
    ("env: [{name: a, value: x}, {name: a, value: $(a)}]", "env[1]: hides previous definition of \"a\", which may be dropped when using apply"),
    ("env: [{name: a, value: x}, {name: a, value: $(a)y}]", ""),
    ("ports: [{containerPort: 80}, {containerPort: 80}]", "ports[1]: duplicate port definition with spec.containers[0].ports[0]"),
    ("ports: [{containerPort: 80}, {containerPort: 80, protocol: UDP}]", ""),
    ("ports: [{containerPort: 80, hostPort: 80}, {containerPort: 80, hostPort: 81}]", ""),
    ("ports: [{containerPort: 80, hostPort: 80}, {containerPort: 80}]", "ports[1]: overlapping port definition with spec.containers[0].ports[0]"),
    (
      "ports: [{containerPort: 80, hostPort: 80, hostIP: 10.0.0.1}, {containerPort: 80, hostPort: 80}]",
      "ports[1]: dangerously ambiguous port definition with spec.containers[0].ports[0]"
    ),
    (
      "ports: [{containerPort: 80, protocol: UDP, hostIP: 10.0.0.1}]",
      "ports[0]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:80 Protocol:UDP HostIP:10.0.0.1}"
    ),
    ("resources: {requests: {memory: 4m, cpu: 4m}}", "resources.requests[memory]: fractional byte value \"4m\" is invalid, must be an integer"),
    ("resources: {requests: {memory: 1.5Gi}}", ""),
  ]) func container(_ text: String, _ warning: String) {
    let all = Self.said("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: a\n    image: b\n    \(text)\n")
    #expect(all == (warning.isEmpty ? [] : ["spec.containers[0].\(warning)"]))
  }

  @Test(arguments: [
    ("terminationGracePeriodSeconds: -1", "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"),
    ("hostAliases: [{ip: 1.1.1.1}, {ip: 1.1.1.1}]", "spec.hostAliases[1].ip: duplicate ip \"1.1.1.1\""),
    ("imagePullSecrets: [{name: a}, {name: a}]", "spec.imagePullSecrets[1].name: duplicate name \"a\""),
    ("nodeSelector: {beta.kubernetes.io/os: linux}", "spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use \"kubernetes.io/os\" instead"),
    (
      "affinity: {nodeAffinity: {\(affinity): {nodeSelectorTerms: [{matchExpressions: [{key: beta.kubernetes.io/arch, operator: Exists}]}]}}}",
      "spec.affinity.nodeAffinity.\(affinity).nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/arch is deprecated since v1.14; use \"kubernetes.io/arch\" instead"
    ),
    (
      "affinity: {podAntiAffinity: {\(affinity): [{topologyKey: a, labelSelector: {}}, {topologyKey: a}]}}",
      "spec.affinity.podAntiAffinity.\(affinity)[1].labelSelector: a null labelSelector results in matching no pod"
    ),
    (
      "topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: DoNotSchedule}]",
      "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod"
    ),
  ]) func pod(_ text: String, _ warning: String) {
    #expect(Self.said("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  \(text)\n  containers: [{name: a, image: b}]\n") == [warning])
  }

  @Test func annotationsThatFieldsHaveReplaced() {
    let key = "container.apparmor.security.beta.kubernetes.io/a"
    let manifest = { (context: String) in
      "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  annotations: {\(key): unconfined, security.alpha.kubernetes.io/sysctls: a}\nspec: {containers: [{name: a, image: b\(context)}]}\n"
    }
    let old = "metadata.annotations[security.alpha.kubernetes.io/sysctls]: non-functional in v1.11+; use the \"sysctls\" field instead"
    #expect(Self.said(manifest("")) == ["metadata.annotations[\(key)]: deprecated since v1.30; use the \"appArmorProfile\" field instead", old])
    #expect(Self.said(manifest(", securityContext: {appArmorProfile: {type: Unconfined}}")) == [old])
  }
}
