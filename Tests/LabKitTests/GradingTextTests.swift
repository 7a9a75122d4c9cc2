// SPDX-License-Identifier: Apache-2.0
//
// What a submission prints is shown and never obeyed; columns are counted in cells; digests are the published ones.
import Grading
import Manifest
import Testing

@Suite struct GradingTextTests {
  @Test func controlsAndInvalidBytesBecomeVisible() {
    #expect(Sanitise.visible("a\u{1b}[31mb") == "a\\x1b[31mb")
    #expect(Sanitise.visible("x\u{202E}y") == "x<U+202E>y")
    #expect(Sanitise.visible([0x61, 0xFF, 0x62, 0xC3, 0x28, 0xED, 0xA0, 0x80]) == "a\\xffb\\xc3(\\xed\\xa0\\x80")
    #expect(Sanitise.visible("中文 ok\n") == "中文 ok\n")
    #expect(Sanitise.visible("end  \nx ") == "end··\nx·")
    #expect(Sanitise.visible("\r\n\u{7f}\u{85}") == "\\r\n\\x7f\\x85")
    #expect(Sanitise.visible([0xF0, 0x9F, 0x98]) == "\\xf0\\x9f\\x98")
    #expect(Sanitise.visible([0xC0, 0x80]) == "\\xc0\\x80")
  }

  @Test func longTextIsCutWithACount() {
    let (text, cut) = Sanitise.capped([UInt8](repeating: 0x61, count: 10_000))
    #expect(cut == 10_000 - 8192)
    #expect(text.contains("… 1808 bytes …"))
    #expect(Sanitise.capped(Array("short".utf8)).truncatedBytes == 0)
  }

  @Test func differencesAreCutAroundTheirFirstDifference() {
    let same = String(repeating: "a", count: 200)
    let (left, right) = Sanitise.difference(same + "X tail", same + "Y tail")
    #expect(left.contains("X tail") && right.contains("Y tail"))
    #expect(left.count < 80)
  }

  @Test func cellsAreCountedAsTheTerminalDoes() {
    #expect(Cells.width("变体 7f2c") == 9)
    #expect(Cells.width("e\u{301}") == 1)
    #expect(Cells.padded("通过", to: 8) == "通过    ")
    #expect(Cells.truncated("应用与 sidecar", to: 8) == "应用与 …")
    for line in Cells.wrapped("轮转之后，旧文件要读到写端关闭为止。一个卷是 one directory mounted twice，不是副本。", to: 20) {
      #expect(Cells.width(line) <= 20)
      #expect(!"，。".contains(line.first ?? "x"))
    }
    #expect(Cells.wrapped("one two three", to: 7) == ["one two", "three"])
    #expect(Cells.folded("  a  b  c", to: 9, indent: 4) == ["  a  b  c"])
    #expect(Cells.folded("  web   pid 17   httpd -f", to: 20, indent: 4) == ["  web   pid 17", "    httpd -f"])
    #expect(Cells.folded("  0123456789", to: 8, indent: 4) == ["  012345", "    6789"])
  }

  @Test func digestsAreThePublishedOnes() {
    #expect(SHA256.hex([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(SHA256.hex(Array("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      SHA256.hex([UInt8](repeating: 0x61, count: 1_000_000)) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    // RFC 4231, test case 2.
    let mac = SHA256.authenticate(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
    #expect(SHA256.hexadecimal(mac) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
  }

  @Test func variantsFollowFromTheSeed() {
    let seed = Variant.seed(exercise: "03-sidecar", version: 1)
    #expect(seed.count == 16 && seed == Variant.seed(exercise: "03-sidecar", version: 1))
    #expect(seed != Variant.seed(exercise: "03-sidecar", version: 1, student: "s1"))
    #expect(Variant.seed(exercise: "a", version: 1, student: "1") != Variant.seed(exercise: "a", version: 11, student: ""))
    let choices = [(name: "dir", values: ["/a", "/b", "/c"]), (name: "n", values: ["1", "2"])]
    let variant = Variant(seed: seed, choices: choices)
    #expect(variant == Variant(seed: seed, choices: choices))
    #expect(variant.fill("${dir} $dir ${other} ${n", ["token": "t"]).hasSuffix(" $dir ${other} ${n"))
    let seen = Set((0..<40).compactMap { Variant(seed: "\($0)", choices: choices).values["dir"] })
    #expect(seen.count == 3)
  }

  @Test func pathsFindWhatChecksName() {
    let pod = Value.object([("spec", .object([("containers", .array([.object([("name", .string("a")), ("args", .strings(["x", "y"]))])]))]))])
    #expect(ObjectPath.find("spec.containers[name=a].args[1]", in: pod) == .string("y"))
    #expect(ObjectPath.find("spec.containers[name=b].args", in: pod) == nil)
    #expect(ObjectPath.find("spec.containers[4]", in: pod) == nil)
  }
}
