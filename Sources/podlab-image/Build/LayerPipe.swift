// SPDX-License-Identifier: Apache-2.0
//
// A layer's archive on its way: a thread assembles it into a pipe, and the store takes it from there, so that two cores work and nothing is read twice.
import Glibc
import Kernel

final class LayerPipe: @unchecked Sendable {
  /// To be read to its end.
  let output: FileDescriptor
  // Of the thread alone, until it has ended.
  private let work: (LayerTar.Sink) throws(Failure) -> Int
  private let input: Int32
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
    (output, input) = (FileDescriptor(owning: read), write)
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
  consuming func pour<T>(into reader: (Int32) throws(Failure) -> T) throws(Failure) -> (T, time: Int) {
    let taken: T
    do throws(Failure) { taken = try reader(output.raw) } catch {
      // The thread ends at its next write.
      drain()
      pthread_join(thread, nil)
      // What went wrong first: an assembly that broke off looks like a broken archive.
      throw isBroken ? error : failure ?? error
    }
    pthread_join(thread, nil)
    if let failure { throw failure }
    return (taken, time)
  }

  /// Closes the reading end under its number, which the owner still closes later.
  private func drain() {
    let nowhere = open("/dev/null", O_RDONLY | O_CLOEXEC)
    if nowhere >= 0 {
      _ = dup3(nowhere, output.raw, O_CLOEXEC)
      _ = close(nowhere)
    } else {
      // No descriptor is free: read on until the thread is done.
      let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
      defer { room.deallocate() }
      while read(output.raw, room.baseAddress, room.count) > 0 {}
    }
  }
}
