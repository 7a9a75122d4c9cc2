// SPDX-License-Identifier: Apache-2.0
//
// podlab-image: the helper that writes the image store. It alone links libarchive and what else cannot be static; podctl and podd start it. Each
// command has a file of its own.
import Glibc
import Images
import Kernel

/// A command of podlab-image.
protocol ImageCommand {
  static var name: String { get }
  /// Its lines of --help, without the name.
  static var usage: String { get }
  /// Options that take a value, and those that take none.
  static var options: [String] { get }
  static var flags: [String] { get }
  static func run(_ words: Words) throws(Failure)
}

enum ImageProgram {
  static var commands: [any ImageCommand.Type] {
    [
      BuildCommand.self, PullCommand.self, PushCommand.self, ServeCommand.self, ImportCommand.self, ExportCommand.self, RemoveCommand.self,
      PruneCommand.self, CheckCommand.self,
    ]
  }

  static var usage: String {
    "usage: podlab-image COMMAND … --store DIR\n\n" + commands.map { "  \($0.name) \($0.usage)\n" }.joined()
      + "\n  --store DIR: the image store (an OCI image layout); made if it is missing\n\nexample: podlab-image build busybox --store /var/lib/podlab/images\n"
  }

  /// Returns the exit code: 0, 1 for a failure, 2 for a wrong command line.
  static func run(_ arguments: [String]) -> Int32 {
    if arguments.contains("--help") || arguments.contains("-h") {
      print(usage, terminator: "")
      return 0
    }
    guard let name = arguments.first else { return wrong("no command") }
    guard let command = commands.first(where: { $0.name == name }) else { return wrong("unknown command \(name)") }
    setlocale(LC_ALL, "C.UTF-8")  // libarchive turns names through the locale
    umask(0o022)
    signal(SIGPIPE, SIG_IGN)
    let words: Words
    do throws(Failure) { words = try Words(arguments.dropFirst(), options: command.options + ["--store"], flags: command.flags) } catch {
      return wrong(error.description)
    }
    do throws(Failure) {
      try command.run(words)
      return 0
    } catch {
      say(error.description)
      return 1
    }
  }

  private static func wrong(_ why: String) -> Int32 {
    say(why)
    say("see podlab-image --help")
    return 2
  }

  /// On standard error. In the name that we were started by: podctl's messages begin with `error`, or say what else they are.
  static func say(_ text: String) {
    let name = CommandLine.arguments[0].split(separator: "/").last ?? "podlab-image"
    let isNote = text.hasPrefix("warning: ") || text.hasPrefix("waiting: ")
    do throws(SysError) { try writeAll(2, name == "error" && isNote ? "\(text)\n" : "\(name): \(text)\n") } catch {
      // Nobody listens: the exit code says it.
    }
  }
}

/// A command line, taken apart.
struct Words {
  private(set) var arguments: [String] = []
  private var values: [String: String] = [:]
  private var set: Set<String> = []

  init(_ all: ArraySlice<String>, options: [String], flags: [String]) throws(Failure) {
    var rest = all
    while let w = rest.popFirst() {
      if options.contains(w) {
        guard let v = rest.popFirst(), !v.isEmpty else { throw Failure("\(w) needs a value") }
        values[w] = v
      } else if flags.contains(w) {
        set.insert(w)
      } else if w.hasPrefix("-"), w != "-" {
        throw Failure("unknown option \(w)")
      } else {
        arguments.append(w)
      }
    }
  }

  func value(_ option: String) -> String? { values[option] }
  func has(_ flag: String) -> Bool { set.contains(flag) }

  func store() throws(Failure) -> ImageStore {
    guard let folder = values["--store"] else { throw Failure("--store is missing") }
    return ImageStore(root: folder)
  }
}
