// SPDX-License-Identifier: Apache-2.0
//
// SHA-256 by libcrypto, which uses the processor's instructions for it.
import CCrypto

final class Digest {
  private let context: OpaquePointer

  init() throws(Failure) {
    guard let made = EVP_MD_CTX_new(), EVP_DigestInit_ex(made, EVP_sha256(), nil) == 1 else { throw Failure("libcrypto gives no SHA-256") }
    context = made
  }
  deinit { EVP_MD_CTX_free(context) }

  func add(_ bytes: UnsafeRawBufferPointer) { EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) }

  /// Of bytes at hand, in hexadecimal.
  static func of(_ bytes: [UInt8]) throws(Failure) -> String {
    let digest = try Digest()
    bytes.withUnsafeBytes { digest.add($0) }
    return digest.finish()
  }

  /// In hexadecimal. Once only.
  func finish() -> String {
    var sum = [UInt8](repeating: 0, count: 32)
    EVP_DigestFinal_ex(context, &sum, nil)
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: sum.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
