// SPDX-License-Identifier: Apache-2.0
//
// get: objects as tables, names, JSON, YAML or JSONPath.
import ArgumentParser
import Control
import Glibc
import Kernel
import Manifest

struct GetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "get", abstract: "Show objects.", discussion: "Example: podctl get pods -o wide    podctl get pod web -o jsonpath='{.status.podIP}'")

  @Argument(help: "TYPE [NAME …] or TYPE/NAME …: pods, secrets, configmaps, serviceaccounts, events.") var what: [String] = []
  @Option(name: .shortAndLong, help: "wide, name, json, yaml, jsonpath=TEMPLATE.") var output: String?
  @Flag(name: .shortAndLong, help: "Show changes as they come.") var watch = false
  @Flag(name: [.customShort("A"), .long], help: "All namespaces.") var allNamespaces = false
  @Option(name: [.customShort("l"), .long], help: "Labels: a=b,c in (d,e),!f") var selector: String?
  @Option(name: .long, help: "Fields: status.phase=Running,metadata.name!=x") var fieldSelector: String?
  @Flag(name: .long) var noHeaders = false
  @Flag(name: .long) var showLabels = false
  @Option(name: [.customShort("L"), .long], help: "Columns with these labels' values.") var labelColumns: [String] = []
  @Flag(name: .long) var ignoreNotFound = false
  @Option(name: .long, help: "A path of the API: /openid/v1/jwks, /.well-known/openid-configuration.") var raw: String?
  @OptionGroup var common: CommonOptions

  func run() throws {
    if let raw {
      if !what.isEmpty { throw Failure.error("arguments may not be passed when --raw is specified") }
      return say(1, try RawPaths.read(raw, try common.open()))
    }
    let session = try common.look()
    let (kinds, names) = try targets(what)
    var objects: [(Kind, Value)] = []
    var failure: Failure?
    if names.isEmpty {
      for k in kinds { objects += try list(k, session).map { (k, $0) } }
    } else {
      for (k, name) in names {
        if let v = try one(k, name, session) { objects.append((k, v)) } else if !ignoreNotFound { failure = .notFound(k, name) }
      }
    }
    let labels = try selector.map { s in try Self.valid { try LabelSelector(s) } }
    let fields = try fieldSelector.map { s in try Self.valid { try FieldSelector(s) } }
    objects = objects.filter { o in
      (labels?.matches(ObjectMeta(o.1["metadata"] ?? .null).labels) ?? true) && (fields?.matches(o.1) ?? true)
    }
    let isList = names.count != 1
    try show(objects, isList: isList, session)
    if objects.isEmpty, names.isEmpty, output == nil || output == "wide" {
      say(2, allNamespaces ? "No resources found\n" : "No resources found in \(common.ns) namespace.\n")
    }
    if let failure { throw failure }
    if watch { try follow(objects, session) }
  }

  static func valid<T>(_ body: () throws -> T) throws -> T {
    do { return try body() } catch let e as LabelSelector.Invalid { throw Failure.error("\(e)") } catch let e as JSONPath.Invalid { throw Failure.error("\(e)") }
  }

  private func one(_ kind: Kind, _ name: String, _ session: Session) throws -> Value? {
    switch kind {
    case .pod: return try session.pod(common.ns, name)
    case .event: return try list(.event, session).first { $0["metadata"]?["name"]?.string == name }
    default: return try session.instance.object(kind.rawValue, common.ns, name)
    }
  }

  private func list(_ kind: Kind, _ session: Session) throws -> [Value] {
    let ns = allNamespaces ? nil : common.ns
    switch kind {
    case .pod: return try session.pods(ns)
    case .event: return Events.list(session, ns)
    default: return try session.instance.objects(kind.rawValue, namespace: ns)
    }
  }

  private func show(_ objects: [(Kind, Value)], isList: Bool, _ session: Session) throws {
    switch output {
    case nil, "wide": say(1, table(objects, session))
    case "name": say(1, objects.map { "\($0.0.singular)/\($0.1["metadata"]?["name"]?.string ?? "")\n" }.joined())
    case "json":
      if let v = whole(objects, isList) { say(1, JSON.pretty(v) + "\n") }
    case "yaml":
      if let v = whole(objects, isList) { say(1, YAML.write(v)) }
    case let o? where o.hasPrefix("jsonpath="):
      guard let v = whole(objects, isList) else { return }
      let template = String(o.dropFirst(9))
      say(1, try Self.valid { try JSONPath(template).text(in: v) })
    default:
      throw Failure.error("unable to match a printer suitable for the output format \"\(output ?? "")\", allowed formats are: json,jsonpath,name,wide,yaml")
    }
  }

  private func whole(_ objects: [(Kind, Value)], _ isList: Bool) -> Value? {
    if !isList { return objects.first?.1 }
    return .object([
      ("apiVersion", .string("v1")), ("items", .array(objects.map(\.1))), ("kind", .string("List")),
      ("metadata", .object([("resourceVersion", .string(""))])),
    ])
  }

  private func table(_ objects: [(Kind, Value)], _ session: Session, noHeaders: Bool? = nil) -> String {
    guard !objects.isEmpty else { return "" }
    let kinds = Kind.allCases.filter { k in objects.contains { $0.0 == k } }
    return kinds.map { k in
      let values = objects.filter { $0.0 == k }.map(\.1)
      let t: Table
      switch k {
      case .pod: t = PodTable.make(values, now: session.now, wide: output == "wide", namespaces: allNamespaces, labels: showLabels, columns: labelColumns.flatMap { $0.split(separator: ",").map(String.init) })
      case .event: t = EventTable.make(values, now: session.now, namespaces: allNamespaces)
      default: t = Self.data(k, values, session.now, allNamespaces)
      }
      return t.text(noHeaders: noHeaders ?? self.noHeaders)
    }.joined(separator: "\n")
  }

  private static func data(_ k: Kind, _ values: [Value], _ now: WallTime, _ namespaces: Bool) -> Table {
    var t = Table((namespaces ? ["NAMESPACE"] : []) + (k == .secret ? ["NAME", "TYPE", "DATA", "AGE"] : k == .configMap ? ["NAME", "DATA", "AGE"] : ["NAME", "SECRETS", "AGE"]))
    for v in values {
      let count = (v["data"]?.members?.entries.count ?? 0) + (v["binaryData"]?.members?.entries.count ?? 0)
      var row = namespaces ? [v["metadata"]?["namespace"]?.string ?? ""] : []
      row.append(v["metadata"]?["name"]?.string ?? "")
      if k == .secret { row.append(v["type"]?.string ?? "Opaque") }
      row += ["\(count)", age(v["metadata"]?["creationTimestamp"], now: now).map(humanDuration) ?? "<unknown>"]
      t.rows.append(row)
    }
    return t
  }

  // MARK: -w

  /// Every change of the Pods that were there, until they are gone or the reader stops.
  private func follow(_ objects: [(Kind, Value)], _ session: Session) throws {
    let pods = objects.filter { $0.0 == .pod }.compactMap { o -> (String, String)? in
      guard let name = o.1["metadata"]?["name"]?.string else { return nil }
      return (o.1["metadata"]?["namespace"]?.string ?? "default", name)
    }
    var clients: [PoddStream] = []
    for (ns, name) in pods {
      guard Podd.isAlive(session.instance.place(ns, name)) else { continue }
      let stream = try PoddStream(session.instance.place(ns, name))
      clients.append(stream)
    }
    var last = objects.map(\.1)
    while !clients.isEmpty {
      var polls = clients.map { pollfd(fd: $0.raw, events: Int16(POLLIN), revents: 0) }
      if poll(&polls, nfds_t(polls.count), -1) < 0 { continue }
      for (i, p) in polls.enumerated().reversed() where p.revents != 0 {
        guard case .value(let v) = try clients[i].next(), let object = v["object"] else {
          clients.remove(at: i)
          continue
        }
        if last.contains(object) { continue }
        last.append(object)
        if output == nil || output == "wide" { say(1, table([(.pod, object)], session, noHeaders: true)) } else { try show([(.pod, object)], isList: false, session) }
      }
    }
  }
}

/// A watch that can be kept in a list.
final class PoddStream {
  private var client: PoddClient
  var raw: Int32 { client.raw }
  init(_ place: PodPlace, _ request: Value = .object([("verb", .string("watch"))])) throws(SysError) {
    client = try PoddClient(place)
    try client.send(request)
  }
  func next(deadline: Int64? = nil) throws(SysError) -> PoddClient.Answer { try client.next(deadline: deadline) }
}

enum Events {
  /// Of all Pods of a namespace, oldest first.
  static func list(_ session: Session, _ ns: String?) -> [Value] {
    (session.instance.keptEvents(namespace: ns) + session.instance.pods(namespace: ns).flatMap { of(session, $0.namespace, $0.name) })
      .sorted { ($0["lastTimestamp"]?.string ?? "") < ($1["lastTimestamp"]?.string ?? "") }
  }

  static func of(_ session: Session, _ ns: String, _ name: String) -> [Value] {
    guard let bytes = optional({ () throws(SysError) in try FileSystem.read(session.instance.place(ns, name).events) }) else { return [] }
    do throws(JSON.Malformed) { return try JSON.parse(bytes)["items"]?.array ?? [] } catch { return [] }
  }
}
