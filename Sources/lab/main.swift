// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

struct LabCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lab", abstract: "Learn the Kubernetes Pod on a real kernel.",
    subcommands: [
      ListCommand.self, RunCommand.self, ExportCommand.self, ShellCommand.self, DoctorCommand.self, CleanCommand.self, StartCommand.self, CheckCommand.self, HintCommand.self, SolutionCommand.self, ResetCommand.self, ProgressCommand.self,
      GradeCommand.self, LearnCommand.self, GradeOneCommand.self, ArenaHelperCommand.self, ArenaDoorCommand.self,
    ])
}
LabCommand.main()
