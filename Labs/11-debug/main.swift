// SPDX-License-Identifier: Apache-2.0
//
// Lab 11: find out why. A Pod runs and serves nobody. Five questions, from the outside to the inside, each with a command; then a repair that only hides
// the fault, and one that ends it. faults/ has ten more broken Pods. Read the lesson beside this file first.
import Glibc
import Kernel
import LabKit

/// The shop listens where its configuration says; the probe, and its customers, ask on 8080.
func shop(port: String, probe: Bool = true) -> String {
  """
  apiVersion: v1
  kind: ConfigMap
  metadata: {name: shop-config}
  data: {port: "\(port)"}
  ---
  apiVersion: v1
  kind: Pod
  metadata: {name: shop}
  spec:
    terminationGracePeriodSeconds: 0
    containers:
    - name: app
      image: busybox
      imagePullPolicy: IfNotPresent
      command: [sh, -c]
      args:
      - |
        mkdir -p /www; echo welcome >/www/index.html
        echo "the shop is open on port $PORT"
        exec httpd -f -p $PORT -h /www
      env:
      - {name: PORT, valueFrom: {configMapKeyRef: {name: shop-config, key: port}}}
  \(probe ? "    readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}" : "")
    - name: customer
      image: busybox
      imagePullPolicy: IfNotPresent
      command: [sleep, "3600"]

  """
}

/// What a customer gets on port 8080.
func buy(_ scene: Scene) throws -> String {
  try scene.exec("shop", "customer", "wget -qO- http://127.0.0.1:8080/ 2>&1").text.split(separator: "\n").last.map(String.init) ?? "-"
}

/// Ports on which somebody in the Pod listens: state 0A of /proc/PID/net/tcp, the port is hexadecimal.
func listening(_ pid: Int32) -> [Int] {
  var ports: [Int] = []
  for line in Evidence.lines("/proc/\(pid)/net/tcp") + Evidence.lines("/proc/\(pid)/net/tcp6") {
    let fields = line.split(separator: " ")
    if fields.count > 3, fields[3] == "0A", let port = fields[1].split(separator: ":").last.flatMap({ Int($0, radix: 16) }) { ports.append(port) }
  }
  return ports.sorted()
}

let state = Step(
  Text(en: "First: what state is it in?", zh: "第一问：它处于什么状态？"),
  why: Text(
    en: "get says in one line which half of the world to look in. Pending: it has not begun, look at scheduling, images, volumes. Restarting: the program ends, look at its log. Here it is Running, not ready, never restarted: the program is there, and a probe does not like it.",
    zh: "get 用一行告诉你该查哪一边。Pending：还没开始，查调度、镜像、卷。反复重启：程序退出了，查它的日志。这里是 Running、未就绪、从未重启：程序在，但探针不满意。"),
  facts: [Fact("not-ready", en: "Running, not ready, no restart", zh: "Running，未就绪，没有重启")], standsAlone: true,
  cluster: #"""
    k apply -f broken.yaml
    check not-ready 'Running false 0' k get pod shop -o 'jsonpath={.status.phase} {.status.containerStatuses[?(@.name=="app")].ready} {.status.containerStatuses[?(@.name=="app")].restartCount}'
    """#
) { scene in
  try scene.podctl("apply", "-f", "-", input: shop(port: scene.breaks("not-ready") ? "8080" : "8081"))
  let app = { (field: String) in try scene.status("shop", "app", "\(field)") }
  try scene.until("it has been asked", "探测过一次") { try scene.journal("shop").contains { $0.event == "probeFinished" } }
  try scene.until("shop", ".status.phase", is: "Running")
  if scene.breaks("not-ready") { try scene.podctl("wait", "--for=condition=Ready", "pod/shop", "--timeout=30s") }
  scene.typed("$ podctl get pod shop", printed: try scene.podctl("get", "pod", "shop"))
  let found = "\(try scene.field("shop", ".status.phase")), ready \(try app("ready")), restartCount \(try app("restartCount"))"
  try scene.check("not-ready", equal: "Running, ready false, restartCount 0", found)
}

let events = Step(
  Text(en: "Second: what do the events say?", zh: "第二问：事件说了什么？"),
  why: Text(
    en: "describe ends with the events: what the kubelet tried, and why it did not work. The probe's message has the address and the port that were asked, and the error: refused means that the host answers and nobody listens there.",
    zh: "describe 的末尾是事件：kubelet 做了什么，为什么没成功。探针的消息里有探测的地址、端口和错误：refused 表示主机有回应，但那个端口没人监听。"),
  facts: [Fact("event-names-port", en: "the event names port 8080 and: connection refused", zh: "事件里写着 8080 端口和 connection refused")],
  cluster: #"""
    check event-names-port '*8080*refused*' sh -c "${KUBECTL:-kubectl} describe pod shop | tr '\n' ' '"
    """#
) { scene in
  if scene.breaks("event-names-port") { try scene.remove("shop"); try scene.apply(shop(port: "8081", probe: false), ready: "shop") }
  let all = try scene.podctl("describe", "pod", "shop").split(separator: "\n").map(String.init)
  let line = all.first { $0.contains("Unhealthy") }?.trimmed ?? ""
  scene.typed("$ podctl describe pod shop | grep Unhealthy", printed: line.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " "))
  try scene.check("event-names-port", line.contains(":8080") && line.contains("refused"), expected: .data(":8080: connection refused"), found: .data(line))
}

let logs = Step(
  Text(en: "Third: what does the program itself say?", zh: "第三问：程序自己怎么说？"),
  why: Text(
    en: "logs shows what the program printed; with -p what its last life printed, which is what counts when it restarts. This one says on which port it is open.",
    zh: "logs 显示程序打印了什么；反复重启时要用 -p 看上一次运行的日志，那一份才说明问题。这个程序说了它开在哪个端口。"),
  facts: [Fact("log-disagrees", en: "the program says 8081, the probe asks 8080", zh: "程序说的是 8081，探针问的是 8080")],
  cluster: #"""
    check log-disagrees '*port 8081*' k logs shop -c app
    """#
) { scene in
  if scene.breaks("log-disagrees") { try scene.remove("shop"); try scene.apply(shop(port: "8080"), ready: "shop") }
  let said = try scene.podctl("logs", "shop", "-c", "app").trimmed
  scene.typed("$ podctl logs shop -c app", printed: said)
  try scene.check("log-disagrees", said.contains("port 8081"), expected: .data("the shop is open on port 8081"), found: .data(said))
}

let kernel = Step(
  Text(en: "Fourth: what does the kernel say?", zh: "第四问：内核怎么说？"),
  why: Text(
    en: "A log may be wrong, the kernel is not. exec goes inside and looks: which sockets listen, which files are mounted, who the process is. All containers of a Pod see the same sockets, so any of them will do, or an ephemeral one (podctl debug).",
    zh: "日志可能有误，内核不会。用 exec 进去看：哪些套接字在监听，挂载了哪些文件，进程是谁。Pod 的所有容器看到的套接字都一样，用哪个容器看都行，也可以用临时容器（podctl debug）。"),
  facts: [Fact("kernel-confirms", en: "somebody listens on 8081, nobody on 8080", zh: "8081 有人监听，8080 没有")],
  cluster: #"""
    check kernel-confirms '*:1F91*' k exec shop -c customer -- cat /proc/net/tcp /proc/net/tcp6
    """#
) { scene in
  if scene.breaks("kernel-confirms") { try scene.remove("shop"); try scene.apply(shop(port: "8080"), ready: "shop") }
  let pid = try scene.process("shop", "customer")
  try scene.until("somebody listens", "有人监听") { !listening(pid).isEmpty }
  let ports = listening(pid)
  scene.show(data: "$ podctl exec shop -c customer -- cat /proc/net/tcp6")
  let list = ports.map(String.init).joined(separator: ", ")
  scene.show(Text(en: "  listening: \(list)", zh: "  在监听：\(list)").map(Picture.emphasised) + Text(en: "   (1F91 is 8081, 0A is LISTEN)", zh: "   （1F91 就是 8081，0A 就是 LISTEN）"))
  try scene.check("kernel-confirms", ports == [8081], expected: .data("8081"), found: .data(list))
}

let hidden = Step(
  Text(en: "Break it: a repair that only hides the fault", zh: "破坏：只是把毛病藏起来的“修复”"),
  why: Text(
    en: "Take the probe away, and the Pod is ready at once. Nothing is repaired: the customers still ask on 8080. A probe is the messenger; a repair is proved by the client's answer, not by a green word.",
    zh: "去掉探针，Pod 立刻就绪。其实什么也没修好：顾客访问的仍然是 8080。探针只是报信的；修好没有，要看客户端得到的回答，而不是看灯绿不绿。"),
  facts: [Fact("ready-and-useless", en: "ready, and a customer is refused", zh: "就绪了，顾客却被拒绝")], standsAlone: true
) { scene in
  _ = try scene.run(["podctl", "delete", "pod", "shop", "--grace-period=0", "--force"])
  try scene.apply(shop(port: scene.breaks("ready-and-useless") ? "8080" : "8081", probe: false), ready: "shop")
  if scene.breaks("ready-and-useless") { try scene.until("it listens", "开始监听") { try !listening(scene.process("shop", "customer")).isEmpty } }
  let answer = try buy(scene)
  scene.typed("$ podctl get pod shop", printed: try scene.podctl("get", "pod", "shop"))
  scene.typed("customer$ wget -qO- http://127.0.0.1:8080/", printed: answer)
  try scene.check("ready-and-useless", answer.contains("refused"), expected: .data("connection refused"), found: .data(answer))
}

let repaired = Step(
  Text(en: "Fifth: repair the cause, and prove it", zh: "第五：从根源上修好，并证明"),
  why: Text(
    en: "Everybody asks on 8080, so the configuration is wrong, not the probe. A variable is read when a container starts, so the Pod is made anew. Ready by its own probe, and a customer who is served: that is the proof.",
    zh: "大家访问的都是 8080，所以错的是配置，不是探针。环境变量在容器启动时读取，所以要重建 Pod。还是原来的探针，Pod 就绪了，而且顾客得到了服务：这才算证明。"),
  facts: [
    Fact("ready-again", en: "the same probe finds it ready", zh: "还是同一个探针，这次就绪了"),
    Fact("customer-served", en: "a customer gets an answer on 8080", zh: "顾客在 8080 得到了回答"),
  ], standsAlone: true,
  cluster: #"""
    gone shop
    k apply -f repaired.yaml
    check ready-again 'true' k get pod shop -o 'jsonpath={.status.containerStatuses[?(@.name=="app")].ready}'
    check customer-served welcome k exec shop -c customer -- wget -qO- http://127.0.0.1:8080/
    """#
) { scene in
  _ = try scene.run(["podctl", "delete", "pod", "shop", "--grace-period=0", "--force"])
  let wrong = scene.breaks("ready-again") || scene.breaks("customer-served")
  try scene.podctl("apply", "-f", "-", input: shop(port: wrong ? "8082" : "8080"))
  let waited = try scene.run(["podctl", "wait", "--for=condition=Ready", "pod/shop", wrong ? "--timeout=2s" : "--timeout=60s"])
  scene.typed("$ podctl get pod shop", printed: try scene.podctl("get", "pod", "shop"))
  if !scene.breaks("customer-served") { try scene.check("ready-again", waited.code == 0, expected: .data("condition met"), found: .data(waited.errors.trimmed)) }
  let answer = try buy(scene)
  scene.typed("customer$ wget -qO- http://127.0.0.1:8080/", printed: answer)
  try scene.check("customer-served", equal: "welcome", answer)
  scene.draw(whereToLook)
}

/// Which state leads to which question.
func whereToLook(_ language: Language) -> [String] {
  let zh = language == .zh
  return Picture.tree([
    (0, "$ podctl get pod"),
    (1, "Pending" + (zh ? "：看 describe" : ": describe")), (2, zh ? "没有节点：FailedScheduling（标签、污点、资源）" : "no node: FailedScheduling (labels, taints, resources)"),
    (2, zh ? "没有镜像：ErrImagePull、ErrImageNeverPull" : "no image: ErrImagePull, ErrImageNeverPull"), (2, zh ? "没有卷：FailedMount；没有键：CreateContainerConfigError" : "no volume: FailedMount; no key: CreateContainerConfigError"),
    (1, "Init:…" + (zh ? "：看 logs -c 那个 Init 容器" : ": logs -c of that init container")),
    (1, "CrashLoopBackOff" + (zh ? "：看 logs -p，以及退出码" : ": logs -p, and the exit code")), (2, zh ? "137：被杀（OOM，或存活探针）" : "137: killed (OOM, or a liveness probe)"),
    (1, zh ? "Running 但未就绪：探针；用 exec 看监听的端口" : "Running, not ready: the probe; exec, and see who listens"),
    (1, zh ? "Running 且就绪，却不工作：像客户端那样去访问" : "Running and ready, and no use: ask as the client does"),
  ])
}

exit(
  LabProgram.run(
    Story(
      "11-debug", title: Text(en: "Find out why", zh: "查明原因"),
      question: Text(
        en: "A Pod does not do what it should. Where does one look first, where next, and how does one know that it is repaired?",
        zh: "Pod 没有按预期工作。先看哪里，再看哪里，又怎样知道修好了？"),
      manifests: [.init("broken.yaml", shop(port: "8081")), .init("repaired.yaml", shop(port: "8080"))],
      steps: [state, events, logs, kernel, hidden, repaired])))
