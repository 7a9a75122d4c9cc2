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
  public init(_ id: String, title: Text, question: Text, steps: [Step]) { (self.id, self.title, self.question, self.steps) = (id, title, question, steps) }

  public var facts: [Fact] { steps.flatMap(\.facts) }
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
  public var run: @Sendable (Scene) throws -> Void

  /// run does it, shows evidence and checks every fact. Where `scene.breaks(FACT)` says so, it replaces the mechanism that makes the fact true.
  public init(_ title: Text, why: Text, facts: [Fact], run: @escaping @Sendable (Scene) throws -> Void) {
    (self.title, self.why, self.facts, self.run) = (title, why, facts, run)
  }
}

/// Why a lab ends before its end.
public enum LabFailure: Error, Sendable {
  /// The kernel's answer is not what the lesson says.
  case fact(Fact, expected: String, found: String)
  /// Something that a step needs could not be done.
  case step(String)
  /// The reader has had enough.
  case quit
}
