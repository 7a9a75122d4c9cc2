// SPDX-License-Identifier: Apache-2.0
//
// A recipe becomes an image: the layers of the image that it is made on, and one of its own. Open this file first.
//
//   RecipeFile ─ Apt (resolve, fetch, prove) ─ DebPackage … ─ LayerAssembly ─ LayerTar ─ the store
//                                                accounts, alternatives, dpkg's database, certificates, PAM, loader's cache
import Glibc
import Images
import Kernel
import Manifest

struct RecipeBuilder {
  let recipe: RecipeFile
  let progress: BuildProgress

  /// What the image below brings; nothing where there is none.
  struct Base {
    var tree = BaseTree()
    var config: Value = .null
    /// Of its manifest; nil: no image.
    var digest: String?
  }

  /// Writes the layer. Returns the image's date, seconds since 1970. packages: fetched already.
  func assemble(_ packages: [Apt.Archive], _ apt: Apt?, on base: Base, to sink: LayerTar.Sink) throws(Failure) -> Int {
    let tar = try LayerTar(to: sink)
    let assembly = LayerAssembly(on: base.tree, tar: tar, hasPackages: !packages.isEmpty)
    let made = recipe.files.map(\.path) + recipe.copies.map(\.to) + recipe.links.map(\.path)
    assembly.replace(made)
    assembly.alsoKept = Set(recipe.copies.map { assembly.canonical($0.from) })

    var database = DpkgDatabase()
    var accounts: [RecipeFile.User] = []
    var alternatives: [MaintainerScripts.Alternative] = []
    if let apt { try add(packages, apt, assembly, &database, &accounts, &alternatives) }
    var time = assembly.newest
    if time == 0 { time = base.config["created"]?.string.flatMap(Self.seconds) ?? 0 }
    if let folder = recipe.applets { time = max(time, try Applets.add(to: assembly, folder: folder)) }

    if !packages.isEmpty && base.digest == nil { mergeUsr(assembly) }
    // A recipe's own accounts first: they say who owns the rest.
    for f in recipe.files where f.path == "etc/passwd" || f.path == "etc/group" { assembly.file(f.path, f.text, mode: f.mode) }
    if !packages.isEmpty || !recipe.users.isEmpty { try makeAccounts(accounts, assembly, day: time / 86400) }
    let owners = Accounts(assembly)
    func owner(_ text: String, _ path: String) throws(Failure) -> (uid: UInt32, gid: UInt32) {
      // A recipe without accounts still knows the one that every system has.
      if let o = owners.owner(text) ?? (text == "root" ? (0, 0) : nil) { return o }
      throw Failure("/\(path): the image has no user or group \"\(text)\"")
    }
    for f in recipe.folders {
      let o = try owner(f.owner, f.path)
      assembly.folder(f.path, mode: f.mode, uid: o.uid, gid: o.gid)
    }
    for f in recipe.files {
      let o = try owner(f.owner, f.path)
      assembly.file(f.path, f.text, mode: f.mode, uid: o.uid, gid: o.gid)
    }
    for c in recipe.copies {
      guard let place = assembly.resolved(c.from), let bytes = assembly.bytes(place) else {
        throw Failure("/\(c.from): neither in the packages nor kept of the image below")
      }
      let o = try owner(c.owner, c.to)
      assembly.file(c.to, bytes, mode: c.mode ?? assembly.entry(place)?.mode ?? 0o644, uid: o.uid, gid: o.gid)
    }
    for l in recipe.links { assembly.symlink(l.path, to: l.to) }

    if !packages.isEmpty {
      var links = Alternatives(assembly)
      for a in alternatives { links.add(a) }
      for path in assembly.keptPaths(below: "usr/lib/jvm") where path.hasSuffix(".jinfo") {
        for a in MaintainerScripts.javaAlternatives(assembly.text(path) ?? "") { links.add(a) }
      }
      links.write(to: assembly)
      database.write(to: assembly)
      PamConfig.make(assembly)
      let java = assembly.exists("usr/share/ca-certificates-java")
      try Certificates.make(assembly, isJava: java, time: time)
      LoaderCache.make(assembly)
    }
    try assembly.finish(time: time)
    return time
  }

  private func add(
    _ packages: [Apt.Archive], _ apt: Apt, _ assembly: LayerAssembly, _ database: inout DpkgDatabase, _ users: inout [RecipeFile.User],
    _ alternatives: inout [MaintainerScripts.Alternative]
  ) throws(Failure) {
    let named = Set(recipe.packages.map { String($0.prefix { $0 != "=" && $0 != "/" }) })
    progress.begin(said("unpacking", "解包"), packages: packages.count, bytes: packages.reduce(0) { $0 + $1.size })
    var bytes: Int64 = 0
    for (i, archive) in packages.enumerated() {
      let package = try DebPackage(apt.path(archive))
      let control = try package.control()
      func text(_ name: String) -> String { control.first { $0.name == name }.map { String(decoding: $0.bytes, as: UTF8.self) } ?? "" }
      let conffiles = Set(text("conffiles").split(separator: "\n").map { $0.split(separator: " ").last.map { String($0.dropFirst()) } ?? "" })
      assembly.alsoKept.formUnion(conffiles.map(assembly.canonical))
      var paths: [String] = []
      var sums: [String: String] = [:]
      let (count, before) = (i, bytes)
      try package.files(progress: { [progress] in progress.at(packages: count, bytes: before + $0) }) { (entry, file) throws(Failure) in
        paths.append(entry.path)
        try assembly.add(entry, file)
        if case .file = entry.kind, conffiles.contains(entry.path), let content = assembly.bytes(entry.path) {
          sums["/\(entry.path)"] = try HashSum.md5(content)
        }
      }
      users += MaintainerScripts.users(text("postinst"))
      alternatives += MaintainerScripts.alternatives(text("postinst"))
      try database.add(control, paths: paths, conffiles: sums, isAutomatic: !named.contains(archive.package), to: assembly)
      bytes += archive.size
      progress.at(packages: i + 1, bytes: bytes)
    }
  }

  /// The links of a merged /usr that no package brings; debootstrap makes them.
  private func mergeUsr(_ assembly: LayerAssembly) {
    for name in LayerAssembly.merged where assembly.exists("usr/\(name)") && assembly.entry(name) == nil { assembly.symlink(name, to: "usr/\(name)") }
  }

  private func makeAccounts(_ users: [RecipeFile.User], _ assembly: LayerAssembly, day: Int) throws(Failure) {
    var accounts = Accounts(assembly)
    if accounts.isEmpty { return }
    let declared = assembly.keptPaths(below: "usr/lib/sysusers.d").flatMap { MaintainerScripts.systemUsers(assembly.text($0) ?? "") }
    for u in recipe.users + users + declared { try accounts.add(u) }
    accounts.write(to: assembly, day: day)
  }

  // MARK: the configuration

  /// The image's configuration: the one below, what the recipe says over it. diffIDs: lowest first.
  func config(_ packages: [Apt.Archive], on base: Base, diffIDs: [String], time: Int) throws(Failure) -> Value {
    var settings = base.config["config"] ?? .object([])
    for (key, value) in recipe.config {
      if key == "Env" {
        settings[key] = .strings(Self.merge(settings[key]?.array?.compactMap(\.string) ?? [], value.array?.compactMap(\.string) ?? []))
      } else {
        settings[key] = value
      }
      // As in every builder: a new entry point does not get the command of the image below.
      if key == "Entrypoint" && !recipe.config.contains(where: { $0.0 == "Cmd" }) { settings["Cmd"] = nil }
    }
    var labels = settings["Labels"] ?? .object([])
    labels[Recipe.digestLabel] = .string(try recipeDigest())
    labels[Recipe.packagesLabel] = packages.isEmpty ? nil : .string(try Self.packagesDigest(packages))
    labels[Recipe.changesUserLabel] = recipe.changesUser ? .string("true") : labels[Recipe.changesUserLabel]
    if let d = base.digest { labels[Recipe.baseLabel] = .string(d) }
    settings["Labels"] = labels
    var history = base.config["history"]?.array ?? []
    history.append(.object([("created", .string(Self.rfc3339(time))), ("created_by", .string("podctl image build \(recipe.name)"))]))
    return .object([
      ("created", .string(Self.rfc3339(time))), ("architecture", .string(Self.architecture)), ("os", .string("linux")), ("config", settings),
      ("rootfs", .object([("type", .string("layers")), ("diff_ids", .strings(diffIDs))])), ("history", .array(history)),
    ])
  }

  /// NAME=value lists; the later one counts.
  private static func merge(_ a: [String], _ b: [String]) -> [String] {
    let names = Set(b.map { $0.prefix { $0 != "=" } })
    return a.filter { !names.contains($0.prefix { $0 != "=" }) } + b
  }

  /// Another number builds everything again: what is made of the same recipe and packages has changed.
  private static let edition = 1

  /// SHA-256 of the recipe's text.
  func recipeDigest() throws(Failure) -> String { "sha256:" + (try Digest.of(Array("\(Self.edition)\n".utf8) + recipe.source)) }

  static func packagesDigest(_ packages: [Apt.Archive]) throws(Failure) -> String {
    "sha256:" + (try Digest.of(Array(packages.map { "\($0.file) \($0.sha256)\n" }.joined().utf8)))
  }

  static func rfc3339(_ time: Int) -> String { WallTime(nanoseconds: Int64(time) * 1_000_000_000).rfc3339 }

  private static func seconds(_ text: String) -> Int? { WallTime(rfc3339: text).map { Int($0.nanoseconds / 1_000_000_000) } }

  static var architecture: String {
    #if arch(arm64)
      "arm64"
    #else
      "amd64"
    #endif
  }
}
