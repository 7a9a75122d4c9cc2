// SPDX-License-Identifier: Apache-2.0
//
// The image `busybox`: this machine's static busybox with a link for every applet, and the users, groups and folders of the official image, so
// that manifests found anywhere find what they expect.
import Glibc
import Images
import Kernel
import Manifest

struct BusyboxRecipe {
  private static let remedy = "the image busybox is made from this machine's static busybox: as root, apt-get install busybox-static"

  private static let users = """
    root:x:0:0:root:/root:/bin/sh
    daemon:x:1:1:daemon:/usr/sbin:/bin/false
    bin:x:2:2:bin:/bin:/bin/false
    sys:x:3:3:sys:/dev:/bin/false
    sync:x:4:100:sync:/bin:/bin/sync
    mail:x:8:8:mail:/var/spool/mail:/bin/false
    www-data:x:33:33:www-data:/var/www:/bin/false
    operator:x:37:37:Operator:/var:/bin/false
    nobody:x:65534:65534:nobody:/home:/bin/false

    """

  private static let groups = [
    ("root", 0), ("daemon", 1), ("bin", 2), ("sys", 3), ("adm", 4), ("tty", 5), ("disk", 6), ("lp", 7), ("mail", 8), ("kmem", 9), ("wheel", 10),
    ("cdrom", 11), ("dialout", 18), ("floppy", 19), ("video", 28), ("audio", 29), ("tape", 32), ("www-data", 33), ("operator", 37), ("utmp", 43),
    ("plugdev", 46), ("staff", 50), ("lock", 54), ("netdev", 82), ("users", 100), ("nobody", 65534),
  ]

  /// Folders in the order in which they are made.
  private static let folders: [(path: String, mode: UInt32, owner: Int64)] = [
    ("bin", 0o755, 0), ("dev", 0o755, 0), ("etc", 0o755, 0), ("etc/network", 0o755, 0), ("home", 0o755, 65534), ("lib", 0o755, 0), ("proc", 0o555, 0),
    ("root", 0o700, 0), ("run", 0o755, 0), ("sys", 0o555, 0), ("tmp", 0o1777, 0), ("usr", 0o755, 0), ("usr/bin", 0o755, 0), ("usr/sbin", 0o755, 0),
    ("var", 0o755, 0), ("var/spool", 0o755, 0), ("var/spool/mail", 0o755, 8), ("var/www", 0o755, 33),
  ]

  func build(into writer: StoreWriter) throws(Failure) {
    let (path, bytes) = try Self.find()
    let applets = try Self.applets(of: path)
    let time: Int
    do throws(SysError) { time = try Self.modified(path) } catch { throw Failure(error) }

    let tar = try TarWriter(to: writer.openBlob(), time: time)
    for f in Self.folders { try tar.folder(f.path, mode: f.mode, uid: f.owner, gid: f.owner) }
    try tar.file("bin/busybox", bytes, mode: 0o755)
    for a in applets where a != "busybox" { try tar.link("bin/\(a)", to: "bin/busybox", mode: 0o755) }
    // Scripts begin with #!/usr/bin/env.
    try tar.symlink("usr/bin/env", to: "../../bin/env")
    let shadow = Self.users.split(separator: "\n").map { "\($0.prefix { $0 != ":" }):*:::::::\n" }.joined()
    let groups = Self.groups.map { "\($0.0):x:\($0.1):\($0.0 == "wheel" ? "root" : "")\n" }.joined()
    try tar.file("etc/group", Array(groups.utf8))
    try tar.file("etc/passwd", Array(Self.users.utf8))
    try tar.file("etc/shadow", Array(shadow.utf8), mode: 0o600)
    let layer = try writer.unpack(try tar.finish())

    let config = Value.object([
      ("created", .string(Self.rfc3339(time))), ("architecture", .string(Self.architecture)), ("os", .string("linux")),
      (
        "config",
        .object([
          ("Env", .strings(["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"])), ("Cmd", .strings(["sh"])),
        ])
      ), ("rootfs", .object([("type", .string("layers")), ("diff_ids", .strings([layer.diffID]))])),
      ("history", .array([.object([("created", .string(Self.rfc3339(time))), ("created_by", .string("podlab-image build busybox"))])])),
    ])
    try writer.commit(name: Recipe.busybox.reference, config: JSON.compactBytes(config), layers: [layer], source: .recipe(Recipe.busybox.rawValue))
  }

  /// The first busybox here that needs no shared library.
  private static func find() throws(Failure) -> (path: String, bytes: [UInt8]) {
    var dynamic: String?
    for path in ["/bin/busybox", "/usr/bin/busybox", "/bin/busybox.static", "/usr/bin/busybox.static"] where FileSystem.exists(path) {
      let bytes: [UInt8]
      do throws(SysError) { bytes = try FileSystem.read(path) } catch { throw Failure(error) }
      if isStatic(bytes) { return (path, bytes) }
      dynamic = dynamic ?? path
    }
    throw Failure(dynamic.map { "\($0) is not static; \(remedy)" } ?? "there is no busybox here; \(remedy)")
  }

  /// An ELF file of 64 bits without PT_INTERP (elf(5)).
  private static func isStatic(_ b: [UInt8]) -> Bool {
    func number(_ at: Int, _ count: Int) -> Int {
      guard at >= 0, at + count <= b.count else { return 0 }
      return (0..<count).reduce(0) { $0 | Int(b[at + $1]) << (8 * $1) }
    }
    guard b.count > 64, b[0..<5] == [0x7f, 0x45, 0x4c, 0x46, 2] else { return false }
    let table = number(32, 4)
    let size = number(54, 2)
    return !(0..<number(56, 2)).contains { number(table + $0 * size, 4) == 3 }
  }

  private static func applets(of path: String) throws(Failure) -> [String] {
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

  private static func modified(_ path: String) throws(SysError) -> Int {
    var s = stat()
    if stat(path, &s) != 0 { throw SysError(call: "stat", object: path, errno: errno) }
    return s.st_mtim.tv_sec
  }

  private static func rfc3339(_ time: Int) -> String {
    var t = time
    var parts = tm()
    gmtime_r(&t, &parts)
    func two(_ n: Int32) -> String { n < 10 ? "0\(n)" : "\(n)" }
    return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))Z"
  }

  private static var architecture: String {
    #if arch(arm64)
      "arm64"
    #else
      "amd64"
    #endif
  }
}
