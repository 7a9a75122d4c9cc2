// SPDX-License-Identifier: Apache-2.0
//
// import: images from an OCI layout (a folder), an OCI archive or what docker save writes. Everything is proved by digest on the way.
import Glibc
import Images
import Kernel
import Manifest

enum ImportCommand: ImageCommand {
  static let name = "import"
  static let usage = """
    FILE|FOLDER|- [NAME] [--quiet]
          takes the images of a docker-archive, an OCI archive or an OCI layout; NAME: for the one image in it, instead of the name it has there
    """
  static let options: [String] = []
  static let flags = ["--quiet"]

  static func run(_ words: Words) throws(Failure) {
    guard (1...2).contains(words.arguments.count) else { throw Failure("import takes a file and perhaps a name") }
    let path = words.arguments[0]
    let name = words.arguments.count == 2 ? try reference(words.arguments[1]) : nil
    let store = try words.store()
    let progress = LayerProgress(quiet: words.has("--quiet"), barsOnly: true)
    do throws(Failure) { try take(path, name, store, progress) } catch {
      // What it brought so far is no image's: the space is given back, unless somebody writes who may count on it.
      do throws(Failure) { try StoreRemover.sweepIfFree(store) } catch {
        // The next prune does it.
      }
      throw Failure("importing \(path == "-" ? "standard input" : path): \(error)")
    }
  }

  private static func take(_ path: String, _ name: String?, _ store: ImageStore, _ progress: LayerProgress) throws(Failure) {
    let writer = try StoreWriter(store)
    let files = try ImportFiles(path, writer, progress)
    let images = try find(files, path)
    if let name, images.count > 1 { throw Failure("there are \(images.count) images in it: NAME \(name) can be given to one only") }
    // All names are known to be good before anything is taken.
    let names = try images.map { image throws(Failure) in
      if let name { return [name] }
      return image.names.isEmpty ? [try nameAfter(path, tag: image.tag)] : image.names
    }
    for (image, names) in zip(images, names) {
      let digest = try image.take(writer, names)
      for n in names { Output.say("image/\(n) imported (\(digest.prefix(19)))") }
    }
    for line in writer.notes { ImageProgram.say("warning: \(line)") }
  }

  /// An image in what is imported.
  struct Found {
    /// Whole names that it has there.
    var names: [String]
    /// Where it has none: the tag it is to have.
    var tag: String?
    /// Brings its content in and commits it under the names; returns its digest.
    var take: (StoreWriter, [String]) throws(Failure) -> String
  }

  private static func find(_ files: ImportFiles, _ path: String) throws(Failure) -> [Found] {
    if let index = try files.json("index.json") { return try OCIImport(files).images(index.value) }
    if let list = try files.json("manifest.json") { return try DockerImport(files).images(list.value) }
    throw Failure("this is no OCI layout (index.json is missing) and no docker-archive (manifest.json is missing)")
  }

  static func reference(_ text: String) throws(Failure) -> String {
    let r: ImageReference
    do throws(ImageReference.Invalid) { r = try ImageReference(parsing: text) } catch { throw Failure("\(error)") }
    if r.digest != nil { throw Failure("\(text): a name to be given has no digest") }
    return r.description
  }

  /// app.tar, app.tar.gz, app/ become app.
  private static func nameAfter(_ path: String, tag: String?) throws(Failure) -> String {
    var base = path.split(separator: "/").last.map(String.init) ?? ""
    for end in [".gz", ".zst", ".xz", ".bz2", ".tar", ".tgz", ".oci", ".docker"] where base.hasSuffix(end) && base != end { base = String(base.dropLast(end.utf8.count)) }
    let text = base.lowercased() + ":" + (tag ?? "latest")
    do throws(Failure) {
      if path == "-" { throw Failure("") }
      return try reference(text)
    } catch { throw Failure("the image has no name in it: give one, podctl image import \(path) NAME") }
  }
}

/// What the commands print.
enum Output {
  static func say(_ line: String) { write(line + "\n") }
  static func write(_ text: String) {
    do throws(SysError) { try writeAll(1, text) } catch {
      // Nobody listens.
    }
  }
}
