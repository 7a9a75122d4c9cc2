// SPDX-License-Identifier: Apache-2.0
//
// A recipe: what an image is made of, as data (docs/recipes.md). Read strictly: all that is wrong is said at once, with its place in the text.
import Images
import Manifest

struct RecipeFile {
  /// Words of a path's owner: names of the image's own /etc/passwd and /etc/group, or numbers.
  typealias Owner = String

  struct User {
    var name: String
    /// nil: the next free one from 100, as adduser gives it.
    var id: UInt32?
    /// nil: a group of the same name and number.
    var group: String?
    var home = "/nonexistent"
    var shell = "/usr/sbin/nologin"
    var comment = ""
  }

  struct Folder {
    var path: String
    var mode: UInt32 = 0o755
    var owner: Owner = "root"
  }

  struct File {
    var path: String
    var text: String
    var mode: UInt32 = 0o644
    var owner: Owner = "root"
  }

  struct Copy {
    /// A file of the packages, or of the image that this one is made on.
    var from: String
    var to: String
    /// nil: the one of the file.
    var mode: UInt32?
    var owner: Owner = "root"
  }

  struct Link {
    var path: String
    var to: String
  }

  var name = ""
  /// The image that this one is made on; nil: none.
  var from: String?
  /// Arguments of apt-get install: names, name=version, patterns (apt-patterns(7)).
  var packages: [String] = []
  /// Folder that gets this machine's static busybox and a link for each of its applets; nil: none.
  var applets: String?
  var users: [User] = []
  var folders: [Folder] = []
  var files: [File] = []
  var copies: [Copy] = []
  var links: [Link] = []
  /// The image's processes change their user (Runtime, IgnoredUserChanges: what that means where a node has one id).
  var changesUser = false
  /// The image configuration's members (image-spec, config.md) as they are written to it.
  var config: [(String, Value)] = []

  /// The file's own bytes, which tell whether an image was made by it.
  var source: [UInt8] = []

  static func parse(_ bytes: [UInt8], file: String) throws(Failure) -> RecipeFile {
    let (documents, problems) = YAMLReader.read(bytes, file: file)
    var reader = RecipeReader(file: file)
    reader.problems = problems.filter { $0.severity == .error }
    if reader.problems.isEmpty && documents.count != 1 {
      reader.say(Position(line: 1, column: 1), "", "a recipe is one document")
    }
    var recipe = RecipeFile()
    if reader.problems.isEmpty, let d = documents.first { recipe = reader.recipe(d) }
    if !reader.problems.isEmpty { throw Failure(reader.problems.map(\.description).joined(separator: "\n")) }
    recipe.source = bytes
    return recipe
  }
}

/// Nodes into a recipe, collecting what is wrong.
struct RecipeReader {
  let file: String
  var problems: [Diagnostic] = []

  init(file: String) { self.file = file }

  mutating func say(_ at: Position, _ path: String, _ message: String, _ suggestion: String? = nil) {
    problems.append(Diagnostic(.error, file, at, path, message, suggestion: suggestion))
  }

  mutating func recipe(_ node: Node) -> RecipeFile {
    var r = RecipeFile()
    fields(node, "", ["name", "from", "packages", "applets", "users", "folders", "files", "copies", "links", "changesUser", "config"], required: ["name"]) {
      (me, key, path, v) in
      switch key {
      case "name":
        r.name = me.text(v, path)
        if !Self.isName(r.name) { me.say(v.position, path, "must be a lowercase image name such as \"my-nginx\" or \"example.org/my-nginx:1\"") }
      case "from":
        r.from = me.text(v, path)
        if !Self.isName(r.from ?? "") { me.say(v.position, path, "must be an image's name") }
      case "packages": r.packages = me.texts(v, path)
      case "applets": r.applets = me.path(v, path)
      case "users": r.users = me.list(v, path) { $0.user($1, $2) }
      case "folders": r.folders = me.list(v, path) { $0.folder($1, $2) }
      case "files": r.files = me.list(v, path) { $0.file($1, $2) }
      case "copies": r.copies = me.list(v, path) { $0.copy($1, $2) }
      case "links": r.links = me.list(v, path) { $0.link($1, $2) }
      case "changesUser":
        if case .scalar(.bool(let b)) = v.content { r.changesUser = b } else { me.say(v.position, path, "must be true or false") }
      case "config": r.config = me.config(v, path)
      default: break
      }
    }
    for p in r.packages where p.hasPrefix("-") { say(node.position, "packages", "\"\(p)\" is no package") }
    return r
  }

  private static func isName(_ text: String) -> Bool {
    do throws(ImageReference.Invalid) {
      _ = try ImageReference(parsing: text)
      return true
    } catch { return false }
  }

  private mutating func user(_ node: Node, _ path: String) -> RecipeFile.User {
    var u = RecipeFile.User(name: "")
    fields(node, path, ["name", "id", "group", "home", "shell", "comment"], required: ["name"]) { (me, key, path, v) in
      switch key {
      case "name": u.name = me.text(v, path)
      case "id":
        if case .scalar(.int(let n)) = v.content, (0..<4_294_967_295).contains(n) { u.id = UInt32(n) } else { me.say(v.position, path, "must be a number from 0") }
      case "group": u.group = me.text(v, path)
      case "home": u.home = me.text(v, path)
      case "shell": u.shell = me.text(v, path)
      case "comment": u.comment = me.text(v, path)
      default: break
      }
      if case .scalar(.string(let s)) = v.content, s.contains(":") || s.contains("\n") { me.say(v.position, path, "must have no colon and no line break") }
    }
    return u
  }

  private mutating func folder(_ node: Node, _ path: String) -> RecipeFile.Folder {
    var f = RecipeFile.Folder(path: "")
    fields(node, path, ["path", "mode", "owner"], required: ["path"]) { (me, key, path, v) in
      switch key {
      case "path": f.path = me.path(v, path)
      case "mode": f.mode = me.mode(v, path)
      case "owner": f.owner = me.text(v, path)
      default: break
      }
    }
    return f
  }

  private mutating func file(_ node: Node, _ path: String) -> RecipeFile.File {
    var f = RecipeFile.File(path: "", text: "")
    fields(node, path, ["path", "text", "mode", "owner"], required: ["path", "text"]) { (me, key, path, v) in
      switch key {
      case "path": f.path = me.path(v, path)
      case "text": f.text = me.text(v, path, empty: true)
      case "mode": f.mode = me.mode(v, path)
      case "owner": f.owner = me.text(v, path)
      default: break
      }
    }
    return f
  }

  private mutating func copy(_ node: Node, _ path: String) -> RecipeFile.Copy {
    var c = RecipeFile.Copy(from: "", to: "")
    fields(node, path, ["from", "to", "mode", "owner"], required: ["from", "to"]) { (me, key, path, v) in
      switch key {
      case "from": c.from = me.path(v, path)
      case "to": c.to = me.path(v, path)
      case "mode": c.mode = me.mode(v, path)
      case "owner": c.owner = me.text(v, path)
      default: break
      }
    }
    return c
  }

  private mutating func link(_ node: Node, _ path: String) -> RecipeFile.Link {
    var l = RecipeFile.Link(path: "", to: "")
    fields(node, path, ["path", "to"], required: ["path", "to"]) { (me, key, path, v) in
      if key == "path" { l.path = me.path(v, path) } else { l.to = me.text(v, path) }
    }
    return l
  }

  private mutating func config(_ node: Node, _ path: String) -> [(String, Value)] {
    var out: [(String, Value)] = []
    let lists = ["Entrypoint", "Cmd", "Env"]
    let sets = ["ExposedPorts", "Volumes"]
    let words = ["StopSignal", "WorkingDir", "User"]
    fields(node, path, lists + sets + words + ["Labels"], required: []) { (me, key, path, v) in
      if lists.contains(key) {
        out.append((key, .strings(me.texts(v, path))))
      } else if sets.contains(key) {
        out.append((key, .object(me.texts(v, path).map { ($0, .object([])) })))
      } else if key == "Labels" {
        guard case .mapping(let entries) = v.content else { return me.say(v.position, path, "must be a mapping") }
        out.append((key, .object(entries.map { ($0.key, .string(me.text($0.value, "\(path).\($0.key)", empty: true))) })))
      } else {
        out.append((key, .string(me.text(v, path))))
      }
    }
    return out
  }

  // MARK: kinds of values

  /// Calls body for each known field; a field that is unknown, stands twice or is missing is a problem.
  private mutating func fields(
    _ node: Node, _ path: String, _ known: [String], required: [String], _ body: (inout RecipeReader, String, String, Node) -> Void
  ) {
    guard case .mapping(let entries) = node.content else { return say(node.position, path, "must be a mapping") }
    var seen: Set<String> = []
    for e in entries {
      let here = path.isEmpty ? e.key : "\(path).\(e.key)"
      guard known.contains(e.key) else {
        say(e.keyPosition, here, "unknown field", Spelling.nearest(to: e.key, among: known))
        continue
      }
      if !seen.insert(e.key).inserted {
        say(e.keyPosition, here, "stands twice")
        continue
      }
      body(&self, e.key, here, e.value)
    }
    for r in required where !seen.contains(r) { say(node.position, path.isEmpty ? r : "\(path).\(r)", "Required value") }
  }

  private mutating func list<T>(_ node: Node, _ path: String, _ body: (inout RecipeReader, Node, String) -> T) -> [T] {
    guard case .sequence(let items) = node.content else {
      say(node.position, path, "must be a list")
      return []
    }
    return items.enumerated().map { body(&self, $0.element, "\(path)[\($0.offset)]") }
  }

  private mutating func texts(_ node: Node, _ path: String) -> [String] { list(node, path) { $0.text($1, $2) } }

  /// Numbers count as what they were written as would be ambiguous (0644, 1e3): a text must be one, but plain whole numbers are taken (ports, versions).
  private mutating func text(_ node: Node, _ path: String, empty: Bool = false) -> String {
    switch node.content {
    case .scalar(.string(let s)):
      if s.utf8.contains(0) || (s.isEmpty && !empty) { say(node.position, path, s.isEmpty ? "must not be empty" : "must have no zero byte") }
      return s
    case .scalar(.int(let n)): return "\(n)"
    default:
      say(node.position, path, "must be a string")
      return ""
    }
  }

  /// An absolute path without . and .., returned without its first slash.
  private mutating func path(_ node: Node, _ path: String) -> String {
    let t = text(node, path)
    let parts = t.split(separator: "/", omittingEmptySubsequences: false)
    guard t.hasPrefix("/"), t.utf8.count > 1, t.utf8.count < 4096, !parts.dropFirst().contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) else {
      if !t.isEmpty { say(node.position, path, "must be an absolute path, without \".\", \"..\" and a slash at its end") }
      return "x"
    }
    return String(t.dropFirst())
  }

  /// As chmod(1) takes it, as a string: YAML reads 0644 without quotes in one way or another.
  private mutating func mode(_ node: Node, _ path: String) -> UInt32 {
    if case .scalar(.string(let s)) = node.content, let m = UInt32(s, radix: 8), m <= 0o7777 { return m }
    say(node.position, path, "must be an octal number in quotes, such as \"0755\"")
    return 0
  }
}
