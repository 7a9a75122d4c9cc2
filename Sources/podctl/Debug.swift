// SPDX-License-Identifier: Apache-2.0
//
// debug: an ephemeral container in a Pod that runs, or a changed copy of the Pod. kubectl's rules and words:
// staging/src/k8s.io/kubectl/pkg/cmd/debug; profiles: KEP-1441.
import ArgumentParser
import Control
import Glibc
import Kernel
import Manifest

struct DebugCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "debug", abstract: "Look into a pod with an ephemeral container, or with a copy of the pod.",
    discussion: "Example: podctl debug web -it --image=busybox --target=app    podctl debug web --copy-to=web2 --set-image='*=busybox'")

  enum Profile: String, ExpressibleByArgument, CaseIterable { case legacy, general, baseline, netadmin, restricted, sysadmin }

  @Argument(help: "The pod, then -- and a program with its arguments.") var words: [String] = []
  @Option(name: .long, help: "The image of the debugging container.") var image: String?
  @Option(name: .shortAndLong, help: "Its name (default: debugger-xxxxx).") var container: String?
  @Option(name: .long, help: "See the processes of this container.") var target: String?
  @Flag(name: [.customShort("i"), .customLong("stdin")], help: "Keep standard input open, and attach.") var stdin = false
  @Flag(name: [.customShort("t"), .customLong("tty")], help: "On a terminal.") var tty = false
  @Flag(name: .long, inversion: .prefixedNo, help: "Attach when it runs (default: with -i); --attach=false as well.") var attach: Bool?
  @Option(name: .long, help: "NAME=VALUE for its environment; may be repeated.") var env: [String] = []
  @Option(name: .long, help: "Always, IfNotPresent or Never.") var imagePullPolicy: String?
  @Flag(name: .long, help: "What stands after -- are arguments to the image's own program.") var argumentsOnly = false
  @Option(name: .long, help: "What it may: \(Profile.allCases.map(\.rawValue).joined(separator: ", ")).") var profile = Profile.general
  @Option(name: .long, help: "A file with a part of a container's spec, JSON or YAML, that is put over the profile's.") var custom: String?
  @Option(name: .long, help: "Make a copy of the pod with this name instead.") var copyTo: String?
  @Flag(name: .long, help: "With --copy-to: delete the original.") var replace = false
  @Flag(name: .long, help: "With --copy-to: on the same node.") var sameNode = false
  @Option(name: .long, help: "With --copy-to: CONTAINER=IMAGE,…; * is every container.") var setImage: String?
  @Option(name: .long, help: "With --copy-to: true or false: one process namespace in the copy (default: true).") var shareProcesses: Bool?
  @Flag(name: .long, help: "With --copy-to: keep labels.") var keepLabels = false
  @Flag(name: .long, help: "With --copy-to: keep annotations.") var keepAnnotations = false
  @Flag(name: .long, help: "With --copy-to: keep liveness probes.") var keepLiveness = false
  @Flag(name: .long, help: "With --copy-to: keep readiness probes.") var keepReadiness = false
  @Flag(name: .long, help: "With --copy-to: keep startup probes.") var keepStartup = false
  @Option(name: .long, help: "With --copy-to: true or false: run init containers.") var keepInitContainers = true
  @Flag(name: .shortAndLong, help: "Say less.") var quiet = false
  @OptionGroup var common: CommonOptions

  private var program: [String] { Array(words.suffix(wordsAfterTerminator)) }
  private var names: ArraySlice<String> { words.dropLast(wordsAfterTerminator) }
  private var attaches: Bool { attach ?? stdin }

  func run() throws {
    try check()
    guard let word = names.first, names.count == 1 else {
      throw Failure.error(names.isEmpty ? "NAME or filename is required for debug" : "one pod at a time can be debugged here: \(names.joined(separator: " "))")
    }
    if word.hasPrefix("node/") || word.hasPrefix("nodes/") || word.hasPrefix("no/") {
      throw Failure.error("node/\(word.drop { $0 != "/" }.dropFirst()) not supported by debug: the node is this machine, `lab shell` opens a shell on it")
    }
    let pod = try podName(word)
    let session = try common.open()
    guard let object = try session.instance.readPodObject(common.ns, pod) else { throw Failure.notFound(.pod, pod) }
    if let target, !quiet {
      say(1, "Targeting container \"\(target)\". If you don't see processes from this container it may be because the container runtime doesn't support this feature.\n")
    }
    let (debugged, name) = copyTo == nil ? (pod, try addContainer(session, pod, object)) : try copy(session, pod, object)
    if attaches, let name { try DebugAttach(session, common.ns, debugged, name, stdin: stdin, tty: tty, quiet: quiet).run() }
  }

  private func check() throws {
    if attach == true && image == nil && container == nil {
      throw Failure.error("you must specify --container or create a new container using --image in order to attach.")
    }
    if copyTo != nil {
      if image == nil && setImage == nil && program.isEmpty { throw Failure.error("you must specify --image, --set-image or command arguments.") }
      if !program.isEmpty && container == nil && image == nil { throw Failure.error("you must specify an existing container or a new image when specifying args.") }
      if target != nil { throw Failure.error("--target is incompatible with --copy-to. Use --share-processes instead.") }
    } else {
      if replace { throw Failure.error("--replace may only be used with --copy-to.") }
      if sameNode { throw Failure.error("--same-node may only be used with --copy-to.") }
      if setImage != nil { throw Failure.error("--set-image may only be used with --copy-to.") }
      if image == nil { throw Failure.error("you must specify --image when not using --copy-to.") }
    }
    if let p = imagePullPolicy, !["Always", "IfNotPresent", "Never"].contains(p) { throw Failure.error("invalid image pull policy: \(p)") }
    if tty && !stdin { throw Failure.error("-i/--stdin is required for containers with -t/--tty=true") }
    for e in env where !e.contains("=") { throw Failure.error("\(e) must be formatted as key=value") }
  }

  // MARK: an ephemeral container

  private func addContainer(_ session: Session, _ pod: String, _ object: Value) throws -> String {
    if object["metadata"]?["deletionTimestamp"] != nil { throw Failure.server("Conflict", "pods \"\(pod)\" is being deleted") }
    let name = chosenName(object)
    var c = Value.object([("name", .string(name))])
    fill(&c)
    if let custom { c = try CustomProfile(absolutePath(custom)).applied(to: c) }
    c["targetContainerName"] = target.map(Value.string)
    var new = object
    var spec = new["spec"] ?? .null
    c = Defaults.container(c, hostNetwork: false)
    spec["ephemeralContainers"] = .array((spec["ephemeralContainers"]?.array ?? []) + [c])
    new["spec"] = spec
    let wrong = ephemeralContainerDiagnostics(old: object, new: new)
    if !wrong.isEmpty {
      let all = wrong.count == 1 ? wrong[0] : "[\(wrong.joined(separator: ", "))]"
      throw Failure(text: "The Pod \"\(pod)\" is invalid: \(all)\n")
    }
    var client = try session.client(pod)
    try client.send(.object([("verb", .string("update")), ("object", Instance.stamped(new, old: object, wall: session.now))]))
    if case .value(let answer) = try client.next(), let why = answer["error"]?.string { throw Failure.error(why) }
    return name
  }

  private func chosenName(_ object: Value) -> String {
    if let container { return container }
    let taken = ContainerNames(object).all
    // Letters and digits that cannot make a word (apimachinery util/rand).
    let letters = Array("bcdfghjklmnpqrstvwxz2456789")
    var name = ""
    repeat {
      name = "debugger-" + String(Instance.randomBytes(5).map { letters[Int($0) % letters.count] })
    } while taken.contains(name)
    if !quiet { say(1, "Defaulting debug container name to \(name).\n") }
    return name
  }

  /// What the options say about the container.
  private func fill(_ c: inout Value) {
    if let image { c["image"] = .string(image) }
    if !program.isEmpty {
      c[argumentsOnly ? "args" : "command"] = .strings(program)
      if !argumentsOnly { c["args"] = nil }
    }
    if !env.isEmpty {
      c["env"] = .array(env.map { e in
        let p = e.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        return .object([("name", .string(p[0])), ("value", .string(p.count > 1 ? p[1] : ""))])
      })
    }
    if let imagePullPolicy { c["imagePullPolicy"] = .string(imagePullPolicy) }
    c["stdin"] = stdin ? .bool(true) : nil
    c["tty"] = tty ? .bool(true) : nil
    var rights = c["securityContext"] ?? .null
    func add(_ names: [String]) {
      var set = rights["capabilities"] ?? .null
      let before = (set["add"]?.array ?? []).compactMap(\.string)
      set["add"] = .strings(before + names.filter { !before.contains($0) })
      rights["capabilities"] = set
    }
    switch profile {
    case .legacy, .baseline: break
    case .general: add(["SYS_PTRACE"])
    case .netadmin: add(["NET_ADMIN", "NET_RAW"])
    case .sysadmin: rights["privileged"] = .bool(true)
    case .restricted:
      rights["runAsNonRoot"] = .bool(true)
      rights["allowPrivilegeEscalation"] = .bool(false)
      rights["capabilities"] = .object([("drop", .strings(["ALL"]))])
      rights["seccompProfile"] = .object([("type", .string("RuntimeDefault"))])
    }
    if rights != .null { c["securityContext"] = rights }
  }

  // MARK: a copy

  private func copy(_ session: Session, _ pod: String, _ object: Value) throws -> (pod: String, container: String?) {
    let copy = copyTo ?? ""
    if try session.instance.readPodObject(common.ns, copy) != nil { throw Failure.server("AlreadyExists", "pods \"\(copy)\" already exists") }
    var spec = object["spec"] ?? .null
    spec["ephemeralContainers"] = nil
    if !sameNode { spec["nodeName"] = nil }
    if profile != .legacy, shareProcesses == nil { spec["shareProcessNamespace"] = .bool(true) }
    if let shareProcesses { spec["shareProcessNamespace"] = .bool(shareProcesses) }
    var images: [String: String] = [:]
    for pair in (setImage ?? "").split(separator: ",") {
      let p = pair.split(separator: "=", maxSplits: 1).map(String.init)
      guard p.count == 2 else { throw Failure.error("invalid argument \"\(setImage ?? "")\" for \"--set-image\" flag: \(pair) must be formatted as key=value") }
      images[p[0]] = p[1]
    }
    var list = (spec["containers"]?.array ?? []).map { c -> Value in
      var c = c
      if let new = images[c["name"]?.string ?? ""] ?? images["*"] { c["image"] = .string(new) }
      return c
    }
    if profile != .legacy {
      let dropped = [("livenessProbe", keepLiveness), ("readinessProbe", keepReadiness), ("startupProbe", keepStartup)].filter { !$0.1 }.map(\.0)
      for i in list.indices { for probe in dropped { list[i][probe] = nil } }
      if !keepInitContainers { spec["initContainers"] = nil }
    }
    var name: String?
    if let at = list.firstIndex(where: { $0["name"]?.string == container }) {
      name = container
      fill(&list[at])
    } else if image != nil {
      let new = chosenName(object)
      var c = Value.object([("name", .string(new))])
      fill(&c)
      list.append(c)
      name = new
    } else if images.isEmpty {
      throw Failure.error("you must specify image when creating new container")
    }
    if let custom, let at = list.firstIndex(where: { $0["name"]?.string == name }) { list[at] = try CustomProfile(absolutePath(custom)).applied(to: list[at]) }
    spec["containers"] = .array(list)
    var meta = Value.object([("name", .string(copy)), ("namespace", .string(common.ns))])
    let keepsAll = profile == .legacy
    if keepsAll || keepLabels { meta["labels"] = object["metadata"]?["labels"] }
    if keepsAll || keepAnnotations { meta["annotations"] = object["metadata"]?["annotations"] }
    let made = Value.object([("apiVersion", .string("v1")), ("kind", .string("Pod")), ("metadata", meta), ("spec", spec)])
    let loaded = Loader.load(JSON.compactBytes(made), file: "pod/\(copy)", namespace: common.ns)
    if !loaded.errors.isEmpty { throw Failure(text: loaded.errors.map { "\($0)\n" }.joined()) }
    for o in loaded.objects { _ = try session.create(.pod, o.value) }
    if replace {
      var client = try session.client(pod)
      try client.send(.object([("verb", .string("delete")), ("grace", .int(0)), ("force", .bool(true))]))
      while case .value(let v) = try client.next(), v["deleted"]?.bool != true {}
    }
    return (copy, name)
  }
}

/// Waits until the container runs, then attaches; of one that has ended already there is the log.
struct DebugAttach {
  private let session: Session
  private let (ns, pod, name): (String, String, String)
  private let (stdin, tty, quiet): (Bool, Bool, Bool)

  init(_ session: Session, _ ns: String, _ pod: String, _ name: String, stdin: Bool, tty: Bool, quiet: Bool) {
    (self.session, self.ns, self.pod, self.name, self.stdin, self.tty, self.quiet) = (session, ns, pod, name, stdin, tty, quiet)
  }

  func run() throws {
    let place = session.instance.place(ns, pod)
    let podd = try PoddStream(place)
    // Why it could not be attached to, although it was said to run: it has ended since, and podd is about to say so.
    var refused: Failure?
    while true {
      let answer = try podd.next(deadline: refused.map { _ in Clock.monotonic + 5_000_000_000 })
      if case .late = answer, let refused { throw refused }
      guard case .value(let v) = answer, let object = v["object"] else { throw Failure.error("pod \(pod) was deleted") }
      let state = containerStatus(object, name)?["state"]
      if state?["terminated"] != nil { return try log(place, object) }
      if state?["running"] != nil {
        let attached: AttachSession
        do {
          let target = try RunningContainer(session, ns, pod, name, quiet: true, verb: "attach")
          attached = try AttachSession(target, stdin: stdin, tty: tty, quiet: quiet, fromStart: true)
        } catch let failure as Failure {
          refused = failure
          continue
        }
        return try attached.run()
      }
      if let w = state?["waiting"], let reason = w["reason"]?.string, !["ContainerCreating", "PodInitializing"].contains(reason), !quiet {
        say(2, "Warning: container \(name): \(w["message"]?.string ?? reason)\n")
      }
    }
  }

  private func log(_ place: PodPlace, _ object: Value) throws {
    let restart = containerStatus(object, name)?["restartCount"]?.int ?? 0
    let path = "\(place.container(name))/\(restart).log"
    if FileSystem.exists(path) { try LogStream(path, LogStyle(), LogOutput(1)).pump() }
    if let message = containerStatus(object, name)?["state"]?["terminated"]?["message"]?.string { say(2, "error: \(message)\n") }
  }
}
