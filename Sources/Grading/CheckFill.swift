// SPDX-License-Identifier: Apache-2.0
//
// Putting a variant's values and a challenge's token into every text of a check, just before it is run.
import Manifest

extension Check {
  func mapTexts(_ f: (String) -> String) -> Check {
    var check = self
    check.title = title.map(f)
    check.why = why.map(f)
    check.actions = actions.map { $0.mapTexts(f) }
    check.claims = claims.map { claim in
      Claim(fact: claim.fact.mapTexts(f), expect: claim.expect.mapTexts(f), patience: claim.patience, expected: claim.expected?.map(f))
    }
    return check
  }
}

extension Question {
  func mapTexts(_ f: (String) -> String) -> Question {
    let source: Source
    switch self.source {
    case .manifest(let path): source = .manifest(path: f(path))
    case .starter(let path): source = .starter(path: f(path))
    case .pod(let path): source = .pod(path: f(path))
    case .namespace(let c, let kind): source = .namespace(container: f(c), kind: kind)
    case .mount(let c, let path): source = .mount(container: f(c), path: f(path))
    case .status(let c): source = .status(container: f(c))
    case .file(let c, let path): source = .file(container: f(c), path: f(path))
    case .process(let c): source = .process(container: f(c))
    case .log(let c, let lines): source = .log(container: f(c), lines: f(lines))
    case .timeline(let names): source = .timeline(names.map(f))
    case .left: source = .left
    case .atStart(let inner): source = .atStart(inner.mapTexts(f))
    }
    return Question(source, fields: fields, join: join)
  }
}

extension Expectation {
  func mapTexts(_ f: (String) -> String) -> Expectation {
    switch self {
    case .equals(let operand): .equals(operand.mapTexts(f))
    case .differs(let operand): .differs(operand.mapTexts(f))
    case .oneOf(let values): .oneOf(values.map { $0.mapTexts(f) })
    case .contains(let text): .contains(f(text))
    case .before(let names): .before(names.map(f))
    case .eachOnce(let lines, let text): .eachOnce(lines: lines, text: f(text))
    case .atLeast, .atMost, .absent: self
    }
  }
}

extension Operand {
  func mapTexts(_ f: (String) -> String) -> Operand {
    switch self {
    case .value(let value): .value(value.mapTexts(f))
    case .fact(let question): .fact(question.mapTexts(f))
    }
  }
}

extension Value {
  func mapTexts(_ f: (String) -> String) -> Value {
    switch self {
    case .string(let s): .string(f(s))
    case .array(let a): .array(a.map { $0.mapTexts(f) })
    case .object(let m): .object(Members(m.entries.map { ($0.key, $0.value.mapTexts(f)) }))
    default: self
    }
  }
}

extension Action {
  func mapTexts(_ f: (String) -> String) -> Action {
    switch self {
    case .write(var w):
      w.text = f(w.text)
      w.path = f(w.path)
      w.pause = w.pause.map { Pause(before: f($0.before), log: f($0.log), line: f($0.line)) }
      return .write(w)
    case .await(let log, let line, let within): return .await(log: f(log), line: f(line), within: within)
    case .signal(let container, let signal): return .signal(container: f(container), signal: signal)
    case .delete: return .delete
    }
  }
}
