// SPDX-License-Identifier: Apache-2.0
//
// /etc/pam.d/common-*: what pam-auth-update(8) makes of the templates and the packages' profiles, without which su and login refuse everybody.

enum PamConfig {
  private struct Profile {
    var name: String
    var isDefault = false
    var priority = 0
    var interactiveOnly = false
    /// Auth-Type and so on; "Auth", "Auth-Initial": their lines.
    var fields: [String: [String]] = [:]
  }

  static func make(_ assembly: LayerAssembly) {
    let all = assembly.keptPaths(below: "usr/share/pam-configs").map { parse(assembly.text($0) ?? "", $0) }
      .sorted { $0.priority == $1.priority ? $0.name < $1.name : $0.priority > $1.priority }
    if all.isEmpty { return }
    let profiles = all.filter(\.isDefault)
    for (file, type, variable) in [
      ("account", "Account", "account"), ("auth", "Auth", "auth"), ("password", "Password", "password"), ("session", "Session", "session"),
      ("session-noninteractive", "Session", "session_nonint"),
    ] {
      guard let template = assembly.text("usr/share/pam/common-\(file)") else { continue }
      let used = profiles.filter { $0.fields[type] != nil && !(variable == "session_nonint" && $0.interactiveOnly) }
      var primary = block(used.filter { $0.fields["\(type)-Type"] == ["Primary"] }, type, isPrimary: true)
      let permit = "[default=1]\t\t\tpam_permit.so\n"
      let isOpen = primary.isEmpty
      if isOpen { primary = "\(type.lowercased())\t" + permit }
      let additional = block(used.filter { $0.fields["\(type)-Type"] == ["Additional"] }, type, isPrimary: false)
      var out = ""
      for line in template.split(separator: "\n", omittingEmptySubsequences: false) {
        switch line {
        case "$\(variable)_primary": out += primary
        case "$\(variable)_additional": out += additional
        default: out += line + "\n"
        }
      }
      while out.hasSuffix("\n\n") { out.removeLast() }
      assembly.file("etc/pam.d/common-\(file)", out)
      // What pam-auth-update remembers.
      let modules = used.map { "Module: \($0.name)\n" + lines($0, type, isFirst: $0.name == used.first?.name).map { $0 + "\n" }.joined() }.joined()
      assembly.file("var/lib/pam/\(file)", (isOpen ? "Module: null\n" + permit : "") + modules)
    }
    assembly.file("var/lib/pam/seen", all.map { $0.name + "\n" }.joined())
  }

  private static func lines(_ p: Profile, _ type: String, isFirst: Bool) -> [String] {
    (isFirst ? p.fields["\(type)-Initial"] : nil) ?? p.fields[type] ?? []
  }

  /// The first module of a stack has its -Initial lines; "end" jumps behind the last line that may refuse.
  private static func block(_ profiles: [Profile], _ type: String, isPrimary: Bool) -> String {
    let lines = profiles.enumerated().flatMap { self.lines($0.element, type, isFirst: $0.offset == 0) }
    return lines.enumerated().map { i, line in
      let left = lines.count - i - (isPrimary ? 0 : 1)
      var text = ""
      var rest = line[...]
      while let at = rest.firstIndex(of: "="), rest[at...].hasPrefix("=end") {
        text += rest[..<at] + "=\(left)"
        rest = rest[rest.index(at, offsetBy: 4)...]
      }
      // A module without arguments is followed by a blank: pam-auth-update takes another text for somebody's own.
      return "\(type.lowercased())\t\(text + rest)\(rest.hasSuffix(".so") ? " " : "")\n"
    }.joined()
  }

  private static func parse(_ text: String, _ path: String) -> Profile {
    var p = Profile(name: String(path.split(separator: "/").last ?? ""))
    var current = ""
    for line in text.split(separator: "\n") {
      if line.hasPrefix("\t") || line.hasPrefix(" ") {
        p.fields[current, default: []].append(String(line.drop { $0 == "\t" || $0 == " " }))
        continue
      }
      guard let colon = line.firstIndex(of: ":") else { continue }
      current = String(line[..<colon])
      let value = String(line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" })
      switch current {
      case "Default": p.isDefault = value == "yes"
      case "Priority": p.priority = Int(value) ?? 0
      case "Session-Interactive-Only": p.interactiveOnly = value == "yes"
      default: p.fields[current] = value.isEmpty ? [] : [value]
      }
    }
    return p
  }
}
