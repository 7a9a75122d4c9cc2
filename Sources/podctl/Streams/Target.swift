// SPDX-License-Identifier: Apache-2.0
//
// Which Pod and which of its containers is meant, for the verbs that talk to one: exec, attach, cp, logs, debug. kubectl's rules and words:
// staging/src/k8s.io/kubectl/pkg/cmd/util/podcmd.
import Control
import Glibc
import Kernel
import Manifest
import Runtime

/// The containers of a Pod's object by kind.
struct ContainerNames {
  let apps: [String]
  let initial: [String]
  let ephemeral: [String]

  init(_ object: Value) {
    let names = { (key: String) in (object["spec"]?[key]?.array ?? []).compactMap { $0["name"]?.string } }
    (apps, initial, ephemeral) = (names("containers"), names("initContainers"), names("ephemeralContainers"))
  }

  var all: [String] { apps + ephemeral + initial }
  /// As kubectl lists them.
  var listed: String { (apps + ephemeral.map { "\($0) (ephem)" } + initial.map { "\($0) (init)" }).joined(separator: ", ") }

  /// The one that is meant where none is named.
  func standard(_ object: Value, pod: String, quiet: Bool) -> String {
    let key = "kubectl.kubernetes.io/default-container"
    if let named = object["metadata"]?["annotations"]?[key]?.string, !named.isEmpty {
      if all.contains(named) { return named }
      if !quiet { say(2, "Default container name \"\(named)\" not found in pod \(pod)\n") }
    }
    let first = apps.first ?? ""
    if all.count > 1, !quiet { say(2, "Defaulted container \"\(first)\" out of: \(listed)\n") }
    return first
  }
}

/// The spec of one of the containers, of whatever kind.
func containerObject(_ pod: Value, _ name: String) -> Value? {
  for key in ["containers", "initContainers", "ephemeralContainers"] {
    if let found = (pod["spec"]?[key]?.array ?? []).first(where: { $0["name"]?.string == name }) { return found }
  }
  return nil
}

/// The status of one of the containers.
func containerStatus(_ pod: Value, _ name: String) -> Value? {
  for key in ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"] {
    if let found = (pod["status"]?[key]?.array ?? []).first(where: { $0["name"]?.string == name }) { return found }
  }
  return nil
}

/// `web`, `pod/web`, `pods/web`, `po/web`: the Pod's name. Other kinds have no containers.
func podName(_ word: String) throws -> String {
  let parts = word.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
  if parts.count == 1 { return word }
  guard parts.count == 2, !parts[1].isEmpty else {
    throw Failure.error("arguments in resource/name form must have a single resource and name")
  }
  guard let kind = Kind(word: parts[0]) else { throw Failure.error("the server doesn't have a resource type \"\(parts[0])\"") }
  guard kind == .pod else { throw Failure.error("cannot attach to *v1.\(kind.rawValue): only pods have containers") }
  return parts[1]
}

/// A container that runs, and what joins it needs to know.
struct RunningContainer {
  let pod: String
  let place: PodPlace
  let object: Value
  let entry: PodState.Container
  let process: FileDescriptorHolder

  /// The Pod's podd is brought back where it is dead. verb: exec into, attach to …, for the words of refusal.
  init(_ session: Session, _ ns: String, _ word: String, _ container: String?, quiet: Bool = false, verb: String = "exec into") throws {
    pod = try podName(word)
    place = session.instance.place(ns, pod)
    guard FileSystem.exists(place.object) else { throw Failure.notFound(.pod, pod) }
    if !Podd.isAlive(place), let note = try Podd.ensure(session.instance, ns, pod, programs: session.programs) { say(2, "note: \(note)\n") }
    object = try session.instance.pod(ns, pod) ?? .null
    if let phase = object["status"]?["phase"]?.string, phase == "Succeeded" || phase == "Failed" {
      throw Failure.error("cannot \(verb) a container in a completed pod; current phase is \(phase)")
    }
    let names = ContainerNames(object)
    let name: String
    if let container {
      // attach looks for it itself, the others leave it to the server.
      guard names.all.contains(container) else {
        throw verb == "attach" ? Failure.error("container \(container) not found in pod \(pod)") : .server("BadRequest", "container \(container) is not valid for pod \(pod)")
      }
      name = container
    } else {
      name = names.standard(object, pod: pod, quiet: quiet)
    }
    let missing =
      object["spec"]?["nodeName"] == nil
      ? Failure.server("BadRequest", "pod \(pod) does not have a host assigned") : .error("unable to upgrade connection: container not found (\"\(name)\")")
    // A program may have run for a moment before its podd has written it down: what podd has answered after is written.
    guard let found = Self.look(place, name) ?? (Self.answers(place) ? Self.look(place, name) : nil) else { throw missing }
    entry = found.0
    process = found.1
  }

  /// What is written of a container that runs.
  private static func look(_ place: PodPlace, _ name: String) -> (PodState.Container, FileDescriptorHolder)? {
    guard case .state(let state) = PodState.read(place.state), let found = state.containers.first(where: { $0.name == name }),
      let fd = found.process?.open()
    else { return nil }
    return (found, FileDescriptorHolder(fd))
  }

  private static func answers(_ place: PodPlace) -> Bool {
    optional { () throws(SysError) in
      var client = try PoddClient(place)
      try client.send(.object([("verb", .string("ping"))]))
      return try client.next(deadline: Clock.monotonic + 2_000_000_000)
    } != nil
  }

  var isAlive: Bool { entry.process?.isAlive ?? false }
}

/// A descriptor in a value that is copied; closed with the last copy.
final class FileDescriptorHolder {
  private let fd: FileDescriptor
  var raw: Int32 { fd.raw }
  init(_ fd: consuming FileDescriptor) { self.fd = fd }
}
