// SPDX-License-Identifier: Apache-2.0
//
// Text of the kernel's files is split by bytes: looking for whole characters, as String's own split does, takes ten times as long, and podctl and podd
// read a dozen such files before a Pod runs.

/// The pieces of a text between separators, a character of ASCII.
public func pieces(of text: some StringProtocol, at separator: Unicode.Scalar, omittingEmpty: Bool = true) -> [Substring] {
  let byte = UInt8(ascii: separator)
  return Substring(text).utf8.split(omittingEmptySubsequences: omittingEmpty) { $0 == byte }.map { Substring($0) }
}
