// SPDX-License-Identifier: Apache-2.0
//
// Making and filling volumes on the node, in kubelet's words where that fails. Kubernetes pkg/volume/{emptydir,hostpath,secret,configmap,projected}.
import Glibc
import Kernel
import Manifest
import Runtime

extension Volumes {
  /// Makes every volume that is not there. What is there already stays, with its files.
  func make(_ pod: Pod) throws(ConfigError) {
    do throws(SysError) { try makeMemory(pod) } catch { throw ConfigError("\(error.during("making the pod's file systems in memory"))") }
    for volume in pod.spec.volumes {
      do throws(ConfigError) { try make(volume, pod) } catch { throw Self.failed(volume, error) }
    }
  }

  /// Whether a volume that has files of objects lost them with its file system.
  func needsFolder(_ volume: Volume, _ pod: Pod) -> Bool { view(volume.name, of: pod).map { !FileSystem.exists($0) } ?? false }

  private static func failed(_ volume: Volume, _ error: ConfigError) -> ConfigError {
    ConfigError("MountVolume.SetUp failed for volume \"\(volume.name)\" : \(error.message)")
  }

  /// Writes what the objects say now into one volume, if it has files of theirs. Returns whether anything changed.
  @discardableResult
  func fill(_ volume: Volume, _ facts: PodFacts, objects: some ObjectSource, tokens: some TokenSource, wall: Int64) throws(ConfigError) -> Bool {
    do throws(ConfigError) {
      guard let payload = try facts.payload(of: volume.source, objects: objects, tokens: tokens) else { return false }
      guard let path = view(volume.name, of: facts.pod) else { throw ConfigError("the volume's file system is not there") }
      do throws(SysError) {
        let group = facts.pod.spec.securityContext.fsGroup.flatMap { UInt32(exactly: $0) }
        return try AtomicFolder(path: path).write(payload, wall: wall, group: group)
      } catch { throw ConfigError("\(error)") }
    } catch { throw Self.failed(volume, error) }
  }

  private func make(_ volume: Volume, _ pod: Pod) throws(ConfigError) {
    do throws(SysError) {
      switch volume.source {
      case .emptyDir(medium: "", _): try makeFolder("\(folder)/\(volume.name)", pod, mode: Self.folderMode(volume) ?? 0o777)
      case .emptyDir, .image: break
      case .hostPath(let path, let type): try makeHostPath(path, type, isShared: Self.propagates(volume.name, pod))
      case .configMap: if let path = view(volume.name, of: pod) { try makeFolder(path, pod, mode: 0o777) }
      case .secret, .downwardAPI, .projected: if let path = view(volume.name, of: pod) { try makeFolder(path, pod, mode: 0o1777) }
      case .persistentVolumeClaim: throw SysError(call: "mount", object: volume.name, errno: ENOTSUP)
      }
    } catch { throw ConfigError("\(error)") }
    if case .hostPath(let path, let type) = volume.source { try check(path, type) }
  }

  private func makeFolder(_ path: String, _ pod: Pod, mode: UInt32) throws(SysError) {
    if FileSystem.exists(path) { return }
    if path.hasPrefix(folder) { try FileSystem.makeFolders(folder, mode: 0o750) }
    try FileSystem.makeFolder(path, mode: mode)
    guard let group = pod.spec.securityContext.fsGroup.flatMap({ UInt32(exactly: $0) }) else { return try FileSystem.chmod(path, mode) }
    try FileSystem.chown(path, UInt32.max, group)
    try FileSystem.chmod(path, mode | Self.forGroup)
  }

  /// What an fsGroup adds to a folder's mode (pkg/volume/volume_linux.go).
  static let forGroup: UInt32 = 0o2770
  static func folderMode(_ volume: Volume) -> UInt32? { volume.folderMode.flatMap { UInt32(exactly: $0) } }

  // MARK: hostPath

  private func makeHostPath(_ path: String, _ type: String, isShared: Bool) throws(SysError) {
    let at = nodePath(path)
    if !FileSystem.exists(at) {
      switch type {
      // The kubelet makes none for "", container runtimes do.
      case "DirectoryOrCreate", "": try FileSystem.makeFolders(at)
      case "FileOrCreate":
        do throws(SysError) { try FileSystem.write(at, [], mode: 0o644) } catch { throw SysError(call: "open", object: path, errno: error.errno) }
      default: break
      }
    }
    if isShared { try share(at) }
  }

  /// Mounts that a container makes in it shall appear on the node: the mount that the path is on must be in a peer group. Where an init has not
  /// made it so (systemd does), it becomes so now, as `mount --make-shared` does.
  private func share(_ path: String) throws(SysError) {
    let end = try FileDescriptor.open(path, FileDescriptor.pathOnly)
    let real = try FileSystem.readlink("/proc/self/fd/\(end.raw)")
    guard let under = MountInfo.containing(real, in: try MountInfo.of()), !under.propagation.contains(where: { $0.hasPrefix("shared:") }) else { return }
    if mount(nil, under.mountPoint, nil, UInt(MS_SHARED), nil) != 0 {
      throw SysError(
        step: "path \"\(path)\" is mounted on \"\(under.mountPoint)\" but it is not a shared mount", call: "mount",
        object: "\(under.mountPoint), MS_SHARED", errno: errno)
    }
  }

  private func check(_ path: String, _ type: String) throws(ConfigError) {
    let kind = optional { () throws(SysError) in try FileSystem.info(nodePath(path)) }.map { $0.mode & S_IFMT }
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
}
