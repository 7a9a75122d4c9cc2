// SPDX-License-Identifier: Apache-2.0
//
// A blob comes into the store: written in the writer's folder, hashed on the way, renamed to its digest when it is what it was said to be.
import Glibc
import Images
import Kernel
import Manifest

/// A blob of the store.
struct Blob: Equatable {
  /// sha256:HEX
  var digest: String
  /// Bytes.
  var size: Int64
}

/// What a descriptor says of a blob that is to come; nil where nothing is known.
struct Expected {
  var digest: String?
  var size: Int64?
  init(digest: String? = nil, size: Int64? = nil) { (self.digest, self.size) = (digest, size) }
  init(_ blob: Blob) { self.init(digest: blob.digest, size: blob.size) }

  /// Why the blob is not the one.
  func objection(to blob: Blob) -> String? {
    if let size, size != blob.size { return "it has \(blob.size) bytes, \(size) were announced" }
    if let digest, digest != blob.digest { return "its digest is \(blob.digest), not \(digest)" }
    return nil
  }
}

/// A blob that is written piece by piece; it gets its name at the end.
final class OpenBlob {
  private let path: String
  private let store: ImageStore
  private let fd: FileDescriptor
  private let digest: Digest
  private let expected: Expected
  private(set) var size: Int64 = 0
  private(set) var error: Failure?
  private var proved: Blob?

  fileprivate init(_ writer: StoreWriter, _ expected: Expected) throws(Failure) {
    path = writer.scratch("blob")
    (store, self.expected) = (writer.store, expected)
    digest = try Digest()
    do throws(SysError) { fd = try FileDescriptor.open(path, O_RDWR | O_CREAT | O_TRUNC, mode: 0o644) } catch { throw Failure(error) }
  }
  deinit { _ = unlink(path) }

  /// Whether it could be written and is not longer than was announced; the reason is kept in `error`.
  func add(_ bytes: UnsafeRawBufferPointer) -> Bool {
    digest.add(bytes)
    size += Int64(bytes.count)
    if let limit = expected.size, size > limit {
      error = Failure("the blob \(expected.digest ?? "") has more than the \(limit) bytes that were announced")
      return false
    }
    do throws(SysError) { try writeAll(fd.raw, bytes) } catch {
      self.error = Failure(SysError(step: "writing a blob", call: error.call, object: path, errno: error.errno))
      return false
    }
    return true
  }

  func add(_ bytes: [UInt8]) throws(Failure) {
    if !bytes.withUnsafeBytes({ add($0) }) { throw error ?? Failure("writing a blob failed") }
  }

  /// Proves and names it.
  func finish() throws(Failure) -> Blob {
    let blob = try prove()
    try place()
    return blob
  }

  /// The first half of `finish`: whether it is what was announced.
  func prove() throws(Failure) -> Blob {
    if let error { throw error }
    let blob = Blob(digest: "sha256:\(digest.finish())", size: size)
    if let why = expected.objection(to: blob) { throw Failure("the blob is not what it was said to be: \(why)") }
    proved = blob
    return blob
  }

  /// The second half: from now on it is in the store.
  func place() throws(Failure) {
    guard let proved else { throw Failure("a blob must be proved before it is named") }
    try failing { () throws(SysError) in try FileSystem.rename(path, to: store.blobPath(proved.digest)) }
  }
}

extension StoreWriter {
  func openBlob(expecting: Expected = Expected()) throws(Failure) -> OpenBlob { try OpenBlob(self, expecting) }

  /// Reads the descriptor to its end (a file, a pipe). progress: bytes so far, called for each piece.
  func addBlob(from fd: Int32, expecting: Expected = Expected(), progress: (Int64) -> Void = { _ in }) throws(Failure) -> Blob {
    try addBlob(from: ByteSource(fd), expecting: expecting, progress: progress)
  }

  func addBlob(from source: ByteSource, expecting: Expected = Expected(), progress: (Int64) -> Void = { _ in }) throws(Failure) -> Blob {
    let blob = try openBlob(expecting: expecting)
    var source = source
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let n = try source.read(into: buffer)
      if n == 0 { return try blob.finish() }
      if !blob.add(UnsafeRawBufferPointer(rebasing: buffer[..<n])) { throw blob.error ?? Failure("writing a blob failed") }
      progress(blob.size)
    }
  }

  func addBlob(_ bytes: [UInt8], expecting: Expected = Expected()) throws(Failure) -> Blob {
    let blob = try openBlob(expecting: expecting)
    try blob.add(bytes)
    return try blob.finish()
  }

  func addBlob(_ v: Value) throws(Failure) -> Blob { try addBlob(JSON.compactBytes(v)) }
}
