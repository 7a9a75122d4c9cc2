// SPDX-License-Identifier: Apache-2.0
//
// The way in as a whole: reading, strict check, defaults, types, validation, and the diagnostics' words.
import Manifest

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  if let broken = Promises.manifest(Array(UnsafeBufferPointer(start: start, count: count))) { fatalError(broken) }
  return 0
}
