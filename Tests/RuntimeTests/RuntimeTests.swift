// SPDX-License-Identifier: Apache-2.0
//
// Images' names and users as containers see them. That containers are what they should be is looked at from outside: Tests/System, Tests/Conformance.
import Glibc
import Images
import Kernel
import Runtime
import Testing

@Suite struct Names {
  @Test(arguments: [
    ("busybox", "docker.io/library/busybox:latest"), ("busybox:1.36", "docker.io/library/busybox:1.36"), ("a/b", "docker.io/a/b:latest"),
    ("docker.io/library/busybox", "docker.io/library/busybox:latest"), ("index.docker.io/x", "docker.io/library/x:latest"),
    ("r.example:5000/a/b:c", "r.example:5000/a/b:c"), ("localhost/x", "localhost/x:latest"), ("[::1]:5000/x", "[::1]:5000/x:latest"),
  ])
  func areFilledIn(_ text: String, _ whole: String) throws { #expect("\(try ImageReference(parsing: text))" == whole) }

  @Test(arguments: ["", "Busybox", "a//b", "a:b:c", "a b", "-a", "a@sha256:12", ":tag", "a/", String(repeating: "0", count: 64), "a:\(String(repeating: "t", count: 129))"])
  func orRefused(_ text: String) { #expect(throws: ImageReference.Invalid.self) { try ImageReference(parsing: text) } }

  @Test func theRecipeOfANameWhateverItsTag() throws {
    #expect(Recipe.named(try ImageReference(parsing: "busybox:9.9")) == .busybox)
    for other in ["other.io/library/busybox", "postgres"] { #expect(Recipe.named(try ImageReference(parsing: other)) == nil) }
  }
}

@Suite struct UsersOfAnImage {
  let folder: String
  let database: UserDatabase

  init() throws {
    folder = "/tmp/podlab-runtime-\(getpid())-\(Clock.monotonic)"
    try FileSystem.makeFolders(folder + "/etc")
    try FileSystem.write(folder + "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/srv:/bin/sh\nbroken line\n")
    try FileSystem.write(folder + "/etc/group", "root:x:0:\nwww:x:34:\nextra:x:50:web,other\n")
    database = UserDatabase(layers: [folder + "/missing", folder])
    try FileSystem.removeTree(folder)
  }

  @Test func byNameByNumberWithGroup() {
    #expect(database.resolve("web").map { [$0.user, $0.group] + $0.supplementary } == [33, 34, 50])
    #expect(database.resolve("33").map { [$0.user, $0.group] } == [33, 34])
    #expect(database.resolve("web:extra").map { [$0.user, $0.group] } == [33, 50])
    #expect(database.resolve("1234").map { [$0.user, $0.group] } == [1234, 0])
    #expect(database.resolve("nobody") == nil && database.resolve("web:nogroup") == nil)
    #expect(database.home(of: 33) == "/srv" && database.home(of: 1) == nil)
  }
}

@Suite struct TheHost {
  @Test func isWhatProcSays() {
    let host = Host.discover()
    let text = optional { () throws(SysError) in try FileSystem.readText("/proc/self/uid_map") } ?? ""
    #expect(host.isUserNamespace == !text.contains("4294967295"))
    #expect(host.maps(user: 0) == text.split(separator: "\n").contains { $0.split(separator: " ").first == "0" })
  }
}
