// SPDX-License-Identifier: Apache-2.0
//
// What a wrong command line is told, in kubectl's words: what is wrong, and where help is.
import ArgumentParser

enum Usage {
  /// message: ArgumentParser's, without the usage text. arguments: as given.
  static func text(_ message: String, _ arguments: [String]) -> String {
    let verbs = Podctl.configuration.subcommands
    guard let word = verb(of: arguments) else { return "error: \(said(message))\nSee 'podctl --help' for usage.\n" }
    guard let verb = verbs.first(where: { $0._commandName == word }) else {
      if clusterVerbs.contains(word) {
        return "error: unknown command \"\(word)\" for \"podctl\": kubectl has it, podctl has not\nSee 'podctl --help' for usage.\n"
      }
      return "error: unknown command \"\(word)\" for \"podctl\"\n" + near(word, verbs.map { $0._commandName })
    }
    // create KIND, set WHAT: a word where a subcommand would stand.
    var (path, known) = ("podctl \(word)", verb.configuration.subcommands)
    for next in arguments.drop(while: { $0 != word }).dropFirst() {
      if known.isEmpty || next.hasPrefix("-") { break }
      guard let below = known.first(where: { $0._commandName == next || $0.configuration.aliases.contains(next) }) else {
        return "error: unknown command \"\(next)\" for \"\(path)\": there are \(known.map { $0._commandName }.joined(separator: ", "))\nSee '\(path) -h' for help and examples\n"
      }
      (path, known) = (path + " \(next)", below.configuration.subcommands)
    }
    return "error: \(said(message))\nSee 'podctl \(word) --help' for usage.\n"
  }

  /// kubectl's verbs that are none here.
  private static let clusterVerbs = [
    "alpha", "auth", "autoscale", "certificate", "cluster-info", "config", "diff", "drain", "expose", "kuberc", "kustomize", "options", "plugin", "proxy", "rollout", "scale",
  ]

  /// The first word that is neither a flag nor the value of one that may stand before the verb.
  static func verb(of arguments: [String]) -> String? {
    var words = arguments.prefix { $0 != "--" }
    while let word = words.popFirst() {
      if !word.hasPrefix("-") { return word }
      if ["-n", "--namespace", "--root"].contains(word) { _ = words.popFirst() }
    }
    return nil
  }

  private static func near(_ word: String, _ verbs: [String]) -> String {
    let close = verbs.filter { $0.hasPrefix(word) || word.hasPrefix($0) || distance(Array(word), Array($0)) <= 2 }
    return close.isEmpty ? "See 'podctl --help' for usage.\n" : "\nDid you mean this?\n" + close.map { "\t\($0)\n" }.joined()
  }

  /// Letters to add, take away or change.
  private static func distance(_ a: [Character], _ b: [Character]) -> Int {
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var left = i
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let cost = x == y ? left : min(left, row[j], row[j + 1]) + 1
        left = row[j + 1]
        row[j + 1] = cost
      }
    }
    return row[b.count]
  }

  private static func said(_ message: String) -> String {
    let text = message.split(separator: "\n").first.map(String.init) ?? message
    let quoted = text.split(separator: "'", omittingEmptySubsequences: false)
    guard quoted.count >= 3 else { return text.prefix(1).lowercased() + text.dropFirst() }
    let flag = quoted[1].split(separator: " ").first.map(String.init) ?? ""
    if text.hasPrefix("Unknown option") {
      if flag.hasPrefix("--") { return "unknown flag: \(flag.split(separator: "=").first ?? "")" }
      return "unknown shorthand flag: '\(flag.dropFirst().prefix(1))' in \(flag)"
    }
    if text.hasPrefix("Missing value for") { return "flag needs an argument: \(flag)" }
    if text.hasPrefix("The value '"), quoted.count >= 5 {
      let name = quoted[3].split(separator: " ").first.map(String.init) ?? ""
      if name == "--dry-run" { return "Invalid dry-run value (\(quoted[1])). Must be \"none\", \"server\", or \"client\"." }
      if name == "--sort-by" { return "--sort-by accepts only cpu or memory" }
      let rest = quoted.dropFirst(4).joined(separator: "'").drop { $0 == "." || $0 == " " || $0 == ":" }
      return "invalid argument \"\(quoted[1])\" for \"\(name)\" flag" + (rest.isEmpty ? "" : ": \(rest.prefix(1).lowercased() + rest.dropFirst())")
    }
    return text.prefix(1).lowercased() + text.dropFirst()
  }
}
