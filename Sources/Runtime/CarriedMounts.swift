// SPDX-License-Identifier: Apache-2.0
//
// What travels from outside a container's root to inside: mounts as descriptors, taken up while the host's files can still be seen and put in their
// places when the new root is /. open_tree(2), move_mount(2), mount_setattr(2).
import Glibc
import Kernel

/// Numbers of the descriptors, and the steps that make them.
struct Carried {
  var taking: [SpawnStep] = []
  /// In the order of spec.mounts.
  var mounts: [Int32] = []
  /// Those of image volumes in a user namespace of the Pod's own: which mount, and the descriptor that it becomes once the layers are there.
  var stacks: [(mount: Int, fd: Int32)] = []
  var sharedMemory: Int32?
  /// The machine's /sys, where a new one cannot be mounted or would show less.
  var system: Int32?
  /// In the order of spec.allDevices; empty where they are made instead.
  var devices: [Int32] = []
  /// In the order of the cgroup view's folders.
  var groups: [Int32] = []
  private var next: Int32 = 300

  init(_ spec: ContainerSpec, _ host: Host, _ mapped: MappedMounts?) {
    for (i, m) in spec.mounts.enumerated() {
      if let fd = mapped?.mounts[i]?.raw {
        mounts.append(fd)
      } else if mapped != nil {
        mounts.append(next)
        stacks.append((i, next))
        next += 1
      } else {
        mounts.append(take(m, spec, host))
      }
    }
    if let path = spec.sharedMemory { sharedMemory = take(path, recursive: false, for: "taking up the shared memory") }
    if host.isUserNamespace || mapped != nil {
      for d in spec.allDevices { devices.append(take("/dev/\(d.name)", recursive: false, for: "taking up /dev/\(d.name)")) }
    }
    if host.isUserNamespace && (spec.sharesHostNetwork || spec.isPrivileged) { system = take("/sys", recursive: true, for: "taking up /sys") }
    if case .folders(let folders) = spec.cgroupView {
      for f in folders { groups.append(take(f.source, recursive: false, for: "taking up the container's cgroup")) }
    }
  }

  private mutating func take(_ m: ContainerMount, _ spec: ContainerSpec, _ host: Host) -> Int32 {
    defer { next += 1 }
    if !m.layers.isEmpty {
      // overlayfs wants two folders where nothing can be written: an empty one below.
      let options = RootFileSystem.options(lower: m.layers + [spec.root.mountPoint], userNamespace: host.isUserNamespace)
      let flags = UInt(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
      taking.append(
        .init(.mount(source: "overlay", target: m.source, type: "overlay", flags: flags, options: options), for: "mounting the image for \(m.target)"))
    }
    let step: SpawnStep.Kind
    if let tree = m.tree {
      step = .duplicate(from: tree.fd.raw, to: next)
    } else if let below = m.below {
      step = .openTreeBelow(m.source, path: below, links: m.followsLinks, as: next)
    } else {
      step = .openTree(m.source, recursive: true, as: next)
    }
    taking.append(.init(step, for: "taking up the mount for \(m.target)"))
    return next
  }

  private mutating func take(_ path: String, recursive: Bool, for purpose: String) -> Int32 {
    defer { next += 1 }
    taking.append(.init(.openTree(path, recursive: recursive, as: next), for: purpose))
    return next
  }
}

/// The files of a container in a user namespace of its own, with owners seen through its map: made by who may (the machine's root), for who may not.
final class MappedMounts {
  private let boxes: [FileDescriptorBox]
  /// In the order of spec.mounts; nil for those of image volumes, whose layers are among the parts.
  let mounts: [FileDescriptorBox?]
  /// The overlay's layers and its upper part as folders of the working directory.
  let root: RootFileSystem
  /// Folder → descriptor.
  let parts: [(folder: String, fd: Int32)]

  /// sandbox: pidfd of infra.
  init(_ spec: ContainerSpec, sandbox: Int32) throws(SysError) {
    let ids = try FileDescriptor.open("/proc/\(try Pidfd.process(sandbox))/ns/user", O_RDONLY)
    func mapped(_ path: String) throws(SysError) -> FileDescriptorBox {
      do throws(SysError) {
        return FileDescriptorBox(try DetachedMount.copy(of: path, readOnly: false, isRestricted: false, ids: ids.raw))
      } catch {
        throw error.during(
          "mapping the owners of \(path)", hint: error.errno == EINVAL ? "its file system knows no id-mapped mounts on this kernel: use another one" : error.hint)
      }
    }
    var all: [FileDescriptorBox] = []
    var parts: [(String, Int32)] = []
    for (i, layer) in spec.root.layers.enumerated() {
      let box = try mapped(layer)
      all.append(box)
      parts.append(("layer\(i)", box.raw))
    }
    let slash = spec.root.upper.lastIndex(of: "/") ?? spec.root.upper.startIndex
    let top = try mapped(String(spec.root.upper[..<slash]))
    all.append(top)
    parts.append(("top", top.raw))
    let name = { (path: String) in path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path }
    root = RootFileSystem(
      layers: spec.root.layers.indices.map { "layer\($0)" }, upper: "top/" + name(spec.root.upper), work: "top/" + name(spec.root.work), mountPoint: "root")
    var mounts: [FileDescriptorBox?] = []
    for (i, m) in spec.mounts.enumerated() {
      if !m.layers.isEmpty {
        for (j, layer) in m.layers.enumerated() {
          let box = try mapped(layer)
          all.append(box)
          parts.append((Self.part(i, j), box.raw))
        }
        mounts.append(nil)
        continue
      }
      guard let below = m.below else {
        mounts.append(try mapped(m.source))
        continue
      }
      let base = try FileDescriptor.open(m.source, FileDescriptor.pathOnly | O_DIRECTORY)
      let rules: FileDescriptor.Resolve = m.followsLinks ? [.beneath, .noMagicLinks] : [.beneath, .noMagicLinks, .noSymlinks]
      let end = try FileDescriptor.open2(below, at: base, FileDescriptor.pathOnly, resolve: rules)
      mounts.append(try mapped("/proc/self/fd/\(end.raw)"))
    }
    (boxes, self.parts, self.mounts) = (all, parts, mounts)
  }

  /// The folder of a layer of an image volume.
  private static func part(_ mount: Int, _ layer: Int) -> String { "volume\(mount)-\(layer)" }

  /// Stacks the layers of an image volume, read-only, and takes the mount up. The working directory is the one of the parts.
  static func stack(_ m: ContainerMount, _ mount: Int, as fd: Int32) -> [SpawnStep] {
    let (purpose, place, empty) = ("mounting the image for \(m.target)", "volume\(mount)", "volume\(mount)-none")
    let options = RootFileSystem.options(lower: m.layers.indices.map { part(mount, $0) } + [empty], userNamespace: true)
    let flags = UInt(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
    return [
      .init(.makeFolder(empty, mode: 0o755, mayExist: false)), .init(.makeFolder(place, mode: 0o755, mayExist: false)),
      .init(.mount(source: "overlay", target: place, type: "overlay", flags: flags, options: options), for: purpose),
      .init(m.below.map { .openTreeBelow(place, path: $0, links: m.followsLinks, as: fd) } ?? .openTree(place, recursive: true, as: fd), for: purpose),
    ]
  }
}
