// SPDX-License-Identifier: Apache-2.0
//
// The Pod's volumes: made, filled, and where their files are. What must never reach a disk (secret, downwardAPI, projected, emptyDir in memory) lies on
// tmpfs that is mounted nowhere on the node: podd makes it, writes into it by its descriptor, and the sandbox gives it a place in its own mount
// namespace (Sandbox.swift), of which each container gets a copy. Kubernetes pkg/volume.
import Glibc
import Kernel
import Manifest
import Runtime

/// The volumes of one Pod.
final class Volumes {
  /// The Pod's folder for volumes.
  let folder: String
  /// What the node's / is for hostPath volumes; empty for / itself.
  let nodeRoot: String
  /// Memory of the node, in bytes: what a file system in memory may take at most.
  let nodeMemory: Int64
  /// Unpacked image volumes, topmost layer first, by volume.
  var images: [String: [String]] = [:]
  /// infra's mount namespace, kept so that the next sandbox finds what is mounted in it; -1 without one.
  private(set) var namespace: Int32 = -1
  /// Roots of the file systems in memory, by volume; `shared` for the one that every Pod has: payloads and /etc's files are in it.
  private var mounts: [String: Int32] = [:]
  /// The Pod has a user namespace of its own: the sandbox cannot give its containers what they would see with the right owners. Each takes its own
  /// copy of what podd holds instead.
  var isMapped = false
  /// A sandbox has been given the mounts: they can't be given to another.
  private var isTaken = false
  private static let shared = ".files"
  /// Where that one is in the sandbox.
  private let filesPoint: String

  init(folder: String, filesPoint: String, nodeRoot: String, nodeMemory: Int64) {
    (self.folder, self.filesPoint, self.nodeRoot, self.nodeMemory) = (folder, filesPoint, nodeRoot, nodeMemory)
  }

  // MARK: where

  enum Place { case disk, memory, payload, image, node(path: String) }

  static func place(of source: VolumeSource) -> Place {
    switch source {
    case .emptyDir(medium: "Memory", _): .memory
    // As the kubelet does: only configMap is on disk.
    case .secret, .downwardAPI, .projected: .payload
    case .hostPath(let path, _): .node(path: path)
    case .image: .image
    case .emptyDir, .configMap, .persistentVolumeClaim: .disk
    }
  }

  /// Where a volume's files are in the sandbox. nil: no such volume.
  func path(_ name: String, of pod: Pod) -> String? {
    guard let volume = pod.spec.volumes.first(where: { $0.name == name }) else { return nil }
    switch Self.place(of: volume.source) {
    case .node(let path): return nodePath(path)
    case .payload: return "\(filesPoint)/\(name)"
    case .disk, .memory, .image: return "\(folder)/\(name)"
    }
  }

  /// Where podd itself sees them; nil for what only the sandbox sees.
  func view(_ name: String, of pod: Pod) -> String? {
    guard let volume = pod.spec.volumes.first(where: { $0.name == name }) else { return nil }
    switch Self.place(of: volume.source) {
    case .node(let path): return nodePath(path)
    case .payload: return mounts[Self.shared].map { "/proc/self/fd/\($0)/\(name)" }
    case .memory: return mounts[name].map { "/proc/self/fd/\($0)" }
    case .disk: return "\(folder)/\(name)"
    case .image: return nil
    }
  }

  /// Folder of hosts, hostname, resolv.conf: as containers find it, and as podd does.
  var etc: String { isMapped ? etcView ?? "" : "\(filesPoint)/\(Self.etcName)" }
  var etcView: String? { mounts[Self.shared].map { "/proc/self/fd/\($0)/\(Self.etcName)" } }
  /// No volume's name (RFC 1123).
  private static let etcName = ".etc"

  /// A path of the node. Below another root no symbolic link leads out of that.
  func nodePath(_ path: String) -> String {
    guard !nodeRoot.isEmpty else { return path }
    let found = optional { () throws(SysError) -> String in
      let root = try FileDescriptor.open(nodeRoot, FileDescriptor.pathOnly | O_DIRECTORY)
      let end = try FileDescriptor.open2(path, at: root, FileDescriptor.pathOnly, resolve: .inRoot)
      return try FileSystem.readlink("/proc/self/fd/\(end.raw)")
    }
    return found ?? nodeRoot + path
  }

  // MARK: memory

  /// Makes the file systems in memory that are not there yet, and the folders that they get.
  func makeMemory(_ pod: Pod) throws(SysError) {
    if mounts[Self.shared] == nil {
      let size = min(Self.memoryLimit(pod) ?? nodeMemory, nodeMemory)
      mounts[Self.shared] = try DetachedMount.tmpfs([("mode", "0700"), ("size", "\(size)")], optional: ["noswap"]).release()
    }
    for volume in pod.spec.volumes {
      switch Self.place(of: volume.source) {
      case .memory where mounts[volume.name] == nil:
        guard case .emptyDir(_, let limit) = volume.source else { continue }
        let mode = Self.folderMode(volume) ?? 0o1777
        var options = [("mode", String(mode, radix: 8))]
        if let group = pod.spec.securityContext.fsGroup { options = [("mode", String(mode | Self.forGroup, radix: 8)), ("gid", "\(group)")] }
        let size = [limit?.value, Self.memoryLimit(pod), nodeMemory].compactMap { $0 }.filter { $0 > 0 }.min() ?? nodeMemory
        try FileSystem.makeFolders("\(folder)/\(volume.name)")
        mounts[volume.name] = try DetachedMount.tmpfs(options + [("size", "\(size)")]).release()
      case .image: try FileSystem.makeFolders("\(folder)/\(volume.name)")
      default: break
      }
    }
  }

  /// What a new sandbox is given of all this. Returns whether the files in memory are gone, because no earlier sandbox's namespace was kept: they must
  /// be written again.
  func hand(to spec: inout SandboxSpec, _ pod: Pod) throws(SysError) -> Bool {
    if isMapped {
      try makeMemory(pod)
      spec.held += heldInOrder
      return false
    }
    if namespace >= 0 {
      spec.held += heldInOrder
      spec.mountNamespace = namespace
      return false
    }
    let isLost = isTaken
    if isTaken { forget() }
    try makeMemory(pod)
    spec.held += heldInOrder
    spec.attached = mounts.sorted { $0.key < $1.key }.map { ($0.value, $0.key == Self.shared ? filesPoint : "\(folder)/\($0.key)") }
    for volume in pod.spec.volumes where Self.propagates(volume.name, pod) {
      switch Self.place(of: volume.source) {
      case .disk: spec.shared.append(("\(folder)/\(volume.name)", false))
      case .memory: spec.shared.append(("\(folder)/\(volume.name)", true))
      case .node, .payload, .image: break
      }
    }
    isTaken = true
    return isLost
  }

  /// Descriptors that infra keeps for a later podd, in the order of their names.
  private var heldInOrder: [Int32] { mounts.sorted { $0.key < $1.key }.map(\.value) }

  /// The sandbox runs: its mounts are kept beyond it.
  func keep(_ infra: Int32) {
    guard isTaken, namespace < 0 else { return }
    namespace = optional { () throws(SysError) in try FileDescriptor.open("/proc/\(infra)/ns/mnt", O_RDONLY).release() } ?? -1
  }

  /// Takes over from a podd that is gone what infra, a process with this pidfd, holds from descriptor `first` on.
  func takeBack(_ infra: Int32, first: Int32, _ pod: Pod) throws(SysError) {
    var names: Set = [Self.shared]
    for v in pod.spec.volumes { if case .memory = Self.place(of: v.source) { names.insert(v.name) } }
    for (i, name) in names.sorted().enumerated() { mounts[name] = try Pidfd.descriptor(infra, first + Int32(i)).release() }
    isTaken = !isMapped
  }

  /// Lets go of everything in memory.
  func forget() {
    if namespace >= 0 { _ = close(namespace) }
    namespace = -1
    for fd in mounts.values { _ = close(fd) }
    mounts = [:]
    isTaken = false
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

  /// Whether a container's mounts in a volume shall be seen by others.
  static func propagates(_ name: String, _ pod: Pod) -> Bool {
    (pod.spec.initContainers + pod.spec.containers).contains { $0.volumeMounts.contains { $0.name == name && $0.mountPropagation == "Bidirectional" } }
  }
}
