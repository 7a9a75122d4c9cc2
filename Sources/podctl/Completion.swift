// SPDX-License-Identifier: Apache-2.0
//
// completion: what a shell needs to complete verbs and flags.
import ArgumentParser

struct CompletionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "completion", abstract: "Print a completion script for a shell.",
    discussion: "Example: source <(podctl completion bash)    podctl completion zsh >\"${fpath[1]}/_podctl\"    podctl completion fish | source")

  @Argument(help: "bash, zsh or fish.") var shells: [String] = []

  func run() throws {
    guard let shell = shells.first else { throw Failure.error("Shell not specified.\nSee 'podctl completion -h' for help and examples") }
    guard shells.count == 1 else { throw Failure.error("Too many arguments. Expected only the shell type.\nSee 'podctl completion -h' for help and examples") }
    guard ["bash", "zsh", "fish"].contains(shell), let known = CompletionShell(rawValue: shell) else { throw Failure.error("Unsupported shell type \"\(shell)\".") }
    say(1, Podctl.completionScript(for: known) + "\n")
  }
}
