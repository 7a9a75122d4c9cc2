// SPDX-License-Identifier: Apache-2.0
//
// build: makes images by their recipes, and those that they are made on.
import Glibc
import Images
import Kernel
import Manifest
import Recipes

enum BuildCommand: ImageCommand {
  static let name = "build"
  static let usage = """
    NAME|FILE.yaml… [--unless-present] [--refresh] [--quiet] [--packages DIR]
          makes images by recipes, ours (\(Recipe.allCases.map(\.rawValue).joined(separator: ", "))) or your own file (docs/recipes.md);
          one that is there and was made by the same recipe is left as it is
          --unless-present: also one that another recipe made, or that was pulled
          --refresh: looks what the package archive has now, and builds anew where that is other
          --packages DIR: where packages are kept (default: PODLAB_PACKAGES, else packages in the store)
    """
  static let options = ["--packages"]
  static let flags = ["--unless-present", "--refresh", "--quiet"]

  static func run(_ words: Words) throws(Failure) {
    if words.arguments.isEmpty { throw Failure("build takes the name of a recipe, or its file") }
    let store = try words.store()
    let packages = words.value("--packages") ?? getenv("PODLAB_PACKAGES").map { String(cString: $0) } ?? store.root + "/packages"
    var build = Build(store: store, packages: packages, words: words)
    let recipes = try words.arguments.map { (w) throws(Failure) in try recipe(w) }
    for r in recipes { _ = try build.image(of: r, isWanted: true) }
  }

  private static func recipe(_ word: String) throws(Failure) -> RecipeFile {
    if word.contains("/") || word.hasSuffix(".yaml") || word.hasSuffix(".yml") {
      let bytes = try failing { () throws(SysError) in try FileSystem.read(word) }
      return try RecipeFile.parse(bytes, file: word)
    }
    guard let r = try builtIn(word) else {
      let all = Recipe.allCases.map(\.rawValue).joined(separator: ", ")
      throw Failure("there is no recipe \(word). There are \(all); one of your own is named by its file: ./\(word).yaml")
    }
    return r
  }

  /// nil where there is none of this name.
  static func builtIn(_ name: String) throws(Failure) -> RecipeFile? {
    guard let text = Recipes.text(name) else { return nil }
    return try RecipeFile.parse(text, file: "Recipes/\(name).yaml")
  }

  static func reference(_ name: String) throws(Failure) -> ImageReference {
    do throws(ImageReference.Invalid) { return try ImageReference(parsing: name) } catch { throw Failure("\(error)") }
  }
}

/// One run of the command.
private struct Build {
  let store: ImageStore
  let packages: String
  let words: Words
  /// Names that this run has looked after already.
  private var done: Set<ImageReference> = []
  /// Names whose build waits for the one below.
  private var underWay: [ImageReference] = []

  init(store: ImageStore, packages: String, words: Words) { (self.store, self.packages, self.words) = (store, packages, words) }

  /// Brings the recipe's image to the store. isWanted: named on the command line, not only built upon.
  mutating func image(of recipe: RecipeFile, isWanted: Bool) throws(Failure) -> Image {
    let name = try BuildCommand.reference(recipe.name)
    if underWay.contains(name) { throw Failure("the recipe \(recipe.name) is made on itself: \((underWay + [name]).map(\.description).joined(separator: " on "))") }
    underWay.append(name)
    defer { underWay.removeLast() }
    let progress = BuildProgress(recipe.name, isQuiet: words.has("--quiet"))
    let builder = RecipeBuilder(recipe: recipe, progress: progress)
    if let there = try present(name), words.has("--unless-present") || !isWanted || done.contains(name) { return there }
    let below = try base(recipe)
    if !words.has("--refresh") || done.contains(name), let there = try present(name), try isCurrent(there, builder, below) {
      if isWanted { progress.end(said("is there, ", "已存在，") + there.digest) }
      return there
    }
    let writer = try StoreWriter(store)
    // Nobody else builds it meanwhile; who waited finds it done.
    let once = try writer.hold(name.description)
    defer { _ = once.raw }
    if !words.has("--refresh"), let there = try present(name) {
      if words.has("--unless-present") { return there }
      if try isCurrent(there, builder, below) { return there }
    }
    let started = Clock.monotonic
    let isNew: Bool
    do throws(Failure) { isNew = try make(builder, name, below, writer, progress) } catch {
      progress.abandon()
      throw error
    }
    guard let made = try present(name) else { throw Failure("\(recipe.name) was built, and is not in the store") }
    done.insert(name)
    let seconds = (Clock.monotonic - started) / 1_000_000_000
    progress.end((isNew ? said("built in \(seconds) s, ", "构建完成，用时 \(seconds) 秒，") : said("is up to date, ", "已是最新，")) + made.digest)
    return made
  }

  private func present(_ name: ImageReference) throws(Failure) -> Image? {
    do throws(ImageError) { return try store.resolve(name) } catch { throw Failure(error) }
  }

  private func isCurrent(_ image: Image, _ builder: RecipeBuilder, _ below: Image?) throws(Failure) -> Bool {
    image.config.labels[Recipe.digestLabel] == (try builder.recipeDigest()) && image.config.labels[Recipe.baseLabel] == below?.digest
  }

  /// The image that it is made on: as it is in the store, else made by its recipe.
  private mutating func base(_ recipe: RecipeFile) throws(Failure) -> Image? {
    guard let from = recipe.from else { return nil }
    let name = try BuildCommand.reference(from)
    if let r = Recipe.named(name), let file = try BuildCommand.builtIn(r.rawValue) { return try image(of: file, isWanted: false) }
    if let there = try present(name) { return there }
    throw Failure("\(recipe.name) is made on \(from), which is not in the store: build, pull or import it first")
  }

  /// Whether it was built: the same recipe, base and packages make the image that is there.
  private func make(_ builder: RecipeBuilder, _ name: ImageReference, _ below: Image?, _ writer: StoreWriter, _ progress: BuildProgress) throws(Failure) -> Bool {
    let recipe = builder.recipe
    var base = RecipeBuilder.Base()
    var layers: [Layer] = []
    if let below {
      layers = try self.layers(of: below)
      base.config = try Failure.json(try read(configDigest(below)), "the configuration of \(below.reference)")
      base.digest = below.digest
      base.tree = try BaseTree(blobs: layers.map { store.blobPath($0.blob.digest) }, keeping: Set(recipe.copies.map(\.from)))
    }
    var apt: Apt?
    var archives: [Apt.Archive] = []
    if !recipe.packages.isEmpty {
      if below != nil, base.tree.bytes("var/lib/dpkg/status") == nil {
        throw Failure("\(recipe.name): \(recipe.from ?? "") is no Debian image, which packages could be added to")
      }
      let a = try Apt(folder: packages)
      archives = try a.fetch(recipe.packages, status: base.tree.bytes("var/lib/dpkg/status") ?? [], progress: progress)
      apt = a
      if let there = try present(name), try isCurrent(there, builder, below),
        there.config.labels[Recipe.packagesLabel] == (try RecipeBuilder.packagesDigest(archives))
      {
        return false
      }
    }
    let pipe = try LayerPipe { [base, archives, apt] (sink) throws(Failure) in try builder.assemble(archives, apt, on: base, to: sink) }
    let (layer, time) = try pipe.pour { (fd) throws(Failure) in try writer.addLayer(from: fd) }
    layers.append(layer)
    let config = try builder.config(archives, on: base, diffIDs: layers.map(\.diffID), time: time)
    try writer.commit(name: name.description, config: JSON.compactBytes(config), layers: layers, source: .recipe(Recipe.named(name)?.rawValue ?? recipe.name))
    return true
  }

  private func layers(of image: Image) throws(Failure) -> [Layer] {
    let manifest = try Failure.json(try read(manifestDigest(image)), "the manifest of \(image.reference)")
    return (manifest["layers"]?.array ?? []).enumerated().map { i, d in
      Layer(
        blob: Blob(digest: d["digest"]?.string ?? "", size: d["size"]?.int ?? 0), diffID: image.config.diffIDs.indices.contains(i) ? image.config.diffIDs[i] : "",
        mediaType: d["mediaType"]?.string ?? MediaType.layer)
    }
  }

  private func manifestDigest(_ image: Image) throws(Failure) -> String {
    do throws(ImageError) {
      let entry = try store.entries().first { $0.knownDigest == image.digest }
      return entry?.digest ?? image.digest
    } catch { throw Failure(error) }
  }

  private func configDigest(_ image: Image) throws(Failure) -> String {
    try Failure.json(try read(manifestDigest(image)), "the manifest of \(image.reference)")["config"]?["digest"]?.string ?? ""
  }

  private func read(_ digest: String) throws(Failure) -> [UInt8] {
    try failing { () throws(SysError) in try FileSystem.read(store.blobPath(digest)) }
  }
}
