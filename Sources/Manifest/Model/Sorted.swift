// SPDX-License-Identifier: Apache-2.0
//
// The order in which Kubernetes writes an object's members: by key. Two objects are the same when they are equal so ordered.

extension Value {
  /// The same data with the members of every object sorted by key.
  public var sorted: Value {
    switch self {
    case .array(let a): .array(a.map(\.sorted))
    case .object(let m): .object(m.entries.map { ($0.key, $0.value.sorted) }.sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) })
    default: self
    }
  }
}
