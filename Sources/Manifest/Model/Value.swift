// SPDX-License-Identifier: Apache-2.0
//
// A tree of plain data: what an object is between YAML or JSON and its Swift type. Keys keep their order, so that
// what is written back reads like what was written.

/// One node of JSON data.
public indirect enum Value: Sendable, Equatable {
  case null
  case bool(Bool)
  case int(Int64)
  case double(Double)
  case string(String)
  case array([Value])
  case object(Members)

  /// The members of an object, in order; keys are unique.
  public struct Members: Sendable, Equatable {
    public private(set) var entries: [Entry] = []

    public struct Entry: Sendable, Equatable {
      public var key: String
      public var value: Value
    }

    public init() {}
    public init(_ pairs: [(String, Value)]) { for (k, v) in pairs { self[k] = v } }

    /// Takes entries whose keys are known to be unique.
    mutating func adopt(_ list: [Entry]) { entries = list }

    public var isEmpty: Bool { entries.isEmpty }
    public var keys: [String] { entries.map(\.key) }

    /// Reads nil where the key is absent; assigning nil removes it, assigning to a new key appends.
    public subscript(key: String) -> Value? {
      get { entries.first { $0.key == key }?.value }
      set {
        let at = entries.firstIndex { $0.key == key }
        switch (at, newValue) {
        case (let i?, let v?): entries[i].value = v
        case (let i?, nil): entries.remove(at: i)
        case (nil, let v?): entries.append(Entry(key: key, value: v))
        case (nil, nil): break
        }
      }
    }
  }
}

extension Value {
  public var string: String? { if case .string(let s) = self { s } else { nil } }
  public var int: Int64? { if case .int(let i) = self { i } else { nil } }
  public var bool: Bool? { if case .bool(let b) = self { b } else { nil } }
  public var array: [Value]? { if case .array(let a) = self { a } else { nil } }
  public var members: Members? { if case .object(let m) = self { m } else { nil } }

  public static func object(_ pairs: [(String, Value)]) -> Value { .object(Members(pairs)) }
  public static func strings(_ list: [String]) -> Value { .array(list.map(Value.string)) }
  /// A map of strings, keys sorted as Kubernetes writes them.
  public static func map(_ pairs: [String: String]) -> Value {
    .object(Members(pairs.sorted { $0.key < $1.key }.map { ($0.key, Value.string($0.value)) }))
  }

  /// The member of an object; nil for anything else. Assigning turns null into an object; other kinds stay as they are.
  public subscript(key: String) -> Value? {
    get { members?[key] }
    set {
      var m: Members
      switch self {
      case .object(let old): m = old
      case .null: m = Members()
      default: return
      }
      m[key] = newValue
      self = .object(m)
    }
  }

  /// The element of an array; nil for anything else or out of range.
  public subscript(index: Int) -> Value? {
    guard case .array(let a) = self, a.indices.contains(index) else { return nil }
    return a[index]
  }
}
