// SPDX-License-Identifier: Apache-2.0
//
// What the exercise verbs share: which exercise, which workspace, which language, where progress is kept.
import ArgumentParser
import Control
import Glibc
import Grading
import Kernel

/// Ends a verb with a message on standard error and a documented exit code.
struct Refusal: Error {
  let text: String
  let code: Int32
  static func usage(_ text: String) -> Refusal { Refusal(text: text, code: 2) }
  static func machine(_ text: String) -> Refusal { Refusal(text: text, code: 3) }
}

struct ExerciseOptions: ParsableArguments {
  @Option(name: .long, help: "Language: en or zh (default: from LC_ALL, LC_MESSAGES, LANG).")
  var lang: String?

  @Option(name: .long, help: "Folder in which progress is kept (default: $XDG_STATE_HOME/podlab).")
  var state: String?

  @Option(name: .long, help: "Instance to use (default: the user's own).")
  var root: String?

  var language: Language {
    if let lang { return Language(rawValue: lang) ?? .en }
    return readsChinese ? .zh : .en
  }

  func say(_ en: String, _ zh: String) -> String { language == .en ? en : zh }

  var progress: ProgressLog { ProgressLog(folder: state ?? ProgressLog.defaultFolder(environment)) }

  /// Records what happened; a home that cannot be written costs a warning and nothing else.
  func note(_ event: ProgressEvent) {
    do throws(SysError) { try progress.append(event) } catch {
      complain(say("progress is not recorded: \(error); --state DIR keeps it elsewhere", "没有记录进度：\(error)；可用 --state DIR 存到别处"))
    }
  }

  /// The exercise that a name means.
  func exercise(_ name: String, hidden: String? = nil) throws -> Exercise {
    let library = try Library(home: try Home.find())
    let found = library.find(name)
    guard let id = found.first, found.count == 1 else {
      let known = library.ids.joined(separator: ", ")
      throw Refusal.usage(
        found.isEmpty
          ? say("no exercise \"\(name)\"; there are: \(known)", "没有练习“\(name)”；现有：\(known)")
          : say("\"\(name)\" could be \(found.joined(separator: " or "))", "“\(name)”可能是 \(found.joined(separator: " 或 "))"))
    }
    return try Exercise(folder: "\(library.folder)/\(id)", hidden: hidden)
  }

  /// The workspace meant: the current folder if it is one (and fits the name), else the last one that was started.
  func workspace(_ name: String?) throws -> (Exercise, Workspace) {
    if let here = try? Workspace(at: currentFolder()) {
      if let name {
        let exercise = try exercise(name)
        if exercise.id == here.exercise { return (exercise, here) }
      } else { return (try exercise(here.exercise), here) }
    }
    let wanted = try name.map { try exercise($0) }
    guard let last = progress.workspace(wanted?.id) else {
      throw Refusal.usage(
        say("no workspace here: lab start \(name ?? "3") makes one", "这里没有练习目录：lab start \(name ?? "3") 会创建一个"))
    }
    guard let workspace = try? Workspace(at: last.folder) else {
      throw Refusal.usage(say("\(last.folder) is gone: lab start \(name ?? last.exercise)", "\(last.folder) 不见了：lab start \(name ?? last.exercise)"))
    }
    return (try wanted ?? exercise(last.exercise), workspace)
  }
}

func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

func currentFolder() -> String {
  guard let raw = getcwd(nil, 0) else { return "." }
  defer { free(raw) }
  return String(cString: raw)
}

func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : currentFolder() + "/" + path }

func complain(_ text: String) { _ = optional { () throws(SysError) in try writeAll(2, "lab: " + text + "\n") } }

func show(_ text: String) { _ = optional { () throws(SysError) in try writeAll(1, text) } }

/// Columns of the terminal on standard output; 80 where it is none.
func terminalColumns() -> Int {
  var size = winsize()
  return ioctl(1, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
}

func isTerminal(_ fd: Int32) -> Bool { isatty(fd) == 1 }

/// Runs a verb's body; turns what it throws into a message and an exit code.
func verb(_ body: () throws -> Int32) throws {
  let code: Int32
  do { code = try body() } catch let refusal as Refusal {
    complain(refusal.text)
    code = refusal.code
  } catch let error as WorkspaceError {
    complain("\(error)")
    code = 2
  } catch let error as ExerciseError {
    complain("\(error)")
    code = 3
  } catch let error as SysError {
    complain("\(error)")
    code = 3
  }
  if code != 0 { throw ExitCode(code) }
}

enum Home {
  /// The folder with Labs/ and Exercises/: PODLAB_HOME, or the nearest one above this program.
  static func find() throws -> String {
    if let home = environment("PODLAB_HOME"), !home.isEmpty { return home }
    var folder = try FileSystem.readlink("/proc/self/exe")
    while let slash = folder.lastIndex(of: "/") {
      folder = String(folder[..<slash])
      if FileSystem.isFolder(folder + "/Exercises") { return folder }
    }
    throw Refusal.machine("Exercises/ is not above this program: set PODLAB_HOME to the folder that holds it")
  }
}

/// NAME=value of this process, for its children.
func ownEnvironment() -> [String] {
  var out: [String] = [], at = environ
  while let entry = at.pointee { out.append(String(cString: entry)); at += 1 }
  return out
}
