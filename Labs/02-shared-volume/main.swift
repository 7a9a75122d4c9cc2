// SPDX-License-Identifier: Apache-2.0
//
// Lab 02: one directory, two mounts. The Pod of the article, word for word, with a real nginx and a real Debian; then volumes that live with their Pod,
// in memory, read-only, in part. Read the lesson beside this file first.
import Glibc
import Kernel
import LabKit

/// The node's root is a folder of this lab's, so that /data is not the machine's.
func apply(_ scene: Scene, _ manifest: String) throws {
  try FileSystem.makeFolders(scene.folder + "/node")
  try scene.podctl("apply", "--node-root", scene.folder + "/node", "-f", "-", input: manifest)
}

/// What nginx answers at the Pod's address.
func page(_ scene: Scene, _ pod: String) throws -> String {
  let r = try scene.run(["/bin/busybox", "wget", "-qO-", "http://\(try scene.field(pod, ".status.podIP"))/"])
  return r.code == 0 ? r.trimmed : r.errors.trimmed
}

func waitForNginx(_ scene: Scene, _ pod: String) throws {
  try scene.until("nginx listens (its image is built at the first use)", "nginx 开始监听（首次使用时构建镜像）", imagesOf: pod) {
    guard let pid = try scene.processes(pod)["nginx-container"] else { return false }
    // 0050 is port 80, 0A is LISTEN.
    return Evidence.lines("/proc/\(pid)/net/tcp").contains { $0.contains(":0050 ") && $0.contains(" 0A ") }
  }
}

let hello = Step(
  Text(en: "The article's Pod: one writes, the other serves", zh: "文章里的 Pod：一个写，一个提供服务"),
  why: Text(
    en: "debian-container writes a page into a volume and ends; nginx-container serves what it finds there. They never talk to each other. The volume is a hostPath: a directory of the node, /data.",
    zh: "debian-container 往卷里写一个网页就结束；nginx-container 对外提供卷里的内容。两者之间没有任何通信。这个卷是 hostPath：节点上的目录 /data。"),
  facts: [
    Fact("page-served", en: "nginx serves what the other container wrote", zh: "nginx 提供的正是另一个容器写的内容"),
    Fact("one-done-one-runs", en: "debian is Completed, nginx runs: the Pod is Running", zh: "debian 是 Completed，nginx 在运行：Pod 是 Running"),
    Fact("on-the-node", en: "the page lies in the node's /data", zh: "网页就在节点的 /data 里"),
  ], standsAlone: true,
  cluster: #"""
    k apply -f two-containers.yaml
    check one-done-one-runs 'Running Completed' k get pod two-containers -o 'jsonpath={.status.phase} {.status.containerStatuses[?(@.name=="debian-container")].state.terminated.reason}'
    check page-served 'Hello from the debian container' k exec two-containers -c nginx-container -- cat /usr/share/nginx/html/index.html
    gone two-containers
    """#
) { scene in
  var manifest = twoContainers
  if scene.breaks("page-served") { manifest = manifest.replacing("Hello from the debian container", with: "nothing") }
  if scene.breaks("one-done-one-runs") { manifest = manifest.replacing(stays.from, with: stays.to) }
  if scene.breaks("on-the-node") { manifest = manifest.replacing("hostPath:      \n      path: /data", with: "emptyDir: {}") }
  try scene.changes { try apply(scene, manifest); try waitForNginx(scene, "two-containers") }
  let debian = { (field: String) in try scene.status("two-containers", "debian-container", "state.\(field)") }
  if !scene.breaks("one-done-one-runs") { try scene.until("debian has ended", "debian 已结束") { try debian("terminated.reason") == "Completed" } }
  let answer = try page(scene, "two-containers")
  scene.typed("$ wget -qO- http://\(try scene.field("two-containers", ".status.podIP"))/", printed: answer.shortened(68))
  try scene.check("page-served", equal: "Hello from the debian container", answer)
  let found = "\(try debian("terminated.reason")) \(try debian("terminated.exitCode")), \(try scene.field("two-containers", ".status.phase"))"
  scene.table([Text(en: "container", zh: "容器"), Text(en: "process", zh: "进程"), Text(en: "state", zh: "状态")], [
    [.data("nginx-container"), .data("\(try scene.process("two-containers", "nginx-container"))"), Text(en: "running", zh: "运行中")],
    [.data("debian-container"), .data(try scene.processes("two-containers")["debian-container"].map(String.init) ?? "-"), .data(found)],
  ])
  try scene.check("one-done-one-runs", equal: "Completed 0, Running", found)
  let file = scene.folder + "/node/data/index.html"
  scene.typed("node$ cat /data/index.html", printed: Evidence.text(file))
  try scene.check("on-the-node", equal: "Hello from the debian container", Evidence.text(file).trimmed)
  try scene.remove("two-containers")
}

let mounts = Step(
  Text(en: "The same directory, mounted twice", zh: "同一个目录，挂载两次"),
  why: Text(
    en: "There is no copying: the directory is bound into the mount namespace of each container, under a path of its own. In mountinfo both lines have the same device and the same root; only the mount point differs.",
    zh: "没有复制任何东西：这个目录被绑定挂载到每个容器的挂载命名空间里，各用各的路径。mountinfo 的两行里，设备和根都相同，只有挂载点不同。"),
  facts: [
    Fact("same-directory", en: "same device, same root, two mount points", zh: "设备相同，根相同，挂载点不同"),
    Fact("same-file", en: "index.html is one inode for both", zh: "两边的 index.html 是同一个 inode"),
  ], standsAlone: true
) { scene in
  var manifest = twoContainers.replacing(stays.from, with: stays.to).replacing("name: two-containers", with: "name: looked-at")
  if scene.breaks("same-directory") || scene.breaks("same-file") {
    manifest = manifest.replacing("  containers:", with: "  - name: other\n    emptyDir: {}\n  containers:").replacing("name: shared-data\n      mountPath: /pod-data", with: "name: other\n      mountPath: /pod-data")
  }
  try apply(scene, manifest)
  try waitForNginx(scene, "looked-at")
  try scene.until("debian runs", "debian 开始运行", imagesOf: "looked-at") { try scene.processes("looked-at")["debian-container"] != nil }
  let (n, d) = (try scene.process("looked-at", "nginx-container"), try scene.process("looked-at", "debian-container"))
  guard let a = Evidence.mount(n, "/usr/share/nginx/html"), let b = Evidence.mount(d, "/pod-data") else { throw notMounted }
  let short = { (root: String) in "…" + root.suffix(15) }
  scene.compare([.data("/proc/PID/mountinfo"), Text(en: "device", zh: "设备"), Text(en: "root", zh: "根"), Text(en: "mount point", zh: "挂载点")], data: [
    ["nginx-container", a.device, short(a.root), a.mountPoint], ["debian-container", b.device, short(b.root), b.mountPoint],
  ])
  scene.draw {
    Picture.tree([
      (0, "\(a.device) \(short(a.root))   \($0 == .en ? "the directory" : "这个目录")"), (1, "nginx-container \(a.mountPoint)   \(Evidence.namespace(n, "mnt"))"),
      (1, "debian-container \(b.mountPoint)   \(Evidence.namespace(d, "mnt"))"),
    ])
  }
  if !scene.breaks("same-file") {
    try scene.check("same-directory", a.device == b.device && a.root == b.root && a.mountPoint != b.mountPoint, expected: .data("\(a.device) \(a.root)"), found: .data("\(b.device) \(b.root)"))
  }
  try scene.until("debian has written", "debian 已写入") { Evidence.inode(d, "/pod-data/index.html") != "-" }
  let (x, y) = (Evidence.inode(n, "/usr/share/nginx/html/index.html"), Evidence.inode(d, "/pod-data/index.html"))
  scene.say(en: "index.html, device:inode   \(x)   \(y)", zh: "index.html，设备号:inode   \(x)   \(y)")
  try scene.check("same-file", equal: x, y)
  if scene.breaks("same-file") { try scene.check("same-directory", a.root == b.root, expected: .data(a.root), found: .data(b.root)) }
  try scene.remove("looked-at")
}

let notMounted = LabFailure.step(Text(en: "a volume is not mounted", zh: "有卷没有挂载"))
let gone = Text(en: "gone", zh: "没了")

let others = Step(
  Text(en: "Volumes of the Pod's own: emptyDir", zh: "Pod 自己的卷：emptyDir"),
  why: Text(
    en: "An emptyDir begins empty, outlives its containers, and goes with the Pod. With medium: Memory it is a tmpfs. A container may have a volume read-only, or only a part of it (subPath), without the other knowing.",
    zh: "emptyDir 起初是空的，容器没了它还在，Pod 没了它才消失。写上 medium: Memory，它就是 tmpfs。一个容器可以只读挂载，也可以只挂载卷的一部分（subPath），对另一个容器没有影响。"),
  facts: [
    Fact("memory-is-tmpfs", en: "medium: Memory is a tmpfs, the other is not", zh: "medium: Memory 是 tmpfs，另一个不是"),
    Fact("read-only-there", en: "read-only for the reader, writable for the writer", zh: "对 reader 只读，对 writer 可写"),
    Fact("only-a-part", en: "subPath shows one folder of the volume as a whole", zh: "subPath 只挂载卷里的一个子目录"),
    Fact("outlives-container", en: "a container dies and is restarted: the file is there", zh: "容器死了又重启：文件还在"),
    Fact("goes-with-pod", en: "the Pod is deleted: its directory is gone from the node", zh: "Pod 被删除：节点上的目录没了"),
  ], standsAlone: true,
  cluster: #"""
    k apply -f kinds.yaml
    k wait --for=condition=Ready pod/kinds --timeout=120s
    check memory-is-tmpfs '*tmpfs*' k exec kinds -c writer -- sh -c 'df /memory | tail -n 1'
    check read-only-there '*Read-only*' k exec kinds -c reader -- sh -c 'touch /whole/x 2>&1; true'
    check only-a-part two k exec kinds -c reader -- cat /piece/page
    gone kinds
    """#
) { scene in
  var manifest = kinds
  if scene.breaks("memory-is-tmpfs") { manifest = manifest.replacing("{medium: Memory, sizeLimit: 1Mi}", with: "{}") }
  if scene.breaks("read-only-there") { manifest = manifest.replacing(", readOnly: true", with: "") }
  if scene.breaks("only-a-part") { manifest = manifest.replacing(", subPath: part", with: "") }
  if scene.breaks("outlives-container") { manifest = manifest.replacing("command: [sh, -c, \"echo one", with: "command: [sh, -c, \"rm -rf /disk/*; sleep 0.1; [ -e /memory/again ] || echo one").replacing("trap 'exit 1'", with: "touch /memory/again; trap 'exit 1'") }
  try scene.apply(manifest, ready: "kinds")
  let (w, r) = (try scene.process("kinds", "writer"), try scene.process("kinds", "reader"))
  let list = [(w, "writer", "/disk"), (w, "writer", "/memory"), (r, "reader", "/whole"), (r, "reader", "/piece")].compactMap { pid, name, path in
    Evidence.mount(pid, path).map { ($0, [name, path, $0.type, $0.options.contains("ro") ? "ro" : "rw", "…" + $0.root.suffix(18)]) }
  }
  guard list.count == 4 else { throw notMounted }
  scene.table([Text(en: "container", zh: "容器"), Text(en: "mount point", zh: "挂载点"), Text(en: "type", zh: "类型"), .data(""), Text(en: "root", zh: "根")], data: list.map(\.1))
  try scene.check("memory-is-tmpfs", list[1].0.type == "tmpfs" && list[0].0.type != "tmpfs", expected: Text(en: "tmpfs beside another", zh: "一个是 tmpfs，另一个不是"), found: .data("\(list[1].0.type), \(list[0].0.type)"))
  let write = try scene.exec("kinds", "reader", "touch /whole/x 2>&1").trimmed
  scene.typed("reader$ touch /whole/x", printed: write)
  try scene.check("read-only-there", list[2].1[3] == "ro" && list[0].1[3] == "rw" && write.contains("Read-only"), expected: .data("ro, rw"), found: .data("\(list[2].1[3]), \(list[0].1[3])"))
  let part = try scene.exec("kinds", "reader", "cat /piece/page").trimmed
  scene.typed("reader$ cat /piece/page", printed: part)
  try scene.check("only-a-part", part == "two" && list[3].0.root.hasSuffix("/part"), expected: .data("two"), found: .data(part))

  let before = Evidence.inode(r, "/whole/page")
  _ = kill(w, SIGKILL)
  try scene.until("writer runs again", "writer 重新运行") { try scene.processes("kinds")["writer"].map { $0 != w } ?? false }
  let after = Evidence.text("/proc/\(try scene.process("kinds", "writer"))/root/disk/page").trimmed
  let next = try scene.process("kinds", "writer")
  scene.show(data: "$ kill -9 \(w)")
  scene.show(Text(en: "the next writer is \(next); ", zh: "下一个 writer 是 \(next)；") + .data("/disk/page: ") + (after.isEmpty ? gone : .data("\(after)   \(before)")))
  try scene.check("outlives-container", equal: "one", after)
  let folder = scene.instance.place("default", "kinds").volumes
  let there = FileSystem.exists(folder)
  if !scene.breaks("goes-with-pod") { try scene.remove("kinds") }
  let left = FileSystem.exists(folder)
  let state = { (exists: Bool) in exists ? Text(en: "there", zh: "在") : gone }
  scene.show(Text(en: "the volume's folder on the node: before ", zh: "节点上卷的目录：之前") + state(there) + Text(en: ", after the Pod ", zh: "，Pod 删除后") + state(left))
  try scene.check("goes-with-pod", there && !left, expected: gone, found: state(left))
}

let propagation = Step(
  Text(en: "A mount inside a volume: who sees it?", zh: "卷里面再挂载：谁看得到？"),
  why: Text(
    en: "A volume shares a directory; what is mounted on a folder of it later is a matter of its own, for each container has its own mounts. mountPropagation says: None (the default) sees nothing of it, HostToContainer sees what others mount there, Bidirectional also passes on what the container itself mounts, and needs a privileged one. In mountinfo the kernel calls these master and shared.",
    zh: "卷共享的是一个目录；之后再往卷里的某个子目录上挂载东西，就是另一回事了，因为每个容器有自己的挂载。这由 mountPropagation（挂载传播）决定：None（默认）看不到；HostToContainer 看得到别处做的挂载；Bidirectional 还会把容器自己做的挂载传出去，需要特权容器。在 mountinfo 里，内核用 master 和 shared 表示后两种。"),
  facts: [
    Fact("mount-spreads", en: "what mounter mounts, follower sees", zh: "mounter 挂载的东西，follower 看得到"),
    Fact("not-to-all", en: "apart has the same directory and does not see it", zh: "apart 有同一个目录，却看不到它"),
  ], standsAlone: true,
  cluster: #"""
    k apply -f spread.yaml
    k wait --for=condition=Ready pod/spread --timeout=120s
    k exec spread -c mounter -- sh -c 'mkdir -p /work/disk; mount -t tmpfs none /work/disk; echo inner >/work/disk/page'
    check mount-spreads inner k exec spread -c follower -- cat /work/disk/page
    first not-to-all '*No such file*' k exec spread -c apart -- sh -c 'cat /work/disk/page 2>&1; true'
    k exec spread -c mounter -- umount /work/disk
    gone spread
    """#
) { scene in
  var manifest = spread
  if scene.breaks("mount-spreads") { manifest = manifest.replacing(", mountPropagation: HostToContainer", with: "") }
  if scene.breaks("not-to-all") { manifest = manifest.replacing("mountPath: /work}", with: "mountPath: /work, mountPropagation: HostToContainer}") }
  try scene.apply(manifest, ready: "spread")
  let made = try scene.exec("spread", "mounter", "mkdir -p /work/disk && mount -t tmpfs none /work/disk && echo inner >/work/disk/page 2>&1")
  scene.typed("mounter$ mount -t tmpfs none /work/disk; echo inner >/work/disk/page", printed: (made.text + made.errors).trimmed)
  let names = ["mounter", "follower", "apart"]
  let page = { (name: String) in Evidence.text("/proc/\(try scene.process("spread", name))/root/work/disk/page").trimmed }
  if !scene.breaks("mount-spreads") { try scene.until("the mount has come to follower", "挂载传播到 follower") { try page("follower") == "inner" } }
  scene.table([Text(en: "container", zh: "容器"), .data("/proc/PID/mountinfo"), .data("/work/disk/page")], data: try names.map { name in
    let tags = Evidence.mount(try scene.process("spread", name), "/work")?.propagation ?? []
    return [name, tags.isEmpty ? "-" : tags.joined(separator: " "), try page(name).isEmpty ? "-" : try page(name)]
  })
  let (follower, apart) = (try page("follower"), try page("apart"))
  try scene.check("mount-spreads", equal: "inner", follower)
  try scene.check("not-to-all", apart.isEmpty, expected: Text(en: "nothing", zh: "什么也没有"), found: .data(apart))
  _ = try scene.exec("spread", "mounter", "umount /work/disk")
  try scene.remove("spread")
}

let broken = Step(
  Text(en: "Break it: one mount less", zh: "破坏：少写一个挂载"),
  why: Text(
    en: "A volume that is declared is not yet in a container: each has to say where it wants it. nginx-container no longer does. debian writes as before, and nginx serves what its own image has.",
    zh: "声明了卷，不等于容器里就有：每个容器都要写明挂载到哪里。这里 nginx-container 没有写。debian 照旧写网页，而 nginx 提供的是它自己镜像里的内容。"),
  facts: [
    Fact("no-mount-no-page", en: "nginx does not have the page", zh: "nginx 没有那个网页"),
    Fact("mountinfo-says-why", en: "mountinfo has no line for it", zh: "mountinfo 里没有这一行"),
  ], standsAlone: true
) { scene in
  let whole = scene.breaks("no-mount-no-page") || scene.breaks("mountinfo-says-why")
  let manifest = twoContainers.replacing("name: two-containers", with: "name: one-mount")
  try apply(scene, whole ? manifest : manifest.replacing(nginxMount, with: ""))
  try waitForNginx(scene, "one-mount")
  try scene.until("debian has ended", "debian 已结束", imagesOf: "one-mount") { try scene.status("one-mount", "debian-container", "state.terminated.reason") == "Completed" }
  let answer = try page(scene, "one-mount").split(separator: "\n").map(String.init)
  let has = answer.contains { $0.contains("Hello from the debian container") }
  let line = answer.first { $0.contains("title") || $0.contains("wget") } ?? answer.first ?? "-"
  scene.typed("$ wget -qO- http://\(try scene.field("one-mount", ".status.podIP"))/", printed: line.trimmed.shortened(60))
  if !scene.breaks("mountinfo-says-why") { try scene.check("no-mount-no-page", !has, expected: Text(en: "another page", zh: "另一个网页"), found: .data(answer.joined())) }
  let mount = Evidence.mount(try scene.process("one-mount", "nginx-container"), "/usr/share/nginx/html")
  let found = mount.map { "\($0.device) \($0.root)" } ?? ""
  scene.typed("$ grep /usr/share/nginx/html /proc/\(try scene.process("one-mount", "nginx-container"))/mountinfo", printed: found)
  try scene.check("mountinfo-says-why", mount == nil, expected: Text(en: "no such mount", zh: "没有这个挂载"), found: .data(found))
  if scene.breaks("mountinfo-says-why") { try scene.check("no-mount-no-page", !has, expected: Text(en: "another page", zh: "另一个网页"), found: .data(answer.joined())) }
}

exit(
  LabProgram.run(
    Story(
      "02-shared-volume", title: Text(en: "One directory, two mounts", zh: "一个目录，两个挂载"),
      question: Text(
        en: "Two containers have two file systems. How can one write what the other reads, and what exactly is it that they share?",
        zh: "两个容器，两个文件系统。一个写的东西，另一个怎样才能读到？它们共享的究竟是什么？"),
      manifests: [.init("two-containers.yaml", twoContainers), .init("kinds.yaml", kinds), .init("spread.yaml", spread)],
      steps: [hello, mounts, others, propagation, broken])))
