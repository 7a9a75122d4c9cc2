// SPDX-License-Identifier: Apache-2.0
//
// The program podd: one Pod's supervisor. Started by podctl (Control/Podd.swift), in the background, once for each Pod.
import Control
import Glibc
import Kernel
import Manifest
import PodEngine
import Runtime

public enum PoddProgram {
  private static let usage = "usage: podd --run DIR --data DIR --images DIR [--ready FD] [--tokens FD] NAMESPACE NAME, or podd --replay FOLDER (of a pod)"

  /// 0: the Pod is gone, or another podd has it. 1: something failed. 2: usage.
  public static func run() -> Int32 {
    var options: [String: String] = [:]
    var names: [String] = []
    var rest = CommandLine.arguments.dropFirst()
    while let word = rest.popFirst() {
      if word.hasPrefix("--") { options[String(word.dropFirst(2))] = rest.popFirst() } else { names.append(word) }
    }
    if let folder = options["replay"] { return replay(PodPlace(folder: folder)) }
    guard let run = options["run"], let data = options["data"], let images = options["images"], names.count == 2 else {
      _ = optional { () throws(SysError) in try writeAll(2, usage + "\n") }
      return 2
    }
    var instance = Instance(run: run, data: data, images: images)
    do throws(SysError) {
      startTrace()
      try instance.open()
      return try serve(
        instance, names[0], names[1], ready: options["ready"].flatMap { Int32($0) }, tokens: options["tokens"].flatMap { Int32($0) })
    } catch {
      _ = optional { () throws(SysError) in try writeAll(2, "podd: \(error)\n") }
      return 1
    }
  }

  /// Runs a pod's journal through a new engine and says whether its effects are the recorded ones. 0: they are; 1: where they first differ.
  private static func replay(_ place: PodPlace) -> Int32 {
    do throws(SysError) {
      let entries = Journal.entries(try FileSystem.read(place.journal))
      let object: Value
      do throws(JSON.Malformed) { object = try JSON.parse(try read(FileSystem.exists(place.first) ? place.first : place.object)) } catch {
        throw SysError(step: "reading the pod: \(error)", call: "read", object: place.object, errno: EBADMSG)
      }
      let (_, difference) = Journal.replay(entries, of: Pod(stored: object))
      guard let d = difference else {
        try writeAll(1, "\(entries.count) events, \(entries.reduce(0) { $0 + $1.effects.count }) effects: the same\n")
        return 0
      }
      try writeAll(1, "event \(d.entry + 1), \(JSON.compact(Journal.words(entries[d.entry].event)))\n  recorded: \(d.recorded)\n  replayed: \(d.replayed)\n")
    } catch { _ = optional { () throws(SysError) in try writeAll(2, "podd: \(error)\n") } }
    return 1
  }

  private static func serve(_ instance: Instance, _ namespace: String, _ name: String, ready: Int32?, tokens: Int32?) throws(SysError) -> Int32 {
    let place = instance.place(namespace, name)
    guard let lock = try FileLock.attempt(place.lock) else { return 0 }
    _ = ftruncate(lock.raw, 0)
    _ = pwrite(lock.raw, "\(getpid())\n", "\(getpid())\n".utf8.count, 0)
    Signals.ignore(SIGPIPE)
    Signals.ignore(SIGHUP)
    let object: Value
    do throws(JSON.Malformed) { object = try JSON.parse(try read(FileSystem.exists(place.first) ? place.first : place.object)) } catch {
      throw SysError(step: "reading the pod: \(error)", call: "read", object: place.object, errno: EBADMSG)
    }
    let netlink = try Netlink()
    let pod = Pod(stored: object)
    // On the node's own network a Pod needs no bridge: without one the node's address is the loopback's.
    let network = pod.spec.hostNetwork ? optional { () throws(SysError) in try instance.network(netlink) } : try instance.network(netlink)
    let supervisor = try Supervisor(instance, place, pod, node: context(instance, network))
    supervisor.network = network
    if let tokens { supervisor.tokens.first = TokenRun(inherited: tokens, count: TokenRequest.all(of: pod).count) }
    try supervisor.loop.watchSignals([SIGTERM, SIGINT]) { _ in
      // The Pod lives on; the next podctl starts a podd that takes over.
      supervisor.loop.stop()
    }
    try supervisor.listen()
    if let ready {
      _ = optional { () throws(SysError) in try writeAll(ready, [1]) }
      _ = close(ready)
    }
    if !supervisor.adopt() { supervisor.bringBack() }
    supervisor.judgePlace()
    try supervisor.run()
    supervisor.save()
    supervisor.removeRemains()
    _ = lock.raw
    return 0
  }

  private static func read(_ path: String) throws(JSON.Malformed) -> [UInt8] { optional { () throws(SysError) in try FileSystem.read(path) } ?? [] }

  private static func context(_ instance: Instance, _ network: Instance.Network?) throws(SysError) -> NodeContext {
    let own = try FileSystem.readlink("/proc/self/exe")
    let host = Host.discover()
    let memory = Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE)))
    let processors = Int64(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    let billion: Int128 = 1_000_000_000
    var node = NodeContext(
      name: "podlab", hostIPs: network.map { n in ["\(n.gateway)"] + (n.gateway6.map { ["\($0)"] } ?? []) } ?? ["127.0.0.1"], cgroupRoot: instance.cgroupRoot,
      nodeRoot: instance.nodeRoot,
      programs: own.lastIndex(of: "/").map { String(own[..<$0]) } ?? ".",
      allocatable: [
        "cpu": Quantity(text: "\(processors)", nano: Int128(processors) * billion),
        "memory": Quantity(text: "\(memory)", nano: Int128(memory) * billion),
      ], memory: memory, host: host)
    if host.isUserNamespace || !host.capabilities.contains(CapabilitySet(name: "SYS_RESOURCE") ?? []) {
      let text = optional { () throws(SysError) in try FileSystem.readText("/proc/self/oom_score_adj") } ?? ""
      node.lowestOOMScore = Int(text.prefix { $0 != "\n" }) ?? 0
    }
    return node
  }

  /// PODLAB_TRACE names a file that gets a line for each call (lab run --trace).
  private static func startTrace() {
    guard let path = variable("PODLAB_TRACE"),
      let fd = optional({ () throws(SysError) in try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600).release() })
    else { return }
    Trace.hook = { line in _ = optional { () throws(SysError) in try writeAll(fd, line + "\n") } }
  }
}
