// SPDX-License-Identifier: Apache-2.0
//
// A conversation with a Pod's supervisor that can be kept in a list.
import Control
import Kernel
import Manifest

final class PoddStream {
  private var client: PoddClient
  var raw: Int32 { client.raw }
  init(_ place: PodPlace, _ request: Value = .object([("verb", .string("watch"))])) throws(SysError) {
    client = try PoddClient(place)
    try client.send(request)
  }
  func next(deadline: Int64? = nil) throws(SysError) -> PoddClient.Answer { try client.next(deadline: deadline) }
}
