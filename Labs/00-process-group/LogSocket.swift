// SPDX-License-Identifier: Apache-2.0
//
// What stands for rsyslogd's imuxsock in lab 00: this program started again, as the one who listens at a Unix socket, or as one who tells it something.
//
//     listen FOLDER        binds FOLDER/socket; each message becomes a line of FOLDER/log
//     tell FOLDER          sends the word socket there; says why where it cannot
import Glibc
import Kernel

enum LogSocket {
  static func run(_ words: [String]) -> Int32? {
    guard words.count == 3 else { return nil }
    switch words[1] {
    case "listen": return listen(words[2])
    case "tell": return tell(words[2])
    default: return nil
    }
  }

  private static func listen(_ folder: String) -> Int32 {
    let fd = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    guard chdir(folder) == 0 else { return failed() }
    unlink("socket")
    guard withAddress({ bind(fd, $0, $1) }) == 0 else { return failed() }
    var buffer = [UInt8](repeating: 0, count: 256)
    while true {
      let n = recv(fd, &buffer, buffer.count, 0)
      guard n > 0 else { continue }
      let log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0o644)
      _ = write(log, Array(buffer[..<n]) + [0x0A], n + 1)
      close(log)
    }
  }

  private static func tell(_ folder: String) -> Int32 {
    let fd = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    guard chdir(folder) == 0, withAddress({ connect(fd, $0, $1) }) == 0, send(fd, "socket", 6, 0) == 6 else { return failed() }
    return 0
  }

  private static func failed() -> Int32 {
    print(String(cString: strerror(errno)))
    return 1
  }

  /// "socket" in the folder that this process is in: an address has room for 107 bytes, and folders may be longer.
  private static func withAddress(_ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: "socket".utf8) }
    return withUnsafePointer(to: &address) { p in
      p.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
  }
}
