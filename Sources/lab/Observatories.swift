// SPDX-License-Identifier: Apache-2.0
//
// What the observer needs of this machine: the programs beside this one, an image store that has what exercises use, a place
// for the arenas' names; for an ordinary user, the instance's node first.
import Control
import Glibc
import Grading
import Images
import Kernel

enum Observatories {
  /// `enters`: an ordinary user's process enters the node, in which it may make arenas. One that only starts others that do stays outside, so that
  /// they find the user's own places.
  static func make(_ root: String?, enters: Bool = true) throws -> Observatory {
    if let obstacle = NamespaceRights.obstacle() { throw Refusal.machine(obstacle) }
    let own = try FileSystem.readlink("/proc/self/exe")
    let programs = own.lastIndex(of: "/").map { String(own[..<$0]) } ?? "."
    var instance = try Instance.locate(root: root)
    let mode = Node.isRoot ? "root" : IDMaps.available().maps.isSingle ? "single-id" : "rootless"
    try instance.open()
    if enters { try Node.enter(instance, programs: programs) }
    try FileSystem.makeFolders(instance.images)
    if case .failed(let reason, let message) = ImageStore(root: instance.images).ensure("busybox", policy: .ifNotPresent) {
      throw Refusal.machine("\(reason): \(message)")
    }
    return Observatory(programs: programs, images: instance.images, records: instance.run + "/arenas", mode: mode)
  }
}
