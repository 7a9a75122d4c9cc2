// SPDX-License-Identifier: Apache-2.0
//
// Where a blob's bytes come from: a descriptor to its end (a pipe, a file), or a part of a file.
import Glibc
import Kernel

struct ByteSource {
  /// Not owned.
  let fd: Int32
  /// For a part of a file: where it goes on, and how many bytes are left of it.
  private var part: (offset: Int64, left: Int64)?

  init(_ fd: Int32) { self.fd = fd }
  init(_ fd: Int32, offset: Int64, size: Int64) {
    self.fd = fd
    part = (offset, size)
  }

  /// 0 at the end. A part that its file does not have whole is an error.
  mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
    guard let p = part else {
      while true {
        do throws(SysError) {
          if let n = try readSome(fd, into: buffer) { return n }
        } catch { throw Failure(error.during("reading a blob")) }
        var ready = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
        _ = poll(&ready, 1, -1)
      }
    }
    if p.left == 0 { return 0 }
    var n: Int
    repeat { n = pread(fd, buffer.baseAddress, Int(min(Int64(buffer.count), p.left)), Int(p.offset)) } while n < 0 && errno == EINTR
    if n < 0 { throw Failure(SysError(step: "reading a blob", call: "pread", object: "descriptor \(fd)", errno: errno)) }
    if n == 0 { throw Failure("the archive ends in the middle of a file: it is truncated") }
    part = (p.offset + Int64(n), p.left - Int64(n))
    return n
  }

  /// All of it, if it is no longer than the limit.
  mutating func readAll(limit: Int, _ what: String) throws(Failure) -> [UInt8] {
    var all: [UInt8] = []
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      let n = try read(into: buffer)
      if n == 0 { return all }
      all += buffer[..<n]
      if all.count > limit { throw Failure("\(what) has more than \(limit) bytes") }
    }
  }
}
