// SPDX-License-Identifier: Apache-2.0
//
// Which labs there are: folders of Labs/ with a lesson, and the programs beside this one.
import Grading
import Kernel
import LabKit

struct LabEntry {
  let id: String
  let folder: String
  let hasExercise: Bool

  static func all(_ home: String) throws -> [LabEntry] {
    try FileSystem.list(home + "/Labs").filter { FileSystem.exists("\(home)/Labs/\($0)/lesson.en.md") }.map {
      LabEntry(id: $0, folder: "\(home)/Labs/\($0)", hasExercise: FileSystem.exists("\(home)/Exercises/\($0)/exercise.yaml"))
    }
  }

  /// The lesson's first heading.
  func title(_ language: Language) -> String {
    let text = optional { () throws(SysError) in try FileSystem.readText("\(folder)/lesson.\(language.rawValue).md") } ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("# ") }
    return line.map { String($0.dropFirst(2)) } ?? id
  }

  /// Its executable, beside this one.
  func program(_ options: ExerciseOptions) throws -> String {
    let own = try FileSystem.readlink("/proc/self/exe")
    let path = (own.lastIndex(of: "/").map { String(own[..<$0]) } ?? ".") + "/lab-\(id)"
    guard FileSystem.exists(path) else { throw Refusal.machine(options.say("\(path) is not there: build the package", "没有 \(path)：请先构建")) }
    return path
  }

  /// The one that a name means: a number, a name, or the beginning of one.
  static func find(_ name: String, _ options: ExerciseOptions) throws -> LabEntry {
    let all = try self.all(try Home.find())
    let found: [LabEntry]
    if let n = Int(name) {
      found = all.filter { Int($0.id.prefix { $0 != "-" }) == n }
    } else if let exact = all.first(where: { $0.id == name }) {
      found = [exact]
    } else {
      found = all.filter { e in e.id.hasPrefix(name) || e.id.drop { $0 != "-" }.dropFirst().hasPrefix(name) }
    }
    if let one = found.first, found.count == 1 { return one }
    let known = all.map(\.id).joined(separator: ", ")
    throw Refusal.usage(
      found.isEmpty
        ? options.say("no lab \"\(name)\"; there are: \(known)", "没有实验“\(name)”；现有：\(known)")
        : options.say("\"\(name)\" could be \(found.map(\.id).joined(separator: " or "))", "“\(name)”可能是 \(found.map(\.id).joined(separator: " 或 "))"))
  }
}
