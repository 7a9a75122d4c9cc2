// SPDX-License-Identifier: Apache-2.0
//
// Names of probe hosts by the node's /etc/hosts: static programs have no NSS. hosts(5).
import Kernel

enum NameLookup {
  /// The first address that the file gives the name; localhost without a file too.
  static func address(_ name: String, hosts: String? = nil) -> IPAddress? {
    let text = hosts ?? optional { () throws(SysError) in try FileSystem.readText("/etc/hosts") } ?? ""
    let wanted = name.lowercased()
    for line in text.split(whereSeparator: \.isNewline) {
      let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" }
      guard let first = words.first, words.dropFirst().contains(where: { $0.lowercased() == wanted }) else { continue }
      if let address = IPAddress(literal: String(first)) { return address }
    }
    return wanted == "localhost" ? IPAddress("127.0.0.1") : nil
  }
}
