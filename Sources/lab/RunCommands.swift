// SPDX-License-Identifier: Apache-2.0
//
// lab list, lab run, lab shell.
import ArgumentParser
import Control
import Glibc
import Grading
import Kernel
import LabKit

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "The labs there are.")
  @OptionGroup var options: ExerciseOptions

  func run() throws {
    try verb {
      for lab in try LabEntry.all(try Home.find()) {
        let exercise = lab.hasExercise ? options.say("exercise", "有练习") : options.say("demonstration", "仅演示")
        show(Cells.padded(lab.id, to: 22) + Cells.padded(lab.title(options.language), to: 48) + exercise + "\n")
      }
      show(options.say("\nlab run NUMBER shows one, lab learn NUMBER leads through it.\n", "\nlab run 编号：演示一个实验；lab learn 编号：跟着课文一步步学。\n"))
      return 0
    }
  }
}

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Show a lab's concept on the real kernel, step by step.",
    discussion: """
      On a terminal it waits after each step: Enter goes on, s opens a shell in a container, q ends and cleans up.
      Exit code: 0 every fact was shown, 1 one did not hold, 2 usage, 3 this machine cannot, 130 interrupted.
      LAB "all" shows every lab, one after the other, without pauses; the worst exit code is its own.
      Example: lab run 3 --trace --lang zh
      """)

  @Argument(help: "The lab: its number, its name or the beginning of it; or all.") var lab: String
  @Flag(name: .long, help: "Print each system call as it is made.") var trace = false
  @Flag(name: .long, help: "Leave the pods up, and say how to reach them.") var keep = false
  @Flag(name: .long, help: "Straight through, on a terminal too.") var noPause = false
  @Flag(name: .long, help: "Wait for a line on standard input before each step.") var step = false
  @Option(name: .customLong("break"), help: "Replace the mechanism behind a fact (its id, or a step's number): the lab must notice.") var broken: String?
  @Option(name: .shortAndLong, help: "text or json (one object a line).") var output: OutputFormat = .text
  @Option(name: .long, help: "Write what is shown into a new file as well, for terminal players (asciicast v2).") var record: String?
  @OptionGroup var options: ExerciseOptions

  func run() throws {
    try verb {
      if lab == "all" { return try all() }
      let entry = try LabEntry.find(lab, options)
      let program = try entry.program(options)
      throw Replacement.run(program, try words(program))
    }
  }

  /// The command line of a lab's own program.
  private func words(_ program: String) throws -> [String] {
    var words = [program, "--lang", options.language.rawValue, "-o", output.rawValue]
    if trace { words.append("--trace") }
    if keep { words.append("--keep") }
    if noPause || lab == "all" { words.append("--no-pause") }
    if step { words.append("--step") }
    if let broken { words += ["--break", broken] }
    if let record { words += ["--record", absolute(record)] }
    if let root = options.root { words += ["--root", absolute(root)] }
    return words
  }

  /// Every lab after the other, then how each ended and how long it took.
  private func all() throws -> Int32 {
    if broken != nil || record != nil || step || keep {
      throw Refusal.usage(options.say("all takes none of --break, --record, --step, --keep: name one lab", "all 不能与 --break、--record、--step、--keep 同用：请指定一个实验"))
    }
    var table = "", worst: Int32 = 0
    for entry in try LabEntry.all(try Home.find()) {
      let program = try entry.program(options)
      var plan = SpawnPlan(.paths([program]), try words(program), environment: ownEnvironment())
      plan.steps = [SpawnStep(.closeFrom(3, atExec: true))]
      let begin = Clock.monotonic
      let code = try plan.spawn().wait().code
      if output == .text { show("\n") }
      let tenths = (Clock.monotonic - begin) / 100_000_000
      let word = code == 0 ? options.say("ok", "通过") : options.say("exit code \(code)", "退出码 \(code)")
      table += Cells.padded(entry.id, to: 22) + Cells.padded(word, to: 14) + "\(tenths / 10).\(tenths % 10) s\n"
      worst = max(worst, code)
      if code == 130 { break }
    }
    if output == .text { show(table) }
    return worst
  }
}

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write a lab for a real cluster: its manifests, and a script that tells the same story with kubectl.",
    discussion: """
      What only the node's kernel can show is named by the script and left out. KUBECTL=podctl runs it here.
      Example: lab export 7 && sh 07-projected-volume/run.sh
      """)

  @Argument(help: "The lab.") var lab: String
  @Argument(help: "The folder to make (default: the lab's name).") var folder: String?
  @OptionGroup var options: ExerciseOptions

  func run() throws {
    try verb {
      let entry = try LabEntry.find(lab, options)
      let program = try entry.program(options)
      throw Replacement.run(program, [program, "--lang", options.language.rawValue, "--export", folder ?? entry.id])
    }
  }
}

/// This process becomes another program; it comes back only to say why it did not.
enum Replacement {
  static func run(_ program: String, _ words: [String]) -> SysError {
    var list: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    execv(program, &list)
    return SysError(step: "starting \(program)", call: "execve", object: program, errno: errno)
  }
}

struct ShellCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shell", abstract: "A shell on the node (root sees the machine, anybody else the inside of the node), or in a pod's container.",
    discussion: """
      Example: lab shell -- podctl get pods
      Example: lab shell web -c app
      """)

  @Argument(help: "A pod, for a shell in its container.") var pod: String?
  @Option(name: .shortAndLong, help: "The pod's container (default: its first).") var container: String?
  @Argument(parsing: .postTerminator, help: "A command instead of the shell.") var command: [String] = []
  @OptionGroup var options: ExerciseOptions

  func run() throws {
    try verb {
      var instance = try Instance.locate(root: options.root)
      try instance.open()
      let own = try FileSystem.readlink("/proc/self/exe")
      let programs = own.lastIndex(of: "/").map { String(own[..<$0]) } ?? "."
      if let warning = try Node.enter(instance, programs: programs) { complain(Text(warning)[options.language]) }
      setenv("PATH", programs + ":" + (environment("PATH") ?? "/usr/bin:/bin"), 1)
      if let root = options.root { setenv("PODLAB_ROOT", absolute(root), 1) }
      if let pod {
        let names = container.map { ["-c", $0] } ?? []
        throw Replacement.run(
          programs + "/podctl",
          ["podctl", "exec", isTerminal(0) && isTerminal(1) ? "-it" : "-i", pod] + names + ["--"] + (command.isEmpty ? ["sh"] : command))
      }
      if container != nil { throw Refusal.usage(options.say("-c names a container of a pod: lab shell POD -c NAME", "-c 指定 Pod 里的容器：lab shell POD -c 名称")) }
      let shell = environment("SHELL") ?? "/bin/sh"
      let words = command.isEmpty ? [shell] : ["/bin/sh", "-c", "exec \"$0\" \"$@\""] + command
      throw Replacement.run(words[0], words)
    }
  }
}
