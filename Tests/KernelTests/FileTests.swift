// SPDX-License-Identifier: Apache-2.0
//
// Files: replaced whole, removed without being led astray, locked as long as the holder lives.
import Glibc
import Kernel
import Testing

@Suite struct Files {
  @Test func writingAtomicallyReplacesAndLeavesNothingBeside() throws {
    let scratch = try Scratch()
    try FileSystem.writeAtomically(scratch("state.json"), Array("old".utf8))
    try FileSystem.writeAtomically(scratch("state.json"), Array("new".utf8), mode: 0o600, sync: true)
    #expect(try FileSystem.readText(scratch("state.json")) == "new")
    #expect(try FileSystem.info(scratch("state.json")).mode & 0o777 == 0o600)
    #expect(try FileSystem.list(scratch.path) == ["state.json"])
  }

  @Test func writingWhereThereIsNoFolderNamesThePath() throws {
    let scratch = try Scratch()
    let path = scratch("none/state.json")
    do throws(SysError) {
      try FileSystem.writeAtomically(path, [1])
      Issue.record("it was written")
    } catch {
      #expect(error.errno == ENOENT && error.object.contains(path))
    }
  }

  @Test func manyWritersAtOnceLeaveOneWholeFile() throws {
    let scratch = try Scratch()
    let path = scratch("shared")
    for round in 0..<20 {
      onThreads(4) { number in
        try FileSystem.writeAtomically(path, [UInt8](repeating: UInt8(65 + number), count: 10_000 + round))
      }
      let bytes = try FileSystem.read(path)
      #expect(bytes.count == 10_000 + round && Set(bytes).count == 1)
    }
    #expect(try FileSystem.list(scratch.path) == ["shared"])
  }

  @Test func filesOfProcAreReadWhole() throws {
    #expect(try FileSystem.readText("/proc/self/status").contains("\nSeccomp:"))
    #expect(try FileSystem.read("/proc/self/mountinfo").last == 10)
  }

  @Test func removingATreeDoesNotFollowLinks() throws {
    let scratch = try Scratch()
    try FileSystem.makeFolders(scratch("kept/inside"))
    try FileSystem.write(scratch("kept/inside/file"), "still here")
    try FileSystem.makeFolders(scratch("tree/a/b/c"))
    for name in ["x", "y", "z"] { try FileSystem.write(scratch("tree/a/b/\(name)"), name) }
    try FileSystem.symlink(scratch("kept"), at: scratch("tree/link"))
    try FileSystem.symlink("../../kept/inside", at: scratch("tree/a/relative"))
    try FileSystem.removeTree(scratch("tree"))
    #expect(!FileSystem.exists(scratch("tree")))
    #expect(try FileSystem.readText(scratch("kept/inside/file")) == "still here")
    // a link itself, a file, nothing at all
    try FileSystem.symlink(scratch("kept"), at: scratch("link"))
    try FileSystem.removeTree(scratch("link"))
    try FileSystem.removeTree(scratch("nothing"))
    #expect(try FileSystem.list(scratch.path) == ["kept"])
  }

  @Test func removingATreeOfFoldersNobodyMayWrite() throws {
    let scratch = try Scratch()
    let tree = scratch("tree")
    try FileSystem.makeFolders("\(tree)/closed/deeper")
    try FileSystem.write("\(tree)/closed/file", "x")
    try FileSystem.write("\(tree)/closed/deeper/file", "x")
    try FileSystem.chmod("\(tree)/closed/deeper", 0)
    try FileSystem.chmod("\(tree)/closed", 0o555)
    try FileSystem.chmod(tree, 0o500)
    // Root overrides permissions: it is as an ordinary user (./test runs both) that this shows whether they are dealt with.
    try FileSystem.removeTree(tree)
    #expect(!FileSystem.exists(tree))
  }

  @Test func foldersAreMadeWithTheirParents() throws {
    let scratch = try Scratch()
    try FileSystem.makeFolders(scratch("a/b/c"))
    try FileSystem.makeFolders(scratch("a/b/c"))
    #expect(FileSystem.isFolder(scratch("a/b/c")))
    try FileSystem.write(scratch("file"), "")
    do throws(SysError) {
      try FileSystem.makeFolders(scratch("file/x"))
      Issue.record("a folder below a file")
    } catch { #expect(error.errno == ENOTDIR) }
  }

  @Test func aLockIsSeenWhileItIsHeldAndEndsWithItsHolder() throws {
    let scratch = try Scratch()
    let path = scratch("podd.lock")
    #expect(!FileLock.isHeld(path))
    do {
      let lock = try FileLock(path)
      #expect(FileLock.isHeld(path))
      let second = try FileLock.attempt(path)
      let refused = second == nil
      #expect(refused)
      _ = lock.raw
    }
    #expect(!FileLock.isHeld(path))
    // the lock of another process ends with it, however it ends
    let marker = scratch("held")
    var plan = SpawnPlan(.paths(["/usr/bin/flock"]), ["flock", path, "sh", "-c", "echo > \(marker); exec sleep 600"], environment: ["PATH=/usr/bin:/bin"])
    plan.steps = [.init(.newProcessGroup), .init(.deathSignal(SIGKILL))]
    let child = try plan.spawn()
    while !FileSystem.exists(marker) { usleep(1000) }
    #expect(FileLock.isHeld(path))
    kill(-child.pid, SIGKILL)
    _ = try child.wait()
    while FileLock.isHeld(path) { usleep(1000) }
  }

  @Test func aPathBeneathAFolderCannotLeaveIt() throws {
    let scratch = try Scratch()
    try FileSystem.makeFolders(scratch("root/etc"))
    try FileSystem.write(scratch("root/etc/passwd"), "ours")
    try FileSystem.symlink("/etc", at: scratch("root/link"))
    try FileSystem.symlink("../../../../etc/passwd", at: scratch("root/up"))
    let root = try FileDescriptor.open(scratch("root"), FileDescriptor.pathOnly)
    for path in ["link/passwd", "up", "/etc/passwd"] {
      let file = try FileDescriptor.open2(path, at: root, O_RDONLY, resolve: .inRoot)
      #expect(String(decoding: try FileSystem.read(file.raw, path), as: UTF8.self) == "ours", "\(path)")
    }
  }
}

/// Runs body on that many threads of their own and waits for all. An error is a test failure.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) {
  final class Work {
    let number: Int
    let body: @Sendable (Int) throws -> Void
    init(_ number: Int, _ body: @escaping @Sendable (Int) throws -> Void) { (self.number, self.body) = (number, body) }
  }
  var threads: [pthread_t] = []
  for number in 0..<count {
    var thread = pthread_t()
    let work = Unmanaged.passRetained(Work(number, body))
    let started = pthread_create(
      &thread, nil,
      { raw in
        guard let raw else { return nil }
        let work = Unmanaged<Work>.fromOpaque(raw).takeRetainedValue()
        do { try work.body(work.number) } catch { Issue.record("thread \(work.number): \(error)") }
        return nil
      }, work.toOpaque())
    if started == 0 { threads.append(thread) } else { work.release() }
  }
  for thread in threads { pthread_join(thread, nil) }
}
