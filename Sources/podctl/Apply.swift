// SPDX-License-Identifier: Apache-2.0
//
// apply: manifests in, objects made or changed as their manifests were. Everything is read and judged before anything is touched. Kubernetes
// kubectl/pkg/cmd/apply.
import ArgumentParser
import Control
import Glibc
import Kernel
import Manifest

struct ApplyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply", abstract: "Create or change objects from manifests.",
    discussion: "Example: podctl apply -f pod.yaml    podctl apply -f - <pod.yaml    podctl apply -f folder -f more.yaml")

  @OptionGroup var input: FileOptions
  @Flag(name: .long, help: "Delete and make again what cannot be changed in place.") var force = false
  @Option(name: .long, parsing: .unconditional, help: "Seconds that --force gives a pod to end; -1 is the pod's own.") var gracePeriod: Int64 = -1
  @Option(name: [.customShort("l"), .long], help: "Only the objects with these labels.") var selector: String?
  @Flag(name: .long, inversion: .prefixedNo, help: .hidden) var prune = false
  @Flag(name: .long, help: .hidden) var serverSide = false
  @OptionGroup var validation: ValidateOptions
  @OptionGroup var change: ChangeOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    try input.check(required: true)
    try validation.check()
    if prune { throw Failure.error("--prune is not supported here: delete what is no longer wanted with podctl delete -l or -f") }
    if serverSide { throw Failure.error("--server-side is not supported here: there are no field managers; apply without it") }
    try Application(
      files: input.files, recursive: input.recursive, force: force, gracePeriod: gracePeriod, selector: selector, change: change.report, common: common.place
    ).run()
  }
}

/// What apply is asked for, however it was read (Quick.swift).
struct Application {
  let files: [String]
  let recursive: Bool
  let force: Bool
  let gracePeriod: Int64
  let selector: String?
  let change: ChangeReport
  let common: Place

  func run() throws {
    let format = try change.format()
    let selection = try Selection(selector)
    let objects = try Manifests.load(files, recursive: recursive, common).filter { selection.matches($0.value) }
    if let o = objects.first(where: { $0.metadata.name.isEmpty }) {
      throw Failure.error("from \(o.metadata.generateName ?? ""): cannot use generate name with apply")
    }
    if objects.isEmpty { throw Failure.error("no objects passed to apply") }
    let session = try change.dryRun == .none ? common.open() : common.look()
    var steps: [ApplyStep] = []
    for (i, o) in objects.enumerated() { steps.append(try ApplyStep(o, session, force: force, before: change.dryRun == .client ? nil : objects[..<i])) }
    var list: [Value] = []
    for step in steps {
      let (object, word) = try step.make(session, change.dryRun, gracePeriod)
      if format.isLines || steps.count == 1 { try change.show(format, step.kind, object, word) } else { list.append(object) }
    }
    if !list.isEmpty { say(1, try outputText(format, OutputFormat.list(list), "")) }
  }
}

/// What is to be done about one object, judged before anything is done.
struct ApplyStep {
  let kind: Kind
  private let given: LoadedFileObject
  private enum Plan {
    case create(Value)
    case change(old: Value, new: Value)
    case nothing(Value)
    /// The old one goes, then the new one comes.
    case recreate(Value)
  }
  private let plan: Plan

  /// before: what will have been done when its turn comes; nil where only the client judges (kubectl's dry run): admission is the server's.
  init(_ o: LoadedFileObject, _ session: Session, force: Bool, before: ArraySlice<LoadedFileObject>?) throws {
    guard let kind = Kind(rawValue: o.kind.rawValue) else { throw Failure.error("the server doesn't have a resource type \"\(o.kind.rawValue)\"") }
    (self.kind, given) = (kind, o)
    let (ns, name) = (o.metadata.namespace, o.metadata.name)
    func fresh() throws -> Value {
      let value = LastApplied.stored(o.value, o.written)
      return try before.map { try session.admitted(value, kind, before: $0) } ?? value
    }
    guard let old = try session.stored(kind, ns, name) else {
      plan = .create(try fresh())
      return
    }
    if let version = o.written["metadata"]?["resourceVersion"]?.string, !version.isEmpty, version != old["metadata"]?["resourceVersion"]?.string {
      throw Failure.conflict(kind, name).during("error when applying patch")
    }
    let last = LastApplied.of(old)
    if last == nil {
      say(2, "Warning: resource \(kind.plural)/\(name) is missing the \(LastApplied.key) annotation which is required by podctl apply. podctl apply should only be used on resources created declaratively by either podctl create --save-config or podctl apply. The missing annotation will be patched automatically.\n")
    }
    let merged = Merge.threeWay(last: Self.comparable(last ?? .null), manifest: LastApplied.stored(Self.comparable(o.written), o.written), live: old)
    do {
      let new = try session.judged(kind, old: old, new: merged)
      if Session.isSame(old, new) {
        plan = .nothing(old)
      } else {
        // Its finalizers can still be taken away, what ran in it does not change any more.
        if kind == .pod, old["spec"] != new["spec"], try session.instance.pod(ns, name)?["metadata"]?["deletionTimestamp"] != nil {
          throw Failure.server("Conflict", "error when applying patch: pods \"\(name)\" is being deleted")
        }
        plan = .change(old: old, new: new)
      }
    } catch let f as Failure where force && f.text.contains(" is invalid: ") {
      plan = .recreate(try fresh())
    }
  }

  /// Without what the server writes: it is not the manifest's to set or to remove.
  private static func comparable(_ v: Value) -> Value {
    var v = v
    v["status"] = nil
    guard var meta = v["metadata"] else { return v }
    for key in ["uid", "creationTimestamp", "resourceVersion", "generation", "selfLink", "managedFields"] { meta[key] = nil }
    v["metadata"] = meta
    return v
  }

  /// Does it, and says how it went: the object, and created, configured or unchanged.
  func make(_ session: Session, _ dryRun: DryRun, _ grace: Int64) throws -> (Value, String) {
    if dryRun != .none {
      switch plan {
      case .create(let v): return (dryRun == .client ? LastApplied.stored(given.written, given.written) : Instance.stamped(v, old: nil, wall: session.now), "created")
      case .change(let old, let new): return (Instance.stamped(new, old: old, wall: session.now), "configured")
      case .recreate(let v): return (v, "configured")
      // Only the server would know that nothing changes.
      case .nothing(let v): return (v, dryRun == .client ? "configured" : "unchanged")
      }
    }
    let (ns, name) = (given.metadata.namespace, given.metadata.name)
    switch plan {
    case .create(let v): return (try session.create(kind, v), "created")
    case .change(let old, let new): return (try session.update(kind, old: old, new: new), "configured")
    case .nothing(let v):
      if kind == .pod, let note = try Podd.ensure(session.instance, ns, name, programs: session.programs) { say(2, "note: \(note)\n") }
      return (v, "unchanged")
    case .recreate(let v):
      try session.removeAndWait(kind, ns, name, grace: grace)
      return (try session.create(kind, v), "configured")
    }
  }
}
