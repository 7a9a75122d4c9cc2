// SPDX-License-Identifier: Apache-2.0
//
// Goes through an exercise's checks: what needs what, fresh pods for checks that act, patience, points. It sees the world
// only through a Scene, so that all of its rules are tested without one.
import Manifest

/// Something of ours went wrong: never the submission's fault, never worth a mark.
public struct SceneError: Error, Sendable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}

/// The pod could not be brought up, or something ended before its time: this is the submission's.
public struct SceneFailure: Sendable, Equatable {
  public var reason: Reason
  public var found: Text
  public var evidence: [Clue]
  public init(_ reason: Reason, found: Text, evidence: [Clue] = []) { (self.reason, self.found, self.evidence) = (reason, found, evidence) }
}

/// A pod of the submission in its arena, and the observer that looks at it from outside.
public protocol Scene: AnyObject {
  /// Nanoseconds of the observer's own monotonic clock.
  var now: Int64 { get }
  /// The arena's wall limit is over.
  var exhausted: Bool { get }
  /// A pod that no check has touched yet. Answers why it could not be had, nil where it runs.
  func freshPod() throws(SceneError) -> SceneFailure?
  /// The pod that runs, whatever has happened to it; made where there is none.
  func anyPod() throws(SceneError) -> SceneFailure?
  func read(_ question: Question) throws(SceneError) -> Reading
  func perform(_ action: Action, deadline: Int64) throws(SceneError) -> SceneFailure?
  /// Waits for something to happen, at most until then.
  func rest(until: Int64)
  /// What the containers have printed since the pod began.
  func log() -> [UInt8]
}

public struct Checker {
  public var variant: Variant
  /// Multiplies every deadline: how much slower this machine is than the one the exercise was made on.
  public var speedFactor: Double
  /// A fresh random word.
  public var token: () -> String
  /// Told before each check: its number (from 1), how many there are.
  public var progress: (Check, Int, Int) -> Void = { _, _, _ in }

  public init(variant: Variant, speedFactor: Double, token: @escaping () -> String) {
    (self.variant, self.speedFactor, self.token) = (variant, speedFactor, token)
  }

  public func run(_ checks: [Check], in scene: some Scene) -> [CheckResult] {
    var results: [String: CheckResult] = [:]
    // Checks that change something run last; otherwise the file's order holds.
    let order = checks.filter { $0.actions.isEmpty } + checks.filter { !$0.actions.isEmpty }
    for (i, check) in order.enumerated() {
      progress(check, i + 1, order.count)
      results[check.id] = run(check, in: scene, after: results)
    }
    return checks.compactMap { results[$0.id] }
  }

  private func run(_ check: Check, in scene: some Scene, after: [String: CheckResult]) -> CheckResult {
    var result = CheckResult(check: check)
    if let missing = check.needs.first(where: { after[$0]?.status != .pass }) {
      result.status = .skip
      result.reason = .dependency
      result.evidence = [Clue("needs", missing)]
      return result
    }
    let began = scene.now
    do throws(SceneError) {
      try judge(check, into: &result, in: scene)
    } catch {
      result.status = .error
      result.reason = .internal
      result.evidence = [Clue("", error.description)]
    }
    result.milliseconds = Int((scene.now - began) / 1_000_000)
    if result.status == .pass { result.points = check.points }
    if result.status == .fail {
      let log = Sanitise.capped(scene.log())
      if !log.text.isEmpty { result.log = log }
    }
    return result
  }

  private func judge(_ check: Check, into result: inout CheckResult, in scene: some Scene) throws(SceneError) {
    let filled = fill(check, token: token())
    if let failure = try prepare(filled, in: scene) { return fail(&result, filled, failure) }
    // Facts "at start" are read before anything is done.
    var starts: [Question: Reading] = [:]
    for claim in filled.claims {
      for question in [claim.fact] + (operand(claim.expect).map { [$0] } ?? []) {
        if case .atStart(let inner) = question.source { starts[inner] = try settled(inner, in: scene) }
      }
    }
    let patience = filled.claims.map(\.patience.nanoseconds).max() ?? 0
    for action in filled.actions {
      if let failure = try scene.perform(action, deadline: deadline(max(patience, 5_000_000_000), scene)) {
        return fail(&result, filled, failure)
      }
    }
    for claim in filled.claims {
      let (verdict, evidence, timedOut) = try hold(claim, starts: starts, in: scene)
      result.expected = claim.expected ?? verdict.expected
      result.found = verdict.holds ? result.expected : verdict.found
      result.evidence += evidence
      if !verdict.holds {
        result.status = .fail
        result.reason = timedOut && scene.exhausted ? .timeout : .mismatch
        return
      }
    }
    result.status = .pass
  }

  /// Checks of the manifest alone need no pod.
  private func prepare(_ check: Check, in scene: some Scene) throws(SceneError) -> SceneFailure? {
    if !check.actions.isEmpty { return try scene.freshPod() }
    let needsPod = check.claims.contains { claim in claim.fact.source.needsPod || operand(claim.expect)?.source.needsPod ?? false }
    return needsPod ? try scene.anyPod() : nil
  }

  private func fail(_ result: inout CheckResult, _ check: Check, _ failure: SceneFailure) {
    result.status = .fail
    result.reason = failure.reason
    result.expected = check.claims.first?.expected ?? Text(en: "a running pod", zh: "一个运行中的 Pod")
    result.found = failure.found
    result.evidence = failure.evidence
  }

  /// Looks until the claim holds (or no longer does), or its time is over.
  private func hold(
    _ claim: Claim, starts: [Question: Reading], in scene: some Scene
  ) throws(SceneError) -> (Verdict, [Clue], Bool) {
    let end = deadline(claim.patience.nanoseconds, scene)
    while true {
      let reading = try read(claim.fact, starts, scene)
      var other: Reading?
      if let question = operand(claim.expect) { other = try read(question, starts, scene) }
      let verdict = Matcher.judge(claim.expect, reading, other: other)
      let evidence = reading.evidence + (other?.evidence ?? [])
      let over = scene.now >= end || scene.exhausted
      switch claim.patience {
      case .now: return (verdict, evidence, false)
      case .within: if verdict.holds || over { return (verdict, evidence, over && !verdict.holds) }
      case .throughout: if !verdict.holds || over { return (verdict, evidence, false) }
      }
      scene.rest(until: end)
    }
  }

  /// A reading that is there, within five seconds; otherwise what was found last.
  private func settled(_ question: Question, in scene: some Scene) throws(SceneError) -> Reading {
    let end = deadline(5_000_000_000, scene)
    while true {
      let reading = try scene.read(question)
      if reading.value != nil || scene.now >= end || scene.exhausted { return reading }
      scene.rest(until: end)
    }
  }

  private func read(_ question: Question, _ starts: [Question: Reading], _ scene: some Scene) throws(SceneError) -> Reading {
    if case .atStart(let inner) = question.source { return starts[inner] ?? Reading(nil) }
    return try scene.read(question)
  }

  private func operand(_ expect: Expectation) -> Question? {
    switch expect {
    case .equals(.fact(let q)), .differs(.fact(let q)): q
    default: nil
    }
  }

  private func deadline(_ nanoseconds: Int64, _ scene: some Scene) -> Int64 {
    scene.now + Int64(Double(nanoseconds) * max(1, speedFactor))
  }

  private func fill(_ check: Check, token: String) -> Check { check.mapTexts { variant.fill($0, ["token": token]) } }
}
