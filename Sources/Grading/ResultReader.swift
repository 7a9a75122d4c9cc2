// SPDX-License-Identifier: Apache-2.0
//
// A result as it was written, read back: for the tutorial, the reports, the next run. Unknown members are passed over.
import Manifest

extension Text {
  init?(_ value: Value?) {
    guard let en = value?["en"]?.string, let zh = value?["zh"]?.string else { return nil }
    self.init(en: en, zh: zh)
  }
}

extension CheckResult {
  init?(_ value: Value) {
    guard let id = value["id"]?.string, let status = value["status"]?.string.flatMap(Status.init), let title = Text(value["title"]),
      let why = Text(value["why"]), let visibility = value["visibility"]?.string.flatMap(Check.Visibility.init)
    else { return nil }
    let points = Int(value["maxPoints"]?.int ?? 0)
    self.init(check: Check(id: id, points: points, title: title, why: why, visibility: visibility, claims: []))
    self.status = status
    reason = value["reason"]?.string.flatMap(Reason.init)
    self.points = Int(value["points"]?.int ?? 0)
    milliseconds = Int(value["ms"]?.int ?? 0)
    if let en = value["expected"]?.string { expected = Text(en: en, zh: value["zh"]?["expected"]?.string ?? en) }
    if let en = value["found"]?.string { found = Text(en: en, zh: value["zh"]?["found"]?.string ?? en) }
    evidence = (value["evidence"]?.array ?? []).compactMap { entry in
      entry["what"]?.string.flatMap { what in entry["value"]?.string.map { Clue(what, $0) } }
    }
    if let text = value["log"]?["text"]?.string { log = (text, Int(value["log"]?["truncatedBytes"]?.int ?? 0)) }
  }
}

extension SubmissionResult {
  /// nil for anything that is not podlab.result/1.
  public init?(_ value: Value) {
    guard value["schema"]?.string == Self.schema, let exercise = value["exercise"]?.string, let state = value["state"]?.string.flatMap(State.init)
    else { return nil }
    func string(_ key: String) -> String { value[key]?.string ?? "" }
    let m = value["machine"]
    let speed: Double = if case .double(let d)? = m?["speedFactor"] { d } else { Double(m?["speedFactor"]?.int ?? 1) }
    let machine = Machine(
      kernel: m?["kernel"]?.string ?? "", cgroup: m?["cgroup"]?.string ?? "none", mode: m?["mode"]?.string ?? "root",
      limits: m?["limits"]?.string ?? "weak", speedFactor: speed)
    self.init(
      exercise: exercise, version: Int(value["version"]?.int ?? 1), checksDigest: string("checksDigest"), tool: string("tool"),
      student: string("student"), attempt: Int(value["attempt"]?.int ?? 1), submissionDigest: string("submissionDigest"),
      receivedAt: value["receivedAt"]?.string, gradedAt: string("gradedAt"), variant: string("variant"), machine: machine,
      practice: value["practice"]?.bool ?? false)
    self.state = state
    reason = value["reason"]?.string.flatMap(Reason.init)
    message = Text(value["message"])
    incomplete = value["incomplete"]?.bool ?? false
    wallMilliseconds = Int(value["wallMs"]?.int ?? 0)
    flags = (value["flags"]?.array ?? []).compactMap(\.string)
    unused = (value["unused"]?.array ?? []).compactMap(\.string)
    checks = (value["checks"]?.array ?? []).compactMap(CheckResult.init)
  }
}
