// SPDX-License-Identifier: Apache-2.0
//
// Instances on disk, objects, the tables of `get`, the journal: from outside, in folders of their own.
import Control
import Glibc
import Kernel
import Manifest
import PodEngine
import Supervisor
import Testing

/// A folder that the test removes at its end.
final class Scratch {
  let path: String
  init() throws {
    path = (variable("TMPDIR") ?? "/tmp") + "/podlab-control-\(getpid())-\(Instance.uuid())"
    try FileSystem.makeFolders(path)
  }
  func remove() { _ = optional { () throws(SysError) in try FileSystem.removeTree(path) } }
  func instance() throws -> Instance {
    var i = try Instance.locate(root: path)
    try i.open()
    return i
  }
}

func pod(_ name: String) -> Value {
  let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: \(name)}\nspec: {containers: [{name: a, image: busybox}]}\n"
  return Loader.load(Array(text.utf8), file: "x").objects[0].value
}

@Suite struct Instances {
  @Test func openingTwiceFindsTheSame() throws {
    let s = try Scratch()
    defer { s.remove() }
    let (a, b) = (try s.instance(), try s.instance())
    #expect(a.id == b.id && a.id.utf8.count == 5)
    #expect(a.run == s.path + "/run" && a.data == s.path + "/data")
  }

  @Test func anInstanceOfAnEarlierBootIsMadeAnew() throws {
    let s = try Scratch()
    defer { s.remove() }
    let a = try s.instance()
    try FileSystem.write(a.run + "/instance.json", "{\"id\":\"abcde\",\"boot\":\"another\"}")
    #expect(try s.instance().id != "abcde")
  }

  @Test func addressesAreTakenOnceAndComeRound() throws {
    let s = try Scratch()
    defer { s.remove() }
    let i = try s.instance()
    let network = Instance.Network(bridge: 1, first: 10 << 24 | 200 << 16)
    let a = try i.take(network, for: "u1")
    let b = try i.take(network, for: "u2")
    #expect("\(a.address)" == "10.200.0.3" && "\(b.address)" == "10.200.0.4" || "\(a.address)" == "10.200.0.2")
    #expect(a.address != b.address && a.link != b.link && a.link.utf8.count <= 15)
    i.give(back: "\(a.address)")
    let c = try i.take(network, for: "u3")
    #expect(c.address != a.address, "a freed address comes last")
    #expect(i.addresses(of: "u2") == ["\(b.address)"])
  }

  @Test func aPathIsMadeAbsolute() { #expect(absolutePath("/a/./b/../c//d") == "/a/c/d" && absolutePath("x").hasPrefix("/")) }

  @Test func aFullOrForeignPlaceHasARemedy() throws {
    var i = try Instance.locate(root: "/proc/nowhere")
    do {
      try i.open()
      Issue.record("there is no place in /proc")
    } catch { #expect("\(error)".contains("/proc/nowhere")) }
  }
}

@Suite struct Objects {
  @Test func storedAndReadBack() throws {
    let s = try Scratch()
    defer { s.remove() }
    let i = try s.instance()
    let v = Value.object([("kind", .string("Secret")), ("metadata", .object([("name", .string("s")), ("namespace", .string("n"))]))])
    try i.store(Instance.stamped(v, old: nil, wall: WallTime(nanoseconds: 0)))
    let back = try i.object("Secret", "n", "s")
    #expect(back?["metadata"]?["uid"]?.string?.count == 36 && back?["metadata"]?["resourceVersion"]?.string == "1")
    #expect(try FileSystem.info(i.objectPath("Secret", "n", "s")).mode & 0o777 == 0o600)
    #expect(try i.objects("Secret").count == 1 && i.object("Secret", "n", "t") == nil)
    let again = Instance.stamped(v, old: back, wall: WallTime(nanoseconds: 9))
    #expect(again["metadata"]?["uid"] == back?["metadata"]?["uid"] && again["metadata"]?["resourceVersion"]?.string == "2")
  }

  @Test func aPodIsThereOrNot() throws {
    let s = try Scratch()
    defer { s.remove() }
    let i = try s.instance()
    _ = try i.createPod(pod("p"))
    let found = try i.pod("default", "p")
    #expect(i.pods().map(\.name) == ["p"] && found?["kind"]?.string == "Pod")
    #expect(!Podd.isAlive(i.place("default", "p")))
    i.forgetPod("default", "p")
    #expect(i.pods().isEmpty)
  }

  @Test func uuidsAreOfVersionFour() {
    let u = Array(Instance.uuid().utf8)
    #expect(u.count == 36 && u[14] == UInt8(ascii: "4") && "89ab".utf8.contains(u[19]) && Instance.uuid() != Instance.uuid())
  }

  @Test func stateGoesThereAndBack() throws {
    let s = try Scratch()
    defer { s.remove() }
    var state = PodState()
    state.boot = "b"
    state.sandbox = .init(process: ProcessIdentity(pid: 7, startTime: 8), attempt: 1, podIPs: ["10.1.1.1"], link: "l")
    var c = PodState.Container(name: "a", id: "00", restart: 3)
    c.process = ProcessIdentity(pid: 9, startTime: 10)
    c.exec.environment = ["A=b"]
    state.containers = [c]
    try state.write(s.path + "/state.json")
    if case .state(let back) = PodState.read(s.path + "/state.json") { #expect(back == state) } else { Issue.record("not read back") }
    try FileSystem.write(s.path + "/state.json", "{")
    if case .damaged = PodState.read(s.path + "/state.json") {} else { Issue.record("half a file is no state") }
  }
}

@Suite struct Showing {
  let now = WallTime(rfc3339: "2026-01-01T00:10:00Z") ?? WallTime(nanoseconds: 0)

  @Test(arguments: [(5, "5s"), (119, "119s"), (120, "2m"), (125, "2m5s"), (3600, "60m"), (10_800, "3h"), (100_000, "27h"), (200_000, "2d7h"), (864_000, "10d")])
  func durations(_ seconds: Int, _ text: String) { #expect(humanDuration(Int64(seconds)) == text) }

  private func shown(_ status: String, spec: String = "{\"containers\":[{\"name\":\"a\"}]}", meta: String = "{\"name\":\"p\"}") throws -> PodTable.Summary {
    PodTable.summary(try JSON.parse(Array("{\"metadata\":\(meta),\"spec\":\(spec),\"status\":\(status)}".utf8)), now)
  }

  @Test func statusWords() throws {
    let waiting = #"{"phase":"Running","containerStatuses":[{"name":"a","restartCount":3,"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"finishedAt":"2026-01-01T00:09:30Z"}}}]}"#
    #expect(try shown(waiting) == .init(summaryOf: "0/1", "CrashLoopBackOff", "3 (30s ago)"))
    let ready = #"{"phase":"Running","containerStatuses":[{"name":"a","restartCount":0,"ready":true,"state":{"running":{}}}]}"#
    #expect(try shown(ready) == .init(summaryOf: "1/1", "Running", "0"))
    #expect(try shown(ready, meta: #"{"name":"p","deletionTimestamp":"2026-01-01T00:00:00Z"}"#).status == "Terminating")
    let done = #"{"phase":"Succeeded","containerStatuses":[{"name":"a","restartCount":0,"state":{"terminated":{"reason":"Completed","exitCode":0}}}]}"#
    #expect(try shown(done).status == "Completed")
    let initial = #"{"phase":"Pending","initContainerStatuses":[{"name":"i","restartCount":0,"state":{"running":{}}}],"containerStatuses":[]}"#
    #expect(try shown(initial, spec: #"{"initContainers":[{"name":"i"},{"name":"j"}],"containers":[{"name":"a"}]}"#).status == "Init:0/2")
  }

  @Test func columnsStandBelowEachOther() {
    var t = Table(["NAME", "READY"])
    t.rows = [["a", "1/1"], ["longer", "0/1"]]
    #expect(t.text() == "NAME     READY\na        1/1\nlonger   0/1\n")
  }
}

extension PodTable.Summary {
  init(summaryOf ready: String, _ status: String, _ restarts: String) {
    self.init()
    (self.ready, self.status, self.restarts) = (ready, status, restarts)
  }
}

@Suite struct Replaying {
  @Test func aLineThatWasCutOffIsLeftOut() {
    let text = "{\"t\":1,\"wall\":2,\"event\":{\"kind\":\"admitted\",\"hostIP\":\"10.0.0.1\"}}\n{\"t\":3,\"wall\":4,\"event\":{\"kind\":\"sandboxStarted\",\"podIPs\":[\"10.0.0.2\"]}}\n{\"t\":5,\"wa"
    let past = Journal.read(Array(text.utf8))
    #expect(past.map(\.event) == [.admitted(hostIP: "10.0.0.1"), .sandboxStarted(podIPs: ["10.0.0.2"])])
    #expect(past.last?.at == Moment(monotonic: 3, wall: WallTime(nanoseconds: 4)))
  }
}
