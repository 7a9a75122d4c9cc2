// SPDX-License-Identifier: Apache-2.0
//
// serve: one request from standard input, a line of JSON, and the answer in lines of JSON (Images/ImageJob.swift). For podd, which cannot wait.
import Glibc
import Images
import Kernel
import Manifest

struct ServeCommand: ImageCommand {
  static let name = "serve"
  static let usage = "answers one request from standard input (for podd)"
  static let options: [String] = []
  static let flags: [String] = []

  static func run(_ words: Words) throws(Failure) {
    do throws(Failure) {
      let took = try answer(try request())
      try tell([("done", .bool(true)), ("took", .int(took))])
    } catch { try tell([("error", .string(error.description))]) }
  }

  private static func tell(_ pairs: [(String, Value)]) throws(Failure) {
    try failing { () throws(SysError) in try writeAll(1, JSON.compactBytes(.object(pairs)) + [10]) }
  }

  private static func request() throws(Failure) -> Value {
    var line: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while line.last != 10 {
      let n = read(0, &buffer, buffer.count)
      if n < 0 && errno == EINTR { continue }
      if n <= 0 || line.count > 4 << 20 { throw Failure("the request is not a line of JSON") }
      line += buffer[..<n]
    }
    return try Failure.json(line, "the request")
  }

  /// Nanoseconds that it took.
  private static func answer(_ v: Value) throws(Failure) -> Int64 {
    guard let folder = v["store"]?.string else { throw Failure("the request names no store") }
    let store = ImageStore(root: folder)
    let started = Clock.monotonic
    switch v["verb"]?.string {
    case "build":
      let line = [v["recipe"]?.string ?? "", "--unless-present", "--quiet", "--store", folder]
      try BuildCommand.run(try Words(line[...], options: BuildCommand.options + ["--store"], flags: BuildCommand.flags))
      return Clock.monotonic - started
    case "pull":
      var options = RegistryOptions()
      options.certificates = RegistryWords.certificates((v["certificates"]?.array ?? []).compactMap(\.string))
      options.credentials = RegistryCredentials(handed: v["credentials"])
      var pull = Pull(store: store, reference: try BuildCommand.reference(v["reference"]?.string ?? ""), options: options)
      pull.isForPod = true
      (pull.client, pull.unlessPresent) = (0, v["isThere"]?.bool != true)
      pull.onWait = { _ = optional { () throws(SysError) in try writeAll(1, "{\"waiting\":true}\n") } }
      return try pull.run(LayerProgress(quiet: true)).took
    default: throw Failure("the request has no verb that is known")
    }
  }
}
