// SPDX-License-Identifier: Apache-2.0
//
// A Pod's journal as a picture: what each container did, and what each probe said, along one axis of time. Pure: it reads the lines of the journal
// (Supervisor/Journal.swift), not the clock.
import Manifest

/// An event of a Pod's journal, as far as labs ask for it.
public struct JournalEvent: Sendable, Equatable {
  /// Nanoseconds of CLOCK_MONOTONIC.
  public var at: Int64
  /// containerStarted, containerExited, probeFinished …
  public var event: String
  public var container: String
  /// startup, liveness, readiness; success, warning, failure, unknown. Empty for what is no probe's result.
  public var probe: String
  public var result: String
  public var exitCode: Int64?

  public static func read(_ journal: [UInt8]) -> [JournalEvent] {
    journal.split(separator: 10).compactMap { line in
      guard let v = try? JSON.parse(Array(line)), let t = v["t"]?.int, let e = v["event"], let kind = e["kind"]?.string else { return nil }
      return JournalEvent(
        at: t, event: kind, container: e["container"]?.string ?? "", probe: e["probe"]?.string ?? "", result: e["result"]?.string ?? "",
        exitCode: e["exitCode"]?.int)
    }
  }
}

public struct Timeline: Sendable, Equatable {
  /// Something at a moment, in seconds since the first.
  public struct Mark: Sendable, Equatable {
    public var at: Double
    public var lane: String
    public var sign: Character
  }

  public private(set) var marks: [Mark] = []
  /// Lanes in the order in which they come up.
  public private(set) var lanes: [String] = []
  private var seconds = 0.0

  /// container: only this one's lanes.
  public init(journal: [UInt8], container only: String? = nil) {
    let events = JournalEvent.read(journal)
    for e in events {
      let at = Double(e.at - (events.first?.at ?? e.at)) / 1e9
      seconds = max(seconds, at)
      if let only, !e.container.isEmpty, e.container != only { continue }
      switch e.event {
      case "containerStarted": add(at, e.container, "▶")
      case "containerExited": add(at, e.container, e.exitCode == 0 ? "■" : "✗")
      case "probeFinished":
        add(at, "\(e.container) \(e.probe)", e.result == "success" || e.result == "warning" ? "●" : e.result == "failure" ? "✗" : "?")
      default: break
      }
    }
  }

  private mutating func add(_ at: Double, _ lane: String, _ sign: Character) {
    if !lanes.contains(lane) { lanes.append(lane) }
    marks.append(Mark(at: at, lane: lane, sign: sign))
  }

  /// The lanes, `width` columns of time wide, with the axis on top and the signs' meaning below.
  public func lines(_ language: Language, width: Int = 54) -> [String] {
    guard !lanes.isEmpty else { return [] }
    // Probes below the container that they ask.
    let order = lanes.sorted { a, b in
      let (x, y) = (a.split(separator: " ")[0], b.split(separator: " ")[0])
      let (i, j) = (lanes.firstIndex { $0.hasPrefix(x) } ?? 0, lanes.firstIndex { $0.hasPrefix(y) } ?? 0)
      return i != j ? i < j : (lanes.firstIndex(of: a) ?? 0) < (lanes.firstIndex(of: b) ?? 0)
    }
    let label = (order.map(Cells.width).max() ?? 0) + 2
    let scale = Double(width - 1) / max(seconds, 0.001)
    let column = { (at: Double) in min(width - 1, Int(at * scale)) }
    let tick = [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300].first { seconds / $0 <= 8 } ?? 600
    var axis = [Character](repeating: " ", count: width + 6)
    var at = 0.0
    while at <= seconds {
      let text = (at == at.rounded() ? "\(Int(at))" : "\(at)") + (at == 0 ? " s" : "")
      for (i, c) in text.enumerated() where column(at) + i < axis.count { axis[column(at) + i] = c }
      at += tick
    }
    var out = [String(repeating: " ", count: label) + String(axis).trimmedRight]
    for lane in order {
      let mine = marks.filter { $0.lane == lane }
      var row = [Character](repeating: lane.contains(" ") ? "·" : " ", count: width)
      // A container's lane is a line while it runs.
      var from: Int?
      for m in mine where !lane.contains(" ") {
        if m.sign == "▶" { from = column(m.at) } else if let f = from {
          for i in f..<max(f, column(m.at)) { row[i] = "─" }
          from = nil
        }
      }
      if let f = from { for i in f..<width { row[i] = "─" } }
      // Marks that fall into one column stand beside each other, as far as there is room.
      var last = -1
      for m in mine {
        last = lane.contains(" ") ? column(m.at) : min(width - 1, max(column(m.at), last + 1))
        row[last] = m.sign
      }
      out.append(Cells.padded(lane.contains(" ") ? "  " + lane.split(separator: " ").dropFirst().joined() : lane, to: label) + String(row).trimmedRight)
    }
    let signs = Set(marks.map(\.sign))
    let meanings: [(Character, String, String)] = [
      ("▶", "started", "启动"), ("■", "ended with 0", "以 0 退出"), ("✗", "failed", "失败"), ("●", "succeeded", "成功"),
      ("?", "could not be asked", "无法探测"),
    ]
    let legend = meanings.filter { signs.contains($0.0) }.map { "\($0.0) \(language == .en ? $0.1 : $0.2)" }.joined(separator: "   ")
    return out + [String(repeating: " ", count: label) + legend]
  }
}
