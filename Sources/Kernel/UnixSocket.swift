// SPDX-License-Identifier: Apache-2.0
//
// Unix sockets by path. A path longer than sockaddr_un's 108 bytes goes through /proc/self/fd/FOLDER/name. unix(7).
import CLinux
import Glibc

public enum UnixSocket {
  /// A listening stream socket; a socket that is there is replaced. mode: permissions of the file.
  public static func listen(_ path: String, mode: UInt32 = 0o600, backlog: Int32 = 64) throws(SysError) -> FileDescriptor {
    let fd = try make()
    _ = unlink(path)
    let old = umask(0o777 & ~mode)
    defer { umask(old) }
    try withShort(path) { (p) throws(SysError) in try check(lx_unix_bind(fd.raw, p, p.utf8.count), "bind", path) }
    try check(errno: Glibc.listen(fd.raw, backlog), "listen", path)
    return fd
  }

  /// nonblocking: EAGAIN instead of waiting where the listener's queue is full.
  public static func connect(_ path: String, nonblocking: Bool = false) throws(SysError) -> FileDescriptor {
    let fd = try make(nonblocking: nonblocking)
    try withShort(path) { (p) throws(SysError) in try check(lx_unix_connect(fd.raw, p, p.utf8.count), "connect", path) }
    return fd
  }

  /// nil: nobody is waiting (non-blocking listener).
  public static func accept(_ listener: Int32, nonblocking: Bool = true) throws(SysError) -> FileDescriptor? {
    let fd = lx_accept(listener, nonblocking ? 1 : 0)
    if fd >= 0 { return FileDescriptor(owning: Int32(fd)) }
    let code = Int32(-fd)
    if code == EAGAIN || code == ECONNABORTED || code == EINTR { return nil }
    throw SysError(call: "accept4", object: "descriptor \(listener)", errno: code)
  }

  /// Both ends of a stream (or packet) socket.
  public static func pair(packets: Bool = false) throws(SysError) -> FileDescriptor.Pipe {
    var ends: [Int32] = [-1, -1]
    let type = Int32((packets ? SOCK_SEQPACKET : SOCK_STREAM).rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    try check(errno: socketpair(AF_UNIX, type, 0, &ends), "socketpair", "AF_UNIX")
    return FileDescriptor.Pipe(read: FileDescriptor(owning: ends[0]), write: FileDescriptor(owning: ends[1]))
  }

  /// Sends bytes, and descriptors with the first of them (at most 16).
  public static func send(_ socket: Int32, _ bytes: [UInt8], descriptors: [Int32]) throws(SysError) {
    try check(lx_send_fds(socket, bytes, bytes.count, descriptors, Int32(descriptors.count)), "sendmsg", "descriptor \(socket)")
  }

  /// Receives up to `limit` bytes and the descriptors with them (the caller closes them). peek: the message stays; the descriptors are copies.
  public static func receive(_ socket: Int32, limit: Int = 4096, peek: Bool = false) throws(SysError) -> (bytes: [UInt8], descriptors: [Int32]) {
    var bytes = [UInt8](repeating: 0, count: limit)
    var fds = [Int32](repeating: -1, count: 16)
    var count: Int32 = 0
    var n = -Int(EINTR)
    while n == -Int(EINTR) { n = lx_recv_fds(socket, &bytes, limit, &fds, 16, &count, peek ? Int32(MSG_PEEK) : 0) }
    try check(n, "recvmsg", "descriptor \(socket)")
    return (Array(bytes[..<n]), Array(fds[..<Int(count)]))
  }

  /// Who is at the other end.
  public static func peer(_ socket: Int32) throws(SysError) -> (pid: Int32, uid: UInt32, gid: UInt32) {
    var pid: pid_t = 0
    var uid: uid_t = 0
    var gid: gid_t = 0
    try check(lx_peer_cred(socket, &pid, &uid, &gid), "getsockopt", "SO_PEERCRED")
    return (pid, uid, gid)
  }

  private static func make(nonblocking: Bool = false) throws(SysError) -> FileDescriptor {
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | (nonblocking ? Int32(SOCK_NONBLOCK.rawValue) : 0)
    return FileDescriptor(owning: Int32(try check(errno: socket(AF_UNIX, type, 0), "socket", "AF_UNIX")))
  }

  private static func withShort(_ path: String, _ body: (String) throws(SysError) -> Void) throws(SysError) {
    if path.utf8.count < 108 { return try body(path) }
    guard let slash = path.lastIndex(of: "/") else { return try body(path) }
    let dir = try FileDescriptor.open(String(path[..<slash]), O_PATH | O_DIRECTORY)
    try body("/proc/self/fd/\(dir.raw)/\(path[path.index(after: slash)...])")
  }
}
