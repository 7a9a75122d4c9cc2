// SPDX-License-Identifier: Apache-2.0
//
// version: of this program, and of the Kubernetes whose Pods it runs.
import ArgumentParser
import Manifest

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.", discussion: "Example: podctl version -o json")

  @Flag(name: .long, help: "Only this program's.") var client = false
  @Option(name: .shortAndLong, help: "json or yaml.") var output: String?
  @OptionGroup var common: CommonOptions

  static let version = "v0.1.0"
  static let kubernetes = "v1.37"

  func run() throws { try Self.show(client: client, output: output) }

  static func show(client: Bool, output: String?) throws {
    let info: Value = .object([("gitVersion", .string(Self.version)), ("kubernetes", .string(Self.kubernetes))])
    var all: [(String, Value)] = [("clientVersion", info)]
    if !client { all.append(("serverVersion", info)) }
    switch output {
    case nil: say(1, "Client Version: \(Self.version)\n" + (client ? "" : "Server Version: \(Self.version) (Pods of Kubernetes \(Self.kubernetes))\n"))
    case "json": say(1, JSON.pretty(.object(all)) + "\n")
    case "yaml": say(1, YAML.write(.object(all)))
    default: throw Failure.error("--output must be 'yaml' or 'json'")
    }
  }
}
