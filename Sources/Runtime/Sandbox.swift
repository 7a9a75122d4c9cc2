// SPDX-License-Identifier: Apache-2.0
//
// The sandbox: one process (`pause`, the infra container) that holds the namespaces which containers share, the file systems that they share, and
// the ends of their log pipes. It is made before any of them and does nothing.
//
// Its mount namespace is a copy of the host's, in which the sandbox's own file systems (shared memory, emptyDir in memory) are mounted; each
// container starts from a copy of it. infra's own root is an empty folder.
import Glibc
import Kernel

/// What a sandbox is to be.
public struct SandboxSpec: Sendable {
  public var hostname: String
  public var network = Network.isolated
  /// A user namespace of its own with these ids; nil: the caller's. Only the machine's root may map what is not its own.
  public var users: IDMaps?
  /// The host's, instead of ones of its own.
  public var hostIPC = false
  public var hostPID = false
  /// Containers will join infra's process namespace.
  public var sharesProcesses = false
  /// Names with dots or slashes, as in sysctl(8).
  public var sysctls: [(name: String, value: String)] = []
  /// An empty folder: infra's root.
  public var emptyRoot: String
  /// Folders (they exist) that become tmpfs in the sandbox's mount namespace, with their options (size=…,mode=…).
  public var temporaryFileSystems: [(path: String, options: String)] = []
  /// File systems that hang nowhere yet, and the folders (they exist) that they get in the sandbox's mount namespace.
  public var attached: [(fd: Int32, path: String)] = []
  /// Folders in which a mount that one container makes appears in the others: each becomes a mount that its copies stay in a peer group with.
  public var shared: [(path: String, isMount: Bool)] = []
  /// The mount namespace of an earlier sandbox of the Pod, taken over with all that is mounted in it; -1 for a new one.
  public var mountNamespace: Int32 = -1
  /// Folders of `temporaryFileSystems` that such a namespace brings along and that are to be empty again.
  public var renewed: [String] = []
  /// Descriptors that infra holds as 3, 4, … for as long as it lives.
  public var held: [Int32] = []
  public var cgroup = CgroupEntry()
  /// The program `pause`.
  public var program: String

  public enum Network: Sendable {
    /// One end of a veth pair on a bridge.
    case bridged(PodNetwork)
    /// A network namespace with loopback alone.
    case isolated
    case host
  }

  public init(hostname: String, emptyRoot: String, program: String) {
    (self.hostname, self.emptyRoot, self.program) = (hostname, emptyRoot, program)
  }
}

/// How a sandbox is attached.
public struct PodNetwork: Sendable {
  /// Index of the bridge.
  public var bridge: Int32
  /// Name of the veth's end on the node.
  public var link: String
  public var address: IPAddress
  public var prefix: Int
  public var gateway: IPAddress
  /// A second address, of IPv6, with its prefix and gateway.
  public var six: (address: IPAddress, prefix: Int, gateway: IPAddress)?
  public init(bridge: Int32, link: String, address: IPAddress, prefix: Int, gateway: IPAddress) {
    (self.bridge, self.link, self.address, self.prefix, self.gateway) = (bridge, link, address, prefix, gateway)
  }
}

extension PodNetwork {
  /// Link up, addresses, default routes: one conversation with the kernel.
  fileprivate func step(link: Int32) -> SpawnStep {
    var messages = [NetlinkMessage.setUp(link), NetlinkMessage.addAddress(address, prefix: prefix, link: link)]
    var words = "RTM_NEWLINK eth0 up, RTM_NEWADDR \(address)/\(prefix)"
    if let six {
      messages.append(NetlinkMessage.addAddress(six.address, prefix: six.prefix, link: link))
      words += ", RTM_NEWADDR \(six.address)/\(six.prefix)"
    }
    messages.append(NetlinkMessage.addRoute(to: nil, through: gateway))
    words += ", RTM_NEWROUTE default via \(gateway)"
    if let six {
      messages.append(NetlinkMessage.addRoute(to: nil, through: six.gateway))
      words += ", RTM_NEWROUTE default via \(six.gateway)"
    }
    return SpawnStep(.netlink(NetlinkMessage.batch(messages), words: words), for: "giving the sandbox its addresses and routes")
  }
}

/// A sandbox in the making: between begin and finish the caller may do other work while infra sets itself up.
public struct SandboxStart {
  private var pending: SpawnPlan.Pending
  public var pid: Int32 { pending.pid }

  /// Starts infra and attaches it to the network. netlink: a socket of the node's network namespace. record: gets infra's process id before infra may
  /// live on without its maker, so that whoever comes after a crash knows it.
  public init(_ spec: SandboxSpec, netlink: borrowing Netlink, record: (Int32) -> Void) throws(SysError) {
    let program = try FileDescriptor.open(spec.program, FileDescriptor.pathOnly)
    let go = try FileDescriptor.pipe()
    var plan = SpawnPlan(.descriptor(program.raw), ["pause"])
    plan.namespaces = spec.mountNamespace < 0 ? [.mount] : []
    if !spec.hostIPC { plan.namespaces.insert(.ipc) }
    if !spec.hostPID { plan.namespaces.insert(.pid) }
    let group = try spec.cgroup.folder.map { (f) throws(SysError) in FileDescriptorBox(try FileDescriptor.open(f, O_RDONLY | O_DIRECTORY)) }
    plan.cgroup = group?.raw
    // Until it runs its program it dies with its maker: half made it would wait for ever, with copies of its maker's descriptors and locks.
    var s: [SpawnStep] = [.init(.deathSignal(SIGKILL))]
    s += spec.cgroup.tasks.map { .init(.write($0, Array("0".utf8), flags: 0), for: "entering the sandbox's cgroup") }
    if spec.users != nil {
      plan.namespaces.insert(.user)
      s.append(.init(.readByte(fd: go.read.raw, writer: go.write.raw), for: "waiting for the sandbox's user ids"))
    }
    if spec.mountNamespace < 0 {
      s.append(.init(.propagation("/", flags: UInt(MS_REC | MS_SLAVE)), for: "keeping the sandbox's mounts to itself"))
    } else {
      s.append(.init(.setns(fd: spec.mountNamespace, .mount), for: "taking over the mounts of the sandbox before"))
    }
    if case .host = spec.network {} else {
      plan.namespaces.formUnion([.network, .uts])
      s.append(.init(.hostname(spec.hostname), for: "naming the sandbox"))
      s.append(.init(.linkUp("lo"), for: "setting up the sandbox's loopback"))
    }
    s += Self.mounts(spec)
    for t in spec.temporaryFileSystems {
      s.append(
        .init(
          .mount(
            source: "tmpfs", target: t.path, type: "tmpfs", flags: UInt(MS_NOSUID | MS_NODEV), options: t.options + (spec.users == nil ? "" : ",uid=0")),
          for: "mounting a file system in memory"))
    }
    // What lies above it may be looked up by the machine's root alone, which infra is no longer from here on.
    s.append(.init(.changeFolder(spec.emptyRoot), for: "changing to infra's root"))
    if spec.users != nil {
      let purpose = "becoming root of the sandbox's user namespace"
      s += [.init(.groups([]), for: purpose), .init(.group(0), for: purpose), .init(.user(0), for: purpose)]
    }
    for c in spec.sysctls {
      let path = "/proc/sys/" + c.name.split(separator: c.name.contains("/") ? "/" : ".").joined(separator: "/")
      s.append(.init(.write(path, Array(c.value.utf8), flags: 0), for: "setting sysctl \(c.name)"))
    }
    if spec.users == nil { s.append(.init(.readByte(fd: go.read.raw, writer: go.write.raw), for: "waiting for the sandbox's network")) }
    if case .bridged(let n) = spec.network {
      let eth0: Int32 = 2  // lo is 1 in a new network namespace
      s.append(n.step(link: eth0))
    }
    s.append(.init(.changeRoot("."), for: "emptying infra's root"))
    s.append(.init(.changeFolder("/")))
    s.append(.init(.newSession))
    // First out of the way, then to 3, 4, …: a descriptor's old number may be another one's new one.
    let high: Int32 = 800
    for (i, fd) in spec.held.enumerated() { s.append(.init(.duplicate(from: fd, to: high + Int32(i)))) }
    for i in spec.held.indices { s.append(.init(.duplicate(from: high + Int32(i), to: 3 + Int32(i)))) }
    let next = 3 + Int32(spec.held.count)
    if program.raw < next {
      // The program's own descriptor must not be among those that are overwritten.
      let moved = try FileDescriptor(owning: program.duplicate(atLeast: 900))
      plan.program = .descriptor(moved.raw)
      plan.steps = s + [.init(.closeFrom(next, atExec: true)), .init(.deathSignal(0))]
      pending = try plan.begin()
    } else {
      plan.steps = s + [.init(.closeFrom(next, atExec: true)), .init(.deathSignal(0))]
      pending = try plan.begin()
    }
    do throws(SysError) {
      try spec.users?.apply(to: pending.pid)
    } catch {
      pending.abandon()
      throw error.during("mapping the sandbox's user ids")
    }
    record(pending.pid)
    do throws(SysError) {
      if case .bridged(let n) = spec.network { try netlink.addVeth(n.link, bridge: n.bridge, peer: "eth0", peerIndex: 2, pid: pending.pid) }
      try writeAll(go.write.raw, [1])
    } catch {
      pending.abandon()
      throw error.during("attaching the sandbox to the network")
    }
  }

  /// The sandbox's own mounts but those in memory.
  private static func mounts(_ spec: SandboxSpec) -> [SpawnStep] {
    var s: [SpawnStep] = spec.renewed.map { .init(.unmount($0, flags: 2), for: "letting go of the old \($0)", tolerating: .any) }
    s += spec.attached.map { .init(.moveMount(fd: $0.fd, to: $0.path), for: "attaching a file system in memory") }
    for f in spec.shared {
      if !f.isMount { s.append(.init(.bind(source: f.path, target: f.path, recursive: true), for: "sharing the mounts of \(f.path)")) }
      // The copy would stay a receiver of the node's mount: it gets a group of its own.
      for flag in [MS_PRIVATE, MS_SHARED] { s.append(.init(.propagation(f.path, flags: UInt(flag)), for: "sharing the mounts of \(f.path)")) }
    }
    return s
  }

  /// Waits until infra runs `pause`.
  public mutating func finish() throws(SysError) -> Child {
    do throws(SysError) { return try pending.finish() } catch { throw error.during("creating the sandbox") }
  }

  public mutating func abandon() { pending.abandon() }
}
