// SPDX-License-Identifier: Apache-2.0
//
// Lab 04: a WAR package and a web server, in images of their own. An init container brings the WAR, Tomcat runs it; either can be upgraded alone.
// WarImage.swift makes the WAR and its image. Read the lesson beside this file first.
import Glibc
import Kernel
import LabKit

/// The WAR's image of a version, as this run names it: the image store is the user's, and two labs may run at once.
func warImage(_ version: String) -> String { "sample-war:\(version)-\(getpid())" }

/// The Pod: first the container that only holds the WAR, then Tomcat, which finds it in webapps.
func javaweb(_ image: String) -> String {
  """
  apiVersion: v1
  kind: Pod
  metadata: {name: javaweb}
  spec:
    terminationGracePeriodSeconds: 1
    initContainers:
    - name: war
      image: \(image)
      imagePullPolicy: Never
      command: [cp, /sample.war, /app]
      volumeMounts:
      - {name: app-volume, mountPath: /app}
    containers:
    - name: tomcat
      image: tomcat
      imagePullPolicy: IfNotPresent
      readinessProbe: {httpGet: {path: /sample/, port: 8080}, periodSeconds: 1, timeoutSeconds: 10}
      volumeMounts:
      - {name: app-volume, mountPath: /usr/local/tomcat/webapps}
    volumes:
    - {name: app-volume, emptyDir: {}}

  """
}

/// Three init containers that write down when it was their turn, then the app.
let chain = """
  apiVersion: v1
  kind: Pod
  metadata: {name: chain}
  spec:
    terminationGracePeriodSeconds: 0
    initContainers:
    - {name: first, image: busybox, imagePullPolicy: IfNotPresent, command: [sh, -c, "echo 1 begins >>/d/diary; sleep 0.3; echo 1 ends >>/d/diary"], volumeMounts: [{name: d, mountPath: /d}]}
    - {name: second, image: busybox, imagePullPolicy: IfNotPresent, command: [sh, -c, "echo 2 begins >>/d/diary; sleep 0.3; echo 2 ends >>/d/diary"], volumeMounts: [{name: d, mountPath: /d}]}
    containers:
    - {name: app, image: busybox, imagePullPolicy: IfNotPresent, command: [sh, -c, "echo app begins >>/d/diary; exec sleep 3600"], volumeMounts: [{name: d, mountPath: /d}]}
    volumes:
    - {name: d, emptyDir: {}}

  """

/// An init container that fails, under a restart policy.
func failing(_ policy: String) -> String {
  let name = policy.lowercased()
  return """
    apiVersion: v1
    kind: Pod
    metadata: {name: fails-\(name)}
    spec:
      restartPolicy: \(policy)
      terminationGracePeriodSeconds: 0
      initContainers:
      - {name: war, image: busybox, imagePullPolicy: IfNotPresent, command: [sh, -c, "cp /sample.war /app"]}
      containers:
      - {name: app, image: busybox, imagePullPolicy: IfNotPresent, command: [sleep, "3600"]}

    """
}

/// Puts the WAR's image into the image store, out of which it goes at the end.
func importWar(_ scene: Scene, _ version: String) throws {
  let file = "\(scene.folder)/sample-war-\(version).tar"
  try FileSystem.write(file, WarImage.archive(warImage(version), version, copier: try FileSystem.read("/bin/busybox")))
  try scene.podctl("image", "import", file)
  // The last comes first: an image that a Pod uses would stay.
  scene.atEnd(run: ["podctl", "image", "rm", warImage(version)])
  scene.atEnd(run: ["podctl", "delete", "pod", "javaweb", "--grace-period=0", "--force"])
}

/// The page of the application, line by line.
func page(_ scene: Scene, _ pod: String) throws -> [String] {
  let r = try scene.run(["/bin/busybox", "wget", "-qO-", "http://\(try scene.field(pod, ".status.podIP")):8080/sample/"])
  return (r.code == 0 ? r.text : r.errors).split(separator: "\n").map(String.init)
}

/// Digest of the image that a container runs.
func image(_ scene: Scene, _ pod: String, _ field: String) throws -> String {
  String(try scene.field(pod, ".status.\(field)[0].imageID").suffix(64).prefix(12))
}

let server = Step(
  Text(en: "The WAR comes first, then the server", zh: "先有 WAR 包，再有服务器"),
  why: Text(
    en: "The image sample-war has a WAR in it and a program that can copy it, nothing else. As an init container it runs first, copies the WAR into a volume and ends. Only then Tomcat starts, with that volume as its webapps, and compiles the page at the first request.",
    zh: "镜像 sample-war 里只有一个 WAR 包和一个能复制它的程序。它作为 Init 容器先运行，把 WAR 复制到卷里，然后结束。之后 Tomcat 才启动，把这个卷当作自己的 webapps 目录，收到第一个请求时编译网页。"),
  facts: [
    Fact("war-before-server", en: "the init container had ended with 0 before Tomcat was started", zh: "Tomcat 启动之前，Init 容器已以退出码 0 结束"),
    Fact("page-compiled", en: "the page was compiled by Tomcat, out of the WAR", zh: "网页取自 WAR，由 Tomcat 编译"),
  ], standsAlone: true
) { scene in
  try importWar(scene, "1.0")
  var manifest = javaweb(warImage("1.0"))
  if scene.breaks("page-compiled") { manifest = manifest.replacing("command: [cp, /sample.war, /app]", with: "command: [sh, -c, \"mkdir -p /app/sample; echo sample 1.0 >/app/sample/index.html\"]").replacing("image: \(warImage("1.0"))\n    imagePullPolicy: Never", with: "image: busybox\n    imagePullPolicy: IfNotPresent") }
  if scene.breaks("war-before-server") {
    manifest = manifest.replacing("  - name: war", with: "  - name: war\n    restartPolicy: Always").replacing("command: [cp, /sample.war, /app]", with: "command: [sh, -c, \"cp /sample.war /app; exec sh -c 'while :; do read x </proc/self/stat; done'\"]")
    manifest = manifest.replacing("image: \(warImage("1.0"))", with: "image: \(warImage("1.0"))\n    resources: {limits: {cpu: 50m}}")
  }
  try scene.podctl("apply", "-f", "-", input: manifest)
  try scene.until("Tomcat serves the page (its image is built at the first use, then a Java machine starts)", "Tomcat 提供网页（首次使用时构建镜像，随后启动 Java 虚拟机）", imagesOf: "javaweb") {
    try scene.field("javaweb", ".status.containerStatuses[0].ready") == "true"
  }
  let events = try scene.journal("javaweb").filter { ["containerStarted", "containerExited"].contains($0.event) }
  let ended = events.first { $0.event == "containerExited" && $0.container == "war" }
  let started = events.first { $0.event == "containerStarted" && $0.container == "tomcat" }
  scene.timeline("javaweb")
  let isFirst = ended.flatMap { e in started.map { e.at <= $0.at && e.exitCode == 0 } } ?? false
  let (code, pid) = (ended?.exitCode.map(String.init) ?? "-", try scene.process("javaweb", "tomcat"))
  scene.say(en: "war: exit code \(code)   tomcat: pid \(pid)", zh: "war：退出码 \(code)   tomcat：pid \(pid)")
  let found = ended == nil ? Text(en: "war still runs", zh: "war 还在运行") : Text(en: "tomcat first", zh: "tomcat 先启动了")
  try scene.check("war-before-server", isFirst, expected: Text(en: "war ended with 0, then tomcat", zh: "war 以退出码 0 结束，然后才是 tomcat"), found: found)
  let lines = try page(scene, "javaweb")
  scene.typed("$ wget -qO- http://\(try scene.field("javaweb", ".status.podIP")):8080/sample/", printed: lines.joined(separator: "\n"))
  try scene.check("page-compiled", lines.first == "sample 1.0" && lines.contains { $0.contains("index_jsp") } && lines.contains { $0.contains("Apache Tomcat") }, expected: .data("sample 1.0 … index_jsp … Apache Tomcat"), found: .data(lines.joined(separator: "; ")))
}

let upgrade = Step(
  Text(en: "The WAR is upgraded alone", zh: "只升级 WAR 包"),
  why: Text(
    en: "Version 2.0 of the WAR is another small image. The Pod is made anew with it; Tomcat's image is the same, byte for byte. With both in one image every change to a page would ship a Java runtime.",
    zh: "WAR 的 2.0 版是另一个小镜像。用它重建 Pod；Tomcat 的镜像一个字节都没变。如果两者同在一个镜像里，改一个网页就要连 Java 运行环境一起发布。"),
  facts: [
    Fact("new-page", en: "the page is version 2.0", zh: "网页是 2.0 版"),
    Fact("same-server", en: "Tomcat's image is the one it was, the WAR's is another", zh: "Tomcat 的镜像没变，WAR 的镜像变了"),
  ]
) { scene in
  let before = (try image(scene, "javaweb", "containerStatuses"), try image(scene, "javaweb", "initContainerStatuses"))
  try importWar(scene, "2.0")
  try scene.remove("javaweb")
  let version = scene.breaks("new-page") || scene.breaks("same-server") ? "1.0" : "2.0"
  try scene.podctl("apply", "-f", "-", input: javaweb(warImage(version)))
  try scene.until("Tomcat serves the page", "Tomcat 提供网页", seconds: 120) { try scene.field("javaweb", ".status.containerStatuses[0].ready") == "true" }
  let after = (try image(scene, "javaweb", "containerStatuses"), try image(scene, "javaweb", "initContainerStatuses"))
  let lines = try page(scene, "javaweb")
  scene.typed("$ wget -qO- http://\(try scene.field("javaweb", ".status.podIP")):8080/sample/ | head -n 1", printed: lines.first ?? "")
  scene.compare([.data(""), Text(en: "image of war", zh: "war 的镜像"), Text(en: "image of tomcat", zh: "tomcat 的镜像")], [
    [Text(en: "before", zh: "之前"), .data(before.1), .data(before.0)], [Text(en: "after", zh: "之后"), .data(after.1), .data(after.0)],
  ])
  if !scene.breaks("same-server") { try scene.check("new-page", equal: "sample 2.0", lines.first ?? "-") }
  try scene.check("same-server", before.0 == after.0 && before.1 != after.1, expected: Text(en: "tomcat the same, war another", zh: "tomcat 相同，war 不同"), found: .data("\(after.0), \(after.1)"))
  if scene.breaks("same-server") { try scene.check("new-page", equal: "sample 2.0", lines.first ?? "-") }
  try scene.remove("javaweb")
}

let order = Step(
  Text(en: "Several init containers: one after the other", zh: "多个 Init 容器：一个接一个"),
  why: Text(
    en: "Init containers run in the order in which they are written, one at a time, each only when the one before has ended with 0. Then all app containers start.",
    zh: "Init 容器按书写顺序运行，一次一个，前一个以退出码 0 结束，才轮到下一个。最后所有应用容器一起启动。"),
  facts: [Fact("one-at-a-time", en: "each began when the one before had ended", zh: "前一个结束，后一个才开始")], standsAlone: true,
  cluster: #"""
    k apply -f chain.yaml
    k wait --for=condition=Ready pod/chain --timeout=120s
    diary() { k exec chain -c app -- cat /d/diary | tr '\n' ','; }
    check one-at-a-time '1 begins,1 ends,2 begins,2 ends,app begins,' diary
    gone chain
    """#
) { scene in
  try scene.apply(scene.breaks("one-at-a-time") ? chain.replacing("sleep 0.3; echo 1 ends >>/d/diary", with: "(sleep 0.3; echo 1 ends >>/d/diary) & sleep 0.1; [ -n x ] && setsid sh -c 'exit 0'").replacing("{name: first,", with: "{name: first, restartPolicy: Always,").replacing("setsid sh -c 'exit 0'", with: "exec sleep 3600") : chain, ready: "chain")
  let diary = Evidence.lines("/proc/\(try scene.process("chain", "app"))/root/d/diary")
  scene.timeline("chain")
  scene.typed("app$ cat /d/diary", printed: diary.joined(separator: "\n"))
  try scene.check("one-at-a-time", equal: "1 begins, 1 ends, 2 begins, 2 ends, app begins", diary.joined(separator: ", "))
  try scene.remove("chain")
}

let broken = Step(
  Text(en: "Break it: an init container that fails", zh: "破坏：失败的 Init 容器"),
  why: Text(
    en: "The WAR is not there, cp ends with 1. With restartPolicy: Never that is the end of the Pod. With Always it is tried again and again, with a back-off, and the app is never started.",
    zh: "WAR 不在，cp 的退出码是 1。restartPolicy 为 Never，Pod 就此结束；为 Always，就反复重试，每次之间有回退延迟（back-off），而应用一直不会启动。"),
  facts: [
    Fact("never-fails", en: "Never: the Pod has Failed", zh: "Never：Pod 变为 Failed"),
    Fact("always-retries", en: "Always: it is tried again, and the Pod stays Pending", zh: "Always：反复重试，Pod 停在 Pending"),
    Fact("app-not-started", en: "in neither Pod the app was ever started", zh: "两个 Pod 里，应用都从未启动"),
  ], standsAlone: true,
  cluster: #"""
    k apply -f fails-never.yaml -f fails-always.yaml
    check never-fails Failed k get pod fails-never -o 'jsonpath={.status.phase}'
    check always-retries 'Pending [1-9]' k get pod fails-always -o 'jsonpath={.status.phase} {.status.initContainerStatuses[0].restartCount}'
    first app-not-started '' k get pod fails-always -o 'jsonpath={.status.containerStatuses[0].state.running}'
    gone fails-never fails-always
    """#
) { scene in
  let cured = (from: "cp /sample.war /app", to: "true")
  try scene.podctl("apply", "-f", "-", input: scene.breaks("never-fails") ? failing("Never").replacing(cured.from, with: cured.to) : failing("Never"))
  let heals = scene.breaks("always-retries") || scene.breaks("app-not-started")
  try scene.podctl("apply", "-f", "-", input: heals ? failing("Always").replacing(cured.from, with: cured.to) : failing("Always"))
  if scene.breaks("never-fails") { try scene.podctl("wait", "--for=condition=Ready", "pod/fails-never", "--timeout=30s") } else { try scene.until("fails-never", ".status.phase", is: "Failed") }
  let retries = { Int(try scene.field("fails-always", ".status.initContainerStatuses[0].restartCount")) ?? 0 }
  if heals { try scene.podctl("wait", "--for=condition=Ready", "pod/fails-always", "--timeout=30s") } else { try scene.until("it was tried again", "又试了一次") { try retries() > 0 } }
  let rows = try ["fails-never", "fails-always"].map { name in
    [name, try scene.field(name, ".status.phase"), try scene.field(name, ".status.initContainerStatuses[0].restartCount"), try scene.journal(name).contains { $0.event == "containerStarted" && $0.container == "app" } ? "started" : "never"]
  }
  let word = { (started: String) in started == "never" ? Text(en: "never started", zh: "从未启动") : Text(en: "started", zh: "启动过") }
  scene.table(
    [.data("Pod"), .data("phase"), Text(en: "restarts of war", zh: "war 的重启次数"), .data("app")], rows.map { $0.dropLast().map(Text.data) + [word($0[3])] })
  scene.typed("$ podctl logs fails-always -c war", printed: try scene.run(["podctl", "logs", "fails-always", "-c", "war"]).trimmed.shortened(66))
  try scene.check("never-fails", equal: "Failed", rows[0][1])
  if !scene.breaks("app-not-started") { try scene.check("always-retries", rows[1][1] == "Pending" && rows[1][2] != "0", expected: Text(en: "Pending, restarted", zh: "Pending，重启过"), found: .data("\(rows[1][1]), \(rows[1][2])")) }
  try scene.check("app-not-started", rows.allSatisfy { $0[3] == "never" }, expected: word("never"), found: word(rows.first { $0[3] != "never" }?[3] ?? "never"))
  if scene.breaks("app-not-started") { try scene.check("always-retries", rows[1][1] == "Pending", expected: .data("Pending"), found: .data(rows[1][1])) }
}

exit(
  LabProgram.run(
    Story(
      "04-war-init", title: Text(en: "A WAR package and a web server", zh: "WAR 包与 Web 服务器"),
      question: Text(
        en: "An application needs a server to run in. Must both be in one image? If not: how does the application come to the server, and in time?",
        zh: "应用要在服务器里运行。两者必须放进同一个镜像吗？如果不必，应用怎样才能赶在服务器启动之前送到它那里？"),
      manifests: [.init("javaweb.yaml", javaweb("sample-war:1.0")), .init("chain.yaml", chain), .init("fails-never.yaml", failing("Never")), .init("fails-always.yaml", failing("Always"))],
      steps: [server, upgrade, order, broken])))
