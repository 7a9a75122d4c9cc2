// SPDX-License-Identifier: Apache-2.0
//
// label and annotate: the same verb for two maps. Kubernetes kubectl/pkg/cmd/label, kubectl/pkg/cmd/annotate.
import ArgumentParser
import Control
import Manifest

struct MetadataOptions: ParsableArguments {
  @Argument(help: "TYPE NAME … or TYPE/NAME …, then KEY=VALUE or KEY- …") var words: [String] = []
  @OptionGroup var input: FileOptions
  @Flag(name: .long, help: "Change keys that are there already.") var overwrite = false
  @Flag(name: .long, help: "Show what there is.") var list = false
  @Flag(name: .long, help: "All of the type.") var all = false
  @Flag(name: [.customShort("A"), .long], help: "In all namespaces.") var allNamespaces = false
  @Option(name: [.customShort("l"), .long], help: "Those with these labels.") var selector: String?
  @Option(name: .long, help: "Those with these fields.") var fieldSelector: String?
  @Option(name: .long, help: "Only if the object is of this version.") var resourceVersion: String?
  @OptionGroup var change: ChangeOptions
  @OptionGroup var common: CommonOptions
}

struct LabelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "label", abstract: "Set or remove labels.", discussion: "Example: podctl label pod web tier=front    podctl label node podlab disk=ssd    podctl label pod web tier-")
  @OptionGroup var options: MetadataOptions
  func run() throws { try MetadataChange(options, field: "labels", what: "label", done: "labeled", undone: "unlabeled").run() }
}

struct AnnotateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "annotate", abstract: "Set or remove annotations.",
    discussion: "Example: podctl annotate pod web owner=me    podctl annotate pods --all owner-    podctl annotate pod web --list")
  @OptionGroup var options: MetadataOptions
  func run() throws { try MetadataChange(options, field: "annotations", what: "annotation", done: "annotated", undone: "annotated").run() }
}

struct MetadataChange {
  private let o: MetadataOptions
  private let field: String
  private let what: String
  private let done: String
  private let undone: String

  init(_ options: MetadataOptions, field: String, what: String, done: String, undone: String) {
    (o, self.field, self.what, self.done, self.undone) = (options, field, what, done, undone)
  }

  private var isLabel: Bool { field == "labels" }

  func run() throws {
    let resources = o.words.prefix { !Self.isPair($0) }
    let pairs = o.words.dropFirst(resources.count)
    if let stray = pairs.first(where: { !Self.isPair($0) }) { throw Failure.error("all resources must be specified before \(what) changes: \(stray)") }
    let (set, remove) = try changes(Array(pairs))
    if o.list, o.change.output != nil { throw Failure.error("--list and --output may not be specified together") }
    if o.all, o.selector != nil { throw Failure.error("cannot set --all and --selector at the same time") }
    if o.all, o.fieldSelector != nil { throw Failure.error("cannot set --all and --field-selector at the same time") }
    if resources.isEmpty && o.input.files.isEmpty { throw Failure.error("one or more resources must be specified as <resource> <name> or <resource>/<name>") }
    if pairs.isEmpty && !o.list { throw Failure.error("at least one \(what) update is required") }
    let report = o.change.report
    let format = try report.format()
    let session = try o.list || o.change.dryRun != .none ? o.common.look() : o.common.open()
    let found = try chosen(Array(resources), session)
    if o.resourceVersion != nil, found.count != 1 { throw Failure.error("--resource-version may only be used with a single resource") }
    try Failure.each(found) { kind, ns, name in try work(kind, ns, name, set, remove, session, report, format, alone: found.count == 1) }
  }

  private static func isPair(_ word: String) -> Bool { word.contains("=") || word.hasSuffix("-") && !word.contains("/") || word.hasSuffix("-") && word.contains(".") }

  private func chosen(_ resources: [String], _ session: Session) throws -> [(Kind, String, String)] {
    try o.input.check(required: false)
    if !o.input.files.isEmpty {
      return try Manifests.load(o.input, o.common.place).names
    }
    return try session.chosen(
      resources, namespace: o.allNamespaces ? nil : o.common.ns, all: o.all, selector: o.selector, fieldSelector: o.fieldSelector)
  }

  private func changes(_ pairs: [String]) throws -> (set: [(String, String)], remove: [String]) {
    var set: [(String, String)] = []
    var remove: [String] = []
    for pair in pairs {
      if let at = pair.firstIndex(of: "=") {
        let (key, value) = (String(pair[..<at]), String(pair[pair.index(after: at)...]))
        if isLabel, value.contains("=") || key.isEmpty { throw Failure.error("invalid label spec: \(pair)") }
        if isLabel, let why = Names.labelValue(value).first { throw Failure.error("invalid label value: \"\(pair)\": \(why)") }
        if key.isEmpty { throw Failure.error("invalid annotation format: \(pair)") }
        set.removeAll { $0.0 == key }
        set.append((key, value))
      } else {
        remove.append(String(pair.dropLast()))
      }
    }
    let both = remove.filter { k in set.contains { $0.0 == k } }
    if !both.isEmpty {
      throw Failure.error(
        isLabel ? "can not both modify and remove a label in the same command" : "can not both modify and remove the following annotation(s) in the same command: \(both.joined(separator: ","))")
    }
    return (set, remove)
  }

  private func work(
    _ kind: Kind, _ ns: String, _ name: String, _ set: [(String, String)], _ remove: [String], _ session: Session, _ report: ChangeReport,
    _ format: OutputFormat, alone: Bool
  ) throws {
    guard let old = try session.stored(kind, ns, name) else { throw Failure.notFound(kind, name) }
    let before = old["metadata"]?[field] ?? .object(Value.Members())
    if o.list, set.isEmpty, remove.isEmpty {
      if !alone { say(1, "Listing \(field) for \(kind.rawValue)./\(name):\n") }
      return say(1, (before.members?.entries ?? []).map { "\(alone ? "" : " ")\($0.key)=\($0.value.string ?? "")\n" }.sorted().joined())
    }
    if let version = o.resourceVersion, version != old["metadata"]?["resourceVersion"]?.string { throw Failure.conflict(kind, name) }
    if !o.overwrite {
      // A label that has the value already is no change; an annotation that is there is refused all the same.
      let taken = set.filter { before[$0.0] != nil && !(isLabel && before[$0.0]?.string == $0.1) }.map { "'\($0.0)' already has a value (\(before[$0.0]?.string ?? ""))" }
      if !taken.isEmpty {
        throw Failure.error(
          isLabel ? Self.several(taken.map { "\($0), and --overwrite is false" })
            : "--overwrite is false but found the following declared annotation(s): \(taken.joined(separator: "; "))")
      }
    }
    var map = before
    for key in remove {
      if isLabel, map[key] == nil { say(1, "\(what) \"\(key)\" not found.\n") }
      map[key] = nil
    }
    for (key, value) in set { map[key] = .string(value) }
    var new = old
    var meta = new["metadata"] ?? .null
    meta[field] = map.members?.isEmpty == true ? nil : map
    new["metadata"] = meta
    let judged = try session.judged(kind, old: old, new: new)
    let isChanged = before.sorted != map.sorted
    let made = isChanged && o.change.dryRun == .none ? try session.update(kind, old: old, new: judged) : judged
    if o.list { return say(1, (map.members?.entries ?? []).map { "\($0.key)=\($0.value.string ?? "")\n" }.sorted().joined()) }
    try report.show(format, kind, made, word(isChanged, set.isEmpty))
  }

  private func word(_ isChanged: Bool, _ onlyRemoved: Bool) -> String {
    if !isLabel { return done }
    return isChanged ? (onlyRemoved ? undone : done) : "not labeled"
  }

  /// As errors are put together: one as it is, several in brackets.
  static func several(_ list: [String]) -> String { list.count == 1 ? list[0] : "[" + list.joined(separator: ", ") + "]" }
}

extension Session {
  /// TYPE NAME …, TYPE/NAME …, or TYPE with --all or a selector: which objects are meant.
  func chosen(
    _ words: [String], namespace ns: String?, all: Bool, selector: String?, fieldSelector: String?,
    unnamed: String = "resource(s) were provided, but no name was specified", verb: String = "get"
  ) throws -> [(Kind, String, String)] {
    let (kinds, names) = try targets(words, verb: verb)
    let (selector, fieldSelector) = (Selection.given(selector), Selection.given(fieldSelector))
    if !names.isEmpty {
      if ns == nil, kinds.contains(where: \.isNamespaced) { throw Failure.error("a resource cannot be retrieved by name across all namespaces") }
      if selector != nil || fieldSelector != nil || all { throw Failure.error("name cannot be provided when a selector is specified") }
      return names.map { ($0.0, $0.0.isNamespaced ? namespace : "", $0.1) }
    }
    guard all || selector != nil || fieldSelector != nil else { throw Failure.error(unnamed) }
    let selection = try Selection(selector, fieldSelector, kinds: kinds)
    return try kinds.flatMap { k in
      try list(k, ns).filter(selection.matches).map { v in
        let meta = ObjectMeta(v["metadata"] ?? .null)
        return (k, meta.namespace, meta.name)
      }
    }
  }
}
