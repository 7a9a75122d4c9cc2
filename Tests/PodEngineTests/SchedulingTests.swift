// SPDX-License-Identifier: Apache-2.0
//
// The scheduler's and the kubelet's verdicts on one node, in their words. Expectations: Kubernetes pkg/scheduler/framework/plugins,
// pkg/kubelet/lifecycle/predicate.go.
import Manifest
import PodEngine
import Testing

@Suite struct SchedulingTests {
  static let labels = ["kubernetes.io/hostname": "podlab", "disk": "ssd", "gen": "7"]

  static func pod(_ spec: String, labels: String = "{}") -> Pod {
    let yaml = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: \(labels)}\nspec:\n\(spec)\n"
    return Loader.load(Array(yaml.utf8), file: "t.yaml").objects.first?.pod ?? Pod()
  }

  static func node(_ change: (inout NodeFacts) -> Void = { _ in }) -> NodeFacts {
    var n = NodeFacts(name: "podlab")
    n.labels = labels
    for (r, text) in ["cpu": "2", "memory": "1Gi", "pods": "110", "ephemeral-storage": "10Gi"] { if let q = Quantity(text) { n.allocatable[r] = q } }
    change(&n)
    return n
  }

  static func judge(_ pod: Pod, _ node: NodeFacts = node(), others: [Pod] = []) -> Verdict {
    let claims = others.map { Claim($0) }
    return Scheduling.judge(
      pod, Claim(pod), node,
      Occupants(
        count: { others.count }, claims: { claims }, antiAffinity: { claims.filter { !$0.antiAffinity.isEmpty } },
        neighbours: { others.map { Neighbour(namespace: $0.metadata.namespace, labels: $0.metadata.labels) } }))
  }

  static let one = "  containers: [{name: c, image: b}]"
  static func asking(_ requests: String) -> Pod { pod("  containers: [{name: c, image: b, resources: {requests: {\(requests)}}}]") }
  static func no(_ reasons: String, _ help: String = "1 Preemption is not helpful for scheduling") -> Verdict {
    .unschedulable(message: "0/1 nodes are available: \(reasons). preemption: 0/1 nodes are available: \(help).")
  }
  static let victims = "1 No preemption victims found for incoming pod"

  @Test func aPlainPodFits() { #expect(Self.judge(Self.pod(Self.one)) == .fits) }

  @Test func requestsAgainstWhatIsLeft() {
    #expect(Self.judge(Self.asking("cpu: 2")) == .fits)
    #expect(Self.judge(Self.asking("cpu: 2001m")) == Self.no("1 Insufficient cpu"))
    #expect(Self.judge(Self.asking("cpu: 3, memory: 2Gi")) == Self.no("1 Insufficient cpu, 1 Insufficient memory"))
    #expect(Self.judge(Self.asking("cpu: 1500m"), others: [Self.asking("cpu: 1")]) == Self.no("1 Insufficient cpu", Self.victims))
    #expect(Self.judge(Self.asking("memory: 512Mi"), others: [Self.asking("cpu: 2, memory: 512Mi")]) == .fits)
    #expect(Self.judge(Self.asking("example.com/gpu: 1")) == Self.no("1 Insufficient example.com/gpu"))
    #expect(Self.judge(Self.asking("ephemeral-storage: 11Gi")) == Self.no("1 Insufficient ephemeral-storage"))
  }

  @Test func manyPods() {
    let full = Self.node { $0.allocatable["pods"] = Quantity(2) }
    let two = [Self.pod(Self.one), Self.pod(Self.one)]
    #expect(Self.judge(Self.pod(Self.one), full, others: two) == Self.no("1 Too many pods", Self.victims))
  }

  /// PodRequests: the largest init container beside the sidecars before it, or all that run at once, whichever is more.
  @Test func requestsOfInitContainersAndSidecars() {
    let p = Self.pod(
      """
        initContainers:
        - {name: i, image: b, resources: {requests: {cpu: 900m}}}
        - {name: s, image: b, restartPolicy: Always, resources: {requests: {cpu: 300m}}}
        - {name: j, image: b, resources: {requests: {cpu: 800m}}}
        containers:
        - {name: a, image: b, resources: {requests: {cpu: 100m}}}
        - {name: c, image: b, resources: {requests: {cpu: 200m}}}
      """)
    #expect(Claim(p).requests["cpu"] == 1_100_000_000)
    let own = Self.pod("  resources: {requests: {cpu: 5}}\n  containers: [{name: a, image: b, resources: {requests: {cpu: 1}}}]")
    #expect(Claim(own).requests["cpu"] == 5_000_000_000)
  }

  @Test(arguments: [
    ("key: disk, operator: In, values: [ssd]", true), ("key: disk, operator: NotIn, values: [ssd]", false),
    ("key: nope, operator: NotIn, values: [x]", true), ("key: disk, operator: Exists", true), ("key: disk, operator: DoesNotExist", false),
    ("key: gen, operator: Gt, values: ['6']", true), ("key: gen, operator: Gt, values: ['7']", false), ("key: gen, operator: Lt, values: ['8']", true),
    ("key: disk, operator: Gt, values: ['1']", false),
  ]) func nodeAffinity(_ expression: String, _ fits: Bool) {
    let terms = "nodeSelectorTerms: [{matchExpressions: [{\(expression)}]}]"
    let p = Self.pod("  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {\(terms)}}}\n" + Self.one)
    #expect(Self.judge(p) == (fits ? .fits : Self.no("1 node(s) didn't match Pod's node affinity/selector")))
  }

  @Test func termsAreAlternativesAndFieldsKnowTheName() {
    let affinity = { (terms: String) in
      Self.pod("  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [\(terms)]}}}\n" + Self.one)
    }
    let ssd = "{matchExpressions: [{key: disk, operator: In, values: [ssd]}]}"
    let hdd = "{matchExpressions: [{key: disk, operator: In, values: [hdd]}]}"
    #expect(Self.judge(affinity("\(hdd), \(ssd)")) == .fits)
    #expect(Self.judge(affinity(hdd)) != .fits)
    #expect(Self.judge(affinity("{matchFields: [{key: metadata.name, operator: In, values: [podlab]}]}")) == .fits)
    #expect(Self.judge(affinity("{matchFields: [{key: metadata.name, operator: NotIn, values: [podlab]}]}")) != .fits)
    #expect(Self.judge(Self.pod("  nodeSelector: {disk: ssd}\n" + Self.one)) == .fits)
    #expect(Self.judge(Self.pod("  nodeSelector: {disk: hdd}\n" + Self.one)) == Self.no("1 node(s) didn't match Pod's node affinity/selector"))
  }

  @Test(arguments: [
    ("NoSchedule", "", false), ("NoSchedule", "{key: k, operator: Equal, value: v}", true), ("NoSchedule", "{key: k, operator: Equal, value: w}", false),
    ("NoSchedule", "{key: k, operator: Exists, effect: NoExecute}", false), ("NoExecute", "{operator: Exists}", true), ("NoExecute", "", false),
    ("PreferNoSchedule", "", true),
  ]) func taints(_ effect: String, _ toleration: String, _ fits: Bool) {
    let n = Self.node { $0.taints = [Taint(key: "k", value: "v", effect: effect)] }
    #expect(Self.judge(Self.pod("  tolerations: [\(toleration)]\n" + Self.one), n) == (fits ? .fits : Self.no("1 node(s) had untolerated taint(s)")))
  }

  @Test func cordoned() {
    let n = Self.node { $0.isUnschedulable = true }
    #expect(Self.judge(Self.pod(Self.one), n) == Self.no("1 node(s) were unschedulable"))
    #expect(Self.judge(Self.pod("  tolerations: [{key: node.kubernetes.io/unschedulable, operator: Exists}]\n" + Self.one), n) == .fits)
  }

  @Test func hostPorts() {
    let p = { (more: String) in Self.pod("  containers: [{name: c, image: b, ports: [{containerPort: 80, hostPort: 8080\(more)}]}]") }
    #expect(Self.judge(p(""), others: [p("")]) == Self.no("1 node(s) didn't have free ports for the requested pod ports", Self.victims))
    #expect(Self.judge(p(", protocol: UDP"), others: [p("")]) == .fits)
    #expect(Self.judge(p(", hostIP: 127.0.0.1"), others: [p(", hostIP: 127.0.0.2")]) == .fits)
    #expect(Self.judge(p(", hostIP: 127.0.0.1"), others: [p("")]) != .fits)
  }

  static func near(_ kind: String, _ term: String, labels: String = "{app: web}") -> Pod {
    pod("  affinity: {\(kind): {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, \(term)}]}}\n" + one, labels: labels)
  }

  @Test func podAffinity() {
    let web = "labelSelector: {matchLabels: {app: web}}"
    let cache = Self.pod(Self.one, labels: "{app: cache}")
    let wantsCache = Self.near("podAffinity", "labelSelector: {matchExpressions: [{key: app, operator: In, values: [cache]}]}")
    #expect(Self.judge(wantsCache) == Self.no("1 node(s) didn't match pod affinity rules"))
    #expect(Self.judge(wantsCache, others: [cache]) == .fits)
    #expect(Self.judge(Self.near("podAffinity", web)) == .fits, "the first of its group")
    #expect(Self.judge(Self.near("podAntiAffinity", web)) == .fits)
    #expect(Self.judge(Self.near("podAntiAffinity", web), others: [Self.pod(Self.one, labels: "{app: web}")]) == Self.no("1 node(s) didn't match pod anti-affinity rules", Self.victims))
    #expect(
      Self.judge(Self.pod(Self.one, labels: "{app: web}"), others: [Self.near("podAntiAffinity", web, labels: "{app: other}")])
        == Self.no("1 node(s) didn't satisfy existing pods anti-affinity rules", Self.victims))
    #expect(Self.judge(Self.near("podAntiAffinity", web + ", namespaces: [elsewhere]"), others: [Self.pod(Self.one, labels: "{app: web}")]) == .fits)
    #expect(Self.judge(Self.near("podAntiAffinity", web + ", namespaceSelector: {}"), others: [Self.pod(Self.one, labels: "{app: web}")]) != .fits)
    let noKey = Self.node { $0.labels = [:] }
    #expect(Self.judge(Self.near("podAffinity", web), noKey) == Self.no("1 node(s) didn't match pod affinity rules"))
  }

  @Test func topologySpread() {
    let p = { (key: String, more: String) in
      Self.pod("  topologySpreadConstraints: [{maxSkew: 1, topologyKey: \(key), whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: web}}\(more)}]\n" + Self.one, labels: "{app: web}")
    }
    let web = Self.pod(Self.one, labels: "{app: web}")
    #expect(Self.judge(p("kubernetes.io/hostname", ""), others: [web, web]) == .fits)
    #expect(Self.judge(p("zone", "")) == Self.no("1 node(s) didn't match pod topology spread constraints (missing required label)"))
    #expect(Self.judge(p("kubernetes.io/hostname", ", minDomains: 2"), others: [web]) == Self.no("1 node(s) didn't match pod topology spread constraints", Self.victims))
  }

  @Test func gatesAndNames() {
    #expect(Self.judge(Self.pod("  schedulingGates: [{name: a/b}]\n" + Self.one)) == .gated)
    #expect(Self.judge(Self.pod("  nodeName: other\n" + Self.one)) == .elsewhere)
    #expect(Self.judge(Self.pod("  nodeName: podlab\n" + Self.one)) == .fits)
    let taint = Self.node { $0.taints = [Taint(key: "k", value: "", effect: "NoSchedule")] }
    #expect(Self.judge(Self.pod("  nodeName: podlab\n" + Self.one), taint) == .fits, "only the scheduler looks at NoSchedule")
  }

  @Test func theKubeletRefusesForGood() {
    let on = { (spec: String) in Self.pod("  nodeName: podlab\n" + spec) }
    #expect(
      Self.judge(on("  containers: [{name: c, image: b, resources: {requests: {cpu: 3}}}]"), others: [Self.asking("cpu: 500m")])
        == .rejected(reason: "OutOfcpu", message: "Node didn't have enough resource: cpu, requested: 3000, used: 500, capacity: 2000"))
    #expect(
      Self.judge(on("  nodeSelector: {disk: hdd}\n" + Self.one))
        == .rejected(reason: "NodeAffinity", message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"))
    let n = Self.node { $0.taints = [Taint(key: "k", value: "", effect: "NoExecute")] }
    #expect(Self.judge(on(Self.one), n) == .rejected(reason: "TaintToleration", message: "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate"))
  }

  @Test func howLongAPodStays() {
    let t = [Taint(key: "k", value: "v", effect: "NoExecute")]
    let p = { (tolerations: String) in Self.pod("  tolerations: [\(tolerations)]\n" + Self.one) }
    #expect(Scheduling.stay(p(""), t) == 0)
    #expect(Scheduling.stay(p("{key: k, operator: Exists}"), t) == nil)
    #expect(Scheduling.stay(p("{key: k, operator: Exists, effect: NoExecute, tolerationSeconds: 30}, {operator: Exists, effect: NoExecute, tolerationSeconds: 9}"), t) == 9)
    #expect(Scheduling.stay(p(""), [Taint(key: "k", value: "v", effect: "NoSchedule")]) == nil)
  }

  @Test func aClaimIsReadAsItWasWritten() {
    let c = Claim(Self.near("podAntiAffinity", "labelSelector: {}"))
    #expect(Claim(stored: c.value) == c && !c.isEmpty)
    let ports = Claim(Self.pod("  hostNetwork: true\n  containers: [{name: c, image: b, ports: [{containerPort: 80}], resources: {requests: {cpu: 100m}}}]"))
    #expect(Claim(stored: ports.value) == ports && ports.ports.map(\.port) == [80])
    #expect(Claim(stored: .object([("uid", .string("x"))])) == nil)
  }
}
