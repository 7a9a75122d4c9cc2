// SPDX-License-Identifier: Apache-2.0
//
// Images that PodLab makes from what the machine and its distribution have, so that a manifest runs without a registry. What they are made of: Recipes/.

public enum Recipe: String, Sendable, CaseIterable {
  case busybox, debian, nginx, tomcat, rsyslog, registry

  /// Made of the machine's own files, in no time and from nowhere: to Kubernetes such an image is there, even before it was made.
  public var isOfThisMachine: Bool { self == .busybox }

  /// The name that its image has in the store.
  public var reference: String { "docker.io/library/\(rawValue):latest" }

  /// The recipe for a name, whatever its tag: a recipe makes what Docker Hub's official image of that name is. nil where there is none, and for a
  /// name with a digest, which nothing made here can have.
  public static func named(_ reference: ImageReference) -> Recipe? {
    guard reference.domain == "docker.io", reference.digest == nil, reference.path.hasPrefix("library/") else { return nil }
    return Recipe(rawValue: String(reference.path.dropFirst(8)))
  }

  // Labels of an image that a recipe made.

  /// SHA-256 of the recipe's text and of how it is read: another one means that it has to be built again.
  public static let digestLabel = "io.podlab.recipe.digest"
  /// SHA-256 of the packages' names and digests.
  public static let packagesLabel = "io.podlab.recipe.packages"
  /// Manifest digest of the image that it was made on.
  public static let baseLabel = "io.podlab.recipe.base"
  /// "true": processes of the image change their user, which takes more than one id.
  public static let changesUserLabel = "io.podlab.changes-user"
}
