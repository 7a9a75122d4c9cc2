// SPDX-License-Identifier: Apache-2.0
//
// podlab-token: the helper that holds an instance's issuer key for the length of a signature. podd and podctl start it; neither links libcrypto.
import CCrypto
import Glibc
import Kernel
import Manifest

enum TokenProgram {
  static let usage = """
    usage: podlab-token KEYS [CLAIMS …]

      KEYS     the folder of the instance's keys; key, JWKS and certificate are made where they are missing
      CLAIMS   the claims of a token, as a JSON object; for each the signed token (JWT, RS256) is printed, a line each

    example: podlab-token /var/lib/podlab/keys '{"sub":"system:serviceaccount:default:default"}'

    """

  /// Returns the exit code: 0, 1 for a failure, 2 for a wrong command line.
  static func run(_ arguments: [String]) -> Int32 {
    if arguments.contains("--help") || arguments.contains("-h") {
      print(usage, terminator: "")
      return 0
    }
    // A signature needs neither openssl.cnf nor the texts of errors: reading them costs as much as it does.
    OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS), nil)
    guard let folder = arguments.first, !folder.hasPrefix("-") else {
      complain(usage)
      return 2
    }
    do throws(SysError) {
      let keys = try KeyFolder(folder)
      guard arguments.count > 1 else { return 0 }
      let key = try keys.issuer()
      var out = ""
      for text in arguments.dropFirst() {
        do throws(JSON.Malformed) { _ = try JSON.parse(Array(text.utf8)) } catch {
          complain("podlab-token: claims are no JSON object: \(error)\n")
          return 2
        }
        out += try key.token(text) + "\n"
      }
      try writeAll(1, out)
      return 0
    } catch {
      complain("podlab-token: \(error)\n")
      return 1
    }
  }

  private static func complain(_ text: String) { _ = optional { () throws(SysError) in try writeAll(2, text) } }
}
