// SPDX-License-Identifier: Apache-2.0
//
// `describe`, in kubectl's layout: lines with tab stops, laid out by TabWriter. Kubernetes kubectl/pkg/describe/describe.go. Pods stand in
// DescribePod.swift, the Node in DescribeNode.swift.
import Manifest

public struct Describe: Sendable {
  let now: WallTime
  /// nil: not to be shown.
  let events: [Value]?

  public init(now: WallTime, events: [Value]?) { (self.now, self.events) = (now, events) }

  public func secret(_ v: Value) -> String {
    var out = Lines()
    out.head(v)
    out.add("")
    out.add("Type:\t\(v["type"]?.string ?? "Opaque")")
    out.add("\nData\n====")
    for e in sorted(v["data"]) {
      let bytes = Base64.decode(e.value.string ?? "") ?? []
      let isToken = e.key == "token" && v["type"]?.string == "kubernetes.io/service-account-token"
      out.add("\(e.key):\t" + (isToken ? String(decoding: bytes, as: UTF8.self) : "\(bytes.count) bytes"))
    }
    return out.laidOut
  }

  public func configMap(_ v: Value) -> String {
    var out = Lines()
    out.head(v)
    out.add("\nData\n====")
    for e in sorted(v["data"]) { out.add("\(e.key):\n----\n\(e.value.string ?? "")\n") }
    out.add("\nBinaryData\n====")
    for e in sorted(v["binaryData"]) { out.add("\(e.key): \((Base64.decode(e.value.string ?? "") ?? []).count) bytes") }
    out.add("")
    return withEvents(out)
  }

  /// secrets: those of the namespace.
  public func serviceAccount(_ v: Value, secrets: [Value]) -> String {
    var out = Lines()
    out.head(v)
    let name = v["metadata"]?["name"]?.string
    let there = Set(secrets.compactMap { $0["metadata"]?["name"]?.string })
    func names(_ key: String) -> [String] { (v[key]?.array ?? []).compactMap { $0["name"]?.string } }
    let tokens = secrets.filter {
      $0["type"]?.string == "kubernetes.io/service-account-token" && $0["metadata"]?["annotations"]?["kubernetes.io/service-account.name"]?.string == name
    }
    for (title, list) in [
      ("Image pull secrets:", names("imagePullSecrets")), ("Mountable secrets: ", names("secrets")),
      ("Tokens:            ", tokens.compactMap { $0["metadata"]?["name"]?.string }),
    ] {
      out.list(title, list.map { there.contains($0) ? $0 : "\($0) (not found)" })
    }
    return withEvents(out)
  }

  public func event(_ v: Value) -> String {
    var out = Lines()
    out.head(v)
    let about = v["involvedObject"]
    out.add("Involved Object:\t\(about?["kind"]?.string ?? "")/\(about?["name"]?.string ?? "")" + (about?["fieldPath"]?.string.map { " (\($0))" } ?? ""))
    for (title, text) in [("Type", v["type"]?.string), ("Reason", v["reason"]?.string), ("Message", v["message"]?.string), ("Source", v["source"]?["component"]?.string)] {
      out.add("\(title):\t\(text ?? "")")
    }
    out.add("Count:\t\(v["count"]?.int ?? 1)")
    out.add("First Seen:\t\(Self.time(v["firstTimestamp"]))")
    out.add("Last Seen:\t\(Self.time(v["lastTimestamp"]))")
    return out.laidOut
  }

  /// The lines laid out, and what happened behind them: a table with tab stops of its own; that there was nothing stands in the lines' column.
  func withEvents(_ lines: Lines) -> String {
    guard let events else { return lines.laidOut }
    var out = lines
    if events.isEmpty {
      out.add("Events:\t<none>")
      return out.laidOut
    }
    out = Lines()
    out.add("Events:\n  Type\tReason\tAge\tFrom\tMessage\n  ----\t------\t----\t----\t-------")
    for e in events {
      var seen = since(e["lastTimestamp"], now)
      if let n = e["count"]?.int, n > 1 { seen += " (x\(n) over \(since(e["firstTimestamp"], now)))" }
      let from = e["source"]?["component"]?.string ?? e["reportingComponent"]?.string ?? ""
      let message = (e["message"]?.string ?? "").drop { $0.isWhitespace }
      out.add("  \(e["type"]?.string ?? "")\t\(e["reason"]?.string ?? "")\t\(seen)\t\(from)\t\(message)")
    }
    return lines.laidOut + out.laidOut
  }

  func sorted(_ v: Value?) -> [Value.Members.Entry] { (v?.members?.entries ?? []).sorted { $0.key < $1.key } }

  /// As Go's RFC1123Z: Mon, 02 Jan 2006 15:04:05 +0000.
  static func time(_ v: Value?) -> String {
    guard let text = v?.string, let t = WallTime(rfc3339: text) else { return "<unset>" }
    let plain = Array(t.rfc3339)
    let days = Int(t.nanoseconds / 86_400_000_000_000)
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][(days % 7 + 7) % 7]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let month = Int(String(plain[5..<7])).flatMap { months.indices.contains($0 - 1) ? months[$0 - 1] : nil } ?? ""
    return "\(weekday), \(String(plain[8..<10])) \(month) \(String(plain[0..<4])) \(String(plain[11..<19])) +0000"
  }

  /// Lines with tab stops.
  struct Lines {
    private(set) var text = ""
    var laidOut: String { TabWriter.format(text) }

    mutating func add(_ line: String) { text += line + "\n" }

    /// TITLE, then one value a line; <none> where there are none.
    mutating func list(_ title: String, _ values: [String]) {
      add("\(title)\t\(values.first ?? "<none>")")
      for v in values.dropFirst() { add("\t\(v)") }
    }

    mutating func labels(_ title: String, _ v: Value?) {
      list(title + ":", (v?.members?.entries ?? []).map { "\($0.key)=\($0.value.string ?? "")" }.sorted())
    }

    mutating func annotations(_ v: Value?) {
      let limit = 140
      var rows: [String] = []
      for e in (v?.members?.entries ?? []).sorted(by: { $0.key < $1.key }) where e.key != "kubectl.kubernetes.io/last-applied-configuration" {
        var value = e.value.string ?? ""
        if value.hasSuffix("\n") { value.removeLast() }
        if value.utf8.count + e.key.utf8.count + 2 > limit || value.contains("\n") {
          rows.append("\(e.key):")
          for line in value.split(separator: "\n", omittingEmptySubsequences: false) { rows.append("  " + (line.count > limit - 2 ? line.prefix(limit - 2) + "..." : line)) }
        } else {
          rows.append("\(e.key): \(value)")
        }
      }
      list("Annotations:", rows)
    }

    /// Name, namespace, labels, annotations.
    mutating func head(_ v: Value) {
      let meta = v["metadata"]
      add("Name:\t\(meta?["name"]?.string ?? "")")
      add("Namespace:\t\(meta?["namespace"]?.string ?? "")")
      labels("Labels", meta?["labels"])
      annotations(meta?["annotations"])
    }
  }
}
