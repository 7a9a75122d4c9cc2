// SPDX-License-Identifier: Apache-2.0
//
// create: objects that must not be there yet, from manifests or, by a subcommand for each kind, from the command line.
import ArgumentParser
import Control
import Manifest

struct CreateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Create objects from manifests, or a secret, configmap, serviceaccount or token from values.",
    discussion: "Example: podctl create -f pod.yaml    podctl create secret generic db --from-literal=password=x    podctl create configmap web --from-file=conf/",
    subcommands: [CreateSecretCommand.self, CreateConfigMapCommand.self, CreateServiceAccountCommand.self, CreateTokenCommand.self])

  @OptionGroup var input: FileOptions
  @OptionGroup var save: SaveOptions
  @OptionGroup var validation: ValidateOptions
  @OptionGroup var change: ChangeOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    try input.check(required: true)
    try validation.check()
    let report = change.report
    let format = try report.format()
    let objects = try Manifests.load(input, common.place, distinct: false)
    if objects.isEmpty { throw Failure.error("no objects passed to create") }
    let session = try change.dryRun == .client ? nil : common.open()
    // What cannot be made does not keep the others from it.
    var failures = ""
    for o in objects {
      guard let kind = Kind(rawValue: o.kind.rawValue) else { continue }
      let value = save.saveConfig ? LastApplied.stored(o.value, o.written) : o.value
      do {
        try report.show(format, kind, try made(o, kind, value, session), "created")
      } catch let f as Failure { failures += f.during("error when creating \"\(o.file)\"").text }
    }
    if !failures.isEmpty { throw Failure(text: failures) }
  }

  private func made(_ o: LoadedFileObject, _ kind: Kind, _ value: Value, _ session: Session?) throws -> Value {
    guard let session else { return save.saveConfig ? LastApplied.stored(o.written, o.written) : o.written }
    if change.dryRun == .none { return try session.create(kind, value) }
    if try session.stored(kind, o.metadata.namespace, o.metadata.name) != nil { throw Failure.exists(kind, o.metadata.name) }
    return Instance.stamped(value, old: nil, wall: session.now)
  }
}

/// A group of its own: what a command has in a group that its subcommand has too reaches the subcommand.
struct SaveOptions: ParsableArguments {
  @Flag(name: .long, help: "Keep the manifest in an annotation, so that apply can change the object later.") var saveConfig = false
}

/// What the subcommands of create share.
struct CreateOptions: ParsableArguments {
  @OptionGroup var save: SaveOptions
  @OptionGroup var change: ChangeOptions
  @OptionGroup var common: CommonOptions

  /// The one name.
  static func name(_ names: [String]) throws -> String {
    guard names.count == 1 else { throw Failure.error("exactly one NAME is required, got \(names.count)") }
    return names[0]
  }

  /// Judges and makes an object that was put together from the command line. what: as kubectl names it when it fails.
  func make(_ kind: Kind, _ name: String, _ rest: [(String, Value)], failing what: String) throws {
    let format = try change.format()
    var meta: [(String, Value)] = [("name", .string(name))]
    if let ns = common.namespace ?? (change.dryRun == .client ? nil : "default") { meta.append(("namespace", .string(ns))) }
    var value: Value = .object([("apiVersion", .string("v1")), ("kind", .string(kind.rawValue)), ("metadata", .object(meta))] + rest)
    if save.saveConfig { value = LastApplied.stored(value, value) }
    let loaded = Loader.load(JSON.compactBytes(value), file: name, namespace: common.ns)
    if !loaded.errors.isEmpty { throw Failure.error("failed to create \(what) " + loaded.errors.map { "\($0.path): \($0.message)" }.joined(separator: "\n")) }
    guard let judged = loaded.objects.first?.value else { return }
    if change.dryRun == .client {
      var shown: [(String, Value)] = []
      for e in value.members?.entries ?? [] { shown.append((e.key, e.value)) }
      return try change.show(format, kind, .object(shown), "created")
    }
    let session = try common.open()
    do {
      if change.dryRun == .server {
        if try session.stored(kind, common.ns, name) != nil { throw Failure.exists(kind, name) }
        return try change.show(format, kind, Instance.stamped(judged, old: nil, wall: session.now), "created")
      }
      try change.show(format, kind, try session.create(kind, judged), "created")
    } catch let f as Failure where f.text.hasPrefix("Error from server (AlreadyExists): ") {
      throw Failure.error("failed to create \(what) \(kind.plural) \"\(name)\" already exists")
    }
  }
}
