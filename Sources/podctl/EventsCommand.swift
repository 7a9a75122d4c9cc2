// SPDX-License-Identifier: Apache-2.0
//
// events: what happened, with how often. Kubernetes kubectl/pkg/cmd/events.
import ArgumentParser
import Control
import Manifest

struct EventsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "events", abstract: "Show events.", discussion: "Example: podctl events --for pod/web --watch    podctl events --types=Warning")

  @Option(name: .customLong("for"), help: "TYPE/NAME: only those about it.") var about: String?
  @Option(name: .long, help: "Normal, Warning: only of these types.") var types: [String] = []
  @Flag(name: .shortAndLong, help: "Go on as they come.") var watch = false
  @Flag(name: [.customShort("A"), .long], help: "All namespaces.") var allNamespaces = false
  @Flag(name: .long, help: "The table without its head.") var noHeaders = false
  @Option(name: .shortAndLong, help: "json, yaml, name, jsonpath=TEMPLATE.") var output: String?
  @OptionGroup var common: CommonOptions

  func run() throws {
    let format = try outputFormat(output)
    let wanted = types.flatMap { $0.split(separator: ",").map { $0.lowercased() } }
    if wanted.contains(where: { $0 != "normal" && $0 != "warning" }) { throw Failure.error("valid --types are Normal or Warning") }
    let target = try about.map { about in
      guard about.contains("/") else { throw Failure.error("--for must be in resource/name form") }
      return try targets([about]).names[0]
    }
    let session = try watch ? common.open() : common.look()
    let matches = { (v: Value) in
      (wanted.isEmpty || wanted.contains(v["type"]?.string?.lowercased() ?? ""))
        && (target.map { v["involvedObject"]?["kind"]?.string == $0.0.rawValue && v["involvedObject"]?["name"]?.string == $0.1 } ?? true)
    }
    let ns = allNamespaces ? nil : common.ns
    if watch {
      let watcher = try Watcher(session, [.event], namespace: ns) { _, v in matches(v) }
      var widths: [Int] = []
      var hasHead = false
      func show(_ v: Value) throws {
        if case .table = format {
          say(1, ObjectTable.events([v], now: Session.clock, namespaces: allNamespaces).text(noHeaders: noHeaders || hasHead, widths: &widths))
          hasHead = true
        } else {
          say(1, try outputText(format, v, "event/\(v["metadata"]?["name"]?.string ?? "")"))
        }
      }
      for (_, v) in watcher.current { try show(v) }
      while let (change, _, v) = try watcher.next() { if change != .deleted { try show(v) } }
      return
    }
    let found = Events.list(session, ns).filter(matches)
    if found.isEmpty {
      return say(2, target != nil || !types.isEmpty ? "No events found in \(common.ns) namespace.\n" : allNamespaces ? "No events found.\n" : "No events found in \(common.ns) namespace.\n")
    }
    switch format {
    case .table: say(1, ObjectTable.events(found, now: session.now, namespaces: allNamespaces).text(noHeaders: noHeaders))
    case .name: say(1, found.map { "event/\($0["metadata"]?["name"]?.string ?? "")\n" }.joined())
    default: say(1, try outputText(format, OutputFormat.list(found, kind: "EventList"), ""))
    }
  }
}
