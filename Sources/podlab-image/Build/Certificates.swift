// SPDX-License-Identifier: Apache-2.0
//
// Certificates of authorities: what update-ca-certificates(8) leaves in /etc/ssl/certs (one link each, the links by hash, the bundle), and Java's
// store of the same.
import CCrypto
import Glibc

enum Certificates {
  private static let source = "usr/share/ca-certificates"
  private static let target = "etc/ssl/certs"

  /// isJava: the image has ca-certificates-java. time: seconds since 1970.
  static func make(_ assembly: LayerAssembly, isJava: Bool, time: Int) throws(Failure) {
    let files = assembly.keptPaths(below: source).filter { $0.hasSuffix(".crt") }
    if files.isEmpty { return }
    // Where whoever uses the image puts authorities of his own.
    assembly.folder("usr/local/share/ca-certificates")
    var bundle: [UInt8] = []
    var hashes: [String: Int] = [:]
    var trusted: [(alias: String, der: [UInt8])] = []
    for path in files {
      guard let pem = assembly.bytes(path) else { continue }
      let (hash, der) = try read(pem, path)
      let base = path.split(separator: "/").last?.dropLast(4) ?? ""
      var name = ""
      for c in base {
        switch c {
        case " ", ",": name += "_"
        case "(", ")": name += "="
        default: name.append(c)
        }
      }
      assembly.symlink("\(target)/\(name).pem", to: "/\(path)")
      assembly.symlink("\(target)/\(hash).\(hashes[hash, default: 0])", to: "\(name).pem")
      hashes[hash, default: 0] += 1
      bundle += pem
      if bundle.last != 10 { bundle.append(10) }
      trusted.append(("debian:\(name).pem", der))
    }
    assembly.file("\(target)/ca-certificates.crt", bundle)
    assembly.file("etc/ca-certificates.conf", files.map { $0.dropFirst(source.utf8.count + 1) + "\n" }.joined())
    if isJava { assembly.file("\(target)/java/cacerts", try keystore(trusted, time: time)) }
  }

  /// The hash of its subject that links are named after (openssl x509 -hash), and the certificate's bytes.
  private static func read(_ pem: [UInt8], _ path: String) throws(Failure) -> (hash: String, der: [UInt8]) {
    guard let bio = BIO_new_mem_buf(pem, Int32(clamping: pem.count)) else { throw Failure("libcrypto: out of memory") }
    defer { BIO_free(bio) }
    guard let x = PEM_read_bio_X509(bio, nil, nil, nil) else { throw Failure("/\(path): no certificate") }
    defer { X509_free(x) }
    var der: UnsafeMutablePointer<UInt8>?
    let count = i2d_X509(x, &der)
    guard count > 0, let der else { throw Failure("/\(path): cannot be encoded") }
    defer { free(der) }
    let hex = String(UInt32(truncatingIfNeeded: X509_subject_name_hash(x)), radix: 16)
    return (String(repeating: "0", count: 8 - hex.utf8.count) + hex, Array(UnsafeBufferPointer(start: der, count: Int(count))))
  }

  /// A Java key store (JKS, version 2) of trusted certificates with the password that everybody knows, "changeit": it proves nothing, readers want it.
  private static func keystore(_ certificates: [(alias: String, der: [UInt8])], time: Int) throws(Failure) -> [UInt8] {
    func number(_ n: Int, _ bytes: Int) -> [UInt8] { (0..<bytes).map { UInt8(truncatingIfNeeded: n >> (8 * (bytes - 1 - $0))) } }
    func text(_ s: String) -> [UInt8] { number(s.utf8.count, 2) + Array(s.utf8) }
    var out = number(0xfeed_feed, 4) + number(2, 4) + number(certificates.count, 4)
    for c in certificates {
      out += number(2, 4) + text(c.alias.lowercased()) + number(time * 1000, 8) + text("X.509") + number(c.der.count, 4) + c.der
    }
    let salt = Array("changeit".utf8).flatMap { [0, $0] } + Array("Mighty Aphrodite".utf8)
    return out + (try HashSum.of(salt + out, EVP_sha1()))
  }
}

/// Sums that are not for trust: dpkg's MD5, a key store's SHA-1.
enum HashSum {
  static func of(_ bytes: [UInt8], _ kind: OpaquePointer?) throws(Failure) -> [UInt8] {
    var sum = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    if EVP_Digest(bytes, bytes.count, &sum, &count, kind, nil) != 1 { throw Failure("libcrypto gives no hash") }
    return Array(sum[..<Int(count)])
  }

  static func md5(_ bytes: [UInt8]) throws(Failure) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: try of(bytes, EVP_md5()).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
