// SPDX-License-Identifier: Apache-2.0
//
// The first half of a layer's way: a thread reads the blob, hashes it, stores it, decompresses it (gzip, zstd, none: seen in the bytes) and hashes
// what comes out; the other half (LayerTree.swift) takes the pieces and makes files of them. Two cores work, and no more than the ring is in memory.
import CArchive
import Glibc
import Images
import Kernel

final class Decompression: @unchecked Sendable {
  /// What is known at the end.
  struct Result {
    /// HEX.
    var digest: String
    var size: Int64
    var diffDigest: String
    /// Bytes of the archive.
    var diffSize: Int64
    /// What the media type ends with: "", +gzip, +zstd.
    var suffix: String
  }

  // Of the thread alone, until it has ended.
  private var source: ByteSource
  private let blob: OpenBlob?
  private let hash: Digest
  private let diffHash: Digest
  private var compressed: Int64 = 0
  private var uncompressed: Int64 = 0
  private var suffix = ""
  private var failure: Failure?
  private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
  private let ring = Ring()
  private var thread = pthread_t()
  private var isRunning = false

  /// Starts the thread. blob: where the bytes are kept; nil where they are already.
  init(_ source: ByteSource, keepingIn blob: OpenBlob?) throws(Failure) {
    (self.source, self.blob) = (source, blob)
    hash = try Digest()
    diffHash = try Digest()
    let start: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
      guard let context else { return nil }
      Unmanaged<Decompression>.fromOpaque(context).takeUnretainedValue().work()
      return nil
    }
    let code = pthread_create(&thread, nil, start, Unmanaged.passUnretained(self).toOpaque())
    if code != 0 { throw Failure(SysError(step: "starting a thread", call: "pthread_create", object: "decompression", errno: code)) }
    isRunning = true
  }
  deinit {
    stop()
    input.deallocate()
  }

  /// The next piece, valid until the next call; nil at the end, or when the thread failed (`finish` says why).
  func next() -> UnsafeRawBufferPointer? { ring.take() }

  /// False while a file's bytes are being read.
  var mayEnd = true
  private var isPadded = false
  nonisolated(unsafe) private static let zeros = UnsafeRawBufferPointer(UnsafeMutableRawBufferPointer.allocate(byteCount: 1536, alignment: 16).zeroed)

  /// The same for a reader of tar: some programs (umoci) leave out what fills the last block and the end mark, which libarchive wants. Where it is not
  /// bytes of a file that are missing, zeros stand in for it; they are not hashed.
  func nextBlock() -> UnsafeRawBufferPointer? {
    if let piece = next() { return piece }
    if isPadded || !mayEnd { return nil }
    isPadded = true
    return Self.zeros
  }

  /// Bytes of the blob so far, as of the piece that was taken last.
  var progress: Int64 { ring.mark }

  /// Ends the thread, whatever it is at.
  func stop() {
    if !isRunning { return }
    isRunning = false
    ring.abandon()
    pthread_join(thread, nil)
  }

  /// Takes what is left, and says what went by.
  func finish() throws(Failure) -> Result {
    while next() != nil {}
    stop()
    if let failure { throw failure }
    let hex = hash.finish()
    return Result(digest: hex, size: compressed, diffDigest: diffHash.finish(), diffSize: uncompressed, suffix: suffix)
  }

  // MARK: the thread

  private func work() {
    do throws(Failure) { try decompress() } catch { failure = failure ?? error }
    ring.end()
  }

  private func decompress() throws(Failure) {
    guard let archive = archive_read_new() else { throw Failure("libarchive: out of memory") }
    defer { archive_read_free(archive) }
    archive_read_support_format_raw(archive)
    archive_read_support_format_empty(archive)
    archive_read_support_filter_gzip(archive)
    archive_read_support_filter_zstd(archive)
    let read: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?, UnsafeMutablePointer<UnsafeRawPointer?>?) -> Int = { archive, context, piece in
      guard let context, let piece else { return -1 }
      let me = Unmanaged<Decompression>.fromOpaque(context).takeUnretainedValue()
      do throws(Failure) {
        let bytes = try me.readPiece()
        piece.pointee = bytes.baseAddress
        return bytes.count
      } catch {
        me.failure = error
        archive_set_error_text(archive, EIO, "cannot be read")
        return -1
      }
    }
    try check(archive_read_open(archive, Unmanaged.passUnretained(self).toOpaque(), nil, read, nil), archive)
    var entry: OpaquePointer?
    let first = archive_read_next_header(archive, &entry)
    if first != ARCHIVE_EOF { try check(first, archive) }
    suffix =
      switch archive_filter_code(archive, 0) {
      case ARCHIVE_FILTER_GZIP: "+gzip"
      case ARCHIVE_FILTER_ZSTD: "+zstd"
      default: ""
      }
    while first != ARCHIVE_EOF {
      var bytes: UnsafeRawPointer?
      var count = 0
      var offset: Int64 = 0
      let r = archive_read_data_block(archive, &bytes, &count, &offset)
      if r == ARCHIVE_EOF { break }
      try check(r, archive)
      let piece = UnsafeRawBufferPointer(start: bytes, count: count)
      diffHash.add(piece)
      uncompressed += Int64(count)
      try LayerLimits.check(uncompressed: uncompressed, compressed: compressed)
      if !ring.put(piece, mark: compressed) { return }
    }
    // What follows the compressed stream belongs to the blob all the same.
    while try readPiece().count > 0 {}
  }

  private func readPiece() throws(Failure) -> UnsafeRawBufferPointer {
    let n = try source.read(into: input)
    let bytes = UnsafeRawBufferPointer(rebasing: input[..<n])
    compressed += Int64(n)
    if let blob {
      if !blob.add(bytes) { throw blob.error ?? Failure("writing a blob failed") }
    } else {
      hash.add(bytes)
    }
    return bytes
  }

  private func check(_ result: Int32, _ archive: OpaquePointer) throws(Failure) {
    if result >= ARCHIVE_WARN { return }
    if let failure { throw failure }
    let text = archive_error_string(archive).map { String(cString: $0) } ?? "libarchive says \(result)"
    throw Failure("decompressing the layer: \(text)")
  }
}

extension UnsafeMutableRawBufferPointer {
  fileprivate var zeroed: UnsafeMutableRawBufferPointer {
    initializeMemory(as: UInt8.self, repeating: 0)
    return self
  }
}

/// Pieces on their way from one thread to another: the one waits while all places are full, the other while all are empty.
private final class Ring: @unchecked Sendable {
  private static let size = 1 << 18
  private static let places = 8
  private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: size * places, alignment: 64)
  private var counts = [Int](repeating: 0, count: places)
  private var marks = [Int64](repeating: 0, count: places)
  private var lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  /// Places that were filled and given back, in all; filling: bytes in the one being filled.
  private var filled = 0
  private var freed = 0
  private var filling = 0
  private var isTaken = false
  private var isEnded = false
  private var isAbandoned = false
  private(set) var mark: Int64 = 0

  init() {
    pthread_mutex_init(lock, nil)
    pthread_cond_init(changed, nil)
  }
  deinit {
    pthread_mutex_destroy(lock)
    pthread_cond_destroy(changed)
    lock.deallocate()
    changed.deallocate()
    memory.deallocate()
  }

  /// Copies the piece. false when nobody takes pieces any more.
  func put(_ piece: UnsafeRawBufferPointer, mark: Int64) -> Bool {
    var rest = piece[...]
    while !rest.isEmpty {
      if filling == 0 {
        pthread_mutex_lock(lock)
        while filled - freed == Self.places && !isAbandoned { pthread_cond_wait(changed, lock) }
        let goOn = !isAbandoned
        pthread_mutex_unlock(lock)
        if !goOn { return false }
      }
      let n = min(rest.count, Self.size - filling)
      let place = filled % Self.places
      let target = UnsafeMutableRawBufferPointer(rebasing: memory[(place * Self.size + filling)..<(place * Self.size + filling + n)])
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest.prefix(n)))
      rest = rest.dropFirst(n)
      filling += n
      if filling == Self.size { publish(mark) }
    }
    return true
  }

  private func publish(_ mark: Int64) {
    let place = filled % Self.places
    pthread_mutex_lock(lock)
    counts[place] = filling
    marks[place] = mark
    filled += 1
    filling = 0
    pthread_cond_signal(changed)
    pthread_mutex_unlock(lock)
  }

  func end() {
    if filling > 0 { publish(marks[(filled + Self.places - 1) % Self.places]) }
    pthread_mutex_lock(lock)
    isEnded = true
    pthread_cond_signal(changed)
    pthread_mutex_unlock(lock)
  }

  func abandon() {
    pthread_mutex_lock(lock)
    isAbandoned = true
    pthread_cond_signal(changed)
    pthread_mutex_unlock(lock)
  }

  func take() -> UnsafeRawBufferPointer? {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    if isTaken {
      freed += 1
      isTaken = false
      pthread_cond_signal(changed)
    }
    while filled == freed && !isEnded { pthread_cond_wait(changed, lock) }
    if filled == freed { return nil }
    let place = freed % Self.places
    isTaken = true
    mark = marks[place]
    return UnsafeRawBufferPointer(rebasing: memory[(place * Self.size)..<(place * Self.size + counts[place])])
  }
}
