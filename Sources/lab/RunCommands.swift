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
        let exercise = lab.hasExercise ? options.say("exercise", "有练习") : ""
        show(Cells.padded(lab.id, to: 22) + Cells.padded(lab.title(options.language), to: 48) + exercise + "\n")
      }
      show(options.say("\nlab run NUMBER shows one, lab learn NUMBER leads through it.\n", "\nlab run 编号 演示一个实验，lab learn 编号 带着学一遍。\n"))
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
      Example: lab run 3 --trace --lang zh
      """)

  @Argument(help: "The lab: its number, its name or the beginning of it.") var lab: String
  @Flag(name: .long, help: "Print each system call as it is made.") var trace = false
  @Flag(name: .long, help: "Leave the pods up, and say how to reach them.") var keep = false
  @Flag(name: .long, help: "Straight through, on a terminal too.") var noPause = false
  @Flag(name: .long, help: "Wait for a line on standard input before each step.") var step = false
  @Option(name: .customLong("break"), help: "Replace the mechanism behind a fact (its id, or a step's number): the lab must notice.") var broken: String?
  @Option(name: .shortAndLong, help: "text or json (one object a line).") var output: OutputFormat = .text
  @OptionGroup var options: ExerciseOptions

  func run() throws {
    try verb {
      let entry = try LabEntry.find(lab, options)
      let own = try FileSystem.readlink("/proc/self/exe")
      let program = (own.lastIndex(of: "/").map { String(own[..<$0]) } ?? ".") + "/lab-\(entry.id)"
      guard FileSystem.exists(program) else { throw Refusal.machine(options.say("\(program) is not there: build the package", "没有 \(program)：请先构建")) }
      var words = [program, "--lang", options.language.rawValue, "-o", output.rawValue]
      if trace { words.append("--trace") }
      if keep { words.append("--keep") }
      if noPause { words.append("--no-pause") }
      if step { words.append("--step") }
      if let broken { words += ["--break", broken] }
      if let root = options.root { words += ["--root", absolute(root)] }
      throw Replacement.run(program, words)
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
    commandName: "shell", abstract: "A shell on the node: root sees the machine, anybody else the inside of the node.",
    discussion: "Example: lab shell -- podctl get pods")

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
      let shell = environment("SHELL") ?? "/bin/sh"
      let words = command.isEmpty ? [shell] : ["/bin/sh", "-c", "exec \"$0\" \"$@\""] + command
      throw Replacement.run(words[0], words)
    }
  }
}
