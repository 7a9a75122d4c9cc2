// SPDX-License-Identifier: Apache-2.0
//
// image: the verbs on images. The work is done by the helper podlab-image, which has libarchive and libcurl; here is what is asked of it.
import ArgumentParser
import Control
import Glibc
import Images
import Kernel

struct ImageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "image", abstract: "List, pull, build, import, export, check and remove images.",
    discussion: "Example: podctl image ls    podctl image pull docker.io/library/nginx:1.27    podctl image import app.tar",
    subcommands: [
      ImageListCommand.self, ImagePullCommand.self, ImagePushCommand.self, ImageBuildCommand.self, ImageImportCommand.self, ImageExportCommand.self,
      ImageRemoveCommand.self, ImagePruneCommand.self, ImageCheckCommand.self,
    ])
}

/// Which store an image verb works on.
struct ImageOptions: ParsableArguments {
  @Option(name: .long, help: "The instance's folder (default: $PODLAB_ROOT, else the user's own).") var root: String?

  /// Runs podlab-image with these words and the store's; it speaks to the user. An ordinary user's has the node's user ids, so that an image's files
  /// have owners, and the user's own network.
  func run(_ words: [String]) throws {
    var instance = try Instance.locate(root: root)
    try instance.open()
    let programs = try FileSystem.readlink("/proc/self/exe").split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    var plan = SpawnPlan(
      .paths([programs + "/podlab-image"]), ["error"] + words + ["--store", instance.images],
      environment: ImageJob.environment().filter { !$0.hasPrefix("LC_ALL=") } + Self.own)
    var joined: [Int32] = []
    defer { for fd in joined { _ = close(fd) } }
    if !Node.isRoot {
      let node = try Node.ready(instance, programs: programs)
      if let warning = node.warning { say(2, "warning: one user id only: \(warning)\n") }
      plan.joins = try Outside.joins(node.holder)
      joined = plan.joins.map(\.fd)
    }
    plan.steps = [.init(.deathSignal(SIGTERM)), .init(.closeFrom(3, atExec: true))]
    let status = try plan.spawn().wait()
    if status.code != 0 { throw Failure(text: "", code: 1) }
  }

  /// Where credentials are, how a terminal wants it, and in which language progress is told.
  private static var own: [String] {
    [
      "HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "TERM", "NO_COLOR", "TMPDIR", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY",
      "WAYLAND_DISPLAY", "GNUPGHOME", "PASSWORD_STORE_DIR", "LC_ALL", "LC_MESSAGES", "LANG",
    ].compactMap { name in variable(name).map { "\(name)=\($0)" } } + (variable("PATH").map { ["PODLAB_USER_PATH=\($0)"] } ?? [])
  }

  /// What registries' verbs have in common, as the helper takes it.
  func registry(_ o: RegistryOptions) throws -> [String] {
    var words = ["--certs", try Instance.locate(root: root).certificates]
    if let tls = o.tlsVerify {
      guard tls == "true" || tls == "false" else { throw Failure.error("invalid value \"\(tls)\" for --tls-verify: true or false") }
      words += ["--tls-verify", tls]
    }
    if let file = o.authfile { words += ["--authfile", absolutePath(file)] }
    if let timeout = o.timeout { words += ["--timeout", "\(timeout)"] }
    if o.quiet { words.append("--quiet") }
    return words
  }
}

struct RegistryOptions: ParsableArguments {
  @Option(name: .long, help: "false: certificates are not checked, and plain HTTP will do (default true; plain HTTP always will do on this machine).") var tlsVerify: String?
  @Option(name: .long, help: "Credentials (default: $REGISTRY_AUTH_FILE, else podman's and docker's files).") var authfile: String?
  @Option(name: .long, help: "Seconds without a byte after which a connection counts as dead (default 60).") var timeout: Int?
  @Flag(name: .shortAndLong, help: "No progress.") var quiet = false
}

struct ImagePullCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull", abstract: "Fetch an image from its registry.",
    discussion: "Example: podctl image pull registry.example/team/app:1.2 --platform linux/arm64")

  @Argument(help: "The image: [REGISTRY/]NAME[:TAG|@DIGEST].") var image: String
  @Option(name: .long, help: "OS/ARCH or OS/ARCH/VARIANT, where the registry has several (default: this machine's).") var platform: String?
  @OptionGroup var registry: RegistryOptions
  @OptionGroup var common: ImageOptions

  func run() throws { try common.run(["pull", image] + (platform.map { ["--platform", $0] } ?? []) + common.registry(registry)) }
}

struct ImagePushCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "push", abstract: "Send an image to a registry.", discussion: "Example: podctl image push nginx 127.0.0.1:5000/team/nginx:1")

  @Argument(help: "The image, as `image ls` shows it.") var image: String
  @Argument(help: "The name that it shall have, with the registry's (default: its own).") var destination: String?
  @OptionGroup var registry: RegistryOptions
  @OptionGroup var common: ImageOptions

  func run() throws { try common.run(["push", image] + (destination.map { [$0] } ?? []) + common.registry(registry)) }
}
