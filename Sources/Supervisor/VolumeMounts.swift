// SPDX-License-Identifier: Apache-2.0
//
// From a container's volumeMounts to what the Runtime mounts: subPath, its expansion, read-only, propagation. Kubernetes
// pkg/kubelet/kubelet_pods.go (makeMounts), pkg/volume/util/subpath.
import Glibc
import Kernel
import Manifest
import Runtime

extension Volumes {
  /// The mount of one entry of a container's volumeMounts.
  func containerMount(_ mount: VolumeMount, _ container: Container, _ pod: Pod, _ env: Environment) throws(ConfigError) -> ContainerMount {
    guard let volume = pod.spec.volumes.first(where: { $0.name == mount.name }), let base = path(mount.name, of: pod) else {
      throw ConfigError("volume \"\(mount.name)\" not found")
    }
    let place = Self.place(of: volume.source)
    var m = ContainerMount(source: isMapped ? view(mount.name, of: pod) ?? base : base, target: mount.mountPath)
    if case .image = place { m.layers = images[mount.name] ?? [] }
    if let sub = try subPath(mount, container, env), !sub.isEmpty {
      if case .image = place {
        (m.below, m.followsLinks) = (sub, true)
      } else {
        do throws(SysError) { m.below = try SubPath.resolve(sub, in: view(mount.name, of: pod) ?? base) } catch {
          throw ConfigError("failed to prepare subPath for volumeMount \"\(mount.name)\" of container \"\(container.name)\"")
        }
      }
    }
    switch place {
    case .disk, .memory, .payload, .image: if m.below == nil { m.isFolder = true }
    case .node: break
    }
    var isReadOnly = mount.readOnly
    switch volume.source {
    // They cannot be written to (Kubernetes 1.9.6 on).
    case .secret, .configMap, .downwardAPI, .projected, .image: isReadOnly = true
    case .emptyDir, .hostPath, .persistentVolumeClaim: break
    }
    m.isReadOnly = isReadOnly
    m.isRecursivelyReadOnly = mount.readOnly && (mount.recursiveReadOnly == "Enabled" || mount.recursiveReadOnly == "IfPossible")
    switch mount.mountPropagation {
    case "HostToContainer": m.propagation = .hostToContainer
    case "Bidirectional":
      m.propagation = .bidirectional
      if case .node(let path) = place {
        do throws(SysError) {
          var at = nodePath(path)
          if let below = m.below { at += "/" + below }
          m.tree = MountTree(try DetachedMount.peer(of: at))
        } catch { throw ConfigError("failed to prepare volumeMount \"\(mount.name)\" of container \"\(container.name)\": \(error)") }
      }
    default: m.propagation = .none
    }
    return m
  }

  /// subPath, or subPathExpr with the container's variables in it.
  private func subPath(_ mount: VolumeMount, _ container: Container, _ env: Environment) throws(ConfigError) -> String? {
    guard let text = mount.subPathExpr, !text.isEmpty else { return mount.subPath }
    if let unknown = Expansion.unknownName(in: text, { env[$0] }) { throw ConfigError("missing value for \"\(unknown)\"") }
    let sub = Expansion.expand(text) { env[$0] }
    if sub.hasPrefix("/") { throw ConfigError("error SubPath `\(sub)` must not be an absolute path") }
    if sub.split(separator: "/").contains("..") { throw ConfigError("unable to provision SubPath `\(sub)`: must not contain '..'") }
    return sub
  }
}

/// A part of a volume by its path.
enum SubPath {
  /// The path without symbolic links, relative to the volume; made (a folder) as far as it is missing. No link leads out of the volume (openat2(2),
  /// RESOLVE_BENEATH). Empty for the volume itself.
  static func resolve(_ sub: String, in base: String) throws(SysError) -> String {
    let root = try FileDescriptor.open(base, FileDescriptor.pathOnly | O_DIRECTORY)
    let rules: FileDescriptor.Resolve = [.beneath, .noMagicLinks]
    let mode = try FileSystem.info(root.raw).mode & 0o777
    var made = "."
    for part in sub.split(separator: "/") {
      let next = made + "/" + part
      if optional({ () throws(SysError) in try FileDescriptor.open2(next, at: root, FileDescriptor.pathOnly, resolve: rules).raw }) == nil {
        let parent = try FileDescriptor.open2(made, at: root, O_RDONLY | O_DIRECTORY, resolve: rules)
        guard mkdirat(parent.raw, String(part), mode) == 0 || errno == EEXIST else {
          throw SysError(call: "mkdirat", object: base + "/" + next, errno: errno)
        }
        // Not less the umask: as the volume's own folder.
        _ = fchmodat(parent.raw, String(part), mode, 0)
      }
      made = next
    }
    let end = try FileDescriptor.open2(made, at: root, FileDescriptor.pathOnly, resolve: rules)
    let top = try FileSystem.readlink("/proc/self/fd/\(root.raw)")
    let whole = try FileSystem.readlink("/proc/self/fd/\(end.raw)")
    if whole == top { return "" }
    let head = top.hasSuffix("/") ? top : top + "/"
    guard whole.hasPrefix(head) else { throw SysError(call: "openat2", object: base + "/" + sub, errno: EXDEV) }
    return String(whole.dropFirst(head.count))
  }
}
