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
  public init(bridge: Int32, link: String, address: IPAddress, prefix: Int, gateway: IPAddress) {
    (self.bridge, self.link, self.address, self.prefix, self.gateway) = (bridge, link, address, prefix, gateway)
  }
}

/// A sandbox in the making: between begin and finish the caller may do other work while infra sets itself up.
public struct SandboxStart {
  private var pending: SpawnPlan.Pending
  public var pid: Int32 { pending.pid }

  /// Starts infra and attaches it to the network. netlink: a socket of the node's network namespace.
  public init(_ spec: SandboxSpec, netlink: borrowing Netlink) throws(SysError) {
    let program = try FileDescriptor.open(spec.program, FileDescriptor.pathOnly)
    let go = try FileDescriptor.pipe()
    var plan = SpawnPlan(.descriptor(program.raw), ["pause"])
    plan.namespaces = [.mount]
    if !spec.hostIPC { plan.namespaces.insert(.ipc) }
    if !spec.hostPID { plan.namespaces.insert(.pid) }
    let group = try spec.cgroup.folder.map { (f) throws(SysError) in FileDescriptorBox(try FileDescriptor.open(f, O_RDONLY | O_DIRECTORY)) }
    plan.cgroup = group?.raw
    // Until it runs its program it dies with its maker: half made it would wait for ever, with copies of its maker's descriptors and locks.
    var s: [SpawnStep] = [.init(.deathSignal(SIGKILL))]
    s += spec.cgroup.tasks.map { .init(.write($0, Array("0".utf8), flags: 0), for: "entering the sandbox's cgroup") }
    s.append(.init(.propagation("/", flags: UInt(MS_REC | MS_SLAVE)), for: "keeping the sandbox's mounts to itself"))
    if case .host = spec.network {} else {
      plan.namespaces.formUnion([.network, .uts])
      s.append(.init(.hostname(spec.hostname), for: "naming the sandbox"))
      s.append(.init(.linkUp("lo"), for: "setting up the sandbox's loopback"))
    }
    for t in spec.temporaryFileSystems {
      s.append(
        .init(
          .mount(source: "tmpfs", target: t.path, type: "tmpfs", flags: UInt(MS_NOSUID | MS_NODEV), options: t.options),
          for: "mounting a file system in memory"))
    }
    for c in spec.sysctls {
      let path = "/proc/sys/" + c.name.split(separator: c.name.contains("/") ? "/" : ".").joined(separator: "/")
      s.append(.init(.write(path, Array(c.value.utf8), flags: 0), for: "setting sysctl \(c.name)"))
    }
    if case .bridged(let n) = spec.network {
      let eth0: Int32 = 2  // lo is 1 in a new network namespace
      s.append(.init(.readByte(fd: go.read.raw), for: "waiting for the sandbox's network"))
      s.append(
        .init(.netlink(NetlinkMessage.addAddress(n.address, prefix: n.prefix, link: eth0), words: "RTM_NEWADDR \(n.address)/\(n.prefix) on eth0"),
          for: "giving the sandbox its address"))
      s.append(.init(.netlink(NetlinkMessage.setUp(eth0), words: "RTM_NEWLINK eth0 up"), for: "setting up eth0"))
      s.append(
        .init(.netlink(NetlinkMessage.addRoute(to: nil, through: n.gateway), words: "RTM_NEWROUTE default via \(n.gateway)"),
          for: "giving the sandbox its default route"))
    }
    s.append(.init(.changeRoot(spec.emptyRoot), for: "emptying infra's root"))
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
    guard case .bridged(let n) = spec.network else { return }
    do throws(SysError) {
      try netlink.addVeth(n.link, bridge: n.bridge, peer: "eth0", peerIndex: 2, pid: pending.pid)
      try writeAll(go.write.raw, [1])
    } catch {
      pending.abandon()
      throw error.during("attaching the sandbox to the network")
    }
  }

  /// Waits until infra runs `pause`.
  public mutating func finish() throws(SysError) -> Child {
    do throws(SysError) { return try pending.finish() } catch { throw error.during("creating the sandbox") }
  }

  public mutating func abandon() { pending.abandon() }
}
