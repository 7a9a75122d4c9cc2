// SPDX-License-Identifier: Apache-2.0
//
// What the tests of this floor share: scratch folders, programs run as oracles, and loud words for what this machine lacks.
// Suites that need root are named Root…; run them with `--filter Root`, or leave them out with `--skip Root`.
import Glibc
import Kernel
import Testing

/// Testing has one as well.
typealias ExitStatus = Kernel.ExitStatus

/// A folder of its own for one test, gone afterwards.
final class Scratch {
  let path: String

  init() throws {
    var template = Array("/tmp/podlab-kernel-XXXXXX".utf8CString)
    let made = try #require(mkdtemp(&template), "no scratch folder: \(errnoText(errno))")
    path = String(cString: made)
  }

  deinit { _ = optional { () throws(SysError) in try FileSystem.removeTree(path) } }

  func callAsFunction(_ name: String) -> String { path + "/" + name }
}

/// Stops the test, saying what is missing: never a silent skip.
func needRoot(_ why: String) throws {
  try #require(geteuid() == 0, "MISSING: root, for \(why). Run the Root suites as root.")
}

func needProgram(_ path: String, package: String) throws {
  try #require(FileSystem.exists(path), "MISSING: \(path) (Debian: apt-get install \(package))")
}

/// Runs a program to its end: what it wrote to standard output and error, and how it ended.
@discardableResult
func output(_ arguments: [String], steps: [SpawnStep] = [], joins: [(fd: Int32, namespaces: Namespaces)] = [], namespaces: Namespaces = [])
  throws -> (text: String, status: ExitStatus)
{
  let pipe = try FileDescriptor.pipe()
  let path = "/usr/sbin:/usr/bin:/sbin:/bin"
  let name = arguments[0]
  let candidates = name.contains("/") ? [name] : path.split(separator: ":").map { "\($0)/\(name)" }
  var plan = SpawnPlan(.paths(candidates), arguments, environment: ["PATH=\(path)", "LC_ALL=C"])
  plan.joins = joins
  plan.namespaces = namespaces
  plan.steps = steps + [
    .init(.duplicate(from: pipe.write.raw, to: 1)), .init(.duplicate(from: pipe.write.raw, to: 2)), .init(.closeFrom(3, atExec: true)),
  ]
  let child = try plan.spawn()
  let (reader, writer) = pipe.ends()
  close(writer)
  let text = try FileSystem.read(reader, "output of \(name)")
  close(reader)
  return (String(decoding: text, as: UTF8.self), try child.wait())
}

/// A shell line as an oracle.
@discardableResult
func shell(_ line: String) throws -> String {
  let (text, status) = try output(["/bin/sh", "-c", line])
  try #require(status.code == 0, "\(line): ended with \(status.code): \(text)")
  return text
}

/// A process that holds namespaces until the value ends.
final class Holder {
  let pid: Int32
  let pidfd: Int32
  private var reaped = false

  init(_ namespaces: Namespaces, steps: [SpawnStep] = [], cgroup: Int32? = nil) throws {
    var plan = SpawnPlan(.paths(["/bin/sleep", "/usr/bin/sleep"]), ["sleep", "600"])
    plan.namespaces = namespaces
    plan.cgroup = cgroup
    plan.steps = [.init(.deathSignal(SIGKILL))] + steps + [.init(.closeFrom(3, atExec: true))]
    let child = try plan.spawn()
    pid = child.pid
    pidfd = child.release()
  }

  func end() throws -> ExitStatus? {
    guard !reaped else { return nil }
    reaped = true
    try Pidfd.signal(pidfd, SIGKILL)
    return try ExitStatus.collect(pidfd: pidfd, wait: true)
  }

  deinit {
    _ = try? end()
    close(pidfd)
  }
}
