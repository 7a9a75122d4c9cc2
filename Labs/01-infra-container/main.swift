// SPDX-License-Identifier: Apache-2.0
//
// Lab 01: a Pod is only a logical concept. In the kernel there is an infra process that holds namespaces, and containers that join them. Every number
// below is read from /proc. Read the lesson beside this file first.
import Glibc
import Kernel
import LabKit

/// Two containers in one Pod: `web` answers on port 8080, `client` does nothing.
func pod(_ name: String, _ containers: [String], sharesProcesses: Bool = false) -> String {
  let programs = [
    "web": "mkdir -p /www; echo hello from web >/www/index.html; exec httpd -f -p 8080 -h /www",
    "client": "(sleep 0.2 &) ; exec sleep 3600",
  ]
  return """
    apiVersion: v1
    kind: Pod
    metadata: {name: \(name)}
    spec:
      shareProcessNamespace: \(sharesProcesses)
      terminationGracePeriodSeconds: 0
      containers:

    """ + containers.map { "  - {name: \($0), image: busybox, imagePullPolicy: IfNotPresent, command: [sh, -c, \"\(programs[$0] ?? "")\"]}\n" }.joined()
}

/// The facts of the first steps fail when the two containers are in two Pods.
let sameFacts: Set<String> = ["infra-first", "same-net", "same-ipc", "same-uts", "localhost", "one-port-space"]

/// Process ids of infra, web and client.
func processes(_ scene: Scene) throws -> (infra: Int32, web: Int32, client: Int32) {
  let all = try scene.processes("pair")
  // Broken on purpose: the client is in a Pod of its own.
  let other = sameFacts.contains(where: scene.breaks) ? try scene.processes("single") : all
  guard let infra = other[""], let web = all["web"], let client = other["client"] else { throw LabFailure.step(Text(en: "a container of the pod does not run", zh: "Pod 里有容器没有在运行")) }
  return (infra, web, client)
}

let first = Step(
  Text(en: "infra comes first and does nothing", zh: "Infra 容器最先创建，什么也不做"),
  why: Text(
    en: "A Pod with two containers is applied. Before either of them, a third process is made: infra, the program `pause`. It sleeps for ever; its only work is to hold the namespaces.",
    zh: "提交一个有两个容器的 Pod。在它们之前，先创建了第三个容器：Infra 容器，程序名叫 pause。它一直睡眠，唯一的工作是占住命名空间。"),
  facts: [
    Fact("infra-first", en: "infra was started before the containers", zh: "Infra 容器先于用户容器启动"),
    Fact("infra-sleeps", en: "infra is the program pause, and it sleeps", zh: "Infra 容器的程序是 pause，处于睡眠状态"),
  ],
  cluster: #"""
    k apply -f pair.yaml
    k wait --for=condition=Ready pod/pair --timeout=120s
    """#
) { scene in
  if sameFacts.contains(where: scene.breaks) {
    try scene.apply(pod("pair", ["web"]), ready: "pair")
    try scene.until("a clock tick passes", "时钟走过一拍") { usleep(20_000); return true }
    try scene.apply(pod("single", ["client"]), ready: "single")
  } else {
    try scene.changes { try scene.apply(pod("pair", ["web", "client"]), ready: "pair") }
  }
  let p = try processes(scene)
  try scene.until("the shell in client has become sleep", "client 里的 shell 变成 sleep") { Evidence.command(p.client).hasPrefix("sleep ") }
  let rows = [("infra", p.infra), ("web", p.web), ("client", p.client)].map { name, pid in
    [name, "\(pid)", "\(Evidence.startTime(pid))", Evidence.state(pid), Evidence.command(pid).shortened(34)]
  }
  let heads = [.data(""), .data("pid"), Text(en: "started at tick", zh: "启动时刻（时钟滴答）"), Text(en: "state", zh: "状态"), Text(en: "command", zh: "命令")]
  scene.table(heads, data: rows)
  let starts = [p.infra, p.web, p.client].map(Evidence.startTime)
  try scene.check("infra-first", starts[0] <= starts[1] && starts[0] <= starts[2] && p.infra < p.web, expected: Text(en: "infra before web", zh: "Infra 容器先于 web"), found: Text(en: "ticks \(starts)", zh: "时钟滴答 \(starts)"))
  let sleeper = scene.breaks("infra-sleeps") ? p.web : p.infra
  let program = Proc.executable(sleeper)?.split(separator: "/").last.map(String.init) ?? "-"
  try scene.check("infra-sleeps", program == "pause" && Proc.stat(sleeper)?.state == "S", expected: Text(en: "pause, state S", zh: "pause，状态 S"), found: .data("\(program), \(Evidence.state(sleeper))"))
}

let joined = Step(
  Text(en: "The containers join infra's namespaces", zh: "用户容器加入 Infra 容器的命名空间"),
  why: Text(
    en: "/proc/PID/ns has an inode for each namespace of a process. Equal inodes: the same namespace. Network, IPC and UTS are shared; mounts and process ids are each container's own.",
    zh: "/proc/PID/ns 里，进程的每个命名空间都有一个 inode。inode 相同就是同一个命名空间。网络、IPC、UTS 共享；挂载和进程号归各个容器自己。"),
  facts: [
    Fact("same-net", en: "one network namespace", zh: "同一个网络命名空间"), Fact("same-ipc", en: "one IPC namespace", zh: "同一个 IPC 命名空间"),
    Fact("same-uts", en: "one UTS namespace (hostname)", zh: "同一个 UTS 命名空间（主机名）"),
    Fact("own-mnt", en: "each container has mounts of its own", zh: "每个容器有自己的挂载命名空间"),
    Fact("own-pid", en: "each container has process ids of its own", zh: "每个容器有自己的 PID 命名空间"),
  ],
  cluster: #"""
    inode() { k exec pair -c "$1" -- readlink "/proc/self/ns/$2" | tr -dc 0-9; }
    check same-net "$(inode web net)" inode client net
    check same-ipc "$(inode web ipc)" inode client ipc
    check same-uts "$(inode web uts)" inode client uts
    """#
) { scene in
  let p = try processes(scene)
  let number = { (pid: Int32, kind: String) in String(Evidence.namespace(pid, kind).filter(\.isNumber)) }
  let all = [("infra", p.infra), ("web", p.web), ("client", p.client)]
  let kinds = ["net", "ipc", "uts", "mnt", "pid"]
  scene.compare((["/proc/PID/ns"] + kinds).map(Text.data), data: all.map { name, pid in [name] + kinds.map { number(pid, $0) } })
  let boxes = all.map { name, pid in Picture.box(name, ["pid \(pid)", "mnt \(number(pid, "mnt"))", "pid \(number(pid, "pid"))"]) }
  scene.show(data: Picture.box("net \(number(p.infra, "net"))  ipc \(number(p.infra, "ipc"))  uts \(number(p.infra, "uts"))", Picture.beside(boxes)))
  for kind in ["net", "ipc", "uts"] {
    let found = all.map { Evidence.namespace($0.1, kind) }
    try scene.check("same-\(kind)", Set(found).count == 1, expected: .data(found[0]), found: .data(found.joined(separator: " ")))
  }
  var other = p.client
  if scene.breaks("own-mnt") { other = p.web }
  try scene.check("own-mnt", differ: Evidence.namespace(p.web, "mnt"), Evidence.namespace(other, "mnt"))
  var (a, b) = (p.web, p.client)
  if scene.breaks("own-pid") {
    try scene.apply(pod("family", ["web", "client"], sharesProcesses: true), ready: "family")
    (a, b) = (try scene.process("family", "web"), try scene.process("family", "client"))
  }
  try scene.check("own-pid", differ: Evidence.namespace(a, "pid"), Evidence.namespace(b, "pid"))
}

let network = Step(
  Text(en: "localhost is the other container", zh: "localhost 就是另一个容器"),
  why: Text(
    en: "One network namespace means one loopback, one address and one set of ports. What listens in `web` answers `client` on localhost, and a port that one has taken is taken for all.",
    zh: "同一个网络命名空间意味着同一个回环接口、同一个地址、同一套端口。web 里监听的服务，client 用 localhost 就能访问；一个容器占用了的端口，别的容器不能再用。"),
  facts: [
    Fact("localhost", en: "client reaches web on localhost", zh: "client 通过 localhost 访问到 web"),
    Fact("one-port-space", en: "a second bind to port 8080 fails: address in use", zh: "再次绑定 8080 端口失败：地址已被占用"),
  ],
  cluster: #"""
    check localhost 'hello from web' k exec pair -c client -- wget -qO- http://localhost:8080/
    check one-port-space '*in use*' k exec pair -c client -- sh -c 'timeout 1 httpd -f -p 8080 2>&1; true'
    """#
) { scene in
  let home = sameFacts.contains(where: scene.breaks) ? "single" : "pair"
  let server = try scene.process("pair", "web")
  // 1F90 is 8080, 0A is LISTEN: the server's own view of its sockets.
  try scene.until("web listens", "web 开始监听") { Evidence.text("/proc/\(server)/net/tcp6").contains(":1F90 ") || Evidence.text("/proc/\(server)/net/tcp").contains(":1F90 ") }
  let get = try scene.exec(home, "client", "wget -qO- http://localhost:8080/ 2>&1")
  scene.typed("client$ wget -qO- http://localhost:8080/", printed: String(get.text.prefix(60)))
  try scene.check("localhost", get.text.contains("hello from web"), expected: .data("hello from web"), found: .data(String(get.text.prefix(60))))
  let bind = try scene.exec(home, "client", "timeout 1 httpd -f -p 8080 2>&1")
  scene.typed("client$ httpd -f -p 8080", printed: String(bind.text.prefix(70)))
  let found = bind.text.isEmpty ? Text(en: "the port was free", zh: "端口是空闲的") : .data(bind.text)
  try scene.check("one-port-space", bind.text.contains("in use"), expected: .data("Address already in use"), found: found)
}

let survives = Step(
  Text(en: "A container dies, the network stays", zh: "容器死了，网络还在"),
  why: Text(
    en: "web is killed. The supervisor starts it again, and it joins the same namespaces: infra kept them. The Pod's address has the life of infra, not that of any container.",
    zh: "杀死 web。监管进程会重新启动它，它加入的还是原来的命名空间，因为 Infra 容器一直占着。Pod 的 IP 与 Infra 容器的生命周期一致，与用户容器无关。"),
  facts: [
    Fact("restarted", en: "web is another process now", zh: "web 已经是另一个进程"),
    Fact("net-stays", en: "same network namespace, same address", zh: "网络命名空间和 IP 都没有变"),
  ]
) { scene in
  let all = try scene.processes("pair")
  guard let old = all["web"] else { return }
  let before = (Evidence.namespace(old, "net"), try scene.field("pair", ".status.podIP"))
  scene.say(en: "before  pid \(old)  \(before.0)  \(before.1)", zh: "之前  pid \(old)  \(before.0)  \(before.1)")
  let victim = scene.breaks("net-stays") ? all[""] ?? old : old
  if !scene.breaks("restarted") {
    _ = kill(victim, SIGKILL)
    try scene.until("web runs again", "web 重新运行") { try scene.processes("pair")["web"].map { $0 != old } ?? false }
    try scene.podctl("wait", "--for=condition=Ready", "pod/pair", "--timeout=40s")
  }
  let new = try scene.process("pair", "web")
  let after = (Evidence.namespace(new, "net"), try scene.field("pair", ".status.podIP"))
  scene.say(en: "after   pid \(new)  \(after.0)  \(after.1)", zh: "之后  pid \(new)  \(after.0)  \(after.1)")
  try scene.check("restarted", differ: "pid \(old)", "pid \(new)")
  try scene.check("net-stays", equal: "\(before.0) \(before.1)", "\(after.0) \(after.1)")
}

let nothing = Step(
  Text(en: "There is no Pod in the kernel", zh: "内核里没有 Pod"),
  why: Text(
    en: "Walk over all of /proc and ask every process for its network namespace. Those in the Pod's are infra, the containers, and nothing else: that set is all that a Pod is.",
    zh: "遍历整个 /proc，看每个进程在哪个网络命名空间里。处在 Pod 的网络命名空间里的只有 Infra 容器和用户容器，再无其他：Pod 就是这样一个集合。"),
  facts: [Fact("only-members", en: "the Pod is its processes, and only those", zh: "Pod 就是这些进程，也只有这些进程")]
) { scene in
  let infra = try scene.process("pair", "")
  if scene.breaks("only-members") {
    // A stranger joins, with one call: setns.
    let fd = try Pidfd.open(infra)
    var plan = SpawnPlan(.paths(["/bin/busybox"]), ["busybox", "sleep", "3600"])
    plan.joins = [(fd.raw, [.network])]
    let stranger = try plan.spawn()
    let (pid, handle) = (stranger.pid, stranger.release())
    scene.atEnd {
      _ = kill(pid, SIGKILL)
      _ = optional { () throws(SysError) in try ExitStatus.collect(pidfd: handle, wait: true) }
    }
  }
  let net = Evidence.namespace(infra, "net")
  // `timeout` of the step before keeps a watcher for its second.
  try scene.until("what was run in client has ended", "在 client 里运行的程序结束") { !Evidence.members("net", net).contains { Evidence.command($0).hasPrefix("timeout ") } }
  let found = Evidence.members("net", net)
  for pid in found { scene.show(data: "\(net)  pid \(pid)  \(Evidence.command(pid).prefix(50))") }
  let known = Set(try scene.processes("pair").values)
  let strangers = found.filter { !known.contains($0) && !descends($0, from: known) }
  try scene.check("only-members", strangers.isEmpty && known.isSubset(of: Set(found)), expected: Text(en: "infra and its containers", zh: "Infra 容器和用户容器"), found: Text(en: "also \(strangers)", zh: "还有 \(strangers)"))
}

/// Whether a process is a child of one of these, or of their children.
func descends(_ pid: Int32, from known: Set<Int32>) -> Bool {
  var at = pid
  while let s = Proc.stat(at), s.parent > 1 {
    if known.contains(s.parent) { return true }
    at = s.parent
  }
  return false
}

let shared = Step(
  Text(en: "shareProcessNamespace: infra is process 1", zh: "shareProcessNamespace：Infra 容器成为 1 号进程"),
  why: Text(
    en: "With shareProcessNamespace: true the containers also join infra's process namespace. infra is process 1 there, and does the one duty of a process 1: it reaps orphans, so that no zombie stays.",
    zh: "写上 shareProcessNamespace: true，容器还会加入 Infra 容器的 PID 命名空间。Infra 容器在里面是 1 号进程，尽 1 号进程的本分：回收孤儿进程，不留僵尸进程。"),
  facts: [
    Fact("infra-is-1", en: "process 1 is pause", zh: "1 号进程是 pause"),
    Fact("zombie-reaped", en: "an orphan that ends is reaped", zh: "孤儿进程结束后被回收"),
  ], standsAlone: true,
  cluster: #"""
    k apply -f team.yaml
    k wait --for=condition=Ready pod/team --timeout=120s
    check infra-is-1 pause k exec team -c client -- cat /proc/1/comm
    check zombie-reaped 0 k exec team -c client -- sh -c "grep -l '^State:.*Z' /proc/[0-9]*/status 2>/dev/null | wc -l"
    """#
) { scene in
  let shares = !scene.breaks("infra-is-1")
  try scene.apply(pod("team", ["client"], sharesProcesses: shares), ready: "team")
  let one = try scene.exec("team", "client", "cat /proc/1/comm").text.replacing("\n", with: "")
  scene.typed("client$ cat /proc/1/comm", printed: one)
  try scene.check("infra-is-1", equal: "pause", one)
  var target = "team"
  if scene.breaks("zombie-reaped") {
    try scene.apply(pod("lonely", ["client"]), ready: "lonely")
    target = "lonely"
  }
  usleep(400_000)  // the orphan of `client` sleeps for a fifth of a second
  let zombies = try scene.exec(target, "client", "grep -l '^State:.*Z' /proc/[0-9]*/status 2>/dev/null | wc -l").text.replacing("\n", with: "")
  scene.typed("client$ grep -l '^State:.*Z' /proc/[0-9]*/status | wc -l", printed: zombies)
  try scene.check("zombie-reaped", equal: "0", zombies)
}

let broken = Step(
  Text(en: "Break it: kill infra", zh: "破坏：杀死 Infra 容器"),
  why: Text(
    en: "infra is killed. Without it there is no sandbox: the supervisor, like the kubelet, makes a new one, with new namespaces, and restarts every container in it.",
    zh: "杀死 Infra 容器。没有它就没有沙箱：监管进程和 kubelet 一样，新建沙箱和命名空间，再在里面重启每个容器。"),
  facts: [
    Fact("new-sandbox", en: "a new network namespace", zh: "新的网络命名空间"),
    Fact("all-restarted", en: "every container was restarted", zh: "每个容器都被重启"),
  ]
) { scene in
  let all = try scene.processes("pair")
  guard let infra = all[""] else { return }
  let net = Evidence.namespace(infra, "net")
  let count = { () throws -> [Int] in try ["web", "client"].map { Int(try scene.status("pair", $0, "restartCount")) ?? 0 } }
  let before = sameFacts.contains(where: scene.breaks) ? [0, 0] : try count()
  let isBroken = scene.breaks("new-sandbox") || scene.breaks("all-restarted")
  let victim = isBroken ? all["web"] ?? infra : infra
  scene.show(data: "$ kill -9 \(victim)   \(net)")
  _ = kill(victim, SIGKILL)
  try scene.until("web runs again", "web 重新运行", seconds: 40) { try scene.processes("pair")["web"].map { $0 != all["web"] && Evidence.namespace($0, "net") != "-" } ?? false }
  try scene.podctl("wait", "--for=condition=Ready", "pod/pair", "--timeout=60s")
  let now = Evidence.namespace(try scene.process("pair", "web"), "net")
  let after = try count()
  scene.say(en: "now     \(now)   restartCount \(before) -> \(after)", zh: "现在    \(now)   restartCount \(before) -> \(after)")
  if !scene.breaks("all-restarted") { try scene.check("new-sandbox", differ: net, now) }
  try scene.check("all-restarted", after == before.map { $0 + 1 }, expected: .data("\(before.map { $0 + 1 })"), found: .data("\(after)"))
  if scene.breaks("all-restarted") { try scene.check("new-sandbox", differ: net, now) }
}

exit(
  LabProgram.run(
    Story(
      "01-infra-container", title: Text(en: "A Pod is only a logical concept", zh: "Pod 只是一个逻辑概念"),
      question: Text(
        en: "Containers of a Pod share their network. But the kernel knows no Pods: who holds what they share, and what is left when a container dies?",
        zh: "Pod 里的容器共享网络。可是内核并不认识 Pod：共享的东西由谁持有？其中一个容器死了，还剩下什么？"),
      manifests: [.init("pair.yaml", pod("pair", ["web", "client"])), .init("team.yaml", pod("team", ["client"], sharesProcesses: true))],
      steps: [first, joined, network, survives, nothing, shared, broken])))
