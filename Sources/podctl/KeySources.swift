// SPDX-License-Identifier: Apache-2.0
//
// --from-literal, --from-file, --from-env-file: the data of a Secret or ConfigMap. Kubernetes kubectl/pkg/util (ParseFileSource, ParseLiteralSource),
// kubectl/pkg/cmd/util/env_file.go.
import ArgumentParser
import Control
import Kernel
import Manifest

struct KeySources: ParsableArguments {
  @Option(name: .long, help: "KEY=VALUE; may be given again.") var fromLiteral: [String] = []
  @Option(name: .long, help: "FILE, KEY=FILE or FOLDER; may be given again.") var fromFile: [String] = []
  @Option(name: .long, help: "A file of lines KEY=VALUE; may be given again.") var fromEnvFile: [String] = []

  typealias Entry = (key: String, bytes: [UInt8])

  /// The keys with their values, sorted. kind and name: for messages.
  func data(_ kind: String, _ name: String) throws -> [Entry] {
    if !fromEnvFile.isEmpty, !fromFile.isEmpty || !fromLiteral.isEmpty { throw Failure.error("from-env-file cannot be combined with from-file or from-literal") }
    return try Self.data(kind, name, files: fromFile, literals: fromLiteral, environments: fromEnvFile)
  }

  static func data(_ kind: String, _ name: String, files: [String], literals: [String] = [], environments: [String] = []) throws -> [Entry] {
    var all: [Entry] = []
    func add(_ key: String, _ bytes: [UInt8]) throws {
      if let why = kind == "Secret" || kind == "ConfigMap" ? Names.configKey(key).first : nil { throw Failure.error("\"\(key)\" is not a valid key name for a \(kind): \(why)") }
      if all.contains(where: { $0.key == key }) {
        throw Failure.error(
          kind == "Secret" ? "cannot add key \(key), another key by that name already exists" : "cannot add key \"\(key)\", another key by that name already exists in Data for ConfigMap \"\(name)\"")
      }
      all.append((key, bytes))
    }
    for source in files.flatMap({ $0.split(separator: ",").map(String.init) }) {
      let (key, path) = try file(source)
      if FileSystem.isFolder(path) {
        if source.contains("=") { throw Failure.error("cannot give a key name for a directory path") }
        for entry in try list(path) where try FileSystem.info("\(path)/\(entry)", follow: false).isRegular { try add(entry, try read("\(path)/\(entry)")) }
      } else {
        try add(key, try read(path))
      }
    }
    for source in literals {
      guard let at = source.firstIndex(of: "="), at != source.startIndex else { throw Failure.error("invalid literal source \(source), expected key=value") }
      try add(String(source[..<at]), Array(source[source.index(after: at)...].utf8))
    }
    for path in environments { for (key, value) in try environment(path) { try add(key, Array(value.utf8)) } }
    return all.sorted { $0.key < $1.key }
  }

  private static func file(_ source: String) throws -> (String, String) {
    let parts = source.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
    switch parts.count {
    case 1: return (source.split(separator: "/").last.map(String.init) ?? source, source)
    case 2:
      if parts[0].isEmpty { throw Failure.error("key name for file path \(parts[1]) missing") }
      if parts[1].isEmpty { throw Failure.error("file path for key name \(parts[0]) missing") }
      return (parts[0], parts[1])
    default: throw Failure.error("key names or file paths cannot contain '='")
    }
  }

  private static func list(_ path: String) throws -> [String] {
    do throws(SysError) { return try FileSystem.list(path) } catch { throw Failure.error("error listing files in \(path): \(errnoText(error.errno).lowercased())") }
  }

  private static func read(_ path: String) throws -> [UInt8] {
    do throws(SysError) { return try FileSystem.read(path) } catch { throw Failure.error("error reading \(path): \(errnoText(error.errno).lowercased())") }
  }

  /// Lines KEY=VALUE; # begins a comment; a KEY alone takes its value from podctl's own environment.
  private static func environment(_ path: String) throws -> [(String, String)] {
    if FileSystem.isFolder(path) { throw Failure.error("env config file cannot be a directory") }
    var bytes = try read(path)
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
    var all: [(String, String)] = []
    for (i, raw) in bytes.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
      guard let text = String(validating: raw, as: UTF8.self) else { throw Failure.error("env file \(path) contains invalid utf8 bytes at line \(i + 1)") }
      let line = text.drop { $0.isWhitespace }
      if line.isEmpty || line.hasPrefix("#") { continue }
      let clean = line.hasSuffix("\r") ? line.dropLast() : line
      let parts = clean.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      if let why = Names.environment(parts[0]).first { throw Failure.error("\"\(parts[0])\" is not a valid key name: \(why)") }
      if parts.count == 2 { all.append((parts[0], parts[1])) } else if let value = variable(parts[0]) { all.append((parts[0], value)) }
    }
    return all
  }
}
