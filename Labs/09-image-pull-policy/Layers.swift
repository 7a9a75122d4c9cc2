// SPDX-License-Identifier: Apache-2.0
//
// The first half of lab 09: an image comes from the registry layer by layer, each named by its digest, and containers stand on the layers' folders by
// overlay mounts.
import Glibc
import Kernel
import LabKit
import Manifest

/// A container's root file system, by /proc/PID/mountinfo: an overlay.
struct Overlay {
  /// Folders of the image's layers, topmost first.
  let layers: [String]
  /// Below them: empty files on which the Pod's own are mounted (/etc/hosts).
  let lowest: [String]
  /// The folder that takes what the container writes.
  let upper: String

  init(_ scene: Scene, _ pid: Int32) {
    // The kernel's own options; a comma may be part of a path.
    let all = (Evidence.mount(pid, "/")?.superOptions ?? []).joined(separator: ",")
    func value(_ key: String) -> String {
      guard let start = all.firstRange(of: ",\(key)=") else { return "" }
      let rest = all[start.upperBound...]
      return String(rest[..<(rest.firstRange(of: ",upperdir=")?.lowerBound ?? rest.firstRange(of: ",workdir=")?.lowerBound ?? rest.endIndex)])
    }
    let lower = value("lowerdir").split(separator: ":").map(String.init)
    layers = lower.filter { $0.hasPrefix(scene.instance.images + "/") }
    lowest = lower.filter { !$0.hasPrefix(scene.instance.images + "/") }
    upper = value("upperdir")
  }

  /// What a layer's folder is called: its digest.
  static func name(_ folder: String) -> String { String(folder.split(separator: "/").last ?? "-") }
}

/// The first names in a folder.
func listing(_ folder: String) -> String {
  let names = (optional { () throws(SysError) in try FileSystem.list(folder) } ?? []).sorted().map { "/\($0)" }
  return names.prefix(2).joined(separator: " ") + (names.count > 2 ? " …" : "")
}

/// Inode of a file that may not be there.
func inode(_ path: String) -> String { optional { () throws(SysError) in try FileSystem.info(path, follow: false).identity.inode }.map { "\($0)" } ?? "-" }

/// Two containers, of one image or of two.
func pair(_ one: String, _ two: String, more: String = "", volumes: String = "") -> String {
  pod("two", [("one", one, "IfNotPresent"), ("two", two, "IfNotPresent")], more: more, volumes: volumes)
}

let fetch = Step(
  Text(en: "From the registry to the node", zh: "从镜像仓库到节点"),
  why: Text(
    en: "A developer pushes an image to a registry (here a Pod), the node pulls it. An image is a manifest that names a configuration and layers by their digests, the SHA-256 of their bytes. So the digest of the manifest names the whole content.",
    zh: "开发者把镜像推送到镜像仓库（这里是一个 Pod），节点再拉取它。镜像就是一份清单（manifest），里面用摘要（内容的 SHA-256）指明一份配置和若干层。所以清单的摘要就确定了全部内容。"),
  facts: [
    Fact("digest-is-content", en: "imageID is the SHA-256 of the registry's manifest", zh: "容器的 imageID 就是仓库里那份清单的 SHA-256"),
    Fact("layers-are-folders", en: "each layer is a folder below the container", zh: "每一层是容器之下的一个目录，以摘要命名"),
  ], standsAlone: true
) { scene in
  let registry = try Registry.ready(scene)
  try registry.push(scene, "first", as: "1")
  try scene.apply(single("page", scene.breaks("layers-are-folders") ? "busybox" : registry.page("1"), "Always"), ready: "page")
  // The registry has another manifest by that name now.
  if scene.breaks("digest-is-content") { try registry.push(scene, "second", as: "1") }
  let text = try registry.get(scene, "manifests/1") ?? ""
  let manifest = try registry.object(scene, "manifests/1")
  let parts = [manifest["config"]].compactMap { $0 } + (manifest["layers"]?.array ?? [])
  let config = try registry.object(scene, "blobs/\(manifest["config"]?["digest"]?.string ?? "-")")
  let layers = (config["rootfs"]?["diff_ids"]?.array ?? []).compactMap(\.string)
  let folders = Overlay(scene, try scene.process("page", "app")).layers
  let id = try scene.status("page", "app", "imageID")
  scene.draw { language in
    let names = language == .en ? ["manifest", "configuration", "layer"] : ["清单", "配置", "层"]
    var rows = [[names[0], "\(text.utf8.count)", short(digest(text)), "imageID …\(id.suffix(71).prefix(19))"]]
    for (i, part) in parts.enumerated() {
      let folder = i > 0 && folders.count >= i ? folders[folders.count - i] : ""
      rows.append([
        i == 0 ? names[1] : "\(names[2]) \(i)", "\(part["size"]?.int ?? 0)", short(part["digest"]?.string ?? "-"),
        folder.isEmpty ? "" : "layers/\(short(Overlay.name(folder)))…: \(listing(folder))",
      ])
    }
    return Picture.table(language == .en ? ["in the registry", "bytes", "SHA-256", "on the node"] : ["仓库里", "字节", "SHA-256", "节点上"], rows)
  }
  try scene.check("digest-is-content", equal: digest(text), String(id.suffix(71)))
  try scene.check("layers-are-folders", equal: layers.map { short($0) }.joined(separator: ", "), folders.reversed().map { short(Overlay.name($0)) }.joined(separator: ", "))
  try scene.remove("page")
}

let stand = Step(
  Text(en: "Two containers on the same layers", zh: "两个容器，同样的层"),
  why: Text(
    en: "Overlay lays folders on one another: below the layers, read-only and shared by all; on top an empty folder of the container's own, which takes what it writes. /proc/PID/mountinfo names them all.",
    zh: "overlay（叠加文件系统）把目录叠起来：下面是各层，只读，大家共用；最上面是容器自己的一个空目录，写入的东西都在那里。/proc/PID/mountinfo 里写着所有这些目录。"),
  facts: [Fact("same-lower", en: "the same layers, each its own upper folder: /page is one file", zh: "下面的层相同，上层各有各的：/page 是同一个文件")], standsAlone: true
) { scene in
  let registry = try Registry.ready(scene)
  try registry.push(scene, "first", as: "1")
  var other = registry.page("1")
  if scene.breaks("same-lower") {
    other = registry.page("2")
    try registry.push(scene, "second", as: "2")
  }
  try scene.apply(pair(registry.page("1"), other), ready: "two")
  let pids = (try scene.process("two", "one"), try scene.process("two", "two"))
  let (one, two) = (Overlay(scene, pids.0), Overlay(scene, pids.1))
  let layer = one.layers.first ?? "-"
  let names = { (o: Overlay) in o.layers.map { short(Overlay.name($0)).prefix(6) }.joined(separator: ":") }
  let numbers = [pids.0, pids.1].map { inode("/proc/\($0)/root/page") } + [inode(layer + "/page")]
  let upper = { (o: Overlay) in "…/" + o.upper.split(separator: "/").suffix(3).joined(separator: "/") }
  scene.compare(
    [.data(""), .data("lowerdir"), Text(en: "inode of /page", zh: "/page 的 inode"), .data("upperdir")],
    data: [["one", names(one), numbers[0], upper(one)], ["two", names(two), numbers[1], upper(two)]])
  scene.say(en: "and layers/\(short(Overlay.name(layer)))…/page on the node: inode \(numbers[2])", zh: "节点上的 layers/\(short(Overlay.name(layer)))…/page：inode \(numbers[2])")
  try scene.check("same-lower", one.layers == two.layers && one.upper != two.upper && Set(numbers).count == 1 && numbers[0] != "-", expected: Text(en: "the same folders, one inode", zh: "同样的目录，同一个 inode"), found: .data("\(names(one)), \(names(two)); \(numbers.joined(separator: ", "))"))
  try scene.remove("two")
}

let write = Step(
  Text(en: "What a container writes lies on top", zh: "容器写的东西在最上层"),
  why: Text(
    en: "Container one changes a file of the image, removes another and makes a new one. A file that is changed is copied up first; one that is removed gets a whiteout, which hides the one below.",
    zh: "容器 one 修改镜像里的一个文件，删除另一个，再新建一个。修改时先把文件复制上来；删除时放一个 whiteout（遮盖标记），把下面的那份遮住。"),
  facts: [
    Fact("not-seen", en: "container two sees nothing of it", zh: "容器 two 什么也看不到"),
    Fact("layer-untouched", en: "the changes are in one's upper folder, the layer is whole", zh: "改动都在 one 的上层目录里，层完好无损"),
  ], standsAlone: true
) { scene in
  let registry = try Registry.ready(scene)
  try registry.push(scene, "first", as: "1")
  // A volume is one folder for both.
  let shared = scene.breaks("not-seen")
  let manifest = pair(
    registry.page("1"), registry.page("1"), more: shared ? "    volumeMounts: [{name: diary, mountPath: /diary}]\n" : "",
    volumes: shared ? "  volumes: [{name: diary, emptyDir: {}}]\n" : "")
  try scene.apply(manifest, ready: "two")
  let pids = (try scene.process("two", "one"), try scene.process("two", "two"))
  let (one, two) = (Overlay(scene, pids.0), Overlay(scene, pids.1))
  let layer = one.layers.first ?? "-"
  let command = "echo +1 >>/page; \(scene.breaks("layer-untouched") ? "" : "rm /notice; ")mkdir -p /diary; echo mine >/diary/x"
  _ = try scene.exec("two", "one", command)
  let seen = [pids.0, pids.1].map { pid in ["page", "notice", "diary/x"].map { name in Evidence.lines("/proc/\(pid)/root/\(name)").joined(separator: " ") } }
  scene.show(data: "one$ \(command)")
  let row = { (name: String, values: [String]) in [.data(name)] + values.map { $0.isEmpty ? Text(en: "(not there)", zh: "（没有）") : .data($0) } }
  scene.compare(["", "/page", "/notice", "/diary/x"].map(Text.data), [row("one", seen[0]), row("two", seen[1])])
  try scene.check("not-seen", seen[0][0] == "first +1" && seen[0][2] == "mine" && seen[1] == ["first", "keep", ""], expected: .data("two: /page first, /notice keep, /diary -"), found: .data("two: \(seen[1].joined(separator: ", "))"))
  let white = optional { () throws(SysError) in try FileSystem.info(one.upper + "/notice", follow: false) }
  let isWhiteout = white.map { $0.mode & S_IFMT == S_IFCHR && $0.device == 0 } ?? false
  let (below, above) = (Evidence.text(layer + "/page").trimmed, Evidence.lines(one.upper + "/page").joined(separator: " "))
  let isWhole = !Evidence.text(layer + "/notice").isEmpty
  scene.draw { language in
    let (own, ro) = language == .en ? ("upper: its own", "lower: shared, read-only") : ("上层：自己的", "下层：共用，只读")
    // What is beside it there was made to mount something on.
    let others = { (o: Overlay) in (optional { () throws(SysError) in try FileSystem.list(o.upper).sorted() } ?? []).filter { !["page", "notice", "diary"].contains($0) }.map { "/\($0)" } }
    let (empty, places) = language == .en ? ("(empty)", "  (mount points)") : ("（空）", "  （挂载点）")
    let rest = { (o: Overlay) in others(o).isEmpty ? [] : [others(o).joined(separator: " ") + places] }
    let mark = isWhiteout ? "/notice  c 0:0 (whiteout)" : "/notice  -"
    let tops = Picture.beside([Picture.box("one   \(own)", ["/page    \(above)", mark, "/diary/x"] + rest(one)), Picture.box("two   \(own)", rest(two).isEmpty ? [empty] : rest(two))])
    return tops + Picture.box(ro, ["\(short(Overlay.name(layer)))   /page  \(below)   /notice  \(isWhole ? "keep" : "-")", "\(short(Overlay.name(one.layers.last ?? "-")))   /bin /etc /tmp … (busybox)"] + one.lowest.map { "\(short(Overlay.name($0)))   \(listing($0))\(places)" })
  }
  try scene.check("layer-untouched", below == "first" && isWhole && above == "first +1" && isWhiteout, expected: .data("layer: first; upper: first +1, c 0:0"), found: .data("layer: \(below); upper: \(above), \(isWhiteout ? "c 0:0" : "-")"))
  try scene.remove("two")
}
