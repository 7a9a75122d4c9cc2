// SPDX-License-Identifier: Apache-2.0
//
// edit: objects in one's editor, and back. What is refused is opened again with the reason above it. Kubernetes kubectl/pkg/cmd/util/editor.
import ArgumentParser
import Control
import Glibc
import Kernel
import Manifest

struct EditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "edit", abstract: "Change objects in an editor ($KUBE_EDITOR, $EDITOR, else vi).",
    discussion: "Example: podctl edit pod web    KUBE_EDITOR=nano podctl edit configmap settings")

  @Argument(help: "TYPE NAME … or TYPE/NAME …") var what: [String] = []
  @OptionGroup var input: FileOptions
  @Option(name: .shortAndLong, help: "yaml or json: in which form to edit.") var output = "yaml"
  @Option(name: .long, help: "resize: of a pod only the resources are changed.") var subresource: String?
  @OptionGroup var common: CommonOptions

  func run() throws {
    guard output == "yaml" || output == "json" else { throw Failure.error("The flag 'output' must be one of yaml|json") }
    if let subresource, subresource != "resize" { throw Failure.error("invalid subresource value: \"\(subresource)\". Must be one of [resize]") }
    try input.check(required: false)
    let session = try common.open()
    let wanted: [(Kind, String, String)]
    if input.files.isEmpty {
      wanted = try session.chosen(what, namespace: common.ns, all: false, selector: nil, fieldSelector: nil, unnamed: "resource name may not be empty", verb: "edit")
    } else {
      wanted = try Manifests.load(input, common.place).names
    }
    let originals = try wanted.map { (kind, ns, name) -> (Kind, Value) in
      guard kind != .event, let v = try session.find(kind, ns, name) else { throw Failure.notFound(kind, name) }
      return (kind, v)
    }
    if originals.isEmpty { throw Failure.error("edit cancelled, no objects found") }
    if subresource != nil, let other = originals.first(where: { $0.0 != .pod }) { throw Failure.error("\(other.0.plural) have no subresource resize") }
    try EditLoop(originals, session, asJSON: output == "json", resizes: subresource != nil).run()
  }
}

private struct EditLoop {
  let originals: [(Kind, Value)]
  let session: Session
  let asJSON: Bool
  /// Only resources are taken over.
  let resizes: Bool
  private static let head = """
    # Please edit the object below. Lines beginning with a '#' will be ignored,
    # and an empty file will abort the edit. If an error occurs while saving this file will be
    # reopened with the relevant failures.
    #

    """

  init(_ originals: [(Kind, Value)], _ session: Session, asJSON: Bool, resizes: Bool) {
    (self.originals, self.session, self.asJSON, self.resizes) = (originals, session, asJSON, resizes)
  }

  func run() throws {
    let object = originals.count == 1 ? originals[0].1 : OutputFormat.list(originals.map(\.1))
    let original = asJSON ? JSON.pretty(object.sorted) + "\n" : YAML.write(object.sorted)
    let path = try temporary()
    var text = Self.head + original
    var before: String?
    while true {
      do throws(SysError) { try FileSystem.write(path, text, mode: 0o600) } catch { throw error.during("writing what is to be edited") }
      try Editor.open(path)
      let edited = try FileSystem.readText(path)
      let plain = Self.withoutComments(edited)
      if let before, Self.withoutComments(before) == plain {
        say(2, "A copy of your changes has been stored to \"\(path)\"\n")
        throw Failure.error("Edit cancelled, no valid changes were saved.")
      }
      if plain == Self.withoutComments(original) {
        _ = unlink(path)
        return say(2, "Edit cancelled, no changes made.\n")
      }
      if !plain.contains(where: { !$0.isWhitespace }) {
        _ = unlink(path)
        return say(2, "Edit cancelled, saved file was empty.\n")
      }
      var reasons = ""
      do { try store(edited, path, &reasons) } catch let f as Failure {
        say(2, "A copy of your changes has been stored to \"\(path)\"\n")
        throw f
      }
      if reasons.isEmpty {
        _ = unlink(path)
        return
      }
      before = edited
      text = Self.head + reasons + plain
    }
  }

  /// reasons: comment lines about what was refused.
  private func store(_ edited: String, _ path: String, _ reasons: inout String) throws {
    let (documents, problems) = YAMLReader.read(Array(edited.utf8), file: path)
    if !problems.isEmpty {
      reasons = problems.map { "# The edited file had a syntax error: \($0.message)\n" }.joined() + "#\n"
      return
    }
    var values: [Value] = []
    for d in documents { values += d["kind"]?.value.string == "List" ? d["items"]?.value.array ?? [] : [d.value] }
    for value in values {
      let name = value["metadata"]?["name"]?.string
      guard let (kind, shown) = originals.first(where: { $0.0.rawValue == value["kind"]?.string && $0.1["metadata"]?["name"]?.string == name }) else {
        throw Failure.error("At least one of apiVersion, kind and name was changed")
      }
      let ns = shown["metadata"]?["namespace"]?.string ?? ""
      if kind.isNamespaced, value["metadata"]?["namespace"]?.string ?? "default" != ns {
        throw Failure.error("the namespace from the provided object \"\(value["metadata"]?["namespace"]?.string ?? "")\" does not match the namespace \"\(ns)\". You must pass '--namespace=\(value["metadata"]?["namespace"]?.string ?? "")' to perform this operation.")
      }
      guard let old = try session.stored(kind, ns, name ?? "") else { throw Failure.error("\(kind.plural) \"\(name ?? "")\" could not be found on the server") }
      if Session.isSame(shown, value) {
        say(1, "\(kind.singular)/\(name ?? "") skipped\n")
        continue
      }
      if old["metadata"]?["resourceVersion"] != value["metadata"]?["resourceVersion"], value["metadata"]?["resourceVersion"] != nil {
        say(2, "error: \(kind.plural) \"\(name ?? "")\" could not be patched: \(Failure.conflict(kind, name ?? "").text.dropFirst(34))")
        throw Failure(text: "You can run `podctl replace -f \(path)` to try this update again.\n")
      }
      do {
        let judged = try session.judged(kind, old: old, new: resizes ? resizedPod(old, to: value) : value)
        if !Session.isSame(old, judged) { _ = try session.update(kind, old: old, new: judged) }
        say(1, "\(kind.singular)/\(name ?? "") edited\n")
      } catch let f as Failure {
        guard let at = f.text.firstRange(of: " is invalid: ") else { throw f }
        let causes = f.text[at.upperBound...].split(separator: "\n").map { $0.hasPrefix("* ") ? $0.dropFirst(2) : $0 }
        reasons += "# \(kind.plural) \"\(name ?? "")\" was not valid:\n" + causes.map { "# * \($0)\n" }.joined() + "#\n"
        say(2, "error: \(kind.plural) \"\(name ?? "")\" is invalid\n")
      }
    }
  }

  private static func withoutComments(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.drop { $0 == " " }.hasPrefix("#") || $0.first == " " }.joined(separator: "\n")
  }

  private func temporary() throws -> String {
    let folder = variable("TMPDIR") ?? "/tmp"
    return "\(folder)/podctl-edit-\(String(Instance.randomBytes(5).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }, radix: 36)).\(asJSON ? "json" : "yaml")"
  }
}

private enum Editor {
  /// Runs the editor on a file and waits for it. The editor's name may have arguments; one with quotes goes to a shell.
  static func open(_ path: String) throws {
    let text = variable("KUBE_EDITOR") ?? variable("EDITOR") ?? "vi"
    let words = text.split(separator: " ").map(String.init)
    let shell = text.contains { "\"'\\".contains($0) }
    let arguments = shell ? [variable("SHELL") ?? "/bin/sh", "-c", "\(text) \"\(path)\""] : words + [path]
    let search = (variable("PATH") ?? "/usr/bin:/bin").split(separator: ":").map { "\($0)/\(arguments[0])" }
    let candidates = arguments[0].contains("/") ? [arguments[0]] : search
    guard let program = candidates.first(where: { access($0, X_OK) == 0 && !FileSystem.isFolder($0) }) else { throw Failure.error("unable to launch the editor \"\(text)\"") }
    var plan = SpawnPlan(.paths([program]), arguments, environment: inherited())
    plan.steps = []
    // An interrupt is for the editor; a handler, unlike SIG_IGN, is not inherited by it.
    signal(SIGINT) { _ in }
    defer { signal(SIGINT, SIG_DFL) }
    let status = try plan.spawn().wait()
    if status.code != 0 { throw Failure.error("there was a problem with the editor \"\(text)\"") }
  }

  private static func inherited() -> [String] {
    var all: [String] = []
    var at = environ
    while let entry = at.pointee {
      all.append(String(cString: entry))
      at += 1
    }
    return all
  }
}
