// SPDX-License-Identifier: Apache-2.0
//
// Lab 08: which fields belong to the Pod, which to the container. Scheduling, network, namespaces and security, each by what the kernel says of the
// process: its namespaces, its ids, its capabilities. Read the lesson beside this file first.
import Glibc
import Kernel
import LabKit

/// A Pod with two containers that sleep; spec: fields of the Pod, one: fields of the first container.
func pod(_ name: String, spec: String = "", one: String = "") -> String {
  """
  apiVersion: v1
  kind: Pod
  metadata: {name: \(name)}
  spec:
    terminationGracePeriodSeconds: 0
  \(spec)  containers:
    - name: one
      image: busybox
      imagePullPolicy: IfNotPresent
      command: [sleep, "3600"]
  \(one)  - name: two
      image: busybox
      imagePullPolicy: IfNotPresent
      command: [sleep, "3600"]

  """
}

let ordinary = pod("ordinary")
let tolerant = pod("tolerant", spec: "  tolerations: [{key: repair, operator: Exists, effect: NoSchedule}]\n")
let named = pod(
  "named",
  spec: """
      hostname: shop
      subdomain: town
      hostAliases: [{ip: 192.0.2.7, hostnames: [db.example]}]
      dnsPolicy: None
      dnsConfig: {nameservers: [192.0.2.53], searches: [example], options: [{name: ndots, value: "3"}]}

    """)
let onHost = pod("on-host", spec: "  hostNetwork: true\n  hostPID: true\n  hostIPC: true\n")
let shared = pod("shared", spec: "  shareProcessNamespace: true\n")

/// The Pod says who its processes are; container one says otherwise for itself.
let users = pod(
  "users", spec: "  securityContext: {runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000}\n  volumes: [{name: data, emptyDir: {}}]\n",
  one: "    securityContext: {runAsUser: 1001}\n    volumeMounts: [{name: data, mountPath: /data}]\n")
let hardened = pod(
  "hardened", spec: "  securityContext: {seccompProfile: {type: RuntimeDefault}}\n",
  one: "    securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}\n")
let mighty = pod("mighty", spec: "  hostPID: true\n", one: "    securityContext: {privileged: true}\n")

let scheduling = Step(
  Text(en: "Scheduling: the whole Pod goes to one node", zh: "调度：整个 Pod 去一个节点"),
  why: Text(
    en: "nodeSelector, nodeName, affinity and tolerations stand in the Pod's spec, for containers cannot be on different nodes. The node is given a taint: one Pod stays away, the one that tolerates it comes.",
    zh: "nodeSelector、nodeName、亲和性和容忍度写在 Pod 的 spec 里，因为一个 Pod 的容器不可能分在不同的节点上。给节点加一个污点：普通的 Pod 进不来，能容忍这个污点的进得来。"),
  facts: [
    Fact("kept-away", en: "the Pod without a toleration waits: Pending, no process", zh: "没有容忍度的 Pod 在等待：Pending，没有进程"),
    Fact("let-in", en: "the Pod that tolerates the taint runs", zh: "容忍该污点的 Pod 在运行"),
  ], standsAlone: true
) { scene in
  if !scene.breaks("kept-away") { try scene.podctl("taint", "node", "podlab", "repair=now:NoSchedule") }
  try scene.podctl("apply", "-f", "-", input: ordinary + "---\n" + (scene.breaks("let-in") ? tolerant.replacing("key: repair", with: "key: other") : tolerant))
  if scene.breaks("let-in") { try scene.until("the scheduler has judged", "调度器做出判断") { try !scene.field("tolerant", ".status.conditions").isEmpty } }
  else { try scene.podctl("wait", "--for=condition=Ready", "pod/tolerant", "--timeout=30s") }
  if scene.breaks("kept-away") { try scene.podctl("wait", "--for=condition=Ready", "pod/ordinary", "--timeout=30s") }
  let (away, here) = (try scene.field("ordinary", ".status.phase"), try scene.field("tolerant", ".status.phase"))
  let (none, some) = (try scene.processes("ordinary").count, try scene.processes("tolerant").count)
  scene.table([.data("Pod"), .data("phase"), Text(en: "processes", zh: "进程数")], data: [["ordinary", away, "\(none)"], ["tolerant", here, "\(some)"]])
  scene.say(en: "why ordinary waits:", zh: "ordinary 等待的原因：")
  scene.show(data: "  " + (try scene.field("ordinary", ".status.conditions[?(@.type==\"PodScheduled\")].message")))
  let processes = { (phase: String, count: Int) in Text(en: "\(phase), \(count) processes", zh: "\(phase)，\(count) 个进程") }
  try scene.check("kept-away", away == "Pending" && none == 0, expected: processes("Pending", 0), found: processes(away, none))
  try scene.check("let-in", here == "Running" && some == 3, expected: processes("Running", 3), found: processes(here, some))
  _ = try scene.run(["podctl", "taint", "node", "podlab", "repair-"])
  try scene.remove("ordinary", "tolerant")
}

let names = Step(
  Text(en: "Network: one name, one address for all containers", zh: "网络：所有容器同一个主机名、同一个地址"),
  why: Text(
    en: "hostname, subdomain, hostAliases and dnsConfig are the Pod's: its containers share the network and UTS namespaces, and /etc/hosts and /etc/resolv.conf are written once and mounted into each of them.",
    zh: "hostname、subdomain、hostAliases 和 dnsConfig 属于 Pod：容器共享网络和 UTS 命名空间，/etc/hosts 与 /etc/resolv.conf 只写一份，挂载到每个容器里。"),
  facts: [
    Fact("one-name", en: "both containers have the host name that the Pod says", zh: "两个容器的主机名都是 Pod 指定的那个"),
    Fact("own-hosts", en: "hostAliases stand in the /etc/hosts of both: one file", zh: "两个容器的 /etc/hosts 里都有 hostAliases：是同一个文件"),
    Fact("own-resolver", en: "resolv.conf has what dnsConfig says", zh: "resolv.conf 的内容就是 dnsConfig 写的"),
  ], standsAlone: true,
  cluster: #"""
    k apply -f named.yaml
    k wait --for=condition=Ready pod/named --timeout=120s
    check one-name shop k exec named -c two -- hostname
    check own-hosts '*192.0.2.7*db.example*' k exec named -c two -- cat /etc/hosts
    check own-resolver '*192.0.2.53*ndots:3*' k exec named -c two -- cat /etc/resolv.conf
    gone named
    """#
) { scene in
  var manifest = named
  if scene.breaks("one-name") { manifest = manifest.replacing("hostname: shop", with: "hostname: stall") }
  if scene.breaks("own-hosts") { manifest = manifest.replacing("db.example", with: "cache.example") }
  if scene.breaks("own-resolver") { manifest = manifest.replacing("value: \"3\"", with: "value: \"5\"") }
  try scene.apply(manifest, ready: "named")
  let pids = (try scene.process("named", "one"), try scene.process("named", "two"))
  let ask = { (container: String, command: String) in try scene.exec("named", container, command).trimmed }
  let (a, b) = (try ask("one", "hostname"), try ask("two", "hostname"))
  scene.compare([.data(""), .data("hostname"), Text(en: "UTS namespace", zh: "UTS 命名空间"), .data("/etc/hosts")], data: [
    ["one", a, Evidence.namespace(pids.0, "uts"), Evidence.inode(pids.0, "/etc/hosts")],
    ["two", b, Evidence.namespace(pids.1, "uts"), Evidence.inode(pids.1, "/etc/hosts")],
  ])
  try scene.check("one-name", a == "shop" && b == "shop", expected: .data("shop, shop"), found: .data("\(a), \(b)"))
  let hosts = Evidence.lines("/proc/\(pids.1)/root/etc/hosts").first { $0.hasPrefix("192.0.2.7") } ?? "-"
  scene.typed("two$ grep 192.0.2.7 /etc/hosts", printed: hosts.replacing("\t", with: " "))
  try scene.check("own-hosts", hosts.contains("db.example") && Evidence.inode(pids.0, "/etc/hosts") == Evidence.inode(pids.1, "/etc/hosts"), expected: Text(en: "192.0.2.7 db.example, one file", zh: "192.0.2.7 db.example，同一个文件"), found: .data(hosts))
  let resolver = Evidence.lines("/proc/\(pids.0)/root/etc/resolv.conf")
  scene.typed("one$ cat /etc/resolv.conf", printed: resolver.joined(separator: "\n"))
  try scene.check("own-resolver", equal: "search example; nameserver 192.0.2.53; options ndots:3", resolver.joined(separator: "; "))
  try scene.remove("named")
}

let namespaces = Step(
  Text(en: "Namespaces: own, shared, or the host's", zh: "命名空间：自己的、共享的，还是宿主机的"),
  why: Text(
    en: "hostNetwork, hostPID and hostIPC make no new namespace: the containers are in the node's own. shareProcessNamespace gives the Pod one process namespace for all its containers. Equal inodes are the proof.",
    zh: "写了 hostNetwork、hostPID、hostIPC，就不创建新的命名空间：容器直接用节点自己的。shareProcessNamespace 让一个 Pod 的所有容器共用一个 PID 命名空间。inode 相等就是证明。"),
  facts: [
    Fact("own-by-default", en: "by default net, ipc and pid are not the node's", zh: "默认 net、ipc、pid 都不是节点的"),
    Fact("host-namespaces", en: "with host… : true they are the node's", zh: "写上 host…: true，它们就是节点的"),
    Fact("one-pid-space", en: "shareProcessNamespace: one process namespace, not the node's", zh: "两个容器共用一个 PID 命名空间，不是节点的"),
  ], standsAlone: true
) { scene in
  let none = pod("on-host")
  try scene.podctl("apply", "-f", "-", input: [
    scene.breaks("own-by-default") ? onHost.replacing("name: on-host", with: "name: ordinary") : ordinary,
    scene.breaks("host-namespaces") ? none : onHost, scene.breaks("one-pid-space") ? pod("shared") : shared,
  ].joined(separator: "---\n"))
  for name in ["ordinary", "on-host", "shared"] { try scene.podctl("wait", "--for=condition=Ready", "pod/\(name)", "--timeout=30s") }
  let kinds = ["net", "ipc", "pid"]
  // This program runs on the node. What it has, the node has.
  let node = kinds.map { Evidence.namespace(getpid(), $0) }
  let number = { (text: String) in String(text.drop { $0 != "[" }.dropFirst().prefix { $0 != "]" }) }
  func row(_ name: String, _ container: String) throws -> [String] {
    let pid = try scene.process(name, container)
    return kinds.map { Evidence.namespace(pid, $0) }
  }
  let rows = [("ordinary", "one"), ("ordinary", "two"), ("on-host", "one"), ("shared", "one"), ("shared", "two")]
  let found = try rows.map { try row($0.0, $0.1) }
  let same = Text(en: "the node's", zh: "节点的").map(Picture.emphasised)
  scene.table([.data(""), .data("net"), .data("ipc"), .data("pid")], [[Text(en: "the node", zh: "节点")] + node.map { .data(number($0)) }] + zip(rows, found).map { name, values in
    [.data("\(name.0)/\(name.1)")] + zip(values, node).map { $0 == $1 ? same : .data(number($0)) }
  })
  let isOwn = zip(found[0], node).allSatisfy { $0 != $1 }
  try scene.check("own-by-default", isOwn, expected: Text(en: "none is the node's", zh: "没有一个是节点的"), found: .data(found[0].joined(separator: " ")))
  try scene.check("host-namespaces", found[2] == node, expected: .data(node.joined(separator: " ")), found: .data(found[2].joined(separator: " ")))
  try scene.check("one-pid-space", found[3][2] == found[4][2] && found[3][2] != node[2] && found[0][2] != found[1][2], expected: Text(en: "one for both", zh: "两者同一个"), found: .data("\(found[3][2]) \(found[4][2])"))
  try scene.remove("ordinary", "on-host", "shared")
}

let identity = Step(
  Text(en: "Users: the Pod says, a container may say otherwise", zh: "用户：由 Pod 指定，容器可以另行指定"),
  why: Text(
    en: "securityContext exists twice. What the Pod's says holds for all containers, what a container's own says goes before it. fsGroup is the Pod's alone: a volume belongs to all.",
    zh: "安全上下文（securityContext）可以写在两处。Pod 的那份对所有容器有效，容器自己的那份优先。fsGroup 只能写在 Pod 上：卷是大家的。"),
  facts: [
    Fact("pod-decides", en: "container two runs as the user the Pod names", zh: "容器 two 以 Pod 指定的用户运行"),
    Fact("container-overrides", en: "container one runs as its own", zh: "容器 one 以它自己指定的用户运行"),
    Fact("volume-group", en: "the volume belongs to fsGroup, and both are in it", zh: "卷属于 fsGroup 指定的组，两个容器都在这个组里"),
  ], standsAlone: true,
  cluster: #"""
    k apply -f users.yaml
    k wait --for=condition=Ready pod/users --timeout=120s
    check pod-decides 'uid=1000 *gid=3000*' k exec users -c two -- id
    check container-overrides 'uid=1001 *' k exec users -c one -- id
    check volume-group 2000 k exec users -c one -- stat -c %g /data
    gone users
    """#
) { scene in
  if !scene.rights.hasManyUsers {
    try scene.podctl("apply", "-f", "-", input: users)
    var refusal: String?
    try scene.until("the event FailedMount", "事件 FailedMount") {
      refusal = try scene.events("FailedMount").first { $0.contains("fsGroup") }
      return refusal != nil
    }
    scene.show(event: "FailedMount", refusal.map { String($0.prefix { $0 != ";" }) })
    for fact in ["pod-decides", "container-overrides", "volume-group"] {
      try scene.withheld(
        fact, en: "one user id is mapped into this user's namespace, and the kernel knows no other there (user_namespaces(7)). With a range in /etc/subuid it can be seen.",
        zh: "这个用户的用户命名空间里只映射了一个用户 ID，别的 ID 内核在那里不认（user_namespaces(7)）。在 /etc/subuid 里分配一段就能看到。")
    }
    return try scene.remove("users")
  }
  var manifest = users
  if scene.breaks("pod-decides") { manifest = manifest.replacing("runAsUser: 1000, ", with: "") }
  if scene.breaks("container-overrides") { manifest = manifest.replacing("    securityContext: {runAsUser: 1001}\n", with: "") }
  if scene.breaks("volume-group") { manifest = manifest.replacing(", fsGroup: 2000", with: "") }
  try scene.apply(manifest, ready: "users")
  let pids = (try scene.process("users", "one"), try scene.process("users", "two"))
  // A user namespace stands between: ids are shown as this program sees them, which is how the container does.
  let id = { (container: String, flag: String) in try scene.exec("users", container, "id \(flag)").trimmed }
  let rows = try ["one", "two"].map { [$0, try id($0, "-u"), try id($0, "-g"), try id($0, "-G")] }
  scene.table([.data(""), Text(en: "user", zh: "用户"), Text(en: "group", zh: "组"), Text(en: "all groups", zh: "所有的组")], data: rows)
  scene.show(data: "/proc/\(pids.0)/status: Uid \(Evidence.status(pids.0, "Uid"))", "/proc/\(pids.1)/status: Uid \(Evidence.status(pids.1, "Uid"))")
  let uid = { (pid: Int32) in Evidence.status(pid, "Uid").split(separator: " ").first.map(String.init) ?? "-" }
  try scene.check("pod-decides", rows[1][1] == "1000" && rows[1][2] == "3000" && uid(pids.1) == "1000", expected: Text(en: "1000, group 3000", zh: "1000，组 3000"), found: Text(en: "\(rows[1][1]), group \(rows[1][2])", zh: "\(rows[1][1])，组 \(rows[1][2])"))
  try scene.check("container-overrides", rows[0][1] == "1001" && uid(pids.0) == "1001", expected: .data("1001"), found: .data(rows[0][1]))
  let group = try scene.exec("users", "one", "stat -c %g /data").trimmed
  scene.typed("one$ stat -c %g /data", printed: group)
  try scene.check("volume-group", group == "2000" && rows.allSatisfy { $0[3].split(separator: " ").contains("2000") }, expected: Text(en: "2000, and both in it", zh: "2000，两个容器都在其中"), found: .data("\(group); \(rows.map { $0[3] }.joined(separator: "; "))"))
  try scene.remove("users")
}

/// What the kernel lets a process do: Seccomp is 0 (off) or 2 (a filter), the root file system ro or rw.
func powers(_ pid: Int32) -> [String] {
  let root = Evidence.mount(pid, "/")?.options.contains("ro") == true ? "ro" : "rw"
  return [Evidence.status(pid, "CapEff"), Evidence.status(pid, "Seccomp"), Evidence.status(pid, "NoNewPrivs"), root]
}

let security = Step(
  Text(en: "Power: what a container can do without", zh: "权限：容器用不着的，就不给"),
  why: Text(
    en: "The seccomp profile may be the Pod's; capabilities, a read-only root and no_new_privs are each container's own. The kernel shows them all in /proc/PID/status.",
    zh: "seccomp 配置可以写在 Pod 上；权能（capabilities）、只读根文件系统和 no_new_privs 由每个容器自己写。结果都能在内核的 /proc/PID/status 里看到。"),
  facts: [
    Fact("no-capabilities", en: "drop: [ALL] leaves no capability", zh: "drop: [ALL] 之后一项权能也不剩"),
    Fact("no-new-privs", en: "no program that it starts can gain rights", zh: "它启动的程序不可能获得新权限"),
    Fact("read-only-root", en: "its root file system cannot be written", zh: "它的根文件系统不可写"),
    Fact("pod-seccomp", en: "the Pod's seccomp filter is on in both containers", zh: "Pod 的 seccomp 过滤器在两个容器里都启用"),
  ], standsAlone: true,
  cluster: #"""
    k apply -f hardened.yaml
    k wait --for=condition=Ready pod/hardened --timeout=120s
    check no-capabilities '*0000000000000000' k exec hardened -c one -- grep CapEff /proc/1/status
    check no-new-privs '*1' k exec hardened -c one -- grep NoNewPrivs /proc/1/status
    check read-only-root '*Read-only*' k exec hardened -c one -- sh -c 'touch /x 2>&1; true'
    check pod-seccomp '*2' k exec hardened -c two -- grep Seccomp: /proc/1/status
    gone hardened
    """#
) { scene in
  var manifest = hardened
  if scene.breaks("no-capabilities") { manifest = manifest.replacing(", capabilities: {drop: [ALL]}", with: "") }
  if scene.breaks("no-new-privs") { manifest = manifest.replacing("allowPrivilegeEscalation: false, ", with: "") }
  if scene.breaks("read-only-root") { manifest = manifest.replacing("readOnlyRootFilesystem: true, ", with: "") }
  if scene.breaks("pod-seccomp") { manifest = manifest.replacing("RuntimeDefault", with: "Unconfined") }
  try scene.apply(manifest, ready: "hardened")
  let (one, two) = (powers(try scene.process("hardened", "one")), powers(try scene.process("hardened", "two")))
  scene.compare(["", "CapEff", "Seccomp", "NoNewPrivs", "/"].map(Text.data), data: [["one"] + one, ["two"] + two])
  scene.say(en: "Seccomp 2: a filter is on; 0: none", zh: "Seccomp 2：过滤器已启用；0：没有")
  try scene.check("no-capabilities", equal: "0000000000000000", one[0])
  try scene.check("no-new-privs", equal: "1", one[2])
  let write = try scene.exec("hardened", "one", "touch /x 2>&1").trimmed
  scene.typed("one$ touch /x", printed: write)
  try scene.check("read-only-root", one[3] == "ro" && write.contains("Read-only"), expected: .data("ro; Read-only file system"), found: .data("\(one[3]); \(write)"))
  try scene.check("pod-seccomp", one[1] == "2" && two[1] == "2", expected: .data("Seccomp 2, 2"), found: .data("Seccomp \(one[1]), \(two[1])"))
  try scene.remove("hardened")
}

let broken = Step(
  Text(en: "Break it: privileged, and with the host's processes", zh: "破坏：特权容器，再加宿主机的进程"),
  why: Text(
    en: "Two fields are enough to take the walls down. With hostPID the container sees every process of the machine; privileged, it has all capabilities, and reaches another process's files through /proc. Here it reads a file that only this lab has.",
    zh: "两个字段就能把墙拆掉。有了 hostPID，容器看得到机器上的所有进程；成了特权容器，就有了全部权能，还能通过 /proc 拿到别的进程的文件。这里它读到了一个本来只有本实验才看得到的文件。"),
  facts: [
    Fact("sees-all", en: "it sees the processes of the machine, this lab's too", zh: "它看得到机器上的进程，包括本实验"),
    Fact("all-powers", en: "it has every capability that the node has", zh: "节点有的权能它全都有"),
    Fact("reads-outside", en: "it reads a file outside of the Pod", zh: "它读到了 Pod 之外的文件"),
  ], standsAlone: true
) { scene in
  var manifest = mighty
  if scene.breaks("sees-all") || scene.breaks("reads-outside") { manifest = manifest.replacing("  hostPID: true\n", with: "") }
  if scene.breaks("all-powers") { manifest = manifest.replacing("privileged: true", with: "privileged: false") }
  try scene.apply(manifest, ready: "mighty")
  try FileSystem.write(scene.folder + "/secret", "not for Pods\n", mode: 0o600)
  let seen = try scene.exec("mighty", "one", "ls /proc | grep -c '^[0-9]'; tr '\\0' ' ' </proc/\(getpid())/cmdline").text.split(separator: "\n").map(String.init)
  let isSeen = seen.count > 1 && seen[1].contains("lab-08")
  scene.typed("one$ ls /proc | grep -c '^[0-9]'", printed: seen.first ?? "")
  scene.typed("one$ cat /proc/\(getpid())/cmdline", printed: seen.dropFirst().first?.shortened(60) ?? "")
  let among = isSeen ? Text(en: "this lab is among them", zh: "本实验也在其中") : Text(en: "this lab is not among them", zh: "本实验不在其中")
  if !scene.breaks("reads-outside") { try scene.check("sees-all", isSeen, expected: Text(en: "this lab is among them", zh: "本实验也在其中"), found: among) }
  let (mine, theirs) = (Evidence.status(getpid(), "CapEff"), Evidence.status(try scene.process("mighty", "one"), "CapEff"))
  scene.draw { Picture.difference(("one    CapEff", theirs), ($0 == .en ? "node   CapEff" : "节点   CapEff", mine)) }
  try scene.check("all-powers", equal: mine, theirs)
  let file = try scene.exec("mighty", "one", "cat /proc/\(getpid())/root\(scene.folder)/secret 2>&1").trimmed
  scene.typed("one$ cat /proc/\(getpid())/root/…/secret", printed: file.shortened(70))
  try scene.check("reads-outside", equal: "not for Pods", file)
}

exit(
  LabProgram.run(
    Story(
      "08-pod-fields", title: Text(en: "What belongs to the Pod, what to the container", zh: "哪些字段属于 Pod，哪些属于容器"),
      question: Text(
        en: "Some fields stand beside the containers, some inside them. Why there? What does each of them become in the kernel?",
        zh: "有些字段与容器并列，有些写在容器里面。为什么写在那里？到了内核里，它们各自变成什么？"),
      manifests: [
        .init("ordinary.yaml", ordinary), .init("tolerant.yaml", tolerant), .init("named.yaml", named), .init("on-host.yaml", onHost), .init("shared.yaml", shared),
        .init("users.yaml", users), .init("hardened.yaml", hardened), .init("mighty.yaml", mighty),
      ],
      steps: [scheduling, names, namespaces, identity, security, broken])))
