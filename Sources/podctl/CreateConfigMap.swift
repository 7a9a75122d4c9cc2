// SPDX-License-Identifier: Apache-2.0
//
// create configmap. Kubernetes kubectl/pkg/cmd/create/create_configmap.go.
import ArgumentParser
import Manifest

struct CreateConfigMapCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "configmap", abstract: "Create a configmap from files, folders or values.",
    discussion: "Example: podctl create configmap web --from-file=conf/ --from-literal=level=debug    podctl create configmap env --from-env-file=app.env",
    aliases: ["cm"])

  @Argument(help: "NAME") var names: [String] = []
  @OptionGroup var sources: KeySources
  @OptionGroup var create: CreateOptions

  func run() throws {
    let name = try CreateOptions.name(names)
    var text: [(String, Value)] = []
    var binary: [(String, Value)] = []
    for entry in try sources.data("ConfigMap", name) {
      if let s = String(validating: entry.bytes, as: UTF8.self) { text.append((entry.key, .string(s))) } else { binary.append((entry.key, .string(Base64.encode(entry.bytes)))) }
    }
    var rest: [(String, Value)] = []
    if !binary.isEmpty { rest.append(("binaryData", .object(binary))) }
    if !text.isEmpty { rest.append(("data", .object(text))) }
    try create.make(.configMap, name, rest, failing: "configmap:")
  }
}
