// SPDX-License-Identifier: Apache-2.0
//
// What a step has at hand: an instance of its own, podctl, the kernel's answers, and a place to show them.
import Control
import Glibc
import Kernel
import Manifest
import Runtime

public final class Scene {
  /// The temporary instance; PODLAB_ROOT of every program that the scene starts.
  public let instance: Instance
  public let programs: String
  /// A folder for the lab's own files.
  public let folder: String
  public let language: Language
  let report: any Reporter
  private let broken: String?
  private(set) var current: Step?
  private(set) var shown: Set<String> = []
  private var endings: [() -> Void] = []
  /// The pod that a shell opens in.
  public private(set) var lastPod: String?

  init(_ instance: Instance, folder: String, programs: String, language: Language, broken: String?, report: any Reporter) {
    (self.instance, self.folder, self.programs) = (instance, folder, programs)
    (self.language, self.broken, self.report) = (language, broken, report)
  }

  /// Whether this run is to show that the fact can fail (--break FACT).
  public func breaks(_ fact: String) -> Bool { broken == fact }

  // MARK: evidence and facts

  /// Lines that were read from the kernel.
  public func show(_ lines: String...) { report.evidence(lines.map { Text($0) }) }
  public func show(_ lines: [String]) { report.evidence(lines.map { Text($0) }) }
  public func say(en: String, zh: String) { report.evidence([Text(en: en, zh: zh)]) }

  /// Holds the kernel's answer against what the lesson says. Ends the lab when they differ.
  public func check(_ id: String, _ holds: Bool, expected: String, found: String) throws {
    guard let fact = current?.facts.first(where: { $0.id == id }) else { throw LabFailure.step("the step knows no fact \(id)") }
    shown.insert(id)
    report.fact(fact, holds: holds, expected: expected, found: found)
    // What is broken on purpose may take other facts with it: they are shown, and the lab goes on to the one that is meant.
    if !holds, broken == nil || broken == id { throw LabFailure.fact(fact, expected: expected, found: found) }
  }

  public func check(_ id: String, equal a: String, _ b: String) throws { try check(id, a == b, expected: a, found: b) }
  public func check(_ id: String, differ a: String, _ b: String) throws { try check(id, a != b, expected: "≠ \(a)", found: b) }

  /// Runs a step; a fact that it announced must have been checked.
  func perform(_ step: Step) throws {
    current = step
    try step.run(self)
    if let forgotten = step.facts.first(where: { !shown.contains($0.id) }) { throw LabFailure.step("the step did not show \(forgotten.id)") }
  }

  // MARK: programs

  public struct Output: Sendable {
    public var code: Int32
    public var text: String
    public var errors: String
  }

  /// Runs a program to its end; its standard output and error are read.
  public func run(_ words: [String], input: String = "") throws -> Output {
    let (path, name) = words[0].contains("/") ? (words[0], words[0]) : ("\(programs)/\(words[0])", words[0])
    let output = try FileDescriptor.pipe()
    let errors = try FileDescriptor.pipe()
    let source = "\(folder)/.input"
    try FileSystem.write(source, input)
    var plan = SpawnPlan(.paths([path]), [name] + words.dropFirst(), environment: environment)
    plan.steps = [
      .init(.open(source, flags: O_RDONLY, as: 0)), .init(.duplicate(from: output.write.raw, to: 701)), .init(.duplicate(from: errors.write.raw, to: 702)),
      .init(.duplicate(from: 701, to: 1)), .init(.duplicate(from: 702, to: 2)), .init(.closeFrom(3, atExec: true)),
    ]
    let child = try plan.spawn()
    let (o, ow) = output.ends()
    let (e, ew) = errors.ends()
    _ = (close(ow), close(ew))
    let out = FileDescriptor(owning: o)
    let err = FileDescriptor(owning: e)
    guard let (text, said) = try readBoth(out.raw, err.raw) else {
      try Pidfd.signal(child.pidfd.raw, SIGTERM)
      _ = try child.wait()
      throw LabFailure.quit
    }
    let status = try child.wait()
    if Interrupt.hasCome { throw LabFailure.quit }
    return Output(code: status.code, text: String(decoding: text, as: UTF8.self), errors: String(decoding: said, as: UTF8.self))
  }

  var environment: [String] {
    var e = ["PATH=\(programs):/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "PODLAB_ROOT=\(root)", "PODLAB_IMAGES=\(instance.images)"]
    for name in ["TERM", "HOME", "LANG", "LC_ALL", "PODLAB_TRACE"] { if let v = variable(name) { e.append("\(name)=\(v)") } }
    return e
  }

  var root: String { String(instance.run.dropLast("/run".count)) }

  /// podctl, which must succeed; what it printed.
  @discardableResult
  public func podctl(_ words: String..., input: String = "") throws -> String {
    let r = try run(["podctl"] + words, input: input)
    if r.code != 0 { throw LabFailure.step("podctl \(words.joined(separator: " ")): \(r.code)\n\(r.errors)") }
    return r.text
  }

  /// Applies a manifest and waits until its Pod is ready.
  public func apply(_ manifest: String, ready pod: String) throws {
    try podctl("apply", "-f", "-", input: manifest)
    lastPod = pod
    try podctl("wait", "--for=condition=Ready", "pod/\(pod)", "--timeout=60s")
  }

  public func exec(_ pod: String, _ container: String, _ command: String) throws -> Output {
    try run(["podctl", "exec", pod, "-c", container, "--", "sh", "-c", command])
  }

  /// A field of the Pod's status, by JSONPath.
  public func field(_ pod: String, _ path: String) throws -> String { try podctl("get", "pod", pod, "-o", "jsonpath={\(path)}") }

  // MARK: the Pod's processes

  /// Process ids of infra ("") and of the containers by name.
  public func processes(_ pod: String, namespace: String = "default") throws -> [String: Int32] {
    guard case .state(let s) = PodState.read(instance.place(namespace, pod).state) else { throw LabFailure.step("pod \(pod) has no state") }
    var all: [String: Int32] = [:]
    if let sandbox = s.sandbox { all[""] = sandbox.process.pid }
    for c in s.containers { if let p = c.process { all[c.name] = p.pid } }
    return all
  }

  public func process(_ pod: String, _ container: String) throws -> Int32 {
    guard let pid = try processes(pod)[container] else { throw LabFailure.step("\(container.isEmpty ? "infra" : container) of pod \(pod) does not run") }
    return pid
  }

  /// Waits until something is so, looking every twentieth of a second, for at most so many seconds.
  public func until(_ what: String, seconds: Int64 = 20, _ holds: () throws -> Bool) throws {
    let end = Clock.monotonic + seconds * 1_000_000_000
    while !(try holds()) {
      if Interrupt.hasCome { throw LabFailure.quit }
      if Clock.monotonic > end { throw LabFailure.step("waited \(seconds) s in vain: \(what)") }
      usleep(50_000)
    }
  }

  // MARK: clean-up

  /// Something to be undone when the lab ends, however it ends; the last first.
  public func atEnd(_ action: @escaping () -> Void) { endings.append(action) }

  func end() {
    while let last = endings.popLast() { last() }
  }
}
