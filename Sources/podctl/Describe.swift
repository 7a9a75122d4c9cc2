// SPDX-License-Identifier: Apache-2.0
//
// describe: everything about objects, for people. Kubernetes kubectl/pkg/cmd/describe.
import ArgumentParser
import Control
import Manifest

struct DescribeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe", abstract: "Show everything about objects.", discussion: "Example: podctl describe pod web    podctl describe pods -l app=web    podctl describe node podlab")

  @Argument(help: "TYPE [NAME or its beginning …], TYPE/NAME …") var what: [String] = []
  @OptionGroup var input: FileOptions
  @Option(name: [.customShort("l"), .long], help: "Those with these labels.") var selector: String?
  @Flag(name: [.customShort("A"), .long], help: "In all namespaces.") var allNamespaces = false
  @Option(name: .long, help: "true or false: whether to show events.") var showEvents = true
  @OptionGroup var common: CommonOptions

  func run() throws {
    try input.check(required: false)
    let session = try common.look()
    var missing: [Failure] = []
    let found = try chosen(session, &missing)
    if found.isEmpty, missing.isEmpty { return say(2, allNamespaces ? "No resources found\n" : "No resources found in \(common.ns) namespace.\n") }
    // What is not there does not hide what is.
    if !found.isEmpty { say(1, try found.map { try text($0.0, $0.1, session) }.joined(separator: "\n\n")) }
    try Failure.each(missing) { throw $0 }
  }

  private func chosen(_ session: Session, _ missing: inout [Failure]) throws -> [(Kind, Value)] {
    var found: [(Kind, Value)] = []
    if !input.files.isEmpty {
      for f in try Manifests.load(input, common.place) {
        guard let kind = Kind(rawValue: f.kind.rawValue) else { continue }
        if let v = try session.find(kind, f.metadata.namespace, f.metadata.name) { found.append((kind, v)) } else { missing.append(.notFound(kind, f.metadata.name)) }
      }
      return found
    }
    let (kinds, names) = try targets(what, verb: "describe")
    let selector = Selection.given(selector)
    if names.isEmpty {
      let selection = try Selection(selector, kinds: kinds)
      return try kinds.flatMap { k in try session.list(k, allNamespaces ? nil : common.ns).filter(selection.matches).map { (k, $0) } }
    }
    if selector != nil { throw Failure.error("name cannot be provided when a selector is specified") }
    if allNamespaces, kinds.contains(where: \.isNamespaced) { throw Failure.error("a resource cannot be retrieved by name across all namespaces") }
    for (kind, name) in names {
      if let v = try session.find(kind, common.ns, name) {
        found.append((kind, v))
        continue
      }
      // A name that is none may be the beginning of some.
      let some = what.first?.contains("/") == true ? [] : try session.list(kind, common.ns).filter { $0["metadata"]?["name"]?.string?.hasPrefix(name) == true }
      if some.isEmpty { missing.append(.notFound(kind, name)) }
      found += some.map { (kind, $0) }
    }
    return found
  }

  private func text(_ kind: Kind, _ v: Value, _ session: Session) throws -> String {
    let (ns, name) = (v["metadata"]?["namespace"]?.string ?? "", v["metadata"]?["name"]?.string ?? "")
    let describer = Describe(now: session.now, events: showEvents ? events(kind, ns, name, session) : nil)
    switch kind {
    case .pod: return describer.pod(v)
    case .secret: return describer.secret(v)
    case .configMap: return describer.configMap(v)
    case .serviceAccount:
      let secrets = try session.list(.secret, ns)
      return describer.serviceAccount(v, secrets: secrets)
    case .node: return describer.node(v, pods: try session.pods(nil))
    case .event: return describer.event(v)
    }
  }

  private func events(_ kind: Kind, _ ns: String, _ name: String, _ session: Session) -> [Value] {
    kind == .pod ? Events.of(session, ns, name) : []
  }
}
