// SPDX-License-Identifier: Apache-2.0
//
// export: an image as one archive: an OCI archive with the very blobs of the store, or what docker load reads (layers uncompressed). The same image
// gives the same bytes.
import Glibc
import Images
import Kernel
import Manifest

enum ExportCommand: ImageCommand {
  static let name = "export"
  static let usage = """
    NAME -o FILE|- [--format oci-archive|docker-archive]
          writes an image as an archive that podctl, skopeo, podman and docker read
    """
  static let options = ["-o", "--format"]
  static let flags: [String] = []

  static func run(_ words: Words) throws(Failure) {
    guard words.arguments.count == 1 else { throw Failure("export takes one name") }
    guard let target = words.value("-o") else { throw Failure("export needs -o FILE, or -o - for standard output") }
    let format = words.value("--format") ?? "oci-archive"
    guard ["oci-archive", "docker-archive"].contains(format) else { throw Failure("unknown format \(format): oci-archive or docker-archive") }
    if target == "-", isatty(1) == 1 { throw Failure("an archive is not for a terminal: use -o FILE, or redirect") }
    let store = try words.store()
    // Nothing is removed meanwhile.
    let writer = try StoreWriter(store)
    let all: [ImageStore.Entry]
    do throws(ImageError) { all = try store.entries() } catch { throw Failure(error) }
    guard let entry = try RemoveCommand.find(words.arguments[0], all).first else { throw Failure("image \"\(words.arguments[0])\" not found") }
    let content: ImageStore.Content?
    do throws(ImageError) { content = try store.content(entry.digest) } catch { throw Failure(error) }
    guard let content else { throw Failure("\(entry.digest) is an index, not an image") }

    if target == "-" { return try write(entry, content, format, writer, to: 1) }
    let temporary = "\(target).new.\(getpid())"
    do throws(Failure) {
      let fd = try failing("exporting to \(target)") { () throws(SysError) in try FileDescriptor.open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644) }
      try write(entry, content, format, writer, to: fd.raw)
      try failing { () throws(SysError) in try FileSystem.rename(temporary, to: target) }
    } catch {
      _ = unlink(temporary)
      throw error
    }
  }

  private static func write(_ e: ImageStore.Entry, _ c: ImageStore.Content, _ format: String, _ writer: StoreWriter, to fd: Int32) throws(Failure) {
    let archive = try ArchiveFile(fd)
    if format == "oci-archive" { try oci(e, c, writer.store, archive) } else { try docker(e, c, writer, archive) }
    try archive.finish()
  }

  private static func oci(_ e: ImageStore.Entry, _ c: ImageStore.Content, _ store: ImageStore, _ archive: ArchiveFile) throws(Failure) {
    let index = try Failure.json(try failing { () throws(SysError) in try FileSystem.read(store.indexPath) }, store.indexPath)
    let type = (index["manifests"]?.array ?? []).first { $0["digest"]?.string == e.digest }?["mediaType"]?.string ?? MediaType.manifest
    var descriptor = Value.object([("mediaType", .string(type)), ("digest", .string(e.digest)), ("size", .int(c.manifestSize))])
    if let name = e.name { descriptor["annotations"] = .object([(ImageStore.nameKey, .string(name))]) }
    let own = Value.object([("schemaVersion", .int(2)), ("mediaType", .string(MediaType.index)), ("manifests", .array([descriptor]))])
    try archive.add("oci-layout", Array("{\"imageLayoutVersion\":\"1.0.0\"}".utf8))
    try archive.add("index.json", JSON.compactBytes(own))
    try archive.folder("blobs")
    try archive.folder("blobs/sha256")
    var done: Set<String> = []
    for d in [e.digest, c.configPart.digest] + c.layers.map(\.digest) where done.insert(d).inserted {
      let path = store.blobPath(d)
      let blob = try failing { () throws(SysError) in try FileDescriptor.open(path, O_RDONLY) }
      let size = try failing { () throws(SysError) in try FileSystem.info(blob.raw).size }
      var source = ByteSource(blob.raw, offset: 0, size: size)
      try archive.add("blobs/sha256/" + d.dropFirst(7), size: size, from: &source)
    }
  }

  private static func docker(_ e: ImageStore.Entry, _ c: ImageStore.Content, _ writer: StoreWriter, _ archive: ArchiveFile) throws(Failure) {
    let config = c.configPart.digest.dropFirst(7) + ".json"
    // What has been said of older images need not be so for docker: a familiar name.
    let name = e.name.map { $0.hasPrefix("docker.io/library/") ? String($0.dropFirst(18)) : $0.hasPrefix("docker.io/") ? String($0.dropFirst(10)) : $0 }
    let layers = c.config.diffIDs.map { String($0.dropFirst(7)) + ".tar" }
    let list = Value.array([
      .object([("Config", .string(String(config))), ("RepoTags", .strings(name.map { [$0] } ?? [])), ("Layers", .strings(layers))])
    ])
    try archive.add("manifest.json", JSON.compactBytes(list))
    try archive.add(String(config), try failing { () throws(SysError) in try FileSystem.read(writer.store.blobPath(c.configPart.digest)) })
    var done: Set<String> = []
    for (layer, name) in zip(c.layers, layers) where done.insert(name).inserted {
      let path = writer.store.blobPath(layer.digest)
      let blob = try failing { () throws(SysError) in try FileDescriptor.open(path, O_RDONLY) }
      // Its size stands before it: once to measure, once to write.
      let size = try Decompression(ByteSource(blob.raw, offset: 0, size: layer.size), keepingIn: nil).finish().diffSize
      let source = try Decompression(ByteSource(blob.raw, offset: 0, size: layer.size), keepingIn: nil)
      try archive.begin(name, size: size)
      while let piece = source.next() { try archive.write(piece) }
      _ = try source.finish()
    }
  }
}
