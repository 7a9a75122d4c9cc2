// SPDX-License-Identifier: Apache-2.0
//
// Volumes of a Pod. Types that one machine cannot serve are refused by the decoder and have no case here.

public struct Volume: Sendable, Equatable {
  public var name = ""
  public var source = VolumeSource.emptyDir(medium: "", sizeLimit: nil)
  /// emptyDir.mode: the folder's permission bits, 0 to 01777; nil: not said.
  public var folderMode: Int64?
  public init() {}
}

public enum VolumeSource: Sendable, Equatable {
  /// medium "" or Memory.
  case emptyDir(medium: String, sizeLimit: Quantity?)
  /// type as in the API: "", DirectoryOrCreate, Directory, FileOrCreate, File, Socket, CharDevice, BlockDevice.
  case hostPath(path: String, type: String)
  case secret(name: String, items: [KeyToPath], defaultMode: Int64, optional: Bool)
  case configMap(name: String, items: [KeyToPath], defaultMode: Int64, optional: Bool)
  case downwardAPI(items: [DownwardAPIFile], defaultMode: Int64)
  case projected(sources: [ProjectedSource], defaultMode: Int64)
  case image(reference: String, pullPolicy: PullPolicy)
  case persistentVolumeClaim(claimName: String, readOnly: Bool)
}

public enum ProjectedSource: Sendable, Equatable {
  case secret(name: String, items: [KeyToPath], optional: Bool)
  case configMap(name: String, items: [KeyToPath], optional: Bool)
  case downwardAPI(items: [DownwardAPIFile])
  case serviceAccountToken(audience: String?, expirationSeconds: Int64, path: String)
}

/// One key of a Secret or ConfigMap and where it goes; mode overrides the volume's defaultMode.
public struct KeyToPath: Sendable, Equatable {
  public var key = ""
  public var path = ""
  public var mode: Int64?
  public init() {}
}

public struct DownwardAPIFile: Sendable, Equatable {
  public enum Source: Sendable, Equatable {
    case field(path: String)
    case resource(container: String, resource: String, divisor: Quantity)
  }
  public var path = ""
  public var mode: Int64?
  public var source = Source.field(path: "")
  public init() {}
}
