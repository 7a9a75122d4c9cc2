// SPDX-License-Identifier: Apache-2.0
//
// Lab 00: programs of a system do not run alone. A logging service of three cooperating processes is started as one process group, then taken apart
// into isolated containers: what they shared without saying is gone. Read the lesson beside this file first.
import Glibc
import Kernel
import LabKit

/// busybox plays two parts: the server that hands out the log, and a reader that fills it.
let busybox = "/bin/busybox"
/// This program: LogSocket.swift has the third part.
let own = optional { () throws(SysError) in try FileSystem.readlink("/proc/self/exe") } ?? CommandLine.arguments[0]
if let code = LogSocket.run(CommandLine.arguments) { exit(code) }

let port = 20_000 + Int(getpid()) % 20_000

/// The three programs; all write to and read from one folder.
func programs(_ folder: String) -> [(name: String, words: [String])] {
  [
    ("server", [busybox, "httpd", "-f", "-p", "127.0.0.1:\(port)", "-h", folder]),
    ("kernel-reader", [busybox, "sh", "-c", "while :; do echo kernel >>\(folder)/log; sleep 1; done"]),
    ("socket-reader", [own, "listen", folder]),
  ]
}

/// All three in the background of one shell: one session, one process group. apart: each in a session of its own. stop ends what is left of it.
func startService(_ scene: Scene, apart: Bool) throws -> (members: [Int32], stop: () -> Void) {
  let quoted = { (words: [String]) in words.map { "'\($0)'" }.joined(separator: " ") }
  let script = programs(scene.folder).map { (apart ? "\(busybox) setsid " : "") + quoted($0.words) + " &" }.joined(separator: "\n")
  var plan = SpawnPlan(.paths([busybox]), ["busybox", "sh", "-c", "\(script)\nwait"], environment: ["PATH=/bin:/usr/bin"])
  plan.steps = [
    .init(.newSession, for: "starting a session"), .init(.open("/dev/null", flags: O_RDWR, as: 0)), .init(.duplicate(from: 0, to: 1)),
    .init(.duplicate(from: 0, to: 2)), .init(.closeFrom(3, atExec: true)),
  ]
  let shell = try plan.spawn()
  let leader = shell.pid
  let pidfd = shell.release()
  let known = Members()
  let stop = {
    guard !known.isOver else { return }
    known.isOver = true
    for p in known.list { p.signal(SIGKILL) }
    _ = kill(leader, SIGKILL)
    _ = optional { () throws(SysError) in try ExitStatus.collect(pidfd: pidfd, wait: true) }
    _ = close(pidfd)
  }
  scene.atEnd(stop)
  try scene.until("the three programs run", "三个程序都在运行") {
    known.list = Proc.children(leader).compactMap { ProcessIdentity(pid: $0) }
    let names = known.list.compactMap { Proc.arguments($0.pid) }
    return programs(scene.folder).allSatisfy { names.contains($0.words) } && FileSystem.exists(scene.folder + "/socket")
  }
  return (known.list.map(\.pid).sorted(), stop)
}

final class Members {
  var list: [ProcessIdentity] = []
  var isOver = false
}

/// One program with namespaces of its own: what a container without a Pod is. shared: without them.
func startAlone(_ scene: Scene, _ words: [String], shared: Bool) throws -> Int32 {
  var plan = SpawnPlan(.paths([words[0]]), words, environment: ["PATH=/bin:/usr/bin"])
  if !shared { plan.namespaces = [.network, .mount, .ipc, .uts] }
  plan.steps = [
    .init(.newSession), .init(.open("/dev/null", flags: O_RDWR, as: 0)), .init(.duplicate(from: 0, to: 1)), .init(.duplicate(from: 0, to: 2)),
  ]
  if !shared {
    plan.steps += [
      .init(.propagation("/", flags: UInt(MS_REC | MS_PRIVATE)), for: "keeping its mounts to itself"),
      .init(.mount(source: "tmpfs", target: scene.folder, type: "tmpfs", flags: 0, options: "size=1m"), for: "giving it a folder of its own"),
      .init(.linkUp("lo"), for: "setting up its loopback"),
    ]
  }
  plan.steps.append(.init(.closeFrom(3, atExec: true)))
  let child = try plan.spawn()
  let pid = child.pid
  let pidfd = child.release()
  scene.atEnd {
    _ = kill(pid, SIGKILL)
    _ = optional { () throws(SysError) in try ExitStatus.collect(pidfd: pidfd, wait: true) }
    _ = close(pidfd)
  }
  return pid
}

/// Runs a program in namespaces of a process: what it prints, and its exit code.
func run(_ words: [String], in namespaces: Namespaces, of pid: Int32) throws -> (code: Int32, text: String) {
  let fd = try Pidfd.open(pid)
  let answer = try FileDescriptor.pipe()
  var plan = SpawnPlan(.paths([words[0]]), words, environment: [])
  plan.joins = [(fd.raw, namespaces)]
  plan.steps = [.init(.open("/dev/null", flags: O_RDWR, as: 2)), .init(.duplicate(from: answer.write.raw, to: 1)), .init(.closeFrom(3, atExec: true))]
  let child = try plan.spawn()
  let (read, write) = answer.ends()
  _ = close(write)
  let end = FileDescriptor(owning: read)
  let text = String(decoding: try FileSystem.read(end.raw, "the answer"), as: UTF8.self)
  return (try child.wait().code, text)
}

/// What a process gets from the server on the loopback that it sees; nil: nobody answers.
func ask(from pid: Int32) throws -> String? {
  let r = try run([busybox, "wget", "-qO-", "http://127.0.0.1:\(port)/log"], in: [.network], of: pid)
  return r.code == 0 ? r.text : nil
}

/// Sends a message to the socket in the folder that a process sees; nil: it arrived there, else why not.
func tell(_ scene: Scene, from pid: Int32) throws -> String? {
  let r = try run([own, "tell", scene.folder], in: [.mount], of: pid)
  return r.code == 0 ? nil : r.text.trimmed
}

/// Whether somebody listens on the port, on this program's own loopback: state 0A of /proc/net/tcp.
func listens() -> Bool {
  let hex = String(port, radix: 16, uppercase: true)
  let address = ":" + String(repeating: "0", count: 4 - hex.count) + hex
  return Evidence.lines("/proc/self/net/tcp").contains { line in
    let fields = line.split(separator: " ")
    return fields.count > 3 && fields[1].hasSuffix(address) && fields[3] == "0A"
  }
}

/// What was asked, and from where; the answer follows.
func asked(_ pid: Int32) -> Text {
  Text(en: "GET http://127.0.0.1:\(port)/log from the namespace of pid \(pid): ", zh: "在 pid \(pid) 的命名空间里 GET http://127.0.0.1:\(port)/log：")
}

let refused = Text(en: "connection refused", zh: "连接被拒绝")

/// What was sent, and from where; how it went.
func told(_ pid: Int32, _ failure: String?) -> Text {
  Text(en: "a message to the Unix socket, from the folder of pid \(pid): ", zh: "经 pid \(pid) 看到的目录，给 Unix 套接字发消息：")
    + (failure.map(Text.data) ?? Text(en: "sent", zh: "已送达"))
}

let together = Step(
  Text(en: "Three programs, one process group", zh: "三个程序，一个进程组"),
  why: Text(
    en: "A logging service is not one process: one program serves the log, two others fill it. The kernel keeps such programs together in a process group, as `pstree -g` shows it for rsyslogd.",
    zh: "日志服务不只是一个进程：一个程序对外提供日志，另外两个往里写。内核用进程组把这些互相协作的程序归在一起，用 `pstree -g` 看 rsyslogd 就是这样。"),
  facts: [
    Fact("one-group", en: "all three have the same process group and session", zh: "三个进程同属一个进程组和一个会话"),
    Fact("shared-loopback", en: "one reaches the other on 127.0.0.1", zh: "进程之间可以通过 127.0.0.1 访问"),
    Fact("shared-files", en: "what one writes, the other sees: the same file", zh: "一个进程写的文件，另一个进程看得到：是同一个文件"),
    Fact("shared-socket", en: "what one sends to a Unix socket, another writes into the log", zh: "一个进程发到 Unix 套接字的消息，由另一个进程写进日志"),
  ], standsAlone: true
) { scene in
  let apart = scene.breaks("one-group")
  let started = try startService(scene, apart: apart)
  var members = started.members
  defer { started.stop() }
  scene.compare([.data("pid"), Text(en: "process group", zh: "进程组"), Text(en: "session", zh: "会话"), Text(en: "command", zh: "命令")], data: members.compactMap { pid in
    Proc.stat(pid).map { ["\(pid)", "\($0.processGroup)", "\($0.session)", Evidence.command(pid).shortened(27)] }
  })
  let groups = Set(members.compactMap { Proc.stat($0)?.processGroup })
  try scene.check("one-group", groups.count == 1, expected: Text(en: "1 process group", zh: "1 个进程组"), found: .data("\(groups.count): \(groups.sorted())"))

  let log = { Evidence.text("\(scene.folder)/log") }
  try scene.until("the log is written, and the server listens", "日志已写入，服务器开始监听") { log().contains("kernel") && listens() }
  if scene.breaks("shared-loopback") { members[1] = try startAlone(scene, programs(scene.folder)[1].words, shared: false) }
  if scene.breaks("shared-files") { members[2] = try startAlone(scene, programs(scene.folder)[2].words, shared: false) }
  let answer = try ask(from: members[1])
  scene.show(asked(members[1]) + (answer.map { Text(en: "\($0.utf8.count) bytes", zh: "\($0.utf8.count) 字节") } ?? refused))
  try scene.check("shared-loopback", answer?.contains("kernel") == true, expected: Text(en: "the log", zh: "日志"), found: answer.map(Text.data) ?? refused)
  let seen = members.map { Evidence.inode($0, scene.folder) }
  let inodes = seen.joined(separator: "  ")
  scene.say(en: "the folder's device:inode: \(inodes)", zh: "各自看到的设备号:inode：\(inodes)")
  try scene.check("shared-files", Set(seen).count == 1, expected: .data(seen[0]), found: .data(seen.joined(separator: ", ")))
  let sender = scene.breaks("shared-socket") ? try startAlone(scene, programs(scene.folder)[1].words, shared: false) : members[1]
  if sender != members[1] { try scene.until("it has a folder of its own", "它有了自己的目录") { Evidence.inode(sender, scene.folder) != Evidence.inode(members[0], scene.folder) } }
  let failure = try tell(scene, from: sender)
  scene.show(told(sender, failure))
  if failure == nil { try scene.until("the message is in the log", "消息已写进日志") { log().contains("socket") } }
  try scene.check("shared-socket", failure == nil, expected: told(sender, nil), found: told(sender, failure))
}

let signal = Step(
  Text(en: "One signal for all", zh: "一个信号，全部结束"),
  why: Text(
    en: "kill(-PGID) sends a signal to a whole process group: the service is started and ended as one thing.",
    zh: "kill(-PGID) 把信号发给整个进程组：这个服务作为一个整体启动，也作为一个整体结束。"),
  facts: [Fact("one-signal", en: "SIGTERM to the group ends all three", zh: "给进程组发 SIGTERM，三个进程全部结束")], standsAlone: true
) { scene in
  let (members, stop) = try startService(scene, apart: scene.breaks("one-signal"))
  defer { stop() }
  let identities = members.compactMap { ProcessIdentity(pid: $0) }
  guard let group = Proc.stat(members[0])?.processGroup else { return }
  _ = kill(-group, SIGTERM)
  scene.show(data: "kill(-\(group), SIGTERM)")
  if !scene.breaks("one-signal") { try scene.until("all three have ended", "三个进程都已结束") { identities.allSatisfy { !$0.isAlive } } }
  let left = identities.filter(\.isAlive).count
  scene.say(en: "alive of \(members): \(left)", zh: "\(members) 中还活着：\(left) 个")
  try scene.check("one-signal", left == 0, expected: Text(en: "0 alive", zh: "活着 0 个"), found: Text(en: "\(left) alive", zh: "活着 \(left) 个"))
}

let isolated = Step(
  Text(en: "Taken apart: a container each", zh: "拆开：每个进程一个容器"),
  why: Text(
    en: "Now each program gets namespaces of its own, as three containers without a Pod would. Each works; together they do not: what they shared was never written down. This is the gap that the Pod fills.",
    zh: "现在每个程序都有自己的命名空间，就像没有 Pod 的三个容器。单独看都正常，合起来却不工作：它们原来共享什么，从来没有写明。Pod 要补上的正是这一点。"),
  facts: [
    Fact("lost-loopback", en: "the server is not there on the reader's loopback", zh: "在读取方的回环接口上找不到服务器"),
    Fact("lost-files", en: "the same path is another file in each", zh: "同一个路径，在各个容器里是不同的文件"),
    Fact("lost-socket", en: "the socket's path leads nowhere for the others", zh: "套接字的路径，在别的容器里指向空处"),
  ], standsAlone: true
) { scene in
  let shared = ["lost-loopback", "lost-files", "lost-socket"].contains(where: scene.breaks)
  let pids = try programs(scene.folder).map { try startAlone(scene, $0.words, shared: shared) }
  let seen = pids.map { Evidence.inode($0, scene.folder) }
  let heads = [
    .data("pid"), Text(en: "network namespace", zh: "网络命名空间"), Text(en: "mount namespace", zh: "挂载命名空间"), Text(en: "the folder, device:inode", zh: "目录，设备号:inode"),
  ]
  scene.compare(heads, data: zip(pids, seen).map { pid, inode in
    ["\(pid)", Evidence.namespace(pid, "net"), Evidence.namespace(pid, "mnt"), inode]
  })
  if !scene.breaks("lost-loopback") {
    try scene.check("lost-files", Set(seen).count == 3, expected: Text(en: "3 folders", zh: "3 个目录"), found: .data("\(Set(seen).count)"))
  }
  if scene.breaks("lost-loopback") { try scene.until("the server answers", "服务器有应答") { try ask(from: pids[1]) != nil } }
  let answer = try ask(from: pids[1])
  let got = answer == nil ? refused : Text(en: "an answer", zh: "有应答")
  scene.show(asked(pids[1]) + got)
  try scene.check("lost-loopback", answer == nil, expected: refused, found: got)
  try scene.until("the socket is there for the one who listens", "监听的一方已建好套接字") { Evidence.inode(pids[2], scene.folder + "/socket") != "-" }
  let failure = try tell(scene, from: pids[1])
  scene.show(told(pids[1], failure))
  try scene.check("lost-socket", failure != nil, expected: .data("No such file or directory"), found: told(pids[1], failure))
}

exit(
  LabProgram.run(
    Story(
      "00-process-group", title: Text(en: "Why we need Pods", zh: "为什么我们需要 Pod"),
      question: Text(
        en: "Containers isolate processes. But real programs work in groups. What do they share, and what becomes of it when each gets a container?",
        zh: "容器把进程隔离开，可真实的程序是成组工作的。它们之间共享着什么？一个程序一个容器之后，这些共享还在吗？"),
      steps: [together, signal, isolated])))
