// SPDX-License-Identifier: Apache-2.0
//
// The rules of checking, on a scene that is not there: needs, fresh pods, patience, points, and words that do not differ
// from run to run.
import Grading
import Manifest
import Testing

/// A scene whose readings are given, and whose clock only moves when somebody waits.
private final class PaperScene: Scene {
  var now: Int64 = 0
  var exhausted = false
  var fresh = 0
  var performed: [Action] = []
  var answer: (Question, Int64) throws(SceneError) -> Reading
  var failure: SceneFailure?

  init(_ answer: @escaping (Question, Int64) throws(SceneError) -> Reading) { self.answer = answer }
  func freshPod() throws(SceneError) -> SceneFailure? { fresh += 1; return failure }
  func anyPod() throws(SceneError) -> SceneFailure? { failure }
  func read(_ question: Question) throws(SceneError) -> Reading { try answer(question, now) }
  func perform(_ action: Action, deadline: Int64) throws(SceneError) -> SceneFailure? { performed.append(action); return nil }
  func rest(until: Int64) { now += 100_000_000 }
  func log() -> [UInt8] { Array("log\u{1b}\n".utf8) }
}

private func check(
  _ id: String, needs: [String] = [], actions: [Action] = [], _ expect: Grading.Expectation, patience: Patience = .now, points: Int = 2
) -> Check {
  Check(
    id: id, points: points, title: Text(en: "t", zh: "题"), why: Text(en: "w", zh: "因"), needs: needs, visibility: .visible,
    actions: actions, claims: [Claim(fact: Question(.pod(path: id)), expect: expect, patience: patience, expected: nil)])
}

@Suite struct GradingCheckTests {
  let checker = Checker(variant: Variant(seed: "00", choices: []), speedFactor: 1, token: { "tok" })

  @Test func aFailedNeedIsSkippedAndCostsOnce() {
    let scene = PaperScene { question, _ throws(SceneError) in
      if case .pod("a") = question.source { Reading(.string("no")) } else { Reading(.string("yes")) }
    }
    let results = checker.run(
      [check("a", .equals(.value(.string("yes")))), check("b", needs: ["a"], .equals(.value(.string("yes")))), check("c", .equals(.value(.string("yes"))))],
      in: scene)
    #expect(results.map(\.status) == [.fail, .skip, .pass])
    #expect(results.map(\.points) == [0, 0, 2])
    #expect(results[1].reason == .dependency)
    #expect(results[0].log?.text == "log\\x1b\n")
  }

  @Test func whatActsRunsLastAndOnAFreshPod() {
    var order: [String] = []
    var checker = checker
    checker.progress = { check, _, _ in order.append(check.id) }
    let scene = PaperScene { _, _ throws(SceneError) in Reading(.bool(true)) }
    let results = checker.run(
      [check("kill", actions: [.delete], .equals(.value(.bool(true)))), check("look", .equals(.value(.bool(true))))], in: scene)
    #expect(order == ["look", "kill"])
    #expect(results.map(\.id) == ["kill", "look"])
    #expect(scene.fresh == 1 && scene.performed == [.delete])
  }

  @Test func eventuallyAndAlways() {
    let late = PaperScene { _, now throws(SceneError) in Reading(.bool(now >= 300_000_000)) }
    let yes = Grading.Expectation.equals(.value(.bool(true)))
    #expect(checker.run([check("x", yes, patience: .within(1_000_000_000))], in: late)[0].status == .pass)
    let tooLate = PaperScene { _, now throws(SceneError) in Reading(.bool(now >= 3_000_000_000)) }
    #expect(checker.run([check("x", yes, patience: .within(1_000_000_000))], in: tooLate)[0].status == .fail)
    let breaks = PaperScene { _, now throws(SceneError) in Reading(.bool(now < 300_000_000)) }
    #expect(checker.run([check("x", yes, patience: .throughout(1_000_000_000))], in: breaks)[0].status == .fail)
    let holds = PaperScene { _, _ throws(SceneError) in Reading(.bool(true)) }
    #expect(checker.run([check("x", yes, patience: .throughout(1_000_000_000))], in: holds)[0].status == .pass)
    #expect(holds.now >= 1_000_000_000)
  }

  @Test func ourOwnFailureIsNeverAMark() {
    let scene = PaperScene { _, _ throws(SceneError) in throw SceneError("EPERM on setns") }
    let result = checker.run([check("x", .equals(.value(.bool(true))))], in: scene)[0]
    #expect(result.status == .error && result.reason == .internal && result.points == 0)
  }

  @Test func nothingEqualsNothing() {
    let none = Reading(nil, absence: Text(en: "no such file", zh: "没有这个文件"))
    #expect(!Matcher.judge(.equals(.fact(Question(.left))), none, other: Reading(nil)).holds)
    #expect(!Matcher.judge(.differs(.fact(Question(.left))), none, other: Reading(nil)).holds)
    #expect(Matcher.judge(.absent, none).holds)
    #expect(Matcher.judge(.equals(.value(.int(1))), none).found.en == "no such file")
  }

  @Test func numbersThatDifferFromRunToRunAreNotShown() {
    let mask: Set<String> = ["device", "inode"]
    let a = Reading(.object([("device", .int(1)), ("inode", .int(4711))]), masked: mask)
    let b = Reading(.object([("device", .int(1)), ("inode", .int(4712))]), masked: mask)
    let verdict = Matcher.judge(.equals(.fact(Question(.left))), a, other: b)
    #expect(!verdict.holds)
    #expect(verdict.expected.en == "the same device and inode" && verdict.found.en == "a different device and inode")
    #expect(Matcher.judge(.differs(.fact(Question(.left))), a, other: b).holds)
  }

  @Test func linesAreAccountedFor() {
    func lines(_ numbers: [Int]) -> Reading { Reading(.strings(numbers.map { "order \($0): t" })) }
    let expect = Grading.Expectation.eachOnce(lines: 100, text: "order ${n}: t")
    #expect(Matcher.judge(expect, lines(Array(1...100))).holds)
    let lost = Matcher.judge(expect, lines(Array(1...40) + Array(44...100)))
    #expect(lost.found == Text(en: "97 lines; missing 41, 42, 43", zh: "97 行；缺 41, 42, 43"))
    let twice = Matcher.judge(expect, lines(Array(1...100) + [7]))
    #expect(twice.found.en == "101 lines; more than once 7" && !twice.holds)
    #expect(Matcher.judge(expect, lines(Array(1...43))).found.en == "43 lines; missing 44 to 100")
    #expect(Matcher.judge(expect, Reading(.array([]))).found.en == "none of the lines")
  }

  @Test func theFirstDifferenceIsNamed() {
    let a = Reading(.object([("image", .string("busybox")), ("args", .strings(["one", "two!"]))]))
    let b = Reading(.object([("image", .string("busybox")), ("args", .strings(["one", "two"]))]))
    let verdict = Matcher.judge(.equals(.fact(Question(.left))), a, other: b)
    #expect(verdict.found.en == "args[1]: two!" && verdict.expected.en == "args[1]: two")
  }

  @Test func ordersAreSpelledOut() {
    let verdict = Matcher.judge(.before(["app", "ship"]), Reading(.strings(["ship", "app"])))
    #expect(!verdict.holds && verdict.found.en == "ship, then app")
    #expect(Matcher.judge(.before(["app", "ship"]), Reading(.strings(["app"]))).found.en == "not seen: ship")
  }

  @Test func theReportLinesUpInBothLanguages() {
    var result = SubmissionResult(
      exercise: "03-sidecar", version: 1, checksDigest: "sha256:", tool: "podlab 0", student: "", submissionDigest: "sha256:",
      gradedAt: "", variant: "7f2c91aa00b1c2d3", machine: Machine(kernel: "6", cgroup: "v1", mode: "root", limits: "full", speedFactor: 1),
      practice: true)
    result.state = .graded
    var pass = CheckResult(check: check("manifest", .absent)), fail = CheckResult(check: check("no-line-lost", .absent))
    pass.title = Text(en: "pod.yaml: 2 containers", zh: "pod.yaml：2 个容器")
    (pass.status, pass.points) = (.pass, 2)
    (fail.status, fail.reason, fail.milliseconds) = (.fail, .mismatch, 6400)
    (fail.expected, fail.found) = (Text(en: "100 lines, each once", zh: "100 行，每行一次"), Text(en: "97 lines; missing 41", zh: "97 行；缺 41"))
    result.checks = [pass, fail]
    for language in Language.allCases {
      let text = Report(language: language, title: Text(en: "collect the log", zh: "收集日志")).text(result)
      let lines = text.split(separator: "\n").map(String.init)
      #expect(lines.allSatisfy { Cells.width($0) <= 80 }, "\(text)")
      let ends = lines.filter { $0.hasSuffix(language == .en ? " s" : " 秒") }.map { Cells.width($0) }
      #expect(ends.count == 2 && Set(ends).count == 1, "\(text)")
    }
  }
}
