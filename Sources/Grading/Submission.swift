// SPDX-License-Identifier: Apache-2.0
//
// What a student handed in, as plain bytes: only the files that the exercise says are theirs. Folders are read beneath
// themselves, without following anything; archives are unpacked inside the arena and then read in the same way.
import Glibc
import Kernel
import Manifest

public struct Submission: Sendable {
  /// Where it comes from.
  public enum Source: Sendable, Equatable {
    case folder(String)
    case archive(String)
  }

  public var files: [String: [UInt8]] = [:]
  /// Files that were there and do not count.
  public var unused: [String] = []

  public init() {}

  /// Largest single file that is taken.
  public static let fileLimit = 256 << 10
  static let entryLimit = 200, depthLimit = 8

  /// Reads the editable files beneath an open folder.
  public static func read(_ folder: borrowing FileDescriptor, editable: [String]) throws(SubmissionError) -> Submission {
    var submission = Submission()
    var count = 0
    try walk(folder, "", 0, editable, &submission, &count)
    return submission
  }

  private static func walk(
    _ folder: borrowing FileDescriptor, _ prefix: String, _ depth: Int, _ editable: [String], _ submission: inout Submission, _ count: inout Int
  ) throws(SubmissionError) {
    for raw in try names(folder) {
      count += 1
      if count > entryLimit { throw .refused(["more than \(entryLimit) files"]) }
      let name = String(decoding: raw, as: UTF8.self)
      // Our own notes, kept work, version control: not the student's answer, not worth a word.
      if prefix.isEmpty, name.hasPrefix(".") { continue }
      guard let path = Tar.acceptable(Array((prefix + name).utf8)), Array(name.utf8) == raw else {
        throw .refused(["name: \(Sanitise.visible(raw, lines: false))"])
      }
      let file: FileDescriptor
      do throws(SysError) {
        file = try FileDescriptor.open2(
          name, at: folder, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, resolve: [.beneath, .noSymlinks, .noMagicLinks])
      } catch {
        if error.errno == ELOOP || error.errno == ENXIO { throw .refused(["not a plain file: \(path)"]) }
        throw .unreadable(error)
      }
      let info: FileSystem.Info
      do throws(SysError) { info = try FileSystem.info(file.raw) } catch { throw .unreadable(error) }
      if info.isFolder {
        if depth < depthLimit { try walk(file, path + "/", depth + 1, editable, &submission, &count) }
      } else if !editable.contains(where: { Glob.matches($0, path) }) {
        submission.unused.append(path)
      } else if !info.isRegular {
        throw .refused(["not a plain file: \(path)"])
      } else if info.size > Int64(fileLimit) {
        throw .refused(["larger than \(fileLimit >> 10) KiB: \(path)"])
      } else {
        do throws(SysError) { submission.files[path] = try FileSystem.read(file.raw, path, limit: fileLimit) } catch { throw .unreadable(error) }
      }
    }
  }

  /// Names in a folder as bytes, sorted: a name need not be text.
  private static func names(_ folder: borrowing FileDescriptor) throws(SubmissionError) -> [[UInt8]] {
    let copy: FileDescriptor
    do throws(SysError) { copy = try FileDescriptor.open(".", at: folder, O_RDONLY | O_DIRECTORY) } catch { throw .unreadable(error) }
    guard let dir = fdopendir(copy.release()) else { throw .unreadable(SysError(call: "fdopendir", object: "submission", errno: errno)) }
    defer { closedir(dir) }
    var all: [[UInt8]] = []
    while let entry = readdir(dir) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if name != Array(".".utf8), name != Array("..".utf8) { all.append(name) }
      if all.count > entryLimit * 4 { throw .refused(["more than \(entryLimit) files"]) }
    }
    return all.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// SHA-256 over the names and contents of the files that count.
  public var digest: String {
    var sum = SHA256()
    for path in files.keys.sorted() {
      sum.update(Array(path.utf8) + [0])
      sum.update(SHA256.hash(files[path] ?? []))
    }
    return "sha256:" + SHA256.hexadecimal(sum.finish())
  }
}

public enum SubmissionError: Error, Sendable, CustomStringConvertible {
  /// The submission's fault: each offender is named.
  case refused([String])
  /// Ours: it could not be read.
  case unreadable(SysError)
  public var description: String {
    switch self {
    case .refused(let offenders): "refused: " + offenders.joined(separator: "; ")
    case .unreadable(let error): error.description
    }
  }
}
