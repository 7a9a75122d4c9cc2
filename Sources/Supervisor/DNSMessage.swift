// SPDX-License-Identifier: Apache-2.0
//
// A DNS question and its answer as bytes: A and AAAA records only. Pure. RFC 1035, RFC 3596, RFC 6891.
import Kernel

public enum DNSMessage {
  public enum RecordType: UInt16, Sendable { case a = 1, aaaa = 28 }

  public struct Answer: Equatable, Sendable {
    /// 0 no error, 2 server failure, 3 no such name …
    public var code: UInt8
    public var addresses: [IPAddress]
    /// It did not fit into a datagram: the whole of it is to be had over TCP.
    public var isCut: Bool
    public init(code: UInt8, addresses: [IPAddress], isCut: Bool = false) { (self.code, self.addresses, self.isCut) = (code, addresses, isCut) }
  }

  /// A question with recursion wanted. nil: the name cannot be asked for (an empty or too long part).
  public static func question(_ name: String, _ type: RecordType, id: UInt16) -> [UInt8]? {
    guard let labels = encoded(name) else { return nil }
    // One question, one additional record: EDNS, so that an answer may have 1232 bytes.
    let edns: [UInt8] = [0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]
    return [UInt8(id >> 8), UInt8(id & 255), 1, 0, 0, 1, 0, 0, 0, 0, 0, 1] + labels + [0, UInt8(type.rawValue), 0, 1] + edns
  }

  /// A message as it goes over TCP: its length before it. RFC 1035, 4.2.2.
  public static func framed(_ message: [UInt8]) -> [UInt8] { [UInt8(message.count >> 8), UInt8(message.count & 255)] + message }

  /// The first message of what came over TCP; nil: more is to come.
  public static func unframed(_ bytes: [UInt8]) -> [UInt8]? {
    let length = number(bytes, 0)
    return bytes.count >= 2 + length && bytes.count > 2 ? Array(bytes[2..<2 + length]) : nil
  }

  /// What a message says to the question; nil: it is not its answer.
  public static func answer(_ b: [UInt8], to question: [UInt8]) -> Answer? {
    guard b.count >= 12, question.count >= 12, b[0] == question[0], b[1] == question[1], b[2] & 0x80 != 0 else { return nil }
    guard number(b, 4) == 1, let asked = skipName(question, 12), let end = skipName(b, 12), end + 4 <= b.count, asked + 4 <= question.count,
      lower(b[12..<end + 4]) == lower(question[12..<asked + 4])
    else { return nil }
    let type = number(b, end)
    var at = end + 4
    var found: [IPAddress] = []
    for _ in 0..<number(b, 6) {
      guard let next = skipName(b, at), next + 10 <= b.count else { break }
      let length = number(b, next + 8)
      let data = next + 10
      guard data + length <= b.count else { break }
      // Aliases (CNAME) need no following: the server puts the addresses of their end into the same answer.
      if number(b, next) == type, number(b, next + 2) == 1, length == (type == 1 ? 4 : 16), let address = IPAddress(bytes: Array(b[data..<data + length])) {
        found.append(address)
      }
      at = data + length
    }
    return Answer(code: b[3] & 15, addresses: found, isCut: b[2] & 2 != 0)
  }

  private static func encoded(_ name: String) -> [UInt8]? {
    var out: [UInt8] = []
    let bare = name.hasSuffix(".") ? name.dropLast() : name[...]
    for label in bare.split(separator: ".", omittingEmptySubsequences: false) {
      let bytes = Array(label.utf8)
      guard !bytes.isEmpty, bytes.count < 64 else { return nil }
      out += [UInt8(bytes.count)] + bytes
    }
    return out.count > 254 ? nil : out + [0]
  }

  private static func number(_ b: [UInt8], _ at: Int) -> Int { at + 1 < b.count ? Int(b[at]) << 8 | Int(b[at + 1]) : 0 }

  private static func lower(_ b: ArraySlice<UInt8>) -> [UInt8] { b.map { $0 >= 65 && $0 <= 90 ? $0 + 32 : $0 } }

  /// Behind a name; a compressed one ends with its pointer.
  private static func skipName(_ b: [UInt8], _ start: Int) -> Int? {
    var at = start
    while at < b.count {
      let n = Int(b[at])
      if n == 0 { return at + 1 }
      if n & 0xc0 == 0xc0 { return at + 2 <= b.count ? at + 2 : nil }
      if n & 0xc0 != 0 { return nil }
      at += n + 1
    }
    return nil
  }
}
