// SPDX-License-Identifier: Apache-2.0
//
// What a control group has used, by the kernel's counters: as cAdvisor reads them for the kubelet. cgroup-v1/memory.rst, cpuacct.rst, cgroup-v2.rst.

public struct CgroupUsage: Sendable, Equatable {
  /// Nanoseconds of CPU time since the group was made.
  public var cpu: Int64
  /// The working set in bytes: what is charged, without the page cache that can be dropped at once.
  public var memory: Int64
  public init(cpu: Int64, memory: Int64) { (self.cpu, self.memory) = (cpu, memory) }
}

extension CgroupV1 {
  public func usage(_ path: String) -> CgroupUsage? {
    // cpuacct shares its hierarchy with cpu nearly everywhere; where it does not, our groups are not in it.
    guard let cpu = roots["cpu"], let memory = roots["memory"], let time = cgroupNumber("\(cpu)/\(path)/cpuacct.usage"),
      let charged = cgroupNumber("\(memory)/\(path)/memory.usage_in_bytes")
    else { return nil }
    return CgroupUsage(cpu: time, memory: max(0, charged - cgroupValue("\(memory)/\(path)/memory.stat", "total_inactive_file")))
  }
}

extension CgroupV2 {
  public func usage(_ path: String) -> CgroupUsage? {
    guard let charged = cgroupNumber("\(root)/\(path)/memory.current") else { return nil }
    return CgroupUsage(
      cpu: cgroupValue("\(root)/\(path)/cpu.stat", "usage_usec") * 1000,
      memory: max(0, charged - cgroupValue("\(root)/\(path)/memory.stat", "inactive_file")))
  }
}

extension NoCgroups {
  public func usage(_ path: String) -> CgroupUsage? { nil }
}

/// Of a process and all that descends from it, where no control group counts: CPU time and resident memory. proc_pid_stat(5).
public enum ProcessUsage {
  /// CPU time of processes that have ended and were waited for counts with their parent's.
  public static func tree(_ pid: Int32) -> CgroupUsage {
    var all = CgroupUsage(cpu: 0, memory: 0)
    var queue = [pid]
    while let next = queue.popLast() {
      queue += Proc.children(next)
      guard let text = Proc.text("/proc/\(next)/stat"), let close = text.lastIndex(of: ")") else { continue }
      // From field 3 on, which may not be counted from the left: a name may hold blanks.
      let f = text[text.index(after: close)...].split(separator: " ").map { Int64($0) ?? 0 }
      guard f.count > 21 else { continue }
      all.cpu += (f[11] + f[12] + f[13] + f[14]) * 10_000_000
      all.memory += f[21] * 4096
    }
    return all
  }
}

/// The number that is all of a file; nil where there is no such file.
private func cgroupNumber(_ file: String) -> Int64? { (Proc.text(file)?.prefix { $0 != "\n" }).flatMap { Int64($0) } }

/// The number behind a key in a file of "key number" lines; 0 without.
private func cgroupValue(_ file: String, _ key: String) -> Int64 {
  for line in (Proc.text(file) ?? "").split(separator: "\n") {
    let p = line.split(separator: " ")
    if p.count == 2, p[0] == key { return Int64(p[1]) ?? 0 }
  }
  return 0
}
