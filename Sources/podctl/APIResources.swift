// SPDX-License-Identifier: Apache-2.0
//
// api-resources, api-versions: the kinds that there are, and the versions they are in. Kubernetes kubectl/pkg/cmd/apiresources.
import ArgumentParser
import Control

struct APIResourcesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "api-resources", abstract: "Show the kinds of objects that there are.", discussion: "Example: podctl api-resources -o name")

  @Option(name: .shortAndLong, help: "wide or name.") var output: String?
  @Option(name: .long, help: "true: those in namespaces; false: the others.") var namespaced: Bool?
  @Flag(name: .long, help: "The table without its head.") var noHeaders = false
  @OptionGroup var common: CommonOptions

  func run() throws {
    let kinds = Kind.allCases.filter { namespaced == nil || $0.isNamespaced == namespaced }.sorted { $0.plural < $1.plural }
    switch output {
    case "name": say(1, kinds.map { $0.plural + "\n" }.joined())
    case nil, "wide":
      var t = Table(["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"] + (output == nil ? [] : ["VERBS", "CATEGORIES"]))
      for k in kinds {
        let verbs = k == .event ? "get,list,watch" : k == .node ? "get,list,patch,update,watch" : "create,delete,get,list,patch,update,watch"
        t.rows.append(
          [k.plural, k.shortNames.joined(separator: ","), "v1", "\(k.isNamespaced)", k.rawValue] + (output == nil ? [] : [verbs, k == .pod ? "all" : ""]))
      }
      say(1, t.text(noHeaders: noHeaders))
    default: throw Failure.error("--output \(output ?? "") is not available")
    }
  }
}

struct APIVersionsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "api-versions", abstract: "Show the API versions that there are.", discussion: "Example: podctl api-versions")

  @OptionGroup var common: CommonOptions

  func run() { say(1, "v1\n") }
}
