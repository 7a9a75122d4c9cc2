// SPDX-License-Identifier: Apache-2.0
//
// One container's log as it is to be shown: CRI's entries (Supervisor/LogFormat.swift) to text again. Big reads, one pass, big writes. A log is
// rotated under its reader: the old file is read to its end, then the next.
import Glibc
import Kernel

/// Collects what goes to a descriptor.
final class LogOutput {
  private let fd: Int32
  private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
  private var used = 0
  /// The reader has gone.
  private(set) var isClosed = false

  init(_ fd: Int32) { self.fd = fd }
  deinit { memory.deallocate() }

  func add(_ bytes: UnsafeRawBufferPointer) {
    if used + bytes.count > memory.count { flush() }
    if bytes.count > memory.count { return put(bytes) }
    guard let base = memory.baseAddress, let from = bytes.baseAddress else { return }
    memcpy(base + used, from, bytes.count)
    used += bytes.count
  }

  func add(_ byte: UInt8) {
    if used == memory.count { flush() }
    memory[used] = byte
    used += 1
  }

  func flush() {
    let all = UnsafeRawBufferPointer(rebasing: memory[..<used])
    used = 0
    put(all)
  }

  private func put(_ bytes: UnsafeRawBufferPointer) {
    guard !isClosed, !bytes.isEmpty else { return }
    isClosed = optional { () throws(SysError) in try writeAll(fd, bytes) } == nil
  }
}

/// How lines are shown.
struct LogStyle {
  var timestamps = false
  /// Before each line.
  var prefix: [UInt8] = []
  /// Entries before this instant are left out: 30 bytes as they begin an entry; empty for all.
  var oldest: [UInt8] = []
  /// Whole lines from the end; nil for all.
  var tail: Int64?
  /// Bytes to be shown at most; nil for all.
  var limit: Int64?
}

final class LogStream {
  /// Entries are smaller: podd writes no more than 128 KiB at once.
  private static let size = 1 << 19
  private static let head = 40

  let path: String
  private let style: LogStyle
  private let output: LogOutput
  /// Where what was written to standard error goes.
  private let errors: LogOutput
  private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
  private var filled = 0
  private var fd: Int32 = -1
  private var isMidLine = false
  private var left: Int64
  private(set) var watch: FileWatch?

  /// fromEnd: only what is written from now on.
  init(_ path: String, _ style: LogStyle, _ output: LogOutput, errors: LogOutput? = nil, follows: Bool = false, fromEnd: Bool = false) throws(SysError) {
    (self.path, self.style, self.output, self.errors) = (path, style, output, errors ?? output)
    left = style.limit ?? .max
    if follows { watch = try FileWatch(path, folder: folder) }
    fd = try FileDescriptor.open(path, O_RDONLY).release()
    if fromEnd {
      lseek(fd, 0, Int32(SEEK_END))
    } else if let tail = style.tail {
      lseek(fd, off_t(try start(of: tail)), Int32(SEEK_SET))
    }
  }

  deinit {
    memory.deallocate()
    if fd >= 0 { _ = close(fd) }
  }

  private var folder: String { path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "." }
  private var name: Substring { path.lastIndex(of: "/").map { path[path.index(after: $0)...] } ?? path[...] }
  /// Nothing more is to be shown.
  var isFull: Bool { left <= 0 || output.isClosed }

  /// Shows everything that is there now.
  func pump() throws(SysError) {
    try read()
    while watch != nil, !isFull, try takeNext() { try read() }
    output.flush()
    if errors !== output { errors.flush() }
  }

  private func read() throws(SysError) {
    while !isFull {
      let n = try readSome(fd, into: UnsafeMutableRawBufferPointer(rebasing: memory[filled...])) ?? 0
      if n == 0 { return }
      filled += n
      show()
    }
  }

  // MARK: rotation

  /// The file that came after the one that is read, if that was rotated away. kubelet's names: N.log.TIME, in their order.
  private func takeNext() throws(SysError) -> Bool {
    let own = try FileSystem.info(fd).identity
    guard let current = optional({ () throws(SysError) in try FileSystem.info(path) }) else { return false }
    if current.identity == own { return false }
    let old = try FileSystem.list(folder).filter { $0.hasPrefix(name + ".") }
    // A file that is older than all that are left was removed meanwhile: the oldest comes next.
    let mine = old.firstIndex { file in optional { () throws(SysError) in try FileSystem.info("\(folder)/\(file)").identity } == own }
    let following = mine.map { $0 + 1 } ?? 0
    let next = following < old.count ? "\(folder)/\(old[following])" : path
    let opened = try FileDescriptor.open(next, O_RDONLY).release()
    _ = close(fd)
    fd = opened
    if next == path { try watch?.add(path) }
    return true
  }

  // MARK: the last lines

  /// Offset of the entry with which the last n lines begin. Entries marked P belong to the line that follows them.
  private func start(of n: Int64) throws(SysError) -> Int64 {
    let size = try FileSystem.info(fd).size
    if n <= 0 { return size }
    var lines: Int64 = 0
    /// Start of the earliest entry that belongs to the lines counted so far.
    var found = size
    var end = size
    let block = Int64(1 << 17)
    var carry = size
    while end > 0 {
      let from = max(0, end - block)
      let count = Int(end - from)
      let got = pread(fd, memory.baseAddress, count, off_t(from))
      if got < 0 { throw SysError(call: "pread", object: path, errno: errno) }
      var at = count - 1
      while at >= 0 {
        // An entry begins behind each newline, and at the beginning of the file.
        if memory[at] == 10, from + Int64(at) + 1 < carry {
          let begin = from + Int64(at) + 1
          if try isWhole(begin) {
            lines += 1
            if lines > n { return found }
          }
          found = begin
          carry = begin
        }
        at -= 1
      }
      end = from
    }
    if carry > 0, try isWhole(0) { lines += 1 }
    return lines > n ? found : 0
  }

  private func isWhole(_ entry: Int64) throws(SysError) -> Bool {
    var mark: UInt8 = 0
    if pread(fd, &mark, 1, off_t(entry + 38)) < 0 { throw SysError(call: "pread", object: path, errno: errno) }
    return mark == UInt8(ascii: "F")
  }

  // MARK: entries

  private func show() {
    guard let base = memory.baseAddress else { return }
    var at = 0
    while at < filled, let newline = memchr(base + at, 10, filled - at) {
      let length = UnsafeRawPointer(newline) - UnsafeRawPointer(base + at)
      entry(UnsafeRawPointer(base + at), length)
      at += length + 1
      if isFull { return }
    }
    // A piece longer than any entry is none of ours.
    if at == 0, filled == memory.count { filled = 0 }
    if at > 0 {
      filled -= at
      memmove(base, base + at, filled)
    }
  }

  private func entry(_ p: UnsafeRawPointer, _ length: Int) {
    guard length >= Self.head else { return }
    if !style.oldest.isEmpty, style.oldest.withUnsafeBytes({ memcmp(p, $0.baseAddress ?? p, min($0.count, 30)) }) < 0 { return }
    let byte = { (i: Int) in p.load(fromByteOffset: i, as: UInt8.self) }
    let to = byte(34) == UInt8(ascii: "e") ? errors : output
    if !isMidLine {
      if !style.prefix.isEmpty { style.prefix.withUnsafeBytes { to.add($0) } }
      if style.timestamps { put(p, 31, to) }
    }
    isMidLine = byte(38) != UInt8(ascii: "F")
    // The text, with its newline where the entry ends the line.
    put(p + Self.head, length - Self.head + (isMidLine ? 0 : 1), to)
  }

  private func put(_ p: UnsafeRawPointer, _ count: Int, _ to: LogOutput) {
    let n = min(Int64(count), left)
    to.add(UnsafeRawBufferPointer(start: p, count: Int(n)))
    if style.limit != nil { left -= n }
  }
}
