// SPDX-License-Identifier: Apache-2.0
//
// podctl: kubectl's grammar for one machine. Open this file first; each verb has a file of its own.
import ArgumentParser
import Control
import Glibc
import Kernel
import Manifest

struct Podctl: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "podctl", abstract: "Run and look at Kubernetes Pods on this machine.",
    subcommands: [
      ApplyCommand.self, GetCommand.self, DescribeCommand.self, LogsCommand.self, ExecCommand.self, DeleteCommand.self, WaitCommand.self,
      VersionCommand.self, CopyCommand.self, PortForwardCommand.self, AttachCommand.self, DebugCommand.self,
      CreateCommand.self, RunCommand.self, ReplaceCommand.self, EditCommand.self, PatchCommand.self, LabelCommand.self, AnnotateCommand.self, SetCommand.self, TaintCommand.self, CordonCommand.self, UncordonCommand.self, EventsCommand.self,
      APIResourcesCommand.self, APIVersionsCommand.self, CompletionCommand.self, TopCommand.self, ExplainCommand.self, ImageCommand.self,
    ])

  /// Returns the exit status: 0, or 1 as kubectl does for whatever goes wrong, or a verb's own.
  static func main(_ arguments: [String]) -> Int32 {
    do {
      let words = reordered(arguments)
      if let (root, rest) = given(root: words), FileSystem.exists(root + "/arena.json") { throw try arena(absolutePath(root), rest) }
      if try Quick.run(words) { return 0 }
      var command = try parsed(words)
      try command.run()
      return 0
    } catch let failure as Failure {
      say(2, failure.text)
      return failure.code
    } catch let error as SysError {
      say(2, "error: \(error)\n")
      return 1
    } catch {
      let text = fullMessage(for: error)
      if exitCode(for: error) == .success {
        say(1, text + "\n")
        return 0
      }
      say(2, Usage.text(message(for: error), arguments))
      return 1
    }
  }

  /// The value of --root and the words without it; nil where it is not among them.
  private static func given(root words: [String]) -> (String, [String])? {
    let end = words.firstIndex(of: "--") ?? words.count
    guard let at = words[..<end].lastIndex(where: { $0 == "--root" || $0.hasPrefix("--root=") }) else { return nil }
    if words[at] != "--root" { return (String(words[at].dropFirst("--root=".count)), Array(words[..<at] + words[(at + 1)...])) }
    return at + 1 < end ? (words[at + 1], Array(words[..<at] + words[(at + 2)...])) : nil
  }

  /// What `lab check --keep` has left is a machine of its own: podctl runs in there, and `lab` knows the door. Comes back only to say why not.
  private static func arena(_ root: String, _ words: [String]) throws(SysError) -> SysError {
    let own = try FileSystem.readlink("/proc/self/exe")
    let lab = (own.lastIndex(of: "/").map { String(own[..<$0]) } ?? ".") + "/lab"
    var list: [UnsafeMutablePointer<CChar>?] = (["lab", "arena-door", root] + words).map { strdup($0) } + [nil]
    execv(lab, &list)
    return SysError(step: "entering the arena \(root)", call: "execve", object: lab, errno: errno)
  }

  /// A verb is parsed by itself: the whole tree of verbs would cost more than most of them take to run.
  private static func parsed(_ words: [String]) throws -> any ParsableCommand {
    if let verb = configuration.subcommands.first(where: { $0.configuration.commandName == words.first }), !words.contains("--help"), !words.contains("-h") {
      return try verb.parseAsRoot(Array(words.dropFirst()))
    }
    return try parseAsRoot(words)
  }

  /// kubectl takes -n and the like before the verb too, and values that touch their letter (-ojson, -f-).
  private static func reordered(_ arguments: [String]) -> [String] {
    var words: [String] = []
    let end = arguments.firstIndex(of: "--") ?? arguments.count
    let verb = Usage.verb(of: arguments)
    if verb != "image", arguments[..<end].contains("--dry-run") { say(2, "warning: --dry-run is deprecated and can be replaced with --dry-run=client.\n") }
    let letters = lettersWithValues(verb)
    for w in BooleanFlags.settled(arguments[..<end], verb: verb) {
      let bytes = Array(w.utf8)
      if bytes.count > 2, bytes[0] == 45, letters.utf8.contains(bytes[1]), bytes[2] != 61 {
        words += [String(w.prefix(2)), String(w.dropFirst(2))]
      } else {
        words.append(w)
      }
    }
    var head: [String] = []
    while let first = words.first, ["-n", "--namespace", "--root"].contains(first) || first.hasPrefix("--namespace=") || first.hasPrefix("--root=") {
      head.append(words.removeFirst())
      if !first.contains("="), !words.isEmpty { head.append(words.removeFirst()) }
    }
    if let first = words.first { words = [first] + words.dropFirst() + head } else { words = head }
    return words + arguments[end...]
  }

  /// The flags of one letter that take a value. -f and -p are flags without one where logs has them.
  private static func lettersWithValues(_ verb: String?) -> String {
    switch verb {
    case "logs", nil: "onlcL"
    case "patch": "onlcLfp"
    default: "onlcLf"
    }
  }
}

/// What is said, as it is, and the exit status.
struct Failure: Error {
  var text: String
  var code: Int32 = 1
  /// error: TEXT
  static func error(_ text: String) -> Failure { Failure(text: "error: \(text)\n") }
  /// Error from the API server in kubectl's form.
  static func server(_ reason: String, _ text: String) -> Failure { Failure(text: "Error from server (\(reason)): \(text)\n") }

  /// Does it to each; what fails with one does not keep the others from it, and is said at the end. As kubectl says several errors, without "error: ".
  static func each<T>(_ all: [T], _ body: (T) throws -> Void) throws {
    var failures: [Failure] = []
    for x in all { do { try body(x) } catch let f as Failure { failures.append(f) } }
    if failures.isEmpty { return }
    if failures.count == 1 { throw failures[0] }
    throw Failure(text: failures.map { $0.text.hasPrefix("error: ") ? String($0.text.dropFirst(7)) : $0.text }.joined())
  }

  static func notFound(_ kind: Kind, _ name: String) -> Failure { server("NotFound", "\(kind.plural) \"\(name)\" not found") }
}

func say(_ fd: Int32, _ text: String) { _ = optional { () throws(SysError) in try writeAll(fd, text) } }

struct CommonOptions: ParsableArguments {
  @Option(name: .shortAndLong, help: "The namespace.") var namespace: String?
  @Option(name: .long, help: "The instance's folder (default: $PODLAB_ROOT, else the user's own).") var root: String?

  @Option(name: .long, help: "A folder that is the node's / for hostPath volumes; kept until the instance has no pods and another is given.") var nodeRoot: String?

  var place: Place { Place(namespace: namespace, root: root, nodeRoot: nodeRoot) }
  var ns: String { place.ns }
  func open() throws -> Session { try place.open() }
  func look() throws -> Session { try place.look() }
}

/// Where a verb works: a namespace of an instance.
struct Place {
  let namespace: String?
  let root: String?
  let nodeRoot: String?

  var ns: String { namespace ?? "default" }

  /// The instance, its folders made; of an ordinary user, from inside the node.
  func open() throws -> Session {
    var instance = try Instance.locate(root: root)
    try instance.open()
    if let nodeRoot { try instance.setNodeRoot(nodeRoot) }
    let own = try FileSystem.readlink("/proc/self/exe")
    let programs = own.lastIndex(of: "/").map { String(own[..<$0]) } ?? "."
    if let warning = try Node.enter(instance, programs: programs) { say(2, "warning: one user id only: \(warning)\n") }
    if instance.isNew { for line in instance.startSurvivors(programs: programs) { say(2, "warning: \(line)\n") } }
    return Session(instance: instance, programs: programs, namespace: ns)
  }

  /// To look only: nothing is made.
  func look() throws -> Session {
    var instance = try Instance.locate(root: root)
    // After a boot, looking is what starts the pods again.
    if instance.hasSurvivors { return try open() }
    if instance.exists { try instance.open() }
    let own = try FileSystem.readlink("/proc/self/exe")
    return Session(instance: instance, programs: own.lastIndex(of: "/").map { String(own[..<$0]) } ?? ".", namespace: ns)
  }
}

struct Session {
  let instance: Instance
  let programs: String
  let namespace: String

  static var clock: WallTime { WallTime(nanoseconds: Clock.wall) }
  var now: WallTime { Self.clock }

  /// A Pod as it is to be shown: one whose supervisor is dead is Unknown, as a Pod whose kubelet is silent.
  func pod(_ ns: String, _ name: String) throws(SysError) -> Value? {
    guard var v = try instance.pod(ns, name) else { return nil }
    guard var status = v["status"] else {
      // It has just been made: its supervisor, which may not even run yet, has said nothing.
      v["status"] = .object([("phase", .string("Pending"))])
      return v
    }
    if status["phase"] != nil, !Podd.isAlive(instance.place(ns, name)) {
      status["phase"] = .string("Unknown")
      status["reason"] = .string("NodeLost")
      status["message"] = .string("the supervisor of the pod does not run; the next podctl command that works on the pod starts it again")
      v["status"] = status
    }
    return v
  }

  func pods(_ ns: String?) throws(SysError) -> [Value] {
    var all: [Value] = []
    for (n, name) in instance.pods(namespace: ns) { if let v = try pod(n, name) { all.append(v) } }
    return all
  }

  /// The Pod's supervisor, brought to where it answers. The Pod must be there.
  func wake(_ name: String) throws {
    guard FileSystem.exists(instance.place(namespace, name).object) else { throw Failure.notFound(.pod, name) }
    if let note = try Podd.ensure(instance, namespace, name, programs: programs) { say(2, "note: \(note)\n") }
  }

  func client(_ name: String) throws -> PoddClient {
    try wake(name)
    return try PoddClient(instance.place(namespace, name))
  }
}

/// 5s, 1m30s, 500ms, 2h, -1 … in nanoseconds; nil for anything else.
func duration(_ text: String) -> Int64? {
  if let n = Int64(text) { return n * 1_000_000_000 }
  var rest = Substring(text)
  var total: Double = 0
  let sign: Double = rest.first == "-" ? -1 : 1
  if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
  guard !rest.isEmpty else { return nil }
  let units: [(String, Double)] = [("ms", 1e6), ("us", 1e3), ("ns", 1), ("h", 3600e9), ("m", 60e9), ("s", 1e9)]
  while !rest.isEmpty {
    let digits = rest.prefix { $0.isNumber || $0 == "." }
    guard let n = Double(String(digits)) else { return nil }
    rest = rest.dropFirst(digits.count)
    guard let unit = units.first(where: { rest.hasPrefix($0.0) }) else { return nil }
    rest = rest.dropFirst(unit.0.count)
    total += n * unit.1
  }
  return Int64(sign * total)
}
