// SPDX-License-Identifier: Apache-2.0
//
// Lab 05: the process lives, but is it healthy? Servers that deadlock, start slowly, leak, and say no: what a probe sees, what the kubelet does about it,
// and what a probe that is too impatient breaks. Server.swift has the servers. Read the lesson beside this file first.
import Glibc
import Kernel
import LabKit

if CommandLine.arguments.count == 3, CommandLine.arguments[1] == "serve" { exit(Server.run(CommandLine.arguments[2])) }

/// A Pod with one of our servers in each container. The program is this very file, bound into the container; the probes are written after it.
func pod(_ scene: Scene, _ name: String, _ containers: [(name: String, kind: String, probes: String)]) -> String {
  """
  apiVersion: v1
  kind: Pod
  metadata: {name: \(name)}
  spec:
    terminationGracePeriodSeconds: 1
    containers:

  """
    + containers.map { c in
      """
        - name: \(c.name)
          image: busybox
          imagePullPolicy: IfNotPresent
          command: [/server, serve, \(c.kind)]
          volumeMounts:
          - {name: server, mountPath: /server, readOnly: true}
          - {name: host, mountPath: /host}
      \(c.probes)

      """
    }.joined() + """
      volumes:
      - {name: server, hostPath: {path: \(scene.programs)/lab-05-probes, type: File}}
      - {name: host, hostPath: {path: \(scene.folder)/\(name), type: DirectoryOrCreate}}

    """
}

/// What a client gets from a container's server within a second: the answer, or what went wrong.
func get(_ scene: Scene, _ pod: String, _ container: String, _ path: String) throws -> String {
  let r = try scene.exec(pod, container, "timeout 1 wget -qO- http://127.0.0.1:8080\(path) 2>&1 || echo \"\(silence.en)\"")
  return r.text.split(separator: "\n").last.map(String.init) ?? "-"
}

let silence = Text(en: "no answer within 1 s", zh: "1 秒内没有应答")

/// What came, in the reader's language where nothing came.
func told(_ answer: String) -> Text { answer == silence.en ? silence : .data(answer) }

/// How often the container was started again.
func restarts(_ scene: Scene, _ pod: String, _ container: String) throws -> String {
  try scene.status(pod, container, "restartCount")
}

func isReady(_ scene: Scene, _ pod: String, _ container: String) throws -> String {
  try scene.status(pod, container, "ready")
}

/// How many connections to port 8080 the server has accepted and still holds: 01 is ESTABLISHED.
func connections(_ pid: Int32) -> Int {
  Evidence.lines("/proc/\(pid)/net/tcp").filter { $0.split(separator: " ").dropFirst().first?.hasSuffix(":1F90") == true && $0.split(separator: " ").dropFirst(3).first == "01" }.count
}

let liveness = "    livenessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 2, terminationGracePeriodSeconds: 2}"

let deadlock = Step(
  Text(en: "Deadlocked: alive for the kernel, dead for everybody else", zh: "死锁：内核眼里活着，别人眼里死了"),
  why: Text(
    en: "Two threads of the server wait for each other. The process is there and sleeps, the port is open: nothing ends, so nothing would be restarted. The liveness probe asks for an answer, and gets none; after two failures in a row the container is killed and a new one started. A server that is stuck does not obey SIGTERM either: the Pod would give it 30 seconds, the probe (terminationGracePeriodSeconds) gives it two. What the old one had written into its own layer is gone.",
    zh: "服务器的两个线程互相等待。进程还在，处于睡眠状态，端口也开着：没有谁退出，所以也没有谁会被重启。存活探针要一个应答，却得不到；连续失败两次，容器被杀死，换一个新的。卡死的服务器也不理会 SIGTERM：Pod 给的宽限期是 30 秒，探针（terminationGracePeriodSeconds）只给两秒。旧容器写在自己那一层里的东西随之消失。"),
  facts: [
    Fact("stuck", en: "the process lives (state S), the port takes connections, no answer comes", zh: "进程活着（状态 S），端口接受连接，却没有应答"),
    Fact("killed", en: "the probe fails, the container is killed and started again", zh: "探测失败，容器被杀死并重启"),
    Fact("probe-grace", en: "it was given the probe's grace period, not the Pod's", zh: "用的是探针的宽限期，不是 Pod 的"),
    Fact("layer-gone", en: "a restart is a new container: a file in its own layer is gone", zh: "重启得到的是新容器：写在旧容器那一层里的文件没了"),
  ], standsAlone: true
) { scene in
  var manifest = pod(scene, "shop", [("app", "deadlock", scene.breaks("killed") ? "" : liveness)])
  manifest = manifest.replacing("terminationGracePeriodSeconds: 1\n  containers", with: "terminationGracePeriodSeconds: 30\n  containers")
  if scene.breaks("probe-grace") { manifest = manifest.replacing("failureThreshold: 2, terminationGracePeriodSeconds: 2", with: "failureThreshold: 2, terminationGracePeriodSeconds: 12") }
  if scene.breaks("layer-gone") { manifest = manifest.replacing("{name: host, mountPath: /host}", with: "{name: host, mountPath: /order}") }
  try scene.apply(manifest, ready: "shop")
  try scene.until("the server answers", "服务器应答") { try get(scene, "shop", "app", "/") == "ok" }
  _ = try scene.exec("shop", "app", "mkdir -p /order; echo 1 >/order/one")
  let old = try scene.process("shop", "app")
  if !scene.breaks("stuck") { _ = try get(scene, "shop", "app", "/deadlock") }
  let answer = try get(scene, "shop", "app", "/")
  let state = Evidence.state(old)
  // Where its threads sleep: futex is what a lock waits in.
  let waits = try FileSystem.list("/proc/\(old)/task").map { Evidence.text("/proc/\(old)/task/\($0)/wchan").trimmed }.filter { $0.contains("futex") }.count
  scene.show(
    Text(en: "pid \(old)   state \(state)   threads that wait for a lock: \(waits)", zh: "pid \(old)   状态 \(state)   等锁的线程：\(waits)"),
    .data("GET /   ") + told(answer) + Text(en: "   connections that hang: \(connections(old))", zh: "   没有回音的连接：\(connections(old))"))
  try scene.check(
    "stuck", state == "S" && answer == silence.en, expected: Text(en: "state S, ", zh: "状态 S，") + silence,
    found: Text(en: "state \(state), ", zh: "状态 \(state)，") + told(answer))
  if scene.breaks("stuck") { return }

  let limit: Int64 = scene.breaks("killed") ? 4 : 20
  let isNew = { try restarts(scene, "shop", "app") != "0" }
  if scene.breaks("killed") {
    let end = Clock.monotonic + limit * 1_000_000_000
    while Clock.monotonic < end, try !isNew() { usleep(100_000) }
  } else {
    try scene.until("two probes fail and the container is replaced", "两次探测失败，容器被换掉", seconds: limit, isNew)
  }
  let events = try scene.events("Unhealthy")
  scene.show(event: "Unhealthy", events.first)
  scene.timeline("shop")
  let code = try scene.field("shop", ".status.containerStatuses[0].lastState.terminated.exitCode")
  let count = try restarts(scene, "shop", "app")
  scene.say(en: "restartCount \(count)   the old one's exit code \(code.isEmpty ? "-" : code)", zh: "restartCount \(count)   旧容器的退出码 \(code.isEmpty ? "-" : code)")
  try scene.check("killed", count == "1" && events.contains { $0.contains("Liveness probe failed") }, expected: .data("restartCount 1, Unhealthy"), found: .data("restartCount \(count)"))
  let journal = try scene.journal("shop")
  let end = journal.first { $0.event == "containerExited" }?.at ?? 0
  let verdict = journal.last { $0.result == "failure" && $0.at <= end }?.at ?? 0
  let tenths = (end - verdict) / 100_000_000
  scene.say(en: "from the last failure to its end: \(tenths / 10).\(tenths % 10) s", zh: "从最后一次失败到容器结束：\(tenths / 10).\(tenths % 10) 秒")
  try scene.check(
    "probe-grace", end > 0 && (19...100).contains(tenths) && code == "137", expected: Text(en: "2 s, exit code 137", zh: "2 秒，退出码 137"),
    found: Text(en: "\(tenths / 10) s, exit code \(code)", zh: "\(tenths / 10) 秒，退出码 \(code)"))
  try scene.until("the new one answers", "新容器应答") { try get(scene, "shop", "app", "/") == "ok" }
  let left = try scene.exec("shop", "app", "cat /order/one 2>&1").trimmed
  scene.typed("app$ cat /order/one", printed: left)
  try scene.check("layer-gone", left.contains("No such file"), expected: .data("No such file or directory"), found: .data(left))
  try scene.remove("shop")
}

let readiness = Step(
  Text(en: "Readiness: out of service, not killed", zh: "就绪探针：暂停服务，但不杀死"),
  why: Text(
    en: "A server that is busy, or waits for its database, is to get no requests for a while; killing it would not help. The readiness probe says so: Ready becomes False, a Service would send nothing more to it, and the process stays. Two successes in a row bring it back.",
    zh: "服务器正忙，或者在等数据库，就应当暂时不接请求；杀死它没有用。就绪探针管的就是这个：Ready 变为 False，Service 不再给它发请求，而进程不变。连续成功两次，它就恢复服务。"),
  facts: [
    Fact("first-later", en: "the first question comes a second after the start (initialDelaySeconds)", zh: "启动一秒之后才做第一次探测（initialDelaySeconds）"),
    Fact("out-of-service", en: "Ready is False, the process is the same, nothing was restarted", zh: "Ready 为 False，进程没变，没有重启"),
    Fact("back-again", en: "after two successes Ready is True again", zh: "成功两次之后，Ready 又是 True"),
  ], standsAlone: true,
  cluster: #"""
    k apply -f desk.yaml
    k wait --for=condition=Ready pod/desk --timeout=120s
    k exec desk -- rm /tmp/open
    check out-of-service 'false 0' k get pod desk -o 'jsonpath={.status.containerStatuses[0].ready} {.status.containerStatuses[0].restartCount}'
    k exec desk -- touch /tmp/open
    check back-again 'true 0' k get pod desk -o 'jsonpath={.status.containerStatuses[0].ready} {.status.containerStatuses[0].restartCount}'
    gone desk
    """#
) { scene in
  var manifest = desk
  if scene.breaks("first-later") { manifest = manifest.replacing("initialDelaySeconds: 1, ", with: "") }
  if scene.breaks("out-of-service") { manifest = manifest.replacing("readinessProbe", with: "livenessProbe").replacing("successThreshold: 2, ", with: "") }
  try scene.apply(manifest, ready: "desk")
  try scene.until("it has been asked", "探测过一次") { try scene.journal("desk").contains { $0.event == "probeFinished" } }
  let events = try scene.journal("desk")
  let started = events.first { $0.event == "containerStarted" }?.at ?? 0
  let delay = ((events.first { $0.event == "probeFinished" }?.at ?? 0) - started) / 100_000_000
  scene.say(en: "first asked after \(delay / 10).\(delay % 10) s", zh: "\(delay / 10).\(delay % 10) 秒后第一次探测")
  try scene.check("first-later", delay >= 9, expected: Text(en: "1 s or more", zh: "1 秒以上"), found: Text(en: "\(delay / 10).\(delay % 10) s", zh: "\(delay / 10).\(delay % 10) 秒"))
  let pid = try scene.process("desk", "app")
  _ = try scene.exec("desk", "app", "rm /tmp/open")
  let status = { (try isReady(scene, "desk", "app"), try restarts(scene, "desk", "app")) }
  try scene.until("the probe fails", "探测失败") { let s = try status(); return s.0 == "false" || s.1 != "0" }
  let out = try status()
  let process = { () -> Text in Evidence.state(pid) == "-" ? Text(en: "process gone", zh: "进程不在了") : Text(en: "process still \(pid)", zh: "进程还是 \(pid)") }
  let condition = { try scene.field("desk", ".status.conditions[?(@.type==\"Ready\")].status") }
  scene.show(.data("app$ rm /tmp/open"), .data("  Ready: \(try condition())   restartCount: \(out.1)   ") + process())
  try scene.check(
    "out-of-service", out.0 == "false" && out.1 == "0" && Evidence.state(pid) != "-", expected: .data("ready false, restartCount 0, pid \(pid)"),
    found: .data("ready \(out.0), restartCount \(out.1)"))
  if scene.breaks("out-of-service") { return }
  if !scene.breaks("back-again") {
    _ = try scene.exec("desk", "app", "touch /tmp/open")
    try scene.until("it is ready again", "重新就绪") { try status().0 == "true" }
  }
  let back = try status()
  scene.show(.data("app$ touch /tmp/open"), .data("  Ready: \(try condition())   restartCount: \(back.1)   ") + process())
  scene.timeline("desk")
  try scene.check("back-again", equal: "true 0", "\(back.0) \(back.1)")
  try scene.remove("desk")
}

let desk = """
  apiVersion: v1
  kind: Pod
  metadata: {name: desk}
  spec:
    terminationGracePeriodSeconds: 0
    containers:
    - name: app
      image: busybox
      imagePullPolicy: IfNotPresent
      command: [sh, -c, "touch /tmp/open; exec sleep 3600"]
      readinessProbe: {exec: {command: [test, -e, /tmp/open]}, initialDelaySeconds: 1, periodSeconds: 1, successThreshold: 2, failureThreshold: 1}

  """

let impatient = Step(
  Text(en: "Break it: a liveness probe that cannot wait, and its cure", zh: "破坏：等不及的存活探针，以及解药"),
  why: Text(
    en: "This server needs three seconds before it listens. Its liveness probe begins at once and gives up at the first failure: the server is killed before it has come up, again and again. The second Pod has the same probe and a startup probe: until that one has succeeded, the others are not asked.",
    zh: "这个服务器要三秒才开始监听。它的存活探针立刻开始，失败一次就放弃：服务器还没起来就被杀，周而复始。第二个 Pod 用同样的存活探针，再加一个启动探针：启动探针成功之前，其他探针都不工作。"),
  facts: [
    Fact("never-up", en: "the impatient one was killed, and never listened", zh: "等不及的那个被杀死，从没监听过"),
    Fact("held-back", en: "with a startup probe no liveness probe came before it had succeeded", zh: "有启动探针时，它成功之前没有做过存活探测"),
    Fact("cured", en: "with a startup probe it comes up, without a restart", zh: "有启动探针，服务器正常起来，没有重启"),
  ], standsAlone: true,
  cluster: #"""
    k apply -f impatient.yaml -f patient.yaml
    check cured 'true 0' k get pod patient -o 'jsonpath={.status.containerStatuses[0].ready} {.status.containerStatuses[0].restartCount}'
    check never-up '[1-9]*' k get pod impatient -o 'jsonpath={.status.containerStatuses[0].restartCount}'
    gone impatient patient
    """#
) { scene in
  let probe = "    livenessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1, failureThreshold: 1}"
  let startup = "\n    startupProbe: {tcpSocket: {port: 8080}, periodSeconds: 1, failureThreshold: 30}"
  try scene.podctl("apply", "-f", "-", input: pod(scene, "impatient", [("app", "slow", probe + (scene.breaks("never-up") ? startup : ""))]))
  let uncured = scene.breaks("held-back") || scene.breaks("cured")
  try scene.podctl("apply", "-f", "-", input: pod(scene, "patient", [("app", "slow", probe + (uncured ? "" : startup))]))
  let up = { (pod: String) in FileSystem.exists("\(scene.folder)/\(pod)/notes") }
  try scene.until("one is up and the other was killed", "一个起来了，另一个被杀死") {
    let killed = try restarts(scene, "impatient", "app")
    let other = try restarts(scene, "patient", "app")
    let ready = try isReady(scene, "patient", "app") == "true"
    return (killed != "0" && !killed.isEmpty || up("impatient")) && (up("patient") && ready || other != "0" && !other.isEmpty)
  }
  scene.show(data: "impatient"); scene.timeline("impatient")
  let killed = try restarts(scene, "impatient", "app")
  let listened = up("impatient") ? Text(en: "it has listened", zh: "监听过") : Text(en: "it has never listened", zh: "从未监听")
  scene.show(.data("restartCount \(killed)   ") + listened)
  try scene.check(
    "never-up", killed != "0" && !up("impatient"), expected: Text(en: "killed before it listened", zh: "还没监听就被杀"),
    found: .data("restartCount \(killed), ") + listened)
  if !uncured { try scene.until("its liveness is asked", "开始存活探测") { try probes(scene, "patient", "liveness").first != nil } }
  scene.show(data: "patient"); scene.timeline("patient")
  let first = try probes(scene, "patient", "liveness").first ?? 0
  let started = try probes(scene, "patient", "startup", "success").first ?? .max
  let count = try restarts(scene, "patient", "app")
  if !scene.breaks("cured") { try scene.check("held-back", first > started, expected: Text(en: "liveness after the startup probe's success", zh: "启动探针成功之后才有存活探测"), found: Text(en: "liveness first", zh: "存活探测在先")) }
  try scene.check("cured", count == "0" && up("patient"), expected: Text(en: "restartCount 0, listening", zh: "restartCount 0，在监听"), found: .data("restartCount \(count)"))
  try scene.remove("impatient", "patient")
}

/// When the results of a probe came (nanoseconds), by the Pod's journal.
func probes(_ scene: Scene, _ pod: String, _ kind: String, _ result: String? = nil) throws -> [Int64] {
  try scene.journal(pod).filter { $0.event == "probeFinished" && $0.probe == kind && (result == nil || $0.result == result) }.map(\.at)
}

/// The four ways to ask, in Pods of their own on a cluster.
let slowly = { (name: String, more: String) in
  """
  apiVersion: v1
  kind: Pod
  metadata: {name: \(name)}
  spec:
    terminationGracePeriodSeconds: 0
    containers:
    - name: app
      image: busybox
      command: [sh, -c, "sleep 5; mkdir -p /www; exec httpd -f -p 8080 -h /www"]
      livenessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1, failureThreshold: 1}
  \(more)

  """
}

let kinds = Step(
  Text(en: "Four ways to ask", zh: "四种探测方式"),
  why: Text(
    en: "exec runs a program in the container, httpGet wants a status from 200 to 399, tcpSocket an accepted connection, grpc the answer SERVING of the health service. One container for each; then the gRPC server says NOT_SERVING.",
    zh: "exec 在容器里运行一个程序；httpGet 要求状态码在 200 到 399 之间；tcpSocket 要求连接被接受；grpc 要求健康服务回答 SERVING。每种方式一个容器；最后让 gRPC 服务器改口回答 NOT_SERVING。"),
  facts: [
    Fact("four-ways", en: "all four probes find their server ready", zh: "四种探测都成功，服务器就绪"),
    Fact("grpc-says-no", en: "a server that answers NOT_SERVING is not ready", zh: "服务器回答 NOT_SERVING，就是未就绪"),
  ], standsAlone: true
) { scene in
  let ask = { (how: String) in "    readinessProbe: {\(how), periodSeconds: 1, failureThreshold: 1}" }
  // They share one port space, so only one of them listens where the others would: http and tcp ask the same server.
  let port = scene.breaks("four-ways") ? 8081 : 8080
  let more = """
      - {name: exec, image: busybox, imagePullPolicy: IfNotPresent, command: [sleep, "3600"], readinessProbe: {exec: {command: ["true"]}, periodSeconds: 1}}
      - {name: tcp, image: busybox, imagePullPolicy: IfNotPresent, command: [sleep, "3600"], readinessProbe: {tcpSocket: {port: \(port)}, periodSeconds: 1}}
      volumes:
    """
  let local = pod(scene, "kinds", [("http", "deadlock", ask("httpGet: {path: /, port: \(port)}"))]).replacing("  volumes:", with: more)
  try scene.podctl("apply", "-f", "-", input: local)
  try scene.podctl("apply", "-f", "-", input: pod(scene, "remote", [("grpc", "grpc", ask("grpc: {port: \(port)}"))]))
  let all = { () throws -> [[String]] in
    try [("kinds", "exec"), ("kinds", "http"), ("kinds", "tcp"), ("remote", "grpc")].map { [$0.1, try isReady(scene, $0.0, $0.1)] }
  }
  if scene.breaks("four-ways") {
    try scene.until("a probe fails", "有探测失败") { try probes(scene, "remote", "readiness", "failure").count > 0 }
  } else {
    try scene.until("all four are ready", "四个都就绪") { try all().allSatisfy { $0[1] == "true" } }
  }
  let found = try all()
  scene.table([Text(en: "probe", zh: "探针"), .data("ready")], data: found)
  try scene.check("four-ways", found.allSatisfy { $0[1] == "true" }, expected: .data("true true true true"), found: .data(found.map { $0[1] }.joined(separator: " ")))
  if scene.breaks("four-ways") { return }
  if !scene.breaks("grpc-says-no") {
    _ = try scene.exec("remote", "grpc", "touch /tmp/not-serving")
    try scene.until("the gRPC probe fails", "gRPC 探测失败") { try isReady(scene, "remote", "grpc") == "false" }
  }
  let line = try scene.events("Unhealthy").last { $0.contains("NOT_SERVING") }
  scene.show(event: "Unhealthy", line)
  scene.show(data: "ready: \(try isReady(scene, "remote", "grpc"))   restartCount \(try restarts(scene, "remote", "grpc"))")
  try scene.check("grpc-says-no", line != nil, expected: .data("NOT_SERVING"), found: .data(line ?? "-"))
  try scene.remove("kinds", "remote")
}

let leak = Step(
  Text(en: "A leak: the probe ends it before the kernel must", zh: "内存泄漏：探针赶在内核动手之前结束它"),
  why: Text(
    en: "A server answers well and eats memory. An exec probe can ask anything, here how much memory process 1 has; past 60 MiB it fails, and the container is replaced before the machine suffers. The kernel says how much it had (VmRSS).",
    zh: "服务器应答正常，占用的内存却越来越多。exec 探针什么都能查，这里查 1 号进程占了多少内存；超过 60 MiB 就算失败，容器在拖垮机器之前就被换掉。占了多少，由内核说了算（VmRSS）。"),
  facts: [Fact("leak-ended", en: "the leaking container was replaced; the new one is small again", zh: "泄漏的容器被换掉，新容器占用又很小")], standsAlone: true
) { scene in
  let limit = scene.breaks("leak-ended") ? 6_000_000 : 60_000
  let probe = "    livenessProbe: {exec: {command: [sh, -c, \"test $(awk '/VmRSS/ {print $2}' /proc/1/status) -lt \(limit)\"]}, periodSeconds: 1, failureThreshold: 1}"
  try scene.apply(pod(scene, "greedy", [("app", "leak", probe)]), ready: "greedy")
  let memory = { (pid: Int32) in Int(Evidence.status(pid, "VmRSS").split(separator: " ").first ?? "") ?? 0 }
  let old = try scene.process("greedy", "app")
  let first = memory(old)
  var most = first
  _ = try scene.exec("greedy", "app", "touch /tmp/leak")
  let begin = Clock.monotonic
  try scene.until("it has grown and was replaced", "内存增长，容器被换掉", seconds: 30) {
    most = max(most, memory(old))
    if scene.breaks("leak-ended"), Clock.monotonic - begin > 4_000_000_000 { return true }
    return try scene.processes("greedy")["app"].map { $0 != old } ?? false
  }
  let new = try scene.process("greedy", "app")
  // The new one has /tmp of its own: nothing there tells it to leak.
  let now = memory(new)
  let next = new == old ? .data("") : Text(en: "the next container", zh: "下一个容器")
  scene.table([.data("pid"), Text(en: "VmRSS at first", zh: "起初的 VmRSS"), Text(en: "at most", zh: "最多"), .data("")], [
    [.data("\(old)"), .data("\(first / 1024) MiB"), .data("\(most / 1024) MiB"), .data("")],
    [.data("\(new)"), .data("\(now / 1024) MiB"), .data(""), next],
  ])
  scene.timeline("greedy")
  try scene.check("leak-ended", new != old && most > 40_000 && now < most / 2, expected: Text(en: "another process, small", zh: "另一个进程，占用很小"), found: .data("pid \(new), \(now / 1024) MiB"))
  try scene.remove("greedy")
}

exit(
  LabProgram.run(
    Story(
      "05-probes", title: Text(en: "The process lives, but is it healthy?", zh: "进程活着，可它健康吗？"),
      question: Text(
        en: "The kernel knows whether a process runs. It does not know whether it works. Who asks, how, and what is done about the answer?",
        zh: "内核知道进程是否在运行，却不知道它是否在工作。由谁来问？怎么问？问到之后怎么办？"),
      manifests: [
        .init("desk.yaml", desk), .init("impatient.yaml", slowly("impatient", "")),
        .init("patient.yaml", slowly("patient", "    startupProbe: {tcpSocket: {port: 8080}, periodSeconds: 1, failureThreshold: 30}")),
      ],
      steps: [deadlock, readiness, impatient, kinds, leak])))
