// SPDX-License-Identifier: Apache-2.0
//
// One HTTP request after the other by libcurl. Redirects are not followed here: who may see the credentials is decided by Registry.swift. HTTP/1.1: a
// connection for each process that fetches is what fills the line.
import CCurl
import Glibc
import Kernel

struct HTTPRequest {
  var method: String
  var url: String
  /// NAME: value
  var headers: [String] = []
  var body = Body.none
  /// Where a body of 200 or 206 goes instead of memory.
  var sink: (any BodySink)?
  /// Largest body that is kept in memory.
  var limit = 4 << 20

  enum Body {
    case none
    case bytes([UInt8])
    /// Bytes of an open file, from an offset on.
    case file(Int32, offset: Int64, count: Int64, progress: (Int64) -> Void)

    var count: Int64 {
      switch self {
      case .none: 0
      case .bytes(let b): Int64(b.count)
      case .file(_, _, let n, _): n
      }
    }
  }
}

/// Takes a body piece by piece.
protocol BodySink: AnyObject {
  /// The answer's head, before the first piece. False: it is not wanted.
  func begin(_ head: HTTPResponse) -> Bool
  /// False: it cannot be taken.
  func take(_ bytes: UnsafeRawBufferPointer) -> Bool
}

struct HTTPResponse {
  var status = 0
  /// In the order they came, names in small letters.
  var headers: [(name: String, value: String)] = []
  var body: [UInt8] = []

  func header(_ name: String) -> String? { headers.last { $0.name == name }?.value }
  func all(_ name: String) -> [String] { headers.filter { $0.name == name }.map(\.value) }

  /// 404 Not Found
  var statusText: String {
    let words = [
      400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout", 409: "Conflict",
      413: "Request Entity Too Large", 416: "Requested Range Not Satisfiable", 429: "Too Many Requests", 500: "Internal Server Error", 501: "Not Implemented",
      502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout", 507: "Insufficient Storage",
    ]
    return "\(status)" + (words[status].map { " \($0)" } ?? "")
  }
}

/// Why no answer came, in the words of Go's net/http, which is what container runtimes say.
struct TransferError: Error {
  var text: String
  /// Trying again may help at once.
  var isTransient: Bool
  /// The other side does not speak TLS.
  var isPlain = false
}

/// What a connection may and must be.
struct TLSRules {
  /// Certificates are checked.
  var verifies = true
  /// PEM files to trust beside the machine's.
  var authorities: [String] = []
  /// PEM files to show: certificate and key.
  var client: (certificate: String, key: String)?
}

final class HTTPClient {
  private let handle: UnsafeMutableRawPointer
  private let rules: TLSRules
  /// Seconds without a byte after which a transfer has failed.
  private let patience: Int
  private let trusted: [UInt8]?

  init(_ rules: TLSRules, patience: Int) throws(Failure) {
    ccurl_start()
    guard let made = curl_easy_init() else { throw Failure("libcurl gives no handle: out of memory") }
    (handle, self.rules, self.patience) = (made, rules, patience)
    trusted = try Self.trust(rules)
  }
  deinit { curl_easy_cleanup(handle) }

  /// The machine's authorities with those of the registry; nil: libcurl's own default.
  private static func trust(_ rules: TLSRules) throws(Failure) -> [UInt8]? {
    let named = getenv("SSL_CERT_FILE").map { String(cString: $0) }
    if named == nil, rules.authorities.isEmpty { return nil }
    let usual = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"].first(where: FileSystem.exists)
    var all: [UInt8] = []
    for path in [named ?? usual].compactMap({ $0 }) + rules.authorities {
      all += try failing("reading the certificates to trust") { () throws(SysError) in try FileSystem.read(path) }
      all.append(10)
    }
    return all
  }

  func perform(_ request: HTTPRequest) throws(TransferError) -> HTTPResponse {
    curl_easy_reset(handle)
    let exchange = Exchange(request, patience)
    let context = Unmanaged.passUnretained(exchange).toOpaque()
    ccurl_text(handle, CURLOPT_URL, request.url)
    ccurl_text(handle, CURLOPT_PROTOCOLS_STR, "http,https")
    ccurl_number(handle, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    ccurl_number(handle, CURLOPT_NOSIGNAL, 1)
    ccurl_number(handle, CURLOPT_TCP_KEEPALIVE, 1)
    ccurl_number(handle, CURLOPT_CONNECTTIMEOUT, min(30, patience))
    ccurl_watch(handle, Exchange.watch, context)
    ccurl_number(handle, CURLOPT_BUFFERSIZE, 1 << 18)
    ccurl_number(handle, CURLOPT_UPLOAD_BUFFERSIZE, 1 << 18)
    ccurl_number(handle, CURLOPT_SSL_VERIFYPEER, rules.verifies ? 1 : 0)
    ccurl_number(handle, CURLOPT_SSL_VERIFYHOST, rules.verifies ? 2 : 0)
    if let trusted { _ = trusted.withUnsafeBytes { ccurl_blob(handle, CURLOPT_CAINFO_BLOB, $0.baseAddress, $0.count) } }
    if let client = rules.client {
      ccurl_text(handle, CURLOPT_SSLCERT, client.certificate)
      ccurl_text(handle, CURLOPT_SSLKEY, client.key)
    }
    // A proxy is for the world outside.
    if let host = URLText.host(request.url), Loopback.isName(host) { ccurl_text(handle, CURLOPT_PROXY, "") }
    if request.method == "HEAD" { ccurl_number(handle, CURLOPT_NOBODY, 1) } else { ccurl_text(handle, CURLOPT_CUSTOMREQUEST, request.method) }
    if ["POST", "PUT", "PATCH"].contains(request.method) { ccurl_send(handle, Exchange.read, context, curl_off_t(request.body.count)) }
    ccurl_receive(handle, Exchange.write, Exchange.head, context)
    var list: UnsafeMutablePointer<curl_slist>?
    for h in request.headers + ["User-Agent: podlab", "Expect:"] { list = curl_slist_append(list, h) }
    defer { curl_slist_free_all(list) }
    ccurl_list(handle, CURLOPT_HTTPHEADER, list)
    var said = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))
    let code = said.withUnsafeMutableBufferPointer { b in
      ccurl_errors(handle, b.baseAddress)
      defer { ccurl_errors(handle, nil) }
      return withExtendedLifetime(exchange) { curl_easy_perform(handle) }
    }
    if code == CURLE_OK || exchange.refused { return exchange.response }
    throw failure(code, request, String(decoding: said.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self), exchange)
  }

  private func failure(_ code: CURLcode, _ request: HTTPRequest, _ said: String, _ exchange: Exchange) -> TransferError {
    let host = URLText.host(request.url) ?? ""
    let address = ccurl_address(handle).map { String(cString: $0) } ?? ""
    let at = "\(address.contains(":") ? "[\(address)]" : address.isEmpty ? host : address):\(URLText.port(request.url))"
    let number = Int32(truncatingIfNeeded: ccurl_errno(handle))
    let reason = number == 0 ? "connection refused" : errnoText(number).lowercased()
    switch code {
    case CURLE_COULDNT_RESOLVE_HOST: return TransferError(text: "dial tcp: lookup \(host): no such host", isTransient: false)
    case CURLE_COULDNT_RESOLVE_PROXY: return TransferError(text: "proxyconnect tcp: \(said)", isTransient: false)
    case CURLE_COULDNT_CONNECT: return TransferError(text: "dial tcp \(at): connect: \(reason)", isTransient: false)
    case CURLE_OPERATION_TIMEDOUT:
      return TransferError(text: "dial tcp \(at): i/o timeout", isTransient: false)
    case CURLE_ABORTED_BY_CALLBACK:
      return TransferError(text: "no byte came for \(patience) s: i/o timeout", isTransient: true)
    case CURLE_GOT_NOTHING: return TransferError(text: "EOF", isTransient: true)
    case CURLE_PARTIAL_FILE: return TransferError(text: "unexpected EOF", isTransient: true)
    case CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_SEND_FAIL_REWIND:
      return TransferError(text: number == 0 ? "unexpected EOF" : "read tcp \(at): \(reason)", isTransient: true)
    case CURLE_SSL_CONNECT_ERROR:
      if said.contains("wrong version number") || said.contains("packet length too long") || said.contains("http request") {
        return TransferError(text: "http: server gave HTTP response to HTTPS client", isTransient: false, isPlain: true)
      }
      return TransferError(text: "tls: \(said)", isTransient: false)
    case CURLE_PEER_FAILED_VERIFICATION:
      return TransferError(text: "tls: failed to verify certificate: x509: \(Self.verification(said))", isTransient: false)
    case CURLE_WRITE_ERROR: return TransferError(text: exchange.why ?? "the answer could not be taken", isTransient: false)
    default: return TransferError(text: said.isEmpty ? String(cString: curl_easy_strerror(code)) : said, isTransient: false)
    }
  }

  private static func verification(_ said: String) -> String {
    let unknown = ["self-signed", "self signed", "unable to get local issuer", "unable to verify the first"]
    if unknown.contains(where: said.contains) { return "certificate signed by unknown authority" }
    if said.contains("expired") { return "certificate has expired or is not yet valid" }
    return said
  }
}

/// What libcurl's callbacks work on.
private final class Exchange {
  let request: HTTPRequest
  var response = HTTPResponse()
  /// The sink did not want the body: the head is the answer.
  var refused = false
  /// Why the body was not taken.
  var why: String?
  private var hasBegun = false
  private var sent: Int64 = 0
  private let patience: Int64
  /// When a byte came or went, CLOCK_MONOTONIC.
  private var lastMoved = Clock.monotonic

  /// patience: seconds.
  init(_ request: HTTPRequest, _ patience: Int) { (self.request, self.patience) = (request, Int64(patience) * 1_000_000_000) }

  static let watch: ccurl_watcher = { context, _, _, _, _ in
    guard let context else { return 0 }
    let x = Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
    return Clock.monotonic - x.lastMoved > x.patience ? 1 : 0
  }

  static let write: ccurl_bytes = { bytes, size, count, context in
    guard let context else { return 0 }
    return Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue().body(UnsafeRawBufferPointer(start: bytes, count: size * count))
  }
  static let head: ccurl_bytes = { bytes, size, count, context in
    guard let context else { return 0 }
    Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue().line(UnsafeRawBufferPointer(start: bytes, count: size * count))
    return size * count
  }
  static let read: ccurl_bytes = { bytes, size, count, context in
    guard let context, let bytes else { return 0 }
    return Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue().give(UnsafeMutableRawBufferPointer(start: bytes, count: size * count))
  }

  private func line(_ raw: UnsafeRawBufferPointer) {
    lastMoved = Clock.monotonic
    let text = String(decoding: raw, as: UTF8.self)
    if text.hasPrefix("HTTP/") {
      response.headers = []
      response.status = Int(text.split(separator: " ").dropFirst().first ?? "") ?? 0
      return
    }
    guard let colon = text.firstIndex(of: ":"), response.headers.count < 200 else { return }
    let value = text[text.index(after: colon)...].drop { $0 == " " || $0 == "\t" }.prefix { $0 != "\r\n" && $0 != "\r" && $0 != "\n" }
    response.headers.append((text[..<colon].lowercased(), String(value)))
  }

  private func body(_ bytes: UnsafeRawBufferPointer) -> Int {
    // Also when it took long to hand them on.
    defer { lastMoved = Clock.monotonic }
    if let sink = request.sink, response.status == 200 || response.status == 206 {
      if !hasBegun {
        hasBegun = true
        if !sink.begin(response) {
          refused = true
          return 0
        }
      }
      return sink.take(bytes) ? bytes.count : 0
    }
    if response.body.count + bytes.count > request.limit {
      why = "the answer is longer than \(request.limit) bytes"
      return 0
    }
    response.body += bytes
    return bytes.count
  }

  private func give(_ room: UnsafeMutableRawBufferPointer) -> Int {
    lastMoved = Clock.monotonic
    switch request.body {
    case .none: return 0
    case .bytes(let all):
      let n = min(room.count, all.count - Int(sent))
      room.copyBytes(from: all[Int(sent)..<Int(sent) + n])
      sent += Int64(n)
      return n
    case .file(let fd, let offset, let count, let progress):
      let n = pread(fd, room.baseAddress, min(room.count, Int(count - sent)), off_t(offset + sent))
      if n < 0 { return Int(CURL_READFUNC_ABORT) }
      sent += Int64(n)
      progress(sent)
      return n
    }
  }
}
