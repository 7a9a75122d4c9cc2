// SPDX-License-Identifier: Apache-2.0
//
// The sandbox: the effects createSandbox and stopSandbox.
import Control
import Glibc
import Kernel
import Manifest
import PodEngine
import Runtime

extension Supervisor {
  /// Begins the sandbox; finishSandbox waits for it when the rest of the batch is done.
  func createSandbox(_ attempt: Int) {
    if let problem = PodFiles.hostnameProblem(pod) ?? hostPortProblem { return feed(.sandboxFailed(message: problem)) }
    do throws(SysError) {
      let keep = try DescriptorStore()
      var spec = SandboxSpec(hostname: hostname, emptyRoot: instance.mountPoints.emptyRoot, program: node.programs + "/pause")
      spec.hostIPC = pod.spec.hostIPC
      spec.hostPID = pod.spec.hostPID
      spec.sharesProcesses = pod.spec.shareProcessNamespace
      spec.sysctls = pod.spec.securityContext.sysctls.map { ($0.name, $0.value) }
      spec.held = [keep.near, keep.far]
      try instance.mountPoints.make()
      let isAnew = try volumes.hand(to: &spec, pod)
      if isAnew && engine.areVolumesReady { refill() }
      if !pod.spec.hostIPC {
        let path = instance.mountPoints.sharedMemory
        spec.temporaryFileSystems = [(path, "mode=1777,size=65536k")]
        if spec.mountNamespace >= 0 { spec.renewed = [path] }
      }
      for old in state.addresses { instance.give(back: old) }
      state.addresses = []
      if hasUserNamespace {
        let ids = try instance.takeUsers(for: pod.metadata.uid)
        spec.users = ids.maps
        state.addresses.append(ids.name)
      }
      warnOfLimits()
      var podIPs = node.hostIPs
      var link = ""
      if pod.spec.hostNetwork {
        spec.network = .host
      } else if let network {
        let taken = try instance.take(network, for: pod.metadata.uid)
        (podIPs, link) = (["\(taken.address)"], taken.link)
        state.addresses.append("\(taken.address)")
        var ends = PodNetwork(bridge: network.bridge, link: link, address: taken.address, prefix: Instance.Network.prefix, gateway: network.gateway)
        // A sysctl of the Pod may turn it off.
        if let six = network.address6(of: taken.address), let gateway = network.gateway6, !spec.sysctls.contains(where: { $0.name.contains("disable_ipv6") }) {
          ends.six = (six, Instance.Network.prefix6, gateway)
          podIPs.append("\(six)")
        }
        spec.network = .bridged(ends)
      }
      try writeSharedFiles(podIPs)
      let groups = node.host.cgroups
      try groups.create(cgroup, limits: Resources.podLimits(pod.spec))
      try groups.create(cgroup + "/pause", limits: CgroupLimits())
      spec.cgroup = groups.entry(cgroup + "/pause")
      starting = try SandboxStart(spec, netlink: netlink) { pid in
        state.sandbox = ProcessIdentity(pid: pid).map { PodState.Sandbox(process: $0, attempt: attempt, podIPs: podIPs, link: link) }
        writeState()
      }
      releaseNetwork()
      store = keep
    } catch {
      state.sandbox = nil
      feed(.sandboxFailed(message: "\(error)"))
    }
  }

  /// hostUsers: false. An ordinary user's node is a user namespace already, and the kernel lets nobody in there map the owners of files.
  var hasUserNamespace: Bool { !pod.spec.hostUsers && !node.host.isUserNamespace }

  /// What this machine does not give the Pod though it asks for it.
  private func warnOfLimits() {
    if !pod.spec.hostUsers && node.host.isUserNamespace {
      warn("SharedUserNamespace", "hostUsers: false: the pod's users are not the machine's, but those of this user's node, which its pods share")
    }
    let all = pod.spec.initContainers + pod.spec.containers
    let limited = all.filter { c in c.resources.limits.keys.contains { $0 != Self.storage } }.map(\.name)
    if let why = node.host.cgroups.lack, !limited.isEmpty || !pod.spec.resources.limits.isEmpty {
      warn("LimitsNotEnforced", "limits of \(limited.isEmpty ? "the pod" : limited.joined(separator: ", ")) are not enforced: \(why)")
    }
  }

  func finishSandbox() {
    guard var begun = starting else { return }
    starting = nil
    makeFirstPlaces()
    do throws(SysError) {
      infra = try begun.finish().release()
      keep(begun.pid)
      do throws(SysError) { try startForwarder(state.sandbox?.podIPs ?? []) } catch {
        _ = optional { () throws(SysError) in try Pidfd.signal(infra, SIGKILL) }
        _ = optional { () throws(SysError) in try ExitStatus.collect(pidfd: infra, wait: true) }
        throw error
      }
      watchInfra(infra)
      lookForFirewall()
      feed(.sandboxStarted(podIPs: state.sandbox?.podIPs ?? []))
    } catch {
      dropSandbox()
      feed(.sandboxFailed(message: "\(error)"))
    }
  }

  /// Keeps what outlives infra's death until there is a new sandbox.
  func keep(_ pid: Int32) {
    volumes.keep(pid)
    infraNetwork = optional { () throws(SysError) in try FileDescriptor.open("/proc/\(pid)/ns/net", O_RDONLY).release() } ?? -1
  }

  private func releaseNetwork() {
    if infraNetwork >= 0 { _ = close(infraNetwork) }
    infraNetwork = -1
  }

  func watchInfra(_ fd: Int32) {
    infra = fd
    do throws(SysError) { try loop.watch(fd) { [unowned self] _ in infraEnded() } } catch { complain("\(error.during("watching infra"))") }
  }

  private func infraEnded() {
    loop.forget(infra)
    _ = optional { () throws(SysError) in try ExitStatus.collect(pidfd: infra) }
    let wasAsked = isStoppingSandbox
    isStoppingSandbox = false
    dropSandbox()
    feed(wasAsked ? .sandboxStopped : .sandboxDied)
  }

  /// Forgets infra and what was parked with it.
  private func dropSandbox() {
    endForwarder()
    if infra >= 0 { _ = close(infra) }
    infra = -1
    state.sandbox = nil
    store = nil
    markState()
  }

  func stopSandbox() {
    guard infra >= 0 else { return feed(.sandboxStopped) }
    isStoppingSandbox = true
    // infra's end takes its mounts with it, beside us; the last one who holds them would have to wait for that.
    volumes.forget()
    releaseNetwork()
    do throws(SysError) { try Pidfd.signal(infra, SIGKILL) } catch { complain("\(error.during("ending infra"))") }
  }

  /// The name in the Pod's uts namespace.
  var hostname: String {
    let machine = pod.spec.hostNetwork ? optional { () throws(SysError) in try FileSystem.readText("/proc/sys/kernel/hostname") } : nil
    return PodFiles.hostname(pod, machine: String((machine ?? "").prefix { $0 != "\n" }))
  }

  /// hosts, hostname, resolv.conf.
  private func writeSharedFiles(_ podIPs: [String]) throws(SysError) {
    let text = { (path: String) in optional { () throws(SysError) in try FileSystem.readText(path) } }
    guard let etc = volumes.etcView else { throw SysError(call: "fsmount", object: "the pod's file system in memory", errno: ENOENT) }
    if !FileSystem.exists(etc) { try FileSystem.makeFolder(etc, mode: 0o755) }
    let hosts = PodFiles.hosts(pod, podIPs: podIPs, nodeHosts: pod.spec.hostNetwork ? text("/etc/hosts") ?? "" : "")
    try FileSystem.write(etc + "/hosts", hosts)
    try FileSystem.write(etc + "/hostname", hostname + "\n")
    let own = text("/etc/resolv.conf") ?? ""
    let dns = PodDNS(pod, node: PodDNS.nodeFile(own, resolved: own.contains("127.0.0.53") ? text("/run/systemd/resolve/resolv.conf") : nil))
    for w in dns.warnings { warn(w.reason, w.message) }
    try FileSystem.write(etc + "/resolv.conf", dns.text)
  }

  /// A firewall that stands between Pods is named, once the Pod is under way: nobody waits for the look at its rules.
  private func lookForFirewall() {
    guard network != nil, !pod.spec.hostNetwork else { return }
    _ = timers.schedule(at: Clock.monotonic + 60_000_000) { [weak self] in
      for o in Firewall.obstacles() {
        self?.warn(
          "FirewallDropsPodTraffic",
          "a firewall of this machine drops what pods send each other (\(o.place): policy drop, and bridged packets pass it). Let them through: \(o.remedy)")
      }
    }
  }
}
