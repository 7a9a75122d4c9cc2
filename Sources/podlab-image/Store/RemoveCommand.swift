// SPDX-License-Identifier: Apache-2.0
//
// rm: images go by name, or by the beginning of their digest. One that a Pod uses stays.
import Control
import Images
import Kernel

enum RemoveCommand: ImageCommand {
  static let name = "rm"
  static let usage = """
    NAME|DIGEST…
          removes images, and what of their content no other image has; refused for one that a pod uses
    """
  static let options: [String] = []
  static let flags: [String] = []

  static func run(_ words: Words) throws(Failure) {
    if words.arguments.isEmpty { throw Failure("rm takes the names of images") }
    guard let remover = try StoreRemover(try words.store()) else { throw Failure("image \"\(words.arguments[0])\" not found") }
    let all = try remover.entries()
    let users = try remover.users()
    var wrong: [String] = []
    for text in words.arguments {
      do throws(Failure) {
        let found = try find(text, all)
        for e in found { try refuseIfUsed(e, found, all, users) }
        try remover.remove(found)
        for e in found { Output.say("image \"\(e.name ?? e.digest)\" deleted") }
      } catch { wrong.append(error.description) }
    }
    _ = try remover.sweep()
    if !wrong.isEmpty { throw Failure(wrong.joined(separator: "\n")) }
  }

  /// A Pod needs the name that it has in its spec, and the digest that its containers came from: by whatever name.
  private static func refuseIfUsed(
    _ e: ImageStore.Entry, _ going: [ImageStore.Entry], _ all: [ImageStore.Entry], _ users: [ImageUser]
  ) throws(Failure) {
    let staysByDigest = all.contains { $0.digest == e.digest && !going.contains($0) }
    let pods = ImageUsers.users(of: e, among: users, in: all).filter { u in !staysByDigest || u.images.contains { means($0, e, all) } }
    guard let first = pods.first else { return }
    let more = pods.count > 1 ? " and \(pods.count - 1) more" : ""
    throw Failure("image \"\(e.name ?? e.digest)\" is used by pod \(first.namespace)/\(first.name) of \(first.instance)\(more): delete the pod first")
  }

  private static func means(_ name: String, _ entry: ImageStore.Entry, _ all: [ImageStore.Entry]) -> Bool {
    do throws(ImageReference.Invalid) { return ImageStore.entry(for: try ImageReference(parsing: name), in: all) == entry } catch { return false }
  }

  /// What a name or the beginning of a digest means.
  static func find(_ text: String, _ all: [ImageStore.Entry]) throws(Failure) -> [ImageStore.Entry] {
    let hex = text.hasPrefix("sha256:") ? String(text.dropFirst(7)) : text
    if hex.utf8.count >= 4, hex.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) {
      let found = all.filter { $0.digest.dropFirst(7).hasPrefix(hex) || $0.knownDigest.dropFirst(7).hasPrefix(hex) }
      if Set(found.map(\.digest)).count > 1 { throw Failure("\(text): several images begin like this") }
      if !found.isEmpty { return found }
    }
    if let written = all.first(where: { $0.name == text }) { return [written] }
    let reference: ImageReference
    do throws(ImageReference.Invalid) { reference = try ImageReference(parsing: text) } catch { throw Failure("image \"\(text)\" not found") }
    guard let e = ImageStore.entry(for: reference, in: all) else { throw Failure("image \"\(text)\" not found") }
    return [e]
  }
}
