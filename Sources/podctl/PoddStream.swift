// SPDX-License-Identifier: Apache-2.0
//
// A conversation with a Pod's supervisor that can be kept in a list. Of one that dies under way the next is started and asked the same again, where
// the caller says how.
import Control
import Glibc
import Kernel
import Manifest

final class PoddStream {
  private static let watch = Value.object([("verb", .string("watch"))])
  /// How often a supervisor is started again for one request: more is a fault that would not end by itself.
  private static let revivals = 5

  private let place: PodPlace
  private let request: Value
  private let revive: (() throws(SysError) -> Void)?
  private var client: PoddClient
  private var left = PoddStream.revivals
  var raw: Int32 { client.raw }

  /// With the supervisor that lives now.
  init(_ place: PodPlace, _ request: Value = PoddStream.watch) throws(SysError) {
    (self.place, self.request, revive) = (place, request, nil)
    client = try PoddClient(place)
    try client.send(request)
  }

  /// With whichever supervisor the Pod has until the answer is there. The request is one that may be made twice.
  init(_ session: Session, _ namespace: String, _ name: String, _ request: Value = PoddStream.watch) throws(SysError) {
    let place = session.instance.place(namespace, name)
    let revive = { () throws(SysError) in _ = try Podd.ensure(session.instance, namespace, name, programs: session.programs) }
    (self.place, self.request, self.revive) = (place, request, revive)
    client = try Self.connect(place, request, &left, revive)
  }

  private static func connect(_ place: PodPlace, _ request: Value, _ left: inout Int, _ revive: () throws(SysError) -> Void) throws(SysError) -> PoddClient {
    while true {
      do throws(SysError) {
        let client = try PoddClient(place)
        try client.send(request)
        return client
      } catch {
        guard left > 0, FileSystem.exists(place.object) else { throw error }
      }
      left -= 1
      try revive()
    }
  }

  /// Waits until the request has been taken: what was sent to a supervisor that dies this moment is said again to the next one.
  func acknowledged() throws(SysError) {
    let ping = Value.object([("verb", .string("ping"))])
    while true {
      do throws(SysError) {
        try client.send(ping)
        guard case .end = try client.next() else { return }
      } catch { guard error.errno == EPIPE || error.errno == ECONNRESET else { throw error } }
      guard let revive, left > 0, FileSystem.exists(place.object) else { return }
      left -= 1
      try revive()
      client = try Self.connect(place, request, &left, revive)
    }
  }

  func next(deadline: Int64? = nil) throws(SysError) -> PoddClient.Answer {
    while true {
      let answer = try client.next(deadline: deadline)
      guard case .end = answer, let revive, left > 0, FileSystem.exists(place.object) else { return answer }
      left -= 1
      try revive()
      client = try Self.connect(place, request, &left, revive)
    }
  }
}
