// SPDX-License-Identifier: Apache-2.0
//
// The events about a Pod, as `get events` shows them: the same event again raises its count. Kubernetes
// client-go/tools/record/events_cache.go.
import Manifest
import PodEngine

/// Event objects, oldest first.
struct EventsFile {
  private struct Record {
    var event: PodEvent
    var first: WallTime
    var last: WallTime
    var count: Int64
  }
  private var records: [Record] = []
  private var made = 0

  /// Events live for an hour, as the API server keeps them; the newest this many at most.
  private static let life: Int64 = 3_600_000_000_000
  private static let limit = 400

  init() {}

  mutating func add(_ event: PodEvent, at time: WallTime) {
    if let i = records.lastIndex(where: { $0.event == event }) {
      records[i].count += 1
      records[i].last = time
    } else {
      records.append(Record(event: event, first: time, last: time, count: 1))
    }
    made += 1
    if records.count > Self.limit { records.removeFirst(records.count - Self.limit) }
    records.removeAll { time.nanoseconds - $0.last.nanoseconds > Self.life }
  }

  /// Event objects of API version v1.
  func objects(of pod: ObjectMeta, node: String) -> Value {
    .array(
      records.map { r in
        let source = Self.source(of: r.event)
        var about: [(String, Value)] = [
          ("kind", .string("Pod")), ("namespace", .string(pod.namespace)), ("name", .string(pod.name)), ("uid", .string(pod.uid)),
          ("apiVersion", .string("v1")),
        ]
        if let path = r.event.fieldPath { about.append(("fieldPath", .string(path))) }
        let name = "\(pod.name).\(String(UInt64(bitPattern: r.first.nanoseconds) &+ Self.mark(r.event), radix: 16))"
        var by: [(String, Value)] = [("component", .string(source))]
        if source == "kubelet" { by.append(("host", .string(node))) }
        return .object([
          ("apiVersion", .string("v1")), ("kind", .string("Event")),
          ("metadata", .object([
            ("name", .string(name)), ("namespace", .string(pod.namespace)), ("creationTimestamp", .string(Self.seconds(r.first))),
          ])),
          ("involvedObject", .object(about)), ("reason", .string(r.event.reason)), ("message", .string(r.event.message)),
          ("source", .object(by)), ("firstTimestamp", .string(Self.seconds(r.first))), ("lastTimestamp", .string(Self.seconds(r.last))),
          ("count", .int(r.count)), ("type", .string(r.event.kind.rawValue)), ("eventTime", .null), ("reportingComponent", .string(source)),
          ("reportingInstance", .string(source == "kubelet" ? node : "")),
        ])
      })
  }

  /// Who says such a thing on a cluster.
  private static func source(of e: PodEvent) -> String {
    switch e.reason {
    case "Scheduled", "FailedScheduling": "default-scheduler"
    case "TaintManagerEviction": "taint-eviction-controller"
    default: "kubelet"
    }
  }

  /// Tells events of one instant apart.
  private static func mark(_ e: PodEvent) -> UInt64 {
    var h: UInt64 = 14_695_981_039_346_656_037
    for b in (e.reason + e.message + (e.fieldPath ?? "")).utf8 { h = (h ^ UInt64(b)) &* 1_099_511_628_211 }
    return h >> 44
  }

  /// RFC 3339 in whole seconds, as the API writes times.
  private static func seconds(_ t: WallTime) -> String { LogFormat.timestamp(t.nanoseconds).prefix(19) + "Z" }
}
