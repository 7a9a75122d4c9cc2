// SPDX-License-Identifier: Apache-2.0
//
// Patches, held against the examples of their RFCs (6902, appendix A; 7386, appendix A).
import Manifest
import Testing

@Suite struct JSONPatchTests {
  private func value(_ text: String) throws -> Value { try JSON.parse(text) }

  @Test(arguments: [
    (#"{"foo":"bar"}"#, #"[{"op":"add","path":"/baz","value":"qux"}]"#, #"{"foo":"bar","baz":"qux"}"#),
    (#"{"foo":["bar","baz"]}"#, #"[{"op":"add","path":"/foo/1","value":"qux"}]"#, #"{"foo":["bar","qux","baz"]}"#),
    (#"{"foo":["bar"]}"#, #"[{"op":"add","path":"/foo/-","value":["abc","def"]}]"#, #"{"foo":["bar",["abc","def"]]}"#),
    (#"{"foo":["bar","qux","baz"]}"#, #"[{"op":"remove","path":"/foo/1"}]"#, #"{"foo":["bar","baz"]}"#),
    (#"{"baz":"qux","foo":"bar"}"#, #"[{"op":"replace","path":"/baz","value":"boo"}]"#, #"{"baz":"boo","foo":"bar"}"#),
    (#"{"foo":["all","grass","cows","eat"]}"#, #"[{"op":"move","from":"/foo/1","path":"/foo/3"}]"#, #"{"foo":["all","cows","eat","grass"]}"#),
    (#"{"foo":{"a/b":1,"m~n":2}}"#, #"[{"op":"copy","from":"/foo/a~1b","path":"/foo/m~0n"}]"#, #"{"foo":{"a/b":1,"m~n":1}}"#),
    (#"{"foo":1}"#, #"[{"op":"add","path":"","value":{"new":2}}]"#, #"{"new":2}"#),
  ]) func operations(_ before: String, _ patch: String, _ after: String) throws {
    #expect(try JSONPatch.applied(value(patch).array ?? [], to: value(before)) == value(after))
  }

  @Test(arguments: [
    #"[{"op":"add","path":"/baz/bat","value":"qux"}]"#, #"[{"op":"remove","path":"/none"}]"#, #"[{"op":"replace","path":"/none","value":1}]"#,
    #"[{"op":"test","path":"/foo","value":"other"}]"#, #"[{"op":"add","path":"/list/9","value":1}]"#, #"[{"op":"frob","path":"/foo"}]"#,
    #"[{"op":"add","path":"foo","value":1}]"#, #"[{"op":"add","path":"/foo"}]"#, #"[{"op":"add","path":"/list/x","value":1}]"#, "[7]",
  ]) func refused(_ patch: String) throws {
    let target = try value(#"{"foo":"bar","list":[1]}"#)
    let operations = try value(patch).array ?? []
    #expect(throws: JSONPatch.Failed.self) { try JSONPatch.applied(operations, to: target) }
  }

  @Test(arguments: [
    (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#), (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
    (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#), (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#),
    (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#), (#"[1,2]"#, #"{"a":"b","c":null}"#, #"{"a":"b"}"#), (#"{}"#, #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
  ]) func merges(_ before: String, _ patch: String, _ after: String) throws {
    #expect(JSONPatch.merged(try value(patch), into: try value(before)) == (try value(after)))
  }
}
