// SPDX-License-Identifier: Apache-2.0
//
// Operating system, processor and its variant, as image indexes name them (image-spec, image-index.md), and which entry of an index fits a machine.
import Manifest

public struct Platform: Sendable, Equatable, CustomStringConvertible {
  public var os: String
  /// amd64, arm64 … (Go's names).
  public var architecture: String
  /// v7, v8 …; nil where there is none.
  public var variant: String?

  public init(os: String, architecture: String, variant: String? = nil) {
    (self.os, self.architecture, self.variant) = (os, architecture, Self.normal(architecture, variant))
  }

  /// OS/ARCH or OS/ARCH/VARIANT; nil for anything else. x86_64, aarch64 and the like are understood.
  public init?(parsing text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { $0.lowercased() }
    guard parts.count == 2 || parts.count == 3, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
    let names = ["x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "i386": "386", "i686": "386", "armhf": "arm"]
    self.init(os: parts[0], architecture: names[parts[1]] ?? parts[1], variant: parts.count == 3 ? parts[2] : nil)
  }

  /// Of the machine that this was built for.
  public static var current: Platform {
    #if arch(arm64)
      Platform(os: "linux", architecture: "arm64")
    #else
      Platform(os: "linux", architecture: "amd64")
    #endif
  }

  public var description: String { "\(os)/\(architecture)" + (variant.map { "/\($0)" } ?? "") }

  /// What goes without saying: arm64 is v8, arm is v7, amd64 is v1.
  private static func normal(_ architecture: String, _ variant: String?) -> String? {
    switch (architecture, variant) {
    case ("arm64", "v8"), ("arm64", "8"), ("amd64", "v1"): nil
    case ("arm", nil): "v7"
    default: variant
    }
  }

  /// A descriptor's `platform`, or an image configuration; nil where neither system nor processor is named.
  public init?(_ v: Value?) {
    guard let v, let os = v["os"]?.string, let architecture = v["architecture"]?.string, !os.isEmpty, !architecture.isEmpty else { return nil }
    self.init(os: os, architecture: architecture, variant: v["variant"]?.string.flatMap { $0.isEmpty ? nil : $0 })
  }

  /// How well a machine of this platform runs what was made for another: 0 the same; nil not at all. An arm of a higher version runs the lower ones.
  public func distance(to other: Platform) -> Int? {
    guard os == other.os, architecture == other.architecture else { return nil }
    if variant == other.variant { return 0 }
    let number = { (v: String?) in v.flatMap { Int($0.drop { $0 == "v" }) } ?? 1 }
    if architecture == "arm" || architecture == "amd64" {
      let d = number(variant) - number(other.variant)
      return d > 0 ? d : nil
    }
    return nil
  }

  /// The entry of an index that fits best, of equals the first. Entries that are no images (attestations) name the platform `unknown`.
  public func choose(from manifests: [Value]) -> Value? {
    var best: (entry: Value, distance: Int)?
    for m in manifests {
      guard let p = Platform(m["platform"]), let d = distance(to: p), d < best?.distance ?? .max else { continue }
      best = (m, d)
    }
    // An index without platforms, of one image, means that one.
    if best == nil, manifests.count == 1, manifests[0]["platform"] == nil { return manifests[0] }
    return best?.entry
  }
}
