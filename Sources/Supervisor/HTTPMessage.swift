// SPDX-License-Identifier: Apache-2.0
//
// What an httpGet probe or hook says and reads: request bytes, status line and headers of the answer, redirects. RFC 9112; Kubernetes
// pkg/probe/http.
import Manifest

/// Where a request goes.
public struct HTTPTarget: Equatable, Sendable {
  public var scheme = "http"
  public var host = ""
  public var port: Int64 = 80
  /// Path with query.
  public var path = "/"

  public init(scheme: String = "http", host: String, port: Int64, path: String) {
    (self.scheme, self.host, self.port, self.path) = (scheme, host, port, path)
  }

  /// host:port as it stands in an address; IPv6 in brackets.
  public var authority: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }
  public var text: String { "\(scheme)://\(authority)\(path)" }

  /// The target of a Location header seen here; nil for another scheme or nonsense.
  public func resolving(_ location: String) -> HTTPTarget? {
    var next = self
    if location.hasPrefix("//") { return resolving(scheme + ":" + location) }
    if location.hasPrefix("/") {
      next.path = location
      return next
    }
    guard let colon = location.firstRange(of: "://") else {
      // Relative to the folder of the path.
      let folder = path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)[0]
      let cut = folder.lastIndex(of: "/").map { folder[...$0] } ?? "/"
      next.path = cut + location
      return next
    }
    next.scheme = location[..<colon.lowerBound].lowercased()
    guard next.scheme == "http" || next.scheme == "https" else { return nil }
    let rest = location[colon.upperBound...]
    let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
    var place = rest[..<end]
    next.path = String(rest[end...].prefix { $0 != "#" })
    if !next.path.hasPrefix("/") { next.path = "/" + next.path }
    next.port = next.scheme == "https" ? 443 : 80
    if place.hasPrefix("["), let close = place.firstIndex(of: "]") {
      next.host = String(place[place.index(after: place.startIndex)..<close])
      place = place[place.index(after: close)...]
    } else {
      let c = place.firstIndex(of: ":") ?? place.endIndex
      next.host = String(place[..<c])
      place = place[c...]
    }
    if place.hasPrefix(":") {
      guard let p = Int64(place.dropFirst()), p > 0, p < 65536 else { return nil }
      next.port = p
    }
    return next.host.isEmpty ? nil : next
  }

  /// The request as kubelet's probes make it; headers of the spec last, a Host or User-Agent among them replaces the default.
  public func request(_ headers: [HTTPGet.Header], agent: String = "kube-probe/1.37") -> [UInt8] {
    func own(_ name: String) -> Bool { headers.contains { $0.name.lowercased() == name } }
    let isDefault = port == (scheme == "https" ? 443 : 80)
    let name = host.contains(":") ? "[\(host)]" : host
    var text = "GET \(path) HTTP/1.1\r\n"
    if !own("host") { text += "Host: \(isDefault ? name : authority)\r\n" }
    if !own("user-agent") { text += "User-Agent: \(agent)\r\n" }
    if !own("accept") { text += "Accept: */*\r\n" }
    // An empty value of User-Agent or Accept takes the header away.
    for h in headers where !(h.value.isEmpty && ["user-agent", "accept"].contains(h.name.lowercased())) {
      text += "\(h.name): \(h.value)\r\n"
    }
    text += "Connection: close\r\n\r\n"
    return Array(text.utf8)
  }
}

/// An answer, fed with bytes as they come: head, then body by its length, in chunks, or until the connection ends.
public struct HTTPAnswer: Equatable, Sendable {
  public private(set) var status = 0
  public private(set) var location: String?
  /// What has come of the body, at most bodyLimit.
  public private(set) var body: [UInt8] = []

  public enum Step: Equatable, Sendable {
    case more
    /// The head is complete: status and location are known.
    case head
    /// All of it has come, or as much as is kept.
    case complete
    case malformed(String)
  }

  /// pkg/probe/http: what of a body is read.
  public static let bodyLimit = 10 << 10

  private enum Framing: Equatable { case none, length(Int), chunked, untilEnd }
  private var input: [UInt8] = []
  private var hasHead = false
  private var framing = Framing.untilEnd
  private var leftInChunk = 0

  public init() {}

  /// Takes what came. Interim answers (100, 103) are skipped.
  public mutating func receive(_ bytes: [UInt8]) -> Step {
    input += bytes
    guard hasHead else { return readHead() }
    return readBody()
  }

  /// The rest, after `head`.
  public mutating func proceed() -> Step { readBody() }

  /// The connection has ended. nil: the answer is complete; else what Go says of it.
  public func whyIncomplete() -> String? {
    guard hasHead else { return "EOF" }
    return framing == .untilEnd || framing == .none ? nil : "unexpected EOF"
  }

  private mutating func readHead() -> Step {
    while true {
      guard let end = Self.headEnd(input) else {
        if input.count >= 5, !input.starts(with: Array("HTTP/".utf8)) { return .malformed(Self.quotedStart(input)) }
        return input.count > 1 << 20 ? .malformed("net/http: server response headers exceeded 1048576 bytes; aborted") : .more
      }
      let lines = String(decoding: input[..<end], as: UTF8.self).split(whereSeparator: \.isNewline)
      guard let first = lines.first, first.hasPrefix("HTTP/") else { return .malformed(Self.quotedStart(input)) }
      let parts = first.split(separator: " ", maxSplits: 2)
      guard parts.count >= 2 else { return .malformed(Self.quotedStart(input)) }
      guard parts[1].utf8.count == 3, let code = Int(parts[1]), code >= 0 else {
        return .malformed("malformed HTTP status code \(PodFacts.quoted(String(parts[1])))")
      }
      input.removeFirst(end)
      if code >= 100 && code < 200 && code != 101 { continue }
      (status, hasHead) = (code, true)
      framing = [101, 204, 304].contains(code) ? .none : .untilEnd
      for line in lines.dropFirst() {
        guard let colon = line.firstIndex(of: ":") else { continue }
        let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        switch line[..<colon].lowercased() {
        case "location": if location == nil { location = String(value) }
        case "transfer-encoding" where framing != .none && value.lowercased().hasSuffix("chunked"): framing = .chunked
        case "content-length" where framing == .untilEnd:
          if let n = Int(value.filter { $0 != " " }), n >= 0 { framing = .length(n) }
        default: break
        }
      }
      return .head
    }
  }

  private mutating func readBody() -> Step {
    switch framing {
    case .none: return .complete
    case .untilEnd:
      keep(input.count)
    case .length(let n):
      keep(min(input.count, n - body.count))
      if body.count >= n { return .complete }
    case .chunked:
      while true {
        if leftInChunk > 0 {
          let n = min(leftInChunk, input.count)
          keep(n)
          leftInChunk -= n
          if leftInChunk > 0 { break }
        }
        // The line before a chunk; an empty one ends the chunk before it.
        guard let end = input.firstIndex(of: 10) else { break }
        let line = String(decoding: input[..<end], as: UTF8.self).filter { $0 != "\r" && $0 != "\r\n" && $0 != " " }
        input.removeFirst(end + 1)
        if line.isEmpty { continue }
        guard let size = Int(line.prefix { $0 != ";" }, radix: 16), size >= 0 else { return .malformed("invalid byte in chunk length") }
        if size == 0 {
          framing = .none
          return .complete
        }
        leftInChunk = size
      }
    }
    return body.count >= Self.bodyLimit ? .complete : .more
  }

  private mutating func keep(_ n: Int) {
    guard n > 0 else { return }
    body += input.prefix(min(n, Self.bodyLimit - min(body.count, Self.bodyLimit)))
    input.removeFirst(min(n, input.count))
  }

  private static func quotedStart(_ bytes: [UInt8]) -> String {
    let line = bytes.prefix { $0 != 10 && $0 != 13 }.prefix(40)
    return "malformed HTTP response \(PodFacts.quoted(String(decoding: line, as: UTF8.self)))"
  }

  /// After the empty line; bare line feeds pass.
  private static func headEnd(_ b: [UInt8]) -> Int? {
    var i = 0
    while let n = b[i...].firstIndex(of: 10) {
      if n + 1 < b.count, b[n + 1] == 10 { return n + 2 }
      if n + 2 < b.count, b[n + 1] == 13, b[n + 2] == 10 { return n + 3 }
      i = n + 1
    }
    return nil
  }
}
