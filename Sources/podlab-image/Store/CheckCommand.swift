// SPDX-License-Identifier: Apache-2.0
//
// fsck: every blob is hashed, every image followed to its layers, every unpacked layer compared with its archive, byte by byte.
import Control
import Glibc
import Images
import Kernel
import Manifest

enum CheckCommand: ImageCommand {
  static let name = "fsck"
  static let usage = """
    [--repair] [-o json]
          proves the store: blobs, images, unpacked layers; --repair: unpacks damaged layers anew and removes images that cannot be saved
    """
  static let options = ["-o"]
  static let flags = ["--repair"]

  static func run(_ words: Words) throws(Failure) {
    let json = try words.json()
    let store = try words.store()
    var check = StoreCheck(store)
    var lost: [(blob: Blob, diffID: String)] = []
    var remover = try StoreRemover(store)
    if let remover {
      try check.run()
      if words.has("--repair"), !check.problems.isEmpty { lost = try check.repair(remover) }
    }
    // Who writes waits for who removes.
    remover = nil
    if !lost.isEmpty {
      let writer = try StoreWriter(store)
      for l in lost {
        _ = try writer.unpack(l.blob, diffID: l.diffID)
        check.repaired("layers/" + l.diffID.dropFirst(7))
      }
    }
    report(check, json)
    if check.problems.contains(where: { !$0.isRepaired }) { throw Failure("the store is damaged" + (words.has("--repair") ? "" : ": podctl image fsck --repair")) }
  }

  private static func report(_ check: StoreCheck, _ json: Bool) {
    if json {
      let list = check.problems.map { p in
        Value.object([("object", .string(p.object)), ("problem", .string(p.text)), ("images", .strings(p.images)), ("repaired", .bool(p.isRepaired))])
      }
      return Output.write(
        JSON.pretty(.object([("blobs", .int(Int64(check.blobs))), ("layers", .int(Int64(check.layers))), ("images", .int(Int64(check.images))), ("problems", .array(list))])))
    }
    for p in check.problems {
      Output.say("\(p.object): \(p.text)" + (p.images.isEmpty ? "" : " (of \(p.images.joined(separator: ", ")))") + (p.isRepaired ? ": repaired" : ""))
    }
    Output.say("\(check.images) images, \(check.blobs) blobs, \(check.layers) layers: \(check.problems.isEmpty ? "sound" : "\(check.problems.count) damaged")")
  }
}

/// One look at all of a store. The caller holds its locks.
struct StoreCheck {
  struct Problem {
    /// sha256:… of a blob, layers/HEX, index.json
    var object: String
    var text: String
    /// Names of the images that have it.
    var images: [String]
    var isRepaired = false
  }

  let store: ImageStore
  private(set) var blobs = 0
  private(set) var layers = 0
  private(set) var images = 0
  private(set) var problems: [Problem] = []
  /// Digests of blobs that are not what they should be, or missing.
  private var badBlobs: Set<String> = []
  private var badLayers: Set<String> = []
  /// Layers by diff id: the blob that unpacks to it.
  private var sources: [String: Blob] = [:]
  private var entries: [ImageStore.Entry] = []

  init(_ store: ImageStore) { self.store = store }

  mutating func run() throws(Failure) {
    do throws(ImageError) { entries = try store.entries() } catch {
      problems.append(Problem(object: "index.json", text: "\(error)", images: []))
      return
    }
    try hashBlobs()
    for e in entries { follow(e) }
    images = entries.count
    for id in sources.keys.sorted() { try compare(id) }
  }

  private func list(_ folder: String) throws(Failure) -> [String] { try failing { () throws(SysError) in try FileSystem.list("\(store.root)/\(folder)") } }

  private mutating func hashBlobs() throws(Failure) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
    defer { buffer.deallocate() }
    for name in try list("blobs/sha256") {
      blobs += 1
      let digest = "sha256:" + name
      guard ImageStore.isDigest(digest) else {
        found("blobs/sha256/\(name)", "is no blob")
        continue
      }
      do throws(Failure) {
        let path = store.blobPath(digest)
        let fd = try failing { () throws(SysError) in try FileDescriptor.open(path, O_RDONLY) }
        let hash = try Digest()
        var source = ByteSource(fd.raw)
        while true {
          let n = try source.read(into: buffer)
          if n == 0 { break }
          hash.add(UnsafeRawBufferPointer(rebasing: buffer[..<n]))
        }
        let hex = hash.finish()
        if hex != name {
          badBlobs.insert(digest)
          found(digest, "its content has the digest sha256:\(hex)")
        }
      } catch {
        badBlobs.insert(digest)
        found(digest, error.description)
      }
    }
  }

  private mutating func follow(_ e: ImageStore.Entry) {
    if badBlobs.contains(e.digest) { return }
    guard FileSystem.exists(store.blobPath(e.digest)) else { return missing(e.digest) }
    let content: ImageStore.Content
    do throws(ImageError) {
      guard let c = try store.content(e.digest) else { return }
      content = c
    } catch {
      // A configuration that is missing or bad: the one that is named.
      badBlobs.insert(e.digest)
      return found(e.digest, "\(error)")
    }
    for part in [content.configPart] + content.layers where !FileSystem.exists(store.blobPath(part.digest)) { missing(part.digest) }
    if content.layers.count != content.config.diffIDs.count {
      badBlobs.insert(e.digest)
      found(e.digest, "\(content.layers.count) layers, its configuration says \(content.config.diffIDs.count)")
      return
    }
    for (part, id) in zip(content.layers, content.config.diffIDs) where ImageStore.isDigest(id) { sources[id] = Blob(digest: part.digest, size: part.size) }
  }

  private mutating func compare(_ id: String) throws(Failure) {
    guard let blob = sources[id], !badBlobs.contains(blob.digest) else { return }
    layers += 1
    let object = "layers/" + id.dropFirst(7)
    guard FileSystem.isFolder(store.layerPath(id)) else {
      badLayers.insert(id)
      return found(object, "is not unpacked")
    }
    do throws(Failure) {
      let path = store.blobPath(blob.digest)
      let fd = try failing { () throws(SysError) in try FileDescriptor.open(path, O_RDONLY) }
      let input = try Decompression(ByteSource(fd.raw), keepingIn: nil)
      defer { input.stop() }
      let compare = try LayerCompare(store.layerPath(id))
      try compare.run(input)
      let result = try input.finish()
      if "sha256:" + result.diffDigest != id { throw Failure("its archive has the digest sha256:\(result.diffDigest)") }
      if let first = compare.differences.sorted().first {
        let more = compare.differences.count - 1
        throw Failure("differs from its archive: \(first)" + (more > 0 ? " and \(more) more" : ""))
      }
    } catch {
      badLayers.insert(id)
      found(object, error.description)
    }
  }

  private mutating func missing(_ digest: String) {
    if badBlobs.insert(digest).inserted { found(digest, "is missing") }
  }

  private mutating func found(_ object: String, _ text: String) {
    problems.append(Problem(object: object, text: text, images: entries.filter { has($0, object) }.map { $0.name ?? $0.digest }))
  }

  /// Whether the image has the blob or layer.
  private func has(_ e: ImageStore.Entry, _ object: String) -> Bool {
    if e.digest == object { return true }
    do throws(ImageError) {
      guard let c = try store.content(e.digest) else { return false }
      return c.configPart.digest == object || c.layers.contains { $0.digest == object } || c.config.diffIDs.contains { "layers/" + $0.dropFirst(7) == object }
    } catch { return false }
  }
}

extension StoreCheck {
  /// Takes bad layers away whose blobs are good, and returns them: they are to be unpacked anew. Images whose blobs are bad go, so that they are
  /// pulled, imported or built again. What a Pod uses stays as it is.
  mutating func repair(_ remover: StoreRemover) throws(Failure) -> [(blob: Blob, diffID: String)] {
    var lost: [(blob: Blob, diffID: String)] = []
    let users = try remover.users()
    var gone: [ImageStore.Entry] = []
    for e in entries {
      let bad = problems.contains { p in p.object.hasPrefix("sha256:") && has(e, p.object) }
      if bad, ImageUsers.users(of: e, among: users, in: entries).isEmpty { gone.append(e) }
    }
    try remover.remove(gone)
    let kept = entries.filter { !gone.contains($0) }
    for i in problems.indices {
      let object = problems[i].object
      if object.hasPrefix("layers/") {
        let id = "sha256:" + object.dropFirst(7)
        let inUse = kept.contains { has($0, object) && !ImageUsers.users(of: $0, among: users, in: entries).isEmpty }
        guard !inUse, let blob = sources[id], !badBlobs.contains(blob.digest) else { continue }
        try remover.takeAway(layer: String(id.dropFirst(7)))
        lost.append((blob, id))
      } else {
        problems[i].isRepaired = !kept.contains { has($0, object) } && object != "index.json"
        if problems[i].isRepaired, ImageStore.isDigest(object) { _ = unlink(store.blobPath(object)) }
      }
    }
    _ = try remover.sweep()
    return lost
  }

  mutating func repaired(_ object: String) {
    for i in problems.indices where problems[i].object == object { problems[i].isRepaired = true }
  }
}
