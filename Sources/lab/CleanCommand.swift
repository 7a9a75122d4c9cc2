// SPDX-License-Identifier: Apache-2.0
//
// lab clean: everything of the instance goes, whatever was killed and when.
import ArgumentParser
import Control
import Glibc
import Grading
import Kernel

struct CleanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "clean", abstract: "End and remove everything of this instance, and of labs that were killed.",
    discussion: "Images and stored objects stay, unless --all is given. Example: lab clean --all")

  @Flag(name: .long, help: "Images and stored objects too.") var all = false
  @OptionGroup var options: ExerciseOptions

  func run() throws {
    try verb {
      let own = try FileSystem.readlink("/proc/self/exe")
      var instance = try Instance.locate(root: options.root)
      var failures = 0
      // What labs left: an instance each, below. An ordinary user's has a node of its own, which a process of its own enters.
      for labs in instance.allLabs {
        for name in try FileSystem.list(labs) {
          let child = try SpawnPlan(.paths([own]), ["lab", "clean", "--all", "--root", "\(labs)/\(name)"], environment: ownEnvironment()).spawn()
          if try child.wait().code != 0 { failures += 1 }
          if Node.isRoot { try FileSystem.removeTree("\(labs)/\(name)") } else { _ = rmdir("\(labs)/\(name)") }
        }
      }
      instance.removeEmptyLabs()
      let arenas = ArenaRecord.sweep(instance.run + "/arenas", living: true).count
      if arenas > 0 { show(options.say("ended \(arenas) kept by lab check --keep\n", "已结束 lab check --keep 保留的 \(arenas) 个\n")) }
      if instance.exists {
        try instance.open()
        try Node.enter(instance, programs: own.lastIndex(of: "/").map { String(own[..<$0]) } ?? ".")
        var clean = Clean()
        clean.instance(instance, all: all)
        for f in clean.failures { complain(f) }
        failures += clean.failures.count
        show(
          options.say(
            "removed \(clean.pods) pods, \(clean.processes) processes, \(clean.links) links, \(clean.groups) cgroups\n",
            "已清理：\(clean.pods) 个 Pod，\(clean.processes) 个进程，\(clean.links) 个网络接口，\(clean.groups) 个 cgroup\n"))
      } else {
        show(options.say("nothing to remove\n", "没有需要清理的\n"))
      }
      if options.root != nil && all {
        for f in ["work", "run", "data"] { _ = optional { () throws(SysError) in try FileSystem.removeTree("\(absolute(options.root ?? ""))/\(f)") } }
      }
      return failures == 0 ? 0 : 3
    }
  }
}
