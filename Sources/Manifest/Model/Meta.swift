// SPDX-License-Identifier: Apache-2.0
//
// ObjectMeta and the objects that are not Pods. Field names are the API's; see the API reference for each.

/// metadata of any object.
public struct ObjectMeta: Sendable, Equatable {
  public var name = ""
  public var namespace = "default"
  public var generateName: String?
  public var uid = ""
  public var labels: [String: String] = [:]
  public var annotations: [String: String] = [:]
  public var finalizers: [String] = []
  public var generation: Int64 = 1
  public var resourceVersion: String?
  /// Seconds since the epoch, in wall-clock time; nil until the object is stored.
  public var creationTimestamp: WallTime?
  public var deletionTimestamp: WallTime?
  public var deletionGracePeriodSeconds: Int64?
  public init() {}

  /// NAME_NAMESPACE(UID), as kubelet's messages name a Pod.
  public var fullName: String { "\(name)_\(namespace)(\(uid))" }
}

/// A Secret; data is decoded from base64, stringData merged into it.
public struct Secret: Sendable, Equatable {
  public var metadata = ObjectMeta()
  public var type = "Opaque"
  public var data: [String: [UInt8]] = [:]
  public var immutable = false
  public init() {}
}

/// A ConfigMap; data as UTF-8 bytes, binaryData decoded from base64.
public struct ConfigMap: Sendable, Equatable {
  public var metadata = ObjectMeta()
  /// All that a variable can be made of.
  public var data: [String: [UInt8]] = [:]
  public var binaryData: [String: [UInt8]] = [:]
  public var immutable = false
  public init() {}

  /// What a volume has files of. No key is in both.
  public var files: [String: [UInt8]] { data.merging(binaryData) { $1 } }
}

/// A ServiceAccount.
public struct ServiceAccount: Sendable, Equatable {
  public var metadata = ObjectMeta()
  public var automountServiceAccountToken: Bool?
  public init() {}
}

/// An instant of wall-clock time.
public struct WallTime: Sendable, Equatable, Comparable, Hashable {
  /// Nanoseconds since 1970-01-01T00:00:00Z.
  public var nanoseconds: Int64
  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  public static func < (a: WallTime, b: WallTime) -> Bool { a.nanoseconds < b.nanoseconds }
}

/// A port, or the name of one (API: IntOrString).
public enum IntOrString: Sendable, Equatable {
  case int(Int64)
  case string(String)
}
