// SPDX-License-Identifier: Apache-2.0
//
// image ls: what the store has, and where it came from.
import ArgumentParser
import Control
import Images
import Kernel
import Manifest

struct ImageListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ls", abstract: "List the images of the store.", discussion: "Example: podctl image ls    podctl image ls nginx -o json")

  @Argument(help: "Images of these names only, whatever their tags.") var names: [String] = []
  @Option(name: .shortAndLong, help: "wide, name, json, yaml, jsonpath=TEMPLATE.") var output: String?
  @Flag(name: .long, help: "Without the line of column names.") var noHeaders = false
  @OptionGroup var options: ImageOptions

  func run() throws {
    let format = try outputFormat(output)
    let instance = try Instance.locate(root: options.root)
    let store = ImageStore(root: instance.images)
    let wanted = try names.map { name in
      do throws(ImageReference.Invalid) { return try ImageReference(parsing: name).repository } catch { throw Failure.error("\(error)") }
    }
    try show(try Self.found(store).filter { i in wanted.isEmpty || wanted.contains { $0 == i.entry.reference?.repository } }, format)
  }

  private static func found(_ store: ImageStore) throws -> [Item] {
    do throws(ImageError) {
      var images: [Item] = []
      for e in try store.entries() { images.append(Item(entry: e, content: try store.content(e.digest))) }
      return images.sorted { ($0.repository, $0.tag, $0.entry.digest) < ($1.repository, $1.tag, $1.entry.digest) }
    } catch { throw Failure.error("\(error)") }
  }

  private struct Item {
    let entry: ImageStore.Entry
    /// nil for an index that another program wrote.
    let content: ImageStore.Content?
    var repository: String { entry.reference?.repository ?? entry.name ?? "<none>" }
    var tag: String { entry.reference?.tag ?? "<none>" }
    var source: String {
      switch entry.source {
      case .pulled(let registry)?: "pull (\(registry))"
      case .recipe(let name)?: "recipe (\(name))"
      case let s?: "\(s)"
      case nil: "<unknown>"
      }
    }

    var value: Value {
      var all: [(String, Value)] = [
        ("name", entry.name.map { .string($0) } ?? .null), ("digest", .string(entry.knownDigest)), ("manifest", .string(entry.digest)),
        ("source", entry.source.map { .string("\($0)") } ?? .null),
      ]
      switch entry.source {
      case .pulled(let registry)?: all.append(("registry", .string(registry)))
      case .recipe(let name)?: all.append(("recipe", .string(name)))
      default: break
      }
      if let c = content {
        all += [
          ("size", .int(c.size)), ("layers", .strings(c.layers.map(\.digest))), ("created", c.configValue["created"] ?? .null),
          ("architecture", c.configValue["architecture"] ?? .null), ("config", c.configValue["config"] ?? .object([])),
        ]
      }
      return .object(all)
    }
  }

  private func show(_ images: [Item], _ format: OutputFormat) throws {
    switch format {
    case .table(let isWide):
      if images.isEmpty { return say(2, "No images found.\n") }
      var table = Table(["NAME", "TAG", "DIGEST", "SIZE", "SOURCE"] + (isWide ? ["LAYERS", "CREATED"] : []))
      for i in images {
        var row = [i.repository, i.tag, String(i.entry.knownDigest.dropFirst(7).prefix(12)), i.content.map { ByteCount.text($0.size) } ?? "-", i.source]
        if isWide { row += ["\(i.content?.layers.count ?? 0)", i.content?.configValue["created"]?.string ?? "<unknown>"] }
        table.rows.append(row)
      }
      say(1, table.text(noHeaders: noHeaders))
    case .name: for i in images { say(1, "image/\(i.entry.name ?? i.entry.knownDigest)\n") }
    default: say(1, try outputText(format, .object([("kind", .string("ImageList")), ("items", .array(images.map(\.value)))]), "images"))
    }
  }
}
