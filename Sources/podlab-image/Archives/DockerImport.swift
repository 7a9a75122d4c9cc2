// SPDX-License-Identifier: Apache-2.0
//
// Images of what docker save writes: manifest.json lists for each image its configuration, its names and its layers. They get an OCI manifest.
import Images
import Kernel
import Manifest

struct DockerImport {
  let files: ImportFiles
  init(_ files: ImportFiles) { self.files = files }

  func images(_ list: Value) throws(Failure) -> [ImportCommand.Found] {
    guard let all = list.array, !all.isEmpty else { throw Failure("manifest.json: no image") }
    return try all.map { v throws(Failure) in
      guard let config = v["Config"]?.string, let layers = v["Layers"]?.array?.compactMap(\.string), layers.count == v["Layers"]?.array?.count else {
        throw Failure("manifest.json: an image without Config or Layers")
      }
      var names: [String] = []
      for tag in v["RepoTags"]?.array?.compactMap(\.string) ?? [] {
        do throws(ImageReference.Invalid) { names.append(try ImageReference(parsing: tag).description) } catch { throw Failure("manifest.json: \(error)") }
      }
      return ImportCommand.Found(names: names, tag: nil) { writer, names throws(Failure) in try take(config, layers, writer, names) }
    }
  }

  private func take(_ configName: String, _ layerNames: [String], _ writer: StoreWriter, _ names: [String]) throws(Failure) -> String {
    guard let config = try files.json(configName) else { throw Failure("the configuration \(configName) is missing") }
    // docker and skopeo name it after its digest.
    let hex = configName.split(separator: "/").last?.split(separator: ".").first.map(String.init) ?? ""
    if ImageStore.isDigest("sha256:" + hex), try Digest.of(config.bytes) != hex { throw Failure("\(configName) is not what its name says: its digest is another") }
    let ids = try ManifestFile.diffIDs(config.bytes, configName)
    guard ids.count == layerNames.count else { throw Failure("manifest.json: \(layerNames.count) layers, the configuration says \(ids.count)") }
    try Platform.current.check(config.bytes, writer)
    var layers: [Layer] = []
    let sources = try layerNames.map { name throws(Failure) in try files.find(name) }
    let rows = zip(ids, sources).map { files.progress.add($0, total: $1?.size ?? 0) }
    for (i, id) in ids.enumerated() {
      if let known = try writer.layer(id) {
        layers.append(known)
        files.progress.end(rows[i], LayerProgress.alreadyHere)
        continue
      }
      guard let file = sources[i] else { throw Failure("the layer \(layerNames[i]) is missing") }
      layers.append(try writer.addLayer(from: file.source, diffID: id) { files.progress.move(rows[i], to: $0) })
      files.progress.end(rows[i], LayerProgress.imported)
    }
    if names.isEmpty { return try writer.commit(name: nil, config: config.bytes, layers: layers, source: .imported) }
    var digest = ""
    for n in names { digest = try writer.commit(name: n, config: config.bytes, layers: layers, source: .imported) }
    return digest
  }
}
