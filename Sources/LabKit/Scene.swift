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
  /// What the kernel lets this user do.
  public let rights: Rights
  let report: any Reporter
  private let broken: String?
  private(set) var current: Step?
  private(set) var shown: Set<String> = []
  private var endings: [(unlessKept: Bool, action: () -> Void)] = []
  /// The pod that a shell opens in.
  public private(set) var lastPod: String?
  private let port: LoopbackPort?
  /// 127.0.0.1:PORT, since publish.
  public private(set) var published: String?

  init(
    _ instance: Instance, folder: String, programs: String, language: Language, rights: Rights, port: LoopbackPort?, broken: String?, report: any Reporter
  ) {
    (self.instance, self.folder, self.programs, self.rights, self.port) = (instance, folder, programs, rights, port)
    (self.language, self.broken, self.report) = (language, broken, report)
  }

  /// Who runs the lab, for the kernel.
  public enum Rights: Sendable, Equatable {
    case root
    /// An ordinary user in a user namespace; ids: how many user ids are mapped there.
    case user(ids: UInt32)

    /// Of this process, in its node. wasRoot: before it went there.
    static func here(wasRoot: Bool) -> Rights {
      let sizes = Evidence.lines("/proc/self/uid_map").compactMap { $0.split(separator: " ").last.flatMap { UInt32($0) } }
      return wasRoot ? .root : .user(ids: sizes.reduce(0) { $0.addingReportingOverflow($1).partialValue })
    }

    /// Containers may have users other than 0.
    public var hasManyUsers: Bool { self != .user(ids: 1) }
  }

  /// Whether this run is to show that the fact can fail (--break FACT).
  public func breaks(_ fact: String) -> Bool { broken == fact }

  // MARK: evidence and facts

  /// Lines of evidence. Words of ours are given in both languages; what was read as it stands goes through `show(data:)`.
  public func show(_ lines: Text...) { report.evidence(lines) }
  public func say(en: String, zh: String) { report.evidence([Text(en: en, zh: zh)]) }
  /// Lines in which there is no word of ours: names, numbers, what a file has.
  public func show(data lines: String...) { report.evidence(lines.map(Text.data)) }
  public func show(data lines: [String]) { report.evidence(lines.map(Text.data)) }
  /// A picture that has words in it.
  public func draw(_ picture: (Language) -> [String]) {
    report.evidence(zip(picture(.en), picture(.zh)).map { Text(en: $0, zh: $1) })
  }

  /// A command as it is typed, its prompt before it, and what it printed, indented below; nothing printed is said.
  public func typed(_ command: String, printed: String) {
    let lines = printed.split(separator: "\n").map { Text.data("  \($0)") }
    report.evidence([.data(command)] + (lines.isEmpty ? [Text(en: "  (nothing)", zh: "  （没有输出）")] : lines))
  }

  /// Columns under their heads.
  public func table(_ heads: [Text], _ rows: [[Text]]) { draw { l in Picture.table(heads.map { $0[l] }, rows.map { $0.map { $0[l] } }) } }
  public func table(_ heads: [Text], data rows: [[String]]) { table(heads, rows.map { $0.map(Text.data) }) }

  /// Rows whose columns are held against each other: below each stands whether they agree.
  public func compare(_ heads: [Text], _ rows: [[Text]]) {
    draw { l in Picture.table(heads.map { $0[l] }, rows.map { $0.map { $0[l] } }, compared: l) }
  }
  public func compare(_ heads: [Text], data rows: [[String]]) { compare(heads, rows.map { $0.map(Text.data) }) }

  /// Does something, and shows what it changed on the node: processes, namespaces, mounts, links, cgroups of this lab.
  public func changes<T>(_ body: () throws -> T) rethrows -> T {
    let before = Snapshot.take(instance)
    let result = try body()
    let after = Snapshot.take(instance)
    draw { Snapshot.changes(from: before, to: after, $0) }
    return result
  }

  /// Messages of the events of a reason, as they came.
  public func events(_ reason: String) throws -> [String] {
    try podctl("get", "events", "-o", "jsonpath={range .items[?(@.reason==\"\(reason)\")]}{.message}{\"\\n\"}{end}").split(separator: "\n").map(String.init)
  }

  /// An event's reason, and below it what it says; nil: none has come.
  public func show(event reason: String, _ message: String?) {
    show(Text(en: "event \(reason):", zh: "事件 \(reason)："), message.map { .data("  \($0)") } ?? Text(en: "  (none)", zh: "  （没有）"))
  }

  /// What happened to a Pod, by its journal.
  public func journal(_ pod: String) throws -> [JournalEvent] { JournalEvent.read(try FileSystem.read(instance.place("default", pod).journal)) }

  /// The Pod's journal as a picture. container: only its lanes.
  public func timeline(_ pod: String, container: String? = nil) {
    let bytes = optional { () throws(SysError) in try FileSystem.read(instance.place("default", pod).journal) } ?? []
    let timeline = Timeline(journal: bytes, container: container)
    draw { timeline.lines($0) }
  }

  /// Holds the kernel's answer against what the lesson says. Ends the lab when they differ.
  public func check(_ id: String, _ holds: Bool, expected: Text, found: Text) throws {
    let fact = try announced(id)
    shown.insert(id)
    report.fact(fact, holds: holds, expected: expected, found: found)
    // What is broken on purpose may take other facts with it: they are shown, and the lab goes on to the one that is meant.
    if !holds, broken == nil || broken == id { throw LabFailure.fact(fact, expected: expected, found: found) }
  }

  public func check(_ id: String, equal a: String, _ b: String) throws { try check(id, a == b, expected: .data(a), found: .data(b)) }
  public func check(_ id: String, differ a: String, _ b: String) throws { try check(id, a != b, expected: .data("≠ \(a)"), found: .data(b)) }

  /// A fact of the step that runs.
  private func announced(_ id: String) throws -> Fact {
    guard let fact = current?.facts.first(where: { $0.id == id }) else {
      throw LabFailure.step(Text(en: "the step knows no fact \(id)", zh: "这一步没有名为 \(id) 的事实"))
    }
    return fact
  }

  /// A fact that needs a right this user does not have: what would be seen stands in its text, why it is not seen here is said.
  public func withheld(_ id: String, en: String, zh: String) throws {
    let fact = try announced(id)
    shown.insert(id)
    report.withheld(fact, Text(en: en, zh: zh))
    if broken == id { throw LabFailure.step(Text(en: "\(id) cannot be broken by a user who cannot show it", zh: "看不到 \(id) 的用户也无法破坏它")) }
  }

  /// Runs a step; a fact that it announced must have been checked.
  func perform(_ step: Step) throws {
    current = step
    try step.run(self)
    if let forgotten = step.facts.first(where: { !shown.contains($0.id) }) { throw LabFailure.step(Text(en: "the step did not show \(forgotten.id)", zh: "这一步没有展示 \(forgotten.id)")) }
  }

  // MARK: programs

  public struct Output: Sendable {
    public var code: Int32
    public var text: String
    public var errors: String
    /// The text without its last newline.
    public var trimmed: String { text.trimmed }
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
    for name in ["TERM", "HOME", "LANG", "LC_ALL", "PODLAB_TRACE", "PODLAB_PACKAGES", "http_proxy", "https_proxy", "no_proxy"] { if let v = variable(name) { e.append("\(name)=\(v)") } }
    return e
  }

  var root: String { String(instance.run.dropLast("/run".count)) }

  /// podctl, which must succeed; what it printed.
  @discardableResult
  public func podctl(_ words: String..., input: String = "") throws -> String {
    let r = try run(["podctl"] + words, input: input)
    if r.code != 0 { throw LabFailure.step(.data("podctl \(words.joined(separator: " ")): \(r.code)\n\(r.errors)")) }
    return r.text
  }

  /// Applies a manifest and waits until its Pod is ready.
  public func apply(_ manifest: String, ready pod: String) throws {
    try podctl("apply", "-f", "-", input: manifest)
    lastPod = pod
    let r = try run(["podctl", "wait", "--for=condition=Ready", "pod/\(pod)", "--timeout=60s"])
    if r.code == 0 { return }
    let warning = try lastWarning().map { "\n\($0)" } ?? ""
    throw LabFailure.step(Text(en: "pod \(pod) has not become ready", zh: "Pod \(pod) 没有就绪") + .data("\n\(r.errors.trimmed)\(warning)"))
  }

  /// What the last event of the type Warning says.
  private func lastWarning() throws -> String? {
    try podctl("get", "events", "-o", "jsonpath={range .items[?(@.type==\"Warning\")]}{.reason}: {.message}{\"\\n\"}{end}").split(separator: "\n").last.map { $0.description.shortened(400) }
  }

  /// Removes Pods at once: where their end is not what the step is about.
  public func remove(_ pods: String...) throws {
    let r = try run(["podctl", "delete", "pod"] + pods + ["--grace-period=0", "--force"])
    if r.code != 0 { throw LabFailure.step(.data("podctl delete pod \(pods.joined(separator: " ")): \(r.errors)")) }
  }

  public func exec(_ pod: String, _ container: String, _ command: String) throws -> Output {
    try run(["podctl", "exec", pod, "-c", container, "--", "sh", "-c", command])
  }

  /// A field of the Pod's status, by JSONPath.
  public func field(_ pod: String, _ path: String) throws -> String { try podctl("get", "pod", pod, "-o", "jsonpath={\(path)}") }

  /// A field of a container's status: ready, restartCount, state.terminated.exitCode …
  public func status(_ pod: String, _ container: String, _ path: String) throws -> String {
    try field(pod, ".status.containerStatuses[?(@.name==\"\(container)\")].\(path)")
  }

  // MARK: the Pod's processes

  /// The podd that looks after a Pod.
  public func supervisor(_ pod: String) throws -> ProcessIdentity {
    guard let podd = Podd.process(instance.place("default", pod)).flatMap({ ProcessIdentity(pid: $0) }) else {
      throw LabFailure.step(Text(en: "pod \(pod) has no supervisor", zh: "Pod \(pod) 没有监管进程"))
    }
    return podd
  }

  /// Process ids of infra ("") and of the containers by name; none of a Pod that has not begun.
  public func processes(_ pod: String, namespace: String = "default") throws -> [String: Int32] {
    guard case .state(let s) = PodState.read(instance.place(namespace, pod).state) else { return [:] }
    var all: [String: Int32] = [:]
    if let sandbox = s.sandbox { all[""] = sandbox.process.pid }
    for c in s.containers { if let p = c.process { all[c.name] = p.pid } }
    return all
  }

  public func process(_ pod: String, _ container: String) throws -> Int32 {
    guard let pid = try processes(pod)[container] else {
      let name = container.isEmpty ? "infra" : container
      throw LabFailure.step(Text(en: "\(name) of pod \(pod) does not run", zh: "Pod \(pod) 的 \(name) 没有在运行"))
    }
    return pid
  }

  /// Waits until something is so, looking every twentieth of a second, for at most so many seconds. What is waited for is said, once it takes long.
  public func until(_ en: String, _ zh: String, seconds: Int64 = 20, _ holds: () throws -> Bool) throws {
    let begin = Clock.monotonic
    var isSaid = false
    while !(try holds()) {
      if Interrupt.hasCome { throw LabFailure.quit }
      let waited = Clock.monotonic - begin
      if waited > seconds * 1_000_000_000 { throw LabFailure.step(Text(en: "waited \(seconds) s in vain: \(en)", zh: "等了 \(seconds) 秒仍未等到：\(zh)")) }
      if waited > 1_000_000_000, !isSaid {
        report.waitingFor(Text(en: en, zh: zh))
        isSaid = true
      }
      usleep(50_000)
    }
  }

  /// Waits for what a Pod does once its images are here: they are built or pulled at their first use, which takes minutes. Where one cannot be had
  /// nobody waits for it: what went wrong is said, and what can be done.
  public func until(_ en: String, _ zh: String, imagesOf pod: String, _ holds: () throws -> Bool) throws {
    var next: Int64 = 0
    try until(en, zh, seconds: 400) {
      if try holds() { return true }
      if Clock.monotonic >= next {
        next = Clock.monotonic + 1_000_000_000
        try failIfAnImageIsMissing(pod)
      }
      return false
    }
  }

  private func failIfAnImageIsMissing(_ pod: String) throws {
    let status = try JSON.parse(Array(try podctl("get", "pod", pod, "-o", "json").utf8))["status"]
    for kind in ["initContainerStatuses", "containerStatuses"] {
      for container in status?[kind]?.array ?? [] {
        guard let waiting = container["state"]?["waiting"], let reason = waiting["reason"]?.string, let image = container["image"]?.string else { continue }
        guard ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"].contains(reason) else { continue }
        let why = "\(reason): " + (waiting["message"]?.string ?? "").shortened(400)
        throw LabFailure.step(
          Text(
            en: "the image \(image) cannot be had\n\(why)\nIt is made of Debian's packages once, then kept. Where the network can be reached: podctl image build \(image)",
            zh: "拿不到镜像 \(image)\n\(why)\n镜像由 Debian 软件包构建，只需构建一次，之后一直保留。请在能访问网络时运行：podctl image build \(image)"))
      }
    }
  }

  /// Waits until a field of the Pod has a value.
  public func until(_ pod: String, _ path: String, is value: String, seconds: Int64 = 20) throws {
    try until("\(pod)'s \(path) is \(value)", "\(pod) 的 \(path) 为 \(value)", seconds: seconds) { try field(pod, path) == value }
  }

  /// A port of 127.0.0.1 that leads to a port of the Pod, on the node and for what fetches its images, until the Pod's sandbox ends. For one Pod of a story
  /// that says publishesPod. Returns 127.0.0.1:PORT.
  public func publish(_ pod: String, port containerPort: Int) throws -> String {
    guard let port else { throw LabFailure.step(Text(en: "the story publishes no pod", zh: "这个实验没有要公开端口的 Pod")) }
    try port.lead(to: try field(pod, ".status.podIP"), port: containerPort, infra: try process(pod, ""), programs: programs)
    let name = "127.0.0.1:\(port.number)"
    published = name
    return name
  }

  // MARK: clean-up

  /// Something to be undone when the lab ends, however it ends; the last first. unlessKept: not where the reader keeps the Pods (--keep), which need it.
  public func atEnd(unlessKept: Bool = false, _ action: @escaping () -> Void) { endings.append((unlessKept, action)) }

  /// Runs a program when the lab ends, also after an interrupt. What it prints is not read.
  public func atEnd(run words: [String], unlessKept: Bool = false) {
    atEnd(unlessKept: unlessKept) { [programs, environment] in
      var plan = SpawnPlan(.paths(["\(programs)/\(words[0])"]), words, environment: environment)
      plan.steps = [.init(.open("/dev/null", flags: O_RDWR, as: 0)), .init(.duplicate(from: 0, to: 1)), .init(.duplicate(from: 0, to: 2)), .init(.closeFrom(3, atExec: true))]
      _ = optional { () throws(SysError) in try plan.spawn().wait() }
    }
  }

  func end(kept: Bool) {
    while let last = endings.popLast() { if !kept || !last.unlessKept { last.action() } }
  }
}
