// SPDX-License-Identifier: Apache-2.0
//
// create serviceaccount. Kubernetes kubectl/pkg/cmd/create/create_serviceaccount.go.
import ArgumentParser

struct CreateServiceAccountCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serviceaccount", abstract: "Create a service account.", discussion: "Example: podctl create serviceaccount builder", aliases: ["sa"])

  @Argument(help: "NAME") var names: [String] = []
  @OptionGroup var create: CreateOptions

  func run() throws { try create.make(.serviceAccount, try CreateOptions.name(names), [], failing: "serviceaccount:") }
}
