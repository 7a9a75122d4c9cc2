// SPDX-License-Identifier: Apache-2.0
//
// JSONPath templates: read, and filled in from a Pod.
import Manifest

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  if let broken = Promises.jsonpath(Array(UnsafeBufferPointer(start: start, count: count))) { fatalError(broken) }
  return 0
}
