// SPDX-License-Identifier: Apache-2.0
//
// What names may look like, with the API's own words for what they may not. Kubernetes: apimachinery/pkg/util/validation.

public enum Names {
  private static func lower(_ c: UInt8) -> Bool { (97...122).contains(c) || (48...57).contains(c) }
  private static func alphanumeric(_ c: UInt8) -> Bool { lower(c) || (65...90).contains(c) }

  /// A DNS-1123 label: nil when it is one, else what is wrong.
  public static func label(_ s: String) -> String? {
    let b = Array(s.utf8)
    if b.count > 63 { return "must be no more than 63 characters" }
    if let f = b.first, let l = b.last, lower(f), lower(l), b.allSatisfy({ lower($0) || $0 == 45 }) { return nil }
    return
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
  }

  /// A DNS-1123 subdomain.
  public static func subdomain(_ s: String) -> String? {
    if s.utf8.count > 253 { return "must be no more than 253 characters" }
    let parts = s.split(separator: ".", omittingEmptySubsequences: false)
    let good = !s.isEmpty && parts.allSatisfy { p in
      guard let f = p.utf8.first, let l = p.utf8.last else { return false }
      return lower(f) && lower(l) && p.utf8.allSatisfy { lower($0) || $0 == 45 }
    }
    if good { return nil }
    return
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
  }

  /// A label's or annotation's key: [prefix/]name.
  public static func qualified(_ s: String) -> String? {
    let parts = s.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let name = parts.last else {
      return "a qualified name must consist of alphanumeric characters, '-', '_' or '.', with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
    }
    if parts.count == 2, let why = subdomain(String(parts[0])) { return "prefix part \(why)" }
    if name.isEmpty { return "name part must be non-empty" }
    if name.utf8.count > 63 { return "name part must be no more than 63 characters" }
    return wellFormed(name)
      ? nil
      : "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
  }

  /// A label's value.
  public static func labelValue(_ s: String) -> String? {
    if s.utf8.count > 63 { return "must be no more than 63 characters" }
    return s.isEmpty || wellFormed(s[...])
      ? nil
      : "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
  }

  private static func wellFormed(_ s: Substring) -> Bool {
    guard let f = s.utf8.first, let l = s.utf8.last else { return false }
    return alphanumeric(f) && alphanumeric(l) && s.utf8.allSatisfy { alphanumeric($0) || $0 == 45 || $0 == 95 || $0 == 46 }
  }

  /// A key of a Secret or ConfigMap.
  public static func configKey(_ s: String) -> String? {
    if s.utf8.count > 253 { return "must be no more than 253 characters" }
    if s == "." || s == ".." || s.hasPrefix("..") { return "must not be '\(s == "." ? "." : "..")'" + (s.count > 2 ? " or start with '..'" : "") }
    if !s.isEmpty, s.utf8.allSatisfy({ alphanumeric($0) || $0 == 45 || $0 == 95 || $0 == 46 }) { return nil }
    return
      "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
  }

  /// An environment variable's name (relaxed since 1.34: printable ASCII without =).
  public static func environment(_ s: String) -> String? {
    !s.isEmpty && s.utf8.allSatisfy { (32...126).contains($0) && $0 != 61 }
      ? nil : "a valid environment variable name must consist only of printable ASCII characters other than '='"
  }

  /// A port's name (IANA_SVC_NAME).
  public static func port(_ s: String) -> String? {
    if s.utf8.count > 15 { return "must be no more than 15 characters" }
    if s.isEmpty || !s.utf8.allSatisfy({ lower($0) || $0 == 45 }) { return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)" }
    if !s.utf8.contains(where: { (97...122).contains($0) }) { return "must contain at least one letter (a-z)" }
    if s.contains("--") { return "must not contain consecutive hyphens" }
    if s.hasPrefix("-") || s.hasSuffix("-") { return "must not begin or end with a hyphen" }
    return nil
  }
}
