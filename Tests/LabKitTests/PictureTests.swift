// SPDX-License-Identifier: Apache-2.0
//
// The pure parts of LabKit: what is drawn, what has changed, what a lab is for a cluster and for a player.
import LabKit
import Manifest
import Testing

@Suite struct PictureTests {
  @Test func boxesHaveEvenEdgesAlsoAroundIdeographs() {
    let box = Picture.box("容器", ["pid 1", "网络 4026"])
    #expect(box == ["┌─ 容器 ────┐", "│ pid 1     │", "│ 网络 4026 │", "└───────────┘"])
    #expect(Set(box.map(Cells.width)).count == 1)
    let two = Picture.beside([Picture.box("a", ["1", "2"]), Picture.box("b", ["1"])])
    #expect(two == ["┌─ a ─┐ ┌─ b ─┐", "│ 1   │ │ 1   │", "│ 2   │ └─────┘", "└─────┘        "])
  }

  @Test func aComparedTableSaysWhichColumnsAgree() {
    let lines = Picture.table(["", "net", "mnt"], [["web", "1", "2"], ["client", "1", "3"]], compared: .en).map { Picture.styled($0, colour: false) }
    #expect(lines == ["        net     mnt", "web     1       2", "client  1       3", "        = same  ≠ differ"])
    #expect(Picture.table(["", "a"], [["x", "1"], ["y", "1"]], compared: .zh).last?.contains("相同") == true)
  }

  @Test func treesJoinTheirBranches() {
    #expect(Picture.tree([(0, "/"), (1, "a"), (2, "b"), (1, "c")]) == ["/", "├─ a", "│  └─ b", "└─ c"])
  }

  @Test func theDifferenceOfTwoTextsIsMarked() {
    let lines = Picture.difference(("old", "abc-1-x"), ("new", "abc-22-x")).map { Picture.styled($0, colour: false) }
    #expect(lines == ["old  abc-1-x", "new  abc-22-x", "         ^^"])
    #expect(Picture.difference(("a", "same"), ("b", "same")).count == 2)
  }

  @Test func asciiKeepsTheWidth() {
    for line in Picture.box("t", ["█░ ≠ …", "● ✗ ▶ ■"]) {
      #expect(Picture.ascii(line).utf8.allSatisfy { $0 < 128 })
      #expect(Picture.ascii(line).count == line.count)
    }
    #expect(Picture.ascii("容器 ─") == "容器 -")
  }

  @Test func emphasisTakesNoRoom() {
    #expect(Cells.width(Picture.emphasised("ab")) == 2)
    #expect(Picture.styled(Picture.emphasised("ab"), colour: false) == "ab")
    #expect(Picture.styled(Picture.emphasised("ab"), colour: true) == "\u{1B}[1;33mab\u{1B}[0m")
  }
}

@Suite struct TimelineTests {
  static let journal = Array(
    """
    {"t":1000000000,"wall":0,"event":{"kind":"admitted","hostIP":"10.0.0.1"}}
    {"t":1000000000,"wall":0,"event":{"kind":"containerStarted","container":"app","id":"a"}}
    {"t":2000000000,"wall":0,"event":{"kind":"probeFinished","container":"app","probe":"liveness","result":"success"}}
    {"t":3000000000,"wall":0,"event":{"kind":"probeFinished","container":"app","probe":"liveness","result":"failure","text":"x"}}
    {"t":4000000000,"wall":0,"event":{"kind":"containerExited","container":"app","id":"a","exitCode":137}}
    {"t":5000000000,"wall":0,"event":{"kind":"containerSta
    """.utf8)

  @Test func aLaneForEachContainerAndProbe() {
    let t = Timeline(journal: Self.journal)
    #expect(t.lanes == ["app", "app liveness"])
    #expect(t.marks.map(\.at) == [0, 1, 2, 3])
    let lines = t.lines(.en, width: 31)
    #expect(lines[1].hasSuffix("▶─────────────────────────────✗"))
    #expect(lines[2].hasSuffix("··········●·········✗··········"))
    #expect(lines.last?.contains("✗ failed") == true && t.lines(.zh).last?.contains("启动") == true)
    #expect(Timeline(journal: []).lines(.en) == [])
    #expect(Timeline(journal: Self.journal, container: "other").lanes == [])
  }

  @Test func manyMarksInOneColumnStayWithinTheWidth() {
    let line = { (t: Int, k: String) in "{\"t\":\(t),\"wall\":0,\"event\":{\"kind\":\"\(k)\",\"container\":\"a\",\"exitCode\":1}}\n" }
    let text = (0..<200).map { line(1000 + $0, $0 % 2 == 0 ? "containerStarted" : "containerExited") }.joined() + line(90_000_000_000, "tick")
    for width in [1, 2, 54] { #expect(Timeline(journal: Array(text.utf8)).lines(.en, width: width).count == 3) }
  }
}

@Suite struct ChangesTests {
  @Test func onlyWhatChangedIsShown() {
    let before = Snapshot([.process: ["1 a", "10 b"], .link: ["x0"]])
    let after = Snapshot([.process: ["1 a", "11 c", "9 d"], .link: ["x0"], .cgroup: ["g"]])
    #expect(Snapshot.changes(from: before, to: after, .en) == ["+ 2 processes   9 d, 11 c", "- 1 process     10 b", "+ 1 cgroup      g"])
    #expect(Snapshot.changes(from: after, to: after, .zh) == ["没有任何变化"])
    let many = Snapshot([.namespace: ["ipc:[1]", "mnt:[2]", "net:[3]"]])
    #expect(Snapshot.changes(from: Snapshot(), to: many, .zh, columns: 33) == ["+ 3 命名空间    ipc:[1], mnt:[2],", "                net:[3]"])
  }
}

@Suite struct ExportTests {
  static let story = Story(
    "99-test", title: Text(en: "It's a test", zh: "测试"), question: Text(en: "q", zh: "问"), manifests: [.init("a.yaml", "kind: Pod\n")],
    steps: [
      Step(.data("one"), why: .data("w"), facts: [Fact("seen", en: "seen", zh: "看到"), Fact("hidden", en: "hidden", zh: "看不到")], cluster: "check seen x echo x") { _ in },
      Step(.data("two"), why: .data("w"), facts: [Fact("alone", en: "a", zh: "b")], standsAlone: true) { _ in },
      Step(.data("three"), why: .data("w"), facts: [Fact("follows", en: "a", zh: "b")]) { _ in },
    ])

  @Test func whatTheScriptDoesNotCheckItNames() {
    let files = ClusterScript.files(Self.story)
    #expect(files.map(\.name) == ["a.yaml", "run.sh"])
    let script = files[1].text
    #expect(script.contains("check seen x echo x") && !script.contains("on_the_node seen"))
    #expect(script.contains("on_the_node hidden 'hidden' '看不到'"))
    #expect(script.contains("'99-test   It'\\''s a test'"))
  }

  @Test func aBrokenFactNeedsTheStepsBeforeItUnlessItsOwnStandsAlone() {
    #expect(Self.story.steps(for: "seen") == 0..<1)
    #expect(Self.story.steps(for: "alone") == 1..<2)
    #expect(Self.story.steps(for: "follows") == 0..<3)
  }

  @Test func recordingsAreWhatPlayersRead() {
    #expect(Asciicast.line(nanoseconds: 1_002_003_000, "a\nb\"") == "[1.002003, \"o\", \"a\\r\\nb\\\"\"]")
    let header = try? JSON.parse(Array(Asciicast.header(title: "t", columns: 80, rows: 24, at: 5).utf8))
    #expect(header?["version"]?.int == 2 && header?["width"]?.int == 80 && header?["timestamp"]?.int == 5)
  }
}

@Suite struct TokenProofTests {
  @Test func sha256OfKnownTexts() {
    let hex = { (b: [UInt8]) in b.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() }
    // FIPS 180-4, examples.
    #expect(hex(TokenProof.sha256([])) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(hex(TokenProof.sha256(Array("abc".utf8))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(hex(TokenProof.sha256([UInt8](repeating: 97, count: 1000))) == "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3")
  }

  @Test func theExampleOfTheStandardHolds() throws {
    // RFC 7515, appendix A.2.
    let token = RFC7515.token
    let keys = try JSON.parse(Array(RFC7515.keys.utf8))
    #expect(TokenProof.holds(token, jwks: keys))
    #expect(!TokenProof.holds(token.replacing("eyJpc3M", with: "eyJpc3N"), jwks: keys))
    #expect(!TokenProof.holds("a.b", jwks: keys) && !TokenProof.holds(token, jwks: .object([])))
  }

  @Test func base64WithAndWithoutPadding() {
    #expect(TokenProof.bytes("YzFvdWRjMHc=") == Array("c1oudc0w".utf8))
    #expect(TokenProof.bytes("-_8") == [0xFB, 0xFF])
  }
}

enum RFC7515 {
  static let token = [
    "eyJhbGciOiJSUzI1NiJ9",
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
  ].joined(separator: ".")
  static let keys = """
    {"keys": [{"kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}]}
    """
}
