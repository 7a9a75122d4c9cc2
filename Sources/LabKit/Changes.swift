// SPDX-License-Identifier: Apache-2.0
//
// What a step changed on the node: the processes, namespaces, mounts, links and cgroups of the lab's own instance, before and after. The comparison is
// pure; only `Snapshot.take` looks at the machine.
import Control
import Glibc
import Kernel

public struct Snapshot: Sendable, Equatable {
  public enum Kind: Int, Sendable, CaseIterable, Comparable {
    case process, namespace, mount, link, cgroup
    public static func < (a: Kind, b: Kind) -> Bool { a.rawValue < b.rawValue }

    func name(_ language: Language, many: Bool) -> String {
      switch (self, language) {
      case (.process, .en): many ? "processes" : "process"
      case (.namespace, .en): many ? "namespaces" : "namespace"
      case (.mount, .en): many ? "mounts" : "mount"
      case (.link, .en): many ? "links" : "link"
      case (.cgroup, .en): many ? "cgroups" : "cgroup"
      case (.process, .zh): "进程"
      case (.namespace, .zh): "命名空间"
      case (.mount, .zh): "挂载"
      case (.link, .zh): "网络接口"
      case (.cgroup, .zh): "cgroup"
      }
    }
  }

  public var things: [Kind: Set<String>]
  public init(_ things: [Kind: Set<String>] = [:]) { self.things = things }

  /// Lines of what is new (+) and what is gone (-), by kind: how many, and which. Lines are at most `columns` wide.
  public static func changes(from before: Snapshot, to after: Snapshot, _ language: Language, columns: Int = 70) -> [String] {
    var out: [String] = []
    for kind in Kind.allCases {
      let (old, new) = (before.things[kind] ?? [], after.things[kind] ?? [])
      for (sign, set) in [("+", new.subtracting(old)), ("-", old.subtracting(new))] where !set.isEmpty {
        let head = "\(sign) \(set.count) \(kind.name(language, many: set.count != 1))"
        for (i, line) in rows(set.sorted(by: inOrder), columns - 16).enumerated() { out.append(Cells.padded(i == 0 ? head : "", to: 16) + line) }
      }
    }
    return out.isEmpty ? [language == .en ? "nothing has changed" : "没有任何变化"] : out
  }

  /// The items one after the other, with as many lines as they need; none is divided between two.
  private static func rows(_ items: [String], _ columns: Int) -> [String] {
    var lines: [String] = []
    for (i, item) in items.enumerated() {
      let text = Cells.truncated(item, to: columns - 1) + (i + 1 < items.count ? "," : "")
      if let last = lines.last, Cells.width(last) + 1 + Cells.width(text) <= columns { lines[lines.count - 1] = last + " " + text } else { lines.append(text) }
    }
    return lines
  }

  /// By the number that they begin with, else by their letters.
  private static func inOrder(_ a: String, _ b: String) -> Bool {
    let (x, y) = (Int(a.prefix { $0.isNumber }) ?? 0, Int(b.prefix { $0.isNumber }) ?? 0)
    return x != y ? x < y : a < b
  }

  /// What the instance has now.
  static func take(_ instance: Instance) -> Snapshot {
    var all: [Kind: Set<String>] = [:]
    let own = Set(namespaceKinds.map { Evidence.namespace(getpid(), $0) })
    for (namespace, name) in instance.pods() {
      let place = instance.place(namespace, name)
      guard case .state(let s) = PodState.read(place.state) else { continue }
      var roots = s.containers.compactMap { $0.process?.pid }
      if let infra = s.sandbox?.process.pid { roots.append(infra) }
      if let podd = Podd.process(place) { all[.process, default: []].insert("\(podd) podd") }
      for pid in roots.flatMap(Evidence.family) {
        guard let stat = Proc.stat(pid) else { continue }
        all[.process, default: []].insert("\(pid) \(stat.name)")
        for kind in namespaceKinds {
          let n = Evidence.namespace(pid, kind)
          if n != "-", !own.contains(n) { all[.namespace, default: []].insert(n) }
        }
        for m in optional({ () throws(SysError) in try MountInfo.of(pid) }) ?? [] where m.mountPoint != "/" {
          if !m.mountPoint.hasPrefix("/proc") && !m.mountPoint.hasPrefix("/sys") && !m.mountPoint.hasPrefix("/dev") {
            all[.mount, default: []].insert("\(m.mountPoint) (\(m.type))")
          }
        }
        for g in Proc.cgroups(pid) where g.path.contains(instance.cgroupRoot) {
          all[.cgroup, default: []].insert(g.path.split(separator: "/").suffix(2).map { String($0.suffix(12)) }.joined(separator: "/"))
        }
      }
    }
    for line in Evidence.lines("/proc/net/dev") {
      let name = line.prefix { $0 != ":" }.drop { $0 == " " }
      if name.hasPrefix(instance.bridgeName) { all[.link, default: []].insert(String(name)) }
    }
    return Snapshot(all)
  }

  private static let namespaceKinds = ["net", "ipc", "uts", "mnt", "pid", "cgroup"]
}
