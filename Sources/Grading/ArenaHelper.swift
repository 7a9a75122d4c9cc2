// SPDX-License-Identifier: Apache-2.0
//
// What is done to a student's bytes before anybody may look at them: unpacking an archive, parsing YAML. It runs inside the
// arena (`lab arena-helper …`), where a bug in a parser harms nobody; what it prints is read as plain JSON by the observer.
import Glibc
import Kernel
import Manifest

public enum ArenaHelper {
  /// `unpack FOLDER`: a tar archive on standard input becomes files. `manifest NAME`: YAML becomes JSON, or diagnostics.
  public static func run(_ arguments: [String]) -> Int32 {
    guard let verb = arguments.first, arguments.count == 2 else { return 2 }
    let input: [UInt8]
    do throws(SysError) { input = try FileSystem.read(0, "standard input", limit: 8 << 20) } catch { return fail("\(error)") }
    switch verb {
    case "unpack": return unpack(input, into: arguments[1])
    case "manifest": return manifest(input, name: arguments[1])
    default: return 2
    }
  }

  private static func unpack(_ archive: [UInt8], into folder: String) -> Int32 {
    let entries: [Tar.Entry]
    do throws(ArchiveRefusal) { entries = try Tar.read(archive) } catch {
      return answer(.object([("refused", .strings(error.offenders))]))
    }
    do throws(SysError) {
      for entry in entries {
        let path = "\(folder)/\(entry.path)"
        if let slash = path.lastIndex(of: "/") { try FileSystem.makeFolders(String(path[..<slash])) }
        try FileSystem.write(path, entry.content)
      }
    } catch { return fail("\(error)") }
    return answer(.object([("files", .strings(entries.map(\.path)))]))
  }

  private static func manifest(_ bytes: [UInt8], name: String) -> Int32 {
    var limits = YAMLReader.Limits()
    (limits.nodes, limits.aliased) = (10_000, 100)
    let (documents, diagnostics) = YAMLReader.read(bytes, file: name, limits: limits)
    var errors = diagnostics.filter { $0.severity == .error }.map(\.description)
    // Everything else that is wrong with it, all at once, as `podctl apply` would say it.
    if errors.isEmpty { errors = Loader.load(bytes, file: name).errors.map(\.description) }
    if !errors.isEmpty { return answer(.object([("refused", .strings(errors))])) }
    return answer(.object([("documents", .array(documents.map(\.value)))]))
  }

  private static func answer(_ value: Value) -> Int32 {
    do throws(SysError) { try writeAll(1, JSON.compact(value) + "\n") } catch { return fail("\(error)") }
    return 0
  }

  private static func fail(_ text: String) -> Int32 {
    _ = optional { () throws(SysError) in try writeAll(2, text + "\n") }
    return 1
  }
}
