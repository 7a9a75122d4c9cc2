// SPDX-License-Identifier: Apache-2.0
//
// What `get` prints: one object, a list, or one line after the other as they change.
import Control
import Manifest

struct ObjectPrinter {
  let format: OutputFormat
  let now: WallTime
  let namespaces: Bool
  /// Whether names carry their kind: several are shown.
  let kinds: Bool
  let labels: Bool
  let columns: [String]
  let noHeaders: Bool
  private var widths: [Int] = []
  private var hasHead = false

  init(format: OutputFormat, now: WallTime, namespaces: Bool, kinds: Bool, labels: Bool, columns: [String], noHeaders: Bool) {
    (self.format, self.now, self.namespaces, self.kinds) = (format, now, namespaces, kinds)
    (self.labels, self.columns, self.noHeaders) = (labels, columns, noHeaders)
  }

  var isTable: Bool { if case .table = format { true } else { false } }

  private static func name(_ k: Kind, _ v: Value) -> String { "\(k.singular)/\(v["metadata"]?["name"]?.string ?? "")" }

  func one(_ kind: Kind, _ v: Value) throws {
    switch format {
    case .table: try list([(kind, v)])
    case .columns(let c): say(1, c.table([v]).text(noHeaders: noHeaders))
    default: say(1, try outputText(format, v, Self.name(kind, v)))
    }
  }

  func list(_ objects: [(Kind, Value)]) throws {
    switch format {
    case .table:
      // A table for each run of one kind.
      var runs: [(Kind, [Value])] = []
      for (k, v) in objects { if runs.last?.0 == k { runs[runs.count - 1].1.append(v) } else { runs.append((k, [v])) } }
      say(1, runs.map { k, list in table(k, list).text(noHeaders: noHeaders) }.joined(separator: noHeaders ? "" : "\n"))
    case .columns(let c): say(1, c.table(objects.map(\.1)).text(noHeaders: noHeaders))
    case .name: say(1, objects.map { Self.name($0.0, $0.1) + "\n" }.joined())
    default: say(1, try outputText(format, OutputFormat.list(objects.map(\.1)), ""))
    }
  }

  private func table(_ kind: Kind, _ objects: [Value]) -> Table {
    var o = ObjectTable.Options()
    if case .table(let wide) = format { o.wide = wide }
    (o.namespaces, o.labels, o.columns) = (namespaces && kind.isNamespaced, labels, columns)
    if kinds { o.prefix = kind.singular + "/" }
    return ObjectTable.make(kind.rawValue, objects, now: now, o)
  }

  /// The next of a watch. event: what happened to it, where that is to be shown.
  mutating func step(_ kind: Kind, _ v: Value, _ event: String?) throws {
    switch format {
    case .table, .columns:
      var t: Table
      if case .columns(let c) = format { t = c.table([v]) } else { t = ObjectPrinter.fresh(self).table(kind, [v]) }
      if let event {
        t.head.insert("EVENT", at: 0)
        t.rows = t.rows.map { [event] + $0 }
      }
      let text = t.text(noHeaders: noHeaders || hasHead, widths: &widths)
      hasHead = true
      say(1, text)
    default:
      guard let event else { return try one(kind, v) }
      if case .name = format { return say(1, "\(event) \(Self.name(kind, v))\n") }
      let wrapped: Value = .object([("type", .string(event)), ("object", v)])
      if case .yaml = format { say(1, "---\n") }
      say(1, try outputText(format, wrapped, ""))
    }
  }

  /// The same at this moment: ages are counted from when a line is printed.
  private static func fresh(_ p: ObjectPrinter) -> ObjectPrinter {
    ObjectPrinter(
      format: p.format, now: Session.clock, namespaces: p.namespaces, kinds: p.kinds, labels: p.labels, columns: p.columns, noHeaders: p.noHeaders)
  }
}
