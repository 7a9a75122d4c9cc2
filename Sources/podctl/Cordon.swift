// SPDX-License-Identifier: Apache-2.0
//
// cordon, uncordon: whether the node takes more Pods. Kubernetes kubectl/pkg/cmd/drain.
import ArgumentParser
import Manifest

struct CordonCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cordon", abstract: "Mark the node as one that takes no more pods.", discussion: "Example: podctl cordon podlab")
  @OptionGroup var options: CordonOptions
  func run() throws { try options.run("cordon", true) }
}

struct UncordonCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "uncordon", abstract: "Mark the node as one that takes pods again.", discussion: "Example: podctl uncordon podlab")
  @OptionGroup var options: CordonOptions
  func run() throws { try options.run("uncordon", false) }
}

struct CordonOptions: ParsableArguments {
  @Argument(help: "The node: podlab.") var nodes: [String] = []
  @Option(name: [.customShort("l"), .long], help: "Nodes with these labels.") var selector: String?
  @Option(name: .customLong("dry-run"), help: "client or server: judge and print, change nothing.") var dryRun: DryRun = .none
  @OptionGroup var common: CommonOptions

  func run(_ verb: String, _ unschedulable: Bool) throws {
    if nodes.isEmpty, selector == nil { throw Failure.error("USAGE: \(verb) NODE [flags]\nSee 'podctl \(verb) -h' for help and examples") }
    if !nodes.isEmpty, selector != nil { throw Failure.error("cannot specify both a node name and a --selector option") }
    let session = try dryRun == .none ? common.open() : common.look()
    let words = nodes.contains { $0.contains("/") } ? nodes : ["node"] + nodes
    let found = try session.chosen(words, namespace: nil, all: false, selector: selector, fieldSelector: nil)
    try Failure.each(found) { kind, _, name in
      guard kind == .node else { throw Failure.error("expected resource of type node, got \"\(kind.singular)\"") }
      guard let old = try session.stored(kind, "", name) else { throw Failure.notFound(kind, name) }
      if (old["spec"]?["unschedulable"]?.bool ?? false) == unschedulable { return say(1, "node/\(name) already \(verb)ed\(dryRun.mark)\n") }
      var new = old
      var spec = new["spec"] ?? .object(Value.Members())
      spec["unschedulable"] = unschedulable ? .bool(true) : nil
      new["spec"] = spec
      let judged = try session.judged(kind, old: old, new: new)
      if dryRun == .none { _ = try session.update(kind, old: old, new: judged) }
      say(1, "node/\(name) \(verb)ed\(dryRun.mark)\n")
    }
  }
}
