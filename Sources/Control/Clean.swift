// SPDX-License-Identifier: Apache-2.0
//
// Everything of an instance goes: supervisors, infra and container processes, cgroups, links, the node, the folders of the pods. Works from what
// is on disk and from the kernel's own lists, so that it does not matter who was killed when.
import Glibc
import Kernel
import Manifest

public struct Clean: Sendable {
  public private(set) var processes = 0
  public private(set) var pods = 0
  public private(set) var links = 0
  public private(set) var groups = 0
  /// What could not be removed.
  public private(set) var failures: [String] = []

  public init() {}

  /// all: images and objects too. The caller has entered the node, where there is one.
  public mutating func instance(_ instance: Instance, all: Bool = false) {
    let found = instance.pods()
    let driver = Cgroups.discover()
    var identities: [ProcessIdentity] = []
    for (ns, name) in allFolders(instance) {
      let place = instance.place(ns, name)
      if let pid = Podd.process(place), let p = ProcessIdentity(pid: pid) { end(p) }
      guard case .state(let state) = PodState.read(place.state), state.boot == Boot.id else { continue }
      if let s = state.sandbox { identities.append(s.process) }
      identities += state.containers.compactMap(\.process)
      if let f = state.forwarder { identities.append(f) }
    }
    for p in identities { end(p) }
    endStrangers(instance, driver)
    endHelpers(instance)
    pods = found.count
    if !instance.id.isEmpty {
      let strays = processes(driver, instance.cgroupRoot)
      for pid in strays { if let p = ProcessIdentity(pid: pid) { end(p) } }
      groups = driver.children(instance.cgroupRoot).count
      attempt("cgroup \(instance.cgroupRoot)") { () throws(SysError) in try driver.remove(instance.cgroupRoot) }
      removeLinks(instance)
    }
    let holder = geteuid() == 0 ? Node.holder(instance) : nil
    attempt("pods") { () throws(SysError) in try FileSystem.removeTree("\(instance.run)/pods") }
    attempt("events") { () throws(SysError) in try FileSystem.removeTree("\(instance.run)/events") }
    attempt("what pods wrote on disk") { () throws(SysError) in try FileSystem.removeTree(instance.bulkFolder) }
    attempt("what ended pods left") { () throws(SysError) in try FileSystem.removeTree(instance.trash) }
    attempt("mount points") { () throws(SysError) in try FileSystem.removeTree(instance.mountPoints.folder) }
    attempt("addresses") { () throws(SysError) in try FileSystem.removeTree("\(instance.run)/addresses") }
    attempt("pending pods") { () throws(SysError) in try FileSystem.removeTree("\(instance.run)/pending") }
    attempt("kept pods") { () throws(SysError) in try FileSystem.removeTree("\(instance.data)/objects/pods") }
    for f in ["claims.json", "claims.lock", "antiaffinity.json", "network.json", "node-root", "node.json", "node.lock", "outside.sock", "outside.lock", "instance.json", "instance.lock"] {
      _ = unlink("\(instance.run)/\(f)")
    }
    _ = unlink(instance.idFile)
    if all {
      attempt("data") { () throws(SysError) in try FileSystem.removeTree(instance.data) }
    }
    if let entries = optional({ () throws(SysError) in try FileSystem.list(instance.run) }), entries.isEmpty { _ = rmdir(instance.run) }
    if let holder { end(holder) }
  }

  /// In an ordinary user's node, where no cgroup lists them: whoever has a root of its own in there belongs to a Pod.
  private mutating func endStrangers(_ instance: Instance, _ driver: any CgroupDriver) {
    guard driver.lack != nil, let holder = Node.holder(instance), let node = Proc.namespace(holder.pid, "user"), node == Proc.namespace(getpid(), "user"),
      let here = Proc.namespace(holder.pid, "mnt")
    else { return }
    for pid in Proc.all where pid != holder.pid && Proc.namespace(pid, "user") == node {
      if let root = Proc.namespace(pid, "mnt"), root != here, let p = ProcessIdentity(pid: pid) { end(p) }
    }
  }

  /// Those who still make a key or a token for a Pod that is no more.
  private mutating func endHelpers(_ instance: Instance) {
    for pid in Proc.all {
      guard let words = Proc.arguments(pid), words.count > 1, words[0].hasSuffix("podlab-token"), words[1] == instance.keys else { continue }
      if let p = ProcessIdentity(pid: pid) { end(p) }
    }
  }

  private func allFolders(_ instance: Instance) -> [(String, String)] {
    let names = { (path: String) in optional { () throws(SysError) in try FileSystem.list(path) } ?? [] }
    return names("\(instance.run)/pods").flatMap { ns in names("\(instance.run)/pods/\(ns)").map { (ns, $0) } }
  }

  private func processes(_ driver: any CgroupDriver, _ path: String) -> [Int32] {
    driver.processes(path) + driver.children(path).flatMap { processes(driver, path + "/" + $0) }
  }

  /// Kills it and waits until it is gone (its parent, or init, reaps it).
  private mutating func end(_ p: ProcessIdentity) {
    guard let fd = p.open() else { return }
    processes += 1
    _ = optional { () throws(SysError) in try Pidfd.signal(fd.raw, SIGKILL) }
    var poller = pollfd(fd: fd.raw, events: Int16(POLLIN), revents: 0)
    if poll(&poller, 1, 5000) == 0 { failures.append("process \(p.pid) does not end") }
  }

  private mutating func removeLinks(_ instance: Instance) {
    var count = 0
    attempt("links") { () throws(SysError) in
      let netlink = try Netlink()
      for link in try netlink.links() where link.name.hasPrefix("podlab" + instance.id) {
        do throws(SysError) {
          try netlink.remove(link.index)
          count += 1
        } catch where error.errno == ENODEV {}
      }
    }
    links += count
  }

  private mutating func attempt(_ what: String, _ body: () throws(SysError) -> Void) {
    do throws(SysError) { try body() } catch { failures.append("\(what): \(error)") }
  }
}
