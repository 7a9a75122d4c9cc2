// SPDX-License-Identifier: Apache-2.0
//
// A lab is a story: one question, steps that each do one thing on the real kernel and show what the kernel says of it. Open this file first;
// Scene.swift is what a step works with, Program.swift runs the story.

public struct Story: Sendable {
  /// NN-name, as the lab's folder.
  public var id: String
  public var title: Text
  public var question: Text
  public var steps: [Step]
  /// What the steps apply, by file name: `lab export` writes them.
  public var manifests: [Manifest]
  /// One of its Pods gets a port of 127.0.0.1 (Scene.publish).
  public var publishesPod: Bool
  public init(_ id: String, title: Text, question: Text, manifests: [Manifest] = [], publishesPod: Bool = false, steps: [Step]) {
    (self.id, self.title, self.question, self.manifests, self.publishesPod, self.steps) = (id, title, question, manifests, publishesPod, steps)
  }

  public var facts: [Fact] { steps.flatMap(\.facts) }

  /// The steps that a run with `--break FACT` needs: the fact's own, and those before it unless that one stands alone.
  public func steps(for fact: String) -> Range<Int> {
    guard let own = steps.firstIndex(where: { $0.facts.contains { $0.id == fact } }) else { return steps.indices }
    return (steps[own].standsAlone ? own : 0)..<own + 1
  }

  /// A file that a cluster would be given too.
  public struct Manifest: Sendable {
    public var file: String
    public var text: String
    public init(_ file: String, _ text: String) { (self.file, self.text) = (file, text) }
  }
}

/// Something that a step shows to be so.
public struct Fact: Sendable, Equatable {
  public var id: String
  public var text: Text
  public init(_ id: String, en: String, zh: String) { (self.id, text) = (id, Text(en: en, zh: zh)) }
}

public struct Step: Sendable {
  public var title: Text
  /// What is done and why: one or two sentences.
  public var why: Text
  public var facts: [Fact]
  /// It needs nothing that a step before it has made.
  public var standsAlone: Bool
  /// The same for a cluster, in shell: Export.swift says which words there are.
  public var cluster: String
  public var run: @Sendable (Scene) throws -> Void

  /// run does it, shows evidence and checks every fact. Where `scene.breaks(FACT)` says so, it replaces the mechanism that makes the fact true.
  public init(
    _ title: Text, why: Text, facts: [Fact], standsAlone: Bool = false, cluster: String = "", run: @escaping @Sendable (Scene) throws -> Void
  ) {
    (self.title, self.why, self.facts, self.standsAlone, self.cluster, self.run) = (title, why, facts, standsAlone, cluster, run)
  }
}

/// Why a lab ends before its end.
public enum LabFailure: Error, Sendable {
  /// The kernel's answer is not what the lesson says.
  case fact(Fact, expected: Text, found: Text)
  /// Something that a step needs could not be done.
  case step(Text)
  /// The reader has had enough.
  case quit
}
