// SPDX-License-Identifier: Apache-2.0
//
// patch: a change of an object as data, of three kinds; and the conditions of a Pod that readiness gates name, which nobody but the outside sets.
// Kubernetes kubectl/pkg/cmd/patch.
import ArgumentParser
import Control
import Kernel
import Manifest

enum PatchKind: String, CaseIterable, ExpressibleByArgument {
  case json, merge, strategic

  init?(argument: String) { self.init(rawValue: argument.lowercased()) }
}

struct PatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "patch", abstract: "Change an object by a patch: strategic merge, JSON merge or JSON patch.",
    discussion: """
      Example: podctl patch pod web -p '{"metadata": {"labels": {"tier": "front"}}}'
      podctl patch pod web --type=json -p '[{"op": "replace", "path": "/spec/containers/0/image", "value": "busybox:1.36"}]'
      podctl patch pod web --subresource=status -p '{"status": {"conditions": [{"type": "example.com/ok", "status": "True"}]}}'
      """)

  @Argument(help: "TYPE NAME … or TYPE/NAME …") var what: [String] = []
  @OptionGroup var input: FileOptions
  @Option(name: .shortAndLong, help: "The patch, as JSON or YAML.") var patch: String?
  @Option(name: .long, help: "A file that holds the patch.") var patchFile: String?
  @Option(name: .long, help: "strategic (lists are merged by their keys), merge or json.") var type = PatchKind.strategic.rawValue
  @Option(name: .long, help: "status: the conditions of a pod's readiness gates; resize: its resources.") var subresource: String?
  @OptionGroup var change: ChangeOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    guard let type = type.isEmpty ? .strategic : PatchKind(argument: type) else {
      throw Failure.error("--type must be one of [\(PatchKind.allCases.map(\.rawValue).joined(separator: " "))], not \"\(type)\"")
    }
    let patch = try given(type)
    try input.check(required: false)
    if let subresource, !["status", "resize"].contains(subresource) {
      throw Failure.error("invalid subresource value: \"\(subresource)\". Must be one of [resize status]")
    }
    let report = change.report
    let format = try report.format()
    let session = try change.dryRun == .none ? common.open() : common.look()
    let found =
      input.files.isEmpty
      ? try session.chosen(
        what, namespace: common.ns, all: false, selector: nil, fieldSelector: nil, verb: "patch")
      : try Manifests.load(input, common.place).names
    if found.isEmpty { throw Failure.error("no objects passed to patch") }
    try Failure.each(found) { kind, ns, name in try work(kind, ns, name, patch, type, session, report, format) }
  }

  private func given(_ type: PatchKind) throws -> Value {
    let text: String
    switch (patch ?? "", patchFile ?? "") {
    case ("", ""): throw Failure.error("must specify --patch or --patch-file containing the contents of the patch")
    case (let given, ""): text = given
    case ("", let file):
      do throws(SysError) { text = try FileSystem.readText(file) } catch {
        throw Failure.error("unable to read patch file: open \(file): \(errnoText(error.errno).lowercased())")
      }
    default: throw Failure.error("cannot specify --patch and --patch-file together")
    }
    let (documents, problems) = YAMLReader.read(Array(text.utf8), file: "patch")
    guard problems.isEmpty, documents.count == 1, let value = documents.first?.value, type == .json ? value.array != nil : value.members != nil else {
      throw Failure.error("unable to parse \"\(text)\": " + (problems.first?.message ?? "a patch is \(type == .json ? "a list of operations" : "an object")"))
    }
    return value
  }

  private func work(
    _ kind: Kind, _ ns: String, _ name: String, _ patch: Value, _ type: PatchKind, _ session: Session, _ report: ChangeReport,
    _ format: OutputFormat
  ) throws {
    guard kind != .event, let old = try subresource == "status" ? session.find(kind, ns, name) : session.stored(kind, ns, name) else { throw Failure.notFound(kind, name) }
    var wanted: Value
    switch type {
    case .strategic: wanted = Merge.threeWay(last: .null, manifest: patch, live: old)
    case .merge: wanted = JSONPatch.merged(patch, into: old)
    case .json:
      do throws(JSONPatch.Failed) { wanted = try JSONPatch.applied(patch.array ?? [], to: old) } catch {
        throw Failure(text: "The request is invalid: the server rejected our request due to an error in our request: \(error)\n")
      }
    }
    if subresource == "status" { return try setConditions(kind, ns, name, old, wanted, session, report, format) }
    if subresource == "resize" {
      guard kind == .pod else { throw Failure.error("\(kind.plural) \"\(name)\" has no subresource resize") }
      // What else the patch would change is passed over (pkg/registry/core/pod, dropNonResizeUpdates).
      wanted = resizedPod(old, to: wanted)
    }
    // Who names a version means that one.
    if let version = wanted["metadata"]?["resourceVersion"]?.string, version != old["metadata"]?["resourceVersion"]?.string { throw Failure.conflict(kind, name) }
    let new = try session.judged(kind, old: old, new: wanted)
    let isSame = Session.isSame(old, new)
    let made = change.dryRun != .none || isSame ? new : try session.update(kind, old: old, new: new)
    try report.show(format, kind, made, isSame ? "patched (no change)" : "patched")
  }

  /// Of a status only what its supervisor does not decide itself can be set from outside; the rest it would write anew at once.
  private func setConditions(
    _ kind: Kind, _ ns: String, _ name: String, _ old: Value, _ new: Value, _ session: Session, _ report: ChangeReport, _ format: OutputFormat
  ) throws {
    guard kind == .pod else { throw Failure.error("\(kind.plural) \"\(name)\" has no subresource status here") }
    var changed = false
    for c in new["status"]?["conditions"]?.array ?? [] {
      guard let type = c["type"]?.string, !Self.own.contains(type) else { continue }
      guard let status = c["status"]?.string, ["True", "False", "Unknown"].contains(status) else {
        throw Failure.invalid(kind, name, ["status.conditions: Invalid value: \"\(c["status"]?.string ?? "")\": the status of \(type) is True, False or Unknown"])
      }
      if old["status"]?["conditions"]?.array?.contains(where: { $0["type"]?.string == type && $0["status"]?.string == status }) ?? false { continue }
      changed = true
      if change.dryRun != .none { continue }
      if let note = try Podd.ensure(session.instance, ns, name, programs: session.programs) { say(2, "note: \(note)\n") }
      var client = try PoddClient(session.instance.place(ns, name))
      try client.send(.object([("verb", .string("condition")), ("type", .string(type)), ("status", .bool(status == "True"))]))
      if case .value(let answer) = try client.next(), let why = answer["error"]?.string { throw Failure.error(why) }
    }
    let made = changed && change.dryRun == .none ? try session.find(kind, ns, name) ?? new : new
    try report.show(format, kind, made, changed ? "patched" : "patched (no change)")
  }

  /// What a Pod's supervisor says itself (k8s.io/api/core/v1, PodConditionType).
  private static let own: Set<String> = [
    "PodScheduled", "PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready", "PodResizePending", "PodResizeInProgress", "DisruptionTarget",
    "AllContainersRestarting",
  ]
}
