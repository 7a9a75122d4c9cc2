// SPDX-License-Identifier: Apache-2.0
//
// What a supervisor makes of the lines that it is sent.
import Control
import Manifest
import Testing

@Suite struct Requests {
  @Test(arguments: [
    (#"{"verb":"ping"}"#, PoddRequest.ping), (#"{"verb":"events"}"#, .events), (#"{"verb":"objects"}"#, .objects), (#"{"verb":"closeInput"}"#, .closeInput),
    (#"{"verb":"attach","container":"a","stdin":true}"#, .attach(container: "a", stdin: true)), (#" {"verb":"watch","more":1} "#, .watch),
    (#"{"verb":"delete"}"#, .delete(grace: nil, force: false)), (#"{"verb":"delete","grace":0,"force":true}"#, .delete(grace: 0, force: true)),
    (#"{"verb":"update","object":{"kind":"Pod"}}"#, .update(.object([("kind", .string("Pod"))]))),
  ])
  func areRead(_ line: String, _ request: PoddRequest) throws { #expect(try PoddRequest(Array(line.utf8)) == request) }

  @Test(arguments: [
    ("", "not a request: invalid JSON at byte 0: unexpected end"), ("[]", "a request needs a verb"), (#"{"verb":7}"#, "a request needs a verb"),
    (#"{"verb":"dance"}"#, #"unknown verb "dance""#), (#"{"verb":"update","object":[]}"#, "update needs an object"),
  ])
  func areRefusedInWords(_ line: String, _ why: String) { #expect(throws: PoddRequest.Invalid(description: why)) { try PoddRequest(Array(line.utf8)) } }

  @Test func aLineWithoutAnEndIsNotKeptForEver() {
    var reader = LineReader()
    let chunk = [UInt8](repeating: 120, count: 1 << 20)
    var taken = 0
    while reader.add(chunk[...]) && taken < 64 { taken += 1 }
    #expect(taken == LineReader.limit >> 20)
    #expect(reader.next() == nil)
  }

  @Test func theFuzzersCorpusKeepsItsPromises() {
    let files = Corpus.files("control")
    #expect(files.count >= 3)
    for f in files { #expect(ProtocolPromises.control(f.bytes) == nil, "\(f.name)") }
  }
}
