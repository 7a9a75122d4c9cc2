// SPDX-License-Identifier: Apache-2.0
//
// replace: the object becomes what the manifest says, as a whole. --force: it is deleted and made again. Kubernetes kubectl/pkg/cmd/replace.
import ArgumentParser
import Control
import Kernel
import Manifest

struct ReplaceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replace", abstract: "Replace objects by manifests.", discussion: "Example: podctl replace -f pod.yaml    podctl replace --force -f pod.yaml")

  @OptionGroup var input: FileOptions
  @Flag(name: .long, help: "Delete the object and make it again.") var force = false
  @Option(name: .long, parsing: .unconditional, help: "With --force, seconds for a pod to end; -1 is the pod's own.") var gracePeriod: Int64 = -1
  @OptionGroup var save: SaveOptions
  @OptionGroup var validation: ValidateOptions
  @OptionGroup var change: ChangeOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    try input.check(required: true)
    try validation.check()
    if gracePeriod >= 0 && !force { throw Failure.error("--grace-period must have --force specified") }
    if force && change.dryRun != .none { throw Failure.error("--dry-run can not be used when --force is set") }
    let report = change.report
    let format = try report.format()
    let objects = try Manifests.load(input, common.place)
    if objects.isEmpty { throw Failure.error("no objects passed to replace") }
    let session = try change.dryRun == .none ? common.open() : common.look()
    var failures = ""
    for o in objects {
      guard let kind = Kind(rawValue: o.kind.rawValue) else { continue }
      do { try replace(o, kind, session, report, format) } catch let f as Failure { failures += f.during("error when replacing \"\(o.file)\"").text }
    }
    if !failures.isEmpty { throw Failure(text: failures) }
  }

  private func replace(_ o: LoadedFileObject, _ kind: Kind, _ session: Session, _ report: ChangeReport, _ format: OutputFormat) throws {
    let (ns, name) = (o.metadata.namespace, o.metadata.name)
    if name.isEmpty { throw Failure.error("from \(o.metadata.generateName ?? ""): cannot use generate name with replace") }
    var value = save.saveConfig ? LastApplied.stored(o.value, o.written) : o.value
    let old = try session.stored(kind, ns, name)
    if force {
      if old != nil {
        try session.removeAndWait(kind, ns, name, grace: gracePeriod)
        say(1, "\(kind.singular) \"\(name)\" deleted from \(ns) namespace\n")
      }
      return try report.show(format, kind, try session.create(kind, value), "replaced")
    }
    guard let old else { throw Failure.notFound(kind, name) }
    if let version = value["metadata"]?["resourceVersion"]?.string, !version.isEmpty, version != old["metadata"]?["resourceVersion"]?.string {
      throw Failure.conflict(kind, name)
    }
    if let uid = value["metadata"]?["uid"]?.string, uid != old["metadata"]?["uid"]?.string {
      throw Failure.server(
        "Conflict", "Operation cannot be fulfilled on \(kind.plural) \"\(name)\": StorageError: invalid object, Code: 4, Precondition failed: UID in precondition: \(uid), UID in object meta: \(old["metadata"]?["uid"]?.string ?? "")")
    }
    // The manifest that apply keeps stays true where there is one.
    if LastApplied.of(value) != nil { value = LastApplied.stored(value, o.written) }
    if kind == .pod, value["spec"]?["nodeName"] == nil, let node = old["spec"]?["nodeName"] {
      var spec = value["spec"] ?? .null
      spec["nodeName"] = node
      value["spec"] = spec
    }
    let new = try session.judged(kind, old: old, new: value)
    let made = change.dryRun != .none || Session.isSame(old, new) ? new : try session.update(kind, old: old, new: new)
    try report.show(format, kind, made, "replaced")
  }
}

extension Failure {
  static func conflict(_ kind: Kind, _ name: String) -> Failure {
    server("Conflict", "Operation cannot be fulfilled on \(kind.plural) \"\(name)\": the object has been modified; please apply your changes to the latest version and try again")
  }
}
