// SPDX-License-Identifier: Apache-2.0
//
// One thread, one epoll instance: descriptors, signals and one deadline become callbacks. Sleeps until something happens. epoll(7), signalfd(2),
// timerfd_create(2).
import CLinux
import Glibc

/// A single-threaded event loop. Not to be shared between threads.
public final class EventLoop {
  /// What may happen to a descriptor.
  public struct Readiness: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let readable = Readiness(rawValue: 1)
    public static let writable = Readiness(rawValue: 4)
    public static let error = Readiness(rawValue: 8)
    public static let hangUp = Readiness(rawValue: 16)
  }

  private final class Watch {
    let call: (Readiness) -> Void
    init(_ call: @escaping (Readiness) -> Void) { self.call = call }
  }

  private let epoll: FileDescriptor
  private let timer: FileDescriptor
  private var handlers: [Int32: Watch] = [:]
  private var running = false
  private var deadline: Int64?
  private var onDeadline: (() -> Void)?
  private var signals: Int32 = -1

  /// Called after each round of callbacks, before the loop sleeps again: where changes that several events made are written once.
  public var beforeSleep: (() -> Void)?

  public init() throws(SysError) {
    epoll = FileDescriptor(owning: Int32(try check(errno: epoll_create1(O_CLOEXEC), "epoll_create1", "EPOLL_CLOEXEC")))
    timer = FileDescriptor(owning: Int32(try check(lx_timerfd(), "timerfd_create", "CLOCK_MONOTONIC")))
    try watch(timer.raw) { [unowned self] _ in
      var count: UInt64 = 0
      _ = read(timer.raw, &count, 8)
      deadline = nil
      onDeadline?()
    }
  }

  deinit { if signals >= 0 { _ = close(signals) } }

  /// Calls handler whenever the descriptor is ready; a second call changes what is watched and the handler.
  public func watch(_ fd: Int32, _ what: Readiness = .readable, _ handler: @escaping (Readiness) -> Void) throws(SysError) {
    var e = epoll_event()
    e.events = what.rawValue
    e.data.fd = fd
    let op = handlers[fd] == nil ? EPOLL_CTL_ADD : EPOLL_CTL_MOD
    try check(errno: epoll_ctl(epoll.raw, op, fd, &e), "epoll_ctl", "descriptor \(fd)")
    handlers[fd] = Watch(handler)
  }

  /// Before the descriptor is closed.
  public func forget(_ fd: Int32) {
    guard handlers.removeValue(forKey: fd) != nil else { return }
    _ = epoll_ctl(epoll.raw, EPOLL_CTL_DEL, fd, nil)
  }

  /// Signals become callbacks (they are blocked in the process).
  public func watchSignals(_ list: [Int32], _ handler: @escaping (Int32) -> Void) throws(SysError) {
    Signals.block(list)
    signals = Int32(try check(lx_signalfd(list, Int32(list.count)), "signalfd", "\(list)"))
    try watch(signals) { [unowned self] _ in
      var info = signalfd_siginfo()
      while read(signals, &info, MemoryLayout<signalfd_siginfo>.size) == MemoryLayout<signalfd_siginfo>.size { handler(Int32(info.ssi_signo)) }
    }
  }

  /// The one deadline: nanoseconds of CLOCK_MONOTONIC, nil for none. An instant that has passed comes at once.
  public func setDeadline(_ at: Int64?, _ handler: @escaping () -> Void) {
    onDeadline = handler
    if at == deadline { return }
    deadline = at
    _ = lx_timerfd_arm(timer.raw, at.map { max($0, 1) } ?? 0)
  }

  /// Runs until stop().
  public func run() throws(SysError) {
    running = true
    var events = [epoll_event](repeating: epoll_event(), count: 32)
    beforeSleep?()
    while running {
      let n = epoll_wait(epoll.raw, &events, Int32(events.count), -1)
      if n < 0 {
        if errno == EINTR { continue }
        throw SysError(call: "epoll_wait", object: "", errno: errno)
      }
      // A callback may forget and close another descriptor that is due, and a new one may get its number: only the watch that was there when
      // the events came is called.
      let due = events.prefix(Int(n)).map { (fd: $0.data.fd, what: Readiness(rawValue: $0.events), watch: handlers[$0.data.fd]) }
      for d in due {
        if let watch = d.watch, handlers[d.fd] === watch { watch.call(d.what) }
        if !running { break }
      }
      beforeSleep?()
    }
  }

  public func stop() { running = false }
}
