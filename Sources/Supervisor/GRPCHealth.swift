// SPDX-License-Identifier: Apache-2.0
//
// The bytes of one grpc.health.v1.Health/Check call, over HTTP/2 without TLS: request frames, and what the answer's frames say. RFC 9113, RFC 7541
// (literals only on our side), grpc PROTOCOL-HTTP2, KEP-2727.

/// One health check's answer, fed with bytes as they come.
struct GRPCHealth {
  enum Outcome: Equatable {
    case more
    /// grpc.health.v1.HealthCheckResponse.ServingStatus.
    case status(Int)
    /// The call itself failed: grpc-status, or a broken connection.
    case failed(String)
  }

  private var input: [UInt8] = []
  private var body: [UInt8] = []
  /// What must be sent back (acknowledgements of SETTINGS and PING).
  private(set) var reply: [UInt8] = []

  static let names = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"]

  /// Preface, SETTINGS, HEADERS and DATA of the call.
  static func request(authority: String, service: String) -> [UInt8] {
    var out = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    out += frame(type: 4, flags: 0, stream: 0, [])
    var head: [UInt8] = [0x83, 0x86]  // :method POST, :scheme http
    func literal(nameIndex: UInt8, _ value: String) { head += [nameIndex] + string(value) }
    func literal(_ name: String, _ value: String) { head += [0] + string(name) + string(value) }
    literal(nameIndex: 4, "/grpc.health.v1.Health/Check")  // :path
    literal(nameIndex: 1, authority)  // :authority
    literal("content-type", "application/grpc")
    literal("user-agent", "kube-probe/1.37")
    literal("te", "trailers")
    out += frame(type: 1, flags: 0x4, stream: 1, head)
    let name = Array(service.utf8)
    let message: [UInt8] = name.isEmpty ? [] : [0x0a] + varint(name.count) + name
    let n = UInt32(message.count)
    let prefix: [UInt8] = [0, UInt8(n >> 24 & 255), UInt8(n >> 16 & 255), UInt8(n >> 8 & 255), UInt8(n & 255)]
    return out + frame(type: 0, flags: 0x1, stream: 1, prefix + message)
  }

  private static func frame(type: UInt8, flags: UInt8, stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
    let n = payload.count
    return [UInt8(n >> 16 & 255), UInt8(n >> 8 & 255), UInt8(n & 255), type, flags]
      + [UInt8(stream >> 24 & 255), UInt8(stream >> 16 & 255), UInt8(stream >> 8 & 255), UInt8(stream & 255)] + payload
  }

  /// An HPACK string without Huffman coding.
  private static func string(_ s: String) -> [UInt8] {
    let b = Array(s.utf8)
    if b.count < 127 { return [UInt8(b.count)] + b }
    return [127] + varint(b.count - 127) + b
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

  /// Takes what came; says what is known so far.
  mutating func receive(_ bytes: [UInt8]) -> Outcome {
    input += bytes
    while input.count >= 9 {
      let length = Int(input[0]) << 16 | Int(input[1]) << 8 | Int(input[2])
      if length > 1 << 20 { return .failed("frame too large") }
      guard input.count >= 9 + length else { return .more }
      let type = input[3]
      let flags = input[4]
      let payload = Array(input[9..<(9 + length)])
      input.removeFirst(9 + length)
      switch type {
      case 0:
        body += Self.unpadded(payload, flags)
        if let status = answer() { return .status(status) }
        if flags & 1 != 0 { return .failed("the server sent no health status") }
      case 1:
        // Trailers without an answer before them: the call failed (unimplemented, not found).
        if flags & 1 != 0 { return .failed("the server ended the call without a health status") }
      case 3: return .failed("the server reset the call")
      case 4: if flags & 1 == 0 { reply += Self.frame(type: 4, flags: 1, stream: 0, []) }
      case 6: if flags & 1 == 0 { reply += Self.frame(type: 6, flags: 1, stream: 0, payload) }
      case 7: return .failed("the server closed the connection")
      default: break
      }
    }
    return .more
  }

  mutating func takeReply() -> [UInt8] {
    defer { reply = [] }
    return reply
  }

  private static func unpadded(_ p: [UInt8], _ flags: UInt8) -> ArraySlice<UInt8> {
    guard flags & 8 != 0, let pad = p.first, Int(pad) < p.count else { return p[...] }
    return p[1..<(p.count - Int(pad))]
  }

  /// The status in a complete message; an empty message means UNKNOWN (0).
  private func answer() -> Int? {
    guard body.count >= 5 else { return nil }
    let n = Int(body[1]) << 24 | Int(body[2]) << 16 | Int(body[3]) << 8 | Int(body[4])
    guard body.count >= 5 + n else { return nil }
    let message = body[5..<(5 + n)]
    guard message.count >= 2, message.first == 0x08 else { return 0 }
    return Int(message[message.startIndex + 1] & 127)
  }
}
