// SPDX-License-Identifier: Apache-2.0
//
// What must hold for any bytes that reach a supervisor's socket: returned is the promise that they break, nil for none.
// The unit tests hold the corpus of Fuzz/ against it, the fuzzer whatever it comes upon.
#if canImport(Control)
  import Control
#endif
import Manifest

enum ProtocolPromises {
  static func control(_ bytes: [UInt8]) -> String? {
    // Cut where the input itself says, and all at once: the same lines come out.
    let whole = lines(bytes, every: max(1, bytes.count))
    let pieces = lines(bytes, every: 1 + Int(bytes.first ?? 0) % 64)
    guard whole == pieces, whole == bytes.split(separator: 10, omittingEmptySubsequences: false).dropLast().map(Array.init) else {
      return "other lines when read in pieces"
    }
    for line in whole {
      do throws(PoddRequest.Invalid) {
        guard case .update(let object) = try PoddRequest(line) else { continue }
        _ = Pod(stored: object)
        // What podd stores is what it was sent.
        let stored = JSON.compactBytes(object)
        do throws(JSON.Malformed) {
          guard JSON.compactBytes(try JSON.parse(stored)) == stored else { return "another when stored and read: \(JSON.compact(object))" }
        } catch { return "stored and not readable: \(error): \(JSON.compact(object))" }
      } catch { if "\(error)".isEmpty { return "an error without words" } }
    }
    return nil
  }

  private static func lines(_ bytes: [UInt8], every size: Int) -> [[UInt8]] {
    var reader = LineReader()
    var all: [[UInt8]] = []
    var at = 0
    while at < bytes.count {
      let end = min(bytes.count, at + size)
      guard reader.add(bytes[at..<end]) else { return all }
      while let line = reader.next() { all.append(line) }
      at = end
    }
    return all
  }
}
