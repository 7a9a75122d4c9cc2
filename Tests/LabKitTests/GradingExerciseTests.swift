// SPDX-License-Identifier: Apache-2.0
//
// The exercises of this tree can be read, say everything twice, and keep what they promise about themselves; archives and
// folders that are not what they seem are refused.
import Grading
import Kernel
import Manifest
import Testing

private let home = String(#filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined())

@Suite struct GradingExerciseTests {
  @Test func everyExerciseCanBeRead() throws {
    let library = try Library(home: home)
    #expect(library.ids.contains("03-sidecar"))
    #expect(library.find("3") == ["03-sidecar"] && library.find("03") == ["03-sidecar"] && library.find("side") == ["03-sidecar"])
    for id in library.ids {
      let exercise = try Exercise(folder: "\(library.folder)/\(id)")
      let variant = exercise.variant()
      let checks = try exercise.checks(hidden: true)
      #expect(checks.reduce(0) { $0 + $1.points } > 0)
      #expect(Set(checks.map(\.id)).count == checks.count)
      #expect(try exercise.hints(.en, variant: variant).count == 3 && exercise.hints(.zh, variant: variant).count == 3)
      for part in ["starter", "solution"] {
        let files = try exercise.files(part, variant: variant)
        #expect(files.contains { $0.path == exercise.manifest })
        for file in files { #expect(!String(decoding: file.content, as: UTF8.self).contains("${dir}")) }
      }
      for language in Language.allCases {
        for line in try exercise.text("brief", language, variant: variant).split(separator: "\n") { #expect(Cells.width(line) <= 80, "\(line)") }
        for hint in try exercise.hints(language, variant: variant) {
          for line in hint.split(separator: "\n") { #expect(Cells.width(line) <= 80, "\(line)") }
        }
      }
    }
  }

  @Test func mistakesInChecksAreNamed() throws {
    func error(_ yaml: String) throws -> String {
      let folder = "/tmp/podlab-test-\(Clock.monotonic)/99-x"
      try FileSystem.makeFolders(folder)
      defer { try? FileSystem.removeTree(String(folder.dropLast(5))) }
      let head = "format: podlab.exercise/1\nid: 99-x\nversion: 1\nkind: manifest\ntitle: {en: t, zh: t}\nmanifest: pod.yaml\neditable: [pod.yaml]\n"
      try FileSystem.write("\(folder)/exercise.yaml", head)
      try FileSystem.write("\(folder)/checks.yaml", "format: podlab.checks/1\nchecks:\n" + yaml)
      let exercise = try Exercise(folder: folder)
      do { _ = try exercise.checks(hidden: false) } catch { return "\(error)" }
      return ""
    }
    let good = "- id: a\n  points: 1\n  title: {en: t, zh: t}\n  why: {en: w, zh: w}\n"
    #expect(try error(good + "  fact: {manifest: spec}\n  expect: {equals: 1}\n") == "")
    #expect(try error(good + "  fact: {manifst: spec}\n  expect: {equals: 1}\n").contains("unknown field \"manifst\""))
    #expect(try error(good + "  fact: {manifest: spec}\n  expect: {equals: 1}\n  within: soon\n").contains("must be a time"))
    #expect(try error(good + "  needs: [b]\n  fact: {manifest: spec}\n  expect: {equals: 1}\n").contains("needs b"))
    #expect(try error(good.replacing("zh: w", with: "zh: ''") + "  fact: {manifest: spec}\n  expect: {equals: 1}\n").contains("either language"))
  }

  @Test func globsStayInTheirFolder() {
    #expect(Glob.matches("*.yaml", "pod.yaml") && !Glob.matches("*.yaml", "a/pod.yaml"))
    #expect(Glob.matches("src/**.swift", "src/a/b.swift") && !Glob.matches("src/*.swift", "src/a/b.swift"))
    #expect(!Glob.matches("pod.yaml", "pod.yaml2") && Glob.matches("p?d.yaml", "pod.yaml"))
  }

  @Test func namesThatAreNotWhatTheySeemAreRefused() {
    for bad in ["../x", "/etc/passwd", "a/../b", "a//b", "", "-rf", "=cmd", "a\u{202E}b", "a\nb", "x ", "a/b/c/d/e/f/g/h/i", String(repeating: "x", count: 129)] {
      #expect(Tar.acceptable(Array(bad.utf8)) == nil || bad.isEmpty, "\(bad)")
    }
    #expect(Tar.acceptable([0xFF, 0x61]) == nil)
    #expect(Tar.acceptable(Array("./pod.yaml".utf8)) == "pod.yaml" && Tar.acceptable(Array("目录/文件".utf8)) == "目录/文件")
  }

  @Test func archivesAreReadStrictly() throws {
    let good = TarMaker.file("./pod.yaml", "kind: Pod\n") + TarMaker.file("b/c.txt", "x") + TarMaker.end
    #expect(try Tar.read(good).map(\.path) == ["pod.yaml", "b/c.txt"])
    func offenders(_ bytes: [UInt8]) -> [String] {
      do throws(ArchiveRefusal) { _ = try Tar.read(bytes); return [] } catch { return error.offenders }
    }
    #expect(offenders(TarMaker.file("../up", "") + TarMaker.file("/abs", "") + TarMaker.end).count == 2)
    #expect(offenders(TarMaker.file("l", "", type: "2", link: "/etc") + TarMaker.end) == ["link: l"])
    #expect(offenders(TarMaker.file("dev", "", type: "3") + TarMaker.file("fifo", "", type: "6") + TarMaker.end).count == 2)
    #expect(offenders(TarMaker.file("A", "") + TarMaker.file("a", "") + TarMaker.end) == ["twice: a"])
    #expect(offenders(Array(good.prefix(515))).first?.hasPrefix("damaged or cut off") ?? false)
    #expect(!offenders(Array(good.prefix(512))).isEmpty)
    var damaged = good
    damaged[3] ^= 1
    #expect(!offenders(damaged).isEmpty)
    #expect(!offenders([UInt8](repeating: 7, count: 4096)).isEmpty)
    let many = (0..<201).flatMap { TarMaker.file("f\($0)", "") } + TarMaker.end
    #expect(offenders(many) == ["more than 200 entries"])
  }

  @Test func aSubmissionTakesOnlyItsOwnPlainFiles() throws {
    let folder = "/tmp/podlab-test-\(Clock.monotonic)"
    try FileSystem.makeFolders(folder + "/sub")
    defer { try? FileSystem.removeTree(folder) }
    try FileSystem.write(folder + "/pod.yaml", "kind: Pod\n")
    try FileSystem.write(folder + "/checks.yaml", "mine")
    try FileSystem.write(folder + "/sub/x.yaml", "x")
    func read() throws -> Submission { try Submission.read(try FileDescriptor.open(folder, 0), editable: ["*.yaml"]) }
    #expect(throws: Never.self) { _ = try read() }
    let submission = try Submission.read(try FileDescriptor.open(folder, 0), editable: ["pod.yaml"])
    #expect(submission.files.keys.sorted() == ["pod.yaml"] && submission.unused == ["checks.yaml", "sub/x.yaml"])
    #expect(submission.digest.hasPrefix("sha256:"))
    try FileSystem.symlink("/etc/passwd", at: folder + "/link.yaml")
    #expect(throws: SubmissionError.self) { _ = try read() }
  }
}

private enum TarMaker {
  static let end = [UInt8](repeating: 0, count: 1024)

  static func file(_ name: String, _ text: String, type: Character = "0", link: String = "") -> [UInt8] {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ at: Int, _ value: String) { for (i, byte) in value.utf8.enumerated() { header[at + i] = byte } }
    func octal(_ n: Int, _ width: Int) -> String { let s = String(n, radix: 8); return String(repeating: "0", count: width - s.count) + s }
    put(0, name)
    put(100, "0000644")
    put(124, octal(text.utf8.count, 11))
    put(156, String(type))
    put(157, link)
    put(257, "ustar\u{0}00")
    put(148, "        ")
    put(148, octal(header.reduce(0) { $0 + Int($1) }, 6) + "\u{0} ")
    let body = Array(text.utf8)
    return header + body + [UInt8](repeating: 0, count: (512 - body.count % 512) % 512)
  }
}
