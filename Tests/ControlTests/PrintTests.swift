// SPDX-License-Identifier: Apache-2.0
//
// What `get` and `describe` print: layouts held to kubectl's.
import Control
import Manifest
import Testing

@Suite struct Printing {
  private let now = WallTime(rfc3339: "2026-01-01T00:10:00Z") ?? WallTime(nanoseconds: 0)

  /// Checked against Go's text/tabwriter (minwidth 0, tabwidth 8, padding 2, blanks).
  @Test func tabStopsReachAsFarAsThereIsNoGap() {
    #expect(TabWriter.format("a\tb\nlong name\tc\nno stop\nx\ty\n") == "a          b\nlong name  c\nno stop\nx  y\n")
    #expect(TabWriter.format("a\tb\tc\naa\tbbbb\tc\naaa\tx\n") == "a    b     c\naa   bbbb  c\naaa  x\n")
    #expect(TabWriter.format("Labels:\ta=b\n\tc=d\n") == "Labels:  a=b\n         c=d\n")
  }

  @Test func columnsOfOnesOwn() throws {
    let v = try JSON.parse(#"{"metadata":{"name":"p"},"spec":{"containers":[{"image":"a"},{"image":"b"}],"m":{"z":"1","y":"2"}}}"#)
    let c = try CustomColumns("NAME:.metadata.name,IMAGES:spec.containers[*].image,M:{.spec.m},NONE:.x.y")
    #expect(c.table([v]).text() == "NAME   IMAGES   M              NONE\np      a,b      map[y:2 z:1]   <none>\n")
    #expect(throws: OutputProblem.self) { try CustomColumns("NAME") }
    #expect(try CustomColumns(file: "A  B\n.metadata.name  .spec.m.z\n").table([v]).text(noHeaders: true) == "p     1\n")
  }

  @Test func sortingCountsNumbersAsNumbers() throws {
    let objects = try ["web-10", "web-2", "a"].map { try JSON.parse("{\"metadata\":{\"name\":\"\($0)\"},\"n\":\"\($0 == "a" ? "1Gi" : "5Mi")\"}") }
    func names(_ path: String) throws -> [String] { try Sorting.sort(objects, by: path).compactMap { $0["metadata"]?["name"]?.string } }
    #expect(try names(".metadata.name") == ["a", "web-2", "web-10"])
    #expect(try names("{.n}") == ["web-10", "web-2", "a"])
    #expect(throws: OutputProblem.self) { try names(".nowhere") }
  }

  @Test func formatsThatAreNotServedAreNamed() {
    for text in ["go-template={{.}}", "jsonpath=", "custom-columns=", "nonsense", "jsonpath={.a"] { #expect(throws: OutputProblem.self) { try OutputFormat(text) } }
  }

  @Test func tablesOfTheKinds() throws {
    let secret = try JSON.parse(#"{"metadata":{"name":"s","creationTimestamp":"2026-01-01T00:09:00Z","labels":{"a":"b"}},"type":"Opaque","data":{"x":"","y":""}}"#)
    var o = ObjectTable.Options()
    (o.prefix, o.columns, o.labels) = ("secret/", ["a"], true)
    #expect(
      ObjectTable.make("Secret", [secret], now: now, o).text()
        == "NAME       TYPE     DATA   AGE   A     LABELS\nsecret/s   Opaque   2      60s   b     a=b\n")
    let event = try JSON.parse(
      #"{"involvedObject":{"kind":"Pod","name":"p"},"type":"Warning","reason":"BackOff","message":"m","count":3,"firstTimestamp":"2026-01-01T00:05:00Z","lastTimestamp":"2026-01-01T00:09:55Z"}"#)
    #expect(ObjectTable.make("Event", [event], now: now).rows == [["5s", "Warning", "BackOff", "pod/p", "m"]])
    #expect(ObjectTable.events([event], now: now, namespaces: false).rows == [["5s (x3 over 5m)", "Warning", "BackOff", "Pod/p", "m"]])
  }

  @Test func aSecretIsDescribedWithoutItsContent() throws {
    let secret = try JSON.parse(#"{"metadata":{"name":"s","namespace":"d"},"type":"Opaque","data":{"user":"YWRtaW4=","p":"YQ=="}}"#)
    #expect(
      Describe(now: now, events: nil).secret(secret)
        == "Name:         s\nNamespace:    d\nLabels:       <none>\nAnnotations:  <none>\n\nType:  Opaque\n\nData\n====\np:     1 bytes\nuser:  5 bytes\n")
  }

  @Test func whatPodsTakeOfTheNode() throws {
    let node = try JSON.parse(#"{"metadata":{"name":"podlab"},"status":{"allocatable":{"cpu":"2","memory":"4Gi"}}}"#)
    let pod = try JSON.parse(
      #"{"metadata":{"name":"p","namespace":"d","creationTimestamp":"2026-01-01T00:09:00Z"},"spec":{"nodeName":"podlab","initContainers":[{"name":"i","resources":{"requests":{"cpu":"1500m"}}}],"containers":[{"name":"a","resources":{"requests":{"cpu":"250m","memory":"512Mi"},"limits":{"memory":"1Gi"}}}]},"status":{"phase":"Running"}}"#)
    let ended = try JSON.parse(#"{"metadata":{"name":"e","namespace":"d"},"spec":{"nodeName":"podlab","containers":[]},"status":{"phase":"Succeeded"}}"#)
    let text = Describe(now: now, events: []).node(node, pods: [pod, ended])
    #expect(text.contains("(1 in total)"))
    #expect(text.contains("  cpu                1500m (75%)  0 (0%)\n  memory             512Mi (12%)  1Gi (25%)\n"))
    #expect(text.hasSuffix("Events:              <none>\n"))
  }
}
