// SPDX-License-Identifier: Apache-2.0
//
// An image as a container needs it: where its layers lie unpacked, and what its configuration says.
import Manifest

/// An image of the store, ready to be run.
public struct Image: Sendable, Equatable {
  /// The name it was asked for by, normalised.
  public var reference: ImageReference
  /// Of its manifest: sha256:…
  public var digest: String
  /// Folders of the unpacked layers, topmost first (the order of overlay's lowerdir).
  public var layers: [String]
  public var config: ImageConfig
  /// Bytes of manifest, configuration and layers, as a registry has them.
  public var size: Int64
  /// Made by a recipe, not pulled or imported.
  public var isMadeHere: Bool
  /// Marks of the credentials that it was given to; empty: it is for all.
  public var access: [String]

  /// What a container status shows as imageID.
  public var id: String { "\(reference.repository)@\(digest)" }

  public init(reference: ImageReference, digest: String, layers: [String], config: ImageConfig, size: Int64 = 0, isMadeHere: Bool = false, access: [String] = []) {
    (self.reference, self.digest, self.layers, self.config) = (reference, digest, layers, config)
    (self.size, self.isMadeHere, self.access) = (size, isMadeHere, access)
  }
}

/// The part of the OCI image configuration that a runtime obeys (image-spec, config.md).
public struct ImageConfig: Sendable, Equatable {
  public var entrypoint: [String] = []
  public var command: [String] = []
  /// NAME=value.
  public var environment: [String] = []
  /// "" is the root.
  public var workingFolder = ""
  /// UID, NAME, UID:GID or NAME:GROUP; "" is root.
  public var user = ""
  /// SIGTERM and so on; nil where the image names none.
  public var stopSignal: String?
  /// 80/tcp
  public var exposedPorts: [String] = []
  public var volumes: [String] = []
  public var labels: [String: String] = [:]
  /// Digests of the uncompressed layers, lowest first.
  public var diffIDs: [String] = []
  public init() {}

  /// Reads a configuration blob; what is missing or of another type counts as not given.
  public init(_ v: Value) {
    let strings = { (x: Value?) in (x?.array ?? []).compactMap(\.string) }
    let c = v["config"]
    entrypoint = strings(c?["Entrypoint"])
    command = strings(c?["Cmd"])
    environment = strings(c?["Env"])
    workingFolder = c?["WorkingDir"]?.string ?? ""
    user = c?["User"]?.string ?? ""
    stopSignal = c?["StopSignal"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    exposedPorts = c?["ExposedPorts"]?.members?.keys ?? []
    volumes = c?["Volumes"]?.members?.keys ?? []
    for e in c?["Labels"]?.members?.entries ?? [] { labels[e.key] = e.value.string ?? "" }
    diffIDs = strings(v["rootfs"]?["diff_ids"])
  }
}
