// SPDX-License-Identifier: Apache-2.0
//
// Manifests from outside: what is accepted, and what is said, where, about what is not.
import Manifest
import Testing

func load(_ text: String) -> Loaded { Loader.load(Array(text.utf8), file: "pod.yaml") }
func complaints(_ text: String) -> [String] { load(text).errors.map(\.description) }

let head = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"
/// A Pod with one container; more: lines of the container.
func pod(_ more: String = "", spec: String = "") -> String { head + "spec:\n\(spec)  containers:\n  - name: a\n    image: busybox\n\(more)" }

@Suite struct Refusing {
  @Test func anUnknownFieldIsNamedWithItsPlaceAndAGuess() {
    let said = complaints(pod("    volumeMount: []\n"))
    #expect(said.count == 1)
    #expect(said[0].hasPrefix("pod.yaml:8:5: spec.containers[0].volumeMount: "))
    #expect(said[0].contains("unknown field") && said[0].contains("volumeMounts"))
  }

  @Test func everythingThatIsWrongIsSaidAtOnce() {
    let said = complaints(head + "spec:\n  restartpolicy: Never\n  containers:\n  - nam: a\n    image: 7\n")
    #expect(said.contains { $0.contains("restartpolicy") } && said.contains { $0.contains("nam") } && said.contains { $0.contains("image") })
  }

  @Test(arguments: [
    ("    image: [x]\n", "image"), ("    command: sh\n", "command"), ("    tty: yes please\n", "tty"),
    ("    ports: [{containerPort: http}]\n", "containerPort"), ("    env: {A: b}\n", "env"), ("    resources: {limits: {memory: [1]}}\n", "memory"),
  ])
  func aWrongTypeIsNamed(_ line: String, _ field: String) {
    let base = line.contains("image:") ? head + "spec:\n  containers:\n  - name: a\n" + line : pod(line)
    #expect(complaints(base).contains { $0.contains(field) })
  }

  @Test func aKeyThatComesTwiceIsRefused() {
    #expect(complaints(pod("    image: other\n")).contains { $0.contains("pod.yaml:8:5") && $0.lowercased().contains("duplicate") })
  }

  @Test func whatIsMissingIsSaid() {
    #expect(complaints(head + "spec: {containers: []}\n").contains { $0.contains("spec.containers") && $0.contains("Required value") })
    #expect(complaints(head + "spec:\n  containers:\n  - {name: a}\n").contains { $0.contains("image") })
    #expect(complaints("apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, image: b}]}\n").contains { $0.contains("metadata.name") })
  }

  @Test(arguments: ["A", "a_b", "-a", "a-", String(repeating: "a", count: 254)])
  func aNameThatIsNoneIsRefused(_ name: String) {
    #expect(complaints("apiVersion: v1\nkind: Pod\nmetadata: {name: \"\(name)\"}\nspec: {containers: [{name: a, image: b}]}\n").contains { $0.contains("metadata.name") })
  }

  @Test func twoContainersOfOneNameAreRefused() {
    #expect(complaints(head + "spec: {containers: [{name: a, image: b}, {name: a, image: b}]}\n").contains { $0.contains("spec.containers[1].name") && $0.contains("Duplicate value") })
  }

  @Test func aMountNeedsItsVolume() {
    #expect(complaints(pod("    volumeMounts: [{name: v, mountPath: /v}]\n")).contains { $0.contains("volumeMounts[0].name") && $0.contains("Not found") })
  }

  @Test(arguments: ["Sometimes", "always", "never"])
  func anEnumerationTakesItsValuesOnly(_ policy: String) {
    #expect(complaints(pod(spec: "  restartPolicy: \(policy)\n")).contains { $0.contains("spec.restartPolicy") })
  }

  @Test(arguments: ["a: [", "a: b: c", "\ta: b", "- x\ny: z", "a: \"unclosed", "{a: b"])
  func brokenYAMLHasAPlaceAndNoObject(_ text: String) {
    let l = load(text)
    #expect(!l.errors.isEmpty && l.objects.isEmpty)
    #expect(l.errors.allSatisfy { $0.position.line >= 1 })
  }

  @Test func nothingAtAllIsSaidToBeNothing() { #expect(!complaints("").isEmpty && !complaints("# only a comment\n").isEmpty) }
}

@Suite struct Accepting {
  @Test func defaultsAreFilledIn() {
    let l = load(pod())
    #expect(l.errors.isEmpty)
    let p = l.objects[0].pod
    #expect(p?.spec.restartPolicy == .always && p?.spec.terminationGracePeriodSeconds == 30 && p?.metadata.namespace == "default")
    #expect(p?.spec.containers[0].imagePullPolicy == .always)
    #expect(p?.object["spec"]?["dnsPolicy"]?.string == "ClusterFirst")
  }

  @Test func amountsAreNoFinerThanThousandths() {
    let l = load(pod("    resources: {requests: {cpu: 0.1001, memory: 0.5Gi, ephemeral-storage: 1Ei}}\n"))
    let requests = l.objects.first?.value["spec"]?["containers"]?[0]?["resources"]?["requests"]
    #expect(requests?["cpu"] == .string("101m") && requests?["memory"] == .string("512Mi") && requests?["ephemeral-storage"] == .string("1Ei"))
  }

  @Test(arguments: [("busybox:1.36", PullPolicy.ifNotPresent), ("busybox", .always), ("busybox:latest", .always), ("r.io:5000/a/b", .always), ("a@sha256:\(String(repeating: "0", count: 64))", .ifNotPresent)])
  func thePullPolicyFollowsTheTag(_ image: String, _ policy: PullPolicy) {
    let l = load(head + "spec: {containers: [{name: a, image: \"\(image)\"}]}\n")
    #expect(l.objects.first?.pod?.spec.containers[0].imagePullPolicy == policy)
  }

  @Test func documentsAreKeptApart() {
    let l = load(pod() + "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: b}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n")
    #expect(l.errors.isEmpty && l.objects.map(\.kind) == [.pod, .secret, .configMap])
  }

  @Test func aListIsItsItems() {
    let l = load("apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n")
    #expect(l.objects.map(\.metadata.name) == ["a", "b"])
  }

  @Test func anchorsAndMergeKeysAreFollowed() {
    let l = load(head + "spec:\n  containers:\n  - &c {name: a, image: busybox}\n  - {<<: *c, name: b}\n")
    #expect(l.errors.isEmpty && l.objects.first?.pod?.spec.containers.map(\.image) == ["busybox", "busybox"])
  }

  @Test func jsonIsYAMLToo() {
    #expect(load(#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"a","image":"b"}]}}"#).errors.isEmpty)
  }

  @Test func lineEndsOfWindowsAreRead() { #expect(complaints(pod().split(separator: "\n").joined(separator: "\r\n") + "\r\n").isEmpty) }

  @Test func theSchemaKnowsWhatPodLabDoesNotServe() {
    // "unknown" is only what Kubernetes does not know.
    #expect(complaints(pod(spec: "  topologySpreadConstraints: []\n  priorityClassName: x\n")).allSatisfy { !$0.contains("unknown field") })
  }

  @Test(arguments: [("{}", "BestEffort"), ("{limits: {cpu: 1, memory: 1Gi}}", "Guaranteed"), ("{requests: {cpu: 100m}}", "Burstable")])
  func theQoSClass(_ resources: String, _ name: String) {
    let p = load(pod("    resources: \(resources)\n")).objects.first?.pod
    #expect(p?.spec.qosClass == name)
  }
}

@Suite struct Scalars {
  @Test(arguments: [("1", 1), ("1k", 1000), ("1Ki", 1024), ("1.5Gi", 1_610_612_736), ("100m", 1), ("1e3", 1000), ("0", 0), ("2E", 2_000_000_000_000_000_000)])
  func quantities(_ text: String, _ value: Int64) {
    let p = load(pod("    resources: {limits: {memory: \"\(text)\"}}\n")).objects.first?.pod
    #expect(p?.spec.containers[0].resources.limits["memory"]?.value == value)
  }

  @Test(arguments: ["1Kib", "abc", "1 Gi", "--1", ""])
  func whatIsNoQuantity(_ text: String) { #expect(!complaints(pod("    resources: {limits: {memory: \"\(text)\"}}\n")).isEmpty) }

  @Test func timesGoThereAndBack() {
    for text in ["2026-11-24T16:00:00Z", "1970-01-01T00:00:00Z", "2000-02-29T23:59:59Z"] { #expect(WallTime(rfc3339: text)?.rfc3339 == text) }
    #expect(WallTime(rfc3339: "yesterday") == nil && WallTime(rfc3339: "2026-13-01T00:00:00Z") == nil)
  }

  @Test func secretsAreDecoded() {
    let l = load("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: aGVsbG8=}\nstringData: {b: plain}\n")
    let s = Secret(stored: l.objects[0].value)
    #expect(s.data["a"] == Array("hello".utf8) && s.data["b"] == Array("plain".utf8))
    #expect(!complaints("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: \"no base64!\"}\n").isEmpty)
  }

  @Test func jsonGoesThereAndBack() throws {
    let text = #"{"a":[1,-2,3.5,true,null,"x\"\\\né😀"],"b":{}}"#
    let v = try JSON.parse(Array(text.utf8))
    #expect(try JSON.parse(JSON.compactBytes(v)) == v && JSON.parse(Array(JSON.pretty(v).utf8)) == v)
    for bad in ["", "{", "[1,]", "{\"a\":1,}", "\"\\x\"", "01", "nul", "[1] 2"] { #expect(throws: JSON.Malformed.self) { try JSON.parse(Array(bad.utf8)) } }
  }

  @Test func yamlGoesThereAndBack() {
    let v = Value.object([
      ("a", .string("yes")), ("b", .string("1")), ("c", .string("line\nline\n")), ("d", .array([.string(""), .null, .bool(true), .int(3)])), ("e", .string("- x: #")),
      ("f", .object([])), ("g", .array([])), ("h", .string("  blanks ")), ("i", .string("中文")),
    ])
    let (documents, problems) = YAMLReader.read(Array(YAML.write(v).utf8), file: "x")
    #expect(problems.isEmpty && documents.first?.value == v)
  }
}

@Suite struct Asking {
  @Test(arguments: [("a=1", true), ("a!=1", false), ("a in (1,2),b", true), ("a notin (1)", false), ("!c", true), ("!a", false), ("c", false), ("a==1,b=2", true), ("", true), (" a = 1 ", true), ("a>0,b<3", true), ("a>1", false), ("c>0", false), ("a in (,2)", false), ("c notin ()", true), ("in=1", false), ("a!=", true), ("a in (in, 1)", true)])
  func labels(_ selector: String, _ holds: Bool) throws { #expect(try LabelSelector(selector).matches(["a": "1", "b": "2"]) == holds) }

  /// apimachinery/pkg/labels/selector.go.
  @Test(arguments: [
    ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"), ("=x", "found '=', expected: !, identifier, or 'end of string'"),
    ("a,", "found '', expected: identifier after ','"), ("a=b c", "found 'c', expected: ',' or 'end of string'"), ("!", "unable to parse requirement: found '', expected: identifier"),
    ("!a=1", "found '=', expected: ',' or 'end of string'"), ("a in b", "unable to parse requirement: found 'b' expected: '('"),
    ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"), ("a=(", "unable to parse requirement: found '(', expected: identifier"),
    ("a>x", "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer"),
  ])
  func labelsThatCannotBeRead(_ selector: String, _ why: String) {
    #expect { try LabelSelector(selector) } throws: { "\($0)" == why }
  }
}
