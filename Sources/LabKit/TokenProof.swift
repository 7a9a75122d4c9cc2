// SPDX-License-Identifier: Apache-2.0
//
// Judges a service account token without any library, so that nothing of the one who signed it is believed: RS256 (RFC 7515, RFC 7518 section 3.3) is
// SHA-256 and one power. The public key comes from the issuer's JWKS. Pure. Fit for checking a signature; a program that signs needs more care.
import Manifest

public enum TokenProof {
  /// A token's three parts, decoded; nil where it is no JWT.
  public static func parts(_ token: String) -> (header: Value, claims: Value, signature: [UInt8])? {
    let p = token.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard p.count == 3, let header = try? JSON.parse(bytes(p[0])), let claims = try? JSON.parse(bytes(p[1])) else { return nil }
    return (header, claims, bytes(p[2]))
  }

  /// Whether a key of the set (RFC 7517) has signed the token.
  public static func holds(_ token: String, jwks: Value) -> Bool {
    guard let p = parts(token), p.header["alg"]?.string == "RS256", let dot = token.lastIndex(of: ".") else { return false }
    let id = p.header["kid"]?.string
    for key in jwks["keys"]?.array ?? [] where key["kty"]?.string == "RSA" && key["kid"]?.string == id {
      guard let n = key["n"]?.string, let e = key["e"]?.string else { continue }
      let modulus = bytes(n)
      // What was signed (RFC 8017, 9.2): 00 01 FF … FF 00, the name of the hash, the hash.
      let info: [UInt8] = [0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20]
      let tail = info + sha256(Array(token[..<dot].utf8))
      guard modulus.count > tail.count + 11 else { continue }
      let expected = [0, 1] + [UInt8](repeating: 0xFF, count: modulus.count - tail.count - 3) + [0] + tail
      if power(p.signature, bytes(e), modulus) == expected { return true }
    }
    return false
  }

  /// base64url (RFC 4648, section 5); what is none of its letters is passed over.
  public static func bytes(_ text: String) -> [UInt8] {
    var out: [UInt8] = []
    var (held, count): (UInt32, Int) = (0, 0)
    for c in text.utf8 {
      let six: UInt8
      switch c {
      case 65...90: six = c - 65
      case 97...122: six = c - 71
      case 48...57: six = c + 4
      case 43, 45: six = 62
      case 47, 95: six = 63
      default: continue
      }
      held = held << 6 | UInt32(six)
      count += 6
      if count >= 8 {
        count -= 8
        out.append(UInt8(truncatingIfNeeded: held >> UInt32(count)))
      }
    }
    return out
  }

  // MARK: a power of a large number

  /// base to the exponent, modulo the modulus; all big-endian. The modulus' own length.
  static func power(_ base: [UInt8], _ exponent: [UInt8], _ modulus: [UInt8]) -> [UInt8] {
    let n = limbs(modulus, modulus.count / 4 + 2)
    let b = limbs(base, n.count)
    var result = limbs([1], n.count)
    for byte in exponent {
      for bit in stride(from: 7, through: 0, by: -1) {
        result = product(result, result, n)
        if byte >> UInt8(bit) & 1 == 1 { result = product(result, b, n) }
      }
    }
    return (0..<modulus.count).reversed().map { UInt8(truncatingIfNeeded: result[$0 / 4] >> UInt32($0 % 4 * 8)) }
  }

  /// Little-endian words of 32 bits.
  private static func limbs(_ bytes: [UInt8], _ count: Int) -> [UInt32] {
    var out = [UInt32](repeating: 0, count: count)
    for (i, b) in bytes.reversed().enumerated() where i / 4 < count { out[i / 4] |= UInt32(b) << UInt32(i % 4 * 8) }
    return out
  }

  /// a·b modulo n, by doubling and adding.
  private static func product(_ a: [UInt32], _ b: [UInt32], _ n: [UInt32]) -> [UInt32] {
    var r = [UInt32](repeating: 0, count: n.count)
    for i in a.indices.reversed() {
      for bit in stride(from: UInt32(31), through: 0, by: -1) {
        r = sum(r, r, n)
        if a[i] >> bit & 1 == 1 { r = sum(r, b, n) }
        if bit == 0 { break }
      }
    }
    return r
  }

  private static func sum(_ a: [UInt32], _ b: [UInt32], _ n: [UInt32]) -> [UInt32] {
    var out = a
    var carry: UInt64 = 0
    for i in out.indices {
      carry += UInt64(a[i]) + UInt64(b[i])
      out[i] = UInt32(truncatingIfNeeded: carry)
      carry >>= 32
    }
    var isLess = false
    for i in out.indices.reversed() where out[i] != n[i] {
      isLess = out[i] < n[i]
      break
    }
    if isLess { return out }
    var borrow: Int64 = 0
    for i in out.indices {
      borrow += Int64(out[i]) - Int64(n[i])
      out[i] = UInt32(truncatingIfNeeded: borrow)
      borrow >>= 32
    }
    return out
  }

  // MARK: SHA-256 (FIPS 180-4)

  public static func sha256(_ message: [UInt8]) -> [UInt8] {
    var data = message + [0x80]
    while data.count % 64 != 56 { data.append(0) }
    let bits = UInt64(message.count) * 8
    for shift in stride(from: UInt64(56), through: 0, by: -8) { data.append(UInt8(truncatingIfNeeded: bits >> shift)) }
    var h: [UInt32] = [0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A, 0x510E_527F, 0x9B05_688C, 0x1F83_D9AB, 0x5BE0_CD19]
    func turned(_ x: UInt32, _ n: UInt32) -> UInt32 { x >> n | x << (32 - n) }
    for block in stride(from: 0, to: data.count, by: 64) {
      var w = (0..<16).map { i in (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(data[block + i * 4 + $1]) } }
      for i in 16..<64 {
        let a = turned(w[i - 15], 7) ^ turned(w[i - 15], 18) ^ w[i - 15] >> 3
        let b = turned(w[i - 2], 17) ^ turned(w[i - 2], 19) ^ w[i - 2] >> 10
        w.append(w[i - 16] &+ a &+ w[i - 7] &+ b)
      }
      var v = h
      for i in 0..<64 {
        let s1 = turned(v[4], 6) ^ turned(v[4], 11) ^ turned(v[4], 25)
        let one = v[7] &+ s1 &+ (v[4] & v[5] ^ ~v[4] & v[6]) &+ constants[i] &+ w[i]
        let s0 = turned(v[0], 2) ^ turned(v[0], 13) ^ turned(v[0], 22)
        let two = s0 &+ (v[0] & v[1] ^ v[0] & v[2] ^ v[1] & v[2])
        v = [one &+ two, v[0], v[1], v[2], v[3] &+ one, v[4], v[5], v[6]]
      }
      h = zip(h, v).map { $0 &+ $1 }
    }
    return h.flatMap { x in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: x >> UInt32($0)) } }
  }

  /// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
  private static let constants: [UInt32] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
  ]
}
