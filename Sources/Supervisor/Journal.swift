// SPDX-License-Identifier: Apache-2.0
//
// The journal: every event that the engine took, a line each, with the effects it had. Replayed through a new engine it gives the same state and the
// same effects: podd takes over by it (Adoption.swift), and whoever asks can see it proved (replay).
import Manifest
import PodEngine

public enum Journal {
  /// A line: what happened, when, and what it made the engine do.
  public struct Entry: Sendable, Equatable {
    public var at: Moment
    public var event: Event
    /// In words (Journal.words).
    public var effects: [String]
  }

  static func line(_ event: Event, _ at: Moment, _ effects: [Effect]) -> [UInt8] {
    var v: [(String, Value)] = [("t", .int(at.monotonic)), ("wall", .int(at.wall.nanoseconds)), ("event", event.value)]
    if !effects.isEmpty { v.append(("effects", .strings(effects.map(words)))) }
    return JSON.compactBytes(.object(v)) + [10]
  }

  /// The lines of a journal. A last one that was cut off by a crash is left out.
  public static func entries(_ bytes: [UInt8]) -> [Entry] {
    bytes.split(separator: 10).compactMap { line in
      do throws(JSON.Malformed) {
        let v = try JSON.parse(Array(line))
        guard let t = v["t"]?.int, let wall = v["wall"]?.int, let e = v["event"].flatMap(Event.init) else { return nil }
        return Entry(
          at: Moment(monotonic: t, wall: WallTime(nanoseconds: wall)), event: e, effects: (v["effects"]?.array ?? []).compactMap(\.string))
      } catch { return nil }
    }
  }

  /// The events alone.
  public static func read(_ bytes: [UInt8]) -> [(at: Moment, event: Event)] { entries(bytes).map { ($0.at, $0.event) } }

  /// An event as a journal's line says it, without times and effects.
  public static func words(_ e: Event) -> Value { e.value }

  /// Runs the entries through a new engine. Returns it, and where its effects first differ from the recorded ones: entry number and both lists.
  public static func replay(_ entries: [Entry], of pod: Pod) -> (engine: PodEngine, difference: (entry: Int, recorded: [String], replayed: [String])?) {
    var engine = PodEngine(pod: pod)
    var difference: (Int, [String], [String])?
    for (n, e) in entries.enumerated() {
      let effects = engine.handle(e.event, at: e.at).map(words)
      if difference == nil, effects != e.effects { difference = (n, e.effects, effects) }
    }
    return (engine, difference)
  }

  /// An effect with all its arguments.
  public static func words(_ e: Effect) -> String {
    switch e {
    case .mountVolumes: "mountVolumes"
    case .createSandbox(let n): "createSandbox \(n)"
    case .stopSandbox: "stopSandbox"
    case .ensureImage(let c): "ensureImage \(c)"
    case .startContainer(let c, let n): "startContainer \(c) \(n)"
    case .resize(let list): "resize \(list.joined(separator: " "))"
    case .signal(let c, let n): "signal \(c) \(n)"
    case .runProbe(let c, let k): "runProbe \(c) \(k.rawValue)"
    case .runHook(let c, let k): "runHook \(c) \(k.rawValue)"
    case .cancelHook(let c, let k): "cancelHook \(c) \(k.rawValue)"
    case .removeContainer(let c, let id): "removeContainer \(c) \(id)"
    case .emit(let e): "emit \(e.kind.rawValue) \(e.reason) \(e.fieldPath ?? "-") \(e.message)"
    case .statusChanged: "statusChanged"
    case .podRemoved: "podRemoved"
    }
  }
}
