// SPDX-License-Identifier: Apache-2.0
//
// The trace: each call of the core in words, as strace shows them. Off, it costs one load.

public enum Trace {
  /// Receives one line per call. Set once, before anything else runs; the programs are single-threaded.
  nonisolated(unsafe) public static var hook: ((String) -> Void)?

  @inline(__always)
  package static var isOn: Bool { hook != nil }

  package static func report(_ call: String, _ object: String, _ result: Int) {
    guard let hook else { return }
    hook(result < 0 ? "\(call)(\(object)) = -1 \(errnoName(Int32(-result)))" : "\(call)(\(object)) = \(result)")
  }

  /// A line in the trace's own form, for calls that a spawned child makes.
  package static func line(_ text: @autoclosure () -> String) { hook?(text()) }
}
