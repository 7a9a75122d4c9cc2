// SPDX-License-Identifier: Apache-2.0
//
// What an httpGet probe or hook says and reads: request bytes, status line and headers of the answer, redirects. RFC 9112; Kubernetes
// pkg/probe/http.
import Manifest

/// Where a request goes.
struct HTTPTarget: Equatable {
  var scheme = "http"
  var host = ""
  var port: Int64 = 80
  /// Path with query.
  var path = "/"

  /// host:port as it stands in an address; IPv6 in brackets.
  var authority: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }
  var text: String { "\(scheme)://\(authority)\(path)" }

  /// The target of a Location header seen here; nil for another scheme or nonsense.
  func resolving(_ location: String) -> HTTPTarget? {
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
  func request(_ headers: [HTTPGet.Header], agent: String = "kube-probe/1.37") -> [UInt8] {
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

/// The head of an answer.
struct HTTPAnswer: Equatable {
  var status: Int
  var location: String?

  enum Reading: Equatable {
    case more
    case answer(HTTPAnswer)
    case malformed(String)
  }

  /// Reads a head that may not be complete yet. Interim answers (100, 103) are skipped.
  static func read(_ bytes: [UInt8]) -> Reading {
    var start = 0
    while true {
      guard let end = headEnd(bytes, from: start) else {
        if bytes.count >= 5, !bytes.starts(with: Array("HTTP/".utf8)) { return .malformed(quotedStart(bytes)) }
        return bytes.count > 1 << 20 ? .malformed("header too long") : .more
      }
      let lines = String(decoding: bytes[start..<end], as: UTF8.self).split(whereSeparator: \.isNewline)
      guard let first = lines.first, first.hasPrefix("HTTP/") else { return .malformed(quotedStart(bytes)) }
      let parts = first.split(separator: " ", maxSplits: 2)
      guard parts.count >= 2, parts[1].utf8.count == 3, let code = Int(parts[1]) else { return .malformed(quotedStart(bytes)) }
      if code >= 100 && code < 200 && code != 101 {
        start = end
        continue
      }
      var answer = HTTPAnswer(status: code, location: nil)
      for line in lines.dropFirst() {
        guard let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == "location" else { continue }
        answer.location = String(line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" })
      }
      return .answer(answer)
    }
  }

  private static func quotedStart(_ bytes: [UInt8]) -> String {
    let line = bytes.prefix { $0 != 10 && $0 != 13 }.prefix(40)
    return "malformed HTTP response \(PodFacts.quoted(String(decoding: line, as: UTF8.self)))"
  }

  /// After the empty line; bare line feeds pass.
  private static func headEnd(_ b: [UInt8], from start: Int) -> Int? {
    var i = start
    while let n = b[i...].firstIndex(of: 10) {
      if n + 1 < b.count, b[n + 1] == 10 { return n + 2 }
      if n + 2 < b.count, b[n + 1] == 13, b[n + 2] == 10 { return n + 3 }
      i = n + 1
    }
    return nil
  }
}
