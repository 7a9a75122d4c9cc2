// SPDX-License-Identifier: Apache-2.0
//
// The corpus of the fuzzer once more, and each thing that it found.
import Manifest
import Testing

@Suite struct FuzzCorpus {
  @Test(arguments: ["yaml", "manifest", "jsonpath"]) func keepsItsPromises(_ target: String) {
    let files = Corpus.files(target)
    #expect(files.count >= 3)
    for f in files {
      let broken = target == "yaml" ? Promises.yaml(f.bytes) : target == "manifest" ? Promises.manifest(f.bytes) : Promises.jsonpath(f.bytes)
      #expect(broken == nil, "\(f.name)")
    }
  }

  @Test func everythingAtEveryLength() {
    // Cut anywhere: the reader meets each of its states at the end.
    for f in Corpus.files("manifest") {
      for end in stride(from: 0, to: f.bytes.count, by: 7) { #expect(Promises.manifest(Array(f.bytes[..<end])) == nil, "\(f.name) up to \(end)") }
    }
  }
}

@Suite struct FuzzFinds {
  /// Found: a year that 64 bits of nanoseconds do not hold ended the program.
  @Test func aTimeFarAwayIsTheNearestThatThereIs() throws {
    let far = try #require(WallTime(rfc3339: "9999-12-31T23:59:59Z"))
    #expect(far.nanoseconds == .max)
    #expect(try #require(WallTime(rfc3339: "0000-01-01T00:00:00Z")).nanoseconds == .min)
    #expect(try #require(WallTime(rfc3339: "2262-04-11T23:47:16Z")).rfc3339 == "2262-04-11T23:47:16Z")
    #expect(load("apiVersion: v1\nkind: Secret\nmetadata: {name: s, creationTimestamp: 9999-01-01T00:00:00Z}\n").errors.isEmpty)
  }

  /// An exponent whose absolute value does not exist.
  @Test func anExponentOfAQuantityIsHeldAgainstTheRange() {
    #expect(Quantity("1e-9223372036854775808") == nil)
    #expect(Quantity("1e18")?.value == 1_000_000_000_000_000_000)
  }

  /// Found: a number too large for a Double became infinite, which nothing can write.
  @Test func aNumberTooLargeIsText() {
    #expect(PlainScalar.value("1e400") == .string("1e400"))
    #expect(throws: JSON.Malformed.self) { try JSON.parse("[1e999]") }
  }

  @Test(arguments: [
    "#\u{301} no comment", "a #\u{301}", "a:\u{301} b: \u{301}", "'\u{301}", "\u{2028}line", "a\n\u{2029}b", "\u{FFFE}", " \n\n lead\n", "one\ntwo", "\n", "--- x", "a\r\nb\r\n",
  ])
  func textIsReadAsItWasWritten(_ text: String) {
    for v in [Value.string(text), .array([.string(text)]), .object([(text, .string(text)), ("k", .array([.array([.string(text)])]))])] {
      let (documents, problems) = YAMLReader.read(Array(YAML.write(v).utf8), file: "x")
      #expect(problems.isEmpty)
      #expect(documents.map(\.value) == [v], "\(YAML.write(v))")
    }
  }

  @Test func aLongKeyIsReadAsItWasWritten() {
    let v = Value.object([(String(repeating: "k", count: 2000), .object([("a", .int(1))])), (String(repeating: "l", count: 2000), .int(2))])
    #expect(YAMLReader.read(Array(YAML.write(v).utf8), file: "x").documents.map(\.value) == [v])
  }
}
