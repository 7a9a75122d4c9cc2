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
}
