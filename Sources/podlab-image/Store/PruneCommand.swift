// SPDX-License-Identifier: Apache-2.0
//
// prune: what no Pod of any instance uses goes, as kubelet's garbage collection does it, but when it is asked for.
import Control
import Images
import Kernel
import Manifest

enum PruneCommand: ImageCommand {
  static let name = "prune"
  static let usage = """
    [--dry-run] [-o json]
          removes the images that no pod uses, and content that no image names; --dry-run: says which
    """
  static let options = ["-o"]
  static let flags = ["--dry-run"]

  static func run(_ words: Words) throws(Failure) {
    let json = try words.json()
    let dry = words.has("--dry-run")
    var gone: [ImageStore.Entry] = []
    var freed: Int64 = 0
    if let remover = try StoreRemover(try words.store()) {
      let all = try remover.entries()
      let users = try remover.users()
      gone = all.filter { ImageUsers.users(of: $0, among: users, in: all).isEmpty }
      if !dry {
        try remover.remove(gone)
        freed = try remover.sweep()
      }
    }
    if json {
      let images = gone.map { e in Value.object([("name", e.name.map { .string($0) } ?? .null), ("digest", .string(e.digest))]) }
      return Output.write(JSON.pretty(.object([("removed", .array(images)), ("freedBytes", .int(freed)), ("dryRun", .bool(dry))])))
    }
    for e in gone { Output.say("image \"\(e.name ?? e.digest)\" \(dry ? "would be deleted" : "deleted")") }
    if !dry { Output.say("\(ByteCount.text(freed)) freed") }
  }
}

extension Words {
  /// Whether -o json is asked for; nothing else is known.
  func json() throws(Failure) -> Bool {
    guard let format = value("-o") else { return false }
    if format != "json" { throw Failure("unable to match a printer suitable for the output format \"\(format)\", allowed formats are: json") }
    return true
  }
}
