// SPDX-License-Identifier: Apache-2.0
//
// Names of images, read as every container engine reads them: what is left out is filled in (docker.io, library/, :latest), what cannot be a name is
// refused in kubelet's words. github.com/distribution/reference, pkg/util/parsers.

/// A normalised image name.
public struct ImageReference: Sendable, Hashable, CustomStringConvertible {
  /// docker.io, localhost, 127.0.0.1:5000 …
  public var domain: String
  /// library/busybox
  public var path: String
  public var tag: String?
  /// sha256:…
  public var digest: String?

  /// docker.io/library/busybox
  public var repository: String { "\(domain)/\(path)" }
  /// The whole name; a name without tag and digest has become `latest`.
  public var description: String { repository + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "") }

  /// Why a text is no name.
  public struct Invalid: Error, Sendable, Equatable, CustomStringConvertible {
    public var name: String
    public var reason: String
    /// As kubelet says it.
    public var description: String { "couldn't parse image name \"\(name)\": \(reason)" }
  }

  public init(parsing text: String) throws(Invalid) {
    func invalid(_ detail: String? = nil) -> Invalid { Invalid(name: text, reason: "invalid reference format" + (detail.map { ": \($0)" } ?? "")) }
    if text.utf8.count == 64, text.utf8.allSatisfy(Self.isHex) {
      throw Invalid(name: text, reason: "invalid repository name (\(text)), cannot specify 64-byte hexadecimal strings")
    }
    var rest: Substring = text[...]
    if let slash = text.firstIndex(of: "/"), Self.isDomain(text[..<slash]) {
      domain = text[..<slash] == "index.docker.io" ? "docker.io" : String(text[..<slash])
      rest = text[text.index(after: slash)...]
    } else {
      domain = "docker.io"
    }
    let name = rest.prefix { $0 != ":" && $0 != "@" }
    let shown = domain == "docker.io" && !name.contains("/") ? "library/\(name)" : String(name)
    if name.contains(where: \.isUppercase) { throw invalid("repository name (\(shown)) must be lowercase") }
    rest = rest.dropFirst(name.count)
    if rest.first == ":" {
      let tagText = rest.dropFirst().prefix { $0 != "@" }
      guard Self.isTag(tagText) else { throw invalid() }
      tag = String(tagText)
      rest = rest.dropFirst(tagText.count + 1)
    }
    if rest.first == "@" {
      guard Self.isDigest(rest.dropFirst()) else { throw invalid() }
      digest = String(rest.dropFirst())
      rest = ""
    }
    path = shown
    guard rest.isEmpty, Self.isDomainText(domain), path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy(Self.isComponent),
      repository.utf8.count <= 255
    else { throw invalid() }
    if tag == nil && digest == nil { tag = "latest" }
  }

  // MARK: the grammar

  private static func isLower(_ c: UInt8) -> Bool { (97...122).contains(c) || isDigit(c) }
  private static func isDigit(_ c: UInt8) -> Bool { (48...57).contains(c) }
  private static func isAlphanumeric(_ c: UInt8) -> Bool { isLower(c) || (65...90).contains(c) }
  private static func isHex(_ c: UInt8) -> Bool { isDigit(c) || (97...102).contains(c) }

  /// The first part is a machine's name only if it looks like one.
  private static func isDomain(_ s: Substring) -> Bool { s == "localhost" || s.contains(".") || s.contains(":") || s.contains(where: \.isUppercase) }

  private static func isDomainText(_ s: String) -> Bool {
    if s.hasPrefix("[") {  // an IPv6 address, perhaps with a port
      guard let close = s.firstIndex(of: "]") else { return false }
      let port = s[s.index(after: close)...]
      return s[s.index(after: s.startIndex)..<close].utf8.allSatisfy { isAlphanumeric($0) || $0 == 58 } && (port.isEmpty || isPort(port))
    }
    let colon = s.firstIndex(of: ":") ?? s.endIndex
    let port = s[colon...]
    return s[..<colon].split(separator: ".", omittingEmptySubsequences: false).allSatisfy { part in
      guard let first = part.utf8.first, let last = part.utf8.last else { return false }
      return isAlphanumeric(first) && isAlphanumeric(last) && part.utf8.allSatisfy { isAlphanumeric($0) || $0 == 45 }
    } && (port.isEmpty || isPort(port))
  }

  private static func isPort(_ s: Substring) -> Bool { s.first == ":" && s.count > 1 && s.dropFirst().utf8.allSatisfy(isDigit) }

  /// Words of a-z0-9, separated by one dot, one or two underscores, or any number of hyphens.
  private static func isComponent(_ s: Substring) -> Bool {
    guard let first = s.utf8.first, let last = s.utf8.last, isLower(first), isLower(last) else { return false }
    var separator: [UInt8] = []
    for c in s.utf8 {
      if isLower(c) {
        if !(separator.isEmpty || separator == [46] || separator == [95] || separator == [95, 95] || separator.allSatisfy { $0 == 45 }) { return false }
        separator = []
      } else {
        separator.append(c)
      }
    }
    return true
  }

  private static func isTag(_ s: Substring) -> Bool {
    guard let first = s.utf8.first, s.utf8.count <= 128 else { return false }
    return (isAlphanumeric(first) || first == 95) && s.utf8.allSatisfy { isAlphanumeric($0) || $0 == 95 || $0 == 46 || $0 == 45 }
  }

  private static func isDigest(_ s: Substring) -> Bool {
    let p = s.split(separator: ":", omittingEmptySubsequences: false)
    guard p.count == 2, let first = p[0].utf8.first, (97...122).contains(first | 32) else { return false }
    let length = p[1].utf8.count
    let exact = ["sha256": 64, "sha384": 96, "sha512": 128][String(p[0])]
    return p[1].utf8.allSatisfy(isHex) && (exact.map { $0 == length } ?? (length >= 32))
  }
}
