// SPDX-License-Identifier: Apache-2.0
//
// From a container's pipes into its log file: big reads, one clock a chunk, one write. The pipes belong to the sandbox and outlive podd
// (Descriptors.swift); the file is the run's: RESTARTS.log.
import Glibc
import Kernel

/// Memory for log lines, shared by all containers; given back once it has become quiet, so that an idle podd stays small.
final class LogBuffer {
  static let chunk = 1 << 18
  static let lines = 1 << 19
  /// Called by the first burst since it was given back.
  var onBurst: (() -> Void)?
  /// CLOCK_MONOTONIC.
  private(set) var lastBurst: Int64 = 0
  private var isHeld = false
  private let base: UnsafeMutableRawPointer?

  init() {
    let p = mmap(nil, Self.chunk + Self.lines, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    base = p == MAP_FAILED ? nil : p
  }
  deinit { if let base { munmap(base, Self.chunk + Self.lines) } }

  var input: UnsafeMutableBufferPointer<UInt8> { slice(0, Self.chunk) }
  var output: UnsafeMutableBufferPointer<UInt8> { slice(Self.chunk, Self.lines) }
  private func slice(_ from: Int, _ count: Int) -> UnsafeMutableBufferPointer<UInt8> {
    UnsafeMutableBufferPointer(start: base.map { ($0 + from).assumingMemoryBound(to: UInt8.self) }, count: base == nil ? 0 : count)
  }
  /// More was written to than an idle podd shall keep.
  func burst() {
    lastBurst = Clock.monotonic
    if isHeld { return }
    isHeld = true
    onBurst?()
  }
  func giveBack() {
    isHeld = false
    if let base { madvise(base, Self.chunk + Self.lines, MADV_DONTNEED) }
  }
}

extension Supervisor {
  /// Memory that is given back and wanted again at once costs more than the lines in it: a loud container's is kept until it has been quiet for so long.
  private static let quietLogs = second / 10

  func giveBackLogBuffer() {
    _ = timers.schedule(at: Clock.monotonic + Self.quietLogs) { [unowned self] in
      if Clock.monotonic - buffer.lastBurst < Self.quietLogs { giveBackLogBuffer() } else { buffer.giveBack() }
    }
  }
}

/// The pipes of one container and the file that they run into.
final class ContainerLog {
  /// Read ends (podd's and the store's) and write ends (the container's standard output and error).
  struct Pipes {
    var output: Int32
    var error: Int32
    var outputWriter: Int32
    var errorWriter: Int32
  }

  let folder: String
  let pipes: Pipes
  private let loop: EventLoop
  private let buffer: LogBuffer
  private var file: Int32 = -1
  /// Master of the container's terminal; -1 without one.
  private var terminal: Int32 = -1
  private var size = 0
  /// Seconds since 1970.
  private var rotated: Int64 = 0
  private(set) var number: Int64 = -1
  /// Why lines are lost, once said; nil while the file takes them.
  private var trouble: SysError?
  private let complain: (String) -> Void
  /// Pipes that have been made wider.
  private var wide: Set<Int32> = []

  /// Chunks that one container may write before it is another's turn.
  private static let turn = 8
  /// What a pipe holds at first, and the pipe of a container that filled it: the fewer turns it takes, the sooner the container is rid of its lines.
  /// Refused to a user whose pipes hold much already (pipe(7)).
  private static let pipeSize = 1 << 16
  private static let widePipe: Int32 = 1 << 20
  private static let setPipeSize: Int32 = 1031
  /// kubelet's containerLogMaxSize and containerLogMaxFiles.
  static let maxSize = 10 << 20
  static let maxFiles = 5

  init(folder: String, pipes: Pipes, loop: EventLoop, buffer: LogBuffer, complain: @escaping (String) -> Void) throws(SysError) {
    (self.folder, self.pipes, self.loop, self.buffer, self.complain) = (folder, pipes, loop, buffer, complain)
    for fd in [pipes.output, pipes.error] {
      let flags = fcntl(fd, F_GETFL)
      if flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 { throw SysError(call: "fcntl", object: "O_NONBLOCK", errno: errno) }
    }
    try loop.watch(pipes.output) { [unowned self] _ in pump(pipes.output, isError: false, rounds: Self.turn) }
    try loop.watch(pipes.error) { [unowned self] _ in pump(pipes.error, isError: true, rounds: Self.turn) }
  }

  /// New pipes for a container.
  static func makePipes() throws(SysError) -> Pipes {
    let (output, outputWriter) = try FileDescriptor.pipe().ends()
    let (error, errorWriter) = try FileDescriptor.pipe().ends()
    return Pipes(output: output, error: error, outputWriter: outputWriter, errorWriter: errorWriter)
  }

  /// The write ends again, from read ends that a store gave back. fifo(7): a pipe is opened anew through /proc.
  static func reopen(output: Int32, error: Int32) throws(SysError) -> Pipes {
    let outputWriter = try FileDescriptor.open("/proc/self/fd/\(output)", O_WRONLY).release()
    let errorWriter = try FileDescriptor.open("/proc/self/fd/\(error)", O_WRONLY).release()
    return Pipes(output: output, error: error, outputWriter: outputWriter, errorWriter: errorWriter)
  }

  func close() {
    drain()
    for fd in [pipes.output, pipes.error] { loop.forget(fd) }
    for fd in [pipes.output, pipes.error, pipes.outputWriter, pipes.errorWriter] { _ = Glibc.close(fd) }
    if file >= 0 { _ = Glibc.close(file) }
    file = -1
  }

  /// From now on lines go into N.log. Appended to: an adopted container writes on where it was.
  func open(_ n: Int64) {
    // Of a run before. What came while no supervisor lived belongs into the file that is opened now.
    if number >= 0 { drain() }
    if file >= 0 { _ = Glibc.close(file) }
    file = -1
    number = n
    do throws(SysError) {
      try FileSystem.makeFolders(folder, mode: 0o755)
      file = try FileDescriptor.open(path(n), O_WRONLY | O_CREAT | O_APPEND, mode: 0o640).release()
      size = Int(try FileSystem.info(file).size)
      trouble = nil
    } catch {
      report(error)
    }
  }

  /// What a container writes on its terminal goes into its log too. The descriptor stays the caller's.
  func watchTerminal(_ master: Int32) throws(SysError) {
    terminal = master
    try loop.watch(master) { [unowned self] what in
      pump(master, isError: false, rounds: Self.turn)
      // Nobody has it open any more: said again and again otherwise.
      if what.contains(.hangUp) { forgetTerminal() }
    }
  }

  func forgetTerminal() {
    guard terminal >= 0 else { return }
    pump(terminal, isError: false, rounds: .max)
    loop.forget(terminal)
    terminal = -1
  }

  func path(_ n: Int64) -> String { "\(folder)/\(n).log" }

  /// Everything that is in the pipes now, as after the container's end.
  func drain() {
    pump(pipes.output, isError: false, rounds: .max)
    pump(pipes.error, isError: true, rounds: .max)
    if terminal >= 0 { pump(terminal, isError: false, rounds: .max) }
  }

  /// Reads up to `rounds` chunks: one loud container does not starve the rest.
  private func pump(_ fd: Int32, isError: Bool, rounds: Int) {
    let input = buffer.input
    let output = buffer.output
    guard let start = input.baseAddress else { return }
    var round = 0
    var total = 0
    while round < rounds {
      let n = read(fd, start, input.count)
      if n < 0 && errno == EINTR { continue }
      if n <= 0 { break }
      total += n
      if n >= Self.pipeSize, wide.insert(fd).inserted { _ = fcntl(fd, Self.setPipeSize, Self.widePipe) }
      let rest = LogFormat.format(UnsafeBufferPointer(start: start, count: n), wall: Clock.wall, isError: isError, into: output) { append($0) }
      append(UnsafeRawBufferPointer(start: output.baseAddress, count: rest))
      if n < input.count && rounds != .max { break }
      round += 1
    }
    if total > 1 << 15 { buffer.burst() }
  }

  private func append(_ lines: UnsafeRawBufferPointer) {
    guard !lines.isEmpty else { return }
    if file < 0 && number >= 0 { reopen() }
    guard file >= 0 else { return }
    do throws(SysError) {
      try writeAll(file, lines)
      size += lines.count
      trouble = nil
      if size > Self.maxSize { rotate() }
    } catch {
      // The container is not held up: what does not fit is lost, as with the kubelet.
      report(SysError(call: error.call, object: path(number), errno: error.errno))
    }
  }

  private func reopen() {
    if let again = optional({ () throws(SysError) in try FileDescriptor.open(path(number), O_WRONLY | O_CREAT | O_APPEND, mode: 0o640).release() }) {
      file = again
      size = 0
    }
  }

  private func report(_ e: SysError) {
    guard trouble?.errno != e.errno else { return }
    trouble = e
    complain("\(e.during("writing a container's log"))")
  }

  /// N.log becomes N.log.TIME; of those the newest four stay (kubelet keeps five files in all).
  private func rotate() {
    // The name is the second's: there is one file a second at most.
    let second = Clock.wall / 1_000_000_000
    if second == rotated { return }
    rotated = second
    let name = path(number) + "." + String(LogFormat.timestamp(Clock.wall).prefix(19).filter { $0 != "-" && $0 != ":" }).replacing("T", with: "-")
    do throws(SysError) {
      if FileSystem.exists(name) { return }
      try FileSystem.rename(path(number), to: name)
      _ = Glibc.close(file)
      file = -1
      file = try FileDescriptor.open(path(number), O_WRONLY | O_CREAT | O_APPEND, mode: 0o640).release()
      size = 0
      let old = try FileSystem.list(folder).filter { $0.hasPrefix("\(number).log.") }.sorted()
      for extra in old.dropLast(Self.maxFiles - 1) { try FileSystem.remove(folder + "/" + extra) }
    } catch {
      report(error)
    }
  }

  /// Removes the logs of all runs but the last two: what `logs` and `logs -p` show.
  static func prune(_ folder: String, keeping n: Int64) {
    for name in optional({ () throws(SysError) in try FileSystem.list(folder) }) ?? [] {
      guard let dot = name.firstIndex(of: "."), let k = Int64(name[..<dot]), k < n - 1, name[dot...].hasPrefix(".log") else { continue }
      _ = unlink(folder + "/" + name)
    }
  }
}
