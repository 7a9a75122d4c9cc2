// SPDX-License-Identifier: Apache-2.0
//
// Taking out of the store, while nobody writes it: first the entry, then the content that no image names any more. A kill between the two leaves
// content without an image, which the next one takes out.
import Control
import Glibc
import Images
import Kernel
import Manifest

final class StoreRemover {
  let store: ImageStore
  private let content: FileLock
  private let index: FileLock

  /// Waits until nobody writes, saying so. nil where there is no store.
  convenience init?(_ store: ImageStore) throws(Failure) {
    guard FileSystem.exists(store.indexPath) else { return nil }
    let path = store.root + "/locks/content"
    try failing { () throws(SysError) in try FileSystem.makeFolders(store.root + "/locks") }
    if let free = try failing(nil, { () throws(SysError) -> FileLock? in try FileLock.attempt(path) }) {
      try self.init(store, free)
    } else {
      ImageProgram.say("waiting: images are being pulled, imported or built")
      try self.init(store, try failing { () throws(SysError) in try FileLock(path) })
    }
  }

  /// Removes what no image has, if nobody writes.
  static func sweepIfFree(_ store: ImageStore) throws(Failure) {
    let path = store.root + "/locks/content"
    guard FileSystem.exists(path), let free = try failing(nil, { () throws(SysError) -> FileLock? in try FileLock.attempt(path) }) else { return }
    _ = try StoreRemover(store, free).sweep()
  }

  /// Before something is brought in: where the disk is almost full (less than a twentieth and less than 1 GiB is free), images go that no Pod uses
  /// and that can be had again (pulled, or made by a recipe), the oldest first, none of the last two minutes: kubelet's garbage collection
  /// (pkg/kubelet/images/image_gc_manager.go), with less zeal, since this is somebody's own machine.
  static func relieve(_ store: ImageStore) throws(Failure) {
    func isTight() -> Bool { FileSystem.free(of: store.root) < min(1 << 30, FileSystem.size(of: store.root) / 20) }
    let path = store.root + "/locks/content"
    guard FileSystem.exists(path), FileSystem.exists(store.indexPath), isTight() else { return }
    guard let free = try failing(nil, { () throws(SysError) -> FileLock? in try FileLock.attempt(path) }) else { return }
    let remover = try StoreRemover(store, free)
    _ = try remover.sweep()
    let all = try remover.entries()
    let users = try remover.users()
    let now = Clock.wall / 1_000_000_000
    var idle: [(entry: ImageStore.Entry, since: Int64)] = []
    for e in all where e.source != .imported && e.source != nil && ImageUsers.users(of: e, among: users, in: all).isEmpty {
      let since = try failing { () throws(SysError) in try FileSystem.info(store.blobPath(e.digest)).modified }
      if now - since > 120 { idle.append((e, since)) }
    }
    for i in idle.sorted(by: { $0.since < $1.since }) where isTight() {
      try remover.remove([i.entry])
      _ = try remover.sweep()
      ImageProgram.say("warning: the disk is almost full: the image \(i.entry.name ?? i.entry.digest), which no pod uses, was removed")
    }
  }

  private init(_ store: ImageStore, _ content: consuming FileLock) throws(Failure) {
    self.store = store
    self.content = content
    index = try failing { () throws(SysError) in try FileLock(store.root + "/locks/index") }
    try failing { () throws(SysError) in
      try FileSystem.makeFolders(store.root + "/work")
      try StoreWriter.removeLeftovers(store.root + "/work")
    }
  }

  func entries() throws(Failure) -> [ImageStore.Entry] {
    do throws(ImageError) { return try store.entries() } catch { throw Failure(error) }
  }

  func users() throws(Failure) -> [ImageUser] { try failing("finding the pods that use images") { () throws(SysError) in try ImageUsers.all(of: store) } }

  /// Takes entries out of the index.
  func remove(_ gone: [ImageStore.Entry]) throws(Failure) {
    if gone.isEmpty { return }
    let v = try Failure.json(try failing { () throws(SysError) in try FileSystem.read(store.indexPath) }, store.indexPath)
    let left = (v["manifests"]?.array ?? []).filter { m in
      let name = m["annotations"]?[ImageStore.nameKey]?.string
      return !gone.contains { $0.digest == m["digest"]?.string && $0.name == name }
    }
    let new = Value.object([("schemaVersion", .int(2)), ("mediaType", .string(MediaType.index)), ("manifests", .array(left))])
    try failing { () throws(SysError) in try FileSystem.writeAtomically(store.indexPath, JSON.compactBytes(new), sync: true) }
  }

  /// Removes the content that no entry leads to; returns the bytes of blobs and layers that were given back.
  func sweep() throws(Failure) -> Int64 {
    var blobs: Set<String> = []
    var layers: Set<String> = []
    for e in try entries() { try mark(e.digest, &blobs, &layers, depth: 0) }
    var freed: Int64 = 0
    do throws(SysError) {
      for name in try FileSystem.list(store.root + "/blobs/sha256") where !blobs.contains("sha256:" + name) {
        let path = store.root + "/blobs/sha256/" + name
        freed += try FileSystem.info(path, follow: false).size
        try FileSystem.remove(path)
      }
      for name in try FileSystem.list(store.root + "/layers") where !layers.contains("sha256:" + name) {
        freed += FileSystem.usage(of: store.root + "/layers/" + name)
        try take(layer: name)
      }
      for name in try FileSystem.list(store.root + "/locks") where name.hasPrefix("name-") { try FileSystem.remove(store.root + "/locks/" + name) }
    } catch { throw Failure(error.during("removing what no image needs")) }
    return freed
  }

  func takeAway(layer hex: String) throws(Failure) { try failing("removing a layer") { () throws(SysError) in try take(layer: hex) } }

  /// Out of its place at once, so that no half of it is ever seen.
  private func take(layer hex: String) throws(SysError) {
    let aside = store.root + "/work/removed"
    try FileSystem.makeFolders(aside)
    try FileSystem.rename("\(store.root)/layers/\(hex)", to: "\(aside)/\(hex)")
    try FileSystem.removeTree(aside)
  }

  private func mark(_ digest: String, _ blobs: inout Set<String>, _ layers: inout Set<String>, depth: Int) throws(Failure) {
    if depth > 8 || !blobs.insert(digest).inserted || !FileSystem.exists(store.blobPath(digest)) { return }
    do throws(ImageError) {
      if let c = try store.content(digest) {
        blobs.insert(c.configPart.digest)
        for l in c.layers { blobs.insert(l.digest) }
        for id in c.config.diffIDs { layers.insert(id) }
        return
      }
    } catch { throw Failure("\(error). See podctl image fsck") }
    let v = try Failure.json(try failing { () throws(SysError) in try FileSystem.read(store.blobPath(digest)) }, digest)
    for m in v["manifests"]?.array ?? [] {
      if let d = m["digest"]?.string, ImageStore.isDigest(d) { try mark(d, &blobs, &layers, depth: depth + 1) }
    }
  }
}
