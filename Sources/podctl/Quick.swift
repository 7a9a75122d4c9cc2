// SPDX-License-Identifier: Apache-2.0
//
// What is typed a hundred times a day, read without ArgumentParser, whose reflection costs two milliseconds at each start: more than exec itself takes
// (docs/performance.md). Only what is plainly understood is taken here; help, mistakes and rare options go to the verb's own parser. Both ways end in
// the same request (Execution, …), so that a word has one meaning.

enum Quick {
  /// Carries the words out if they are one of the quick forms; false: nothing was done.
  static func run(_ words: [String]) throws -> Bool {
    switch words.first {
    case "apply": try apply(words.dropFirst())
    case "delete": try delete(words.dropFirst())
    case "exec": try exec(words.dropFirst())
    case "get": try get(words.dropFirst())
    case "version": try version(words.dropFirst())
    default: false
    }
  }

  /// Spelling → name. Lists, not dictionaries: the first use of one of those costs a program's start more than looking through ten words.
  typealias Spellings = [(word: String, name: String)]

  private static var place: Spellings { [("-n", "namespace"), ("--namespace", "namespace"), ("--root", "root")] }

  private static func exec(_ words: ArraySlice<String>) throws -> Bool {
    let options = [("-c", "container"), ("--container", "container")] + place
    let flags = [("-i", "stdin"), ("--stdin", "stdin"), ("-t", "tty"), ("--tty", "tty"), ("-q", "quiet"), ("--quiet", "quiet")]
    guard let w = QuickWords(words, flags: flags, options: options), let command = w.rest, w.names.count == 1 else { return false }
    try Execution(
      names: w.names, command: command, container: w["container"], file: nil, stdin: w.flags.contains("stdin"), tty: w.flags.contains("tty"),
      quiet: w.flags.contains("quiet"), common: w.place
    ).run()
    return true
  }
}

extension Quick {
  private static func apply(_ words: ArraySlice<String>) throws -> Bool {
    let options = [("-f", "file"), ("--filename", "file")] + place
    guard let w = QuickWords(words, flags: [], options: options), w.names.isEmpty, w.rest == nil, !w.all("file").isEmpty else { return false }
    try Application(
      files: w.all("file"), recursive: false, force: false, gracePeriod: -1, selector: nil, change: ChangeReport(dryRun: .none, output: nil), common: w.place
    ).run()
    return true
  }

  private static func delete(_ words: ArraySlice<String>) throws -> Bool {
    let options = [("--grace-period", "grace"), ("--timeout", "timeout"), ("--wait", "wait")] + place
    let flags = [("--force", "force"), ("--now", "now"), ("--ignore-not-found", "ignore")]
    guard let w = QuickWords(words, flags: flags, options: options), w.rest == nil, !w.names.isEmpty, let grace = Int64(w["grace"] ?? "-1"),
      let wait = Bool(w["wait"] ?? "true")
    else { return false }
    try Deletion(
      what: w.names, files: [], recursive: false, selector: nil, fieldSelector: nil, all: false, allNamespaces: false, gracePeriod: grace,
      force: w.flags.contains("force"), now: w.flags.contains("now"), wait: wait, timeout: w["timeout"] ?? "0s", ignoreNotFound: w.flags.contains("ignore"),
      cascade: "background", dryRun: .none, output: nil, common: w.place
    ).run()
    return true
  }

  private static func get(_ words: ArraySlice<String>) throws -> Bool {
    let options =
      [
        ("-o", "output"), ("--output", "output"), ("-l", "selector"), ("--selector", "selector"), ("--field-selector", "fields"), ("--sort-by", "sort"),
      ] + place
    let flags = [("-A", "all"), ("--all-namespaces", "all"), ("--no-headers", "bare"), ("--show-labels", "labels"), ("--ignore-not-found", "ignore")]
    guard let w = QuickWords(words, flags: flags, options: options), w.rest == nil, !w.names.isEmpty else { return false }
    try Retrieval(
      what: w.names, output: w["output"], allNamespaces: w.flags.contains("all"), selector: w["selector"], fieldSelector: w["fields"], sortBy: w["sort"],
      noHeaders: w.flags.contains("bare"), showLabels: w.flags.contains("labels"), ignoreNotFound: w.flags.contains("ignore"), common: w.place
    ).run()
    return true
  }

  private static func version(_ words: ArraySlice<String>) throws -> Bool {
    guard let w = QuickWords(words, flags: [("--client", "client")], options: [("-o", "output"), ("--output", "output")]), w.names.isEmpty, w.rest == nil else { return false }
    try VersionCommand.show(client: w.flags.contains("client"), output: w["output"])
    return true
  }
}

/// A verb's words, sorted.
struct QuickWords {
  /// Neither flag nor option nor value.
  private(set) var names: [String] = []
  private(set) var flags: [String] = []
  /// What follows --; nil where there is none.
  private(set) var rest: [String]?
  private var values: [(name: String, value: String)] = []

  /// nil: some word is not plainly a flag or an option.
  init?(_ words: ArraySlice<String>, flags known: Quick.Spellings, options: Quick.Spellings) {
    func name(_ word: some StringProtocol, in list: Quick.Spellings) -> String? { list.first { $0.word == word }?.name }
    var words = words
    while let word = words.popFirst() {
      if word == "--" {
        rest = Array(words)
        return
      }
      if !word.hasPrefix("-") || word == "-" {
        names.append(word)
      } else if let name = name(word, in: known) {
        flags.append(name)
      } else if let name = name(word, in: options) {
        guard let value = words.popFirst(), !value.hasPrefix("-") || value == "-" else { return nil }
        values.append((name, value))
      } else if let equals = word.firstIndex(of: "="), let name = name(word[..<equals], in: options), word.hasPrefix("--") {
        values.append((name, String(word[word.index(after: equals)...])))
      } else if !word.hasPrefix("--"), word.dropFirst().allSatisfy({ name("-\($0)", in: known) != nil }) {
        // Several of one letter: -it.
        for letter in word.dropFirst() { if let name = name("-\(letter)", in: known) { flags.append(name) } }
      } else {
        return nil
      }
    }
  }

  /// The last value of an option.
  subscript(_ name: String) -> String? { values.last { $0.name == name }?.value }
  func all(_ name: String) -> [String] { values.filter { $0.name == name }.map(\.value) }
  var place: Place { Place(namespace: self["namespace"], root: self["root"], nodeRoot: nil) }
}
