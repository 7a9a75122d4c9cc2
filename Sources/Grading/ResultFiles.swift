// SPDX-License-Identifier: Apache-2.0
//
// Results on disk: one file per exercise and student, old or new, never half of either; who has one already needs none.
import Kernel
import Manifest

public struct ResultFiles: Sendable {
  public let folder: String
  public init(folder: String) { self.folder = folder }

  /// A student's id as a file name: letters, digits and `. _ @ -` as they are, every other byte as %XX.
  public static func fileName(_ student: String) -> String {
    var out = ""
    for (i, byte) in student.utf8.enumerated() {
      let scalar = Unicode.Scalar(byte)
      let plain = byte < 0x80 && (scalar.properties.isAlphabetic || (0x30...0x39).contains(byte) || "_@".unicodeScalars.contains(scalar))
      if plain || (i > 0 && (scalar == "." || scalar == "-")) { out.unicodeScalars.append(scalar) } else {
        out += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return out
  }

  public func path(_ exercise: String, _ student: String) -> String { "\(folder)/\(exercise)/\(Self.fileName(student)).json" }

  /// What stands there; nil where nothing does, or nothing that can be read.
  public func read(_ exercise: String, _ student: String) -> Value? {
    guard let bytes = optional({ () throws(SysError) in try FileSystem.read(path(exercise, student)) }) else { return nil }
    return try? JSON.parse(bytes)
  }

  /// Whether the result that is there still holds: same submission, same checks, same tool, same variant, and not our own error.
  public func holds(_ exercise: Exercise, _ student: String, digest: String, variant: Variant) -> Bool {
    guard let old = read(exercise.id, student) else { return false }
    return old["state"]?.string != "error" && old["submissionDigest"]?.string == digest && old["checksDigest"]?.string == exercise.checksDigest
      && old["tool"]?.string == Grader.tool && old["variant"]?.string == variant.seed
  }

  /// Replaces the result at once. An error of ours never takes the place of a result: it goes beside it.
  public func write(_ result: SubmissionResult) throws(SysError) {
    try FileSystem.makeFolders("\(folder)/\(result.exercise)")
    var path = path(result.exercise, result.student)
    if result.state == .error, let old = read(result.exercise, result.student), old["state"]?.string != "error" { path += ".error" }
    else if result.state != .error, FileSystem.exists(path + ".error") { try FileSystem.remove(path + ".error") }
    try FileSystem.writeAtomically(path, Array((JSON.pretty(result.value) + "\n").utf8), sync: true)
  }
}
