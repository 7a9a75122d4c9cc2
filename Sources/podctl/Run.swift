// SPDX-License-Identifier: Apache-2.0
//
// run: a Pod of one container from the command line, perhaps with its input and output here, and gone afterwards. Kubernetes kubectl/pkg/cmd/run.
import ArgumentParser
import Control
import Images
import Manifest

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Make a pod of one container from the command line.",
    discussion: "Example: podctl run web --image=nginx --port=80    podctl run -it --rm look --image=busybox --restart=Never -- sh")

  @Argument(help: "The pod's name, then -- and what the container is to run.") var words: [String] = []
  @Option(name: .long, help: "The container's image.") var image: String?
  @Option(name: .long, help: "NAME=VALUE for its environment; may be repeated.") var env: [String] = []
  @Option(name: .long, help: "A port that it listens on.") var port: Int64?
  @Option(name: [.customShort("l"), .long], help: "NAME=VALUE,… (default: run=NAME).") var labels: String?
  @Option(name: .long, help: "NAME=VALUE; may be repeated.") var annotations: [String] = []
  @Option(name: .long, help: "Always, OnFailure or Never.") var restart = "Always"
  @Option(name: .long, help: "Always, IfNotPresent or Never.") var imagePullPolicy: String?
  @Flag(name: .long, help: "What stands after -- goes before the image's own program, not to it as arguments.") var command = false
  @Flag(name: .long, help: "With all rights of the machine.") var privileged = false
  @Option(name: .long, help: "A JSON object that is put over the pod.") var overrides: String?
  @Option(name: .long, help: "How: merge, json or strategic.") var overrideType: PatchKind = .merge
  @Flag(name: [.customShort("i"), .customLong("stdin")], help: "Keep standard input open, and attach.") var stdin = false
  @Flag(name: [.customShort("t"), .customLong("tty")], help: "On a terminal.") var tty = false
  @Flag(name: .long, inversion: .prefixedNo, help: "Attach when it runs (default: with -i); --attach=false as well.") var attach: Bool?
  @Flag(name: .long, help: "Leave standard input open when it was attached to once.") var leaveStdinOpen = false
  @Flag(name: .customLong("rm"), help: "Delete the pod when what it ran has ended; only with --attach or -i.") var removes = false
  @Flag(name: .shortAndLong, help: "Say less.") var quiet = false
  @OptionGroup var change: ChangeOptions
  @OptionGroup var common: CommonOptions

  private var attaches: Bool { attach ?? (stdin || tty) }

  func run() throws {
    let program = Array(words.suffix(wordsAfterTerminator))
    let names = words.dropLast(wordsAfterTerminator)
    guard let name = names.first else { throw Failure.error("NAME is required for run") }
    try check()
    let format = try change.format()
    let given = try pod(name, Array(names.dropFirst()) + program)
    let loaded = Loader.load(JSON.compactBytes(given), file: "pod/\(name)", namespace: common.ns)
    if !loaded.errors.isEmpty { throw Failure.invalid(.pod, name, loaded.errors.map { "\($0.path): \($0.message)" }) }
    guard let object = loaded.objects.first, object.kind == .pod else { throw Failure.error("--overrides made something else of it than a pod") }
    if change.dryRun == .client { return try change.show(format, .pod, given, "created") }
    let session = try common.open()
    if change.dryRun == .server { return try change.show(format, .pod, Instance.stamped(object.value, old: nil, wall: session.now), "created") }
    let made = try session.create(.pod, object.value)
    guard attaches else { return try change.show(format, .pod, made, "created") }
    defer { if removes { remove(name, session) } }
    try DebugAttach(session, common.ns, name, made["spec"]?["containers"]?[0]?["name"]?.string ?? name, stdin: stdin, tty: tty, quiet: quiet).run()
    if restart != "Always", !leaveStdinOpen { try end(name, session) }
  }

  private func check() throws {
    guard let image, !image.isEmpty else { throw Failure.error("--image is required") }
    do throws(ImageReference.Invalid) { _ = try ImageReference(parsing: image) } catch { throw Failure.error("Invalid image name \"\(image)\": invalid reference format") }
    if !["Always", "OnFailure", "Never"].contains(restart) { throw Failure.error("invalid restart policy: \(restart)") }
    if let p = imagePullPolicy, !["Always", "IfNotPresent", "Never"].contains(p) { throw Failure.error("invalid image pull policy: \(p)") }
    if tty && !stdin { throw Failure.error("-i/--stdin is required for containers with -t/--tty=true") }
    if removes && !attaches { throw Failure.error("--rm should only be used for attached containers") }
    if change.dryRun != .none && attaches { throw Failure.error("--dry-run=\(change.dryRun.rawValue) can't be used with attached containers options (--attach, --stdin, or --tty)") }
  }

  /// The manifest.
  private func pod(_ name: String, _ program: [String]) throws -> Value {
    func pairs(_ all: [String], _ what: String) throws -> [(String, Value)] {
      try all.map { text in
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else { throw Failure.error("invalid \(what): \(text)") }
        return (String(text[..<equals]), .string(String(text[text.index(after: equals)...])))
      }
    }
    var c: [(String, Value)] = [("name", .string(name)), ("image", .string(image ?? "")), ("resources", .object([]))]
    if !program.isEmpty { c.append((command ? "command" : "args", .strings(program))) }
    if !env.isEmpty { c.append(("env", .array(try pairs(env, "env").map { .object([("name", .string($0.0)), ("value", $0.1)]) }))) }
    if let port { c.append(("ports", .array([.object([("containerPort", .int(port))])]))) }
    if let imagePullPolicy { c.append(("imagePullPolicy", .string(imagePullPolicy))) }
    if privileged { c.append(("securityContext", .object([("privileged", .bool(true))]))) }
    if stdin { c.append(("stdin", .bool(true))) }
    if stdin, !leaveStdinOpen { c.append(("stdinOnce", .bool(true))) }
    if tty { c.append(("tty", .bool(true))) }
    var meta: [(String, Value)] = [("name", .string(name)), ("labels", .object(try labels.map { try pairs($0.split(separator: ",").map(String.init), "label spec") } ?? [("run", .string(name))]))]
    if let ns = common.namespace ?? (change.dryRun == .client ? nil : "default") { meta.append(("namespace", .string(ns))) }
    if !annotations.isEmpty { meta.append(("annotations", .object(try pairs(annotations, "annotation")))) }
    let pod = Value.object([
      ("apiVersion", .string("v1")), ("kind", .string("Pod")), ("metadata", .object(meta)),
      ("spec", .object([("containers", .array([.object(c)])), ("dnsPolicy", .string("ClusterFirst")), ("restartPolicy", .string(restart))])), ("status", .object([])),
    ])
    guard let overrides else { return pod }
    let (documents, problems) = YAMLReader.read(Array(overrides.utf8), file: "overrides")
    guard problems.isEmpty, documents.count == 1, let over = documents.first?.value else { throw Failure.error("Invalid value for --overrides: \(problems.first?.message ?? "one object is expected")") }
    switch overrideType {
    case .strategic: return Merge.threeWay(last: .null, manifest: over, live: pod)
    case .merge: return JSONPatch.merged(over, into: pod)
    case .json: do throws(JSONPatch.Failed) { return try JSONPatch.applied(over.array ?? [], to: pod) } catch { throw Failure.error("\(error)") }
    }
  }

  /// Waits for the Pod's end, which is then podctl's.
  private func end(_ name: String, _ session: Session) throws {
    let podd = try PoddStream(session, common.ns, name)
    while case .value(let v) = try podd.next() {
      guard let object = v["object"] else { break }
      switch object["status"]?["phase"]?.string {
      case "Succeeded": return
      case "Failed":
        let t = object["status"]?["containerStatuses"]?[0]?["state"]?["terminated"]
        guard let code = t?["exitCode"]?.int, code != 0 else { throw Failure.error("pod \(common.ns)/\(name) failed with unknown exit code") }
        let why = "pod \(common.ns)/\(name) terminated (\(t?["reason"]?.string ?? ""))\n\(t?["message"]?.string ?? "")"
        throw Failure(text: quiet ? "" : why.hasSuffix("\n") ? why : why + "\n", code: Int32(clamping: code))
      default: continue
      }
    }
  }

  private func remove(_ name: String, _ session: Session) {
    do {
      try session.removeAndWait(.pod, common.ns, name, grace: -1)
      if !quiet { say(1, "pod \"\(name)\" deleted from \(common.ns) namespace\n") }
    } catch { say(2, "error: \(error)\n") }
  }
}
