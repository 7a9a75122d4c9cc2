// SPDX-License-Identifier: Apache-2.0
//
// A check is data: one fact, one expectation, and the words that go with them. This file is what checks.yaml can say;
// what the words do is in Observer (facts) and Matcher (expectations).
import Manifest

public struct Check: Sendable, Equatable {
  public enum Visibility: String, Sendable { case visible, hidden }

  public var id: String
  public var points: Int
  public var title: Text
  public var why: Text
  /// Checks that must have passed: otherwise this one is skipped, so that one mistake costs once.
  public var needs: [String]
  public var visibility: Visibility
  /// What is done before the facts are read. A check that does something gets a fresh pod.
  public var actions: [Action]
  /// All must hold; the first that does not is the check's finding.
  public var claims: [Claim]

  public init(
    id: String, points: Int, title: Text, why: Text, needs: [String] = [], visibility: Visibility = .visible, actions: [Action] = [],
    claims: [Claim]
  ) {
    (self.id, self.points, self.title, self.why) = (id, points, title, why)
    (self.needs, self.visibility, self.actions, self.claims) = (needs, visibility, actions, claims)
  }
}

/// One fact and what is expected of it.
public struct Claim: Sendable, Equatable {
  public var fact: Question
  public var expect: Expectation
  public var patience: Patience
  /// Words for `expected` where the ones that follow from the expectation would not say enough.
  public var expected: Text?
  public init(fact: Question, expect: Expectation, patience: Patience = .now, expected: Text? = nil) {
    (self.fact, self.expect, self.patience, self.expected) = (fact, expect, patience, expected)
  }
}

/// How long a fact may take, or must hold; nanoseconds.
public enum Patience: Sendable, Equatable {
  case now
  /// Eventually within: true at some moment before the deadline.
  case within(Int64)
  /// Always for: true at every look until the time is over.
  case throughout(Int64)
}

/// What is read, and which part of it.
public struct Question: Sendable, Hashable {
  public var source: Source
  /// Members of the fact that count; empty means the fact as a whole.
  public var fields: [String]
  /// Lists that are put one behind the other (command and args).
  public var join: [String]
  public init(_ source: Source, fields: [String] = [], join: [String] = []) {
    (self.source, self.fields, self.join) = (source, fields, join)
  }
}

/// Where a fact comes from.
public indirect enum Source: Sendable, Hashable {
  /// A place in the manifest that was handed in; in the starter's. `spec.containers[name=app].image`
  case manifest(path: String)
  case starter(path: String)
  /// What the supervisor says of the pod: never decides alone.
  case pod(path: String)
  /// A namespace of a container's first process: kind is mnt, net, pid, ipc, uts, user or cgroup. device, inode
  case namespace(container: String, kind: String)
  /// The mount at exactly this path: device, root, type, readOnly, options
  case mount(container: String, path: String)
  /// uid, gid, groups, capEff, capBnd, noNewPrivs, seccomp
  case status(container: String)
  /// A file in a container's root, opened beneath it: device, inode, size, mode, uid, gid, kind, text
  case file(container: String, path: String)
  /// A container's first process: arguments, pid, started, state
  case process(container: String)
  /// Lines of a container's standard output that hold the text.
  case log(container: String, lines: String)
  /// The names of containers in the order in which their processes ended.
  case timeline([String])
  /// What was left after the pod's deletion: processes, mounts, links.
  case left
  /// The fact as it was before the check's actions.
  case atStart(Question)
}

public enum Operand: Sendable, Equatable {
  case value(Value)
  case fact(Question)
}

public enum Expectation: Sendable, Equatable {
  case equals(Operand)
  case differs(Operand)
  case oneOf([Value])
  case atLeast(Int64)
  case atMost(Int64)
  /// A text holds the text; a list has it as an element, or as a part of one.
  case contains(String)
  /// The names are there, in this order.
  case before([String])
  case absent
  /// Numbered lines, each exactly once: `text` with ${n} from 1 to `lines`.
  case eachOnce(lines: Int, text: String)
}

/// What the observer does to the pod.
public enum Action: Sendable, Equatable {
  /// Writes lines into a file (or FIFO) of a container, from outside; ${n} counts from 1 through all writes of a check.
  case write(Write)
  /// Waits until a line is in a container's log; when the time is over it goes on: the facts will tell.
  case await(log: String, line: String, within: Int64)
  case signal(container: String, signal: String)
  /// Deletes the pod and waits for the end of its containers.
  case delete

  public struct Write: Sendable, Equatable {
    public var container: String
    public var path: String
    public var lines: Int
    public var text: String
    public var pause: Pause?
  }
  /// Before line `before` is written, the line before it must have arrived in the log (or the check's patience is over).
  public struct Pause: Sendable, Equatable {
    /// A number, or a variant's name that stands for one.
    public var before: String
    public var log: String
    public var line: String
  }
}

extension Patience {
  public var nanoseconds: Int64 {
    switch self {
    case .now: 0
    case .within(let n), .throughout(let n): n
    }
  }
}

extension Source {
  /// False for facts that stand in files alone.
  public var needsPod: Bool {
    switch self {
    case .manifest, .starter: false
    default: true
    }
  }
}
