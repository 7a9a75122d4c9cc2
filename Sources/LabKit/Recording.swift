// SPDX-License-Identifier: Apache-2.0
//
// A recording of what a lab shows (`lab run NN --record FILE`), in the form that terminal players read: asciicast, version 2. A line for the screen,
// then one line for each output, with its time in seconds since the beginning.
import Glibc
import Kernel
import Manifest

public enum Asciicast {
  /// at: seconds since 1970.
  public static func header(title: String, columns: Int, rows: Int, at: Int64) -> String {
    JSON.compact(
      .object([
        ("version", .int(2)), ("width", .int(Int64(columns))), ("height", .int(Int64(rows))), ("timestamp", .int(at)), ("title", .string(title)),
        ("env", .object([("TERM", .string("xterm-256color"))])),
      ]))
  }

  /// seconds: with six digits behind the point. A terminal's own newline is \r\n.
  public static func line(nanoseconds: Int64, _ text: String) -> String {
    let micro = String(nanoseconds / 1000 % 1_000_000)
    let time = "\(nanoseconds / 1_000_000_000)." + String(repeating: "0", count: 6 - micro.count) + micro
    return "[\(time), \"o\", \(JSON.compact(.string(text.replacing("\n", with: "\r\n"))))]"
  }
}

final class Recording {
  private let file: FileDescriptor
  private let begin = Clock.monotonic

  /// The file must not be there yet.
  init(_ path: String, title: String, columns: Int = 80, rows: Int = 24) throws(SysError) {
    file = try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
    try add(Asciicast.header(title: title, columns: columns, rows: rows, at: Clock.wall / 1_000_000_000))
  }

  func output(_ text: String) { _ = optional { () throws(SysError) in try add(Asciicast.line(nanoseconds: Clock.monotonic - begin, text)) } }

  private func add(_ line: String) throws(SysError) { try writeAll(file.raw, line + "\n") }
}
