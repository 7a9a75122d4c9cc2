// SPDX-License-Identifier: Apache-2.0
//
// Images that PodLab makes from what the machine has, so that a manifest runs without a registry.

public enum Recipe: String, Sendable, CaseIterable {
  /// From the static busybox of Debian's busybox-static.
  case busybox

  /// The name that its image has in the store.
  public var reference: String { "docker.io/library/\(rawValue):latest" }

  /// The recipe for a name, whatever its tag: a recipe makes what Docker Hub's official image of that name is. nil where there is none, and for a
  /// name with a digest, which nothing made here can have.
  public static func named(_ reference: ImageReference) -> Recipe? {
    guard reference.domain == "docker.io", reference.digest == nil, reference.path.hasPrefix("library/") else { return nil }
    return Recipe(rawValue: String(reference.path.dropFirst(8)))
  }
}
