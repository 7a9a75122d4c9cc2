// SPDX-License-Identifier: Apache-2.0
//
// build: makes an image by its recipe.
import Images
import Kernel

enum BuildCommand: ImageCommand {
  static let name = "build"
  static let usage = """
    NAME [--unless-present]
          makes an image by its recipe: \(Recipe.allCases.map(\.rawValue).joined(separator: ", "))
          --unless-present: does nothing where the image is already there
    """
  static let options: [String] = []
  static let flags = ["--unless-present"]

  static func run(_ words: Words) throws(Failure) {
    guard words.arguments.count == 1 else { throw Failure("build takes one name") }
    guard let recipe = Recipe(rawValue: words.arguments[0]) else { throw Failure("there is no recipe \(words.arguments[0])") }
    let store = try words.store()
    let writer = try StoreWriter(store)
    let once = try writer.hold(recipe.reference)
    defer { _ = once.raw }
    if words.has("--unless-present") {
      let reference: ImageReference
      do throws(ImageReference.Invalid) { reference = try ImageReference(parsing: recipe.reference) } catch { throw Failure("\(error)") }
      do throws(ImageError) { if try store.resolve(reference) != nil { return } } catch { throw Failure(error) }
    }
    switch recipe {
    case .busybox: try BusyboxRecipe().build(into: writer)
    }
  }
}
