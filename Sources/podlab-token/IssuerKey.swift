// SPDX-License-Identifier: Apache-2.0
//
// The RSA key that tokens are signed with. RFC 7515 (JWS), RFC 7518 (RS256, RSA public keys), RFC 8017 (PKCS #1).
import CCrypto
import Kernel
import Manifest

final class IssuerKey {
  private let rsa: OpaquePointer
  /// Base64url of the SHA-256 of the public key's DER, as the API server names its keys.
  let id: String

  /// A new key of 2048 bits.
  convenience init() throws(SysError) {
    guard let rsa = RSA_new(), let exponent = BN_new() else { throw Self.failure("RSA_new") }
    defer { BN_free(exponent) }
    guard BN_set_word(exponent, 65537) == 1, RSA_generate_key_ex(rsa, 2048, exponent, nil) == 1 else {
      RSA_free(rsa)
      throw Self.failure("RSA_generate_key_ex")
    }
    try self.init(taking: rsa)
  }

  /// From the text of its file; `path` names that in errors.
  convenience init(pem: String, path: String) throws(SysError) {
    let body = pem.split(separator: "\n").filter { !$0.hasPrefix("-----") }.joined()
    let der = Base64.decode(body) ?? []
    let rsa = der.withUnsafeBufferPointer { b -> OpaquePointer? in
      var at = b.baseAddress
      return d2i_RSAPrivateKey(nil, &at, b.count)
    }
    guard let rsa else {
      throw SysError(
        step: "reading the issuer's key", call: "d2i_RSAPrivateKey", object: path, errno: 74,
        hint: "remove the folder that the file is in: a new key is made with the next token, and tokens that were issued are no longer valid")
    }
    try self.init(taking: rsa)
  }

  private init(taking rsa: OpaquePointer) throws(SysError) {
    self.rsa = rsa
    id = Base64.url(sha256(try Self.encoded("i2d_RSA_PUBKEY") { i2d_RSA_PUBKEY(rsa, $0) }))
  }

  deinit { RSA_free(rsa) }

  /// PKCS #1, as `openssl rsa` reads it.
  func pem() throws(SysError) -> String {
    let key = rsa
    return PEM.text("RSA PRIVATE KEY", try Self.encoded("i2d_RSAPrivateKey") { i2d_RSAPrivateKey(key, $0) })
  }

  /// The public half as a JSON Web Key Set.
  var keySet: Value {
    let number = { (n: OpaquePointer?) -> String in
      var bytes = [UInt8](repeating: 0, count: Int(BN_num_bits(n) + 7) / 8)
      _ = BN_bn2bin(n, &bytes)
      return Base64.url(bytes)
    }
    return .object([
      ("keys", .array([
        .object([
          ("use", .string("sig")), ("kty", .string("RSA")), ("kid", .string(id)), ("alg", .string("RS256")),
          ("n", .string(number(RSA_get0_n(rsa)))), ("e", .string(number(RSA_get0_e(rsa)))),
        ])
      ]))
    ])
  }

  /// header.claims.signature
  func token(_ claims: String) throws(SysError) -> String {
    let header = "{\"alg\":\"RS256\",\"kid\":\"\(id)\"}"
    let signed = Base64.url(Array(header.utf8)) + "." + Base64.url(Array(claims.utf8))
    return signed + "." + Base64.url(try signature(Array(signed.utf8)))
  }

  /// RSASSA-PKCS1-v1_5 with SHA-256. Without blinding: it hides how long a signature takes from those who may ask for many, and costs more than
  /// the signature; here each one is made by a process of its own, which nobody else can start or time.
  private func signature(_ message: [UInt8]) throws(SysError) -> [UInt8] {
    let head: [UInt8] = [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20]
    let info = head + sha256(message)
    var out = [UInt8](repeating: 0, count: Int(RSA_size(rsa)))
    RSA_blinding_off(rsa)
    guard RSA_private_encrypt(Int32(info.count), info, &out, rsa, RSA_PKCS1_PADDING) == Int32(out.count) else { throw Self.failure("RSA_private_encrypt") }
    return out
  }

  private static func encoded(_ call: String, _ body: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32) throws(SysError) -> [UInt8] {
    let count = body(nil)
    guard count > 0 else { throw failure(call) }
    var bytes = [UInt8](repeating: 0, count: Int(count))
    bytes.withUnsafeMutableBufferPointer { b in
      var at = b.baseAddress
      _ = body(&at)
    }
    return bytes
  }

  static func failure(_ call: String) -> SysError { SysError(step: "working with the issuer's key", call: call, object: "libcrypto", errno: 5) }
}

func sha256(_ bytes: [UInt8]) -> [UInt8] {
  var state = SHA256_CTX()
  var out = [UInt8](repeating: 0, count: 32)
  SHA256_Init(&state)
  SHA256_Update(&state, bytes, bytes.count)
  SHA256_Final(&out, &state)
  return out
}

enum PEM {
  static func text(_ label: String, _ der: [UInt8]) -> String {
    var lines = "-----BEGIN \(label)-----\n"
    var rest = Base64.encode(der)[...]
    while !rest.isEmpty {
      lines += rest.prefix(64) + "\n"
      rest = rest.dropFirst(64)
    }
    return lines + "-----END \(label)-----\n"
  }
}
