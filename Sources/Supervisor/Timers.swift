// SPDX-License-Identifier: Apache-2.0
//
// Everything that shall happen at an instant: time limits of probes and hooks, sleep hooks, token rotation. The loop's one deadline is the
// earliest of these and of the engine's.

/// Callbacks by instant of CLOCK_MONOTONIC, in nanoseconds.
final class Timers {
  /// Names a timer, to cancel it.
  typealias Handle = Int

  private var entries: [(at: Int64, handle: Handle, action: () -> Void)] = []
  private var last = 0

  /// The earliest instant; nil when nothing is scheduled.
  var next: Int64? { entries.first?.at }

  func schedule(at: Int64, _ action: @escaping () -> Void) -> Handle {
    last += 1
    let place = entries.firstIndex { $0.at > at } ?? entries.count
    entries.insert((at, last, action), at: place)
    return last
  }

  func cancel(_ handle: Handle) { entries.removeAll { $0.handle == handle } }

  /// Runs what is due.
  func fire(now: Int64) {
    while let first = entries.first, first.at <= now {
      entries.removeFirst()
      first.action()
    }
  }
}
