// SPDX-License-Identifier: Apache-2.0
//
// set image: other images for the containers of Pods. Kubernetes kubectl/pkg/cmd/set/set_image.go.
import ArgumentParser
import Control
import Manifest

struct SetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set", abstract: "Change the images of pods.", discussion: "Example: podctl set image pod/web app=nginx:1.27", subcommands: [SetImageCommand.self])

  func run() throws { throw Failure.error("what is to be set: podctl set image TYPE/NAME CONTAINER=IMAGE …\nSee 'podctl set -h' for help and examples") }
}

struct SetImageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "image", abstract: "Change the images of pods.", discussion: "Example: podctl set image pod/web app=nginx:1.27    podctl set image pods --all '*=busybox:1.36'")

  @Argument(help: "TYPE NAME … or TYPE/NAME …, then CONTAINER=IMAGE …; * is every container.") var words: [String] = []
  @OptionGroup var input: FileOptions
  @Flag(name: .long, help: "All of the type.") var all = false
  @Option(name: [.customShort("l"), .long], help: "Those with these labels.") var selector: String?
  @OptionGroup var change: ChangeOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    let resources = Array(words.prefix { !$0.contains("=") })
    let images = try words.dropFirst(resources.count).map { pair -> (name: String, image: String) in
      guard let at = pair.firstIndex(of: "="), at != pair.startIndex, pair.index(after: at) != pair.endIndex else {
        throw Failure.error(pair.contains("=") ? "invalid image format: \(pair)" : "all resources must be specified before image changes: \(pair)")
      }
      return (String(pair[..<at]), String(pair[pair.index(after: at)...]))
    }
    try input.check(required: false)
    if all, selector != nil { throw Failure.error("cannot set --all and --selector at the same time") }
    if resources.isEmpty, input.files.isEmpty { throw Failure.error("one or more resources must be specified as <resource> <name> or <resource>/<name>") }
    if images.isEmpty { throw Failure.error("at least one image update is required") }
    if images.count > 1, images.contains(where: { $0.name == "*" }) {
      throw Failure.error("all containers are already specified by *, but saw more than one container_name=container_image pairs")
    }
    let report = change.report
    let format = try report.format()
    let session = try change.dryRun == .none ? common.open() : common.look()
    let found =
      input.files.isEmpty
      ? try session.chosen(
        resources, namespace: common.ns, all: all, selector: selector, fieldSelector: nil)
      : try Manifests.load(input, common.place).names
    try Failure.each(found) { kind, ns, name in
      guard kind == .pod else { throw Failure.error("\(kind.plural)/\(name) the object is not a pod or does not have a pod template") }
      guard let old = try session.stored(kind, ns, name) else { throw Failure.notFound(kind, name) }
      let wanted = try Self.changed(old, images)
      let new = try session.judged(kind, old: old, new: wanted)
      if Session.isSame(old, new) { return }
      let made = change.dryRun == .none ? try session.update(kind, old: old, new: new) : new
      try report.show(format, kind, made, "image updated")
    }
  }

  private static func changed(_ pod: Value, _ images: [(name: String, image: String)]) throws -> Value {
    var pod = pod
    var spec = pod["spec"] ?? .null
    for (name, image) in images {
      var isThere = false
      for key in ["initContainers", "containers"] {
        guard let list = spec[key]?.array else { continue }
        spec[key] = .array(
          list.map { c in
            guard name == "*" || c["name"]?.string == name else { return c }
            isThere = true
            var c = c
            c["image"] = .string(image)
            return c
          })
      }
      if !isThere { throw Failure.error("unable to find container named \"\(name)\"") }
    }
    pod["spec"] = spec
    return pod
  }
}
