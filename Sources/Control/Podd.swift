// SPDX-License-Identifier: Apache-2.0
//
// A Pod's supervisor, seen from outside: whether it lives (it holds its lock), how it is started, how it is woken.
import Glibc
import Images
import Kernel
import Manifest

public enum Podd {
  public static func isAlive(_ place: PodPlace) -> Bool { FileLock.isHeld(place.lock) }

  /// The living podd's process id; nil where none lives.
  public static func process(_ place: PodPlace) -> Int32? {
    guard isAlive(place), let text = optional({ () throws(SysError) in try FileSystem.readText(place.lock) }) else { return nil }
    return Int32(text.prefix { $0 != "\n" })
  }

  /// Starts the Pod's podd, and returns when it answers on its socket (or another one does). It outlives the caller. pod: a new one, whose first
  /// tokens are signed while podd starts.
  public static func start(_ instance: Instance, _ namespace: String, _ name: String, programs: String, for pod: Pod? = nil) throws(SysError) {
    let requests = pod.map(TokenRequest.all) ?? []
    let (come, go) = requests.isEmpty ? (-1, -1) : try FileDescriptor.pipe().ends()
    defer { for fd in [come, go] where fd >= 0 { _ = close(fd) } }
    let place = instance.place(namespace, name)
    // A store that is only to be read has an owner who knows of its users.
    do throws(SysError) { try ImageUsers.record(instance) } catch where error.errno == EROFS || error.errno == EACCES || error.errno == EPERM {}
    let ready = try FileDescriptor.pipe()
    let notes = try FileDescriptor.open(place.notes, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
    var plan = SpawnPlan(
      .paths([programs + "/podd"]),
      ["podd", "--run", instance.run, "--data", instance.data, "--images", instance.images, "--ready", "3"]
        + (requests.isEmpty ? [] : ["--tokens", "4"]) + [namespace, name],
      environment: environment())
    plan.steps = [
      .init(.newSession), .init(.changeFolder("/")), .init(.umask(0o022)),
      .init(.duplicate(from: ready.write.raw, to: 700)),
      .init(.duplicate(from: notes.raw, to: 2)),
      .init(.open("/dev/null", flags: O_RDWR, as: 0)), .init(.duplicate(from: 0, to: 1)),
      .init(.duplicate(from: 700, to: 3)),
    ]
    if come >= 0 {
      plan.steps.insert(.init(.duplicate(from: come, to: 701)), at: 3)
      plan.steps.append(.init(.duplicate(from: 701, to: 4)))
    }
    plan.steps.append(.init(.closeFrom(come >= 0 ? 5 : 4, atExec: true)))
    do throws(SysError) {
      let child = try plan.spawn()
      if go >= 0, let pod {
        // Where it cannot be started podd asks for the tokens itself, and tells why they cannot be had. Its end is nobody's to wait for.
        _ = optional { () throws(SysError) in
          guard let claims = try instance.claims(requests, of: pod) else { return }
          _ = close(try TokenRun.start(claims, instance, programs: programs, output: go).release())
        }
      }
      let (read, write) = ready.ends()
      _ = close(write)
      let end = FileDescriptor(owning: read)
      var byte: UInt8 = 0
      // End of file without a byte: it has ended, or gave way to another.
      let said = try withUnsafeMutableBytes(of: &byte) { (b) throws(SysError) in try readSome(end.raw, into: b) }
      if said == 1 || isAlive(place) { return }
      let status = try child.wait()
      let notes = optional { () throws(SysError) in try FileSystem.readText(place.notes) } ?? ""
      let why = notes.split(separator: "\n").last.map(String.init) ?? "it ended with \(status.code)"
      throw SysError(call: "execve", object: "podd", errno: ECHILD, hint: why)
    } catch { throw error.during("starting the supervisor of pod \(namespace)/\(name)") }
  }

  private static func environment() -> [String] {
    ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
      + ["PODLAB_TRACE", "SWIFT_BACKTRACE"].compactMap { name in variable(name).map { "\(name)=\($0)" } } + ImageJob.passedVariables
  }

  /// Brings a Pod's podd to where it answers: one that is dead is started again and takes over; one that is stopped is woken. Returns what to tell
  /// the user, if anything.
  public static func ensure(_ instance: Instance, _ namespace: String, _ name: String, programs: String) throws(SysError) -> String? {
    let place = instance.place(namespace, name)
    guard let pid = process(place) else {
      try start(instance, namespace, name, programs: programs)
      return nil
    }
    let stat = Proc.stat(pid)
    // Always: a SIGSTOP that was sent a moment ago may not have stopped it yet, and goes with this (signal(7)). Its process group too, and those of
    // its children that run no program of their own yet: a child that it is just making, and waits for, may be stopped as well.
    _ = kill(-pid, SIGCONT)
    for child in Proc.children(pid) where Proc.stat(child)?.name == stat?.name { _ = kill(child, SIGCONT) }
    if stat?.state == "T" {
      return "the supervisor of pod \(namespace)/\(name) (process \(pid)) was stopped: woken with SIGCONT"
    }
    return nil
  }
}

/// A conversation with a podd: one JSON object a line, both ways.
public struct PoddClient: ~Copyable {
  private let fd: FileDescriptor
  private var pending = LineReader()

  public init(_ place: PodPlace) throws(SysError) {
    let end = Clock.monotonic + 2_000_000_000
    while true {
      do throws(SysError) {
        fd = try UnixSocket.connect(place.socket)
        return
      } catch {
        // One that was started by somebody else this instant holds its lock a moment before it listens.
        guard error.errno == ENOENT || error.errno == ECONNREFUSED, Podd.isAlive(place), Clock.monotonic < end else {
          throw error.during("talking to the pod's supervisor")
        }
        usleep(2000)
      }
    }
  }

  /// A podd that has died meanwhile is EPIPE, not a signal.
  public func send(_ request: Value) throws(SysError) {
    var bytes = (JSON.compactBytes(request) + [10])[...]
    while !bytes.isEmpty {
      let n = bytes.withUnsafeBytes { Glibc.send(fd.raw, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      if n < 0 && errno == EINTR { continue }
      if n < 0 { throw SysError(call: "send", object: "podd.sock", errno: errno) }
      bytes = bytes.dropFirst(n)
    }
  }

  public enum Answer: Sendable { case value(Value), end, late }

  /// The next line. deadline: nanoseconds of CLOCK_MONOTONIC; nil waits for ever.
  public mutating func next(deadline: Int64? = nil) throws(SysError) -> Answer {
    while true {
      if let bytes = pending.next() {
        do throws(JSON.Malformed) { return .value(try JSON.parse(bytes)) } catch {
          throw SysError(step: "reading the supervisor's answer: \(error)", call: "recv", object: "podd.sock", errno: EPROTO)
        }
      }
      if let deadline {
        let left = deadline - Clock.monotonic
        if left <= 0 { return .late }
        var p = pollfd(fd: fd.raw, events: Int16(POLLIN), revents: 0)
        let n = poll(&p, 1, Int32(clamping: (left + 999_999) / 1_000_000))
        if n == 0 { return .late }
        if n < 0 { continue }
      }
      var buffer = [UInt8](repeating: 0, count: 65536)
      let n = recv(fd.raw, &buffer, buffer.count, 0)
      if n < 0 && errno == EINTR { continue }
      if n < 0 && errno != ECONNRESET { throw SysError(call: "recv", object: "podd.sock", errno: errno) }
      if n <= 0 { return .end }
      if !pending.add(buffer[..<n]) { throw SysError(step: "reading the supervisor's answer", call: "recv", object: "podd.sock", errno: EMSGSIZE) }
    }
  }

  /// The next line with the descriptors that come with it (the caller closes them): the answer to `attach`.
  public mutating func nextWithDescriptors() throws(SysError) -> (value: Value, descriptors: [Int32]) {
    let message = try UnixSocket.receive(fd.raw, limit: 65536)
    guard message.bytes.last == 10 else { throw SysError(call: "recv", object: "podd.sock", errno: ECONNRESET) }
    do throws(JSON.Malformed) { return (try JSON.parse(message.bytes.dropLast()), message.descriptors) } catch {
      throw SysError(step: "reading the supervisor's answer: \(error)", call: "recv", object: "podd.sock", errno: EPROTO)
    }
  }

  public var raw: Int32 { fd.raw }
}
