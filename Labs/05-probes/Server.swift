// SPDX-License-Identifier: Apache-2.0
//
// The servers that lab 05 asks: this program started again inside a container, as `lab-05-probes serve KIND`. Each goes wrong in its own way.
//
//     deadlock   answers on 8080; GET /deadlock lets two threads take two locks in opposite order, and every answer needs both; deaf to SIGTERM
//     slow       takes three seconds before it listens
//     leak       answers, and eats 4 MiB ten times a second once /tmp/leak is there
//     grpc       speaks just enough HTTP/2 to answer grpc.health.v1.Health/Check: SERVING, or NOT_SERVING while /tmp/not-serving is there
import Glibc

enum Server {
  static func run(_ kind: String) -> Int32 {
    switch kind {
    case "deadlock":
      pthread_mutex_init(locks.0, nil)
      pthread_mutex_init(locks.1, nil)
      return listen(obeys: false) { answer($0, locked: true) }
    case "slow":
      sleep(3)
      note("listening")
      return listen { answer($0, locked: false) }
    case "leak":
      start {
        while true {
          usleep(100_000)
          guard access("/tmp/leak", F_OK) == 0 else { continue }
          // From the kernel itself: an optimiser leaves out an allocation that nobody reads.
          _ = mmap(nil, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)
        }
      }
      return listen { answer($0, locked: false) }
    case "grpc": return listen(HTTP2.serve)
    default: return 2
    }
  }

  /// Two locks, as every larger program has them.
  nonisolated(unsafe) private static let locks = (UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1), UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1))

  private static func answer(_ fd: Int32, locked: Bool) {
    let request = String(decoding: receive(fd, 4096), as: UTF8.self)
    if request.hasPrefix("GET /deadlock ") {
      start { take(locks.0, locks.1) }
      start { take(locks.1, locks.0) }
      usleep(200_000)
    } else if locked {
      pthread_mutex_lock(locks.0)
      pthread_mutex_lock(locks.1)
      pthread_mutex_unlock(locks.1)
      pthread_mutex_unlock(locks.0)
    }
    transmit(fd, Array("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nok\n".utf8))
  }

  /// One lock, a moment, then the other. Two threads that do it in opposite order wait for each other for ever.
  private static func take(_ first: UnsafeMutablePointer<pthread_mutex_t>, _ second: UnsafeMutablePointer<pthread_mutex_t>) {
    pthread_mutex_lock(first)
    usleep(100_000)
    pthread_mutex_lock(second)
    pthread_mutex_unlock(second)
    pthread_mutex_unlock(first)
  }

  /// A line into the folder that the lab reads.
  private static func note(_ line: String) {
    let fd = open("/host/notes", O_WRONLY | O_CREAT | O_APPEND, 0o644)
    transmit(fd, Array((line + "\n").utf8))
    close(fd)
  }

  // MARK: sockets and threads

  /// A thread for each connection, on port 8080. obeys: SIGTERM ends it.
  private static func listen(obeys: Bool = true, _ serve: @escaping @Sendable (Int32) -> Void) -> Int32 {
    signal(SIGPIPE, SIG_IGN)
    if obeys { signal(SIGTERM) { _ in _exit(0) } } else { signal(SIGTERM, SIG_IGN) }
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var on: Int32 = 1
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(8080).bigEndian
    let bound = withUnsafePointer(to: &address) { p in
      p.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
    guard bound == 0, Glibc.listen(fd, 64) == 0 else {
      perror("port 8080")
      return 1
    }
    while true {
      let client = accept(fd, nil, nil)
      guard client >= 0 else { continue }
      start {
        serve(client)
        close(client)
      }
    }
  }

  private final class Work {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
  }

  private static func start(_ body: @escaping () -> Void) {
    var thread = pthread_t()
    pthread_create(&thread, nil, { work in
      if let work { Unmanaged<Work>.fromOpaque(work).takeRetainedValue().body() }
      return nil
    }, Unmanaged.passRetained(Work(body)).toOpaque())
    pthread_detach(thread)
  }

  /// What is there, at most so many bytes; none at the end.
  static func receive(_ fd: Int32, _ limit: Int) -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: limit)
    let n = read(fd, &buffer, limit)
    return n > 0 ? Array(buffer[..<n]) : []
  }

  static func transmit(_ fd: Int32, _ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let n = rest.withUnsafeBytes { write(fd, $0.baseAddress, $0.count) }
      if n <= 0 { return }
      rest = rest.dropFirst(n)
    }
  }
}

/// Frames of RFC 9113, and of the answer's headers only what is fixed (RFC 7541): no table, no Huffman code.
enum HTTP2 {
  static func serve(_ fd: Int32) {
    var bytes: [UInt8] = []
    func more(_ count: Int) -> Bool {
      while bytes.count < count {
        let next = Server.receive(fd, 4096)
        if next.isEmpty { return false }
        bytes += next
      }
      return true
    }
    // PRI * HTTP/2.0 …: 24 bytes.
    guard more(24) else { return }
    bytes.removeFirst(24)
    send(fd, type: 4, flags: 0, stream: 0, [])
    while more(9) {
      let length = Int(bytes[0]) << 16 | Int(bytes[1]) << 8 | Int(bytes[2])
      let (type, flags) = (bytes[3], bytes[4])
      let stream = bytes[5..<9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
      guard more(9 + length) else { return }
      let payload = Array(bytes[9..<9 + length])
      bytes.removeFirst(9 + length)
      switch type {
      case 4 where flags & 1 == 0: send(fd, type: 4, flags: 1, stream: 0, [])
      case 6 where flags & 1 == 0: send(fd, type: 6, flags: 1, stream: 0, payload)
      // DATA or HEADERS that end the request.
      case 0 where flags & 1 == 1, 1 where flags & 1 == 1: answer(fd, stream)
      default: break
      }
    }
  }

  private static func answer(_ fd: Int32, _ stream: UInt32) {
    let type = Array("application/grpc".utf8)
    // :status 200 is entry 8 of the static table, content-type entry 31.
    send(fd, type: 1, flags: 4, stream: stream, [0x88, 0x0F, 0x10, UInt8(type.count)] + type)
    let status: UInt8 = access("/tmp/not-serving", F_OK) == 0 ? 2 : 1
    send(fd, type: 0, flags: 0, stream: stream, [0, 0, 0, 0, 2, 0x08, status])
    let name = Array("grpc-status".utf8)
    send(fd, type: 1, flags: 5, stream: stream, [0x00, UInt8(name.count)] + name + [1, 0x30])
  }

  private static func send(_ fd: Int32, type: UInt8, flags: UInt8, stream: UInt32, _ payload: [UInt8]) {
    let n = payload.count
    let head: [UInt8] = [UInt8(n >> 16 & 255), UInt8(n >> 8 & 255), UInt8(n & 255), type, flags]
    Server.transmit(fd, head + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: stream >> UInt32($0)) } + payload)
  }
}
