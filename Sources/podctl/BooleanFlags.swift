// SPDX-License-Identifier: Apache-2.0
//
// Flags that are set or not may carry a value for kubectl: --watch=false, --all-containers=true. spf13/pflag, bool.go; Go's strconv.ParseBool.

enum BooleanFlags {
  /// Those of all verbs that are not set where nobody names them. A list: it is looked through once at most, and a set takes longer to be made.
  private static let long: [Substring] = [
    "all", "all-containers", "all-namespaces", "all-pods", "append-hash", "arguments-only", "attach", "client", "command", "containers", "follow", "force",
    "ignore-errors", "ignore-not-found", "keep-annotations", "keep-labels", "keep-liveness", "keep-readiness", "keep-startup", "leave-stdin-open", "list",
    "local", "no-headers", "no-preserve", "now", "output-watch-events", "overwrite", "prefix", "previous", "privileged", "prune", "quiet", "recursive",
    "refresh", "repair", "replace", "rm", "same-node", "save-config", "server-side", "show-kind", "show-labels", "stdin", "sum", "timestamps", "tty",
    "unless-present", "watch", "watch-only",
  ]
  private static let short: [Substring] = ["-A", "-i", "-t", "-w"]

  /// Flags whose value must touch them: alone they mean this one. pflag, NoOptDefVal.
  private static let alone: [(word: String, value: String)] = [
    ("--allow-missing-template-keys", "true"), ("--cascade", "background"), ("--dry-run", "client"), ("--keep-init-containers", "true"), ("--namespaced", "true"),
    ("--share-processes", "true"), ("--show-events", "true"), ("--validate", "strict"), ("--wait", "true"),
  ]

  /// Words without these values: a flag that is said to be true stands alone, one that is said to be false is not there. An empty value stands
  /// behind its flag as a word of its own.
  static func settled(_ words: ArraySlice<String>, verb: String?) -> [String] {
    // The verbs on images are none of kubectl's, and their flags are plain ones.
    let alone = verb == "image" ? [] : alone
    return words.flatMap { word -> [String] in
      guard word.utf8.first == 45 else { return [word] }
      guard let equals = word.firstIndex(of: "=") else { return [alone.first { $0.word == word }.map { "\(word)=\($0.value)" } ?? word] }
      let name = word[..<equals]
      let value = word[word.index(after: equals)...]
      if value.isEmpty, name.hasPrefix("--") { return [String(name), ""] }
      guard name.hasPrefix("--") ? long.contains(name.dropFirst(2)) : short.contains(name) else { return [word] }
      switch value {
      case "true", "TRUE", "True", "t", "T", "1": return [String(name)]
      // Whether to attach is known to be no only when it is said.
      case "false", "FALSE", "False", "f", "F", "0": return name == "--attach" ? ["--no-attach"] : []
      default: return [word]
      }
    }
  }
}
