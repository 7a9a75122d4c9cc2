// SPDX-License-Identifier: Apache-2.0
//
// Alternatives as update-alternatives(1) leaves them: /var/lib/dpkg/alternatives/NAME, /etc/alternatives/NAME and the link itself, in automatic mode.

struct Alternatives {
  private struct Group {
    var link: String
    /// Name and link, in order.
    var slaves: [(name: String, link: String)] = []
    var choices: [(path: String, priority: Int, slaves: [String: String])] = []
  }

  private var groups: [String: Group] = [:]
  private var changed: Set<String> = []
  private static let folder = "var/lib/dpkg/alternatives"

  init(_ assembly: LayerAssembly) {
    for path in assembly.keptPaths(below: Self.folder) {
      guard let text = assembly.text(path), let group = Self.parse(text) else { continue }
      groups[String(path.dropFirst(Self.folder.utf8.count + 1))] = group
    }
  }

  mutating func add(_ a: MaintainerScripts.Alternative) {
    var g = groups[a.name] ?? Group(link: a.link)
    for s in a.slaves where !g.slaves.contains(where: { $0.name == s.name }) { g.slaves.append((s.name, s.link)) }
    g.choices.removeAll { $0.path == a.path }
    g.choices.append((a.path, a.priority, Dictionary(a.slaves.map { ($0.name, $0.path) }, uniquingKeysWith: { $1 })))
    groups[a.name] = g
    changed.insert(a.name)
  }

  /// Choices whose file is not there are left out, as update-alternatives refuses them.
  mutating func write(to assembly: LayerAssembly) {
    for name in changed.sorted() {
      guard var g = groups[name] else { continue }
      g.choices.removeAll { !assembly.exists(String($0.path.dropFirst())) }
      guard let best = g.choices.max(by: { $0.priority < $1.priority }) else { continue }
      assembly.symlink("etc/alternatives/\(name)", to: best.path)
      Self.link(g.link, name, assembly)
      for s in g.slaves {
        guard let path = best.slaves[s.name], assembly.exists(String(path.dropFirst())) else { continue }
        assembly.symlink("etc/alternatives/\(s.name)", to: path)
        Self.link(s.link, s.name, assembly)
      }
      assembly.file("\(Self.folder)/\(name)", Self.text(g))
    }
  }

  private static func link(_ link: String, _ name: String, _ assembly: LayerAssembly) {
    let path = String(link.dropFirst())
    // A package's own file stays.
    if let e = assembly.entry(path), case .file = e.kind { return }
    if let e = assembly.entry(path), e.kind == .symlink("/etc/alternatives/\(name)") { return }
    assembly.symlink(path, to: "/etc/alternatives/\(name)")
  }

  private static func text(_ g: Group) -> String {
    var lines = ["auto", g.link]
    for s in g.slaves { lines += [s.name, s.link] }
    lines.append("")
    for c in g.choices.sorted(by: { $0.path < $1.path }) { lines += [c.path, "\(c.priority)"] + g.slaves.map { c.slaves[$0.name] ?? "" } }
    return lines.map { $0 + "\n" }.joined() + "\n"
  }

  private static func parse(_ text: String) -> Group? {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)[...]
    guard lines.count > 3, lines.popFirst() != nil, let link = lines.popFirst() else { return nil }
    var g = Group(link: link)
    while let name = lines.popFirst(), !name.isEmpty {
      guard let l = lines.popFirst() else { return nil }
      g.slaves.append((name, l))
    }
    while let path = lines.popFirst(), !path.isEmpty {
      guard let priority = lines.popFirst().flatMap({ Int($0) }) else { return nil }
      var slaves: [String: String] = [:]
      for s in g.slaves {
        guard let p = lines.popFirst() else { return nil }
        if !p.isEmpty { slaves[s.name] = p }
      }
      g.choices.append((path, priority, slaves))
    }
    return g
  }
}
