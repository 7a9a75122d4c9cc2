// SPDX-License-Identifier: Apache-2.0
//
// This machine's static busybox with a link for every applet.
import Glibc
import Kernel

enum Applets {
  private static let remedy = "the image is made from this machine's static busybox: as root, apt-get install busybox-static"

  /// Returns the program's date, seconds since 1970.
  static func add(to assembly: LayerAssembly, folder: String) throws(Failure) -> Int {
    let (path, bytes) = try find()
    let names = try list(path)
    assembly.file("\(folder)/busybox", bytes, mode: 0o755)
    for n in names where n != "busybox" && !assembly.exists("\(folder)/\(n)") { assembly.hardLink("\(folder)/\(n)", to: "\(folder)/busybox", mode: 0o755) }
    do throws(SysError) { return Int(try FileSystem.info(path).modified / 1_000_000_000) } catch { throw Failure(error) }
  }

  /// The first busybox here that needs no shared library.
  private static func find() throws(Failure) -> (path: String, bytes: [UInt8]) {
    var dynamic: String?
    for path in ["/bin/busybox", "/usr/bin/busybox", "/bin/busybox.static", "/usr/bin/busybox.static"] where FileSystem.exists(path) {
      let bytes: [UInt8]
      do throws(SysError) { bytes = try FileSystem.read(path) } catch { throw Failure(error) }
      if ELF.isStatic(bytes) { return (path, bytes) }
      dynamic = dynamic ?? path
    }
    throw Failure(dynamic.map { "\($0) is not static; \(remedy)" } ?? "there is no busybox here; \(remedy)")
  }

  private static func list(_ path: String) throws(Failure) -> [String] {
    do throws(SysError) {
      let pipe = try FileDescriptor.pipe()
      var plan = SpawnPlan(.paths([path]), ["busybox", "--list"])
      plan.steps = [.init(.duplicate(from: pipe.write.raw, to: 1)), .init(.closeFrom(3, atExec: true))]
      let child = try plan.spawn()
      let ends = pipe.ends()
      _ = close(ends.1)
      let reader = FileDescriptor(owning: ends.0)
      let text = String(decoding: try FileSystem.read(reader.raw, "busybox --list"), as: UTF8.self)
      let status = try child.wait()
      let names = text.split(separator: "\n").map(String.init).filter { !$0.contains("/") }
      if status.code != 0 || names.isEmpty { throw SysError(call: "execve", object: "\(path) --list", errno: ENOEXEC) }
      return names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    } catch { throw Failure(error.during("asking busybox for its applets")) }
  }
}
