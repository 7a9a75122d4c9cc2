// SPDX-License-Identifier: Apache-2.0
//
// Spawn plans that need no privilege: programs, descriptors, signals, failures in words, two at a time, many at a time.
import Glibc
import Kernel
import Testing

func failure(_ plan: SpawnPlan, begun: Bool = false) -> SysError? {
  do throws(SysError) {
    if begun {
      var pending = try plan.begin()
      _ = try pending.finish().wait()
    } else {
      _ = try plan.spawn().wait()
    }
    return nil
  } catch { return error }
}

@Suite struct Spawning {
  static let sh = SpawnPlan.Program.paths(["/bin/sh"])

  @Test func aProgramRunsWithItsArgumentsAndEnvironment() throws {
    #expect(try output(["/bin/sh", "-c", "echo $0 $1; exit 5", "a", "b"]) == ("a b\n", ExitStatus(code: 5)))
    var plan = SpawnPlan(Self.sh, ["sh", "-c", "test \"$A\" = 'b c' && kill -TERM $$"], environment: ["A=b c"])
    #expect(try plan.spawn().wait() == ExitStatus(code: 143, signal: 15))
    plan.arguments = ["sh", "-c", "exit 0"]
    #expect(try plan.spawn().wait() == ExitStatus(code: 0))
  }

  @Test(arguments: [false, true]) func aFailingStepComesBackInWords(_ begun: Bool) throws {
    var plan = SpawnPlan(Self.sh, ["sh"])
    plan.steps = [
      .init(.umask(0o22)), .init(.changeFolder("/nowhere/at/all"), for: "changing to the working directory"), .init(.newSession),
    ]
    let error = try #require(failure(plan, begun: begun))
    #expect("\(error)" == "changing to the working directory: chdir(\"/nowhere/at/all\"): ENOENT: No such file or directory")
  }

  @Test(arguments: [false, true]) func programsThatCannotRun(_ begun: Bool) throws {
    let scratch = try Scratch()
    try FileSystem.write(scratch("data"), "no program", mode: 0o755)
    try FileSystem.write(scratch("plain"), "x", mode: 0o644)
    // Said again: other tests of this process change its umask.
    try FileSystem.chmod(scratch("data"), 0o755)
    try FileSystem.chmod(scratch("plain"), 0o644)
    func code(_ paths: [String]) -> Int32? { failure(SpawnPlan(.paths(paths), ["x"]), begun: begun)?.errno }
    #expect(code([scratch("none")]) == ENOENT)
    #expect(code(["/nowhere/x", scratch("none"), "/etc/passwd/x"]) == ENOENT)
    #expect(code([scratch("data")]) == ENOEXEC)
    #expect(code([scratch("plain")]) == EACCES)
    // as a shell does: a file without permission is passed over, but remembered
    #expect(code([scratch("plain"), scratch("none")]) == EACCES)
    #expect(code([scratch("plain"), "/bin/true"]) == nil)
    #expect(code([scratch("none"), "/bin/true"]) == nil)
  }

  @Test(arguments: [false, true]) func nothingButTheNamedDescriptorsIsOpen(_ begun: Bool) throws {
    let leak = open("/dev/null", O_RDONLY)  // without CLOEXEC, on purpose
    defer { close(leak) }
    let pipe = try FileDescriptor.pipe()
    var plan = SpawnPlan(.paths(["/bin/sh"]), ["sh", "-c", "cd /proc/$$/fd && echo *"], environment: ["PATH=/bin:/usr/bin"])
    plan.steps = [
      .init(.duplicate(from: pipe.write.raw, to: 1)), .init(.duplicate(from: pipe.write.raw, to: 5)), .init(.open("/dev/null", flags: O_RDONLY, as: 7)),
      .init(.closeFrom(8, atExec: true)),
    ]
    for fd in Int32(3)...6 where fd != 5 { plan.steps.append(.init(.open("/dev/null", flags: O_RDONLY | O_CLOEXEC, as: fd))) }
    let child: Int32
    if begun {
      var pending = try plan.begin()
      child = try pending.finish().release()
    } else {
      child = try plan.spawn().release()
    }
    let (reader, writer) = pipe.ends()
    close(writer)
    let names = String(decoding: try FileSystem.read(reader, "pipe"), as: UTF8.self).split { " \n".contains($0) }.compactMap { Int($0) }
    close(reader)
    _ = try ExitStatus.collect(pidfd: child, wait: true)
    close(child)
    #expect(names.filter { $0 < 10 } == [0, 1, 2, 3, 5, 7], "3 is the listing's own: \(names)")
    #expect(!names.contains(Int(leak)) || leak < 8)
  }

  @Test func aFailureIsToldEvenWhenEverythingIsClosed() throws {
    var plan = SpawnPlan(.paths(["/nowhere"]), ["x"])
    plan.steps = [.init(.closeFrom(3, atExec: false))]
    for begun in [false, true] { #expect(failure(plan, begun: begun)?.errno == ENOENT, "begun: \(begun)") }
  }

  @Test func signalsAreAsInAFreshShell() throws {
    let mine = try #require(Proc.status(getpid(), "SigIgn"))
    signal(SIGPIPE, SIG_IGN)
    defer { signal(SIGPIPE, SIG_DFL) }
    for begun in [false, true] {
      let pipe = try FileDescriptor.pipe()
      var plan = SpawnPlan(.paths(["/bin/grep"]), ["grep", "^Sig[BI]", "/proc/self/status"])
      plan.steps = [.init(.duplicate(from: pipe.write.raw, to: 1))]
      let child: Int32
      if begun {
        var pending = try plan.begin()
        child = try pending.finish().release()
      } else {
        child = try plan.spawn().release()
      }
      let (reader, writer) = pipe.ends()
      close(writer)
      let text = String(decoding: try FileSystem.read(reader, "pipe"), as: UTF8.self)
      close(reader)
      _ = try ExitStatus.collect(pidfd: child, wait: true)
      close(child)
      #expect(text == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n", "begun \(begun), ours ignores \(mine)")
    }
  }

  @Test func aBegunProcessWaitsForItsCaller() throws {
    let go = try FileDescriptor.pipe()
    let scratch = try Scratch()
    var plan = SpawnPlan(.paths(["/bin/true"]), ["true"])
    plan.steps = [.init(.readByte(fd: go.read.raw, writer: go.write.raw), for: "waiting"), .init(.touch(scratch("done"), mode: 0o600))]
    var pending = try plan.begin()
    #expect(!FileSystem.exists(scratch("done")))
    try writeAll(go.write.raw, "g")
    let child = try pending.finish()
    #expect(FileSystem.exists(scratch("done")))
    #expect(try child.wait() == ExitStatus(code: 0))
    // given up
    var second = try plan.begin()
    let identity = try #require(ProcessIdentity(pid: second.pid))
    second.abandon()
    #expect(!identity.isAlive && ProcessIdentity(pid: identity.pid) != identity)
  }

  @Test func manyThreadsMayMakeProcessesAtOnce() throws {
    onThreads(8) { number in
      for round in 0..<25 {
        let code = Int32((number * 25 + round) % 200)
        var plan = SpawnPlan(.paths(["/bin/sh"]), ["sh", "-c", "exit \(code)"])
        plan.steps = [.init(.changeFolder("/proc")), .init(.umask(UInt32(number)))]
        let ended = try plan.spawn().wait()
        #expect(ended == ExitStatus(code: code))
        plan.steps.append(.init(.changeFolder("nowhere\(number)"), for: "\(code)"))
        #expect(failure(plan)?.step == "\(code)")
      }
    }
  }

  @Test func descriptorsAreSentFromTheChild() throws {
    let pair = try UnixSocket.pair()
    let pipe = try FileDescriptor.pipe()
    var plan = SpawnPlan(.paths(["/bin/true"]), ["true"])
    plan.steps = [.init(.sendDescriptors(socket: pair.read.raw, [pipe.read.raw])), .init(.sendSocket(over: pair.read.raw, domain: AF_INET, type: 2, protocol: 0))]
    _ = try plan.spawn().wait()
    for _ in 0..<2 {
      let got = try UnixSocket.receive(pair.write.raw, limit: 1)
      #expect(got.descriptors.count == 1)
      for fd in got.descriptors { close(fd) }
    }
  }

  @Test func toleratedFailuresArePassedOver() throws {
    var plan = SpawnPlan(.paths(["/bin/true"]), ["true"])
    plan.steps = [
      .init(.changeFolder("/nowhere"), tolerating: .absent), .init(.unmount("/nowhere", flags: 0), tolerating: .any),
      .init(.write("/proc/self/nothing", [48], flags: 0), tolerating: .absent),
    ]
    #expect(failure(plan) == nil)
    plan.steps = [.init(.makeFolder("/proc/x", mode: 0o755, mayExist: true), tolerating: .any), .init(.changeFolder("/etc/passwd"), for: "here")]
    #expect(failure(plan)?.step == "here")
  }

  @Test func foldersAreMadeInsideTheRootOnly() throws {
    let scratch = try Scratch()
    var plan = SpawnPlan(.paths(["/bin/true"]), ["true"])
    plan.steps = [.init(.makeFolders(scratch("a/b/c"), mode: 0o700)), .init(.makeFolders(scratch("a/b/c"), mode: 0o755)), .init(.touch(scratch("a/b/c/f"), mode: 0o640))]
    _ = try plan.spawn().wait()
    #expect(FileSystem.exists(scratch("a/b/c/f")))
  }

  @Test func identitiesOutliveNumbers() throws {
    let holder = try Holder([])
    let identity = try #require(ProcessIdentity(pid: holder.pid))
    #expect(identity.isAlive)
    let opened = identity.open() != nil
    #expect(opened)
    let stale = ProcessIdentity(pid: holder.pid, startTime: identity.startTime + 1)
    #expect(!stale.isAlive && !stale.signal(SIGKILL))
    #expect(try holder.end() == ExitStatus(code: 137, signal: 9))
    #expect(!identity.isAlive && !identity.signal(0))
    #expect(ProcessIdentity(pid: 0) == nil && ProcessIdentity(pid: Int32.max) == nil)
  }

  @Test func procTellsWhatPsTells() throws {
    let stat = try #require(Proc.stat(getpid()))
    #expect(stat.parent == getppid() && stat.session == getsid(0))
    #expect(Proc.namespace(getpid(), "net") == (try FileSystem.info("/proc/self/ns/net").identity.inode))
    let scratch = try Scratch()
    // a name that would break a careless reader
    try FileSystem.symlink("/bin/sleep", at: scratch(") R 1 (x"))
    let child = try SpawnPlan(.paths([scratch(") R 1 (x")]), ["x", "600"]).spawn()
    let odd = try #require(Proc.stat(child.pid))
    #expect(odd.name == ") R 1 (x" && odd.parent == getpid())
    #expect(Proc.children(getpid()).contains(child.pid) || Proc.stat(child.pid)?.parent == getpid())
    try Pidfd.signal(child.pidfd.raw, SIGKILL)
    _ = try child.wait()
  }

  /// Kernel 6.15 keeps the exit status of a process for whoever holds a pidfd; older ones answer nil, and callers say ContainerStatusUnknown.
  @Test func aStrangersExitStatusIsKnownOrHonestlyUnknown() throws {
    let holder = try Holder([])
    #expect(ExitStatus.ofStranger(pidfd: holder.pidfd) != .ended(ExitStatus(code: 137, signal: 9)))
    _ = try holder.end()
    let release = try FileSystem.readText("/proc/sys/kernel/osrelease")
    let version = release.split { !$0.isNumber }.compactMap { Int($0) }
    if (version[0], version[1]) >= (6, 15) {
      #expect(ExitStatus.ofStranger(pidfd: holder.pidfd) == .ended(ExitStatus(code: 137, signal: 9)))
    } else {
      #expect(ExitStatus.ofStranger(pidfd: holder.pidfd) == .untold, "kernel \(release)")
    }
  }
}
