// SPDX-License-Identifier: Apache-2.0
//
// delete: by name, label, field, file, or all. Kubernetes kubectl/pkg/cmd/delete.
import ArgumentParser
import Control
import Glibc
import Kernel
import Manifest

struct DeleteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "End and remove objects.",
    discussion: "Example: podctl delete pod web --grace-period=5    podctl delete -f pod.yaml    podctl delete pods -l app=web")

  @Argument(help: "TYPE NAME …, TYPE/NAME …") var what: [String] = []
  @OptionGroup var input: FileOptions
  @Option(name: [.customShort("l"), .long], help: "Those with these labels.") var selector: String?
  @Option(name: .long, help: "Those with these fields.") var fieldSelector: String?
  @Flag(name: .long, help: "All of the type.") var all = false
  @Flag(name: [.customShort("A"), .long], help: "In all namespaces.") var allNamespaces = false
  @Option(name: .long, parsing: .unconditional, help: "Seconds; -1 is the pod's own.") var gracePeriod: Int64 = -1
  @Flag(name: .long, help: "With --grace-period=0: kill at once.") var force = false
  @Flag(name: .long, help: "The same as --grace-period=1.") var now = false
  @Option(name: .long, help: "true or false: whether to wait until it is gone.") var wait = true
  @Option(name: .long, help: "How long to wait; 0 for as long as it takes.") var timeout = "0s"
  @Flag(name: .long, help: "No error for what is not there.") var ignoreNotFound = false
  @Option(name: .long, help: "background, foreground or orphan; objects here have no dependents.") var cascade = "background"
  @Option(name: .customLong("dry-run"), help: "client or server: say what would be deleted.") var dryRun: DryRun = .none
  @Option(name: .shortAndLong, help: "name") var output: String?
  @OptionGroup var common: CommonOptions

  func run() throws {
    try input.check(required: false)
    try Deletion(
      what: what, files: input.files, recursive: input.recursive, selector: selector, fieldSelector: fieldSelector, all: all, allNamespaces: allNamespaces,
      gracePeriod: gracePeriod, force: force, now: now, wait: wait, timeout: timeout, ignoreNotFound: ignoreNotFound, cascade: cascade, dryRun: dryRun,
      output: output, common: common.place
    ).run()
  }
}

/// What delete is asked for, however it was read (Quick.swift).
struct Deletion {
  let what: [String]
  let files: [String]
  let recursive: Bool
  let selector: String?
  let fieldSelector: String?
  let all: Bool
  let allNamespaces: Bool
  let gracePeriod: Int64
  let force: Bool
  let now: Bool
  let wait: Bool
  let timeout: String
  let ignoreNotFound: Bool
  let cascade: String
  let dryRun: DryRun
  let output: String?
  let common: Place

  func run() throws {
    if now && gracePeriod >= 0 { throw Failure.error("--now and --grace-period cannot be specified together") }
    if force && gracePeriod > 0 { throw Failure.error("--force and --grace-period greater than 0 cannot be specified together") }
    if let output, output != "name" { throw Failure.error("unexpected -o output mode: \(output). We only support '-o name'") }
    if all, selector != nil { throw Failure.error("cannot set --all and --selector at the same time") }
    if all, fieldSelector != nil { throw Failure.error("cannot set --all and --field-selector at the same time") }
    guard ["background", "foreground", "orphan", "true", "false"].contains(cascade) else {
      throw Failure.error("invalid cascade value (\(cascade)). Must be \"background\", \"foreground\", or \"orphan\"")
    }
    guard let limit = duration(timeout) else { throw Failure.error("invalid argument \"\(timeout)\" for \"--timeout\" flag: time: invalid duration \"\(timeout)\"") }
    let files = self.files.isEmpty ? nil : try Manifests.load(self.files, recursive: recursive, common)
    let session = try dryRun == .none ? common.open() : common.look()
    let found = try files?.names ?? chosen(session)
    if force { say(2, "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n") }
    var waiting: [Departure] = []
    var missing = ""
    for (kind, ns, name) in found {
      guard let departure = try session.depart(kind, ns, name, request, dryRun: dryRun != .none) else {
        let failure = Failure.notFound(kind, name)
        let source = files?.first { $0.metadata.name == name && $0.kind.rawValue == kind.rawValue }?.file
        if !ignoreNotFound && !(all || selector != nil || fieldSelector != nil) { missing += (source.map { failure.during("error when deleting \"\($0)\"") } ?? failure).text }
        continue
      }
      waiting.append(departure)
      if output == "name" { say(1, "\(kind.singular)/\(name)\n") } else {
        say(1, "\(kind.singular) \"\(name)\" \(force ? "force deleted" : "deleted") from \(ns) namespace\(dryRun.mark)\n")
      }
    }
    if wait, dryRun == .none {
      let deadline = limit > 0 ? Clock.monotonic + limit : nil
      for d in waiting { try d.end(session, deadline) }
    } else {
      for d in waiting { try d.stream?.acknowledged() }
    }
    if !missing.isEmpty { throw Failure(text: missing) }
  }

  private var request: Value {
    var grace: Value = .null
    if now { grace = .int(1) }
    if gracePeriod >= 0 { grace = .int(gracePeriod == 0 && !force ? 1 : gracePeriod) }
    return .object([("verb", .string("delete")), ("grace", force ? .int(0) : grace), ("force", .bool(force))])
  }

  private func chosen(_ session: Session) throws -> [(Kind, String, String)] {
    let found = try session.chosen(
      what, namespace: allNamespaces ? nil : common.ns, all: all, selector: selector, fieldSelector: fieldSelector, verb: "delete")
    if found.isEmpty, !ignoreNotFound { say(1, "No resources found\n") }
    return found
  }
}

/// An object that is going.
struct Departure {
  let kind: Kind
  let namespace: String
  let name: String
  /// Of a Pod: its supervisor, which tells when it is gone.
  fileprivate var stream: PoddStream?
  /// Whether it is gone already.
  fileprivate var isGone = false

  /// Waits until it is gone. deadline: nanoseconds of CLOCK_MONOTONIC.
  func end(_ session: Session, _ deadline: Int64?) throws {
    let late = Failure.error("timed out waiting for the condition on \(kind.plural)/\(name)")
    if let stream {
      while true {
        switch try stream.next(deadline: deadline) {
        case .end: return
        case .late: throw late
        case .value(let v):
          if let why = v["error"]?.string { throw Failure.error(why) }
          if v["deleted"]?.bool == true { return }
        }
      }
    }
    if isGone { return }
    let watcher = try Watcher(session, [kind], namespace: namespace) { _, v in v["metadata"]?["name"]?.string == name }
    while !watcher.current.isEmpty { guard try watcher.next(deadline: deadline) != nil else { throw late } }
  }
}

extension Session {
  /// Has an object go; nil where there is none. request: what a Pod's supervisor is told.
  func depart(_ kind: Kind, _ ns: String, _ name: String, _ request: Value, dryRun: Bool = false) throws -> Departure? {
    if kind == .event || kind == .node {
      if try find(kind, ns, name) == nil { return nil }
      throw Failure.server("MethodNotAllowed", "the server does not allow this method on the requested resource")
    }
    guard let old = try stored(kind, ns, name) else { return nil }
    var departure = Departure(kind: kind, namespace: ns, name: name)
    if dryRun { return departure }
    if kind == .pod {
      if let note = try Podd.ensure(instance, ns, name, programs: programs) { say(2, "note: \(note)\n") }
      departure.stream = try PoddStream(self, ns, name, request)
      return departure
    }
    if old["metadata"]?["finalizers"]?.array?.isEmpty == false {
      var meta = old["metadata"] ?? .null
      if meta["deletionTimestamp"] == nil {
        meta["deletionTimestamp"] = .string(now.rfc3339)
        meta["deletionGracePeriodSeconds"] = .int(0)
        var marked = old
        marked["metadata"] = meta
        try instance.store(Instance.stamped(marked, old: old, wall: now))
      }
      return departure
    }
    do throws(SysError) { try instance.removeObject(kind.rawValue, ns, name) } catch {
      if error.errno == ENOENT { return nil }
      throw error
    }
    departure.isGone = true
    return departure
  }

  /// For what takes the place of the old one. grace: seconds; -1 is the Pod's own.
  func removeAndWait(_ kind: Kind, _ ns: String, _ name: String, grace: Int64) throws {
    let request: Value = .object([("verb", .string("delete")), ("grace", grace < 0 ? .null : .int(grace)), ("force", .bool(grace == 0))])
    try depart(kind, ns, name, request)?.end(self, nil)
  }
}
