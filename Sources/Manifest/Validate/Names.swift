// SPDX-License-Identifier: Apache-2.0
//
// What names may look like, with the API's own words for what they may not; a rule answers with every complaint, and with none for a good name.
// Kubernetes: apimachinery/pkg/util/validation.

public enum Names {
  private static func lower(_ c: UInt8) -> Bool { (97...122).contains(c) || (48...57).contains(c) }
  private static func alphanumeric(_ c: UInt8) -> Bool { lower(c) || (65...90).contains(c) }

  private static func longest(_ n: Int) -> String { "must be no more than \(n) bytes" }

  /// [a-z0-9]([-a-z0-9]*[a-z0-9])?, with further bytes allowed inside.
  private static func isLabel(_ s: Substring.UTF8View, inside: Set<UInt8> = [45]) -> Bool {
    guard let f = s.first, let l = s.last else { return false }
    return lower(f) && lower(l) && s.allSatisfy { lower($0) || inside.contains($0) }
  }

  /// A DNS-1123 label.
  public static func label(_ s: String) -> [String] {
    var wrong = s.utf8.count > 63 ? [longest(63)] : []
    if !isLabel(s[...].utf8) {
      wrong.append(
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')")
    }
    return wrong
  }

  /// A DNS-1123 subdomain.
  public static func subdomain(_ s: String) -> [String] {
    var wrong = s.utf8.count > 253 ? [longest(253)] : []
    if !s.split(separator: ".", omittingEmptySubsequences: false).allSatisfy({ isLabel($0.utf8) }) {
      wrong.append(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')")
    }
    return wrong
  }

  /// A subdomain that may hold underscores: what a resolver searches.
  public static func searchDomain(_ s: String) -> [String] {
    var wrong = s.utf8.count > 253 ? [longest(253)] : []
    let good = s.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { isLabel(($0.hasPrefix("_") ? $0.dropFirst() : $0).utf8, inside: [45, 95]) }
    if !good {
      wrong.append(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')")
    }
    return wrong
  }

  /// What generateName may be: a prefix, to which more is added.
  public static func asPrefix(_ s: String, _ rule: (String) -> [String]) -> [String] {
    rule(s.utf8.count > 1 && s.hasSuffix("-") ? String(s.dropLast(2)) + "a" : s)
  }

  private static let qualifiedText =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"

  /// A label's or annotation's key: [prefix/]name.
  public static func qualified(_ s: String) -> [String] {
    let parts = s.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let name = parts.last else {
      return ["a qualified name \(qualifiedText) with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    }
    var wrong: [String] = []
    if parts.count == 2 {
      wrong += parts[0].isEmpty ? ["prefix part must be non-empty"] : subdomain(String(parts[0])).map { "prefix part \($0)" }
    }
    if name.isEmpty {
      wrong.append("name part must be non-empty")
    } else if name.utf8.count > 63 {
      wrong.append("name part \(longest(63))")
    }
    if !wellFormed(name) { wrong.append("name part \(qualifiedText)") }
    return wrong
  }

  /// A label's value.
  public static func labelValue(_ s: String) -> [String] {
    var wrong = s.utf8.count > 63 ? [longest(63)] : []
    if !s.isEmpty && !wellFormed(s[...]) {
      wrong.append(
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')")
    }
    return wrong
  }

  private static func wellFormed(_ s: Substring) -> Bool {
    guard let f = s.utf8.first, let l = s.utf8.last else { return false }
    return alphanumeric(f) && alphanumeric(l) && s.utf8.allSatisfy { alphanumeric($0) || $0 == 45 || $0 == 95 || $0 == 46 }
  }

  /// A key of a Secret or ConfigMap.
  public static func configKey(_ s: String) -> [String] {
    var wrong = s.utf8.count > 253 ? [longest(253)] : []
    if s.isEmpty || !s.utf8.allSatisfy({ alphanumeric($0) || $0 == 45 || $0 == 95 || $0 == 46 }) {
      wrong.append(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')")
    }
    if s == "." || s == ".." { wrong.append("must not be '\(s)'") } else if s.hasPrefix("..") { wrong.append("must not start with '..'") }
    return wrong
  }

  /// An environment variable's name (relaxed since 1.34: printable ASCII without =).
  public static func environment(_ s: String) -> [String] {
    if s.isEmpty { return ["environment variable name must be non-empty"] }
    return s.utf8.allSatisfy { (32...126).contains($0) && $0 != 61 }
      ? [] : ["a valid environment variable name must consist only of printable ASCII characters other than '='"]
  }

  /// A port's name (IANA_SVC_NAME).
  public static func port(_ s: String) -> [String] {
    var wrong = s.utf8.count > 15 ? [longest(15)] : []
    if s.isEmpty || !s.utf8.allSatisfy({ lower($0) || $0 == 45 }) { wrong.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)") }
    if !s.utf8.contains(where: { (97...122).contains($0) }) { wrong.append("must contain at least one letter (a-z)") }
    if s.contains("--") { wrong.append("must not contain consecutive hyphens") }
    if s.hasPrefix("-") || s.hasSuffix("-") { wrong.append("must not begin or end with a hyphen") }
    return wrong
  }

  /// An HTTP header's name.
  public static func header(_ s: String) -> [String] {
    !s.isEmpty && s.utf8.allSatisfy { alphanumeric($0) || $0 == 45 }
      ? [] : ["a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')"]
  }

  /// A sysctl's name, with dots or slashes.
  public static func isSysctl(_ s: String) -> Bool {
    s.utf8.count <= 253 && s.split(omittingEmptySubsequences: false, whereSeparator: { $0 == "." || $0 == "/" }).allSatisfy { isLabel($0.utf8, inside: [45, 95]) }
  }

  /// A whole number in decimal, as a toleration's Lt and Gt compare it.
  public static func decimalInteger(_ s: String) -> [String] {
    let digits = s.hasPrefix("-") ? s.dropFirst() : s[...]
    let good = !digits.isEmpty && digits.utf8.allSatisfy { (48...57).contains($0) } && (digits == "0" ? s == "0" : digits.first != "0")
    if !good { return ["must be a valid decimal integer in canonical form"] }
    return Int64(s) == nil ? ["strconv.ParseInt: parsing \"\(s)\": value out of range"] : []
  }

  /// An IPv4 or IPv6 address.
  public static func address(_ s: String) -> [String] {
    if s.contains(":") {
      if let dot = s.firstIndex(of: "."), let colon = s[..<dot].lastIndex(of: ":") {
        guard isIPv4(s[s.index(after: colon)...]) else { return [addressText] }
        let v6 = String(s[...colon]) + "0:0"
        return isIPv6(v6) ? (s.lowercased().hasPrefix("::ffff:") ? ["must not be an IPv4-mapped IPv6 address"] : []) : [addressText]
      }
      return isIPv6(s) ? [] : [addressText]
    }
    let parts = s.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4, parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } && UInt8($0) != nil }) else { return [addressText] }
    return parts.contains { $0.utf8.count > 1 && $0.hasPrefix("0") } ? ["must not have leading 0s"] : []
  }

  private static let addressText = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"

  private static func isIPv4(_ s: Substring) -> Bool {
    let parts = s.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil && ($0.utf8.count == 1 || !$0.hasPrefix("0")) }
  }

  private static func isIPv6(_ s: String) -> Bool {
    func groups(_ part: Substring) -> Int? {
      if part.isEmpty { return 0 }
      let all = part.split(separator: ":", omittingEmptySubsequences: false)
      return all.allSatisfy { (1...4).contains($0.utf8.count) && $0.allSatisfy { $0.isASCII && $0.isHexDigit } } ? all.count : nil
    }
    let bytes = Array(s.utf8)
    guard let gap = bytes.indices.dropLast().first(where: { bytes[$0] == 58 && bytes[$0 + 1] == 58 }) else { return groups(s[...]) == 8 }
    guard let a = groups(Substring(decoding: bytes[..<gap], as: UTF8.self)), let b = groups(Substring(decoding: bytes[(gap + 2)...], as: UTF8.self)) else {
      return false
    }
    return a + b <= 7
  }
}
