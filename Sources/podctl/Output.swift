// SPDX-License-Identifier: Apache-2.0
//
// What the verbs that change something print: pod/x created, or the object. Kubernetes cli-runtime/pkg/genericclioptions (NamePrintFlags).
import ArgumentParser
import Control
import Manifest

/// --dry-run.
enum DryRun: String, ExpressibleByArgument {
  case none, client, server
  var mark: String { self == .none ? "" : self == .client ? " (dry run)" : " (server dry run)" }
}

struct ChangeOptions: ParsableArguments {
  @Option(name: .customLong("dry-run"), help: "client or server: judge and print, change nothing.") var dryRun: DryRun = .none
  @Option(name: .shortAndLong, help: "name, json, yaml, jsonpath=TEMPLATE.") var output: String?

  var report: ChangeReport { ChangeReport(dryRun: dryRun, output: output) }
  func format() throws -> OutputFormat { try report.format() }
  func show(_ format: OutputFormat, _ kind: Kind, _ object: Value, _ word: String) throws { try report.show(format, kind, object, word) }
}

/// How a change is told.
struct ChangeReport {
  let dryRun: DryRun
  let output: String?
  private let documents = Documents()

  /// How many were printed.
  private final class Documents { var count = 0 }

  init(dryRun: DryRun, output: String?) { (self.dryRun, self.output) = (dryRun, output) }

  /// The format; refused before anything is done.
  func format() throws -> OutputFormat {
    let f = try outputFormat(output)
    switch f {
    case .table(true), .columns:
      throw Failure.error("unable to match a printer suitable for the output format \"\(output ?? "")\", allowed formats are: json,jsonpath,jsonpath-as-json,jsonpath-file,name,yaml")
    default: return f
    }
  }

  /// pod/x created, or in the format that -o names. YAML documents that follow one another have a line between them.
  func show(_ format: OutputFormat, _ kind: Kind, _ object: Value, _ word: String) throws {
    let name = "\(kind.singular)/\(object["metadata"]?["name"]?.string ?? "")"
    if case .table = format { return say(1, "\(name) \(word)\(dryRun.mark)\n") }
    if case .yaml = format, documents.count > 0 { say(1, "---\n") }
    documents.count += 1
    say(1, try outputText(format, object, name))
  }
}

func outputFormat(_ text: String?, allowMissing: Bool = true) throws -> OutputFormat {
  do throws(OutputProblem) { return try OutputFormat(text, allowMissing: allowMissing) } catch { throw Failure.error("\(error)") }
}

func outputText(_ format: OutputFormat, _ object: Value, _ name: String) throws -> String {
  do throws(OutputProblem) { return try format.text(object, name: name) } catch { throw Failure.error("\(error)") }
}
