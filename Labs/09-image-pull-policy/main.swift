// SPDX-License-Identifier: Apache-2.0
//
// Lab 09: where a container's root file system comes from, and when it is fetched. Registry.swift runs a real registry as a Pod, Layers.swift shows what an
// image is on the node; here are the pull policies and what happens without an image. Read the lesson beside this file first.
import Glibc
import Kernel
import LabKit

/// Four ways to name an image, none with a policy. image: without its tag.
func defaults(_ image: String, digest: String) -> String {
  pod("defaults", [("none", image, ""), ("latest", image + ":latest", ""), ("one", image + ":1", ""), ("digest", "\(image)@\(digest)", "")])
}

let moved = Step(
  Text(en: "A tag is moved", zh: "标签被移动"),
  why: Text(
    en: "A tag is a name that the registry can give to another image at any time; a digest cannot mean anything else. Three Pods run the first image. The developer pushes a second one with the same tag; then each container is killed and comes back.",
    zh: "标签只是个名字，仓库随时可以让它指向另一个镜像；摘要却不可能指向别的内容。三个 Pod 运行第一个镜像。开发者用同一个标签推送了第二个；然后每个容器都被杀死，再重新启动。"),
  facts: [
    Fact("digest-same", en: "by digest: the same content again", zh: "按摘要引用：内容不变"),
    Fact("if-not-present-old", en: "IfNotPresent: the old copy, though the tag moved", zh: "IfNotPresent：标签虽已移动，仍用节点上旧的"),
    Fact("always-new", en: "Always: the new content, by a mere restart", zh: "Always：仅仅重启一次，内容就换了"),
    Fact("not-pinned", en: "from then on IfNotPresent starts it too: it pins nothing", zh: "在这之后，IfNotPresent 启动的也是新内容：它并不锁定版本"),
  ], standsAlone: true
) { scene in
  let registry = try Registry.ready(scene)
  let tag = registry.page("stable")
  let first = try registry.push(scene, "first", as: "stable")
  let pinned = registry.page("@" + first)
  try scene.podctl("apply", "-f", "-", input: [
    single("by-digest", scene.breaks("digest-same") ? tag : pinned, scene.breaks("digest-same") ? "Always" : "IfNotPresent"),
    single("if-not-present", tag, scene.breaks("if-not-present-old") ? "Always" : "IfNotPresent"),
    single("always", tag, scene.breaks("always-new") ? "IfNotPresent" : "Always"),
  ].joined(separator: "---\n"))
  let names = ["by-digest", "if-not-present", "always"]
  for name in names { try scene.podctl("wait", "--for=condition=Ready", "pod/\(name)", "--timeout=60s") }
  let second = try registry.push(scene, "second", as: "stable")
  scene.show(data: "page:stable   sha256:\(short(first))…  →  sha256:\(short(second))…")
  let before = try names.map { try text(scene, $0) }
  // In this order: what Always pulls is then on the node for all.
  for name in names { try restart(scene, name) }
  let after = try names.map { try text(scene, $0) }
  try scene.apply(single("late", scene.breaks("not-pinned") ? pinned : tag, "IfNotPresent"), ready: "late")
  let late = try text(scene, "late")
  let marked = { (t: String) in t == "second" ? Picture.emphasised(t) : t }
  let images = ["page@\(first.prefix(13))…", "page:stable", "page:stable", "page:stable"]
  let policies = try (names + ["late"]).map { try scene.field($0, ".spec.containers[0].imagePullPolicy") }
  let rows: [[Text]] = names.indices.map { i in [names[i], images[i], policies[i], before[i], marked(after[i])].map(Text.data) }
  scene.table(
    [.data("Pod"), .data("image"), .data("imagePullPolicy"), Text(en: "/page before", zh: "/page 重启前"), Text(en: "after", zh: "重启后")],
    rows + [[.data("late"), .data(images[3]), .data(policies[3]), Text(en: "(new)", zh: "（新建）"), .data(marked(late))]])
  try scene.check("digest-same", equal: "first, first", "\(before[0]), \(after[0])")
  try scene.check("if-not-present-old", equal: "first, first", "\(before[1]), \(after[1])")
  try scene.check("always-new", equal: "first, second", "\(before[2]), \(after[2])")
  try scene.check("not-pinned", equal: "second", late)
  try scene.remove("by-digest", "if-not-present", "always", "late")
}

let byDefault = Step(
  Text(en: "Without a policy the tag decides", zh: "不写策略时，由标签决定"),
  why: Text(
    en: "Nobody has to write imagePullPolicy: when the Pod is stored, :latest (and no tag at all) becomes Always, any other tag and a digest IfNotPresent. Always does not mean that everything is fetched: the registry is asked for the digest (HEAD); what is here is not sent again.",
    zh: "imagePullPolicy 可以不写：保存 Pod 时，:latest（或者根本没有标签）就填 Always，其他标签和摘要就填 IfNotPresent。Always 并不是每次都全部下载：先向仓库询问摘要（HEAD），本地已有的不会再传一遍。"),
  facts: [
    Fact("default-by-tag", en: "Always for :latest and no tag, else IfNotPresent", zh: ":latest 和无标签是 Always，其余是 IfNotPresent"),
    Fact("registry-asked", en: "only latest is asked for, and nothing is sent again", zh: "镜像都在本地：只询问了 latest，内容一点也没有再传"),
  ], standsAlone: true,
  cluster: #"""
    k apply -f defaults.yaml
    check default-by-tag 'Always Always IfNotPresent IfNotPresent' k get pod defaults -o 'jsonpath={.spec.containers[*].imagePullPolicy}'
    gone defaults
    """#
) { scene in
  let registry = try Registry.ready(scene)
  let digest = try registry.push(scene, "first", as: "1")
  try registry.push(scene, "first", as: "latest")
  var manifest = defaults("\(registry.host)/page", digest: digest)
  if scene.breaks("default-by-tag") { manifest = manifest.replacing("page:latest\"", with: "page:1\"") }
  if scene.breaks("registry-asked") { manifest = manifest.replacing("page:latest\"\n", with: "page:latest\"\n    imagePullPolicy: Never\n").replacing("/page\"\n", with: "/page\"\n    imagePullPolicy: IfNotPresent\n") }
  // Once, so that all is here: page:latest is pulled by name first.
  try scene.apply(single("before", registry.page("latest"), "Always"), ready: "before")
  try scene.apply(single("and", registry.page("1"), "Always"), ready: "and")
  let keys = ["latest", "1", digest]
  let asked = { try keys.map { try registry.asked(scene, for: $0) } }
  let old = try asked()
  try scene.apply(manifest, ready: "defaults")
  let policies = try scene.field("defaults", ".spec.containers[*].imagePullPolicy").split(separator: " ").map(String.init)
  var new = try asked()
  // What it has answered, its log tells a moment later.
  if !scene.breaks("registry-asked") { try scene.until("the registry's log tells of both questions", "仓库的日志里出现两次询问") {
    new = try asked()
    return new[0].head >= old[0].head + policies.count { $0 == "Always" }
  } }
  let heads = zip(old, new).map { $1.head - $0.head }
  let gets = zip(old, new).map { $1.get - $0.get }.reduce(0, +)
  let questions = ["\(heads[0]) × HEAD manifests/latest", "", "\(heads[1]) × HEAD manifests/1", "\(heads[2]) × HEAD manifests/sha256:…"]
  scene.table(
    [.data("image"), .data("imagePullPolicy"), Text(en: "asked of the registry", zh: "向仓库询问")],
    data: zip(["page", "page:latest", "page:1", "page@sha256:…"], zip(policies, questions)).map { [$0, $1.0 == "Always" ? Picture.emphasised($1.0) : $1.0, $1.1] })
  scene.say(en: "(page and page:latest are one name; content fetched: \(gets) ×)", zh: "（page 和 page:latest 是同一个名字；下载内容：\(gets) 次）")
  try scene.check("default-by-tag", equal: "Always Always IfNotPresent IfNotPresent", policies.joined(separator: " "))
  try scene.check("registry-asked", equal: "2 0 0, 0 fetched", "\(heads.map(String.init).joined(separator: " ")), \(gets) fetched")
  try scene.remove("defaults", "before", "and")
}

let missing = Step(
  Text(en: "An image that is not to be had", zh: "拿不到的镜像"),
  why: Text(
    en: "page:3 does not exist yet: the pull fails, and the kubelet waits before the next try, 10 s, then 20 s, up to 5 minutes. With Never it does not even ask. Then the developer pushes page:3, and the Pod runs, untouched.",
    zh: "page:3 还不存在：拉取失败，kubelet 等一会儿再试，先等 10 秒，再等 20 秒，最多 5 分钟。策略是 Never 时，它连问都不问。随后开发者推送了 page:3，没有人动这个 Pod，它自己就运行起来了。"),
  facts: [
    Fact("err-image-pull", en: "the pull failed: ErrImagePull, and the event says why", zh: "拉取失败：ErrImagePull，事件说明了原因"),
    Fact("back-off", en: "then it waits: ImagePullBackOff", zh: "然后等待：ImagePullBackOff"),
    Fact("never-asked", en: "Never: ErrImageNeverPull, and nobody asked the registry", zh: "Never：ErrImageNeverPull，仓库没有被询问"),
    Fact("cures-itself", en: "once the image is there the next try brings it", zh: "镜像一出现，下一次重试就拿到了"),
  ], standsAlone: true,
  cluster: #"""
    k apply -f missing.yaml -f never.yaml
    tells() { k get events --field-selector "involvedObject.name=$1" -o 'jsonpath={.items[*].message}'; }
    check err-image-pull '*Error: ErrImagePull*' tells missing
    check back-off ImagePullBackOff k get pod missing -o 'jsonpath={.status.containerStatuses[0].state.waiting.reason}'
    check never-asked ErrImageNeverPull k get pod never -o 'jsonpath={.status.containerStatuses[0].state.waiting.reason}'
    gone missing never
    """#
) { scene in
  let registry = try Registry.ready(scene)
  if scene.breaks("err-image-pull") { try registry.push(scene, "third", as: "3") }
  let never = single("never", registry.page("4"), scene.breaks("never-asked") ? "IfNotPresent" : "Never")
  try scene.podctl("apply", "-f", "-", input: single("missing", registry.page("3"), scene.breaks("back-off") ? "Never" : "IfNotPresent") + "---\n" + never)
  let settled = scene.breaks("err-image-pull") ? "" : scene.breaks("back-off") ? "ErrImageNeverPull" : "ImagePullBackOff"
  try scene.until("\(settled.isEmpty ? "it runs" : settled)", "\(settled.isEmpty ? "运行" : settled)") { try settled.isEmpty ? !text(scene, "missing").contains("-") : waiting(scene, "missing").reason == settled }
  let story = try events(scene, "missing").filter { $0.reason != "Scheduled" }
  let command = "$ podctl get events --field-selector involvedObject.name=missing"
  scene.typed(command, printed: story.map { "\($0.reason.padded(9))\(ends($0.message))" }.joined(separator: "\n"))
  try scene.check("err-image-pull", story.contains { $0.message == "Error: ErrImagePull" } && story.contains { $0.message.hasSuffix("page:3: not found") }, expected: .data("Error: ErrImagePull; … page:3: not found"), found: .data(story.map(\.reason).joined(separator: ", ")))
  try scene.check("back-off", equal: "ImagePullBackOff", try waiting(scene, "missing").reason)
  try scene.until("never has been judged", "never 有了结论") { try !["", "ContainerCreating", "ErrImagePull"].contains(waiting(scene, "never").reason) }
  let (reason, message) = try waiting(scene, "never")
  let asked = try registry.asked(scene, for: "4")
  scene.say(en: "pod never: \(reason)   asked of the registry: \(asked.head + asked.get) ×", zh: "Pod never：\(reason)   向仓库询问：\(asked.head + asked.get) 次")
  scene.show(data: "  \(message.replacing(registry.host, with: "…"))")
  try scene.check("never-asked", equal: "ErrImageNeverPull, 0", "\(reason), \(asked.head + asked.get)")

  // The next try is a matter of seconds.
  try registry.push(scene, "third", as: scene.breaks("cures-itself") ? "5" : "3")
  if !scene.breaks("back-off") {
    try scene.until("the kubelet's back-off of 10 s is over", "10 秒的回退延迟结束", seconds: 60) {
      if scene.breaks("cures-itself") { return try events(scene, "missing").contains { $0.reason == "Failed" && $0.count > 1 } }
      return try text(scene, "missing") != "-"
    }
  }
  let page = try text(scene, "missing")
  let later = try events(scene, "missing").filter { ["Pulling", "Pulled"].contains($0.reason) }
  scene.typed("$ podctl get events | grep missing | grep Pull", printed: later.map { "\($0.reason.padded(9))\($0.count > 1 ? "(×\($0.count)) " : "")\($0.message.shortened(55))" }.joined(separator: "\n"))
  let phase = try scene.field("missing", ".status.phase")
  scene.say(en: "pod missing: \(phase)   /page: \(page)", zh: "missing 的阶段：\(phase)   /page：\(page)")
  try scene.check("cures-itself", equal: "third", page)
  try scene.remove("missing", "never")
}

let down = Step(
  Text(en: "Break it: the registry is down", zh: "破坏：镜像仓库停了"),
  why: Text(
    en: "Two Pods run the same image, and the node has all of it. The registry is removed. Whoever runs does not notice. Then both containers are killed: one comes back from what the node has; the other must ask first, and nobody answers.",
    zh: "两个 Pod 运行同一个镜像，它的内容全在节点上。现在把仓库删掉：正在运行的毫无察觉。接着把两个容器都杀死：一个用节点上已有的内容回来了；另一个必须先问，却没有人回答。"),
  facts: [
    Fact("goes-on", en: "what runs goes on: it does not need the registry", zh: "正在运行的继续运行：它们不需要仓库"),
    Fact("here-starts", en: "IfNotPresent: started again from the node's own copy", zh: "IfNotPresent：用节点自己的那份重新启动"),
    Fact("always-waits", en: "Always: not started, although every byte is here", zh: "Always：没有启动，尽管每个字节都在本地"),
  ], standsAlone: true
) { scene in
  let registry = try Registry.ready(scene)
  try registry.push(scene, "first", as: "1")
  let names = ["if-not-present", "always"]
  try scene.apply(single(names[1], registry.page("1"), scene.breaks("always-waits") ? "IfNotPresent" : "Always"), ready: names[1])
  try scene.apply(single(names[0], registry.page("1"), scene.breaks("here-starts") ? "Always" : "IfNotPresent"), ready: names[0])
  let pids = try names.map { try scene.process($0, "app") }
  // Only that what it is about has gone by itself.
  if scene.breaks("goes-on") { try scene.remove("always") }
  try scene.remove("registry")
  scene.typed("$ wget http://\(registry.host)/v2/", printed: try registry.refusal(scene))
  let states = pids.map(Evidence.state)
  scene.table(["Pod", "pid", "/proc/PID/stat", "/page"].map(Text.data), data: names.indices.map { [names[$0], "\(pids[$0])", states[$0], Evidence.text("/proc/\(pids[$0])/root/page").trimmed] })
  try scene.check("goes-on", equal: "S, S", states.joined(separator: ", "))
  for name in names { try restart(scene, name, awaits: false) }
  let comesBack = { (name: String, pid: Int32) in try scene.processes(name)["app"].map { $0 != pid } ?? false }
  let waits = { (name: String) in try waiting(scene, name).reason.contains("ImagePull") }
  for (name, pid) in zip(names, pids) {
    try scene.until("\(name) runs or waits", "\(name) 运行或等待") { try comesBack(name, pid) || waits(name) }
  }
  let back = try zip(names, pids).map(comesBack)
  let (reason, message) = try waiting(scene, "always")
  let again = Text(en: "runs again", zh: "重新运行")
  let row = { (i: Int, why: String) in [.data(names[i]), back[i] ? again : .data(Picture.emphasised(why)), .data(back[i] ? "first" : "-")] }
  scene.table([.data("Pod"), Text(en: "after SIGKILL", zh: "SIGKILL 之后"), .data("/page")], [row(0, "-"), row(1, reason)])
  if let why = message.firstRange(of: "dial tcp") { scene.show(event: "Failed", String(message[why.lowerBound...])) }
  try scene.check("here-starts", back[0] && text(scene, names[0]) == "first", expected: again, found: back[0] ? again : .data(try waiting(scene, names[0]).reason))
  try scene.check("always-waits", !back[1] && message.contains("connection refused"), expected: .data("ErrImagePull: … connection refused"), found: back[1] ? again : .data(message))
}

/// Manifests for the reader's own trials name the port that the lesson opens.
let own = Registry(host: "127.0.0.1:5009")

exit(
  LabProgram.run(
    Story(
      "09-image-pull-policy", title: Text(en: "Images: where the root file system comes from", zh: "镜像：根文件系统从哪里来"),
      question: Text(
        en: "A Pod says image: page:1, and the container has a root file system. Where does it come from, when is it fetched, and is it the same tomorrow?",
        zh: "Pod 里写着 image: page:1，容器就有了根文件系统。它从哪里来？什么时候拉取？明天还是同一个吗？"),
      manifests: [
        .init("registry.yaml", registryPod), .init("always.yaml", single("always", own.page("stable"), "Always")),
        .init("if-not-present.yaml", single("if-not-present", own.page("stable"), "IfNotPresent")),
        .init("defaults.yaml", defaults("\(own.host)/page", digest: "sha256:" + String(repeating: "0", count: 64))),
        .init("missing.yaml", single("missing", own.page("3"), "IfNotPresent")), .init("never.yaml", single("never", own.page("4"), "Never")),
      ],
      publishesPod: true, steps: [fetch, stand, write, moved, byDefault, missing, down])))
