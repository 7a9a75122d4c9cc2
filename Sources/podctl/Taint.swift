// SPDX-License-Identifier: Apache-2.0
//
// taint: what keeps Pods without a matching toleration off the node. Kubernetes kubectl/pkg/cmd/taint.
import ArgumentParser
import Control
import Manifest

struct TaintCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "taint", abstract: "Set or remove taints of the node.",
    discussion: "Example: podctl taint node podlab dedicated=lab:NoSchedule    podctl taint node podlab dedicated:NoSchedule-    podctl taint node podlab dedicated-")

  @Argument(help: "node NAME, then KEY[=VALUE]:EFFECT or KEY[:EFFECT]- …") var words: [String] = []
  @Flag(name: .long, help: "Change taints that are there already.") var overwrite = false
  @Flag(name: .long, help: "All nodes.") var all = false
  @Option(name: [.customShort("l"), .long], help: "Nodes with these labels.") var selector: String?
  @OptionGroup var change: ChangeOptions
  @OptionGroup var common: CommonOptions

  private struct Taint: Equatable {
    var key: String
    var value: String?
    var effect: String
    /// As kubectl writes it.
    var text: String { key + (value.map { $0.isEmpty ? "" : "=\($0)" } ?? "") + (effect.isEmpty ? "" : ":\(effect)") }
  }

  func run() throws {
    let resources = words.prefix { !Self.isSpec($0) }
    let specs = words.dropFirst(resources.count)
    if let stray = specs.first(where: { !Self.isSpec($0) }) { throw Failure.error("all resources must be specified before taint changes: \(stray)") }
    guard let type = resources.first else { throw Failure.error("one or more resources must be specified as <resource> <name>") }
    if specs.isEmpty { throw Failure.error("at least one taint update is required") }
    if all, selector != nil { throw Failure.error("setting 'all' parameter with a non empty selector is prohibited") }
    let (kinds, _) = try targets([type])
    guard kinds == [.node] else { throw Failure.error("invalid resource type \(type.split(separator: "/").first ?? ""), only node types are supported") }
    let format = try change.format()
    let (add, remove) = try changes(Array(specs))
    let session = try change.dryRun == .none ? common.open() : common.look()
    let found = try session.chosen(
      Array(resources), namespace: nil, all: all, selector: selector, fieldSelector: nil,
      unnamed: "at least one resource name must be specified since 'all' parameter is not set")
    for (_, _, name) in found { try work(name, add, remove, session, format) }
  }

  private static func isSpec(_ word: String) -> Bool { word.contains(":") || word.contains("=") || word.hasSuffix("-") }

  private func work(_ name: String, _ add: [Taint], _ remove: [Taint], _ session: Session, _ format: OutputFormat) throws {
    guard let old = try session.stored(.node, "", name) else { throw Failure.notFound(.node, name) }
    let before = (old["spec"]?["taints"]?.array ?? []).map { Taint(key: $0["key"]?.string ?? "", value: $0["value"]?.string, effect: $0["effect"]?.string ?? "") }
    let taken = before.filter { b in add.contains { $0.key == b.key && $0.effect == b.effect } }
    if !overwrite, !taken.isEmpty {
      var keys: [String] = []
      for t in taken where !keys.contains(t.key) { keys.append(t.key) }
      throw Failure.error("node \(name) already has \(keys.joined(separator: ",")) taint(s) with same effect(s) and --overwrite is false")
    }
    var after = before.filter { b in !add.contains { $0.key == b.key && $0.effect == b.effect } }
    var missing: [String] = []
    for r in remove {
      let kept = after.filter { !($0.key == r.key && (r.effect.isEmpty || $0.effect == r.effect)) }
      if kept.count == after.count { missing.append("taint \"\(r.text)\" not found") }
      after = kept
    }
    if !missing.isEmpty { throw Failure.error(MetadataChange.several(missing)) }
    after = add + after
    var new = old
    var spec = new["spec"] ?? .object(Value.Members())
    spec["taints"] = .array(
      after.map { t in
        var v: [(String, Value)] = [("effect", .string(t.effect)), ("key", .string(t.key))]
        if let value = t.value, !value.isEmpty { v.append(("value", .string(value))) }
        return .object(v)
      })
    new["spec"] = spec
    let judged = try session.judged(.node, old: old, new: new)
    let made = change.dryRun == .none ? try session.update(.node, old: old, new: judged) : judged
    try change.show(format, .node, made, overwrite || !add.isEmpty && !remove.isEmpty ? "modified" : add.isEmpty ? "untainted" : "tainted")
  }

  private func changes(_ specs: [String]) throws -> (add: [Taint], remove: [Taint]) {
    var add: [Taint] = []
    var remove: [Taint] = []
    for spec in specs {
      if spec.hasSuffix("-") {
        var t = try Self.parse(String(spec.dropLast()))
        t.value = nil
        remove.append(t)
      } else {
        let t = try Self.parse(spec)
        if t.effect.isEmpty { throw Failure.error("invalid taint spec: \(spec)") }
        if add.contains(where: { $0.key == t.key && $0.effect == t.effect }) {
          throw Failure.error("duplicated taints with the same key and effect: {\(t.key) \(t.value ?? "") \(t.effect) <nil>}")
        }
        add.append(t)
      }
    }
    let both = add.filter { a in remove.contains { $0.key == a.key && ($0.effect.isEmpty || $0.effect == a.effect) } }
    if !both.isEmpty {
      throw Failure.error("can not both modify and remove the following taint(s) in the same command: " + both.map(\.text).joined(separator: ", "))
    }
    return (add, remove)
  }

  private static func parse(_ text: String) throws -> Taint {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    var t = Taint(key: parts[0], value: nil, effect: "")
    if parts.count > 2 { throw Failure.error("invalid taint spec: \(text)") }
    if parts.count == 2 {
      t.effect = parts[1]
      guard NodeRules.effects.contains(t.effect) else { throw Failure.error("invalid taint effect: \(t.effect), unsupported taint effect") }
      let pair = parts[0].split(separator: "=", omittingEmptySubsequences: false).map(String.init)
      if pair.count > 2 { throw Failure.error("invalid taint spec: \(text)") }
      t.key = pair[0]
      if pair.count == 2 {
        t.value = pair[1]
        if let why = Names.labelValue(pair[1]).first { throw Failure.error("invalid taint spec: \(text), \(why)") }
      }
    }
    if let why = Names.qualified(t.key).first { throw Failure.error("invalid taint spec: \(text), \(why)") }
    return t
  }
}
