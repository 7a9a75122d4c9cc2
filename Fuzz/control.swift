// SPDX-License-Identifier: Apache-2.0
//
// The control protocol: bytes in pieces → lines → requests → the objects in them. Sources/Control/PoddRequest.swift is built into this target.
import Manifest

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  if let broken = ProtocolPromises.control(Array(UnsafeBufferPointer(start: start, count: count))) { fatalError(broken) }
  return 0
}
