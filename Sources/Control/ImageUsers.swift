// SPDX-License-Identifier: Apache-2.0
//
// Who uses an image: every instance that starts Pods with a store leaves its address in the store (STORE/instances/ID), so that nobody removes an
// image from under a Pod of another instance.
import Glibc
import Images
import Kernel
import Manifest

/// A Pod, and the images that it needs.
public struct ImageUser: Sendable {
  public let namespace: String
  public let name: String
  /// RUN of its instance.
  public let instance: String
  /// As they are written in the Pod.
  public let images: [String]
  /// sha256:…, of those that its containers were started from.
  public let digests: [String]
}

public enum ImageUsers {
  private static func folder(_ store: String) -> String { store + "/instances" }

  /// Leaves the instance's address in the store that it uses. Costs one look where it is there.
  public static func record(_ instance: Instance) throws(SysError) {
    let path = "\(folder(instance.images))/\(instance.id)"
    if FileSystem.exists(path) { return }
    let text = JSON.compactBytes(.object([("run", .string(instance.run)), ("data", .string(instance.data))]))
    do throws(SysError) { try FileSystem.writeAtomically(path, text) } catch where error.errno == ENOENT {
      try FileSystem.makeFolders(folder(instance.images))
      try FileSystem.writeAtomically(path, text)
    }
  }

  /// Every Pod of every instance that uses the store. Addresses of instances that are gone are removed.
  public static func all(of store: ImageStore) throws(SysError) -> [ImageUser] {
    var users: [ImageUser] = []
    for name in try FileSystem.list(folder(store.root)) where !name.contains(".") {
      let path = "\(folder(store.root))/\(name)"
      guard let v = try Instance.readValue(path), let run = v["run"]?.string, let data = v["data"]?.string else { continue }
      let instance = Instance(run: run, data: data, images: store.root)
      let found = try instance.allPods()
      if found.isEmpty, !instance.exists { _ = unlink(path) }
      users += found.map { user($0, run) }
    }
    return users
  }

  private static func user(_ pod: Value, _ run: String) -> ImageUser {
    let spec = pod["spec"]
    let status = pod["status"]
    var images: [String] = []
    var digests: [String] = []
    for list in ["initContainers", "containers", "ephemeralContainers"] { images += (spec?[list]?.array ?? []).compactMap { $0["image"]?.string } }
    images += (spec?["volumes"]?.array ?? []).compactMap { $0["image"]?["reference"]?.string }
    for list in ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"] {
      for c in status?[list]?.array ?? [] {
        if let id = c["imageID"]?.string, let at = id.lastIndex(of: "@") { digests.append(String(id[id.index(after: at)...])) }
      }
    }
    let meta = pod["metadata"]
    return ImageUser(
      namespace: meta?["namespace"]?.string ?? "default", name: meta?["name"]?.string ?? "", instance: run, images: images, digests: digests)
  }
}

extension ImageUsers {
  /// Whose Pods use the image of this entry: by its name, by what their containers were started from.
  public static func users(of entry: ImageStore.Entry, among users: [ImageUser], in entries: [ImageStore.Entry]) -> [ImageUser] {
    users.filter { u in
      if u.digests.contains(entry.digest) || u.digests.contains(entry.knownDigest) { return true }
      return u.images.contains { name in
        do throws(ImageReference.Invalid) {
          guard let meant = ImageStore.entry(for: try ImageReference(parsing: name), in: entries) else { return false }
          return meant == entry
        } catch { return false }
      }
    }
  }
}
