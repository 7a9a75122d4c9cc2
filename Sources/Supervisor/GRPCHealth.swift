// SPDX-License-Identifier: Apache-2.0
//
// One grpc.health.v1.Health/Check call over HTTP/2 without TLS, as bytes in and bytes out: libnghttp2 does the framing, header compression and flow
// control, and opens no socket itself. grpc PROTOCOL-HTTP2, KEP-2727.
import CNghttp2

public final class GRPCHealth {
  public enum Outcome: Equatable, Sendable {
    case more
    /// grpc.health.v1.HealthCheckResponse.ServingStatus.
    case status(Int)
    /// The server ended the call with a status other than OK (grpc-status), or without one.
    case ended(code: Int, text: String)
    /// It does not speak HTTP/2, or broke the call off.
    case broken(String)
  }

  public struct Failure: Error, Sendable { public let text: String }

  private var session: OpaquePointer?
  private var request: [UInt8]
  private var sent = 0
  private var unsent: [UInt8] = []
  private var body: [UInt8] = []
  private var httpStatus = ""
  private var grpcStatus: Int?
  private var grpcMessage = ""
  /// nil: the call is still open.
  private var closed: UInt32?
  /// The server's SETTINGS have come: the connection stands.
  public private(set) var hasGreeting = false

  public static let names = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"]

  /// A status code's name, as Go prints it.
  public static func code(_ n: Int) -> String {
    let names = [
      "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied", "ResourceExhausted",
      "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated",
    ]
    return names.indices.contains(n) ? names[n] : "Code(\(n))"
  }

  /// Prepares the call: what is to be sent comes from outgoing().
  public init(authority: String, service: String) throws(Failure) {
    let name = Array(service.utf8)
    let message: [UInt8] = name.isEmpty ? [] : [0x0a] + Self.varint(name.count) + name
    let n = UInt32(message.count)
    request = [0, UInt8(n >> 24 & 255), UInt8(n >> 16 & 255), UInt8(n >> 8 & 255), UInt8(n & 255)] + message
    var callbacks: OpaquePointer?
    try Self.check(nghttp2_session_callbacks_new(&callbacks))
    defer { nghttp2_session_callbacks_del(callbacks) }
    nghttp2_session_callbacks_set_on_header_callback(callbacks) { _, _, name, nameLength, value, valueLength, _, user in
      GRPCHealth.of(user)?.header(GRPCHealth.text(name, nameLength), GRPCHealth.text(value, valueLength))
      return 0
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, _, data, length, user in
      if let call = GRPCHealth.of(user), call.body.count < 1 << 16 { call.body += UnsafeBufferPointer(start: data, count: length) }
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
      // NGHTTP2_SETTINGS, other than an acknowledgement.
      if let frame, frame.pointee.hd.type == 4, frame.pointee.hd.flags & 1 == 0 { GRPCHealth.of(user)?.hasGreeting = true }
      return 0
    }
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, _, code, user in
      GRPCHealth.of(user)?.closed = code
      return 0
    }
    try Self.check(nghttp2_session_client_new(&session, callbacks, Unmanaged.passUnretained(self).toOpaque()))
    try Self.check(nghttp2_submit_settings(session, 0, nil, 0))
    var source = nghttp2_data_provider()
    source.read_callback = { _, _, to, length, flags, _, user in
      guard let call = GRPCHealth.of(user), let to else { return -1 }
      let count = min(length, call.request.count - call.sent)
      for i in 0..<count { to[i] = call.request[call.sent + i] }
      call.sent += count
      if call.sent == call.request.count { flags?.pointee |= 1 }  // NGHTTP2_DATA_FLAG_EOF
      return count
    }
    let headers: [(String, String)] = [
      (":method", "POST"), (":scheme", "http"), (":path", "/grpc.health.v1.Health/Check"), (":authority", authority),
      ("content-type", "application/grpc"), ("user-agent", "kube-probe/1.37"), ("te", "trailers"),
    ]
    // Copied by the library before the call returns.
    var bytes: [UInt8] = []
    var places: [(Int, Int, Int)] = []
    for (name, value) in headers {
      places.append((bytes.count, name.utf8.count, value.utf8.count))
      bytes += Array(name.utf8) + Array(value.utf8)
    }
    let stream = bytes.withUnsafeMutableBufferPointer { b -> Int32 in
      guard let base = b.baseAddress else { return -1 }
      let list = places.map { at, n, v in nghttp2_nv(name: base + at, value: base + at + n, namelen: n, valuelen: v, flags: 0) }
      return nghttp2_submit_request(session, nil, list, list.count, &source, nil)
    }
    try Self.check(min(stream, 0))
  }

  deinit { nghttp2_session_del(session) }

  private static func check(_ code: Int32) throws(Failure) {
    if code < 0 { throw Failure(text: nghttp2_strerror(code).map { String(cString: $0) } ?? "nghttp2 \(code)") }
  }

  private static func of(_ user: UnsafeMutableRawPointer?) -> GRPCHealth? {
    user.map { Unmanaged<GRPCHealth>.fromOpaque($0).takeUnretainedValue() }
  }

  private static func text(_ p: UnsafePointer<UInt8>?, _ n: Int) -> String { String(decoding: UnsafeBufferPointer(start: p, count: n), as: UTF8.self) }

  private func header(_ name: String, _ value: String) {
    switch name {
    case ":status": httpStatus = value
    case "grpc-status": grpcStatus = Int(value)
    case "grpc-message": grpcMessage = Self.unescaped(value)
    default: break
    }
  }

  /// What is to be sent now.
  public func outgoing() -> [UInt8] {
    drain()
    defer { unsent = [] }
    return unsent
  }

  private func drain() {
    while true {
      var p: UnsafePointer<UInt8>?
      let n = nghttp2_session_mem_send(session, &p)
      guard n > 0, let p else { return }
      unsent += UnsafeBufferPointer(start: p, count: n)
    }
  }

  /// Takes what came; says what is known so far.
  public func receive(_ bytes: [UInt8]) -> Outcome {
    let n = nghttp2_session_mem_recv(session, bytes, bytes.count)
    if let code = closed { return outcome(code) }
    if n < 0 { return .broken("error reading server preface: \(nghttp2_strerror(Int32(n)).map { String(cString: $0) } ?? "not HTTP/2")") }
    // A session that ends itself says so only once its last word is out.
    drain()
    if nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0 { return .broken("the server closed the connection") }
    return .more
  }

  private func outcome(_ code: UInt32) -> Outcome {
    guard code == 0 else {
      let name = nghttp2_http2_strerror(code).map { String(cString: $0) } ?? "\(code)"
      return .broken("stream terminated by RST_STREAM with error code: \(name)")
    }
    guard let status = grpcStatus else {
      if httpStatus != "200" { return .ended(code: httpStatus == "404" ? 12 : 2, text: "unexpected HTTP status code received from server: \(httpStatus)") }
      return .ended(code: 13, text: "server closed the stream without sending trailers")
    }
    guard status == 0 else { return .ended(code: status, text: grpcMessage) }
    guard let serving = Self.serving(body) else { return .ended(code: 13, text: "the server sent no whole message") }
    return .status(serving)
  }

  /// The status in a message: field 1; without it UNKNOWN. nil: it is not whole, or compressed.
  private static func serving(_ b: [UInt8]) -> Int? {
    guard b.count >= 5, b[0] == 0 else { return nil }
    let n = Int(b[1]) << 24 | Int(b[2]) << 16 | Int(b[3]) << 8 | Int(b[4])
    guard b.count >= 5 + n else { return nil }
    var message = b[5..<5 + n]
    var status = 0
    while let tag = readVarint(&message) {
      switch tag & 7 {
      case 0:
        guard let value = readVarint(&message) else { return nil }
        if tag >> 3 == 1 { status = Int(truncatingIfNeeded: value) }
      case 1: message = message.dropFirst(8)
      case 2:
        guard let length = readVarint(&message), length <= UInt64(message.count) else { return nil }
        message = message.dropFirst(Int(length))
      case 5: message = message.dropFirst(4)
      default: return nil
      }
    }
    return status
  }

  private static func readVarint(_ b: inout ArraySlice<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while let byte = b.popFirst(), shift < 64 {
      value |= UInt64(byte & 127) << shift
      if byte < 128 { return value }
      shift += 7
    }
    return nil
  }

  private static func varint(_ value: Int) -> [UInt8] {
    var v = value
    var out: [UInt8] = []
    while v >= 128 {
      out.append(UInt8(v & 127) | 128)
      v >>= 7
    }
    return out + [UInt8(v)]
  }

  /// grpc-message is percent-encoded UTF-8.
  private static func unescaped(_ text: String) -> String {
    let b = Array(text.utf8)
    var out: [UInt8] = []
    var i = 0
    while i < b.count {
      if b[i] == UInt8(ascii: "%"), i + 2 < b.count, let v = UInt8(String(decoding: b[i + 1...i + 2], as: UTF8.self), radix: 16) {
        out.append(v)
        i += 3
      } else {
        out.append(b[i])
        i += 1
      }
    }
    return String(decoding: out, as: UTF8.self)
  }
}
