// SPDX-License-Identifier: Apache-2.0
//
// Lab 03: a sidecar collects the log of an app that knows nothing of it. What the sidecar ships is counted line by line against what the app wrote:
// as an ordinary and as a native sidecar, through two kinds of rotation, and through its own death. Read the lesson beside this file first.
import Glibc
import Kernel
import LabKit

/// The numbers of the lines that the sidecar printed, in order.
func shipped(_ scene: Scene, _ pod: String) throws -> [Int] {
  var all: [Int] = []
  let now = try scene.podctl("logs", pod, "-c", "ship")
  let before = try scene.run(["podctl", "logs", pod, "-c", "ship", "-p"])
  for line in ((before.code == 0 ? before.text : "") + now).split(separator: "\n") { if let n = Int(line.dropFirst(5)) { all.append(n) } }
  return all
}

/// The number of the last line that the app has written.
func written(_ scene: Scene, _ pod: String) throws -> Int {
  let pid = try scene.process(pod, "app")
  var last = 0
  try scene.until("the app writes", "应用写入日志") {
    last = Evidence.lines("/proc/\(pid)/root/logs/app.log").last.flatMap { Int($0.dropFirst(5)) } ?? 0
    return last > 0
  }
  return last
}

/// What of the lines up to now the sidecar has not printed, and how many came more than once. Gives it two seconds to catch up.
func account(_ scene: Scene, _ pod: String) throws -> (written: Int, missing: [Int], twice: Int) {
  let n = try written(scene, pod)
  let end = Clock.monotonic + 2_000_000_000
  while true {
    let all = try shipped(scene, pod).filter { $0 <= n }
    let seen = Set(all)
    let missing = (1...n).filter { !seen.contains($0) }
    if missing.isEmpty || Clock.monotonic > end { return (n, missing, all.count - seen.count) }
    usleep(50_000)
  }
}

typealias Audit = (written: Int, missing: [Int], twice: Int)

func words(_ a: Audit) -> Text {
  Text(en: "written \(a.written), missing \(lost(a)), twice \(a.twice)", zh: "写了 \(a.written) 行，丢失 \(lost(a))，重复 \(a.twice)")
}

let allOnce = Text(en: "missing 0, twice 0", zh: "丢失 0，重复 0")

func lost(_ a: Audit) -> String { "\(a.missing.count)\(a.missing.isEmpty ? "" : " (\(a.missing.prefix(5).map(String.init).joined(separator: ", "))…)")" }

func show(_ scene: Scene, _ a: Audit, after head: String = "") {
  scene.show(.data(head) + words(a))
}

/// Lines that come while the sidecar stands still are cut off under it: the file is copied, then made empty.
func copyAndTruncate(_ scene: Scene, _ pod: String) throws {
  let sidecar = try scene.process(pod, "ship")
  _ = kill(sidecar, SIGSTOP)
  let from = try written(scene, pod)
  try scene.until("more lines are written", "写入更多行") { try written(scene, pod) > from + 4 }
  _ = try scene.exec(pod, "app", "cp /logs/app.log /logs/app.log.1; : >/logs/app.log")
  _ = kill(sidecar, SIGCONT)
}

func rename(_ scene: Scene, _ pod: String) throws { _ = try scene.exec(pod, "app", "mv /logs/app.log /logs/app.log.1") }

let oneFile = Step(
  Text(en: "One file, seen from two containers", zh: "两个容器看到同一个文件"),
  why: Text(
    en: "app writes its log into a volume; ship mounts the same volume and prints each line to its own standard output. Each has its own mounts; compare the file's device and inode. The app was not changed and does not know.",
    zh: "app 把日志写进一个卷；边车容器（sidecar）ship 挂载同一个卷，把每一行打印到自己的标准输出。两个容器各有自己的挂载；比较文件的设备号和 inode。应用没有任何改动，也毫不知情。"),
  facts: [
    Fact("own-mounts", en: "app and ship have mounts and process ids of their own", zh: "app 与 ship 各有自己的挂载命名空间和 PID 命名空间"),
    Fact("same-inode", en: "both see the same file: same device, same inode", zh: "两者看到同一个文件：设备号和 inode 都相同"),
    Fact("every-line", en: "every line reaches the sidecar's output, once", zh: "每一行都到达边车容器的输出，不多不少"),
  ],
  cluster: #"""
    k apply -f shop.yaml
    k wait --for=condition=Ready pod/shop --timeout=120s
    check same-inode "$(k exec shop -c app -- stat -c '%d %i' /logs/app.log)" k exec shop -c ship -- stat -c '%d %i' /logs/app.log
    # Each number once: as many lines as the last one says.
    counted() { sleep 1; k logs shop -c ship | awk '{n = $2} END {print n == NR ? "even" : n " of " NR}'; }
    check every-line even counted
    gone shop
    """#
) { scene in
  let late = ship.replacing("n=$(tail -n 1 $saved 2>/dev/null || echo 0)", with: "sleep 1; n=10")
  try scene.apply(pod(in: scene.folder, "shop", apart: scene.breaks("same-inode"), ship: scene.breaks("every-line") ? late : ship), ready: "shop")
  let a = try scene.process("shop", "app")
  let s = try scene.process("shop", "ship")
  _ = try written(scene, "shop")
  scene.compare([.data(""), .data("pid"), Text(en: "mount namespace", zh: "挂载命名空间"), Text(en: "PID namespace", zh: "PID 命名空间"), Text(en: "log file, device:inode", zh: "日志文件，设备号:inode")], data: [
    ["app", "\(a)", Evidence.namespace(a, "mnt"), Evidence.namespace(a, "pid"), Evidence.inode(a, "/logs/app.log")],
    ["ship", "\(s)", Evidence.namespace(s, "mnt"), Evidence.namespace(s, "pid"), Evidence.inode(s, "/logs/app.log")],
  ])
  let other = scene.breaks("own-mounts") ? a : s
  let both = { (pid: Int32) in "\(Evidence.namespace(pid, "mnt")) \(Evidence.namespace(pid, "pid"))" }
  let differs = ["mnt", "pid"].allSatisfy { Evidence.namespace(a, $0) != Evidence.namespace(other, $0) }
  try scene.check("own-mounts", differs, expected: .data("≠ \(both(a))"), found: .data(both(other)))
  try scene.check("same-inode", equal: Evidence.inode(a, "/logs/app.log"), Evidence.inode(s, "/logs/app.log"))
  try scene.until("some lines are written", "写入若干行") { try written(scene, "shop") > 15 }
  let result = try account(scene, "shop")
  show(scene, result)
  try scene.check("every-line", result.missing.isEmpty && result.twice == 0, expected: allOnce, found: words(result))
}

let native = Step(
  Text(en: "Native sidecars: first to start, last to stop", zh: "原生边车容器：最先启动，最后停止"),
  why: Text(
    en: "As an init container with restartPolicy: Always the sidecar is running before the app starts, and is stopped only after the app has ended: it sees the first line and the last. Of several, the one that is written first starts first and stops last.",
    zh: "边车容器写成 restartPolicy: Always 的 Init 容器，就会在应用启动之前运行起来，在应用结束之后才停止：第一行和最后一行它都看得到。有多个时，写在最前面的最先启动，最后停止。"),
  facts: [
    Fact("sidecar-first", en: "ship was started before guard, guard before app", zh: "ship 先于 guard 启动，guard 先于 app"),
    Fact("sidecar-last", en: "app ended first, then the sidecars, in reverse", zh: "app 最先结束，然后是边车容器，顺序相反"),
  ], standsAlone: true,
  cluster: #"""
    k apply -f native.yaml
    k wait --for=condition=Ready pod/native --timeout=120s
    first=$(k get pod native -o 'jsonpath={.status.initContainerStatuses[0].state.running.startedAt}')
    then=$(k get pod native -o 'jsonpath={.status.containerStatuses[0].state.running.startedAt}')
    first sidecar-first "$first" sh -c "printf '%s\n' $first $then | sort | head -n 1"
    gone native
    """#
) { scene in
  let isNative = !scene.breaks("sidecar-first") && !scene.breaks("sidecar-last")
  try scene.apply(pod(in: scene.folder, "native", native: isNative), ready: "native")
  let order = ["ship", "guard", "app"]
  let pids = try scene.processes("native")
  let starts = order.map { name in pids[name].map(Evidence.startTime) ?? 0 }
  scene.typed("$ podctl get pod native", printed: try scene.podctl("get", "pod", "native"))
  try scene.podctl("delete", "pod", "native")
  let ends = Evidence.lines("\(scene.folder)/native/ends").map { $0.split(separator: " ").map(String.init) }
  let end = { (name: String) in ends.first { $0.first == name }?.last ?? "-" }
  scene.table([.data(""), .data("pid"), Text(en: "started at tick", zh: "启动时刻（时钟滴答）"), Text(en: "ended, s since boot", zh: "结束时刻（开机后秒数）")], data: zip(order, starts).map { name, start in
    [name, pids[name].map(String.init) ?? "-", "\(start)", end(name)]
  })
  let isFirst = starts == starts.sorted() && starts[0] > 0 && pids["ship"] ?? 0 < pids["app"] ?? 0
  let check = { try scene.check("sidecar-first", isFirst, expected: .data("ship, guard, app"), found: .data(zip(order, starts).map { "\($0) \($1)" }.joined(separator: ", "))) }
  if !scene.breaks("sidecar-last") { try check() }
  try scene.check("sidecar-last", equal: "app, guard, ship", ends.compactMap(\.first).joined(separator: ", "))
  if scene.breaks("sidecar-last") { try check() }
}

let rotation = Step(
  Text(en: "Rotation: rename loses nothing, copytruncate does", zh: "日志轮转：重命名不丢行，copytruncate 会丢"),
  why: Text(
    en: "Renamed, the old file keeps its inode, and the sidecar reads it to its end before it opens the new one. Copied and truncated, lines that were not read yet are cut off under the sidecar: it is stopped for a moment here, so that the race is lost for certain.",
    zh: "重命名之后，旧文件的 inode 不变，边车容器读完它再打开新文件。先复制再清空（copytruncate），还没读走的行就被截掉了。丢不丢本来要看谁快；这里让边车容器暂停片刻，所以必定会丢。"),
  facts: [
    Fact("rename-loses-none", en: "after a rename no line is missing, none came twice", zh: "重命名轮转之后，没有丢行，也没有重复"),
    Fact("copytruncate-loses", en: "after copytruncate lines are missing", zh: "copytruncate 之后有行丢失"),
  ]
) { scene in
  if scene.breaks("rename-loses-none") { try copyAndTruncate(scene, "shop") } else { try rename(scene, "shop") }
  let from = try written(scene, "shop")
  try scene.until("lines follow the rotation", "轮转之后又有新行") { try written(scene, "shop") > from + 5 }
  let renamed = try account(scene, "shop")
  show(scene, renamed, after: "rename         ")
  try scene.check("rename-loses-none", renamed.missing.isEmpty && renamed.twice == 0, expected: allOnce, found: words(renamed))

  try scene.apply(pod(in: scene.folder, "copy"), ready: "copy")
  try scene.until("some lines are written", "写入若干行") { try written(scene, "copy") > 5 }
  if scene.breaks("copytruncate-loses") { try rename(scene, "copy") } else { try copyAndTruncate(scene, "copy") }
  let cut = try account(scene, "copy")
  show(scene, cut, after: "copytruncate   ")
  try scene.check("copytruncate-loses", !cut.missing.isEmpty, expected: Text(en: "missing lines", zh: "有行丢失"), found: words(cut))
}

let death = Step(
  Text(en: "Break it: kill the sidecar", zh: "破坏：杀死边车容器"),
  why: Text(
    en: "The sidecar is killed with SIGKILL. The app does not notice: it is another process, in another container. The sidecar is restarted and goes on where it had come to, for it keeps that in the volume; at most a line that it had printed but not yet noted comes twice.",
    zh: "用 SIGKILL 杀死边车容器。应用毫无察觉：它是另一个容器里的另一个进程。边车容器重启后，从上次读到的地方继续，因为进度保存在卷里；已打印但还没记下进度的那一行可能会重复一次。"),
  facts: [
    Fact("app-unaware", en: "the app is the same process, never restarted", zh: "应用还是同一个进程，没有重启过"),
    Fact("none-lost", en: "after the restart no line is missing", zh: "重启之后没有丢失任何一行"),
  ]
) { scene in
  let a = try scene.process("shop", "app")
  let s = try scene.process("shop", "ship")
  let victim = scene.breaks("app-unaware") ? a : s
  if scene.breaks("none-lost") {
    // The note of how far it came is spoilt at the moment of its death.
    _ = kill(s, SIGSTOP)
    _ = try scene.exec("shop", "app", "echo 100000 >/logs/.shipped")
  }
  _ = kill(victim, SIGKILL)
  scene.show(data: "$ kill -9 \(victim)")
  try scene.until("the killed container runs again", "被杀的容器重新运行") {
    let now = try scene.processes("shop")
    guard let x = now["app"], let y = now["ship"] else { return false }
    return x != victim && y != victim
  }
  let restarts = try scene.status("shop", "app", "restartCount")
  let now = try scene.process("shop", "app")
  scene.show(data: "app   pid \(a) -> \(now)  restartCount \(restarts)", "ship  pid \(s) -> \(try scene.process("shop", "ship"))")
  try scene.check("app-unaware", now == a && restarts == "0", expected: .data("pid \(a), restartCount 0"), found: .data("pid \(now), restartCount \(restarts)"))
  let from = try written(scene, "shop")
  try scene.until("lines follow the restart", "重启之后又有新行") { try written(scene, "shop") > from + 5 }
  let result = try account(scene, "shop")
  show(scene, result)
  try scene.check("none-lost", result.missing.isEmpty && result.twice <= 1, expected: Text(en: "missing 0, at most 1 twice", zh: "丢失 0，最多重复 1"), found: words(result))
}

let network = Step(
  Text(en: "A real log daemon, over the network", zh: "真正的日志守护进程，经由网络"),
  why: Text(
    en: "The same app, another sidecar: rsyslog from Debian. Its module imfile follows the file, also past a rename, and omfwd forwards each line over TCP to a collector in another Pod. The app does not know the difference.",
    zh: "应用不变，换一个边车容器：Debian 的 rsyslog。它的 imfile 模块跟踪文件，改名也跟得上；omfwd 把每一行经 TCP 转发给另一个 Pod 里的收集端。在应用看来没有任何区别。"),
  facts: [
    Fact("reaches-collector", en: "the lines reach the collector in the other Pod", zh: "日志行到达另一个 Pod 里的收集端"),
    Fact("daemon-loses-none", en: "through a rename none is missing, none came twice", zh: "经过一次重命名轮转，不丢也不重"),
  ], standsAlone: true
) { scene in
  try scene.podctl("apply", "-f", "-", input: collector)
  try scene.until("the collector listens (its image is built at the first use)", "收集端开始监听（首次使用时构建镜像）", imagesOf: "collector") {
    try scene.field("collector", ".status.containerStatuses[0].ready") == "true"
  }
  let address = try scene.field("collector", ".status.podIP")
  try scene.podctl("apply", "-f", "-", input: daemon(in: scene.folder, collector: address, port: scene.breaks("reaches-collector") ? 515 : 514))
  try scene.until("app and rsyslog run", "app 与 rsyslog 都在运行") { try scene.processes("daemon").count == 3 }
  // What the collector printed: … shop: line N.
  let numbers = {
    try scene.podctl("logs", "collector").split(separator: "\n").compactMap { line in line.split(separator: " ").last.flatMap { Int($0) } }
  }
  let begin = Clock.monotonic
  try scene.until("lines arrive", "日志行到达") {
    if scene.breaks("reaches-collector"), Clock.monotonic - begin > 2_000_000_000 { return true }
    return try numbers().count > 10
  }
  let (arrived, sent) = (try numbers().count, try written(scene, "daemon"))
  scene.table([Text(en: "container", zh: "容器"), Text(en: "writes to", zh: "写往"), Text(en: "lines", zh: "行数")], data: [
    ["daemon: app", "/logs/app.log", "\(sent)"], ["daemon: ship", "tcp \(address):514", ""], ["collector: rsyslog", "stdout", "\(arrived)"],
  ])
  try scene.check("reaches-collector", try numbers().count > 10, expected: Text(en: "more than 10 lines", zh: "超过 10 行"), found: .data("\(try numbers().count)"))
  if scene.breaks("daemon-loses-none") { _ = try scene.exec("daemon", "app", "echo line 1 >>/logs/app.log") } else { try rename(scene, "daemon") }
  let from = try written(scene, "daemon")
  try scene.until("lines follow the rotation", "轮转之后又有新行") { try (numbers().last ?? 0) > from + 5 }
  let all = try numbers()
  let last = all.max() ?? 0
  let missing = Set(1...max(1, last)).subtracting(all).sorted()
  let audit = (written: last, missing: missing, twice: all.count - Set(all).count)
  show(scene, audit, after: "rename         ")
  try scene.check("daemon-loses-none", missing.isEmpty && audit.twice == 0, expected: allOnce, found: words(audit))
}

exit(
  LabProgram.run(
    Story(
      "03-sidecar", title: Text(en: "An auxiliary container collects the logs", zh: "用辅助容器收集日志"),
      question: Text(
        en: "An app writes its log to a file. How do the lines get out of the container, without a change to the app, and what can be lost on the way?",
        zh: "应用把日志写在文件里。不改应用，怎样把日志一行行地送出容器？途中又可能丢失什么？"),
      manifests: [.init("shop.yaml", pod(in: "/tmp/podlab-03", "shop")), .init("native.yaml", pod(in: "/tmp/podlab-03", "native", native: true))],
      steps: [oneFile, native, rotation, death, network])))
