// SPDX-License-Identifier: Apache-2.0
//
// podlab-tls: one TLS connection for an HTTPS probe or hook. 3 is one end of a socket pair with plain bytes, 4 a connected socket. The certificate is
// not judged, as the kubelet does not judge it. The first byte on the pair is 0 when the handshake is done, or 1 before the text of what went wrong,
// in Go's words. It ends when either side does.
//
//   podlab-tls NAME      NAME: the server's name (SNI), empty for none
import CSsl

private let plain: Int32 = 3
private let wire: Int32 = 4

/// Writes all of it to the pair, waiting where that is full. false: podd is gone.
private func tell(_ bytes: UnsafeRawPointer, _ count: Int) -> Bool {
  var at = 0
  while at < count {
    let n = write(plain, bytes + at, count - at)
    if n > 0 { at += n } else if cssl_errno() != EINTR { return false }
  }
  return true
}

private func fail(_ text: UnsafePointer<CChar>) -> Int32 {
  var one: UInt8 = 1
  _ = tell(&one, 1)
  _ = tell(text, strlen(text))
  return 1
}

/// Waits until what the library asked for is there. false: the socket is broken.
private func wait(_ why: Int32) -> Bool {
  var p = pollfd(fd: wire, events: Int16(why == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN), revents: 0)
  while poll(&p, 1, -1) < 0 { if cssl_errno() != EINTR { return false } }
  return true
}

// SwiftPM links main to this name.
@_cdecl("podlab_tls_main")
func tlsMain(_ count: Int32, _ all: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Int32 {
  guard count == 2, let name = all[1] else { return 2 }
  guard let ssl = cssl_new(wire, name) else { return fail("tls: out of memory") }
  var isFirst = true
  while true {
    let r = SSL_connect(ssl)
    if r == 1 { break }
    let why = SSL_get_error(ssl, r)
    guard why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE else {
      var text = [CChar](repeating: 0, count: 200)
      cssl_failure(why, &text, 200)
      return fail(text)
    }
    guard wait(why) else { return 1 }
    if why == SSL_ERROR_WANT_READ && isFirst {
      isFirst = false
      if let text = cssl_stranger(wire) { return fail(text) }
      cssl_listen(ssl, wire)
    }
  }
  var zero: UInt8 = 0
  guard tell(&zero, 1) else { return 0 }
  var buffer = [UInt8](repeating: 0, count: 16 << 10)
  while true {
    // What the library holds already needs no event of the socket.
    while true {
      let n = SSL_read(ssl, &buffer, Int32(buffer.count))
      if n > 0 {
        guard tell(buffer, Int(n)) else { return 0 }
        continue
      }
      let why = SSL_get_error(ssl, n)
      if why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE { break }
      return 0
    }
    var p = [pollfd(fd: wire, events: Int16(POLLIN), revents: 0), pollfd(fd: plain, events: Int16(POLLIN), revents: 0)]
    if poll(&p, 2, -1) < 0 { continue }
    guard p[1].revents != 0 else { continue }
    let n = read(plain, &buffer, buffer.count)
    if n <= 0 { return 0 }
    var at = 0
    while at < n {
      let w = buffer.withUnsafeBytes { b in cssl_write(ssl, b.baseAddress, at, Int32(n - at)) }
      if w > 0 {
        at += Int(w)
        continue
      }
      let why = SSL_get_error(ssl, w)
      guard why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE, wait(why) else { return 0 }
    }
  }
}
