// SPDX-License-Identifier: Apache-2.0
//
// A lab as a program: options, an instance of its own, the steps with their pauses, and the clean-up, whatever happens.
import Control
import Glibc
import Kernel

public enum LabProgram {
  private struct Options {
    var language = Language.en
    var broken: String?
    var trace = false
    var keep = false
    var json = false
    var step = false
    var pause = true
    var root: String?
    var record: String?
    var export: String?
  }

  /// 0: every fact was shown. 1: one did not hold. 2: usage. 3: this machine cannot. 130: the reader ended it.
  public static func run(_ story: Story) -> Int32 {
    var options = Options()
    if readsChinese { options.language = .zh }
    if let code = read(Array(CommandLine.arguments.dropFirst()), story, &options) { return code }
    Interrupt.watch()
    Signals.ignore(SIGPIPE)
    do {
      if let folder = options.export { return try export(story, to: folder, options.language) }
      let recording = try options.record.map { path throws(SysError) in try Recording(path, title: "\(story.id) \(story.title[options.language])") }
      let report: any Reporter =
        options.json ? JSONReporter() : TextReporter(options.language, Style.detect(records: recording != nil), recording)
      return try play(story, options, report)
    } catch {
      put(2, "lab: \(error)\n")
      return 3
    }
  }

  private static func usage(_ story: Story) -> Text {
    let line = "lab run \(story.id) [--lang en|zh] [--no-pause] [--trace] [--keep] [--break FACT] [--record FILE] [--export DIR] [-o text|json] [--step] [--root DIR]\n"
    let facts = "\(story.facts.map(\.id).joined(separator: " "))\n"
    return Text(en: "usage: \(line)facts: \(facts)", zh: "用法：\(line)事实：\(facts)")
  }

  /// nil: go on.
  private static func read(_ words: [String], _ story: Story, _ o: inout Options) -> Int32? {
    // A mistake is told in the language that is asked for, wherever in the line that stands.
    if words.contains("--lang=zh") || zip(words, words.dropFirst()).contains(where: { $0 == ("--lang", "zh") }) { o.language = .zh }
    let language = o.language
    func wrong(en: String, zh: String) -> Int32 {
      put(2, "lab run: " + Text(en: en, zh: zh)[language] + "\n" + usage(story)[language])
      return 2
    }
    var rest = words[...]
    while let word = rest.popFirst() {
      var name = word
      var value: String?
      if word.hasPrefix("--"), let eq = word.firstIndex(of: "=") {
        name = String(word[..<eq])
        value = String(word[word.index(after: eq)...])
      }
      if value != nil && ["--trace", "--keep", "--step", "--no-pause", "--facts", "--help"].contains(name) { return wrong(en: "\(name) takes no value", zh: "\(name) 不带值") }
      switch name {
      case "--trace": o.trace = true
      case "--keep": o.keep = true
      case "--step": o.step = true
      case "--no-pause": o.pause = false
      case "--facts":
        put(1, story.facts.map { $0.id + "\n" }.joined())
        return 0
      case "--help", "-h":
        put(1, usage(story)[language])
        return 0
      case "--lang", "--break", "-o", "--output", "--root", "--record", "--export":
        guard let v = value ?? rest.popFirst() else { return wrong(en: "\(name) needs a value", zh: "\(name) 需要一个值") }
        switch name {
        case "--lang":
          guard let l = Language(rawValue: v) else { return wrong(en: "--lang is en or zh, not \(v)", zh: "--lang 是 en 或 zh，不是 \(v)") }
          o.language = l
        case "--root": o.root = v
        case "--record": o.record = v
        case "--export": o.export = v
        case "--break":
          if let n = Int(v), story.steps.indices.contains(n - 1) {
            o.broken = story.steps[n - 1].facts.first?.id
          } else if story.facts.contains(where: { $0.id == v }) {
            o.broken = v
          } else {
            return wrong(en: "there is no fact or step \(v)", zh: "没有名为 \(v) 的事实或步骤")
          }
        default:
          guard v == "text" || v == "json" else { return wrong(en: "-o is text or json, not \(v)", zh: "-o 是 text 或 json，不是 \(v)") }
          o.json = v == "json"
        }
      default: return wrong(en: "unknown option \(word)", zh: "未知选项 \(word)")
      }
    }
    return nil
  }

  private static func play(_ story: Story, _ o: Options, _ report: any Reporter) throws -> Int32 {
    let own = try FileSystem.readlink("/proc/self/exe")
    let programs = own.lastIndex(of: "/").map { String(own[..<$0]) } ?? "."
    // Beside the user's own instance, so that `lab clean` finds what a killed lab left.
    let home = try Instance.locate(root: o.root)
    let root = "\(home.labs)/\(story.id.prefix(2))-\(getpid())"
    try FileSystem.makeFolders(root, mode: 0o700)
    if let full = lackOfRoom(root, below: 2 << 20) {
      put(2, "lab: \(full[o.language])\n")
      try FileSystem.removeTree(root)
      home.removeEmptyLabs()
      return 3
    }
    var instance = Instance(run: root + "/run", data: root + "/data", images: home.images)
    try instance.open()
    try instance.markPassing()
    // The user's own issuer of tokens, as the images are the user's own: making a key takes longer than the first steps of a lab.
    try FileSystem.makeFolders(home.data + "/keys", mode: 0o700)
    if !FileSystem.exists(instance.keys) { try FileSystem.symlink(home.data + "/keys", at: instance.keys) }
    try FileSystem.makeFolders(home.images)
    let wasRoot = Node.isRoot
    let port = story.publishesPod ? try LoopbackPort() : nil
    let warning = try Node.enter(instance, programs: programs)
    if !wasRoot { try port?.openInNode() }
    let folder = root + "/work"
    try FileSystem.makeFolders(folder)
    let traceFile = root + "/trace"
    if o.trace { setenv("PODLAB_TRACE", traceFile, 1) }
    let scene = Scene(instance, folder: folder, programs: programs, language: o.language, rights: .here(wasRoot: wasRoot), port: port, broken: o.broken, report: report)
    var failure: LabFailure?
    report.begin(story, root: root)
    if let warning {
      let why = Text(warning)
      scene.say(en: "note: \(why.en)", zh: "注意：\(why.zh)")
    }
    do { try steps(story, o, scene, traceFile) } catch let f as LabFailure { failure = f } catch { failure = .step(.data("\(error)")) }
    let isKept = o.keep && scene.lastPod != nil
    scene.end(kept: isKept)
    // Whatever it was that did not work: where nothing can be written, that comes first.
    if case .step = failure, let full = lackOfRoom(root, below: 128 << 10) { failure = .step(full) }
    if case .fact = failure, let full = lackOfRoom(root, below: 128 << 10) { failure = .step(full) }
    if isKept {
      let line = "podctl --root \(root) get pods"
      scene.say(en: "kept: \(line)      gone again with: lab clean", zh: "已保留：\(line)      清理：lab clean")
    } else {
      var clean = Clean()
      clean.instance(instance, all: true)
      let word = Text(en: "clean-up: ", zh: "清理：")[o.language]
      for f in clean.failures { put(2, "lab: \(word)\(f)\n") }
      do throws(SysError) { try FileSystem.removeTree(root) } catch { put(2, "lab: \(word)\(error)\n") }
      home.removeEmptyLabs()
    }
    report.end(failure, kept: isKept)
    switch failure {
    case nil: return 0
    case .quit: return Interrupt.isSignal ? 130 : 0
    case .fact: return 1
    case .step: return 3
    }
  }

  /// Why a lab cannot write its files; nil: there is room for so many bytes.
  private static func lackOfRoom(_ folder: String, below needed: Int64) -> Text? {
    let free = FileSystem.free(of: folder)
    guard free < needed else { return nil }
    return Text(
      en: "\(free >> 10) KiB are free where \(folder) lies: make room there, or choose another place with --root DIR",
      zh: "\(folder) 所在的文件系统只剩 \(free >> 10) KiB：请腾出空间，或用 --root DIR 换一个地方")
  }

  private static func steps(_ story: Story, _ o: Options, _ scene: Scene, _ traceFile: String) throws {
    let pauses = o.pause && !o.json && isatty(0) == 1 && isatty(1) == 1
    var seen = 0
    for i in o.broken.map(story.steps(for:)) ?? story.steps.indices {
      let step = story.steps[i]
      if Interrupt.hasCome { throw LabFailure.quit }
      if o.step {
        scene.report.waiting()
        guard Keyboard.line() != nil else { throw LabFailure.quit }
      }
      scene.report.step(i + 1, story.steps.count, step)
      if o.trace { Trace.hook = { line in scene.report.trace(line) } }
      let result = Result { try scene.perform(step) }
      Trace.hook = nil
      if o.trace {
        // What the supervisors did meanwhile.
        let bytes = optional { () throws(SysError) in try FileSystem.read(traceFile) } ?? []
        for line in bytes[min(seen, bytes.count)...].split(separator: 10) { scene.report.trace("podd  " + String(decoding: line, as: UTF8.self)) }
        seen = bytes.count
      }
      try result.get()
      if pauses && i + 1 < story.steps.count { try pause(scene) }
    }
  }

  /// The lab for a cluster, into a folder that is made or empty.
  private static func export(_ story: Story, to folder: String, _ language: Language) throws -> Int32 {
    guard try FileSystem.list(folder).isEmpty else {
      put(2, "lab export: " + Text(en: "\(folder) is not empty; name another folder\n", zh: "\(folder) 不是空目录，请换一个\n")[language])
      return 2
    }
    try FileSystem.makeFolders(folder)
    for file in ClusterScript.files(story) {
      try FileSystem.write("\(folder)/\(file.name)", file.text, mode: file.name == "run.sh" ? 0o755 : 0o644)
      put(1, "\(folder)/\(file.name)\n")
    }
    return 0
  }

  /// Enter goes on, s opens a shell in a container, q ends.
  private static func pause(_ scene: Scene) throws {
    while true {
      let pressed = Keyboard.key { Keyboard.isEnter($0) || "qs".utf8.contains($0) } asking: {
        put(1, scene.language == .en ? "\n[Enter] go on   [s] shell in a container   [q] quit: " : "\n[回车] 继续   [s] 进入容器的 shell   [q] 退出：")
      }
      guard let key = pressed, !Interrupt.hasCome else { throw LabFailure.quit }
      put(1, key == UInt8(ascii: "s") ? "s\n" : key == UInt8(ascii: "q") ? "q\n" : "\n")
      switch key {
      case UInt8(ascii: "q"): throw LabFailure.quit
      case UInt8(ascii: "s"): try shell(scene)
      default: return
      }
    }
  }

  private static func shell(_ scene: Scene) throws {
    // The pod of the last step, else any that still runs.
    let pods = [scene.lastPod].compactMap { $0 } + scene.instance.pods(namespace: "default").map(\.name)
    let running = pods.lazy.map { pod in (pod, (optionally { try scene.processes(pod) } ?? [:]).keys.filter { !$0.isEmpty }.sorted()) }
    guard let (pod, names) = running.first(where: { !$0.1.isEmpty }), var name = names.first else { return scene.say(en: "no container runs now", zh: "现在没有容器在运行") }
    if names.count > 1 {
      // An empty line takes the one that is proposed; another name is asked again.
      repeat {
        put(1, (scene.language == .en ? "which container" : "哪个容器") + " (\(names.joined(separator: ", "))) [\(name)]: ")
        guard let answer = Keyboard.line() else { return }
        if names.contains(answer) { name = answer } else if !answer.isEmpty { continue }
        break
      } while true
    }
    var plan = SpawnPlan(.paths([scene.programs + "/podctl"]), ["podctl", "exec", "-it", pod, "-c", name, "--", "sh"], environment: scene.environment)
    plan.steps = [.init(.closeFrom(3, atExec: true))]
    _ = try plan.spawn().wait()
  }

  private static func optionally<T>(_ body: () throws -> T) -> T? { do { return try body() } catch { return nil } }
}
