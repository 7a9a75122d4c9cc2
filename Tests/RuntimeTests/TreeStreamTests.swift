// SPDX-License-Identifier: Apache-2.0
//
// What is copied to and from containers: a stream from a hostile sender makes nothing outside its folder.
import Glibc
import Kernel
import Runtime
import Testing

@Suite struct NamesOfACopy {
  @Test(arguments: ["", "a", "a/b", "..a", "a..", ".hidden/x"]) func staysInside(_ name: String) { #expect(TreeReceiver.isInside(name)) }
  @Test(arguments: ["/", "/a", "..", "a/..", "../a", "a/../b", "a//b", "a/", "./a", "a\0b"]) func leaves(_ name: String) { #expect(!TreeReceiver.isInside(name)) }

  @Test(arguments: [("a", "b"), ("a/b", "../c"), ("a/b/c", "../../d"), ("a/b", "x/../y")]) func linksInside(_ name: String, _ text: String) {
    #expect(TreeReceiver.staysInside(text, from: name))
  }
  @Test(arguments: [("a", "/etc"), ("a", ".."), ("a", "../b"), ("a/b", "../../c"), ("a/b", "x/../../../y"), ("", "a"), ("a", "")])
  func linksOut(_ name: String, _ text: String) { #expect(!TreeReceiver.staysInside(text, from: name)) }
}

@Suite struct HostileStreams {
  let folder: String

  init() throws {
    folder = "/tmp/podlab-tree-\(getpid())-\(Clock.monotonic)"
    try FileSystem.makeFolders(folder + "/in")
    try FileSystem.makeFolders(folder + "/out")
    try FileSystem.write(folder + "/out/f", "old")
  }

  /// Bytes of an entry, as a sender that is not ours might write them.
  private func entry(_ kind: TreeEntry.Kind, _ name: String, link: String = "", content: String = "") -> [UInt8] {
    var b: [UInt8] = [kind.rawValue]
    func add<T: FixedWidthInteger>(_ v: T) { withUnsafeBytes(of: v.littleEndian) { b += $0 } }
    add(UInt32(0o644))
    add(UInt32(0))
    add(UInt32(0))
    add(Int64(1))
    add(UInt32(0))
    add(UInt64(content.utf8.count))
    add(UInt32(name.utf8.count))
    add(UInt32(link.utf8.count))
    b += [UInt8](repeating: 0, count: 48 - b.count)
    return b + name.utf8 + link.utf8 + content.utf8
  }

  private func receive(_ bytes: [UInt8], refuses: Bool = true) throws -> [String] {
    let (read, write) = try FileDescriptor.pipe().ends()
    let input = FileDescriptor(owning: read)
    let output = FileDescriptor(owning: write)
    try writeAll(output.raw, bytes)
    _ = consume output
    var options = TreeReceiver.Options()
    options.refusesOutwardLinks = refuses
    options.resolve = .beneath
    var warnings: [String] = []
    let root = try FileDescriptor.open(folder + "/in", FileDescriptor.pathOnly | O_DIRECTORY)
    var receiver = TreeReceiver(root: root, top: "", options: options) { warnings.append($0) }
    try receiver.receive(TreeReader(input.raw), shown: "in")
    return warnings
  }

  @Test func namesAndLinksThatLeaveAreSkippedAndTheRestComes() throws {
    defer { _ = optional { () throws(SysError) in try FileSystem.removeTree(folder) } }
    let bytes =
      entry(.file, "../out/f", content: "new") + entry(.file, folder + "/out/f", content: "new") + entry(.symlink, "l", link: "../out")
      + entry(.symlink, "ok", link: "sub") + entry(.folder, "sub") + entry(.file, "sub/x", content: "here") + entry(.end, "")
    let warnings = try receive(bytes)
    #expect(warnings.count == 3)
    #expect(try FileSystem.readText(folder + "/out/f") == "old")
    #expect(try FileSystem.list(folder + "/in") == ["ok", "sub"])
    #expect(try FileSystem.readText(folder + "/in/ok/x") == "here")
  }

  @Test func aLinkThatIsThereAlreadyIsNotFollowedOut() throws {
    defer { _ = optional { () throws(SysError) in try FileSystem.removeTree(folder) } }
    try FileSystem.symlink("../out", at: folder + "/in/d")
    try FileSystem.symlink("../out/f", at: folder + "/in/f")
    let warnings = try receive(entry(.folder, "d") + entry(.file, "d/f", content: "new") + entry(.file, "f", content: "mine") + entry(.end, ""))
    #expect(warnings.count == 2)
    #expect(try FileSystem.readText(folder + "/out/f") == "old")
    // The link itself is replaced.
    #expect(try FileSystem.readText(folder + "/in/f") == "mine" && FileSystem.info(folder + "/in/f", follow: false).isRegular)
  }

  @Test func aStreamThatIsCutOffOrGarbageIsAnError() throws {
    defer { _ = optional { () throws(SysError) in try FileSystem.removeTree(folder) } }
    let whole = entry(.file, "a", content: "content")
    for bytes in [[], Array(whole.dropLast()), whole, [UInt8](repeating: 0xff, count: 200)] { #expect(throws: SysError.self) { try receive(bytes) } }
  }
}
