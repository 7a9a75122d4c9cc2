// SPDX-License-Identifier: Apache-2.0
//
// A seccomp filter as it is kept in a file between the program that makes it and the processes that are put under it.

public struct SeccompFilter: Sendable, Equatable {
  /// BPF, 8 bytes an instruction.
  public var program: [UInt8]
  /// For seccomp(2): SECCOMP_FILTER_FLAG_….
  public var flags: UInt32

  public init(program: [UInt8], flags: UInt32) { (self.program, self.flags) = (program, flags) }

  /// The flags in 8 bytes, then the program.
  public var file: [UInt8] { withUnsafeBytes(of: UInt64(flags).littleEndian) { Array($0) } + program }

  /// nil for anything that `file` did not make.
  public init?(file: [UInt8]) {
    guard file.count > 8, file.count % 8 == 0, file.count <= 8 + 8 * 4096 else { return nil }
    self.init(program: Array(file[8...]), flags: file[..<4].reversed().reduce(0) { $0 << 8 | UInt32($1) })
  }
}
