// SPDX-License-Identifier: Apache-2.0
//
// get: objects as tables, names, JSON, YAML, JSONPath or columns of one's own. Kubernetes kubectl/pkg/cmd/get.
import ArgumentParser
import Control
import Glibc
import Kernel
import Manifest

struct GetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "get", abstract: "Show objects.",
    discussion: "Example: podctl get pods -o wide    podctl get pod web -o jsonpath='{.status.podIP}'    podctl get events --field-selector type=Warning")

  @Argument(help: "TYPE [NAME …] or TYPE/NAME …: pods, secrets, configmaps, serviceaccounts, events, nodes.") var what: [String] = []
  @OptionGroup var input: FileOptions
  @Option(name: .shortAndLong, help: "wide, name, json, yaml, jsonpath=TEMPLATE, jsonpath-file=FILE, custom-columns=HEAD:PATH,…, custom-columns-file=FILE.")
  var output: String?
  @Flag(name: .shortAndLong, help: "Show changes as they come.") var watch = false
  @Flag(name: .long, help: "Only changes, not what there is.") var watchOnly = false
  @Flag(name: .long, help: "With -w: ADDED, MODIFIED or DELETED before each.") var outputWatchEvents = false
  @Flag(name: [.customShort("A"), .long], help: "All namespaces.") var allNamespaces = false
  @Option(name: [.customShort("l"), .long], help: "Labels: a=b,c in (d,e),!f") var selector: String?
  @Option(name: .long, help: "Fields: status.phase=Running,metadata.name!=x") var fieldSelector: String?
  @Option(name: .long, help: "Sort by a field: .metadata.creationTimestamp") var sortBy: String?
  @Flag(name: .long, help: "The table without its head.") var noHeaders = false
  @Flag(name: .long, help: "All labels in the last column.") var showLabels = false
  @Flag(name: .long, help: "The kind before each name.") var showKind = false
  @Option(name: [.customShort("L"), .long], help: "Columns with these labels' values.") var labelColumns: [String] = []
  @Flag(name: .long, help: "No error for what is not there.") var ignoreNotFound = false
  @Option(name: .long, help: "false: a field that a jsonpath does not find is an error.") var allowMissingTemplateKeys = true
  @Option(name: .long, help: "A path of the API: /api/v1/namespaces/NS/pods[/NAME], /openid/v1/jwks.") var raw: String?
  @OptionGroup var common: CommonOptions

  func run() throws {
    try input.check(required: false)
    try Retrieval(
      what: what, files: input.files, recursive: input.recursive, output: output, watch: watch, watchOnly: watchOnly, outputWatchEvents: outputWatchEvents,
      allNamespaces: allNamespaces, selector: selector, fieldSelector: fieldSelector, sortBy: sortBy, noHeaders: noHeaders, showLabels: showLabels,
      showKind: showKind, labelColumns: labelColumns, ignoreNotFound: ignoreNotFound, allowMissingTemplateKeys: allowMissingTemplateKeys, raw: raw,
      common: common.place
    ).run()
  }
}

/// What get is asked for, however it was read (Quick.swift).
struct Retrieval {
  var what: [String] = []
  var files: [String] = []
  var recursive = false
  var output: String?
  var watch = false
  var watchOnly = false
  var outputWatchEvents = false
  var allNamespaces = false
  var selector: String?
  var fieldSelector: String?
  var sortBy: String?
  var noHeaders = false
  var showLabels = false
  var showKind = false
  var labelColumns: [String] = []
  var ignoreNotFound = false
  var allowMissingTemplateKeys = true
  var raw: String?
  let common: Place

  func run() throws {
    if let raw {
      if !what.isEmpty { throw Failure.error("arguments may not be passed when --raw is specified") }
      return try RawPath.show(raw, try common.open())
    }
    let format = try outputFormat(output, allowMissing: allowMissingTemplateKeys)
    let (kinds, names) = try asked()
    let (selector, fieldSelector) = (Selection.given(selector), Selection.given(fieldSelector))
    let session = try watch || watchOnly ? common.open() : common.look()
    let selection = try Selection(selector, fieldSelector, kinds: kinds)
    if !names.isEmpty, selector != nil || fieldSelector != nil { throw Failure.error("name cannot be provided when a selector is specified") }
    if !names.isEmpty, allNamespaces, kinds.contains(where: \.isNamespaced) { throw Failure.error("a resource cannot be retrieved by name across all namespaces") }
    let printer = ObjectPrinter(
      format: format, now: session.now, namespaces: allNamespaces, kinds: showKind || kinds.count > 1 || what.first?.split(separator: ",").contains("all") == true,
      labels: showLabels, columns: labelColumns.flatMap { $0.split(separator: ",").map(String.init) }, noHeaders: noHeaders)
    if watch || watchOnly { return try follow(kinds, names, selection, printer, session) }
    var objects: [(Kind, Value)] = []
    var missing: [Failure] = []
    if names.isEmpty {
      for k in kinds { objects += try session.list(k, allNamespaces ? nil : common.ns).filter(selection.matches).map { (k, $0) } }
    } else {
      for (k, name) in names {
        if let v = try session.find(k, common.ns, name) { objects.append((k, v)) } else if !ignoreNotFound { missing.append(.notFound(k, name)) }
      }
    }
    objects = try sorted(objects)
    // What is not there is told; what is there is shown all the same.
    if names.count == 1 { if let (k, v) = objects.first { try printer.one(k, v) } } else if !objects.isEmpty || names.isEmpty { try printer.list(objects) }
    if objects.isEmpty, names.isEmpty, printer.isTable, !ignoreNotFound {
      say(2, allNamespaces || kinds.allSatisfy { !$0.isNamespaced } ? "No resources found\n" : "No resources found in \(common.ns) namespace.\n")
    }
    if !missing.isEmpty { throw Failure(text: missing.map(\.text).joined()) }
  }

  private func asked() throws -> ([Kind], [(Kind, String)]) {
    if files.isEmpty { return try targets(what) }
    let objects = try Manifests.load(files, recursive: recursive, common)
    let names = objects.compactMap { o in Kind(rawValue: o.kind.rawValue).map { ($0, o.metadata.name) } }
    return (Kind.inOrder(of: names), names)
  }

  private func sorted(_ objects: [(Kind, Value)]) throws -> [(Kind, Value)] {
    guard let sortBy, !sortBy.isEmpty else { return objects }
    let ordered: [Value]
    do throws(OutputProblem) { ordered = try Sorting.sort(objects.map(\.1), by: sortBy) } catch { throw Failure.error("\(error)") }
    return ordered.map { v in (Kind(rawValue: v["kind"]?.string ?? "") ?? objects.first?.0 ?? .pod, v) }
  }

  /// What there is, then every change, until the reader stops.
  private func follow(_ kinds: [Kind], _ names: [(Kind, String)], _ selection: Selection, _ printer: ObjectPrinter, _ session: Session) throws {
    guard kinds.count == 1, let kind = kinds.first else { throw Failure.error("you may only specify a single resource type") }
    if names.count > 1 { throw Failure.error("watch is only supported on individual resources and resource collections - \(names.count) resources were found") }
    if sortBy != nil { say(2, "warning: --watch requested, --sort-by will be ignored for watch events received\n") }
    let watcher = try Watcher(session, kinds, namespace: allNamespaces ? nil : common.ns) { k, v in
      selection.matches(v) && (names.isEmpty || names.contains { $0.0 == k && $0.1 == v["metadata"]?["name"]?.string })
    }
    if let (k, name) = names.first, watcher.current.isEmpty {
      if ignoreNotFound { return }
      throw Failure.notFound(k, name)
    }
    var printer = printer
    if !watchOnly { for (k, v) in try sorted(watcher.current) { try printer.step(k, v, outputWatchEvents ? "ADDED" : nil) } }
    while let (change, _, v) = try watcher.next() { try printer.step(kind, v, outputWatchEvents ? change.rawValue : nil) }
  }
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
