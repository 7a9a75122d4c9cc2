// SPDX-License-Identifier: Apache-2.0
//
// DATA/keys: the issuer's key (0600), its public half as JWKS, the discovery document, and the certificate that is in every namespace's
// kube-root-ca.crt. All made at once, the key last: where it is, the others are.
import CCrypto
import Glibc
import Kernel
import Manifest

struct KeyFolder {
  private let path: String

  init(_ path: String) throws(SysError) {
    self.path = path
    if FileSystem.exists(path + "/issuer.key") { return }
    do throws(SysError) {
      try FileSystem.makeFolders(path, mode: 0o700)
      let lock = try FileLock(path + "/lock")
      defer { _ = lock.raw }
      if FileSystem.exists(path + "/issuer.key") { return }
      let key = try IssuerKey()
      try put("jwks.json", JSON.compactBytes(key.keySet), mode: 0o644)
      try put("openid-configuration.json", JSON.compactBytes(Self.configuration), mode: 0o644)
      try put("ca.crt", Array(try Self.certificate().utf8), mode: 0o644)
      try put("issuer.key", Array(try key.pem().utf8), mode: 0o600)
    } catch { throw error.during("making the instance's keys") }
  }

  func issuer() throws(SysError) -> IssuerKey { try IssuerKey(pem: try FileSystem.readText(path + "/issuer.key"), path: path + "/issuer.key") }

  private func put(_ name: String, _ bytes: [UInt8], mode: UInt32) throws(SysError) {
    try FileSystem.writeAtomically("\(path)/\(name)", bytes, mode: mode, sync: true)
  }

  /// OpenID Connect Discovery 1.0, as the API server answers it.
  private static var configuration: Value {
    .object([
      ("issuer", .string(TokenIssuer.name)), ("jwks_uri", .string(TokenIssuer.name + "/openid/v1/jwks")),
      ("response_types_supported", .strings(["id_token"])), ("subject_types_supported", .strings(["public"])),
      ("id_token_signing_alg_values_supported", .strings(["RS256"])),
    ])
  }

  /// A certificate of its own, for ten years, in whose place a cluster has that of its API server's authority. Nothing here is served with a
  /// certificate of it, so that its key is not kept.
  private static func certificate() throws(SysError) -> String {
    guard let key = cc_elliptic_key(), let c = X509_new() else { throw IssuerKey.failure("EVP_EC_gen") }
    defer {
      EVP_PKEY_free(key)
      X509_free(c)
    }
    let name = X509_get_subject_name(c)
    guard X509_set_version(c, 2) == 1, ASN1_INTEGER_set(X509_get_serialNumber(c), 1) == 1,
      X509_gmtime_adj(X509_getm_notBefore(c), 0) != nil, X509_gmtime_adj(X509_getm_notAfter(c), 10 * 365 * 86400) != nil,
      X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, "podlab", -1, -1, 0) == 1, X509_set_issuer_name(c, name) == 1,
      X509_set_pubkey(c, key) == 1, let extensions = X509V3_EXT_conf_nid(nil, nil, NID_basic_constraints, "critical,CA:TRUE")
    else { throw IssuerKey.failure("X509_new") }
    defer { X509_EXTENSION_free(extensions) }
    guard X509_add_ext(c, extensions, -1) == 1, X509_sign(c, key, EVP_sha256()) > 0 else { throw IssuerKey.failure("X509_sign") }
    var der = [UInt8](repeating: 0, count: Int(max(0, i2d_X509(c, nil))))
    der.withUnsafeMutableBufferPointer { b in
      var at = b.baseAddress
      _ = i2d_X509(c, &at)
    }
    return PEM.text("CERTIFICATE", der)
  }
}
