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
  /// Marks of the credentials that a registry gave an image to for a Pod, separated by commas; not there: anybody may use it.
  public static let accessKey = "io.podlab.access"

  public var indexPath: String { root + "/index.json" }
  public func blobPath(_ digest: String) -> String { "\(root)/blobs/\(digest.split(separator: ":").joined(separator: "/"))" }
  public func layerPath(_ diffID: String) -> String { "\(root)/layers/\(diffID.split(separator: ":").last ?? "")" }

  /// sha256: and 64 hexadecimal digits: what may become a path here.
  public static func isDigest(_ text: String) -> Bool {
    text.hasPrefix("sha256:") && text.utf8.count == 71 && text.utf8.dropFirst(7).allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
  }

  /// One entry of the index.
  public struct Entry: Sendable, Equatable {
    /// nil for an entry without a name, or with one that is none.
    public var reference: ImageReference?
    /// The same as it is written.
    public var name: String?
    /// Of its manifest, which is a blob here.
    public var digest: String
    /// What a registry knows it by: the manifest's, or that of the index it was chosen from.
    public var knownDigest: String
    public var source: ImageSource?
    /// Marks of credentials (`accessKey`); empty: it is for all.
    public var access: [String]
    public var recipe: String? { if case .recipe(let name)? = source { name } else { nil } }
  }

  /// What the index lists; nothing where there is no store yet.
  public func entries() throws(ImageError) -> [Entry] {
    guard FileSystem.exists(indexPath) else { return [] }
    return (try read(indexPath)["manifests"]?.array ?? []).compactMap { m in
      guard let digest = m["digest"]?.string, Self.isDigest(digest) else { return nil }
      let notes = m["annotations"]
      let name = notes?[Self.nameKey]?.string
      return Entry(
        reference: name.flatMap(Self.reference), name: name, digest: digest, knownDigest: notes?[Self.digestKey]?.string ?? digest, source: ImageSource(notes),
        access: (notes?[Self.accessKey]?.string ?? "").split(separator: ",").map(String.init))
    }
  }

  private static func reference(_ name: String) -> ImageReference? {
    do throws(ImageReference.Invalid) { return try ImageReference(parsing: name) } catch { return nil }
  }

  /// The image that a name stands for (`find`), if it is here whole.
  public func resolve(_ reference: ImageReference) throws(ImageError) -> Image? {
    guard let entry = try find(reference), let content = try content(entry.digest) else { return nil }
    // A layer that is not unpacked was removed by somebody.
    let layers = content.config.diffIDs.reversed().map(layerPath)
    if layers.isEmpty || !layers.allSatisfy(FileSystem.isFolder) { return nil }
    return Image(
      reference: reference, digest: entry.knownDigest, layers: layers, config: content.config, size: content.size, isMadeHere: entry.recipe != nil,
      access: entry.access)
  }

  /// The same of a name as it is written; nil also for one that is none, or cannot be read.
  public func image(named name: String) -> Image? {
    do throws(ImageReference.Invalid) {
      let reference = try ImageReference(parsing: name)
      do throws(ImageError) { return try resolve(reference) } catch { return nil }
    } catch { return nil }
  }

  /// The entry that a name stands for: the one of that name or digest, else the one that its recipe made (whatever the tag).
  public func find(_ reference: ImageReference) throws(ImageError) -> Entry? { Self.entry(for: reference, in: try entries()) }

  /// The same, of entries that were read.
  public static func entry(for reference: ImageReference, in all: [Entry]) -> Entry? {
    let exact = all.first { e in
      guard let r = e.reference, r.repository == reference.repository else { return false }
      return reference.digest.map { $0 == e.digest || $0 == e.knownDigest } ?? (r.tag == reference.tag)
    }
    if let exact { return exact }
    guard reference.digest == nil, let recipe = Recipe.named(reference) else { return nil }
    return all.first { $0.recipe == recipe.rawValue }
  }

  /// What an image consists of.
  public struct Content: Sendable {
    /// A blob that the manifest names.
    public struct Part: Sendable, Equatable {
      public var digest: String
      /// Bytes.
      public var size: Int64
      public var mediaType: String
    }
    public var configPart: Part
    /// Lowest first.
    public var layers: [Part]
    public var config: ImageConfig
    public var configValue: Value
    /// Bytes of the manifest itself.
    public var manifestSize: Int64
    /// Bytes of all its blobs.
    public var size: Int64 { manifestSize + configPart.size + layers.reduce(0) { $0 + $1.size } }
  }

  /// By the digest of a manifest; nil where it is an index, which another program wrote.
  public func content(_ digest: String) throws(ImageError) -> Content? {
    let (manifest, size) = try readSized(blobPath(digest))
    if manifest["manifests"] != nil { return nil }
    func part(_ v: Value?) throws(ImageError) -> Content.Part {
      guard let d = v?["digest"]?.string, Self.isDigest(d) else { throw ImageError("\(blobPath(digest)): a descriptor without a digest") }
      return Content.Part(digest: d, size: v?["size"]?.int ?? 0, mediaType: v?["mediaType"]?.string ?? "")
    }
    let config = try part(manifest["config"])
    var layers: [Content.Part] = []
    for l in manifest["layers"]?.array ?? [] { layers.append(try part(l)) }
    let value = try read(blobPath(config.digest))
    return Content(configPart: config, layers: layers, config: ImageConfig(value), configValue: value, manifestSize: size)
  }

  private func readSized(_ path: String) throws(ImageError) -> (Value, Int64) {
    let bytes: [UInt8]
    do throws(SysError) { bytes = try FileSystem.read(path) } catch { throw ImageError("reading the image store: \(error)") }
    do throws(JSON.Malformed) { return (try JSON.parse(bytes), Int64(bytes.count)) } catch { throw ImageError("\(path): \(error)") }
  }

  private func read(_ path: String) throws(ImageError) -> Value { try readSized(path).0 }
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
