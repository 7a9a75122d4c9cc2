// SPDX-License-Identifier: Apache-2.0
//
// The registry that the lab pulls from: a Pod that runs Debian's docker-registry, behind a port of 127.0.0.1. And the other side of it: a developer
// who builds images in a store of his own, as if on another machine, and pushes them.
import Glibc
import Kernel
import LabKit
import Manifest

let registryPod = """
  apiVersion: v1
  kind: Pod
  metadata: {name: registry}
  spec:
    terminationGracePeriodSeconds: 0
    containers:
    - name: registry
      image: registry
      imagePullPolicy: IfNotPresent
      ports: [{containerPort: 5000}]
      readinessProbe: {httpGet: {path: /v2/, port: 5000}, periodSeconds: 1}

  """

struct Registry {
  /// 127.0.0.1:PORT
  let host: String

  /// The Pod, made by the first step that needs it.
  static func ready(_ scene: Scene) throws -> Registry {
    if let host = scene.published { return Registry(host: host) }
    try scene.podctl("apply", "-f", "-", input: registryPod)
    try scene.until("the registry answers (its image is built at the first use)", "镜像仓库开始应答（首次使用时要构建它的镜像）", imagesOf: "registry") {
      try scene.status("registry", "registry", "ready") == "true"
    }
    let registry = Registry(host: try scene.publish("registry", port: 5000))
    let address = "\(try scene.field("registry", ".status.podIP")):5000"
    scene.say(en: "the registry: a Pod at \(address), reached at \(registry.host)", zh: "镜像仓库：一个 Pod，地址 \(address)，经由 \(registry.host) 访问")
    return registry
  }

  /// The image page with a tag or, after "@", a digest.
  func page(_ tag: String) -> String { "\(host)/page\(tag.hasPrefix("@") ? "" : ":")\(tag)" }

  // MARK: the developer

  /// Builds the image page with a text in its file /page, and pushes it with a tag; its digest.
  @discardableResult
  func push(_ scene: Scene, _ text: String, as tag: String) throws -> String {
    let recipe = "\(scene.folder)/page.yaml"
    try FileSystem.write(recipe, """
      name: \(page(tag))
      from: busybox
      files:
      - {path: /page, text: "\(text)\\n"}
      - {path: /notice, text: "keep\\n"}
      config: {Cmd: [sleep, "3600"], Labels: {registry: "\(host)"}}

      """)
    try developer(scene, "build", recipe, "--quiet")
    let digest = String(try developer(scene, "push", page(tag), "--quiet").trimmed.suffix(71))
    // A tag that was moved leaves the node's image without a name. The label makes the digest this registry's own.
    scene.atEnd(run: ["podctl", "image", "rm", digest], unlessKept: true)
    scene.atEnd(run: ["podctl", "delete", "pods", "--all", "--grace-period=0", "--force"], unlessKept: true)
    return digest
  }

  @discardableResult
  private func developer(_ scene: Scene, _ words: String...) throws -> String {
    let r = try scene.run(["/usr/bin/env", "PODLAB_IMAGES=\(scene.folder)/developer", "podctl", "image"] + words)
    if r.code != 0 { throw LabFailure.step(.data("podctl image \(words.joined(separator: " ")): \(r.code)\n\(r.errors)")) }
    return r.text
  }

  // MARK: over HTTP

  /// What the registry answers to GET /v2/page/PATH; nil: nothing.
  func get(_ scene: Scene, _ path: String) throws -> String? {
    let r = try scene.run(["/bin/busybox", "wget", "-qO-", "--header", "Accept: application/vnd.oci.image.manifest.v1+json", "http://\(host)/v2/page/\(path)"])
    return r.code == 0 ? r.text : nil
  }

  /// An answer that is an object; empty where it is none.
  func object(_ scene: Scene, _ path: String) throws -> Value {
    guard let text = try get(scene, path) else { return .object([]) }
    do throws(JSON.Malformed) { return try JSON.parse(Array(text.utf8)) } catch { return .object([]) }
  }

  /// How often the registry was asked for a tag or a digest, by its own access log: only for the digest (HEAD), and for the content (GET).
  func asked(_ scene: Scene, for name: String) throws -> (head: Int, get: Int) {
    let lines = try scene.podctl("logs", "registry").split(separator: "\n")
    let count = { (method: String) in lines.count { $0.contains("\"\(method) /v2/page/manifests/\(name) ") } }
    return (count("HEAD"), count("GET"))
  }

  /// Waits until nobody listens any more; what a client is told then.
  func refusal(_ scene: Scene) throws -> String {
    var said = ""
    try scene.until("nobody listens at \(host)", "\(host) 上已无人监听") {
      said = try scene.run(["/bin/busybox", "wget", "-qO-", "http://\(host)/v2/"]).errors.trimmed
      return said.contains("refused")
    }
    return said
  }
}

/// SHA-256 of a text's bytes, as a digest.
func digest(_ text: String) -> String {
  "sha256:" + TokenProof.sha256(Array(text.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// The first twelve digits of a digest, or of the name of a layer's folder.
func short(_ digest: some StringProtocol) -> String { String((digest.hasPrefix("sha256:") ? digest.dropFirst(7) : digest[...]).prefix(12)) }

/// A Pod of containers that run an image each; policy: "" leaves it to the default.
func pod(_ name: String, _ containers: [(name: String, image: String, policy: String)], more: String = "", volumes: String = "") -> String {
  """
  apiVersion: v1
  kind: Pod
  metadata: {name: \(name)}
  spec:
    terminationGracePeriodSeconds: 0
  \(volumes)  containers:

  """
    + containers.map { c in
      "  - name: \(c.name)\n    image: \"\(c.image)\"\n" + (c.policy.isEmpty ? "" : "    imagePullPolicy: \(c.policy)\n")
        + (c.image.contains("/page") ? "" : "    command: [sleep, \"3600\"]\n") + more
    }.joined()
}

func single(_ name: String, _ image: String, _ policy: String) -> String { pod(name, [("app", image, policy)]) }

/// Events of a Pod, the first first; one that comes again is counted.
func events(_ scene: Scene, _ pod: String) throws -> [(reason: String, count: Int, message: String)] {
  let text = try scene.podctl(
    "get", "events", "--field-selector", "involvedObject.name=\(pod)", "-o", "jsonpath={range .items[*]}{.reason}{\"\\t\"}{.count}{\"\\t\"}{.message}{\"\\n\"}{end}")
  return text.split(separator: "\n").compactMap { line in
    let parts = line.split(separator: "\t", maxSplits: 2).map(String.init)
    return parts.count < 3 ? nil : (parts[0], Int(parts[1]) ?? 0, parts[2])
  }
}

/// The beginning and the end of a message that nests one reason in another.
func ends(_ message: String) -> String {
  let parts = message.split(separator: ": ").map(String.init)
  return parts.count < 4 ? message : "\(parts[0]): … \(parts[parts.count - 1])"
}

/// Why a container waits: reason and message; empty while it does not.
func waiting(_ scene: Scene, _ pod: String) throws -> (reason: String, message: String) {
  (try scene.status(pod, "app", "state.waiting.reason"), try scene.status(pod, "app", "state.waiting.message"))
}

/// Kills the Pod's container with SIGKILL and waits until it was started again.
func restart(_ scene: Scene, _ pod: String, awaits: Bool = true) throws {
  let before = try scene.process(pod, "app")
  kill(before, SIGKILL)
  guard awaits else { return }
  try scene.until("\(pod) was started again", "\(pod) 重新启动") {
    try scene.processes(pod)["app"].map { $0 != before } ?? false && scene.status(pod, "app", "ready") == "true"
  }
}

/// The text of the page, as the Pod's container has it: read from outside, through its root file system.
func text(_ scene: Scene, _ pod: String) throws -> String {
  guard let pid = try scene.processes(pod)["app"] else { return "-" }
  return Evidence.text("/proc/\(pid)/root/page").trimmed
}
