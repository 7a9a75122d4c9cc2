// SPDX-License-Identifier: Apache-2.0
//
// The YAML reader: whatever the bytes, it returns; what it read and YAML.write wrote, it reads again as the same.
import Manifest

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  if let broken = Promises.yaml(Array(UnsafeBufferPointer(start: start, count: count))) { fatalError(broken) }
  return 0
}
