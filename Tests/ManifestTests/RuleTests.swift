// SPDX-License-Identifier: Apache-2.0
//
// The API server's rules: a line of a manifest, the field that must be named, the words that must be said of it.
import Manifest
import Testing

/// A rule: what is written, what is said of it.
struct Rule: Sendable, CustomStringConvertible {
  var text: String
  var said: String
  init(_ text: String, _ said: String) { (self.text, self.said) = (text, said) }
  var description: String { text }
}

private func said(_ text: String) -> [String] { load(text).errors.map { "\($0.path): \($0.message)" } }

/// The first that is said, or nothing.
private func holds(_ rule: Rule, _ manifest: String) -> Bool {
  let all = said(manifest)
  return rule.said.isEmpty ? all.isEmpty : all.contains(rule.said)
}

@Suite struct PodRules {
  /// Fields of spec.
  @Test(arguments: [
    Rule("restartPolicy: Sometimes", #"spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never""#),
    Rule("restartPolicy: \"\"", ""),
    // A null in a list of texts is the empty text; an amount that is null is none.
    Rule("hostAliases: [{ip: 1.2.3.4, hostnames: [null]}]", #"spec.hostAliases[0].hostnames[0]: Invalid value: "": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#),
    Rule("resources: {limits: {memory: null}, requests: {memory: 1Mi}}", #"spec.resources.requests: Invalid value: "1Mi": must be less than or equal to memory limit of 0"#),
    Rule("resources: {limits: {memory: null}}", ""),
    Rule("volumes: [{name: v, emptyDir: {mode: 1024}}]", "spec.volumes[0].emptyDir.mode: Invalid value: 1024: must be a number between 0 and 01777 (octal), both inclusive"),
    Rule("volumes: [{name: v, emptyDir: {mode: 1023}}]", ""),
    Rule("dnsPolicy: First", #"spec.dnsPolicy: Unsupported value: "First": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None""#),
    Rule("dnsPolicy: None", "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"),
    Rule("dnsPolicy: None\n  dnsConfig: {searches: [a]}", "spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None"),
    Rule("dnsConfig: {nameservers: [1.2.3.4.5]}", #"spec.dnsConfig.nameservers[0]: Invalid value: "1.2.3.4.5": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"#),
    Rule("dnsConfig: {nameservers: [010.1.1.1]}", #"spec.dnsConfig.nameservers[0]: Invalid value: "010.1.1.1": must not have leading 0s"#),
    Rule("dnsConfig: {nameservers: [\"::ffff:1.2.3.4\"]}", #"spec.dnsConfig.nameservers[0]: Invalid value: "::ffff:1.2.3.4": must not be an IPv4-mapped IPv6 address"#),
    Rule("dnsConfig: {nameservers: [\"2001:db8::1\", \"::\", \"::1\"], searches: [., a_b.c., _x.y], options: [{name: ndots, value: \"2\"}]}", ""),
    Rule("dnsConfig: {options: [{value: x}]}", "spec.dnsConfig.options[0]: Required value: must not be empty"),
    Rule("activeDeadlineSeconds: 0", "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"),
    Rule("terminationGracePeriodSeconds: -1", ""),
    Rule("hostUsers: false\n  hostNetwork: true", "spec.hostNetwork: Forbidden: when `hostUsers` is false"),
    Rule("hostUsers: false\n  hostIPC: true", "spec.HostIPC: Forbidden: when `hostUsers` is false"),
    Rule("shareProcessNamespace: true\n  hostPID: true", "spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled"),
    Rule("hostnameOverride: \(String(repeating: "a", count: 65))", "spec.hostnameOverride: Too long: may not be more than 64 bytes"),
    Rule("hostnameOverride: a\n  hostNetwork: true", "spec.hostnameOverride: Forbidden: may not be specified when hostNetwork is true"),
    Rule("os: {name: beos}", #"spec.os: Unsupported value: "beos": supported values: "linux", "windows""#),
    Rule("securityContext: {runAsUser: -1}", "spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive"),
    Rule("securityContext: {supplementalGroups: [1, 4294967296]}", "spec.securityContext.supplementalGroups[1]: Invalid value: 4294967296: must be between 0 and 2147483647, inclusive"),
    Rule("securityContext: {sysctls: [{name: net.core.somaxconn, value: \"1\"}]}\n  hostNetwork: true", #"spec.securityContext.sysctls[0].name: Invalid value: "net.core.somaxconn": may not be specified when 'hostNetwork' is true"#),
    Rule("securityContext: {sysctls: [{name: kernel/shm_rmid_forced, value: \"1\"}]}", ""),
    Rule("securityContext: {seccompProfile: {type: Localhost}}", "spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost"),
    Rule("securityContext: {seccompProfile: {type: Localhost, localhostProfile: ../x}}", #"spec.securityContext.seccompProfile.localhostProfile: Invalid value: "../x": must not contain '..'"#),
    Rule("tolerations: [{value: a}]", #"spec.tolerations[0].operator: Invalid value: "": operator must be Exists when `key` is empty, which means \"match all values and all keys\""#.replacing("\\\"", with: "\"")),
    Rule("tolerations: [{key: a, operator: Exists, effect: NoSchedule, tolerationSeconds: 1}]", #"spec.tolerations[0].effect: Invalid value: "NoSchedule": effect must be 'NoExecute' when `tolerationSeconds` is set"#),
    Rule("tolerations: [{key: a, operator: Lt, value: \"-5\"}]", ""),
    Rule("affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Gt, values: [\"1\", \"2\"]}]}]}}}", "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values: Required value: must be specified single value when `operator` is 'Lt' or 'Gt'"),
    Rule("affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 0, podAffinityTerm: {topologyKey: a}}]}}", "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100"),
    Rule("topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: ScheduleAnyway, minDomains: 2}]", "spec.topologySpreadConstraints[0].minDomains: Invalid value: 2: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway"),
    Rule("schedulingGates: [{name: a}]\n  nodeName: n", "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"),
    Rule("hostAliases: [{ip: 1.2.3.4, hostnames: [A]}]", #"spec.hostAliases[0].hostnames[0]: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#),
    Rule("resources: {requests: {cpu: 100m}}\n  initContainers: [{name: i, image: b, resources: {requests: {cpu: 0.2}}}]", #"spec.resources.requests[cpu]: Invalid value: "100m": must be greater than or equal to aggregate container requests of 200m"#),
    Rule("initContainers: [{name: a, image: b}]", #"spec.initContainers[0].name: Duplicate value: "a""#),
    Rule("initContainers: [{name: i, image: b, lifecycle: {}}]", "spec.initContainers[0].lifecycle: Forbidden: may not be set for init containers without restartPolicy=Always"),
    Rule("initContainers: [{name: i, image: b, restartPolicy: Always, lifecycle: {preStop: {exec: {command: [a]}}}}]", ""),
    Rule("volumes: [{name: v, emptyDir: {}, secret: {secretName: a}}]", "spec.volumes[0].secret: Forbidden: may not specify more than 1 volume type"),
    Rule("volumes: [{name: v, configMap: {name: a, items: [{key: k, path: ..p, mode: 512}]}}]", #"spec.volumes[0].configMap.items[0].path: Invalid value: "..p": must not start with '..'"#),
    Rule("volumes: [{name: v, configMap: {name: a, items: [{key: k, path: p, mode: 512}]}}]", "spec.volumes[0].configMap.items[0].mode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive"),
    Rule("volumes: [{name: v, downwardAPI: {items: [{path: p, fieldRef: {fieldPath: spec.nodeName}}]}}]", #"spec.volumes[0].downwardAPI.fieldRef.fieldPath: Unsupported value: "spec.nodeName": supported values: "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid""#),
    Rule("volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: /t, expirationSeconds: 3}}]}}]", "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 3: may not specify a duration less than 10 minutes"),
    Rule("volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: /t}}]}}]", #"spec.volumes[0].projected.path: Invalid value: "/t": must be a relative path"#),
    Rule("volumes: [{name: v, image: {}}]", "spec.volumes[0].image.reference: Required value"),
  ])
  func ofTheSpec(_ rule: Rule) { #expect(holds(rule, pod(spec: "  \(rule.text)\n")), "\(said(pod(spec: "  \(rule.text)\n")))") }

  /// Fields of a container; the Pod has a volume v.
  @Test(arguments: [
    Rule("ports: [{containerPort: 0}]", "spec.containers[0].ports[0].containerPort: Required value"),
    Rule("ports: [{containerPort: 1, name: -A--bcdefghijklm}]", #"spec.containers[0].ports[0].name: Invalid value: "-A--bcdefghijklm": must be no more than 15 bytes"#),
    Rule("ports: [{containerPort: 1, protocol: \"\"}]", ""),
    Rule("env: [{name: \"a b.c\", value: x}]", ""),
    Rule("env: [{name: a, valueFrom: {}}]", #"spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"#),
    Rule("env: [{name: a, value: x, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]", #"spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty"#),
    Rule("env: [{name: a, valueFrom: {fieldRef: {fieldPath: \"metadata.labels['a/b/c']\"}}}]", #"spec.containers[0].env[0].valueFrom.fieldRef: Invalid value: "a/b/c": a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"#),
    Rule("env: [{name: a, valueFrom: {fieldRef: {fieldPath: spec.nope}}}]", #"spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.nope": error converting fieldPath: field label not supported: spec.nope"#),
    Rule("env: [{name: a, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Ki}}}]", ""),
    Rule("env: [{name: a, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 2Ki}}}]", #"spec.containers[0].env[0].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.memory": only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the memory resource"#),
    Rule("envFrom: [{}]", #"spec.containers[0].envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`"#),
    Rule("volumeMounts: [{name: w, mountPath: /w}]", #"spec.containers[0].volumeMounts[0].name: Not found: "w""#),
    Rule("volumeMounts: [{name: v, mountPath: /v, subPath: ../x}]", #"spec.containers[0].volumeMounts.subPath: Invalid value: "../x": must not contain '..'"#),
    Rule("volumeMounts: [{name: v, mountPath: /v, mountPropagation: Bidirectional}]", "spec.containers[0].volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers"),
    Rule("volumeMounts: [{name: v, mountPath: /v, readOnly: true, recursiveReadOnly: Enabled, mountPropagation: HostToContainer}]", "spec.containers[0].volumeMounts.recursiveReadOnly: Forbidden: may only be specified when mountPropagation is None or not specified"),
    Rule("resources: {limits: {memory: -1}}", #"spec.containers[0].resources.limits[memory]: Invalid value: "-1": must be greater than or equal to 0"#),
    Rule("resources: {limits: {memory: 1Gi}, requests: {memory: 1.5Gi}}", #"spec.containers[0].resources.requests: Invalid value: "1536Mi": must be less than or equal to memory limit of 1Gi"#),
    Rule("resources: {limits: {gpu: 1}}", #"spec.containers[0].resources.limits[gpu]: Invalid value: "gpu": must be a standard resource for containers"#),
    Rule("resources: {requests: {example.com/a: 1}}", "spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources"),
    Rule("resources: {limits: {example.com/a: 2}, requests: {example.com/a: 1}}", #"spec.containers[0].resources.requests: Invalid value: "1": must be equal to example.com/a limit of 2"#),
    Rule("livenessProbe: {tcpSocket: {port: 80}, exec: {command: [a]}}", "spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type"),
    Rule("livenessProbe: {exec: {command: [a]}, periodSeconds: 0, successThreshold: 0}", ""),
    Rule("startupProbe: {exec: {command: [a]}, successThreshold: 2}", "spec.containers[0].startupProbe.successThreshold: Invalid value: 2: must be 1"),
    Rule("readinessProbe: {exec: {command: [a]}, terminationGracePeriodSeconds: 1}", "spec.containers[0].readinessProbe.terminationGracePeriodSeconds: Invalid value: 1: must not be set for readinessProbes"),
    Rule("readinessProbe: {httpGet: {port: web_1}}", #"spec.containers[0].readinessProbe.httpGet.port: Invalid value: "web_1": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"#),
    Rule("lifecycle: {preStop: {sleep: {seconds: 31}}}", "spec.containers[0].lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)"),
    Rule("lifecycle: {stopSignal: SIGUSR1}", "spec.containers[0].lifecycle.stopSignal: Forbidden: may not be set for containers with empty `spec.os.name`"),
    Rule("restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [1]}}]", "spec.containers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used"),
    Rule("restartPolicy: Never\n    restartPolicyRules: [{action: Restart}]", "spec.containers[0].restartPolicyRules[0].exitCodes: Required value: must be specified"),
    Rule("resizePolicy: [{resourceName: cpu, restartPolicy: NotRequired}, {resourceName: cpu, restartPolicy: NotRequired}]", #"spec.containers[0].resizePolicy[1]: Duplicate value: "cpu""#),
    Rule("securityContext: {procMount: Unmasked}", #"spec.containers[0].securityContext.procMount: Invalid value: "Unmasked": `hostUsers` must be false to use `Unmasked`"#),
    Rule("securityContext: {privileged: true, allowPrivilegeEscalation: false}", #"spec.containers[0].securityContext: Invalid value: {"privileged":true,"allowPrivilegeEscalation":false}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true"#),
    Rule("imagePullPolicy: Newest", #"spec.containers[0].imagePullPolicy: Unsupported value: "Newest": supported values: "Always", "IfNotPresent", "Never""#),
    Rule("terminationMessagePolicy: Log", #"spec.containers[0].terminationMessagePolicy: Unsupported value: "Log": supported values: "File", "FallbackToLogsOnError""#),
  ])
  func ofAContainer(_ rule: Rule) {
    let text = pod("    \(rule.text)\n", spec: "  volumes: [{name: v, emptyDir: {}}]\n")
    #expect(holds(rule, text), "\(said(text))")
  }

  @Test(arguments: [
    Rule("{}", "metadata.name: Required value: name or generateName is required"),
    Rule("{generateName: a-}", ""),
    Rule("{generateName: Abc-}", #"metadata.generateName: Invalid value: "Abc-": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#),
    Rule("{name: p, labels: {/a: b}}", #"metadata.labels: Invalid value: "/a": prefix part must be non-empty"#),
    Rule("{name: p, finalizers: [mine]}", #"metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified"#),
    Rule("{name: p, finalizers: [example.com/mine, kubernetes]}", ""),
    Rule("{name: p, annotations: {controller.kubernetes.io/pod-deletion-cost: many}}", #"metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "many": must be a 32bit integer"#),
    Rule("{name: p, annotations: {container.apparmor.security.beta.kubernetes.io/b: unconfined}}", #"metadata.annotations[container.apparmor.security.beta.kubernetes.io/b]: Invalid value: "b": container not found"#),
    Rule("{name: p, ownerReferences: [{apiVersion: v1, kind: Event, name: e, uid: u}]}", #"metadata.ownerReferences: Invalid value: {"apiVersion":"v1","kind":"Event","name":"e","uid":"u"}: /v1, Kind=Event is disallowed from being an owner"#),
  ])
  func ofTheMetadata(_ rule: Rule) {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: \(rule.text)\nspec: {containers: [{name: a, image: b}]}\n"
    #expect(holds(rule, text), "\(said(text))")
  }

  @Test func whatIsMissingDoesNotHideWhatIsWrong() {
    let all = said(head + "spec:\n  restartPolicy: Maybe\n  containers:\n  - image: b\n")
    #expect(all.contains("spec.containers[0].name: Required value") && all.contains { $0.hasPrefix("spec.restartPolicy: Unsupported value") })
    #expect(all.filter { $0.hasPrefix("spec.containers[0].name") }.count == 1)
  }

  @Test func theProblemIsShownWhereItStands() {
    let l = load(pod("    volumeMounts:\n    - {name: v, mountPath: /a}\n    - name: v\n      mountPath: /b\n      subPath: ../c\n", spec: "  volumes: [{name: v}]\n"))
    #expect(l.errors.map(\.position) == [Position(line: 13, column: 16)])
  }

  @Test func schedulingFieldsAreServedWithoutAWord() {
    let l = load(pod(spec: "  nodeSelector: {a: b}\n  tolerations: [{key: a, operator: Exists}]\n  affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: a, labelSelector: {matchLabels: {a: b}}}]}}\n"))
    #expect(l.diagnostics.isEmpty)
    #expect(load(pod(spec: "  topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: DoNotSchedule, labelSelector: {}}]\n")).warnings.isEmpty)
  }
}

@Suite struct DataRules {
  @Test(arguments: [
    Rule("kind: Secret\nstringData: {a b: x}", #"data[a b]: Invalid value: "a b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"#),
    Rule("kind: Secret\ntype: kubernetes.io/tls\nstringData: {tls.crt: x}", "data[tls.key]: Required value"),
    Rule("kind: Secret\ntype: kubernetes.io/ssh-auth\nstringData: {ssh-privatekey: \"\"}", "data[ssh-privatekey]: Required value"),
    Rule("kind: Secret\ntype: kubernetes.io/dockerconfigjson\nstringData: {.dockerconfigjson: \"[]\"}", #"data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": json: cannot unmarshal a value that is no object"#),
    Rule("kind: Secret\ntype: kubernetes.io/service-account-token", "metadata.annotations[kubernetes.io/service-account.name]: Required value"),
    Rule("kind: Secret\ntype: example.com/any\nstringData: {..data: x}", "data[..data]: Invalid value: \"..data\": must not start with '..'"),
    Rule("kind: ConfigMap\ndata: {a: x}\nbinaryData: {a: eA==}", #"data[a]: Invalid value: "a": duplicate of key present in binaryData"#),
    Rule("kind: ConfigMap\nbinaryData: {\"..\": eA==}", "binaryData[..]: Invalid value: \"..\": must not be '..'"),
    Rule("kind: ConfigMap\ndata: {a: \(String(repeating: "x", count: (1 << 20) + 1))}", ": Too long: may not be more than 1048576 bytes"),
    Rule("kind: ServiceAccount\nautomountServiceAccountToken: false", ""),
  ])
  func each(_ rule: Rule) {
    let text = "apiVersion: v1\nmetadata: {name: x}\n\(rule.text)\n"
    #expect(holds(rule, text), "\(said(text).map { $0.prefix(300) })")
  }
}

@Suite struct UpdateRules {
  private func value(_ text: String) throws -> Value { try #require(load(text).objects.first).value }

  @Test(arguments: [
    (Rule("", ""), "restartPolicy: Never"),
    (Rule("activeDeadlineSeconds: 5", ""), ""),
    (Rule("activeDeadlineSeconds: 5", ""), "activeDeadlineSeconds: 9"),
    (Rule("activeDeadlineSeconds: 9", "spec.activeDeadlineSeconds: Invalid value: 9: must be less than or equal to previous value"), "activeDeadlineSeconds: 5"),
    (Rule("", "spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value"), "activeDeadlineSeconds: 5"),
    (Rule("tolerations: [{key: a, operator: Exists, effect: NoExecute, tolerationSeconds: 9}, {key: b, operator: Exists}]", ""), "tolerations: [{key: a, operator: Exists, effect: NoExecute, tolerationSeconds: 3}]"),
    (Rule("tolerations: [{key: b, operator: Exists}]", "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"), "tolerations: [{key: a, operator: Exists}]"),
    (Rule("terminationGracePeriodSeconds: 1", ""), "terminationGracePeriodSeconds: -3"),
    (Rule("schedulingGates: []", ""), "schedulingGates: [{name: a}]"),
    (Rule("schedulingGates: [{name: b}]", "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'b'"), "schedulingGates: [{name: a}]"),
    (Rule("schedulingGates: [{name: a}]\n  nodeSelector: {a: b, c: d}", ""), "schedulingGates: [{name: a}]\n  nodeSelector: {a: b}"),
    (Rule("nodeSelector: {c: d, a: b}", ""), "nodeSelector: {a: b, c: d}"),
  ])
  func ofAPod(_ rule: Rule, _ old: String) throws {
    let now = rule.text.isEmpty && rule.said.isEmpty ? old : rule.text
    let answer = podUpdateDiagnostic(old: try value(pod(spec: old.isEmpty ? "" : "  \(old)\n")), new: try value(pod(spec: now.isEmpty ? "" : "  \(now)\n")))
    #expect((answer ?? "") == rule.said)
  }

  @Test func whatElseChangesIsForbiddenAndShown() throws {
    let old = try value(pod("    env: [{name: a, value: x}]\n", spec: "  hostname: a\n"))
    let new = try value(pod("    env: [{name: a, value: y}]\n", spec: "  hostname: b\n"))
    #expect(
      podUpdateDiagnostic(old: old, new: new) == """
        spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
        `spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)
        - spec.containers[0].env[0].value: "x"
        + spec.containers[0].env[0].value: "y"
        - spec.hostname: "a"
        + spec.hostname: "b"
        """)
  }

  @Test func imagesLabelsAndTheOrderOfKeysMayChange() throws {
    let old = try value(head + "spec: {hostname: h, containers: [{name: a, image: busybox:1, resources: {limits: {cpu: 1000m}}}]}\n")
    let new = try value("kind: Pod\napiVersion: v1\nmetadata: {name: p, labels: {a: b}}\nspec: {containers: [{image: busybox:2, resources: {limits: {cpu: 1}}, name: a}], hostname: h}\n")
    #expect(podUpdateDiagnostic(old: old, new: new) == nil)
    let more = try value(head + "spec: {containers: [{name: a, image: busybox:1}, {name: b, image: busybox:1}]}\n")
    #expect(podUpdateDiagnostic(old: old, new: more) == "spec.containers: Forbidden: pod updates may not add or remove containers")
  }

  @Test(arguments: [
    ("{limits: {cpu: 1, memory: 64Mi}}", "{limits: {cpu: 2, memory: 32Mi}}", ""),
    ("{limits: {cpu: 1, memory: 64Mi}}", "{limits: {cpu: 1}}", "spec: Invalid value: \"Burstable\": Pod QOS Class may not change as a result of resizing"),
    ("{requests: {cpu: 1, memory: 64Mi}}", "{requests: {cpu: 1}}", "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed"),
    ("{requests: {cpu: 1, ephemeral-storage: 1}}", "{requests: {cpu: 2, ephemeral-storage: 2}}", "spec: Forbidden: only cpu and memory resources are mutable"),
  ])
  func ofResources(_ old: String, _ new: String, _ answer: String) throws {
    let said = podResizeDiagnostic(old: try value(pod("    resources: \(old)\n")), new: try value(pod("    resources: \(new)\n")))
    #expect(answer.isEmpty ? said == nil : said?.contains(answer) == true, "\(said ?? "")")
  }

  @Test(arguments: [
    ("type: a", "type: b", "type: Invalid value: \"b\": field is immutable"), ("stringData: {a: x}", "data: {a: eQ==}", ""),
    ("immutable: true\nstringData: {a: x}", "immutable: true\ndata: {a: eA==}", ""),
    ("immutable: true\nstringData: {a: x}", "immutable: true\nstringData: {a: y}", "data: Forbidden: field is immutable when `immutable` is set"),
    ("immutable: true", "immutable: false", "immutable: Forbidden: field is immutable when `immutable` is set"),
  ])
  func ofASecret(_ old: String, _ new: String, _ answer: String) throws {
    let make = { (more: String) throws -> Value in try value("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n\(more)\n") }
    #expect(Validation.update(old: try make(old), new: try make(new)).map(\.text) == (answer.isEmpty ? [] : [answer]))
  }

  @Test func severalAreListedAsKubectlDoes() throws {
    let config = { (more: String) throws -> Value in try value("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n\(more)\n") }
    #expect(
      Validation.update(old: try config("immutable: true\ndata: {a: x}"), new: try config("data: {a: y}")).map(\.text) == [
        "immutable: Forbidden: field is immutable when `immutable` is set", "data: Forbidden: field is immutable when `immutable` is set",
      ])
    let answer = podUpdateDiagnostic(
      old: try value(pod(spec: "  tolerations: [{key: a, operator: Exists}]\n  activeDeadlineSeconds: 5\n")), new: try value(pod()))
    #expect(
      answer
        == "\n* spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value"
        + "\n* spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds")
  }
}

@Suite struct Quantities {
  @Test(arguments: [
    ("0.5Gi", "512Mi"), ("1024Mi", "1Gi"), ("1000m", "1"), ("1500m", "1500m"), ("0.1", "100m"), ("1000", "1k"), ("1e3", "1e3"), ("100Mi", "100Mi"), ("0.5Ki", "512"),
    ("1.5Gi", "1536Mi"), ("-2000", "-2k"), ("0", "0"), ("0Mi", "0"), ("1E", "1E"), ("2Ei", "2Ei"), ("5u", "5u"),
  ])
  func areWrittenAsTheAPIWrites(_ text: String, _ canonical: String) { #expect(Quantity(text)?.canonical == canonical) }
}
