// SPDX-License-Identifier: Apache-2.0
//
// describe: everything about a Pod, for people.
import ArgumentParser
import Control
import Manifest

struct DescribeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "describe", abstract: "Show everything about a pod.", discussion: "Example: podctl describe pod web")

  @Argument(help: "pod NAME …, pod/NAME …, pods") var what: [String] = []
  @OptionGroup var common: CommonOptions

  func run() throws {
    let session = try common.look()
    let (kinds, names) = try targets(what)
    guard kinds == [.pod] else { throw Failure.error("only pods can be described") }
    let all = names.isEmpty ? session.instance.pods(namespace: common.ns).map(\.name) : names.map(\.1)
    var texts: [String] = []
    for name in all {
      guard let v = try session.pod(common.ns, name) else { throw Failure.notFound(.pod, name) }
      texts.append(Describe.pod(v, events: Events.of(session, common.ns, name), now: session.now))
    }
    say(1, texts.joined(separator: "\n\n"))
  }
}
