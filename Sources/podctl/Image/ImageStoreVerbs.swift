// SPDX-License-Identifier: Apache-2.0
//
// The verbs on the images of the store that need no registry. What writes is done by podlab-image (ImageCommands.swift).
import ArgumentParser
import Control
import Images

struct ImageBuildCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "build", abstract: "Make images by recipes, from the distribution's packages.",
    discussion: "Example: podctl image build nginx    podctl image build ./app.yaml\nRecipes: \(Recipe.allCases.map(\.rawValue).joined(separator: ", ")); your own is a file (docs/recipes.md).")

  @Argument(help: "A recipe's name, or its file.") var what: [String] = []
  @Flag(name: .long, help: "Nothing is done where an image of the name is there.") var unlessPresent = false
  @Flag(name: .long, help: "Anew, with what the package archive has now.") var refresh = false
  @Flag(name: .shortAndLong, help: "Without progress.") var quiet = false
  @OptionGroup var options: ImageOptions

  func run() throws {
    if what.isEmpty { throw Failure.error("the name of a recipe, or its file, is required\nSee 'podctl image build --help' for usage.") }
    try options.run(["build"] + what + (unlessPresent ? ["--unless-present"] : []) + (refresh ? ["--refresh"] : []) + (quiet ? ["--quiet"] : []))
  }
}

struct ImageImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Take images from an archive (docker save, OCI archive) or a folder (OCI layout).",
    discussion: "Example: podctl image import app.tar    docker save app | podctl image import -    podctl image import layout/ app:v2")

  @Argument(help: "A file, a folder, or - for standard input.") var file: String
  @Argument(help: "The image's name, instead of the one that it has there.") var name: String?
  @Flag(name: .shortAndLong, help: "No progress.") var quiet = false
  @OptionGroup var options: ImageOptions

  func run() throws { try options.run(["import", imagePath(file)] + (name.map { [$0] } ?? []) + (quiet ? ["--quiet"] : [])) }
}

struct ImageExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write an image as an archive.",
    discussion: "Example: podctl image export nginx -o nginx.tar    podctl image export app:v2 --format docker-archive -o - | docker load")

  @Argument(help: "The image's name, or the beginning of its digest.") var name: String
  @Option(name: .shortAndLong, help: "The file, or - for standard output.") var output: String
  @Option(name: .long, help: "oci-archive or docker-archive.") var format = "oci-archive"
  @OptionGroup var options: ImageOptions

  func run() throws {
    guard ["oci-archive", "docker-archive"].contains(format) else { throw Failure.error("unknown format \"\(format)\": oci-archive or docker-archive") }
    try options.run(["export", name, "-o", imagePath(output), "--format", format])
  }
}

struct ImageRemoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rm", abstract: "Remove images; refused for one that a pod uses.", discussion: "Example: podctl image rm app:v2    podctl image rm 3f2a91c0")

  @Argument(help: "Names, or beginnings of digests.") var names: [String] = []
  @OptionGroup var options: ImageOptions

  func run() throws {
    if names.isEmpty { throw Failure.error("the name of an image is required\nSee 'podctl image rm --help' for usage.") }
    try options.run(["rm"] + names)
  }
}

struct ImagePruneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune", abstract: "Remove the images that no pod uses.", discussion: "Example: podctl image prune    podctl image prune --dry-run")

  @Flag(name: .long, help: "Say which, remove nothing.") var dryRun = false
  @Option(name: .shortAndLong, help: "json.") var output: String?
  @OptionGroup var options: ImageOptions

  func run() throws { try options.run(["prune"] + (dryRun ? ["--dry-run"] : []) + (output.map { ["-o", $0] } ?? [])) }
}

struct ImageCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fsck", abstract: "Prove every blob, image and unpacked layer of the store.",
    discussion: "Example: podctl image fsck    podctl image fsck --repair")

  @Flag(name: .long, help: "Unpack damaged layers anew; remove images that cannot be saved and that no pod uses.") var repair = false
  @Option(name: .shortAndLong, help: "json.") var output: String?
  @OptionGroup var options: ImageOptions

  func run() throws { try options.run(["fsck"] + (repair ? ["--repair"] : []) + (output.map { ["-o", $0] } ?? [])) }
}

/// A path as podlab-image takes it; - is a stream.
private func imagePath(_ text: String) -> String { text == "-" ? text : absolutePath(text) }
