// SPDX-License-Identifier: Apache-2.0
//
// What the pod's supervisor wrote about it, in the arena's files: which process is which container's, and what it says of
// itself. The numbers are looked up in the kernel (ArenaPeople); the words only explain.
import Control
import Kernel
import Manifest

struct PodFiles {
  let arena: Arena
  let namespace: String
  let name: String

  private var place: PodPlace { PodPlace(folder: "run/podlab/pods/\(namespace)/\(name)") }

  /// The folder of a container's logs, as a path that leads there from outside.
  func logs(_ container: String) -> String { "/proc/\(arena.pid)/root/\(place.container(container))" }

  private func object(_ file: String) -> Value? {
    guard let bytes = optional({ () throws(SysError) in try arena.read(file, limit: 1 << 20) }) else { return nil }
    do throws(JSON.Malformed) { return try JSON.parse(bytes) } catch { return nil }
  }

  /// The whole object with its status.
  var status: Value? { object(place.status) }

  /// The arena's own number of a container's first process.
  func process(_ container: String) -> Int32? {
    guard let state = object(place.state).flatMap(PodState.init) else { return nil }
    return state.containers.last { $0.name == container }?.process?.pid
  }

  /// What the pod says about a container that does not run: its reason and message.
  func excuse(_ container: String) -> Clue? {
    guard let status = status?["status"] else { return nil }
    for list in ["initContainerStatuses", "containerStatuses"] {
      guard let entry = status[list]?.array?.first(where: { $0["name"]?.string == container }), let state = entry["state"] else { continue }
      for kind in ["waiting", "terminated"] {
        guard let detail = state[kind] else { continue }
        let words = [detail["reason"]?.string, detail["message"]?.string, detail["exitCode"]?.int.map { "exit code \($0)" }].compactMap { $0 }
        return Clue(container, "\(kind): " + Sanitise.line(words.joined(separator: ": ")))
      }
    }
    return nil
  }
}
