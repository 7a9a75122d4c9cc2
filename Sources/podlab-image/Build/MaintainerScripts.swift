// SPDX-License-Identifier: Apache-2.0
//
// What packages' maintainer scripts would do is read from them, never run: literal calls of update-alternatives and adduser. A call with a variable in
// it is not literal; of Java, the .jinfo file says the same as data.

enum MaintainerScripts {
  struct Alternative: Equatable {
    var name: String
    /// /usr/bin/awk
    var link: String
    /// /usr/bin/mawk
    var path: String
    var priority: Int
    var slaves: [(name: String, link: String, path: String)] = []

    static func == (a: Alternative, b: Alternative) -> Bool { a.name == b.name && a.path == b.path }
  }

  static func alternatives(_ script: String) -> [Alternative] {
    calls(of: "update-alternatives", in: script).compactMap { words in
      guard let at = words.firstIndex(of: "--install"), words.count > at + 4, let priority = Int(words[at + 4]) else { return nil }
      var a = Alternative(name: words[at + 2], link: words[at + 1], path: words[at + 3], priority: priority)
      var rest = words[(at + 5)...]
      while rest.count >= 4, rest.first == "--slave" {
        let s = Array(rest.prefix(4))
        a.slaves.append((s[2], s[1], s[3]))
        rest = rest.dropFirst(4)
      }
      return a
    }
  }

  /// `adduser --system …`, as adduser(8) reads it.
  static func users(_ script: String) -> [RecipeFile.User] {
    calls(of: "adduser", in: script).compactMap { words in
      guard words.contains("--system") else { return nil }
      var user = RecipeFile.User(name: "", group: "nogroup")
      var rest = words.dropFirst()
      while let w = rest.popFirst() {
        switch w {
        case "--group": user.group = nil
        case "--home": user.home = rest.popFirst() ?? user.home
        case "--shell": user.shell = rest.popFirst() ?? user.shell
        case "--gecos", "--comment": user.comment = rest.popFirst() ?? ""
        case "--ingroup": user.group = rest.popFirst()
        case "--uid": user.id = UInt32(rest.popFirst() ?? "")
        case "--gid", "--firstuid", "--lastuid", "--conf", "--firstgid", "--lastgid": _ = rest.popFirst()
        default: if !w.hasPrefix("-") && user.name.isEmpty { user.name = w }
        }
      }
      return user.name.isEmpty ? nil : user
    }
  }

  /// From `jre java /usr/lib/jvm/…/bin/java` in a .jinfo file (update-java-alternatives(8)).
  static func javaAlternatives(_ jinfo: String) -> [Alternative] {
    var priority = 1
    var out: [Alternative] = []
    for line in jinfo.split(separator: "\n") {
      if line.hasPrefix("priority=") { priority = Int(line.dropFirst(9)) ?? priority }
      let w = line.split(separator: " ").map(String.init)
      guard w.count == 3, ["jre", "jdk", "hl", "jdkhl"].contains(w[0]), w[2].hasPrefix("/") else { continue }
      out.append(Alternative(name: w[1], link: "/usr/bin/\(w[1])", path: w[2], priority: priority))
    }
    return out
  }

  /// `u name id "comment" home shell` and `g name id` lines of sysusers.d(5).
  static func systemUsers(_ text: String) -> [RecipeFile.User] {
    text.split(separator: "\n").compactMap { line in
      let w = words(line)
      guard w.count >= 2, w[0].hasPrefix("u"), !w[1].contains("%") else { return nil }
      var u = RecipeFile.User(name: w[1])
      func field(_ i: Int) -> String? { i < w.count && w[i] != "-" && !w[i].isEmpty ? w[i] : nil }
      if let id = field(2) {
        let parts = id.split(separator: ":")
        u.id = parts.first.flatMap { UInt32($0) }
        if parts.count > 1 { u.group = String(parts[1]) }
      }
      u.comment = field(3) ?? ""
      u.home = field(4) ?? "/"
      u.shell = field(5) ?? u.shell
      return u
    }
  }

  // MARK: the shell's words

  /// Each call with its name first: lines joined where they end in a backslash, up to the end of the command.
  private static func calls(of name: String, in script: String) -> [[String]] {
    var lines: [String] = []
    var joined = ""
    for line in script.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasSuffix("\\") {
        joined += line.dropLast() + " "
      } else {
        lines.append(joined + line)
        joined = ""
      }
    }
    return lines.compactMap { line in
      if line.drop(while: { $0 == " " || $0 == "\t" }).hasPrefix("#") { return nil }
      let all = words(line[...])
      guard let at = all.firstIndex(of: name) else { return nil }
      // What stands before must be the shell's, not another command that has the name as an argument.
      guard at == 0 || ["then", "||", "&&", "do", "else", "{", ";", "!", "if"].contains(all[at - 1]) || all[at - 1].hasSuffix(";") || all[at - 1].hasSuffix(")") else { return nil }
      var call: [String] = []
      for w in all[at...] {
        if ["||", "&&", ";", "|", "fi", "}"].contains(w) || w.hasPrefix(">") || w.hasPrefix("2>") { break }
        call.append(w.hasSuffix(";") ? String(w.dropLast()) : w)
        if w.hasSuffix(";") { break }
      }
      return call.contains { $0.contains("$") || $0.contains("`") } ? nil : call
    }
  }

  /// Split at blanks, quotes removed.
  private static func words(_ line: Substring) -> [String] {
    var out: [String] = []
    var word = ""
    var inside = false
    var quote: Character?
    for c in line {
      if let q = quote {
        if c == q { quote = nil } else { word.append(c) }
      } else if c == "'" || c == "\"" {
        quote = c
        inside = true
      } else if c == " " || c == "\t" {
        if inside || !word.isEmpty { out.append(word) }
        (word, inside) = ("", false)
      } else {
        word.append(c)
      }
    }
    if inside || !word.isEmpty { out.append(word) }
    return out
  }
}
