// SPDX-License-Identifier: Apache-2.0
//
// Lab 10: requests and limits are numbers in files of cgroups. What is written there, what the kernel does when a limit is met, and what happens beside a
// container that has none. Every number is read from the kernel. Read the lesson beside this file first.
import Glibc
import Kernel
import LabKit

/// A Pod of shell scripts, each with the resources that are written after it.
func pod(_ name: String, policy: String = "Always", _ containers: [(name: String, script: String, resources: String)]) -> String {
  """
  apiVersion: v1
  kind: Pod
  metadata: {name: \(name)}
  spec:
    restartPolicy: \(policy)
    terminationGracePeriodSeconds: 0
    containers:

  """
    + containers.map {
      """
        - name: \($0.name)
          image: busybox
          imagePullPolicy: IfNotPresent
          command: [sh, -c, "\($0.script)"]
          resources: \($0.resources)

      """
    }.joined()
}

let sleeps = "exec sleep 3600"
let pair = pod("pair", [
  ("small", sleeps, "{limits: {cpu: 100m, memory: 32Mi}}"), ("large", sleeps, "{requests: {cpu: 200m, memory: 64Mi}, limits: {cpu: 500m, memory: 128Mi}}"),
])
let classes = [
  pod("guaranteed", [("app", sleeps, "{limits: {cpu: 100m, memory: 32Mi}}")]),
  pod("burstable", [("app", sleeps, "{requests: {memory: 32Mi}}")]),
  pod("best-effort", [("app", sleeps, "{}")]),
].joined(separator: "---\n")

let hungry = pod("hungry", policy: "Never", [("app", "exec tail -c 90000000 /dev/zero", "{limits: {memory: 24Mi}}")])
let busy = pod("busy", [("app", "while :; do :; done", "{limits: {cpu: 200m}}")])
let many = pod("many", [("app", sleeps, "{limits: {memory: 64Mi}}")])
let neighbours = pod("neighbours", [("careful", sleeps, "{limits: {memory: 32Mi}}"), ("careless", sleeps, "{}")])

/// Files of a process's cgroup: what kubelet writes, and what the kernel counts there.
struct Group {
  let pid: Int32
  func path(_ controller: String, _ v1: String, _ v2: String) -> String { Evidence.cgroupFile(pid, controller: controller, v1: v1, v2: v2) ?? "-" }

  var memory: String { path("memory", "memory.limit_in_bytes", "memory.max") }
  /// Kills that the kernel has counted: v1's file lies in the container's group; v2's, read in the Pod's, counts those of its groups too.
  var kills: String { path("memory", "memory.oom_control", "../memory.events") }
  /// How often it was held back, by its own group or by the Pod's: where both have the same limit, either may be the first to reach it.
  var timesThrottled: Int {
    ["cpu.stat", "../cpu.stat"].reduce(0) { $0 + (Evidence.number(path("cpu", $1, $1), "nr_throttled") ?? 0) }
  }
  /// Microseconds of CPU time in each period of 100 ms; -1, or max, is no limit.
  var quota: String {
    let file = path("cpu", "cpu.cfs_quota_us", "cpu.max")
    return Evidence.text(file).split { $0 == " " || $0 == "\n" }.first.map(String.init) ?? "-"
  }
  /// The group's name, from the instance's on.
  var name: String {
    let all = Proc.cgroups(pid).map(\.path).first { $0.contains("/podlab-") } ?? "-"
    return all.split(separator: "/").suffix(3).joined(separator: "/")
  }
}

/// Whether this user's containers are in groups of their own. Without, no limit holds, and nothing here may be tried.
func hasGroups(_ scene: Scene, _ pid: Int32) -> Bool { Proc.cgroups(pid).contains { $0.path.contains(scene.instance.cgroupRoot) } }

func withhold(_ scene: Scene, _ facts: [String]) throws {
  for fact in facts {
    try scene.withheld(
      fact, en: "the kernel lets an ordinary user make cgroups only where one is delegated to him (Delegate=yes of his systemd unit). Run the lab as root to see it.",
      zh: "只有把一个 cgroup 委派给普通用户（systemd 单元里的 Delegate=yes），内核才让他建立 cgroup。以 root 运行本实验即可看到。")
  }
}

let numbers = Step(
  Text(en: "A limit is a number in a file", zh: "限制就是文件里的一个数"),
  why: Text(
    en: "Each container has a cgroup of its own below the Pod's. cpu: 100m becomes 10000 µs in each 100000 µs, memory: 32Mi becomes 33554432 bytes. A request is no limit: the scheduler adds requests up, and for CPU it is the share when there is not enough.",
    zh: "在 Pod 的控制组（cgroup）之下，每个容器有自己的 cgroup。cpu: 100m 变成每 100000 微秒里的 10000 微秒，memory: 32Mi 变成 33554432 字节。请求不是限制：调度器把各个请求相加；CPU 不够用时，请求又是分配的比例。"),
  facts: [
    Fact("own-groups", en: "two containers, two groups, below one of the Pod", zh: "两个容器，两个 cgroup，都在 Pod 的 cgroup 之下"),
    Fact("limits-written", en: "the kernel's numbers are those of the manifest", zh: "内核里的数正是清单里写的"),
  ], standsAlone: true,
  cluster: #"""
    k apply -f pair.yaml
    k wait --for=condition=Ready pod/pair --timeout=120s
    check limits-written '33554432*' k exec pair -c small -- sh -c 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null'
    gone pair
    """#
) { scene in
  let manifest = scene.breaks("limits-written") ? pair.replacing("memory: 32Mi", with: "memory: 48Mi") : pair
  try scene.changes { try scene.apply(manifest, ready: "pair") }
  let (small, large) = (Group(pid: try scene.process("pair", "small")), Group(pid: try scene.process("pair", "large")))
  guard hasGroups(scene, small.pid) else {
    scene.show(event: "LimitsNotEnforced", try scene.events("LimitsNotEnforced").first?.shortened(90))
    let line = "/proc/\(small.pid)/cgroup: \(Proc.cgroups(small.pid).first?.path ?? "-")"
    scene.say(en: "\(line), the group of this shell", zh: "\(line)，就是这个 shell 所在的 cgroup")
    return try withhold(scene, ["own-groups", "limits-written"])
  }
  let other = scene.breaks("own-groups") ? small : large
  let parts = [small, other].map { $0.name.split(separator: "/") }
  scene.draw { language in
    Picture.tree([(0, String(parts[0][0])), (1, "\(parts[0][1].prefix(13))…   \(language == .en ? "the Pod" : "这个 Pod")")] + [small, other].map { (2, "\($0.name.split(separator: "/").last ?? "-")   pid \($0.pid)") })
  }
  try scene.check(
    "own-groups", small.name != other.name && parts[0][1] == parts[1][1], expected: Text(en: "two groups below one", zh: "同一个 cgroup 之下的两个 cgroup"),
    found: .data("\(small.name), \(other.name)"))
  let read = { (g: Group) in [g.quota, Evidence.text(g.memory).trimmed] }
  scene.table(
    [.data(""), Text(en: "limits in the manifest", zh: "清单里的限制"), Text(en: "µs of CPU in 100000", zh: "每 100000 µs 里的 CPU µs"), Text(en: "bytes of memory", zh: "内存字节数")],
    data: [["small", "cpu: 100m, memory: 32Mi"] + read(small), ["large", "cpu: 500m, memory: 128Mi"] + read(large)])
  let name = small.memory.split(separator: "/").last ?? "-"
  scene.say(en: "read from \(name) and its like", zh: "读自 \(name) 等文件")
  try scene.check("limits-written", equal: "10000 33554432 50000 134217728", (read(small) + read(large)).joined(separator: " "))
  try scene.remove("pair")
}

let quality = Step(
  Text(en: "QoS: who goes first when memory runs out", zh: "QoS：内存不够时先杀谁"),
  why: Text(
    en: "Nobody writes the class down: it follows from requests and limits. The kernel knows it as oom_score_adj, from -1000 (never kill) to 1000 (kill first).",
    zh: "QoS 类不用谁去写，由请求和限制推出来。在内核那里它变成 oom_score_adj，从 -1000（绝不杀）到 1000（先杀它）。"),
  facts: [
    Fact("three-classes", en: "Guaranteed, Burstable, BestEffort, by their numbers alone", zh: "Guaranteed、Burstable、BestEffort，只由数字决定"),
    Fact("kill-order", en: "the kernel would kill BestEffort first, Guaranteed last", zh: "内核会先杀 BestEffort，最后杀 Guaranteed"),
  ], standsAlone: true,
  cluster: #"""
    k apply -f classes.yaml
    k wait --for=condition=Ready pod/guaranteed pod/burstable pod/best-effort --timeout=120s
    check three-classes 'Guaranteed Burstable BestEffort' k get pod guaranteed burstable best-effort -o 'jsonpath={.items[*].status.qosClass}'
    gone guaranteed burstable best-effort
    """#
) { scene in
  var manifest = classes
  if scene.breaks("three-classes") { manifest = manifest.replacing("resources: {}", with: "resources: {requests: {cpu: 1m}}") }
  if scene.breaks("kill-order") { manifest = manifest.replacing("resources: {}", with: "resources: {limits: {cpu: 1m, memory: 16Mi}}") }
  try scene.podctl("apply", "-f", "-", input: manifest)
  let names = ["guaranteed", "burstable", "best-effort"]
  for name in names { try scene.podctl("wait", "--for=condition=Ready", "pod/\(name)", "--timeout=30s") }
  let rows = try names.map { name in
    let pid = try scene.process(name, "app")
    return [name, try scene.field(name, ".status.qosClass"), Evidence.text("/proc/\(pid)/oom_score_adj").trimmed]
  }
  let written = [Text(en: "limits: cpu, memory", zh: "limits：cpu、memory"), Text(en: "requests: memory", zh: "requests：memory"), Text(en: "nothing", zh: "什么也没写")]
  scene.table(
    [.data("Pod"), Text(en: "in the manifest", zh: "清单里"), .data("qosClass"), .data("oom_score_adj")],
    zip(rows, written).map { row, what in [.data(row[0]), what, .data(row[1]), .data(row[2])] })
  if rows[0][2] != "-997" {
    scene.say(
      en: "-997 would be Guaranteed's: to lower the value needs CAP_SYS_RESOURCE, which is not here", zh: "Guaranteed 本应是 -997：调低这个值需要 CAP_SYS_RESOURCE，这里没有")
  }
  let found = rows.map { $0[1] }.joined(separator: " ")
  if scene.breaks("three-classes") { try scene.check("three-classes", equal: "Guaranteed Burstable BestEffort", found) }
  let scores = rows.map { Int($0[2]) ?? 0 }
  try scene.check("kill-order", scores[0] < scores[1] && scores[1] < scores[2], expected: Text(en: "rising", zh: "递增"), found: .data("\(scores)"))
  try scene.check("three-classes", equal: "Guaranteed Burstable BestEffort", found)
  try scene.remove("guaranteed", "burstable", "best-effort")
}

let memory = Step(
  Text(en: "Too much memory: the kernel kills", zh: "内存超限：内核动手杀"),
  why: Text(
    en: "Memory cannot be taken away again, so a group that wants more than its limit loses a process to SIGKILL. The status says OOMKilled with 137 (128 + 9); the group's own counter says that it was the kernel.",
    zh: "内存给出去就收不回来，所以一个 cgroup 超出限制，其中就会有进程被 SIGKILL 杀死。状态里写着 OOMKilled 和 137（128 + 9）；这个 cgroup 自己的计数器说明，动手的是内核。"),
  facts: [
    Fact("oom-killed", en: "OOMKilled, exit code 137", zh: "OOMKilled，退出码 137"),
    Fact("kernel-counted", en: "the kernel counted a kill in this group", zh: "内核在这个 cgroup 里记下了一次 OOM 杀死"),
  ], standsAlone: true,
  cluster: #"""
    k apply -f hungry.yaml
    check oom-killed 'OOMKilled 137' k get pod hungry -o 'jsonpath={.status.containerStatuses[0].state.terminated.reason} {.status.containerStatuses[0].state.terminated.exitCode}'
    gone hungry
    """#
) { scene in
  try scene.apply(many, ready: "many")
  let keeper = Group(pid: try scene.process("many", "app"))
  guard hasGroups(scene, keeper.pid) else {
    try scene.remove("many")
    return try withhold(scene, ["oom-killed", "kernel-counted"])
  }
  // A child of the living container eats; its counter can be read before and after. v2 ends the whole container with it, and the Pod's group counts.
  let before = Evidence.number(keeper.kills, "oom_kill") ?? 0
  let file = keeper.kills
  let amount = scene.breaks("kernel-counted") ? "1000000" : "90000000"
  let eater = try scene.exec("many", "app", "tail -c \(amount) /dev/zero >/dev/null & p=$!; \(scene.breaks("kernel-counted") ? "sleep 0.2; kill $p; exit 0" : "wait $p")")
  let after = Evidence.number(file, "oom_kill") ?? 0
  scene.say(
    en: "limit \(64 << 20) bytes; a child asks for \(amount): exit code \(eater.code)", zh: "限制 \(64 << 20) 字节；子进程要 \(amount)：退出码 \(eater.code)")
  scene.show(data: "\(file.split(separator: "/").last ?? "-"): oom_kill \(before) -> \(after)")
  if !scene.breaks("oom-killed") { try scene.check("kernel-counted", after > before, expected: .data("oom_kill \(before + 1)"), found: .data("oom_kill \(after)")) }

  // Process 1 itself.
  try scene.podctl("apply", "-f", "-", input: scene.breaks("oom-killed") ? hungry.replacing("exec tail -c 90000000", with: "exec head -c 1000") : hungry)
  try scene.until("hungry has ended", "hungry 已结束") { ["Failed", "Succeeded"].contains(try scene.field("hungry", ".status.phase")) }
  let state = { (field: String) in try scene.field("hungry", ".status.containerStatuses[0].state.terminated.\(field)") }
  let found = "\(try state("reason")) \(try state("exitCode"))"
  scene.show(data: "hungry: \(found)   phase \(try scene.field("hungry", ".status.phase"))")
  try scene.check("oom-killed", equal: "OOMKilled 137", found)
  if scene.breaks("oom-killed") { try scene.check("kernel-counted", after > before, expected: .data("oom_kill \(before + 1)"), found: .data("oom_kill \(after)")) }
  try scene.remove("many", "hungry")
}

let cpu = Step(
  Text(en: "Too much CPU: the kernel makes it wait", zh: "CPU 超限：内核让它等"),
  why: Text(
    en: "CPU time can be held back, so nobody is killed: a group that has used up its quota stands still until the next period of 100 ms. A loop that would use a whole CPU gets 200m of it.",
    zh: "CPU 时间可以先扣着不给，所以不必杀谁：用完配额，就停到下一个 100 毫秒周期。一个本来会占满一个 CPU 的循环，只得到 200m。"),
  facts: [Fact("throttled", en: "it got a fifth of a CPU, and was held back in period after period", zh: "它只得到五分之一个 CPU，每个周期都被节流")], standsAlone: true
) { scene in
  try scene.apply(scene.breaks("throttled") ? busy.replacing("{limits: {cpu: 200m}}", with: "{}") : busy, ready: "busy")
  let group = Group(pid: try scene.process("busy", "app"))
  guard hasGroups(scene, group.pid) else {
    try scene.remove("busy")
    return try withhold(scene, ["throttled"])
  }
  // CPU time of the process itself, and how often its group was held back.
  let read = { (ProcessUsage.tree(group.pid).cpu, group.timesThrottled, Clock.monotonic) }
  let before = read()
  try scene.until("one second passes, in which it is measured", "测量一秒") { Clock.monotonic - before.2 > 1_000_000_000 }
  let after = read()
  let share = Int(Double(after.0 - before.0) / Double(after.2 - before.2) * 100)
  let bar = String(repeating: "█", count: min(50, share / 2)) + String(repeating: "░", count: max(0, 50 - share / 2))
  scene.show(
    Text(en: "\(bar) \(share) % of a CPU", zh: "\(bar) 一个 CPU 的 \(share) %"),
    .data("nr_throttled \(before.1) -> \(after.1)   ") + Text(en: "(cpu.stat of the container and of its Pod)", zh: "（容器和 Pod 的 cpu.stat）"))
  try scene.check(
    "throttled", share <= 30 && after.1 > before.1, expected: Text(en: "at most 30 %, held back", zh: "最多 30 %，被节流"),
    found: Text(en: "\(share) %, held back \(after.1 - before.1) times", zh: "\(share) %，被节流 \(after.1 - before.1) 次"))
  try scene.remove("busy")
}

let processes = Step(
  Text(en: "Too many processes: fork says no", zh: "进程过多：fork 被拒绝"),
  why: Text(
    en: "The number of processes is a resource too. It is no field of a Pod: the kubelet writes its podPidsLimit into the group of every Pod. Here the lab writes that file by hand, and a container tries to start more.",
    zh: "进程数也是一种资源。它不是 Pod 的字段：kubelet 把自己的 podPidsLimit 写进每个 Pod 的 cgroup。这里由实验直接写这个文件，再让容器多启动几个进程。"),
  facts: [Fact("fork-refused", en: "the sixth process is refused", zh: "第六个进程被拒绝")], standsAlone: true
) { scene in
  try scene.apply(many, ready: "many")
  let pid = try scene.process("many", "app")
  guard hasGroups(scene, pid), let file = Evidence.cgroupFile(pid, controller: "pids", v1: "pids.max", v2: "pids.max") else {
    try scene.remove("many")
    return try withhold(scene, ["fork-refused"])
  }
  if !scene.breaks("fork-refused") { try FileSystem.put(file, "5") }
  let said = try scene.exec("many", "app", "for i in 1 2 3 4 5 6 7 8; do sleep 5 >/dev/null 2>&1 & done; kill $(jobs -p)")
  let words = (said.text + said.errors).trimmed
  scene.show(data: "pids.max \(Evidence.text(file).trimmed)")
  scene.typed("app$ for i in 1 2 3 4 5 6 7 8; do sleep 5 & done", printed: words.split(separator: "\n").first { $0.contains("fork") }.map(String.init) ?? "")
  let found = words.isEmpty ? Text(en: "eight processes", zh: "八个进程") : .data(words)
  try scene.check("fork-refused", words.contains("fork"), expected: .data("can't fork"), found: found)
  try scene.remove("many")
}

let together = Step(
  Text(en: "All of a Pod fits, or none of it", zh: "要么整个 Pod 放得下，要么一个也不放"),
  why: Text(
    en: "The Pod is what is scheduled, not the container. Two containers ask for six tenths of the node's CPUs each: either would fit, both do not. Neither is started.",
    zh: "被调度的是 Pod，不是容器。两个容器各请求节点 CPU 的十分之六：单独放得下，合起来放不下。于是一个也不启动。"),
  facts: [Fact("all-or-none", en: "neither container was started, though each would fit", zh: "单独都放得下，两个容器却都没启动")], standsAlone: true
) { scene in
  let capacity = Int(try scene.podctl("get", "nodes", "-o", "jsonpath={.items[0].status.allocatable.cpu}")) ?? 1
  let ask = "{requests: {cpu: \(capacity * 600)m}}"
  let both = pod("both", [("one", sleeps, ask), ("two", sleeps, ask)])
  try scene.podctl("apply", "-f", "-", input: pod("alone", [("one", sleeps, ask)]))
  try scene.podctl("wait", "--for=condition=Ready", "pod/alone", "--timeout=30s")
  scene.say(en: "node: \(capacity) CPUs   each asks for \(capacity * 600)m", zh: "节点：\(capacity) 个 CPU   每个容器请求 \(capacity * 600)m")
  scene.show(data: "alone   \(try scene.field("alone", ".status.phase"))")
  try scene.remove("alone")
  try scene.podctl("apply", "-f", "-", input: scene.breaks("all-or-none") ? both.replacing(ask, with: "{}") : both)
  if scene.breaks("all-or-none") { try scene.podctl("wait", "--for=condition=Ready", "pod/both", "--timeout=30s") }
  else { try scene.until("the scheduler has judged", "调度器做出判断") { try !scene.field("both", ".status.conditions").isEmpty } }
  let (phase, running) = (try scene.field("both", ".status.phase"), try scene.processes("both").keys.filter { !$0.isEmpty }.count)
  let run = { (count: Int) in Text(en: "containers that run: \(count)", zh: "在运行的容器：\(count)") }
  scene.show(.data("both    \(phase)   ") + run(running), .data("  \(try scene.field("both", ".status.conditions[?(@.type==\"PodScheduled\")].message"))"))
  try scene.check("all-or-none", phase == "Pending" && running == 0, expected: .data("Pending, ") + run(0), found: .data("\(phase), ") + run(running))
  try scene.remove("both")
}

let sibling = Step(
  Text(en: "Break it: a sibling without limits", zh: "破坏：一个没有限制的同伴"),
  why: Text(
    en: "The Pod's own group is limited to the sum of its containers' limits, if all have one. A single container without opens it: the careful one is still held to its 32 MiB, and the Pod as a whole to nothing.",
    zh: "Pod 自己的 cgroup 以各容器限制之和为限，前提是每个容器都写了。只要有一个没写，口子就开了：守规矩的那个仍被限制在 32 MiB，而整个 Pod 没有任何限制。"),
  facts: [Fact("pod-unbounded", en: "one container without a limit, and the Pod has none", zh: "一个容器没有限制，整个 Pod 就没有限制")], standsAlone: true
) { scene in
  let closed = neighbours.replacing("resources: {}", with: "resources: {limits: {memory: 96Mi}}").replacing("name: neighbours", with: "name: limited")
  try scene.apply(closed, ready: "limited")
  try scene.apply(scene.breaks("pod-unbounded") ? closed.replacing("name: limited", with: "name: neighbours") : neighbours, ready: "neighbours")
  let pids = (try scene.process("limited", "careful"), try scene.process("neighbours", "careful"))
  guard hasGroups(scene, pids.0) else { return try withhold(scene, ["pod-unbounded"]) }
  let limit = { (pid: Int32) in Evidence.text(Evidence.cgroupFile(pid, controller: "memory", v1: "../memory.limit_in_bytes", v2: "../memory.max") ?? "-").trimmed }
  // v1 says "no limit" with the largest number of whole pages, v2 with max.
  let none = Text(en: "no limit", zh: "没有限制")
  let words = { (n: String) -> Text in n == "max" || n.utf8.count > 15 ? none : .data("\((Int(n) ?? 0) >> 20) MiB") }
  let (first, second) = (words(limit(pids.0)), words(limit(pids.1)))
  scene.table([.data(""), .data("careful"), Text(en: "the other", zh: "另一个"), Text(en: "the Pod's group", zh: "Pod 的 cgroup")], [
    [.data("limited"), words(Evidence.text(Group(pid: pids.0).memory).trimmed), .data("96 MiB"), first],
    [.data("neighbours"), words(Evidence.text(Group(pid: pids.1).memory).trimmed), none, second.map(Picture.emphasised)],
  ])
  try scene.check("pod-unbounded", first == .data("128 MiB") && second == none, expected: .data("128 MiB, ") + none, found: first + .data(", ") + second)
}

exit(
  LabProgram.run(
    Story(
      "10-resources", title: Text(en: "Requests and limits: cgroups", zh: "请求与限制：cgroup"),
      question: Text(
        en: "A manifest asks for 100m of CPU and 32Mi of memory. What are these numbers to the kernel, and what happens to the one who wants more?",
        zh: "清单里写着 100m CPU 和 32Mi 内存。这些数对内核意味着什么？想用得更多，又会怎样？"),
      manifests: [
        .init("pair.yaml", pair), .init("classes.yaml", classes), .init("hungry.yaml", hungry), .init("busy.yaml", busy), .init("neighbours.yaml", neighbours),
      ],
      steps: [numbers, quality, memory, cpu, processes, together, sibling])))
