// SPDX-License-Identifier: Apache-2.0
//
// podlab-image: the helper that writes the image store. It alone links libarchive, which cannot be static; podctl and podd start it.
import Glibc
import Images
import Kernel

enum ImageProgram {
  static let usage = """
    usage: podlab-image build NAME --store DIR [--unless-present]

      build NAME         makes an image by its recipe: \(Recipe.allCases.map(\.rawValue).joined(separator: ", "))
      --store DIR        the image store (an OCI image layout); made if it is missing
      --unless-present   does nothing where the image is already there

    example: podlab-image build busybox --store /var/lib/podlab/images

    """

  /// Returns the exit code: 0, 1 for a failure, 2 for a wrong command line.
  static func run(_ arguments: [String]) -> Int32 {
    if arguments.contains("--help") || arguments.contains("-h") {
      print(usage, terminator: "")
      return 0
    }
    var words: [String] = []
    var folder: String?
    var unlessPresent = false
    var rest = arguments[...]
    while let a = rest.popFirst() {
      switch a {
      case "--store":
        guard let d = rest.popFirst(), !d.isEmpty else { return wrong("--store needs a folder") }
        folder = d
      case "--unless-present": unlessPresent = true
      default:
        if a.hasPrefix("-") { return wrong("unknown option \(a)") }
        words.append(a)
      }
    }
    guard words.first == "build" else { return wrong(words.first.map { "unknown command \($0)" } ?? "no command") }
    guard words.count == 2 else { return wrong("build takes one name") }
    guard let recipe = Recipe(rawValue: words[1]) else { return wrong("there is no recipe \(words[1])") }
    guard let folder else { return wrong("--store is missing") }
    setlocale(LC_ALL, "C.UTF-8")  // libarchive turns names through the locale
    umask(0o022)
    do throws(Failure) {
      try build(recipe, in: ImageStore(root: folder), unlessPresent: unlessPresent)
      return 0
    } catch {
      say(error.description)
      return 1
    }
  }

  private static func build(_ recipe: Recipe, in store: ImageStore, unlessPresent: Bool) throws(Failure) {
    let writer = try StoreWriter(store)
    if unlessPresent {
      let reference: ImageReference
      do throws(ImageReference.Invalid) { reference = try ImageReference(parsing: recipe.reference) } catch { throw Failure("\(error)") }
      do throws(ImageError) { if try store.resolve(reference) != nil { return } } catch { throw Failure("\(error)") }
    }
    switch recipe {
    case .busybox: try BusyboxRecipe().build(into: writer)
    }
  }

  private static func wrong(_ why: String) -> Int32 {
    say(why)
    say("see podlab-image --help")
    return 2
  }

  private static func say(_ text: String) {
    do throws(SysError) { try writeAll(2, "podlab-image: \(text)\n") } catch {
      // Nobody listens: the exit code says it.
    }
  }
}

/// Why an image could not be made, in a sentence with its remedy.
struct Failure: Error, CustomStringConvertible {
  var description: String
  init(_ text: String) { description = text }
  init(_ error: SysError) {
    description = "\(error)"
    if error.errno == ENOSPC { description += ". The disk is full: free some space, or choose another folder" }
    if error.errno == EROFS { description += ". The file system is read-only: choose another folder" }
  }
}
