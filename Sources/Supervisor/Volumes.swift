// SPDX-License-Identifier: Apache-2.0
//
// The Pod's volumes on the node: made, filled, and where their files are. Memory is mounted by the sandbox (Sandbox.swift), in a mount namespace
// of its own: nothing is mounted on the node. Kubernetes pkg/volume.
import Glibc
import Kernel
import Manifest

struct Volumes {
  /// The Pod's folder for volumes.
  let folder: String
  /// What the node's / is for hostPath volumes; empty for / itself.
  let nodeRoot: String

  /// Where a volume's files are, as the sandbox sees them. nil: no such volume.
  func path(_ name: String, of pod: Pod) -> String? {
    guard let volume = pod.spec.volumes.first(where: { $0.name == name }) else { return nil }
    if case .hostPath(let path, _) = volume.source { return nodeRoot + path }
    return folder + "/" + name
  }

  /// Makes and fills every volume. What is there already stays, with its files.
  func setUp(_ facts: PodFacts, objects: some ObjectSource, tokens: some TokenSource, wall: Int64) throws(ConfigError) {
    for volume in facts.pod.spec.volumes {
      do throws(SysError) {
        try make(volume, facts.pod)
      } catch {
        throw ConfigError("MountVolume.SetUp failed for volume \"\(volume.name)\" : \(error)")
      }
      _ = try fill(volume, facts, objects: objects, tokens: tokens, wall: wall)
    }
  }

  /// Writes what the objects say now into one volume. Returns whether anything changed.
  func fill(_ volume: Volume, _ facts: PodFacts, objects: some ObjectSource, tokens: some TokenSource, wall: Int64) throws(ConfigError) -> Bool {
    do throws(ConfigError) {
      if case .hostPath(let path, let type) = volume.source { try check(nodeRoot + path, type) }
      guard let payload = try facts.payload(of: volume.source, objects: objects, tokens: tokens) else { return false }
      do throws(SysError) {
        let group = facts.pod.spec.securityContext.fsGroup.flatMap { UInt32(exactly: $0) }
        return try AtomicFolder(path: folder + "/" + volume.name).write(payload, wall: wall, group: group, owner: nil)
      } catch {
        throw ConfigError("\(error)")
      }
    } catch {
      throw ConfigError("MountVolume.SetUp failed for volume \"\(volume.name)\" : \(error.message)")
    }
  }

  /// Folders that the sandbox mounts as tmpfs, with their options.
  func inMemory(_ pod: Pod) -> [(path: String, options: String)] {
    pod.spec.volumes.compactMap { volume in
      guard case .emptyDir(medium: "Memory", let limit) = volume.source else { return nil }
      var options = "mode=0777"
      if let group = pod.spec.securityContext.fsGroup { options = "mode=2777,gid=\(group)" }
      if let bytes = limit?.value ?? Self.memoryLimit(pod) { options += ",size=\(bytes)" }
      return (folder + "/" + volume.name, options)
    }
  }

  /// The Pod's memory limit: all its containers', where each has one (KEP-1967).
  static func memoryLimit(_ pod: Pod) -> Int64? {
    var sum: Int64 = 0
    for c in pod.spec.containers {
      guard let limit = c.resources.limits["memory"]?.value, limit > 0 else { return nil }
      sum += limit
    }
    return sum > 0 ? sum : nil
  }

  private func make(_ volume: Volume, _ pod: Pod) throws(SysError) {
    let path = folder + "/" + volume.name
    switch volume.source {
    case .emptyDir:
      if FileSystem.exists(path) { return }
      try FileSystem.makeFolders(folder, mode: 0o750)
      try FileSystem.makeFolder(path, mode: 0o777)
      if let group = pod.spec.securityContext.fsGroup.flatMap({ UInt32(exactly: $0) }) {
        try FileSystem.chown(path, UInt32.max, group)
        try FileSystem.chmod(path, 0o2777)
      } else {
        try FileSystem.chmod(path, 0o777)
      }
    case .hostPath(let path, let type):
      try makeHostPath(nodeRoot + path, type)
    case .secret, .configMap, .downwardAPI, .projected:
      try FileSystem.makeFolders(path)
    case .image, .persistentVolumeClaim:
      throw SysError(call: "mount", object: volume.name, errno: ENOTSUP)
    }
  }

  private func makeHostPath(_ path: String, _ type: String) throws(SysError) {
    switch type {
    case "DirectoryOrCreate", "": if !FileSystem.exists(path) { try FileSystem.makeFolders(path) }
    case "FileOrCreate": if !FileSystem.exists(path) { try FileSystem.write(path, [], mode: 0o644) }
    default: break
    }
  }

  private func check(_ path: String, _ type: String) throws(ConfigError) {
    let kind = optional { () throws(SysError) in try FileSystem.info(path) }.map { $0.mode & S_IFMT }
    let failed: String?
    switch type {
    case "Directory", "DirectoryOrCreate": failed = kind == S_IFDIR ? nil : "a directory"
    case "File", "FileOrCreate": failed = kind == S_IFREG ? nil : "a file"
    case "Socket": failed = kind == S_IFSOCK ? nil : "a socket file"
    case "CharDevice": failed = kind == S_IFCHR ? nil : "a character device"
    case "BlockDevice": failed = kind == S_IFBLK ? nil : "a block device"
    default: failed = nil
    }
    if let failed { throw ConfigError("hostPath type check failed: \(path) is not \(failed)") }
  }

  /// Where a mount's files are: the volume, or the part of it that subPath names, which is made when it is missing. Never outside the volume.
  func source(of mount: VolumeMount, _ pod: Pod, _ env: Environment) throws(ConfigError) -> (path: String, isFolder: Bool) {
    guard let base = path(mount.name, of: pod) else { throw ConfigError("volume \"\(mount.name)\" not found") }
    var sub = mount.subPath ?? ""
    if let text = mount.subPathExpr {
      if let unknown = Expansion.unknownName(in: text, { env[$0] }) {
        throw ConfigError("failed to prepare subPathExpr for volumeMount \"\(mount.name)\" of container: missing value for \"\(unknown)\"")
      }
      sub = Expansion.expand(text) { env[$0] }
    }
    guard !sub.isEmpty else { return (base, optional { () throws(SysError) in try FileSystem.info(base) }?.isFolder ?? true) }
    if sub.hasPrefix("/") || sub.split(separator: "/").contains("..") {
      throw ConfigError("failed to prepare subPath for volumeMount \"\(mount.name)\": subPath must be relative and not contain '..'")
    }
    do throws(SysError) {
      return try SubPath.open(base, sub)
    } catch {
      throw ConfigError("failed to prepare subPath for volumeMount \"\(mount.name)\": \(error)")
    }
  }
}

/// A part of a volume by its path: no symbolic link leads out of it (openat2(2), RESOLVE_BENEATH).
enum SubPath {
  static func open(_ base: String, _ sub: String) throws(SysError) -> (path: String, isFolder: Bool) {
    let root = try FileDescriptor.open(base, FileDescriptor.pathOnly | O_DIRECTORY)
    let rules: FileDescriptor.Resolve = [.beneath, .noMagicLinks]
    let mode = try FileSystem.info(root.raw).mode & 0o7777
    var made = ""
    for part in sub.split(separator: "/") {
      let next = made.isEmpty ? String(part) : made + "/" + part
      if optional({ () throws(SysError) in try FileDescriptor.open2(next, at: root, FileDescriptor.pathOnly, resolve: rules).raw }) == nil {
        let parent = made.isEmpty ? try root.duplicate() : try FileDescriptor.open2(made, at: root, O_RDONLY | O_DIRECTORY, resolve: rules)
        if mkdirat(parent.raw, String(part), mode & 0o777) != 0 && errno != EEXIST {
          throw SysError(call: "mkdirat", object: base + "/" + next, errno: errno)
        }
      }
      made = next
    }
    let end = try FileDescriptor.open2(made, at: root, FileDescriptor.pathOnly, resolve: rules)
    let isFolder = try FileSystem.info(end.raw).isFolder
    return (try FileSystem.readlink("/proc/self/fd/\(end.raw)"), isFolder)
  }
}
