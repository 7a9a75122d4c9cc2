// SPDX-License-Identifier: Apache-2.0
//
// The store: an OCI image layout (image-spec, image-layout.md), which skopeo and umoci read too, and beside it each layer unpacked once.
//
//   oci-layout  index.json  blobs/sha256/HEX     the layout
//   layers/HEX/                                  the layer whose uncompressed digest (diff id) is HEX
//   work/                                        what is being written; the next writer removes what a dead one left
//   locks/                                       see podlab-image's StoreWriter
//
// Reading takes no lock: whatever index.json names was there before index.json was. Only the helper program podlab-image writes.
import Kernel
import Manifest

public struct ImageStore: Sendable {
  /// Folder of the layout.
  public let root: String

  public init(root: String) { self.root = root }

  /// Annotation that carries an image's whole name, and the one that names the recipe an image was made by.
  public static let nameKey = "org.opencontainers.image.ref.name"
  public static let recipeKey = "io.podlab.recipe"
  /// Where an image came from (`ImageSource`), and the digest that a registry knows it by, where that is another than its manifest's (an index's).
  public static let sourceKey = "io.podlab.source"
  public static let digestKey = "io.podlab.digest"

  public var indexPath: String { root + "/index.json" }
  public func blobPath(_ digest: String) -> String { "\(root)/blobs/\(digest.split(separator: ":").joined(separator: "/"))" }
  public func layerPath(_ diffID: String) -> String { "\(root)/layers/\(diffID.split(separator: ":").last ?? "")" }

  /// One entry of the index.
  public struct Entry: Sendable, Equatable {
    /// nil for an entry without a name, or with one that is none.
    public var reference: ImageReference?
    /// Of its manifest, which is a blob here.
    public var digest: String
    /// What a registry knows it by: the manifest's, or that of the index it was chosen from.
    public var knownDigest: String
    public var source: ImageSource?
    public var recipe: String? { if case .recipe(let name)? = source { name } else { nil } }
  }

  /// What the index lists; nothing where there is no store yet.
  public func entries() throws(ImageError) -> [Entry] {
    guard FileSystem.exists(indexPath) else { return [] }
    return (try read(indexPath)["manifests"]?.array ?? []).compactMap { m in
      guard let digest = m["digest"]?.string else { return nil }
      let notes = m["annotations"]
      let name = notes?[Self.nameKey]?.string
      return Entry(
        reference: name.flatMap(Self.reference), digest: digest, knownDigest: notes?[Self.digestKey]?.string ?? digest, source: ImageSource(notes))
    }
  }

  private static func reference(_ name: String) -> ImageReference? {
    do throws(ImageReference.Invalid) { return try ImageReference(parsing: name) } catch { return nil }
  }

  /// The image that a name stands for (`find`), if it is here whole.
  public func resolve(_ reference: ImageReference) throws(ImageError) -> Image? {
    guard let entry = try find(reference) else { return nil }
    return try open(entry, as: reference)
  }

  /// The entry that a name stands for: the one of that name or digest, else the one that its recipe made (whatever the tag).
  public func find(_ reference: ImageReference) throws(ImageError) -> Entry? {
    let all = try entries()
    let exact = all.first { e in
      guard let r = e.reference, r.repository == reference.repository else { return false }
      return reference.digest.map { $0 == e.digest || $0 == e.knownDigest } ?? (r.tag == reference.tag)
    }
    if let exact { return exact }
    guard reference.digest == nil, let recipe = Recipe.named(reference) else { return nil }
    return all.first { $0.recipe == recipe.rawValue }
  }

  /// nil when a layer is not unpacked (somebody removed it).
  private func open(_ entry: Entry, as reference: ImageReference) throws(ImageError) -> Image? {
    let manifest = try read(blobPath(entry.digest))
    guard let configDigest = manifest["config"]?["digest"]?.string else { throw ImageError("\(blobPath(entry.digest)): no config descriptor") }
    let config = ImageConfig(try read(blobPath(configDigest)))
    let layers = config.diffIDs.reversed().map(layerPath)
    if layers.isEmpty || !layers.allSatisfy(FileSystem.isFolder) { return nil }
    let parts = [manifest["config"]].compactMap { $0 } + (manifest["layers"]?.array ?? [])
    let own = optional { () throws(SysError) in try FileSystem.info(blobPath(entry.digest)).size } ?? 0
    let size = parts.reduce(own) { $0 + max(0, $1["size"]?.int ?? 0) }
    return Image(
      reference: reference, digest: entry.knownDigest, layers: layers, config: config, size: size, isMadeHere: entry.recipe != nil)
  }

  private func read(_ path: String) throws(ImageError) -> Value {
    let bytes: [UInt8]
    do throws(SysError) { bytes = try FileSystem.read(path) } catch { throw ImageError("reading the image store: \(error)") }
    do throws(JSON.Malformed) { return try JSON.parse(bytes) } catch { throw ImageError("\(path): \(error)") }
  }
}

/// How an image came into the store; `image ls` shows it.
public enum ImageSource: Sendable, Equatable, CustomStringConvertible {
  /// Made by the recipe of this name.
  case recipe(String)
  /// Imported from an archive or a folder.
  case imported
  /// Pulled from this registry (docker.io, 127.0.0.1:5000).
  case pulled(String)

  /// recipe, import, pull
  public var description: String {
    switch self {
    case .recipe: "recipe"
    case .imported: "import"
    case .pulled: "pull"
    }
  }

  /// From the annotations of an index entry; nil for one that another program wrote.
  init?(_ notes: Value?) {
    if let name = notes?[ImageStore.recipeKey]?.string {
      self = .recipe(name)
      return
    }
    guard let text = notes?[ImageStore.sourceKey]?.string else { return nil }
    if text == "import" {
      self = .imported
    } else if text.hasPrefix("pull:") {
      self = .pulled(String(text.dropFirst(5)))
    } else {
      return nil
    }
  }

  /// The annotation that `init` reads.
  public var annotation: (key: String, value: Value) {
    switch self {
    case .recipe(let name): (ImageStore.recipeKey, .string(name))
    case .imported: (ImageStore.sourceKey, .string("import"))
    case .pulled(let registry): (ImageStore.sourceKey, .string("pull:" + registry))
    }
  }
}

/// The store cannot be read, or is not what it should be.
public struct ImageError: Error, Sendable, Equatable, CustomStringConvertible {
  public var description: String
  public init(_ text: String) { description = text }
}
