// SPDX-License-Identifier: Apache-2.0
//
// What is thrown when a system call fails: the step in the user's terms, the call, its object, errno and the remedy.
import CLinux
import Glibc

/// A failed system call.
public struct SysError: Error, CustomStringConvertible, Equatable, Sendable {
  /// What was being done, in the user's terms; nil where the caller adds it.
  public var step: String?
  /// The call's name, as in its man page.
  public var call: String
  /// What it was made on: a path, a descriptor's meaning, arguments.
  public var object: String
  public var errno: Int32
  /// What to do about it.
  public var hint: String?

  public init(step: String? = nil, call: String, object: String, errno: Int32, hint: String? = nil) {
    (self.step, self.call, self.object, self.errno, self.hint) = (step, call, object, errno, hint)
  }

  /// The same failure, seen from one level up.
  public func during(_ step: String, hint: String? = nil) -> SysError {
    var e = self
    e.step = self.step.map { "\(step): \($0)" } ?? step
    if let hint { e.hint = hint }
    return e
  }

  public var description: String {
    let head = step.map { "\($0): " } ?? ""
    return "\(head)\(call)(\(object)): \(errnoName(errno)): \(errnoText(errno))" + (hint.map { ". \($0)" } ?? "")
  }
}

/// ENOENT for 2, and so on; the number itself where it has no name here.
public func errnoName(_ code: Int32) -> String {
  guard let name = strerrorname_np(code) else { return "errno \(code)" }
  return String(cString: name)
}

public func errnoText(_ code: Int32) -> String {
  guard let text = strerrordesc_np(code) else { return "unknown error" }
  return String(cString: text)
}

/// Turns a negative errno into a SysError and reports the call to the trace.
@discardableResult
@inline(__always)
package func check(_ result: Int, _ call: String, _ object: @autoclosure () -> String) throws(SysError) -> Int {
  if Trace.isOn { Trace.report(call, object(), result) }
  if result < 0 { throw SysError(call: call, object: object(), errno: Int32(-result)) }
  return result
}

/// The same for a C function that returns -1 and sets errno.
@discardableResult
@inline(__always)
package func check(errno result: Int32, _ call: String, _ object: @autoclosure () -> String) throws(SysError) -> Int {
  try check(result < 0 ? -Int(errno) : Int(result), call, object())
}
