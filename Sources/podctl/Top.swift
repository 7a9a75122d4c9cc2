// SPDX-License-Identifier: Apache-2.0
//
// top: what Pods, their containers and the node use now. Two readings of the kernel's counters, a moment apart: there is no metrics server that
// would have watched before. Columns as kubectl's: staging/src/k8s.io/kubectl/pkg/metricsutil.
import ArgumentParser
import Control
import Glibc
import Kernel
import Manifest
import Runtime

struct TopCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "top", abstract: "Show CPU and memory use of pods, containers or the node.",
    discussion: "Example: podctl top pod    podctl top pod web --containers    podctl top pod -l app=web --sort-by=cpu    podctl top node")

  enum Order: String, ExpressibleByArgument { case cpu, memory }

  @Argument(help: "pod [NAME], or node.") var words: [String] = []
  @Flag(name: .long, help: "Each container by itself.") var containers = false
  @Option(name: [.customShort("l"), .long], help: "Pods with these labels.") var selector: String?
  @Option(name: .long, help: "cpu or memory, the greatest first (default: by name).") var sortBy: Order?
  @Flag(name: .long, help: "Without the line of column names.") var noHeaders = false
  @Flag(name: [.customShort("A"), .long], help: "Of all namespaces.") var allNamespaces = false
  @OptionGroup var common: CommonOptions

  /// Nanoseconds between the two readings.
  private static let window: Int64 = 250_000_000

  func run() throws {
    guard let kind = words.first else { throw Failure.error("expected 'top pod' or 'top node'\nSee 'podctl top -h' for help and examples") }
    switch kind {
    case "pod", "pods", "po": try pods()
    case "node", "nodes", "no": try node()
    default: throw Failure.error("unknown command \"\(kind)\" for \"podctl top\"")
    }
  }

  // MARK: Pods

  /// One container's readings.
  private struct Sample {
    let namespace: String
    let pod: String
    let container: String
    let read: () -> CgroupUsage?
    var cpu: Int64 = 0
    var memory: Int64 = 0
  }

  private func pods() throws {
    if words.count > 2 { throw Failure.error("only one pod can be named\nSee 'podctl top pod -h' for help and examples") }
    let name = words.count == 2 ? try podName(words[1]) : nil
    if name != nil, selector != nil { throw Failure.error("only one of NAME or --selector can be provided") }
    let session = try common.open()
    let labels = try Selection(selector, kinds: [.pod])
    var objects = try session.pods(allNamespaces ? nil : common.ns)
    if let name {
      objects = objects.filter { $0["metadata"]?["name"]?.string == name }
      if objects.isEmpty { throw Failure.notFound(.pod, name) }
    }
    let groups = Host.discover().cgroups
    var samples: [Sample] = []
    for v in objects {
      let meta = ObjectMeta(v["metadata"] ?? .null)
      guard labels.matches(v) else { continue }
      guard case .state(let state) = PodState.read(session.instance.place(meta.namespace, meta.name).state) else { continue }
      for c in state.containers {
        guard let p = c.process, p.isAlive else { continue }
        samples.append(
          Sample(namespace: meta.namespace, pod: meta.name, container: c.name) { groups.usage(c.exec.cgroup) ?? ProcessUsage.tree(p.pid) })
      }
    }
    if samples.isEmpty {
      if let name { throw Failure.server("NotFound", "podmetrics.metrics.k8s.io \"\(common.ns)/\(name)\" not found") }
      if objects.isEmpty || selector != nil {
        say(2, allNamespaces ? "No resources found\n" : "No resources found in \(common.ns) namespace.\n")
        return
      }
      throw Failure.error("metrics not available yet")
    }
    measure(&samples)
    show(samples)
  }

  private func measure(_ samples: inout [Sample]) {
    let before = samples.map { ($0.read()?.cpu ?? 0, Clock.monotonic) }
    usleep(UInt32(Self.window / 1000))
    for i in samples.indices {
      guard let now = samples[i].read() else { continue }
      let time = max(1, Clock.monotonic - before[i].1)
      // Thousandths of a core, rounded up as quantities are.
      samples[i].cpu = (max(0, now.cpu - before[i].0) * 1000 + time - 1) / time
      samples[i].memory = now.memory
    }
  }

  private func show(_ samples: [Sample]) {
    var lines: [(namespace: String, pod: String, container: String, cpu: Int64, memory: Int64)] = []
    for s in samples {
      let at = containers ? nil : lines.firstIndex { $0.namespace == s.namespace && $0.pod == s.pod }
      if let at {
        lines[at].cpu += s.cpu
        lines[at].memory += s.memory
      } else {
        lines.append((s.namespace, s.pod, s.container, s.cpu, s.memory))
      }
    }
    lines.sort { a, b in
      switch sortBy {
      case .cpu where a.cpu != b.cpu: a.cpu > b.cpu
      case .memory where a.memory != b.memory: a.memory > b.memory
      default: (a.namespace, a.pod, a.container) < (b.namespace, b.pod, b.container)
      }
    }
    var rows = noHeaders ? [] : [(allNamespaces ? ["NAMESPACE"] : []) + (containers ? ["POD"] : []) + ["NAME", "CPU(cores)", "MEMORY(bytes)"]]
    for l in lines {
      rows.append((allNamespaces ? [l.namespace] : []) + (containers ? [l.pod, l.container] : [l.pod]) + ["\(l.cpu)m", "\(l.memory >> 20)Mi"])
    }
    print(rows)
  }

  /// As Go's tabwriter does with kubectl's settings: columns three blanks apart, at least six wide, the last one too.
  private func print(_ rows: [[String]]) {
    let widths = (rows.first ?? []).indices.map { i in max(6, (rows.map { $0[i].count }.max() ?? 0) + 3) }
    var text = ""
    for row in rows {
      for (i, cell) in row.enumerated() { text += cell + String(repeating: " ", count: widths[i] - cell.count) }
      text += "\n"
    }
    say(1, text)
  }

  // MARK: the node

  private func node() throws {
    if containers || selector != nil || allNamespaces { throw Failure.error("--containers, --selector and --all-namespaces are about pods") }
    let shown = Instance.nodeName
    if words.count == 2, words[1] != shown { throw Failure.server("NotFound", "nodes \"\(words[1])\" not found") }
    let first = try Self.busy()
    usleep(UInt32(Self.window / 1000))
    let second = try Self.busy()
    let total = max(1, second.total - first.total)
    let cores = Int64(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let milli = ((second.busy - first.busy) * 1000 * cores + total - 1) / total
    let (all, free) = try Self.memory()
    let used = max(0, all - free)
    var rows = noHeaders ? [] : [["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"]]
    rows.append([shown, "\(milli)m", "\(milli / 10 / max(1, cores))%", "\(used >> 20)Mi", "\(used * 100 / max(1, all))%"])
    print(rows)
  }

  /// Clock ticks of all processors since the boot: spent with work, and all. proc_stat(5).
  private static func busy() throws(SysError) -> (busy: Int64, total: Int64) {
    let f = try FileSystem.readText("/proc/stat").prefix { $0 != "\n" }.split(separator: " ").dropFirst().prefix(8).map { Int64($0) ?? 0 }
    guard f.count == 8 else { throw SysError(call: "read", object: "/proc/stat", errno: EBADMSG) }
    let total = f.reduce(0, +)
    return (total - f[3] - f[4], total)
  }

  /// Bytes there are, and bytes that can be had.
  private static func memory() throws(SysError) -> (all: Int64, free: Int64) {
    var all: Int64 = 0
    var free: Int64 = 0
    for line in try FileSystem.readText("/proc/meminfo").split(separator: "\n") {
      let p = line.split(separator: " ")
      guard p.count > 1, let n = Int64(p[1]) else { continue }
      if p[0] == "MemTotal:" { all = n << 10 }
      if p[0] == "MemAvailable:" { free = n << 10 }
    }
    return (all, free)
  }
}
