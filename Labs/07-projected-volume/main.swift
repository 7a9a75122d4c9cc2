// SPDX-License-Identifier: Apache-2.0
//
// Lab 07: data projected into a container. A Secret, a ConfigMap, facts about the Pod and a token stand as files in one folder, in memory, and change all
// at once while a reader reads. Read the lesson beside this file first.
import Glibc
import Kernel
import LabKit
import Manifest

let secrets = Step(
  Text(en: "Two Secrets become two files", zh: "两个 Secret 变成两个文件"),
  why: Text(
    en: "One Secret is made on the command line from a file, one from YAML. The Pod names both as sources of one projected volume; the kubelet writes each key as a file into a file system in memory and mounts it, read-only, in the container.",
    zh: "一个 Secret 用命令行从文件创建，另一个写成 YAML。Pod 把两者列为同一个投射卷的来源；kubelet 把每个键写成一个文件，放在内存文件系统里，再以只读方式挂载到容器中。"),
  facts: [
    Fact("two-files", en: "the container finds both credentials as files", zh: "容器里能找到两个凭据文件"),
    Fact("in-memory", en: "they lie in memory: a tmpfs, on no disk", zh: "文件在内存里（tmpfs），不落盘"),
    Fact("read-only", en: "the container cannot write there", zh: "容器不能往里写"),
    Fact("not-encrypted", en: "base64 is not encryption: anybody reads it back", zh: "base64 不是加密，谁都能还原"),
  ], standsAlone: true,
  cluster: #"""
    printf admin >username.txt
    k create secret generic user --from-file=username.txt
    k apply -f pass.yaml -f test-projected-volume.yaml
    k wait --for=condition=Ready pod/test-projected-volume --timeout=120s
    check two-files 'admin c1oudc0w' k exec test-projected-volume -- sh -c 'echo "$(cat /projected-volume/username.txt) $(cat /projected-volume/password.txt)"'
    check in-memory '*tmpfs*/projected-volume*' k exec test-projected-volume -- sh -c 'df /projected-volume | tail -n 1'
    check read-only '*Read-only*' k exec test-projected-volume -- sh -c 'touch /projected-volume/x 2>&1; true'
    check not-encrypted 'c1oudc0w' sh -c "${KUBECTL:-kubectl} get secret pass -o 'jsonpath={.data.password\.txt}' | base64 -d"
    """#
) { scene in
  try FileSystem.write(scene.folder + "/username.txt", "admin")
  try scene.podctl("create", "secret", "generic", "user", "--from-file=\(scene.folder)/username.txt")
  // Broken on purpose: it was encoded twice, as a value would look that is really unreadable.
  try scene.podctl("apply", "-f", "-", input: scene.breaks("not-encrypted") ? pass.replacing("YzFvdWRjMHc=", with: "WXpGdmRXUmpNSGM9") : pass)
  var pod = testProjectedVolume
  if scene.breaks("two-files") { pod = pod.replacing("      - secret:\n          name: pass\n", with: "") }
  if scene.breaks("in-memory") {
    pod = pod.prefix { $0 != "\n" } + "\nkind: Pod" + pod.split(separator: "kind: Pod")[1].split(separator: "  projected:")[0] + "  emptyDir: {}\n"
  }
  if scene.breaks("read-only") { pod = pod.replacing("readOnly: true", with: "readOnly: false").replacing("projected:\n      sources:\n      - secret:\n          name: user\n      - secret:\n          name: pass", with: "emptyDir: {}") }
  try scene.apply(pod, ready: "test-projected-volume")

  let name = "test-projected-volume"
  let inside = { (command: String) throws -> String in try scene.exec(name, "test-secret-volume", command).trimmed }
  let files = try inside("cd /projected-volume; for f in *; do echo \"$f: $(cat $f)\"; done")
  scene.typed("container$ cd /projected-volume; for f in *; do …", printed: files)
  try scene.check("two-files", files == "password.txt: c1oudc0w\nusername.txt: admin", expected: .data("username.txt: admin, password.txt: c1oudc0w"), found: .data(files))

  let pid = try scene.process(name, "test-secret-volume")
  guard let mount = Evidence.mount(pid, "/projected-volume") else { throw LabFailure.step(Text(en: "nothing is mounted at /projected-volume", zh: "/projected-volume 上没有挂载")) }
  scene.show(data: "/proc/\(pid)/mountinfo: \(mount.mountPoint)  \(mount.options.joined(separator: ","))  \(mount.type)")
  try scene.check("in-memory", equal: "tmpfs", mount.type)
  let write = try inside("touch /projected-volume/x 2>&1")
  scene.typed("container$ touch /projected-volume/x", printed: write)
  try scene.check("read-only", write.contains("Read-only") && mount.options.contains("ro"), expected: .data("Read-only file system"), found: write.isEmpty ? Text(en: "written", zh: "写进去了") : .data(write))

  let encoded = try scene.podctl("get", "secret", "pass", "-o", "jsonpath={.data.password\\.txt}")
  let decoded = String(decoding: TokenProof.bytes(encoded), as: UTF8.self)
  scene.typed("$ podctl get secret pass -o jsonpath=…", printed: encoded)
  scene.typed("$ … | base64 -d", printed: decoded)
  try scene.check("not-encrypted", equal: "c1oudc0w", decoded)
}

let noToken = LabFailure.step(Text(en: "the token is no JWT", zh: "这个令牌不是 JWT"))

let sources = Step(
  Text(en: "Four sources in one folder", zh: "四种来源，一个目录"),
  why: Text(
    en: "Secret, ConfigMap, the downward API (what the Pod knows of itself) and a service account token are the article's four kinds; ClusterTrustBundle and PodCertificate have come since. The token is signed by the issuer: its key, published as JWKS, proves that nobody else wrote it.",
    zh: "Secret、ConfigMap、Downward API（Pod 对自身的了解）和 ServiceAccountToken（服务账号令牌）是文章里的四种；后来又有了 ClusterTrustBundle 和 PodCertificate。令牌由签发者签名：用签发者公布的公钥（JWKS）就能证明，令牌不是别人伪造的。"),
  facts: [
    Fact("four-sources", en: "one folder holds all four", zh: "一个目录里四种都有"),
    Fact("own-mode", en: "an item has the mode that it was given", zh: "条目的文件权限与写明的一致"),
    Fact("knows-itself", en: "the Pod reads its own labels", zh: "Pod 读到自己的标签"),
    Fact("token-verified", en: "the issuer's key verifies the token, and not a changed one", zh: "用签发者的公钥验证：令牌有效，改动过的无效"),
    Fact("token-bound", en: "it is for this Pod, this audience, ten minutes", zh: "令牌只属于这个 Pod、这个受众，有效期十分钟"),
  ], standsAlone: true,
  cluster: #"""
    k create configmap colours --from-literal=colour=blue
    k apply -f pass.yaml -f everything.yaml
    k wait --for=condition=Ready pod/everything --timeout=120s
    check four-sources '*colour*labels*password*token*' k exec everything -- sh -c 'cd /all; echo *'
    check own-mode '*400*' k exec everything -- stat -L -c %a /all/password
    check knows-itself '*app="shop"*' k exec everything -- cat /all/labels
    """#
) { scene in
  try scene.podctl("apply", "-f", "-", input: pass)
  try scene.podctl("apply", "-f", "-", input: configMap("colours", [("colour", "blue")]))
  var pod = everything
  if scene.breaks("four-sources") { pod = pod.replacing("      - configMap:\n          name: colours\n", with: "") }
  if scene.breaks("own-mode") { pod = pod.replacing(", mode: 0400", with: "") }
  if scene.breaks("knows-itself") { pod = pod.replacing("fieldPath: metadata.labels", with: "fieldPath: metadata.uid") }
  if scene.breaks("renewal-planned") { pod = pod.replacing("expirationSeconds: 600", with: "expirationSeconds: 3600") }
  if scene.breaks("token-bound") { pod = pod.replacing("audience: shop", with: "audience: bank") }
  try scene.apply(pod, ready: "everything")
  let pid = try scene.process("everything", "app")
  let folder = "/proc/\(pid)/root/all"
  let names = try FileSystem.list(folder).filter { !$0.hasPrefix(".") }
  let listing = try scene.exec("everything", "app", "cd /all; ls -lL | tail -n +2").trimmed
  scene.typed("container$ ls -lL /all", printed: listing)
  try scene.check("four-sources", equal: "colour labels password token", names.joined(separator: " "))
  let mode = String(try FileSystem.info(folder + "/password").mode & 0o777, radix: 8)
  try scene.check("own-mode", equal: "400", mode)
  let labels = Evidence.lines(folder + "/labels")
  scene.typed("container$ cat /all/labels", printed: labels.joined(separator: "\n"))
  try scene.check("knows-itself", equal: "app=\"shop\" tier=\"front\"", labels.joined(separator: " "))

  let token = Evidence.text(folder + "/token")
  let keys = try JSON.parse(Array(try scene.podctl("get", "--raw", "/openid/v1/jwks").utf8))
  guard let parts = TokenProof.parts(token) else { throw noToken }
  let (c, life) = (parts.claims, (parts.claims["exp"]?.int ?? 0) - (parts.claims["iat"]?.int ?? 0))
  let owner = c["kubernetes.io"]?["pod"]?["name"]?.string ?? "-"
  let audience = c["aud"]?.array?.first?.string ?? c["aud"]?.string ?? "-"
  scene.say(en: "the token, decoded:", zh: "解码后的令牌：")
  scene.show(data: "  sub: \(c["sub"]?.string ?? "-")", "  aud: \(audience)   pod: \(owner)   exp - iat: \(life) s")
  // One letter of the claims is another one.
  let at = token.index(token.startIndex, offsetBy: token.count / 2)
  let forged = token.replacingCharacter(at: at, with: token[at] == "A" ? "B" : "A")
  let (good, bad) = (TokenProof.holds(scene.breaks("token-verified") ? forged : token, jwks: keys), TokenProof.holds(forged, jwks: keys))
  let verdict = { (holds: Bool) in holds ? Text(en: "holds", zh: "有效") : Text(en: "does not hold", zh: "无效") }
  scene.show(
    Text(en: "signature, by the issuer's key   ", zh: "用签发者的公钥验证签名   ") + verdict(good), Text(en: "with one letter changed          ", zh: "改动一个字母之后         ") + verdict(bad))
  try scene.check("token-verified", good && !bad, expected: verdict(true) + .data(", ") + verdict(false), found: verdict(good) + .data(", ") + verdict(bad))
  try scene.check("token-bound", owner == "everything" && audience == "shop" && life == 600, expected: .data("pod everything, shop, 600 s"), found: .data("pod \(owner), \(audience), \(life) s"))
}

/// When a token was issued, and its name: each has its own.
func birth(_ pid: Int32) throws -> (issued: Int64, id: String) {
  guard let claims = TokenProof.parts(Evidence.text("/proc/\(pid)/root/all/token"))?.claims else { throw noToken }
  return (claims["iat"]?.int ?? 0, claims["jti"]?.string ?? "-")
}

let rotation = Step(
  Text(en: "The token is replaced before it is old", zh: "令牌到期之前就会更换"),
  why: Text(
    en: "A token cannot be taken back, so it is short-lived, and the kubelet replaces it when 80 % of its life is over. Ten minutes is the shortest life there is, so eight minutes would have to pass: instead one sees the timer that is set in the kernel. And one sees the replacing itself: a supervisor that has just been started has no token in memory and asks for one at once, as a kubelet does that was restarted.",
    zh: "令牌发出去就收不回来，所以有效期很短；有效期过去 80 %，kubelet 就换一个新的。最短的有效期是十分钟，要等八分钟才会更换：这里先看内核里已经设好的定时器。更换本身也看得到：刚启动的监管进程内存里没有令牌，会立刻申请一个，就像重启后的 kubelet 那样。"),
  facts: [
    Fact("renewal-planned", en: "a timer of the supervisor goes off when 80 % of the life is over", zh: "监管进程的定时器会在有效期过去 80 % 时触发"),
    Fact("token-replaced", en: "the file has another token, the container is the same process", zh: "文件里换了新令牌，容器还是同一个进程"),
  ]
) { scene in
  let (old, app) = (try scene.supervisor("everything"), try scene.process("everything", "app"))
  // In its first moments other things are nearer.
  var left: Int64?
  try scene.until("the supervisor has become quiet", "监管进程安静下来") {
    left = Evidence.timer(old.pid)
    return left ?? 0 > 60
  }
  let before = try birth(app)
  let age = Clock.wall / 1_000_000_000 - before.issued
  let planned = left.map { $0 + age }
  scene.show(data: "$ grep it_value /proc/\(old.pid)/fdinfo/*   (podd)")
  let shown = left.map(String.init) ?? "-"
  scene.say(en: "  goes off in \(shown) s; the token is \(age) s old and lives for 600 s", zh: "  \(shown) 秒后触发；令牌已存在 \(age) 秒，有效期 600 秒")
  try scene.check(
    "renewal-planned", planned.map { abs($0 - 480) <= 5 } ?? false, expected: Text(en: "480 s after the token's birth", zh: "令牌签发之后 480 秒"),
    found: Text(en: "\(planned.map(String.init) ?? "-") s", zh: "\(planned.map(String.init) ?? "-") 秒"))

  if !scene.breaks("token-replaced") {
    old.signal(SIGKILL)
    try scene.until("the supervisor is dead", "监管进程已死") { !old.isAlive }
    scene.show(data: "$ kill -9 \(old.pid)   (podd)")
    // A command that works on the Pod starts a supervisor for it.
    try scene.podctl("wait", "--for=condition=Ready", "pod/everything", "--timeout=40s")
    try scene.until("the file has another token", "文件里换了令牌") { try birth(app).id != before.id }
  }
  let (after, now) = (try birth(app), try scene.process("everything", "app"))
  scene.compare([.data(""), .data("jti"), Text(en: "container's process", zh: "容器的进程")], [
    [Text(en: "before", zh: "之前"), .data(before.id), .data("\(app)")], [Text(en: "after", zh: "之后"), .data(after.id), .data("\(now)")],
  ])
  try scene.check(
    "token-replaced", after.id != before.id && now == app, expected: Text(en: "another token, process \(app)", zh: "另一个令牌，进程 \(app)"),
    found: .data("\(after.id), \(now)"))
}

/// Two files that belong together, at some version. broken: the reader's folder is written in place, one file after the other.
func publish(_ scene: Scene, _ version: Int, inPlace: Bool) throws {
  if inPlace {
    for key in ["a", "b"] {
      try FileSystem.write("\(scene.folder)/pair/\(key)", "version-\(version)\n")
      usleep(20_000)
    }
  } else {
    try scene.podctl("apply", "-f", "-", input: configMap("pair", [("a", "version-\(version)"), ("b", "version-\(version)")]))
  }
}

/// What the reader has counted: reads, reads of two different versions, versions.
func counted(_ scene: Scene) throws -> (reads: Int, torn: Int, versions: Int) {
  let n = Evidence.text("/proc/\(try scene.process("reader", "reader"))/root/tmp/count").split { $0 == " " || $0 == "\n" }.compactMap { Int($0) }
  return n.count == 3 ? (n[0], n[1], n[2]) : (0, 0, 0)
}

let atomic = Step(
  Text(en: "An update happens at once, or not at all", zh: "更新要么整体发生，要么不发生"),
  why: Text(
    en: "Two keys of a ConfigMap belong together. They are changed ten times while a reader compares them without a pause. The kubelet writes each version into a folder of its own and then moves one symbolic link, ..data; rename(2) is atomic, so nobody ever sees half of an update.",
    zh: "ConfigMap 的两个键必须一致。一个程序不停地读出来比较，其间两个键一起改了十次。kubelet 把每个版本写进一个新目录，然后只移动一个符号链接 ..data；rename(2) 是原子的，所以谁也看不到只更新了一半的样子。"),
  facts: [
    Fact("link-moves", en: "..data points at another folder after an update", zh: "更新之后 ..data 指向另一个目录"),
    Fact("never-half", en: "no read saw one file old and the other new", zh: "没有一次读到一个新、一个旧"),
    Fact("env-stale", en: "the same value in an environment variable stays old", zh: "同一个值放在环境变量里就一直是旧的"),
    Fact("subpath-stale", en: "a file mounted by subPath stays old too", zh: "用 subPath 挂载的文件也一直是旧的"),
  ], standsAlone: true,
  cluster: #"""
    k create configmap pair --from-literal=a=version-1 --from-literal=b=version-1
    k apply -f reader.yaml
    k wait --for=condition=Ready pod/reader --timeout=120s
    k create configmap pair --from-literal=a=version-2 --from-literal=b=version-2 --dry-run=client -o yaml | k apply -f -
    say 'A cluster looks every minute: this may take two.' '集群每分钟看一次：这里可能要等两分钟。'
    look 150 link-moves version-2 k exec reader -- cat /config/a
    first env-stale version-1 k exec reader -- sh -c 'echo $VERSION'
    first subpath-stale version-1 k exec reader -- cat /one-file
    first never-half '* 0 *' k exec reader -- cat /tmp/count
    """#
) { scene in
  let inPlace = scene.breaks("never-half")
  if inPlace { try FileSystem.makeFolders(scene.folder + "/pair") }
  try publish(scene, 1, inPlace: false)
  if inPlace { try publish(scene, 1, inPlace: true) }
  var pod = reader
  if inPlace { pod = pod.replacing("configMap: {name: pair}\n", with: "hostPath: {path: \(scene.folder)/pair}\n") }
  if scene.breaks("subpath-stale") { pod = pod.replacing("mountPath: /one-file, subPath: a", with: "mountPath: /one-folder").replacing("- name: reader\n    image", with: "- name: reader\n    lifecycle: {postStart: {exec: {command: [ln, -s, /one-folder/a, /one-file]}}}\n    image") }
  try scene.apply(pod, ready: "reader")
  try scene.until("the reader reads", "开始读取") { try counted(scene).reads > 0 }
  let pid = try scene.process("reader", "reader")
  let link = { optional { () throws(SysError) in try FileSystem.readlink("/proc/\(pid)/root/config/..data") } ?? "-" }
  let before = link()
  let last = scene.breaks("link-moves") ? 1 : 11
  for version in 2...11 where version <= last {
    try publish(scene, version, inPlace: inPlace)
    try scene.until("version \(version) is there", "看到版本 \(version)") { Evidence.text("/proc/\(pid)/root/config/a").hasPrefix("version-\(version)") }
  }
  let after = link()
  scene.draw {
    Picture.difference(($0 == .en ? "before  ..data ->" : "之前  ..data ->", before), ($0 == .en ? "after   ..data ->" : "之后  ..data ->", after))
  }
  if !inPlace { try scene.check("link-moves", differ: before, after) }

  let then = try counted(scene).reads
  try scene.until("the reader has gone on", "继续读取") { try counted(scene).reads > then + 20 }
  let seen = try counted(scene)
  let (reads, versions, torn) = (seen.reads, seen.versions, seen.torn)
  let counts = Text(en: "reads \(reads)   versions seen \(versions)   reads of a mixture \(torn)", zh: "读了 \(reads) 次   见到 \(versions) 个版本   新旧混杂 \(torn) 次")
  scene.show(counts)
  try scene.check("never-half", torn == 0 && (versions >= 2 || last == 1), expected: Text(en: "0 reads of a mixture", zh: "新旧混杂 0 次"), found: counts)
  if inPlace { try scene.check("link-moves", differ: before, after) }

  if scene.breaks("env-stale") {
    try scene.podctl("delete", "pod", "reader")
    try scene.apply(reader, ready: "reader")
  }
  let fresh = try scene.exec("reader", "reader", "cat /config/a").trimmed
  let environment = try scene.exec("reader", "reader", "echo $VERSION").trimmed
  let alone = try scene.exec("reader", "reader", "cat /one-file").trimmed
  let age = { (value: String) in value == fresh ? .data("") : Text(en: "<- " + Picture.emphasised("old"), zh: "<- " + Picture.emphasised("旧的")) }
  scene.table([Text(en: "the same key, as", zh: "同一个键，用作"), .data(""), .data("")], [
    [Text(en: "file in the volume", zh: "卷里的文件"), .data(fresh), .data("")],
    [Text(en: "environment variable", zh: "环境变量"), .data(environment), age(environment)],
    [Text(en: "file by subPath", zh: "subPath 挂载的文件"), .data(alone), age(alone)],
  ])
  let beside = Text(en: "version-1 beside \(fresh)", zh: "version-1，而别处是 \(fresh)")
  try scene.check("env-stale", environment == "version-1" && fresh != environment || last == 1, expected: beside, found: .data(environment))
  try scene.check("subpath-stale", alone == "version-1" && fresh != alone || last == 1, expected: beside, found: .data(alone))
}

let missing = Step(
  Text(en: "Break it: a Secret that is not there", zh: "破坏：Secret 不存在"),
  why: Text(
    en: "A Pod names a Secret that nobody has made. Its containers are not started: the volume cannot be filled, and the kubelet tries again until the Secret is there. With optional: true it would start with an empty folder.",
    zh: "Pod 引用了一个没人创建过的 Secret。容器不会启动：卷里没有内容可填，kubelet 反复重试，直到 Secret 出现。如果写了 optional: true，就会带着空目录启动。"),
  facts: [
    Fact("waits", en: "no container runs, and an event says what is missing", zh: "没有容器运行，事件说明缺了什么"),
    Fact("then-starts", en: "it starts by itself once the Secret is made", zh: "Secret 一创建，它就自己启动"),
  ], standsAlone: true,
  cluster: #"""
    k apply -f waiting.yaml
    check waits '*FailedMount*late*not*found*' sh -c "${KUBECTL:-kubectl} describe pod waiting | tr '\n' ' '"
    k create secret generic late --from-literal=key=value
    look 150 then-starts Running k get pod waiting -o 'jsonpath={.status.phase}'
    """#
) { scene in
  try scene.podctl("apply", "-f", "-", input: scene.breaks("waits") ? waiting.replacing("secretName: late", with: "secretName: late, optional: true") : waiting)
  if scene.breaks("waits") { try scene.podctl("wait", "--for=condition=Ready", "pod/waiting", "--timeout=60s") }
  var event: String?
  if !scene.breaks("waits") {
    try scene.until("the event FailedMount", "事件 FailedMount") {
      event = try scene.events("FailedMount").first { $0.contains("late") }
      return event != nil
    }
  }
  let phase = try scene.field("waiting", ".status.phase")
  let runs = try scene.processes("waiting")["app"] != nil
  let process = runs ? Text(en: "it runs", zh: "在运行") : Text(en: "no process", zh: "没有进程")
  scene.show(.data("phase \(phase)   ") + process)
  scene.show(event: "FailedMount", event)
  try scene.check("waits", !runs && event != nil, expected: Text(en: "no process, FailedMount", zh: "没有进程，FailedMount"), found: .data("\(phase), ") + process)
  if !scene.breaks("then-starts") { try scene.podctl("create", "secret", "generic", "late", "--from-literal=key=value") }
  let ready = try scene.run(["podctl", "wait", "--for=condition=Ready", "pod/waiting", scene.breaks("then-starts") ? "--timeout=2s" : "--timeout=150s"])
  scene.show(data: "$ podctl create secret generic late --from-literal=key=value")
  scene.typed("$ podctl wait --for=condition=Ready pod/waiting", printed: (ready.code == 0 ? ready.text : ready.errors).trimmed)
  try scene.check("then-starts", ready.code == 0, expected: .data("pod/waiting condition met"), found: .data(ready.errors.trimmed))
}

extension String {
  func replacingCharacter(at i: Index, with c: Character) -> String { String(self[..<i]) + String(c) + self[index(after: i)...] }
}

exit(
  LabProgram.run(
    Story(
      "07-projected-volume", title: Text(en: "Data projected into a container", zh: "投射卷：把数据投射进容器"),
      question: Text(
        en: "A program needs its configuration, a password and its own name, and none of them belongs into the image. How do they get in, and what becomes of them when they change?",
        zh: "程序需要配置、密码，还要知道自己叫什么，而这些都不该放进镜像。它们怎样进入容器？变了之后又会怎样？"),
      manifests: [
        .init("test-projected-volume.yaml", testProjectedVolume), .init("pass.yaml", pass), .init("everything.yaml", everything), .init("reader.yaml", reader),
        .init("waiting.yaml", waiting),
      ],
      steps: [secrets, sources, rotation, atomic, missing])))
