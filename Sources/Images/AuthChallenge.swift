// SPDX-License-Identifier: Apache-2.0
//
// What a registry demands with 401: WWW-Authenticate (RFC 9110, 11.6.1).

public struct AuthChallenge: Sendable, Equatable {
  /// bearer, basic … in small letters.
  public var scheme: String
  /// realm, service, scope, error; names in small letters.
  public var parameters: [String: String]

  /// All challenges of a header's value.
  public static func parse(_ text: String) -> [AuthChallenge] {
    var all: [AuthChallenge] = []
    let b = Array(text.utf8)
    var at = 0
    func isToken(_ c: UInt8) -> Bool { c > 32 && c < 127 && !"()<>@,;:\\\"/[]?={}".utf8.contains(c) }
    func blanks() { while at < b.count, b[at] == 32 || b[at] == 9 || b[at] == 44 { at += 1 } }
    func token() -> String {
      let start = at
      while at < b.count, isToken(b[at]) { at += 1 }
      return String(decoding: b[start..<at], as: UTF8.self)
    }
    while true {
      blanks()
      let word = token()
      if word.isEmpty { return all }
      guard at < b.count, b[at] == 61 else {
        all.append(AuthChallenge(scheme: word.lowercased(), parameters: [:]))
        continue
      }
      // NAME=value of the challenge before; padding of a token68 is passed over.
      at += 1
      var value: [UInt8] = []
      if at < b.count, b[at] == 34 {
        at += 1
        while at < b.count, b[at] != 34 {
          if b[at] == 92, at + 1 < b.count { at += 1 }
          value.append(b[at])
          at += 1
        }
        at = min(at + 1, b.count)
      } else {
        while at < b.count, b[at] != 44, b[at] != 32 { value.append(b[at]); at += 1 }
      }
      if !all.isEmpty { all[all.count - 1].parameters[word.lowercased()] = String(decoding: value, as: UTF8.self) }
    }
  }
}
