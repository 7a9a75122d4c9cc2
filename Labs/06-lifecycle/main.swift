// SPDX-License-Identifier: Apache-2.0
//
// Lab 06: the life of a Pod. One Pod each is driven into each of the five phases, and what makes it so is shown; then what restarts a container, what its
// hooks may do, and what becomes of one that will not end. Read the lesson beside this file first.
import Glibc
import Kernel
import LabKit

let pending = Step(
  Text(en: "Pending: stored, and nothing runs yet", zh: "Pending：已保存，但还没有运行"),
  why: Text(
    en: "A Pod that is accepted is stored first, whatever becomes of it. One asks for a node that does not exist, one for an image that does not exist: both are Pending, for different reasons, and the status says which.",
    zh: "Pod 一被接受，就先保存下来，不管后面怎样。一个要的节点不存在，一个要的镜像不存在：两者都是 Pending，原因不同，状态里写得很清楚。"),
  facts: [
    Fact("stored-first", en: "the object is stored, and no process of it exists", zh: "对象已保存，而它的进程一个也没有"),
    Fact("not-scheduled", en: "no node fits: Pending, bound to none", zh: "没有合适的节点：Pending，没有绑定到任何节点"),
    Fact("no-image", en: "scheduled, but its image is missing: Pending too", zh: "已调度，但镜像缺失：同样是 Pending"),
  ], standsAlone: true,
  cluster: #"""
    k apply -f nowhere.yaml -f no-image.yaml
    check not-scheduled 'Pending  *Unschedulable*' k get pod nowhere -o 'jsonpath={.status.phase} {.spec.nodeName} {.status.conditions[0].reason}'
    check no-image 'Pending ErrImageNeverPull' k get pod no-image -o 'jsonpath={.status.phase} {.status.containerStatuses[0].state.waiting.reason}'
    gone nowhere no-image
    """#
) { scene in
  if scene.breaks("not-scheduled") { try scene.podctl("label", "node", "podlab", "disk=ssd") }
  let dry = scene.breaks("stored-first")
  let applied = try scene.run(["podctl", "apply", "-f", "-"] + (dry ? ["--dry-run=client"] : []), input: nowhere)
  scene.typed("$ podctl apply -f nowhere.yaml", printed: applied.trimmed + applied.errors.trimmed)
  let place = scene.instance.place("default", "nowhere")
  let isStored = FileSystem.exists(place.object)
  let runs = isStored ? try scene.processes("nowhere").count : 0
  let count = Text(en: "processes of it: \(runs)", zh: "它的进程数：\(runs)")
  let bytes = Evidence.text(place.object).utf8.count
  let stored = isStored
    ? Text(en: "stored: …/pods/default/nowhere/pod.json, \(bytes) bytes   ", zh: "已保存：…/pods/default/nowhere/pod.json，\(bytes) 字节   ")
    : Text(en: "not stored   ", zh: "没有保存   ")
  scene.show(stored + count)
  try scene.check("stored-first", isStored && runs == 0, expected: Text(en: "stored, processes of it: 0", zh: "已保存，它的进程数：0"), found: stored + count)
  if scene.breaks("not-scheduled") { try scene.podctl("wait", "--for=condition=Ready", "pod/nowhere", "--timeout=30s") }
  let judged = { try scene.field("nowhere", ".status.conditions[?(@.type==\"PodScheduled\")].message") }
  if !scene.breaks("not-scheduled") { try scene.until("the scheduler has judged", "调度器做出判断") { try !judged().isEmpty } }
  let why = try judged()
  let (phase, node) = (try scene.field("nowhere", ".status.phase"), try scene.field("nowhere", ".spec.nodeName"))
  scene.show(data: "nowhere    \(phase)   nodeName: \(node.isEmpty ? "-" : node)", "  \(why)")
  try scene.check("not-scheduled", phase == "Pending" && node.isEmpty, expected: Text(en: "Pending, no node", zh: "Pending，没有节点"), found: .data("\(phase), nodeName \(node)"))

  try scene.podctl("apply", "-f", "-", input: scene.breaks("no-image") ? noImage.replacing("no-such-image", with: "busybox").replacing("Never", with: "IfNotPresent") : noImage)
  if scene.breaks("no-image") { try scene.podctl("wait", "--for=condition=Ready", "pod/no-image", "--timeout=30s") }
  else { try scene.until("no-image", ".status.containerStatuses[0].state.waiting.reason", is: "ErrImageNeverPull") }
  let (second, bound) = (try scene.field("no-image", ".status.phase"), try scene.field("no-image", ".spec.nodeName"))
  scene.show(data: "no-image   \(second)   nodeName: \(bound)", "  \(try scene.field("no-image", ".status.containerStatuses[0].state.waiting.message"))")
  try scene.check("no-image", second == "Pending" && !bound.isEmpty, expected: Text(en: "Pending, on a node", zh: "Pending，已有节点"), found: .data("\(second), nodeName \(bound)"))
  try scene.remove("nowhere", "no-image")
}

let succeeded = Step(
  Text(en: "Running, then Succeeded", zh: "Running，然后 Succeeded"),
  why: Text(
    en: "Two containers with restartPolicy: Never. One has ended well, one still runs: the Pod is Running, for it is bound to a node and one container of it runs. When the last has ended with 0, the Pod has Succeeded.",
    zh: "两个容器，restartPolicy: Never。一个已正常结束，一个还在运行：Pod 是 Running，因为它已绑定到节点，并且有一个容器在运行。最后一个也以退出码 0 结束，Pod 就是 Succeeded。"),
  facts: [
    Fact("running", en: "Running while one container runs, the other ended with 0", zh: "一个容器在运行，另一个以退出码 0 结束：Running"),
    Fact("succeeded", en: "Succeeded when all have ended with 0", zh: "全部以退出码 0 结束：Succeeded"),
  ], standsAlone: true,
  cluster: #"""
    k apply -f job.yaml
    check running 'Running 0' k get pod job -o 'jsonpath={.status.phase} {.status.containerStatuses[?(@.name=="first")].state.terminated.exitCode}'
    k exec job -c second -- touch /tmp/go
    check succeeded Succeeded k get pod job -o 'jsonpath={.status.phase}'
    gone job
    """#
) { scene in
  let fails = scene.breaks("succeeded")
  try scene.podctl("apply", "-f", "-", input: fails ? job.replacing("sleep 0.05; done", with: "sleep 0.05; done; exit 1") : job)
  try scene.until("job", ".status.containerStatuses[?(@.name==\"first\")].state.terminated.exitCode", is: "0")
  try scene.until("the second runs", "second 开始运行") { try scene.processes("job")["second"] != nil }
  let second = try scene.process("job", "second")
  let go = { _ = try scene.exec("job", "second", "touch /tmp/go") }
  if scene.breaks("running") {
    try go()
    try scene.until("job", ".status.phase", is: "Succeeded")
  }
  try scene.until("the status has both", "状态里两者都有") { try scene.field("job", ".status.phase") != "Pending" }
  let phase = try scene.field("job", ".status.phase")
  scene.show(
    Text(en: "first   exit code 0", zh: "first   退出码 0"),
    Text(en: "second  pid \(second)   state \(Evidence.state(second))", zh: "second  pid \(second)   状态 \(Evidence.state(second))"),
    .data("phase   \(phase)   nodeName: \(try scene.field("job", ".spec.nodeName"))"))
  try scene.check("running", phase == "Running" && Evidence.state(second) != "-", expected: .data("Running"), found: .data(phase))
  if !scene.breaks("running") { try go() }
  try scene.until("both have ended", "两个都结束") { ["Succeeded", "Failed"].contains(try scene.field("job", ".status.phase")) }
  let end = try scene.field("job", ".status.phase")
  let codes = try scene.field("job", ".status.containerStatuses[*].state.terminated.exitCode")
  scene.show(Text(en: "exit codes \(codes)", zh: "退出码 \(codes)"), .data("phase \(end)"))
  try scene.check("succeeded", equal: "Succeeded", end)
  try scene.remove("job")
}

let failed = Step(
  Text(en: "Failed, and how one finds out why", zh: "Failed，以及怎样查明原因"),
  why: Text(
    en: "The article says: Failed, as soon as one container ends with an error. Today the phase is settled when all containers have ended: while one still runs the Pod is Running, though another has failed. The log and the status say why.",
    zh: "文章说：只要有一个容器出错退出，就是 Failed。如今要等所有容器都结束才算：只要还有一个在运行，即使另一个失败了，Pod 仍是 Running。原因要看日志和状态。"),
  facts: [
    Fact("not-failed-yet", en: "one container has failed, one runs: the Pod is Running", zh: "一个容器失败、一个在运行：Pod 是 Running"),
    Fact("failed", en: "all have ended, one of them badly: Failed", zh: "全部结束，其中一个出错：Failed"),
    Fact("says-why", en: "the log of the failed container names the cause", zh: "失败容器的日志写明了原因"),
  ], standsAlone: true,
  cluster: #"""
    k apply -f half.yaml
    check not-failed-yet 'Running 3' k get pod half -o 'jsonpath={.status.phase} {.status.containerStatuses[?(@.name=="bad")].state.terminated.exitCode}'
    check says-why '*cannot open*' k logs half -c bad
    k exec half -c good -- touch /tmp/go
    check failed Failed k get pod half -o 'jsonpath={.status.phase}'
    gone half
    """#
) { scene in
  // Its back-off is what the step after next looks at; ten seconds of it pass meanwhile.
  try scene.podctl("apply", "-f", "-", input: crash)
  var manifest = half
  if scene.breaks("failed") { manifest = half.replacing("exit 3", with: "exit 0") }
  if scene.breaks("says-why") { manifest = half.replacing("echo 'cannot open /etc/app.conf' >&2; ", with: "") }
  try scene.podctl("apply", "-f", "-", input: manifest)
  let code = scene.breaks("failed") ? "0" : "3"
  try scene.until("half", ".status.containerStatuses[?(@.name==\"bad\")].state.terminated.exitCode", is: code)
  try scene.until("the good one runs", "good 运行起来") { try scene.processes("half")["good"] != nil }
  let go = { _ = try scene.exec("half", "good", "touch /tmp/go") }
  if scene.breaks("not-failed-yet") {
    try go()
    try scene.until("half", ".status.phase", is: "Failed")
  }
  try scene.until("the status has both", "状态里两者都有") { try scene.field("half", ".status.phase") != "Pending" }
  let phase = try scene.field("half", ".status.phase")
  let good = try scene.processes("half")["good"].map { Text(en: "good    pid \($0), runs", zh: "good    pid \($0)，在运行") } ?? Text(en: "good    ended", zh: "good    已结束")
  scene.show(Text(en: "bad     exit code \(code)", zh: "bad     退出码 \(code)"), good, .data("phase   \(phase)"))
  try scene.check("not-failed-yet", equal: "Running", phase)
  if !scene.breaks("not-failed-yet") { try go() }
  try scene.until("both have ended", "两个都结束") { ["Succeeded", "Failed"].contains(try scene.field("half", ".status.phase")) }
  let end = try scene.field("half", ".status.phase")
  scene.show(data: "phase   \(end)")
  try scene.check("failed", equal: "Failed", end)
  let log = try scene.podctl("logs", "half", "-c", "bad").trimmed
  let reason = try scene.status("half", "bad", "state.terminated.reason")
  scene.typed("$ podctl get pod half -o jsonpath=…", printed: "\(reason) \(code)")
  scene.typed("$ podctl logs half -c bad", printed: log)
  try scene.check(
    "says-why", log.contains("/etc/app.conf"), expected: .data("cannot open /etc/app.conf"), found: log.isEmpty ? Text(en: "an empty log", zh: "空的日志") : .data(log))
  try scene.remove("half")
}

let unknown = Step(
  Text(en: "Unknown: the one who reports is dead", zh: "Unknown：汇报者不在了"),
  why: Text(
    en: "The phase is a report, not the thing itself. Here each Pod has a supervisor that reports, as the kubelet does for all Pods of a node. It is killed: nobody can say how the Pod is, so it is Unknown, while its container runs on. A cluster shows a lost node's Pods by their condition Ready=False; it has not set the phase Unknown since 2015.",
    zh: "阶段只是一份汇报，不是事情本身。这里每个 Pod 有一个监管进程负责汇报，就像 kubelet 替节点上所有 Pod 汇报那样。杀死它，没有人说得出 Pod 怎样了，于是阶段是 Unknown，而容器照常运行。在集群里，节点失联时用 Ready=False 表示；Unknown 这个阶段从 2015 年起就不再设置了。"),
  facts: [
    Fact("unknown", en: "nobody reports: phase Unknown", zh: "无人汇报：阶段是 Unknown"),
    Fact("runs-on", en: "the container did not notice: same process", zh: "容器毫无察觉：还是同一个进程"),
    Fact("adopted", en: "a new supervisor finds the Pod as it is: Running, no restart", zh: "新的监管进程接管现有的一切：Running，没有重启"),
  ], standsAlone: true
) { scene in
  try scene.apply(steady, ready: "steady")
  let podd = try scene.supervisor("steady")
  let app = try scene.process("steady", "app")
  if !scene.breaks("unknown") {
    podd.signal(SIGKILL)
    try scene.until("the supervisor is dead", "监管进程已死") { !podd.isAlive }
  }
  scene.show(.data("$ kill -9 \(podd.pid)   ") + Text(en: "(podd, the supervisor)", zh: "（podd，监管进程）"))
  let phase = try scene.podctl("get", "pod", "steady", "--no-headers").split(separator: " ").dropFirst(2).first.map(String.init) ?? "-"
  scene.typed("$ podctl get pod steady", printed: phase)
  let (life, command) = (Evidence.state(app), Evidence.command(app))
  scene.say(en: "container's process \(app)   state \(life)   \(command)", zh: "容器的进程 \(app)   状态 \(life)   \(command)")
  try scene.check("unknown", equal: "Unknown", phase)
  if scene.breaks("runs-on") || scene.breaks("adopted") {
    _ = kill(app, SIGKILL)
    try scene.until("the container is dead", "容器已死") { "ZX-".contains(Evidence.state(app)) }
  }
  try scene.check("runs-on", Evidence.state(app) == "S", expected: Text(en: "state S", zh: "状态 S"), found: Text(en: "state \(Evidence.state(app))", zh: "状态 \(Evidence.state(app))"))
  // A command that works on the Pod starts a supervisor for it; a look at it does not.
  try scene.podctl("wait", "--for=condition=Ready", "pod/steady", "--timeout=40s")
  try scene.until("steady", ".status.phase", is: "Running")
  if scene.breaks("adopted") { try scene.until("it is restarted", "它被重启", seconds: 40) { try scene.processes("steady")["app"].map { $0 != app } ?? false } }
  let now = try scene.process("steady", "app")
  let restarts = try scene.field("steady", ".status.containerStatuses[0].restartCount")
  let new = try scene.supervisor("steady").pid
  scene.say(en: "a new podd: \(new)   container's process \(now)   restartCount \(restarts)", zh: "新的 podd：\(new)   容器的进程 \(now)   restartCount \(restarts)")
  try scene.check("adopted", now == app && restarts == "0", expected: .data("pid \(app), restartCount 0"), found: .data("pid \(now), restartCount \(restarts)"))
  try scene.remove("steady")
}

let restarts = Step(
  Text(en: "Who is started again, and when", zh: "谁会被重启，什么时候重启"),
  why: Text(
    en: "restartPolicy decides: Always restarts whatever ended, OnFailure what ended with an error, Never nothing. A container that keeps ending is given time: the first restart comes at once, then after 10 s, 20 s, 40 s … up to 5 minutes (CrashLoopBackOff).",
    zh: "由 restartPolicy 决定：Always 不管怎样结束都重启，OnFailure 只重启出错的，Never 不重启。总是退出的容器，重启会越来越慢：第一次立即重启，之后的回退延迟（back-off）是 10 秒、20 秒、40 秒……最长 5 分钟（CrashLoopBackOff）。"),
  facts: [
    Fact("never", en: "Never: exit 1 is the end", zh: "Never：退出码 1 就到此为止"),
    Fact("on-failure", en: "OnFailure: exit 1 is restarted, exit 0 is not", zh: "OnFailure：退出码 1 会重启，0 不会"),
    Fact("always", en: "Always: exit 0 is restarted too", zh: "Always：退出码 0 也重启"),
    Fact("back-off-doubles", en: "the waiting time doubles: 10 s, then 20 s", zh: "等待时间翻倍：先 10 秒，再 20 秒"),
  ], standsAlone: true,
  cluster: #"""
    k apply -f policies.yaml -f crash.yaml
    check never 'Failed 0' k get pod never -o 'jsonpath={.status.phase} {.status.containerStatuses[0].restartCount}'
    check on-failure '1 0' k get pod on-failure -o 'jsonpath={.status.containerStatuses[?(@.name=="bad")].restartCount} {.status.containerStatuses[?(@.name=="good")].restartCount}'
    check always '[1-9]' k get pod always -o 'jsonpath={.status.containerStatuses[0].restartCount}'
    check back-off-doubles '*back-off 20s*' k get pod crash -o 'jsonpath={.status.containerStatuses[0].state.waiting.message}'
    gone never on-failure always crash
    """#
) { scene in
  var manifests = policies
  if scene.breaks("never") { manifests = policies.replacing("restartPolicy: Never", with: "restartPolicy: OnFailure") }
  if scene.breaks("on-failure") { manifests = policies.replacing("restartPolicy: OnFailure", with: "restartPolicy: Always") }
  if scene.breaks("always") { manifests = policies.replacing("restartPolicy: Always", with: "restartPolicy: OnFailure") }
  try scene.podctl("apply", "-f", "-", input: manifests + "---\n" + (scene.breaks("back-off-doubles") ? crash.replacing("exit 1", with: "sleep 3600") : crash))
  let counts = { (pod: String) in try scene.field(pod, ".status.containerStatuses[*].restartCount") }
  try scene.until("the first ends and restarts", "第一轮结束并重启") {
    // Statuses are ordered by name, so it is the first of the Pod's containers; none is there at first.
    let isRestarted = { (pod: String) in try counts(pod).split(separator: " ").first.flatMap { Int($0) } ?? 0 > 0 }
    return try isRestarted("on-failure") && (isRestarted("always") || scene.breaks("always"))
  }
  try scene.until("all have ended once", "每个都结束过一次") {
    try ["never", "always"].allSatisfy { try !scene.field($0, ".status.containerStatuses[0]['state','lastState']").isEmpty } && counts("never") != "-"
  }
  if scene.breaks("never") { try scene.until("it is restarted", "它被重启") { try counts("never") != "0" } }
  if scene.breaks("on-failure") { try scene.until("the good one is restarted", "good 被重启") { try !counts("on-failure").hasSuffix("0") } }
  let (never, failure, always) = try (counts("never"), counts("on-failure"), counts("always"))
  scene.table([.data("restartPolicy"), Text(en: "exit code", zh: "退出码"), .data("restartCount")], data: [
    ["Never", "1", never], ["OnFailure", "1, 0", failure], ["Always", "0", always],
  ])
  try scene.check("never", equal: "0", never)
  try scene.check("on-failure", equal: "1 0", failure)
  try scene.check("always", always != "0", expected: Text(en: "1 or more", zh: "1 次以上"), found: .data(always))

  var waits: [String] = []
  let reads = {
    let message = try scene.field("crash", ".status.containerStatuses[0].state.waiting.message")
    if let word = message.split(separator: " ").dropFirst().first.map(String.init), message.hasPrefix("back-off"), waits.last != word { waits.append(word) }
  }
  if scene.breaks("back-off-doubles") {
    try reads()
  } else {
    try scene.until("the second back-off of the Pod crash", "Pod crash 的第二次回退延迟", seconds: 40) {
      try reads()
      return waits.contains("20s")
    }
  }
  scene.timeline("crash")
  scene.say(en: "CrashLoopBackOff: back-off \(waits.joined(separator: ", then "))", zh: "CrashLoopBackOff：回退延迟 \(waits.joined(separator: "，然后 "))")
  try scene.check("back-off-doubles", waits.last == "20s", expected: .data("20s"), found: .data(waits.joined(separator: ", ")))
  try scene.remove("never", "on-failure", "always", "crash")
}

let hooked = Step(
  Text(en: "Hooks: after the start, before the stop", zh: "回调：启动之后，停止之前"),
  why: Text(
    en: "postStart runs beside the program as soon as it was started; until it is done the container does not count as running. preStop runs before SIGTERM is sent, and the time it takes is taken from the grace period. Both may be exec, httpGet or sleep.",
    zh: "postStart 在程序启动后立刻开始，与程序并行运行；它没完成，容器就不算运行中。preStop 在发送 SIGTERM 之前运行，用掉的时间从宽限期里扣。两者都可以是 exec、httpGet 或 sleep。"),
  facts: [
    Fact("post-start-first", en: "the container is ready only when postStart is done", zh: "postStart 完成之后，容器才就绪"),
    Fact("pre-stop-first", en: "SIGTERM comes only when preStop is done", zh: "preStop 完成之后，才发 SIGTERM"),
    Fact("three-ways", en: "a hook may be a request (httpGet) or a pause (sleep) too", zh: "回调也可以是一个请求（httpGet）或一段停顿（sleep）"),
  ], standsAlone: true,
  cluster: #"""
    k apply -f hooks.yaml
    k wait --for=condition=Ready pod/hooks --timeout=120s
    check post-start-first '1 postStart is done' k exec hooks -- cat /host/diary
    gone hooks
    """#
) { scene in
  var manifest = hooks.replacing("/tmp/podlab-06", with: scene.folder + "/host")
  if scene.breaks("post-start-first") { manifest = manifest.replacing("sleep 0.5; echo '1", with: "(sleep 5; echo '1").replacing("done' >>/host/diary\"]}}\n      preStop", with: "done' >>/host/diary) &\"]}}\n      preStop") }
  if scene.breaks("pre-stop-first") { manifest = manifest.replacing("sleep 0.5; echo '3 preStop is done' >>/host/diary", with: "(sleep 1; echo '3 preStop is done' >>/host/diary) &") }
  try scene.apply(manifest, ready: "hooks")
  let diary = { Evidence.lines(scene.folder + "/host/diary") }
  scene.typed("app$ cat /host/diary", printed: diary().joined(separator: "\n"))
  try scene.check("post-start-first", equal: "1 postStart is done", diary().joined(separator: ", "))
  try scene.podctl("delete", "pod", "hooks")
  if scene.breaks("pre-stop-first") { try scene.until("the diary is whole", "记录写完") { diary().count >= 3 } }
  scene.show(data: "$ podctl delete pod hooks")
  scene.say(en: "the whole diary:", zh: "完整的记录：")
  scene.show(data: diary().map { "  \($0)" })
  let order = diary().dropFirst().map { $0.prefix(1) }.joined()
  try scene.check("pre-stop-first", equal: "234", order)

  manifest = ways.replacing("/tmp/podlab-06", with: scene.folder + "/ways")
  if scene.breaks("three-ways") { manifest = manifest.replacing("preStop: {httpGet: {path: /bye, port: 8080}}", with: "preStop: {exec: {command: [\"true\"]}}") }
  try scene.apply(manifest, ready: "ways")
  guard let nap = ProcessIdentity(pid: try scene.process("ways", "nap")) else { throw LabFailure.step(Text(en: "nap has ended", zh: "nap 已经结束")) }
  let begin = Clock.monotonic
  try scene.podctl("delete", "pod", "ways", "--wait=false")
  try scene.until("nap has ended", "nap 已经结束") { !nap.isAlive }
  let slept = Clock.monotonic - begin >= 1_000_000_000
  let asked = Evidence.lines(scene.folder + "/ways/requests").contains { $0.contains("/bye") }
  scene.show(
    .data("$ podctl delete pod ways"),
    .data("  web   httpGet /bye   ") + (asked ? Text(en: "the server was asked", zh: "服务器收到了请求") : Text(en: "the server was not asked", zh: "服务器没有收到请求")),
    .data("  nap   sleep 1        ") + (slept ? Text(en: "it lived for a second more", zh: "又运行了一秒") : Text(en: "it ended at once", zh: "立刻就结束了")))
  try scene.check("three-ways", asked && slept, expected: Text(en: "asked, and a second's pause", zh: "收到请求，停顿一秒"), found: .data("\(asked), \(slept)"))
  try scene.podctl("wait", "--for=delete", "pod/ways", "--timeout=30s")
}

let broken = Step(
  Text(en: "Break it: an app that ignores SIGTERM, a hook that never ends", zh: "破坏：无视 SIGTERM 的应用，没完没了的回调"),
  why: Text(
    en: "Nobody waits longer than the grace period. One app ignores SIGTERM and gets SIGKILL after its two seconds; one preStop hook would take a minute, and is given up after its one.",
    zh: "宽限期一到，就不再等了。一个应用无视 SIGTERM，两秒之后被 SIGKILL 杀死；一个 preStop 回调要花一分钟，一秒之后就被放弃。"),
  facts: [
    Fact("killed-at-last", en: "it lived through SIGTERM and died of SIGKILL, 2 s later", zh: "它扛过了 SIGTERM，两秒后死于 SIGKILL"),
    Fact("hook-given-up", en: "the hook began and never finished", zh: "回调开始了，但没有完成"),
  ], standsAlone: true,
  cluster: #"""
    k apply -f stubborn.yaml
    k wait --for=condition=Ready pod/stubborn --timeout=120s
    begin=$(date +%s); k delete pod stubborn >/dev/null; took=$(($(date +%s) - begin))
    first killed-at-last '[2-9]' echo $took
    """#
) { scene in
  let obeys = scene.breaks("killed-at-last")
  try scene.apply(obeys ? stubborn.replacing("trap '' TERM", with: "trap 'exit 0' TERM") : stubborn, ready: "stubborn")
  let manifest = slow.replacing("/tmp/podlab-06", with: scene.folder + "/slow")
  try scene.apply(scene.breaks("hook-given-up") ? manifest.replacing("sleep 60; ", with: "") : manifest, ready: "slow")
  let pid = try scene.process("stubborn", "app")
  guard let process = ProcessIdentity(pid: pid) else { throw LabFailure.step(Text(en: "the stubborn app has ended", zh: "顽固的应用已经结束")) }
  // SigIgn is a set of bits; SIGTERM is number 15, the fifteenth from the right.
  let ignored = UInt64(Evidence.status(pid, "SigIgn"), radix: 16) ?? 0
  let ignores = ignored >> 14 & 1 == 1 ? Text(en: "bit 15, SIGTERM: ignored", zh: "第 15 位，SIGTERM：忽略") : Text(en: "bit 15, SIGTERM: not ignored", zh: "第 15 位，SIGTERM：不忽略")
  scene.show(.data("/proc/\(pid)/status: SigIgn \(Evidence.status(pid, "SigIgn"))   ") + ignores)
  let begin = Clock.monotonic
  try scene.podctl("delete", "pod", "stubborn", "slow", "--wait=false")
  try scene.until("the stubborn app is dead", "顽固的应用已死") { !process.isAlive }
  let took = Double(Clock.monotonic - begin) / 1e9
  let tenths = Int((took * 10).rounded())
  let seconds = "\(tenths / 10).\(tenths % 10)"
  scene.show(.data("$ podctl delete pod stubborn"), Text(en: "  dead after \(seconds) s", zh: "  \(seconds) 秒后死亡"))
  try scene.check("killed-at-last", took >= 2, expected: Text(en: "2 s or more", zh: "2 秒以上"), found: Text(en: "\(seconds) s", zh: "\(seconds) 秒"))
  try scene.podctl("wait", "--for=delete", "pod/slow", "--timeout=30s")
  let diary = Evidence.lines(scene.folder + "/slow/diary").joined(separator: ", ")
  scene.say(en: "what the hook of slow wrote: \(diary)", zh: "slow 的回调写下的记录：\(diary)")
  try scene.check("hook-given-up", equal: "begun", diary)
}

exit(
  LabProgram.run(
    Story(
      "06-lifecycle", title: Text(en: "Phases, hooks, restarts", zh: "阶段、回调与重启"),
      question: Text(
        en: "A Pod is Pending, Running, Succeeded, Failed or Unknown. What exactly makes it so, and what happens between \"start\" and \"gone\"?",
        zh: "Pod 的阶段有 Pending、Running、Succeeded、Failed 和 Unknown。究竟由什么决定？从“启动”到“消失”之间又发生了什么？"),
      manifests: [
        .init("nowhere.yaml", nowhere), .init("no-image.yaml", noImage), .init("job.yaml", job), .init("half.yaml", half), .init("policies.yaml", policies),
        .init("crash.yaml", crash), .init("hooks.yaml", hooks), .init("ways.yaml", ways), .init("stubborn.yaml", stubborn), .init("slow.yaml", slow),
      ],
      steps: [pending, succeeded, failed, unknown, restarts, hooked, broken])))
