// SPDX-License-Identifier: Apache-2.0
//
// A registry of the Distribution specification: where it is, who we are to it, what is tried again. Redirects are followed here, without the credentials
// where they lead to somebody else.
import Glibc
import Images
import Kernel
import Manifest

/// Why a registry did not give or take something, in the words of containerd.
struct RegistryError: Error, CustomStringConvertible {
  var description: String
  /// HTTP's; 0 where no answer came.
  var status = 0
  var isTransient = false
}

struct RegistryOptions {
  var verifies = true
  /// Folders with certificates: HOST[:PORT]/*.crt, client.cert, client.key.
  var certificates: [String] = []
  var credentials = RegistryCredentials()
  /// Seconds without a byte after which a connection counts as dead.
  var patience = 60

  /// How often something is tried in all, and the first pause (doubled each time).
  static let attempts = 4
  static let firstPause: Int64 = 500_000_000
  /// A Retry-After beyond this is not waited for: whoever asked decides.
  static let longestPause: Int64 = 15_000_000_000
}

final class Registry {
  let reference: ImageReference
  let options: RegistryOptions
  private let client: HTTPClient
  private let address: String
  private var schemes: [String]
  private var credentials: ArraySlice<RegistryCredential>
  private var authorization: String?
  /// repository:NAME:pull and the like.
  private let scopes: [String]
  /// Whom the registry let in; nil: it lets anybody.
  var credentialInUse: RegistryCredential? { authorization == nil ? nil : credentials.first }
  /// Called before a pause: what failed, seconds until the next try.
  var onRetry: (String, Double) -> Void = { _, _ in }

  /// actions: pull, or pull,push. also: other repositories here that layers may be taken from.
  init(_ reference: ImageReference, _ options: RegistryOptions, actions: String = "pull", also: [String] = []) throws(Failure) {
    (self.reference, self.options) = (reference, options)
    address = reference.domain == "docker.io" ? "registry-1.docker.io" : reference.domain
    let host = URLText.host("https://\(address)/") ?? address
    schemes = Loopback.isName(host) || !options.verifies ? ["https", "http"] : ["https"]
    credentials = options.credentials.matching(reference)[...]
    scopes = ["repository:\(reference.path):\(actions)"] + also.map { "repository:\($0):pull" }
    client = try HTTPClient(try Self.rules(reference.domain, options), patience: options.patience)
  }

  private static func rules(_ domain: String, _ options: RegistryOptions) throws(Failure) -> TLSRules {
    var rules = TLSRules(verifies: options.verifies)
    for folder in options.certificates {
      let own = "\(folder)/\(domain)"
      guard FileSystem.isFolder(own) else { continue }
      let names = try failing { () throws(SysError) in try FileSystem.list(own) }
      rules.authorities += names.filter { $0.hasSuffix(".crt") }.sorted().map { "\(own)/\($0)" }
      if rules.client == nil, let cert = names.sorted().first(where: { $0.hasSuffix(".cert") }) {
        let key = String(cert.dropLast(5)) + ".key"
        guard names.contains(key) else { throw Failure("\(own)/\(cert) has no key: put it into \(own)/\(key)") }
        rules.client = ("\(own)/\(cert)", "\(own)/\(key)")
      }
    }
    return rules
  }

  /// https://HOST/v2/NAME/WHAT
  private func url(_ what: String) -> String { "\(schemes[0])://\(address)/v2/\(reference.path)/\(what)" }

  /// What a Location of the registry's means; nil for nonsense.
  func whole(_ location: String) -> String? { URLText.resolve(location, at: url("")) }

  /// One request about the repository, tried again where that may help. what: manifests/TAG, blobs/DIGEST, or a whole URL. Statuses in `accepts` are
  /// answers, all others errors. again: false where whoever asks goes on by himself.
  func send(_ method: String, _ what: String, headers: [String] = [], body: HTTPRequest.Body = .none, sink: (any BodySink)? = nil, accepts: [Int],
    again: Bool = true)
    throws(RegistryError) -> HTTPResponse
  {
    var attempt = 1
    var pause = RegistryOptions.firstPause
    while true {
      var wait: Int64?
      let failure: RegistryError
      do throws(RegistryError) {
        let answer = try once(method, what, headers: headers, body: body, sink: sink)
        if accepts.contains(answer.status) { return answer }
        failure = refusal(method, what, answer)
        wait = answer.header("retry-after").flatMap { Int64($0) }.map { max(0, $0) * 1_000_000_000 }
      } catch { failure = error }
      // A body that has begun to arrive is continued by whoever takes it (BlobFetch), not begun again.
      guard again, failure.isTransient, attempt < RegistryOptions.attempts, sink == nil || failure.status != 0 else { throw failure }
      let next = wait ?? pause
      if next > RegistryOptions.longestPause { throw failure }
      onRetry(failure.description, Double(next) / 1e9)
      Self.sleep(next)
      attempt += 1
      pause *= 2
    }
  }

  /// Nanoseconds.
  static func sleep(_ time: Int64) {
    var left = timespec(tv_sec: Int(time / 1_000_000_000), tv_nsec: Int(time % 1_000_000_000))
    var rest = timespec()
    while nanosleep(&left, &rest) != 0 && errno == EINTR { left = rest }
  }

  private func refusal(_ method: String, _ what: String, _ answer: HTTPResponse) -> RegistryError {
    let target = what.contains("://") ? what : url(what)
    var text = "unexpected status from \(method) request to \(target): \(answer.statusText)"
    if let said = Self.reason(answer.body) { text += ": " + said.split(separator: "\n").joined(separator: " ") }
    return RegistryError(description: text, status: answer.status, isTransient: [408, 429, 500, 502, 503, 504].contains(answer.status))
  }

  static func json(_ bytes: [UInt8]) -> Value? {
    do throws(JSON.Malformed) { return try JSON.parse(bytes) } catch { return nil }
  }

  /// code: message, from the body that the specification gives errors.
  private static func reason(_ body: [UInt8]) -> String? {
    guard !body.isEmpty, let v = Self.json(body) else { return nil }
    let first = v["errors"]?.array?.first
    let words = [first?["code"]?.string?.lowercased(), first?["message"]?.string].compactMap { $0 }.filter { !$0.isEmpty }
    return words.isEmpty ? nil : words.joined(separator: ": ")
  }

  // MARK: one try

  private func once(_ method: String, _ what: String, headers: [String], body: HTTPRequest.Body, sink: (any BodySink)?) throws(RegistryError) -> HTTPResponse {
    while true {
      var request = HTTPRequest(method: method, url: what.contains("://") ? what : url(what), headers: headers, body: body, sink: sink)
      let isOurs = URLText.origin(request.url) == URLText.origin(url(""))
      if isOurs, let authorization { request.headers.append("Authorization: \(authorization)") }
      let answer = try follow(request, what)
      guard answer.status == 401, isOurs else { return answer }
      try authorize(answer)
    }
  }

  private func follow(_ first: HTTPRequest, _ what: String) throws(RegistryError) -> HTTPResponse {
    var request = first
    for _ in 0..<10 {
      let answer: HTTPResponse
      do throws(TransferError) { answer = try client.perform(request) } catch {
        // A loopback registry without TLS says so once.
        if error.isPlain, schemes.count > 1, request.url == first.url, first.url.hasPrefix("https://") {
          schemes.removeFirst()
          request.url = "http" + request.url.dropFirst(5)
          continue
        }
        var text = error.text
        if text.contains("unknown authority"), let folder = options.certificates.first {
          text += " (trust it by putting its CA certificate into \(folder)/\(reference.domain)/ca.crt)"
        }
        // Nobody is there: said of the plain way where that is the one that is meant.
        let shown = text.hasSuffix("connection refused") && schemes.count > 1 && options.verifies ? "http" + request.url.dropFirst(5) : request.url
        throw RegistryError(description: "failed to do request: \(Self.goMethod(request.method)) \"\(shown)\": \(text)", isTransient: error.isTransient)
      }
      guard [301, 302, 303, 307, 308].contains(answer.status), let location = answer.header("location"), request.method == "GET" || request.method == "HEAD"
      else { return answer }
      guard let next = URLText.resolve(location, at: request.url) else {
        throw RegistryError(description: "\(request.url) redirects to \(location), which is no URL")
      }
      if request.url.hasPrefix("https://"), !next.hasPrefix("https://"), options.verifies {
        throw RegistryError(description: "\(request.url) redirects to \(next): not followed, since that is not encrypted")
      }
      if URLText.origin(next) != URLText.origin(request.url) { request.headers.removeAll { $0.hasPrefix("Authorization:") } }
      request.url = next
    }
    throw RegistryError(description: "\(first.url): stopped after 10 redirects")
  }

  /// Go prints Get, Head, Put.
  private static func goMethod(_ m: String) -> String { m.prefix(1) + m.dropFirst().lowercased() }

  // MARK: who we are

  private static let denied = "pull access denied, repository does not exist or may require authorization"

  /// Answers a 401: finds the next thing to say. Throws when there is nothing left.
  private func authorize(_ answer: HTTPResponse) throws(RegistryError) {
    let challenges = answer.all("www-authenticate").flatMap(AuthChallenge.parse)
    guard let chosen = challenges.first(where: { $0.scheme == "bearer" }) ?? challenges.first(where: { $0.scheme == "basic" }) else {
      throw RegistryError(description: "\(Self.denied): authorization failed: no challenge that is understood", status: 401)
    }
    if authorization != nil, Clock.monotonic < tokenEnd {
      // What was said is not enough: the next credential's turn.
      _ = credentials.popFirst()
      if credentials.isEmpty {
        let why = chosen.parameters["error"].map { "server message: \($0): " } ?? ""
        throw RegistryError(description: "\(Self.denied): \(why)authorization failed", status: 401)
      }
    }
    if chosen.scheme == "bearer" {
      authorization = "Bearer \(try token(chosen))"
    } else if let c = credentials.first {
      authorization = "Basic \(Self.basic(c))"
    } else {
      throw RegistryError(description: "\(Self.denied): authorization failed: no basic auth credentials", status: 401)
    }
  }

  private static func basic(_ c: RegistryCredential) -> String { Base64.encode(Array("\(c.user):\(c.password)".utf8)) }

  /// When the token runs out, CLOCK_MONOTONIC.
  private var tokenEnd: Int64 = .max

  /// A token from the realm that the registry names (distribution-spec, spec/auth/token; with an identity token spec/auth/oauth).
  private func token(_ c: AuthChallenge) throws(RegistryError) -> String {
    guard let realm = c.parameters["realm"], let scheme = URLText.scheme(realm), let host = URLText.host(realm) else {
      throw RegistryError(description: "failed to authorize: the registry names no realm to ask for a token", status: 401)
    }
    guard scheme == "https" || Loopback.isName(host) || !options.verifies else {
      throw RegistryError(description: "failed to authorize: the realm \(realm) is not encrypted: no credentials are sent there", status: 401)
    }
    var query = c.parameters["service"].map { [("service", $0)] } ?? []
    let asked = c.parameters["scope"].map { $0.split(separator: " ").map(String.init) } ?? []
    let wanted = scopes + asked.filter { a in !scopes.contains { $0.hasPrefix(a) || a.hasPrefix($0) } && !a.hasPrefix("repository:\(reference.path):") }
    var request: HTTPRequest
    let kind: String
    let credential = credentials.first
    if let credential, !credential.identityToken.isEmpty {
      query += [
        ("grant_type", "refresh_token"), ("refresh_token", credential.identityToken), ("client_id", "podlab"), ("scope", wanted.joined(separator: " ")),
      ]
      let form = URLText.adding(query, to: "").dropFirst()
      request = HTTPRequest(method: "POST", url: realm, headers: ["Content-Type: application/x-www-form-urlencoded"], body: .bytes(Array(form.utf8)))
      kind = "oauth"
    } else {
      query += wanted.map { ("scope", $0) }
      request = HTTPRequest(method: "GET", url: URLText.adding(query, to: realm))
      kind = credential == nil ? "anonymous" : "oauth"
      if let credential { request.headers = ["Authorization: Basic \(Self.basic(credential))"] }
    }
    let answer = try follow(request, realm)
    guard answer.status == 200 else {
      let text = "unexpected status from \(request.method) request to \(realm): \(answer.statusText)"
      if answer.status == 401, credentials.count > 1 {
        _ = credentials.popFirst()
        return try token(c)
      }
      throw RegistryError(
        description: "failed to authorize: failed to fetch \(kind) token: \(text)", status: answer.status, isTransient: [429, 500, 502, 503, 504].contains(answer.status))
    }
    let v = Self.json(answer.body)
    guard let text = v?["token"]?.string ?? v?["access_token"]?.string, !text.isEmpty, !text.contains(where: \.isNewline) else {
      throw RegistryError(description: "failed to authorize: the answer of \(realm) holds no token")
    }
    // 60 s where nothing is said; a little early, as the clocks differ.
    tokenEnd = Clock.monotonic + max(1, (v?["expires_in"]?.int ?? 60) - 5) * 1_000_000_000
    return text
  }
}
