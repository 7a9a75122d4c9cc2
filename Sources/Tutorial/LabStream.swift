// SPDX-License-Identifier: Apache-2.0
//
// A lab's executable at work, driven step by step: `lab-NN-name -o json --step` prints one JSON object a line and waits for a
// line on its standard input wherever it says that it waits. Its end of file means: end, and clean up.
//
//   {"story": {"title": {en, zh}, "question": {en, zh}, "steps": 9, "root": "/run/…"}}
//   {"step": {"number": 1, "title": {en, zh}, "why": {en, zh}}}
//   {"trace": "clone3(…) = 4711"}
//   {"evidence": {"at": "14:02:07.118", "lines": ["app  pid 4711  …"]}}     a line, or {en, zh}
//   {"fact": {"id": "same-inode", "text": {en, zh}, "holds": true}}
//   {"withheld": {"id": "nodes", "text": {en, zh}, "why": {en, zh}}}     this user's rights do not let it be shown
//   {"waiting": true}      {"ended": {"ok": true}}
import Glibc
import Grading
import Kernel
import Manifest

extension LabRecord {
  /// nil for a line that says nothing the tutorial shows.
  public init?(line: [UInt8]) {
    guard let value = try? JSON.parse(line) else { return nil }
    func text(_ v: Value?) -> Text? {
      if let s = v?.string { return .data(s) }
      guard let en = v?["en"]?.string, let zh = v?["zh"]?.string else { return nil }
      return Text(en: en, zh: zh)
    }
    if let story = value["story"], let title = text(story["title"]) {
      self = .story(title: title, question: text(story["question"]) ?? .data(""), steps: Int(story["steps"]?.int ?? 0), root: story["root"]?.string)
    } else if let step = value["step"], let number = step["number"]?.int, let title = text(step["title"]) {
      self = .step(number: Int(number), title: title, why: text(step["why"]) ?? .data(""))
    } else if let evidence = value["evidence"] {
      self = .evidence(at: evidence["at"]?.string ?? "", lines: (evidence["lines"]?.array ?? []).compactMap(text))
    } else if let fact = value["fact"], let id = fact["id"]?.string, let holds = fact["holds"]?.bool {
      self = .fact(id: id, text: text(fact["text"]) ?? .data(id), holds: holds)
    } else if let withheld = value["withheld"], let id = withheld["id"]?.string, let fact = text(withheld["text"]), let why = text(withheld["why"]) {
      self = .evidence(at: "", lines: [Text(en: "-- \(fact.en) [\(id)]", zh: "不适用：\(fact.zh) [\(id)]"), Text(en: "   not here: \(why.en)", zh: "   此处看不到：\(why.zh)")])
    } else if let trace = value["trace"]?.string {
      self = .trace(trace)
    } else if value["waiting"]?.bool == true {
      self = .waiting
    } else if let ended = value["ended"] {
      self = .ended(ok: ended["ok"]?.bool ?? false)
    } else {
      return nil
    }
  }
}

/// A child whose standard output is read line by line.
public final class LineChild {
  private let pidfd: FileDescriptor
  public let output: Int32
  private var input: Int32
  private var partial: [UInt8] = []
  /// Everything it printed, where the whole counts.
  public private(set) var text: [UInt8] = []
  public private(set) var status: ExitStatus?

  /// keepsInput: a pipe to its standard input stays open until `close()`.
  public init(_ path: String, _ arguments: [String], environment: [String], keepsInput: Bool) throws(SysError) {
    let (childIn, ourIn) = try FileDescriptor.pipe().ends()
    let (ourOut, childOut) = try FileDescriptor.pipe(nonblocking: false).ends()
    defer { _ = Glibc.close(childIn); _ = Glibc.close(childOut) }
    output = ourOut
    input = ourIn
    var plan = SpawnPlan(.paths([path]), arguments, environment: environment)
    plan.steps = [
      SpawnStep(.duplicate(from: childIn, to: 0)), SpawnStep(.duplicate(from: childOut, to: 1)), SpawnStep(.open("/dev/null", flags: O_WRONLY, as: 2)),
      SpawnStep(.newProcessGroup), SpawnStep(.closeFrom(3, atExec: true)),
    ]
    do throws(SysError) { pidfd = FileDescriptor(owning: try plan.spawn().release()) } catch {
      _ = Glibc.close(ourOut)
      _ = Glibc.close(ourIn)
      throw error
    }
    _ = fcntl(output, F_SETFL, fcntl(output, F_GETFL) | O_NONBLOCK)
    if !keepsInput { close() }
  }

  deinit { close(); _ = Glibc.close(output) }

  /// Lets it go on.
  public func proceed() { _ = optional { () throws(SysError) in try writeAll(input, "\n") } }

  /// The end of its input: it is to end.
  public func close() {
    if input >= 0 { _ = Glibc.close(input) }
    input = -1
  }

  /// Complete lines that have come since; after the end of its output, its status is there.
  public func lines() -> [[UInt8]] {
    var buffer = [UInt8](repeating: 0, count: 65536), ended = false
    while true {
      let n = read(output, &buffer, buffer.count)
      if n > 0 { partial += buffer[..<n]; text += buffer[..<n]; continue }
      ended = n == 0
      break
    }
    var out: [[UInt8]] = []
    while let end = partial.firstIndex(of: 0x0A) {
      out.append(Array(partial[..<end]))
      partial.removeFirst(end + 1)
    }
    if ended, status == nil { status = optional { () throws(SysError) in try ExitStatus.collect(pidfd: pidfd.raw, wait: true) } ?? ExitStatus(code: 255) }
    return out
  }

  /// Closes its input and waits for its end, so that nothing of it is left.
  public func finish() {
    close()
    while status == nil {
      var wait = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
      _ = poll(&wait, 1, -1)
      _ = lines()
    }
  }
}
