// SPDX-License-Identifier: Apache-2.0
//
// A layer's archive on its way: a thread assembles it into a pipe, and the store takes it from there, so that two cores work and nothing is read twice.
import Glibc
import Kernel

final class LayerPipe: @unchecked Sendable {
  /// The reading end; nil once nobody reads.
  private var output: FileDescriptor?
  // Of the thread alone, until it has ended.
  private let work: (LayerTar.Sink) throws(Failure) -> Int
  private let input: Int32
  private let reading: Int32
  private var time = 0
  private var failure: Failure?
  /// The reader went away: its reason counts.
  private var isBroken = false
  private var thread = pthread_t()

  /// work: writes the archive to the sink, returns the image's date.
  init(_ work: @escaping (LayerTar.Sink) throws(Failure) -> Int) throws(Failure) {
    self.work = work
    let (read, write): (Int32, Int32)
    do throws(SysError) { (read, write) = try FileDescriptor.pipe().ends() } catch { throw Failure(error) }
    output = FileDescriptor(owning: read)
    input = write
    reading = read
    // Fewer turns between the two threads; as much as an ordinary user may have.
    _ = fcntl(write, 1031 /* F_SETPIPE_SZ */, 1 << 20)
    let start: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
      guard let context else { return nil }
      Unmanaged<LayerPipe>.fromOpaque(context).takeUnretainedValue().run()
      return nil
    }
    let code = pthread_create(&thread, nil, start, Unmanaged.passUnretained(self).toOpaque())
    if code != 0 {
      _ = close(input)
      throw Failure(SysError(step: "starting a thread", call: "pthread_create", object: "assembly", errno: code))
    }
  }

  private func run() {
    let sink = LayerTar.Sink(take: { [unowned self] in put($0) }, reason: { [unowned self] in failure })
    do throws(Failure) { time = try withExtendedLifetime(sink) { () throws(Failure) in try work(sink) } } catch { failure = failure ?? error }
    _ = close(input)
  }

  private func put(_ bytes: UnsafeRawBufferPointer) -> Bool {
    do throws(SysError) {
      try writeAll(input, bytes)
      return true
    } catch {
      isBroken = error.errno == EPIPE
      failure = Failure(error)
      return false
    }
  }

  /// Gives the archive to whoever reads it, and returns what that makes of it and the image's date. A reader that fails ends the thread.
  func pour<T>(into reader: (Int32) throws(Failure) -> T) throws(Failure) -> (T, time: Int) {
    let taken: T
    do throws(Failure) { taken = try reader(reading) } catch {
      // Without a reader the thread ends at its next write.
      output = nil
      pthread_join(thread, nil)
      // What went wrong first: an assembly that broke off looks like a broken archive.
      throw isBroken ? error : failure ?? error
    }
    pthread_join(thread, nil)
    if let failure { throw failure }
    return (taken, time)
  }
}
