// SPDX-License-Identifier: Apache-2.0
//
// lab doctor: what this machine has, what it lacks, and what to do about it.
import ArgumentParser
import Control
import Glibc
import Grading
import Kernel
import LabKit

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "doctor", abstract: "What this machine can do, and the remedy for what it cannot.")
  @OptionGroup var options: ExerciseOptions

  private struct Finding {
    var name: Text
    var holds: Bool
    var detail: Text
    /// Labs run without it.
    var isOptional = false
  }

  func run() throws {
    try verb {
      let all = findings()
      for f in all {
        let word = f.holds ? options.say("ok", "正常") : f.isOptional ? options.say("lacks", "缺少") : options.say("FAILS", "不满足")
        show(Cells.padded(word, to: 7) + Cells.padded(f.name[options.language], to: 26) + f.detail[options.language] + "\n")
      }
      return all.allSatisfy { $0.holds || $0.isOptional } ? 0 : 3
    }
  }

  private func findings() -> [Finding] {
    var all: [Finding] = []
    let release = String(Evidence.text("/proc/sys/kernel/osrelease").prefix { $0 != "\n" })
    let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
    let isNew = numbers.count == 2 && (numbers[0], numbers[1]) >= (6, 1)
    all.append(Finding(name: Text(en: "kernel", zh: "内核"), holds: isNew, detail: isNew ? Text.data(release) : Text(en: "\(release): 6.1 or newer is needed", zh: "\(release)：需要 6.1 或更新版本")))
    let isRoot = geteuid() == 0
    all.append(Finding(name: Text(en: "user", zh: "用户"), holds: true, detail: isRoot ? Text.data("root") : Text(en: "ordinary (uid \(getuid())): pods run in a user namespace", zh: "普通用户（uid \(getuid())）：Pod 在用户命名空间中运行")))
    let obstacle = NamespaceRights.obstacle()
    all.append(Finding(name: Text(en: "namespaces", zh: "命名空间"), holds: obstacle == nil, detail: obstacle.map { .data($0) } ?? Text(en: "may be made", zh: "可以创建")))
    if !isRoot {
      let (_, reason) = IDMaps.available()
      all.append(Finding(name: Text(en: "subordinate ids", zh: "从属 ID"), holds: reason == nil, detail: reason.map { Text($0) } ?? Text(en: "set up", zh: "已配置"), isOptional: true))
    }
    let cgroups = Cgroups.discover()
    all.append(
      Finding(
        name: Text(en: "cgroups", zh: "cgroup"), holds: cgroups.lack == nil,
        detail: cgroups.lack.map { Text(en: "no limits: \($0)", zh: "没有资源限制：需要 root，或委派给本用户的 cgroup（\($0)）") } ?? .data(cgroups.version), isOptional: true))
    let walls = Firewall.obstacles()
    all.append(
      Finding(
        name: Text(en: "firewall", zh: "防火墙"), holds: walls.isEmpty,
        detail: walls.isEmpty
          ? Text(en: "lets pods talk to each other", zh: "不妨碍 Pod 之间的通信")
          : Text(
            en: walls.map { "drops what pods send each other (\($0.place)): as root, \($0.remedy)" }.joined(separator: "; "),
            zh: walls.map { "会丢弃 Pod 之间的数据包（\($0.place)）：以 root 运行 \($0.remedy)" }.joined(separator: "；")), isOptional: true))
    let overlay = Evidence.text("/proc/filesystems").contains("overlay")
    all.append(Finding(name: .data("overlay"), holds: overlay, detail: overlay ? Text(en: "in the kernel", zh: "内核支持") : Text(en: "not in /proc/filesystems: as root, modprobe overlay", zh: "不在 /proc/filesystems 中：以 root 运行 modprobe overlay")))
    let busybox = FileSystem.exists("/bin/busybox")
    all.append(Finding(name: .data("busybox"), holds: busybox, detail: busybox ? Text.data("/bin/busybox") : Text(en: "missing: apt-get install busybox-static", zh: "缺少：apt-get install busybox-static")))
    let raises = CapabilitySet.effective.contains(CapabilitySet(name: "SYS_RESOURCE") ?? [])
    all.append(
      Finding(
        name: .data("CAP_SYS_RESOURCE"), holds: raises,
        detail: raises ? Text(en: "here", zh: "具备") : Text(en: "oom_score_adj cannot be lowered, hard limits not raised. Pods run without it; root has it unless the container or VM it is in took it (docker run --cap-add SYS_RESOURCE)", zh: "不能降低 oom_score_adj，不能提高硬限制。Pod 仍可运行；root 本来具备，除非外层的容器或虚拟机去掉了这项权能（docker run --cap-add SYS_RESOURCE）"), isOptional: true))
    return all
  }
}
