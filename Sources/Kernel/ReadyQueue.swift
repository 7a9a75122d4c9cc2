// SPDX-License-Identifier: Apache-2.0
//
// Descriptors in the order in which they became ready: epoll's ready list keeps the order of the kernel's wake-ups, which
// poll(2) does not tell. For whoever waits by hand and has no EventLoop. epoll(7).
import CLinux
import Glibc

public struct ReadyQueue: ~Copyable {
  private let epoll: FileDescriptor

  public init() throws(SysError) {
    epoll = FileDescriptor(owning: Int32(try check(errno: epoll_create1(O_CLOEXEC), "epoll_create1", "EPOLL_CLOEXEC")))
  }

  /// Readable from now on counts. False: it cannot be watched, or is already.
  @discardableResult
  public func watch(_ fd: Int32) -> Bool {
    var event = epoll_event()
    event.events = UInt32(EPOLLIN.rawValue)
    event.data.fd = fd
    return epoll_ctl(epoll.raw, EPOLL_CTL_ADD, fd, &event) == 0
  }

  public func forget(_ fd: Int32) { _ = epoll_ctl(epoll.raw, EPOLL_CTL_DEL, fd, nil) }

  /// Waits for at most so many milliseconds; the first that became ready comes first. Level-triggered: forget what is done.
  public func wait(milliseconds: Int32) -> [Int32] {
    var events = [epoll_event](repeating: epoll_event(), count: 32)
    let n = epoll_wait(epoll.raw, &events, Int32(events.count), milliseconds)
    return n > 0 ? events.prefix(Int(n)).map(\.data.fd) : []
  }
}
