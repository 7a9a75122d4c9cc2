// SPDX-License-Identifier: Apache-2.0
//
// What the observer needs of this machine: the programs beside this one, an image store that has what exercises use, a place
// for the arenas' names; for an ordinary user, the instance's node first.
import Glibc
import Grading
import Images
import Kernel

enum Observatories {
  static func make(_ root: String?) throws -> Observatory {
    if let obstacle = NamespaceRights.obstacle() { throw Refusal.machine(obstacle) }
    let own = try FileSystem.readlink("/proc/self/exe")
    let programs = own.lastIndex(of: "/").map { String(own[..<$0]) } ?? "."
    let (run, data) = places(root)
    let images = environment("PODLAB_IMAGES") ?? data + "/images"
    try FileSystem.makeFolders(images)
    if case .failed(let reason, let message) = ImageStore(root: images).ensure("busybox", policy: .ifNotPresent) {
      throw Refusal.machine("\(reason): \(message)")
    }
    return Observatory(programs: programs, images: images, records: run + "/arenas", mode: "root")
  }

  private static func places(_ root: String?) -> (run: String, data: String) {
    if let root = root ?? environment("PODLAB_ROOT") { return (absolute(root) + "/run", absolute(root) + "/data") }
    return ("/run/podlab", "/var/lib/podlab")
  }
}
