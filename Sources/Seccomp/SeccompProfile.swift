// SPDX-License-Identifier: Apache-2.0
//
// A seccomp profile: what happens at which system call. Read from the JSON of the OCI runtime specification (config-linux.md, "Seccomp"), which is
// what a Pod's localhostProfile names. seccomp(2).
import Manifest

public struct SeccompProfile: Sendable, Equatable {
  public enum Action: Sendable, Equatable {
    case killThread, killProcess, trap, allow, log
    /// The call fails with this errno.
    case fail(UInt16)
    /// A tracer is told, with this message.
    case trace(UInt16)
  }

  public enum Comparison: String, Sendable {
    case notEqual = "SCMP_CMP_NE", less = "SCMP_CMP_LT", lessOrEqual = "SCMP_CMP_LE", equal = "SCMP_CMP_EQ", greaterOrEqual = "SCMP_CMP_GE",
      greater = "SCMP_CMP_GT", maskedEqual = "SCMP_CMP_MASKED_EQ"
  }

  /// A condition on one argument of a call.
  public struct Argument: Sendable, Equatable {
    /// 0…5.
    public var index: UInt32
    /// What it is compared with; for maskedEqual the mask.
    public var value: UInt64
    /// maskedEqual alone: what must be left under the mask.
    public var second: UInt64
    public var comparison: Comparison
    public init(_ index: UInt32, _ comparison: Comparison, _ value: UInt64, _ second: UInt64 = 0) {
      (self.index, self.comparison, self.value, self.second) = (index, comparison, value, second)
    }
  }

  public struct Rule: Sendable, Equatable {
    public var calls: [String]
    public var action: Action
    /// All of them must hold.
    public var arguments: [Argument]
    public init(_ calls: [String], _ action: Action, _ arguments: [Argument] = []) {
      (self.calls, self.action, self.arguments) = (calls, action, arguments)
    }
  }

  /// What happens where no rule fits.
  public var fallback: Action
  public var rules: [Rule]
  /// SCMP_ARCH_…; the machine's own is always in it.
  public var architectures: [String]
  /// For seccomp(2): SECCOMP_FILTER_FLAG_LOG is 2, SPEC_ALLOW 4.
  public var flags: UInt32 = 0

  public init(fallback: Action, rules: [Rule], architectures: [String] = []) {
    (self.fallback, self.rules, self.architectures) = (fallback, rules, architectures)
  }

  /// Why a text is no profile that can be used here.
  public struct Malformed: Error, Sendable, CustomStringConvertible {
    public let description: String
    init(_ text: String) { description = text }
  }
}

extension SeccompProfile {
  private static let permission: UInt16 = 1  // EPERM, where a profile names no errno

  public init(json: [UInt8]) throws(Malformed) {
    let v: Value
    do throws(JSON.Malformed) { v = try JSON.parse(json) } catch { throw Malformed("\(error)") }
    guard let name = v["defaultAction"]?.string else { throw Malformed("defaultAction: Required value") }
    fallback = try Self.action(name, v["defaultErrnoRet"], "defaultAction")
    rules = []
    architectures = (v["architectures"]?.array ?? []).compactMap(\.string)
    for (i, name) in (v["flags"]?.array ?? []).compactMap(\.string).enumerated() {
      switch name {
      case "SECCOMP_FILTER_FLAG_TSYNC": break  // one thread at that time
      case "SECCOMP_FILTER_FLAG_LOG": flags |= 2
      case "SECCOMP_FILTER_FLAG_SPEC_ALLOW": flags |= 4
      default: throw Malformed("flags[\(i)]: Unsupported value: \"\(name)\"")
      }
    }
    for (i, entry) in (v["syscalls"]?.array ?? []).enumerated() {
      let at = "syscalls[\(i)]"
      guard let names = entry["names"]?.array?.compactMap(\.string), !names.isEmpty else { throw Malformed("\(at).names: Required value") }
      guard let action = entry["action"]?.string else { throw Malformed("\(at).action: Required value") }
      var arguments: [Argument] = []
      for (j, a) in (entry["args"]?.array ?? []).enumerated() { arguments.append(try Self.argument(a, "\(at).args[\(j)]")) }
      rules.append(Rule(names, try Self.action(action, entry["errnoRet"], "\(at).action"), arguments))
    }
  }

  private static func action(_ name: String, _ number: Value?, _ at: String) throws(Malformed) -> Action {
    let code = number?.int.flatMap { UInt16(exactly: $0) }
    if number != nil && code == nil { throw Malformed("\(at): its errnoRet is not a number from 0 to 65535") }
    switch name {
    case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD": return .killThread
    case "SCMP_ACT_KILL_PROCESS": return .killProcess
    case "SCMP_ACT_TRAP": return .trap
    case "SCMP_ACT_ERRNO": return .fail(code ?? permission)
    case "SCMP_ACT_TRACE": return .trace(code ?? permission)
    case "SCMP_ACT_ALLOW": return .allow
    case "SCMP_ACT_LOG": return .log
    case "SCMP_ACT_NOTIFY": throw Malformed("\(at): SCMP_ACT_NOTIFY needs a program that answers, which no pod has here")
    default: throw Malformed("\(at): Unsupported value: \"\(name)\"")
    }
  }

  private static func argument(_ v: Value, _ at: String) throws(Malformed) -> Argument {
    guard let index = v["index"]?.int.flatMap({ UInt32(exactly: $0) }), index < 6 else { throw Malformed("\(at).index: must be from 0 to 5") }
    guard let op = v["op"]?.string else { throw Malformed("\(at).op: Required value") }
    guard let comparison = Comparison(rawValue: op) else { throw Malformed("\(at).op: Unsupported value: \"\(op)\"") }
    guard let value = number(v["value"]), let second = number(v["valueTwo"]) else { throw Malformed("\(at): value and valueTwo must be whole numbers") }
    return Argument(index, comparison, value, second)
  }

  /// Numbers above 2^63 − 1 come as floating point.
  private static func number(_ v: Value?) -> UInt64? {
    switch v {
    case nil, .null?: 0
    case .int(let n)?: n < 0 ? nil : UInt64(n)
    case .double(let d)?: UInt64(exactly: d)
    default: nil
    }
  }
}
