// SPDX-License-Identifier: Apache-2.0
//
// The lowest layer of a container's root file system: the empty files and folders on which something is mounted and that its image lacks. They could
// be made in the container's own layer when it starts, and are where this one does not have them; but each then costs a file on the disk, and its
// removal, for every container of every Pod: a fifth of the time to READY. Containers with the same needs share one such layer, which none can
// change. Kept under RUN for as long as the instance (MountPoints.layers). Docker's "-init" layers serve the same end.
import Control
import Glibc
import Kernel
import Manifest
import Runtime

struct MountPointLayer {
  /// Paths in the container, from /, without symbolic links, sorted.
  private var entries: [(path: String, isFolder: Bool)] = []

  /// What the image lacks of the mounts' targets. layers: the image's, topmost first.
  init(_ mounts: [ContainerMount], above layers: [String]) {
    for m in mounts {
      // /dev is in memory; of a target that isn't known to be a file or a folder the container's start knows more.
      guard let isFolder = m.isFolder, !m.target.hasPrefix("/dev/"), let path = Self.missing(m.target, in: layers) else { continue }
      if !entries.contains(where: { $0.path == path }) { entries.append((path, isFolder)) }
    }
    entries.sort { $0.path < $1.path }
  }

  /// The layer's folder; made if it is the first of its kind. nil: nothing is lacking, or it can't be made, and the container's start does the work.
  func folder(in place: String) -> String? {
    if entries.isEmpty { return nil }
    let text = entries.map { ($0.isFolder ? "d " : "f ") + $0.path + "\n" }.joined()
    let folder = "\(place)/\(SHA256.hex(text.utf8))"
    if FileSystem.exists(folder) { return folder }
    let new = "\(place)/.\(getpid())"
    return optional { () throws(SysError) in
      // A podd that was killed may have left one of this name.
      try FileSystem.removeTree(new)
      try FileSystem.makeFolders(new, mode: 0o755)
      for e in entries {
        if e.isFolder {
          try FileSystem.makeFolders(new + e.path, mode: 0o755)
        } else {
          try FileSystem.makeFolders(new + e.path.prefix(upTo: e.path.lastIndex(of: "/") ?? e.path.startIndex), mode: 0o755)
          try FileSystem.write(new + e.path, [], mode: 0o644)
        }
      }
      do throws(SysError) { try FileSystem.rename(new, to: folder) } catch {
        // Another podd was faster.
        try FileSystem.removeTree(new)
        guard error.errno == EEXIST || error.errno == ENOTEMPTY else { throw error }
      }
      return folder
    }
  }

  /// A path's place in the image, with symbolic links followed as the container would; nil where there is something already, or where it can't be told.
  private static func missing(_ target: String, in layers: [String]) -> String? {
    var rest = Array(target.split(separator: "/").map(String.init).reversed())
    var at = ""
    // Layers whose folder `at` is part of what the container sees.
    var merged = layers
    var links = 0
    while let part = rest.popLast() {
      if part == "." { continue }
      if part == ".." { return nil }
      let next = "\(at)/\(part)"
      let found = merged.compactMap { layer in optional { () throws(SysError) in (layer, try FileSystem.info(layer + next, follow: false)) } }
      guard let top = found.first else {
        return rest.contains { $0 == ".." || $0 == "." } ? nil : next + rest.reversed().map { "/" + $0 }.joined()
      }
      if top.1.isFolder {
        merged = found.prefix { $0.1.isFolder }.map(\.0)
        at = next
      } else if top.1.isSymlink, links < 8, let text = optional({ () throws(SysError) in try FileSystem.readlink(top.0 + next) }), text.hasPrefix("/") {
        links += 1
        (at, merged) = ("", layers)
        rest += text.split(separator: "/").map(String.init).reversed()
      } else {
        return nil
      }
    }
    return nil
  }
}
