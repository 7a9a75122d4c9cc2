// SPDX-License-Identifier: Apache-2.0
//
// The store: an OCI image layout (image-spec, image-layout.md), which skopeo and umoci read too, and beside it each layer unpacked once.
//
//   oci-layout  index.json  blobs/sha256/HEX     the layout
//   layers/HEX/                                  the layer whose uncompressed digest (diff id) is HEX
//   lock                                         held by the one who writes
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

  public var indexPath: String { root + "/index.json" }
  public var lockPath: String { root + "/lock" }
  public func blobPath(_ digest: String) -> String { "\(root)/blobs/\(digest.split(separator: ":").joined(separator: "/"))" }
  public func layerPath(_ diffID: String) -> String { "\(root)/layers/\(diffID.split(separator: ":").last ?? "")" }

  /// One entry of the index.
  public struct Entry: Sendable, Equatable {
    /// nil for an entry without a name, or with one that is none.
    public var reference: ImageReference?
    public var digest: String
    public var recipe: String?
  }

  /// What the index lists; nothing where there is no store yet.
  public func entries() throws(ImageError) -> [Entry] {
    guard FileSystem.exists(indexPath) else { return [] }
    return (try read(indexPath)["manifests"]?.array ?? []).compactMap { m in
      guard let digest = m["digest"]?.string else { return nil }
      let notes = m["annotations"]
      let name = notes?[Self.nameKey]?.string
      return Entry(reference: name.flatMap(Self.reference), digest: digest, recipe: notes?[Self.recipeKey]?.string)
    }
  }

  private static func reference(_ name: String) -> ImageReference? {
    do throws(ImageReference.Invalid) { return try ImageReference(parsing: name) } catch { return nil }
  }

  /// The image of this name, if it is here whole: by its own name or digest, else the one that its recipe made (whatever the tag).
  public func resolve(_ reference: ImageReference) throws(ImageError) -> Image? {
    let all = try entries()
    let exact = all.first { e in
      guard let r = e.reference, r.repository == reference.repository else { return false }
      return reference.digest.map { $0 == e.digest } ?? (r.tag == reference.tag)
    }
    if let exact { return try open(exact.digest, as: reference) }
    guard reference.digest == nil, let recipe = Recipe.named(reference), let made = all.first(where: { $0.recipe == recipe.rawValue }) else { return nil }
    return try open(made.digest, as: reference)
  }

  /// nil when a layer is not unpacked (the helper was killed between the two).
  private func open(_ digest: String, as reference: ImageReference) throws(ImageError) -> Image? {
    let manifest = try read(blobPath(digest))
    guard let configDigest = manifest["config"]?["digest"]?.string else { throw ImageError("\(blobPath(digest)): no config descriptor") }
    let config = ImageConfig(try read(blobPath(configDigest)))
    let layers = config.diffIDs.reversed().map(layerPath)
    if layers.isEmpty || !layers.allSatisfy(FileSystem.isFolder) { return nil }
    return Image(reference: reference, digest: digest, layers: layers, config: config)
  }

  private func read(_ path: String) throws(ImageError) -> Value {
    let bytes: [UInt8]
    do throws(SysError) { bytes = try FileSystem.read(path) } catch { throw ImageError("reading the image store: \(error)") }
    do throws(JSON.Malformed) { return try JSON.parse(bytes) } catch { throw ImageError("\(path): \(error)") }
  }
}

/// The store cannot be read, or is not what it should be.
public struct ImageError: Error, Sendable, Equatable, CustomStringConvertible {
  public var description: String
  public init(_ text: String) { description = text }
}
