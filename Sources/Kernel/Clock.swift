// SPDX-License-Identifier: Apache-2.0
//
// The two clocks. clock_gettime(2).
import CLinux
import Glibc

public enum Clock {
  /// Nanoseconds of CLOCK_MONOTONIC.
  public static var monotonic: Int64 { lx_clock(CLOCK_MONOTONIC) }
  /// Nanoseconds since 1970-01-01T00:00:00Z.
  public static var wall: Int64 { lx_clock(CLOCK_REALTIME) }

  /// getrandom(2): how many bytes came, 0 when it was interrupted.
  public static func random(into buffer: UnsafeMutableRawBufferPointer) -> Int { max(0, lx_getrandom(buffer.baseAddress, buffer.count)) }
}
