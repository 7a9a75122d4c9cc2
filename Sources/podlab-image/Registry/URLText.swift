// SPDX-License-Identifier: Apache-2.0
//
// Parts of URLs (RFC 3986) by libcurl's reader, so that what is decided about a URL is decided about the one that is fetched.
import CCurl
import Glibc

enum URLText {
  private static func part(_ url: String, _ what: CURLUPart, _ flags: UInt32 = 0) -> String? {
    guard let u = curl_url() else { return nil }
    defer { curl_url_cleanup(u) }
    guard curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK else { return nil }
    var text: UnsafeMutablePointer<CChar>?
    guard curl_url_get(u, what, &text, flags) == CURLUE_OK, let text else { return nil }
    defer { curl_free(text) }
    return String(cString: text)
  }

  static func scheme(_ url: String) -> String? { part(url, CURLUPART_SCHEME) }
  /// Without brackets.
  static func host(_ url: String) -> String? { part(url, CURLUPART_HOST).map { $0.hasPrefix("[") ? String($0.dropFirst().dropLast()) : $0 } }
  static func port(_ url: String) -> String { part(url, CURLUPART_PORT, UInt32(CURLU_DEFAULT_PORT)) ?? "?" }
  /// Scheme, host and port: to whom credentials may be shown.
  static func origin(_ url: String) -> String { "\(scheme(url) ?? "")://\(host(url) ?? "")|\(port(url))" }

  /// What a Location means that was met at a URL; nil for nonsense.
  static func resolve(_ location: String, at url: String) -> String? {
    guard let u = curl_url() else { return nil }
    defer { curl_url_cleanup(u) }
    guard curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK, curl_url_set(u, CURLUPART_URL, location, 0) == CURLUE_OK else { return nil }
    var text: UnsafeMutablePointer<CChar>?
    guard curl_url_get(u, CURLUPART_URL, &text, 0) == CURLUE_OK, let text else { return nil }
    defer { curl_free(text) }
    return String(cString: text)
  }

  /// NAME=value joined to a URL's query.
  static func adding(_ query: [(String, String)], to url: String) -> String {
    let text = query.map { "\(escape($0.0))=\(escape($0.1))" }.joined(separator: "&")
    return text.isEmpty ? url : url + (url.contains("?") ? "&" : "?") + text
  }

  /// All but the unreserved characters as %XX. Colons and slashes stay: registries' scopes are made of them, and they mean nothing in a query.
  static func escape(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var out: [UInt8] = []
    for c in text.utf8 {
      let isPlain = (48...57).contains(c) || (65...90).contains(c) || (97...122).contains(c) || "-._~:/,".utf8.contains(c)
      out += isPlain ? [c] : [37, digits[Int(c >> 4)], digits[Int(c & 15)]]
    }
    return String(decoding: out, as: UTF8.self)
  }
}

/// This machine's own addresses: the only ones that are spoken to without TLS unasked.
enum Loopback {
  /// host: without port and brackets.
  static func isName(_ host: String) -> Bool {
    if host == "localhost" || host.hasSuffix(".localhost") || host == "::1" { return true }
    var address = in_addr()
    return inet_pton(AF_INET, host, &address) == 1 && UInt32(bigEndian: address.s_addr) >> 24 == 127
  }
}
