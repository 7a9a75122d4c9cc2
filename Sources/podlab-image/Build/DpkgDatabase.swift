// SPDX-License-Identifier: Apache-2.0
//
// dpkg's database as a finished installation leaves it: var/lib/dpkg/status and info/. dpkg -l, dpkg -L, dpkg --verify and apt read it.

/// Fields of a control file, in order; a field's further lines belong to it.
struct ControlFields {
  private(set) var fields: [(name: String, text: String)] = []

  init(_ text: String) {
    for line in text.split(separator: "\n") {
      if line.hasPrefix(" ") || line.hasPrefix("\t") {
        if !fields.isEmpty { fields[fields.count - 1].text += "\n" + line }
      } else if let colon = line.firstIndex(of: ":") {
        fields.append((String(line[..<colon]), String(line[line.index(after: colon)...].drop { $0 == " " })))
      }
    }
  }

  subscript(_ name: String) -> String? { fields.first { $0.name == name }?.text }
}

struct DpkgDatabase {
  private var stanzas: [(name: String, text: String)] = []
  private var fileTriggers: [String] = []
  private var namedTriggers: [String: [String]] = [:]
  private var automatic: [(name: String, architecture: String)] = []
  private static let folder = "var/lib/dpkg"

  /// One installed package: control files, the paths in its archive, MD5 sums of its configuration files by path.
  mutating func add(_ control: [(name: String, bytes: [UInt8])], paths: [String], conffiles: [String: String], isAutomatic: Bool, to assembly: LayerAssembly)
    throws(Failure)
  {
    guard let text = control.first(where: { $0.name == "control" }).map({ String(decoding: $0.bytes, as: UTF8.self) }) else {
      throw Failure("a package without control file")
    }
    let fields = ControlFields(text)
    guard let name = fields["Package"], let architecture = fields["Architecture"] else { throw Failure("a package without a name") }
    let file = fields["Multi-Arch"] == "same" ? "\(name):\(architecture)" : name
    let info = "\(Self.folder)/info/\(file)"
    let scripts: Set = ["preinst", "postinst", "prerm", "postrm", "config"]
    for (n, bytes) in control where n != "control" { assembly.file("\(info).\(n)", bytes, mode: scripts.contains(n) ? 0o755 : 0o644) }
    assembly.file("\(info).list", (["/."] + paths.map { "/" + $0 }).map { $0 + "\n" }.joined())

    var stanza = ""
    for f in fields.fields {
      stanza += "\(f.name): \(f.text)\n"
      if f.name == "Package" { stanza += "Status: install ok installed\n" }
      // Where dpkg puts it: before the description.
    }
    if !conffiles.isEmpty { stanza += "Conffiles:\n" + conffiles.sorted { $0.key < $1.key }.map { " \($0.key) \($0.value)\n" }.joined() }
    stanzas.append((name, stanza))
    if isAutomatic { automatic.append((name, architecture)) }
    addTriggers(control.first { $0.name == "triggers" }.map { String(decoding: $0.bytes, as: UTF8.self) } ?? "", name)
  }

  private mutating func addTriggers(_ text: String, _ package: String) {
    for line in text.split(separator: "\n") {
      let w = line.split { $0 == " " || $0 == "\t" }
      guard w.count == 2, w[0].hasPrefix("interest") else { continue }
      let who = w[0] == "interest-noawait" ? "\(package)/noawait" : package
      if w[1].hasPrefix("/") { fileTriggers.append("\(w[1]) \(who)") } else { namedTriggers[String(w[1]), default: []].append(who) }
    }
  }

  func write(to assembly: LayerAssembly) {
    if stanzas.isEmpty { return }
    let before = (assembly.base.text("\(Self.folder)/status") ?? "")
    var all: [(name: String, text: String)] = []
    var stanza = ""
    for line in before.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.isEmpty {
        if !stanza.isEmpty { all.append((ControlFields(stanza)["Package"] ?? "", stanza)) }
        stanza = ""
      } else {
        stanza += line + "\n"
      }
    }
    // A package that was below in another version gives way.
    let new = Set(stanzas.map(\.name))
    all.removeAll { new.contains($0.name) }
    all += stanzas
    all.sort { $0.name < $1.name }
    assembly.file("\(Self.folder)/status", all.map { $0.text + "\n" }.joined())
    assembly.file("\(Self.folder)/available", "")
    assembly.file("\(Self.folder)/info/format", "1\n")
    for n in ["diversions", "statoverride"] where !assembly.exists("\(Self.folder)/\(n)") { assembly.file("\(Self.folder)/\(n)", "") }
    for f in ["updates", "parts", "triggers"] where !assembly.exists("\(Self.folder)/\(f)") { assembly.folder("\(Self.folder)/\(f)") }

    let triggers = "\(Self.folder)/triggers"
    let files = (assembly.base.text("\(triggers)/File") ?? "").split(separator: "\n").map(String.init) + fileTriggers
    if !files.isEmpty { assembly.file("\(triggers)/File", files.map { $0 + "\n" }.joined()) }
    for (name, packages) in namedTriggers {
      let old = (assembly.base.text("\(triggers)/\(name)") ?? "").split(separator: "\n").map(String.init)
      assembly.file("\(triggers)/\(name)", (old + packages.filter { !old.contains($0) }).map { $0 + "\n" }.joined())
    }
    for n in ["Lock", "Unincorp"] where !assembly.exists("\(triggers)/\(n)") { assembly.file("\(triggers)/\(n)", "") }

    // What was not asked for by name, so that apt-get autoremove in the image knows it.
    let states = automatic.map { "Package: \($0.name)\nArchitecture: \($0.architecture)\nAuto-Installed: 1\n\n" }.joined()
    assembly.file("var/lib/apt/extended_states", (assembly.base.text("var/lib/apt/extended_states") ?? "") + states)
  }
}
