// SPDX-License-Identifier: Apache-2.0
//
// The fuzzer's corpus, read by the unit tests: Fuzz/corpus/TARGET beside these sources.
import Glibc

enum Corpus {
  /// The files of a target, sorted by name.
  static func files(_ target: String, beside source: String = #filePath) -> [(name: String, bytes: [UInt8])] {
    let home = source.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
    var found = glob_t()
    defer { globfree(&found) }
    guard glob("\(home)/Fuzz/corpus/\(target)/*", 0, nil, &found) == 0 else { return [] }
    return (0..<Int(found.gl_pathc)).compactMap { i in
      guard let path = found.gl_pathv[i], let file = fopen(path, "r") else { return nil }
      defer { fclose(file) }
      var bytes: [UInt8] = []
      var chunk = [UInt8](repeating: 0, count: 65536)
      while case let n = fread(&chunk, 1, chunk.count, file), n > 0 { bytes += chunk[..<n] }
      return (String(cString: path), bytes)
    }
  }
}
