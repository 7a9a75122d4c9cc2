// SPDX-License-Identifier: Apache-2.0
//
// Why an image could not be made, in a sentence with its remedy.
import Glibc
import Images
import Kernel
import Manifest

struct Failure: Error, CustomStringConvertible {
  var description: String
  init(_ text: String) { description = text }
  init(_ error: SysError) {
    description = "\(error)"
    if error.errno == ENOSPC || error.errno == EDQUOT {
      description += ". The disk is full: free some space (podctl image prune), or choose another folder"
    }
    if error.errno == EROFS { description += ". The file system is read-only: choose another folder" }
  }
  init(_ error: ImageError) { description = error.description }

  /// Parses JSON; what: its name in the failure.
  static func json(_ bytes: [UInt8], _ what: String) throws(Failure) -> Value {
    do throws(JSON.Malformed) { return try JSON.parse(bytes) } catch { throw Failure("\(what): \(error)") }
  }
}

/// Runs what throws a SysError; throws a Failure.
func failing<T: ~Copyable>(_ step: String? = nil, _ body: () throws(SysError) -> T) throws(Failure) -> T {
  do throws(SysError) { return try body() } catch { throw Failure(step.map { error.during($0) } ?? error) }
}
