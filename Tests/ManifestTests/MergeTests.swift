// SPDX-License-Identifier: Apache-2.0
//
// What apply makes of a changed manifest. The rules: kubernetes/website, tasks/manage-kubernetes-objects/declarative-config.
import Manifest
import Testing

@Suite struct Merging {
  private func merged(last: String, manifest: String, live: String) throws -> String {
    JSON.compact(Merge.threeWay(last: try JSON.parse(last), manifest: try JSON.parse(manifest), live: try JSON.parse(live)).sorted)
  }

  @Test func whatLeftTheManifestGoesAndWhatOthersSetStays() throws {
    #expect(
      try merged(last: #"{"a":"1","b":"2"}"#, manifest: #"{"b":"3"}"#, live: #"{"a":"1","b":"2","theirs":"x"}"#) == #"{"b":"3","theirs":"x"}"#)
    // Never applied before: nothing is known to have left.
    #expect(try merged(last: "null", manifest: #"{"b":"3"}"#, live: #"{"a":"1","b":"2"}"#) == #"{"a":"1","b":"3"}"#)
  }

  @Test func aNullRemoves() throws {
    #expect(try merged(last: "{}", manifest: #"{"m":{"a":null,"b":"1"}}"#, live: #"{"m":{"a":"x","c":"y"}}"#) == #"{"m":{"b":"1","c":"y"}}"#)
    #expect(try merged(last: "{}", manifest: #"{"m":{"a":null,"b":"1"}}"#, live: "{}") == #"{"m":{"b":"1"}}"#)
  }

  @Test func containersAndTheirVariablesAreToldApartByName() throws {
    let last = #"{"containers":[{"name":"a","image":"x:1","env":[{"name":"OLD","value":"1"},{"name":"K","value":"1"}]}]}"#
    let manifest = #"{"containers":[{"name":"a","image":"x:2","env":[{"name":"K","value":"2"}]}]}"#
    let live =
      #"{"containers":[{"name":"a","image":"x:1","imagePullPolicy":"Always","env":[{"name":"OLD","value":"1"},{"name":"K","value":"1"},{"name":"THEIRS","value":"t"}]}]}"#
    #expect(
      try merged(last: last, manifest: manifest, live: live)
        == #"{"containers":[{"env":[{"name":"K","value":"2"},{"name":"THEIRS","value":"t"}],"image":"x:2","imagePullPolicy":"Always","name":"a"}]}"#)
  }

  /// apimachinery/pkg/util/strategicpatch/patch.go, normalizeElementOrder: who patches the second container does not move it before the first.
  @Test func whatIsPatchedStaysInItsPlace() throws {
    let live = #"{"containers":[{"image":"x","name":"a"},{"image":"x","name":"b"},{"image":"x","name":"c"}]}"#
    #expect(
      try merged(last: "null", manifest: #"{"containers":[{"name":"b","image":"y"}]}"#, live: live)
        == #"{"containers":[{"image":"x","name":"a"},{"image":"y","name":"b"},{"image":"x","name":"c"}]}"#)
    #expect(
      try merged(last: "null", manifest: #"{"containers":[{"name":"c"},{"name":"n","image":"z"},{"name":"a"}]}"#, live: live)
        == #"{"containers":[{"image":"x","name":"b"},{"image":"x","name":"c"},{"image":"z","name":"n"},{"image":"x","name":"a"}]}"#)
  }

  /// kubernetes/community contributors/devel/sig-api-machinery/strategic-merge-patch.md.
  @Test func directivesOfAStrategicMergePatch() throws {
    func patched(_ patch: String, _ live: String) throws -> String { try merged(last: "null", manifest: patch, live: live) }
    #expect(try patched(#"{"data":{"$patch":"replace","z":"1"}}"#, #"{"data":{"a":"1"},"kind":"x"}"#) == #"{"data":{"z":"1"},"kind":"x"}"#)
    #expect(try patched(#"{"data":{"$patch":"delete"}}"#, #"{"data":{"a":"1"}}"#) == #"{"data":{}}"#)
    let live = #"{"containers":[{"name":"a"},{"name":"b"},{"name":"c"}]}"#
    #expect(try patched(#"{"containers":[{"name":"b","$patch":"delete"}]}"#, live) == #"{"containers":[{"name":"a"},{"name":"c"}]}"#)
    #expect(try patched(#"{"containers":[{"name":"n"},{"$patch":"replace"}]}"#, live) == #"{"containers":[{"name":"n"}]}"#)
    #expect(
      try patched(#"{"$setElementOrder/containers":[{"name":"c"},{"name":"a"}],"containers":[{"image":"y","name":"a"}]}"#, live)
        == #"{"containers":[{"name":"b"},{"name":"c"},{"image":"y","name":"a"}]}"#)
    #expect(try patched(#"{"$deleteFromPrimitiveList/finalizers":["b"]}"#, #"{"finalizers":["a","b"]}"#) == #"{"finalizers":["a"]}"#)
    #expect(try patched(#"{"x":{"$retainKeys":["a"],"a":"2"}}"#, #"{"x":{"a":"1","b":"1"}}"#) == #"{"x":{"a":"2"}}"#)
    #expect(try patched(#"{"x":{"$patch":"merge","a":"2"}}"#, "{}") == #"{"x":{"a":"2"}}"#)
  }

  @Test func mountsByPathAndPortsByNumber() throws {
    #expect(
      try merged(
        last: #"{"volumeMounts":[{"mountPath":"/a","name":"v"}]}"#, manifest: #"{"volumeMounts":[{"mountPath":"/a","name":"w"}]}"#,
        live: #"{"volumeMounts":[{"mountPath":"/a","name":"v"},{"mountPath":"/b","name":"x"}]}"#)
        == #"{"volumeMounts":[{"mountPath":"/a","name":"w"},{"mountPath":"/b","name":"x"}]}"#)
    // Two protocols on one number: the key does not tell them apart, so the manifest's list counts.
    let ports = #"{"ports":[{"containerPort":53,"protocol":"TCP"},{"containerPort":53,"protocol":"UDP"}]}"#
    #expect(try merged(last: "{}", manifest: ports, live: #"{"ports":[{"containerPort":80}]}"#) == ports)
  }

  @Test func otherListsAreReplacedAndAVolumeHasOneSource() throws {
    #expect(try merged(last: #"{"args":["a"]}"#, manifest: #"{"args":["b"]}"#, live: #"{"args":["a","c"]}"#) == #"{"args":["b"]}"#)
    #expect(
      try merged(
        last: #"{"volumes":[{"name":"v","emptyDir":{}}]}"#, manifest: #"{"volumes":[{"name":"v","hostPath":{"path":"/x"}}]}"#,
        live: #"{"volumes":[{"name":"v","emptyDir":{}}]}"#) == #"{"volumes":[{"hostPath":{"path":"/x"},"name":"v"}]}"#)
  }

  @Test func finalizersOfOthersStay() throws {
    #expect(
      try merged(last: #"{"finalizers":["a","b"]}"#, manifest: #"{"finalizers":["b","c"]}"#, live: #"{"finalizers":["a","b","theirs"]}"#)
        == #"{"finalizers":["b","c","theirs"]}"#)
  }

  @Test func anImmutableSecretChangesInNothingButItsMetadata() throws {
    let old = try JSON.parse(#"{"kind":"Secret","type":"Opaque","immutable":true,"data":{"a":"eA==","b":"eQ=="}}"#)
    #expect(Validation.update(old: old, new: try JSON.parse(#"{"kind":"Secret","type":"Opaque","immutable":true,"data":{"b":"eQ==","a":"eA=="}}"#)).isEmpty)
    let said = Validation.update(old: old, new: try JSON.parse(#"{"kind":"Secret","type":"x/y","data":{"a":"eg=="}}"#)).map(\.text)
    #expect(
      said == [
        "type: Invalid value: \"x/y\": field is immutable", "immutable: Forbidden: field is immutable when `immutable` is set",
        "data: Forbidden: field is immutable when `immutable` is set",
      ])
  }

  @Test func whatLooksLikeATimeIsQuotedAsKubectlQuotesIt() throws {
    func written(_ s: String) -> String { YAML.write(.object([("k", .string(s))])) }
    #expect(written("2026-01-02T03:04:05Z") == "k: \"2026-01-02T03:04:05Z\"\n")
    #expect(written("2026-01-02") == "k: \"2026-01-02\"\n")
    #expect(written("1:30") == "k: \"1:30\"\n")
    for plain in ["10.0.0.2", "10.0.0.0/20", "fd00::1:2", "1.2.3", "2026-x-y", "a:b"] { #expect(written(plain) == "k: \(plain)\n") }
  }

  @Test func fieldSelectorsKnowWhatTheApiTakesForAbsent() throws {
    let pod = try JSON.parse(#"{"metadata":{"name":"p"},"spec":{},"status":{"podIPs":[{"ip":"10.0.0.2"}]}}"#)
    #expect(try FieldSelector("spec.hostNetwork=false,status.podIPs=10.0.0.2,spec.nodeName=").matches(pod))
    #expect(try !FieldSelector("spec.hostNetwork=true").matches(pod))
    #expect(try FieldSelector("source=kubelet").matches(try JSON.parse(#"{"source":{"component":"kubelet"}}"#)))
  }
}
