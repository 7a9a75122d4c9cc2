// SPDX-License-Identifier: Apache-2.0
//
// -o of every verb: what is printed of objects. Kubernetes cli-runtime/pkg/genericclioptions (PrintFlags), kubectl/pkg/cmd/get.
import Kernel
import Manifest

/// Why a format cannot be used; kubectl's words.
public struct OutputProblem: Error, Sendable, CustomStringConvertible {
  public var description: String
  public init(_ text: String) { description = text }
}

public enum OutputFormat: Sendable {
  case table(wide: Bool)
  case name
  case json
  case yaml
  case jsonpath(JSONPath, allowMissing: Bool, asJSON: Bool)
  case columns(CustomColumns)

  /// text: the value of -o; nil for the table. Reads the files that jsonpath-file and custom-columns-file name.
  public init(_ text: String?, allowMissing: Bool = true) throws(OutputProblem) {
    guard let text, !text.isEmpty else {
      self = .table(wide: false)
      return
    }
    let at = text.firstIndex(of: "=")
    let (format, argument) = (at.map { String(text[..<$0]) } ?? text, at.map { String(text[text.index(after: $0)...]) } ?? "")
    switch format {
    case "wide": self = .table(wide: true)
    case "name": self = .name
    case "json": self = .json
    case "yaml": self = .yaml
    case "jsonpath", "jsonpath-as-json", "jsonpath-file":
      if argument.isEmpty { throw OutputProblem("template format specified but no template given") }
      let template = format == "jsonpath-file" ? try Self.file(argument) : argument
      do throws(JSONPath.Invalid) {
        self = .jsonpath(try JSONPath(template), allowMissing: allowMissing, asJSON: format == "jsonpath-as-json")
      } catch { throw OutputProblem("\(error)") }
    case "custom-columns", "custom-columns-file":
      if argument.isEmpty {
        throw OutputProblem(
          format == "custom-columns" ? "custom-columns format specified but no custom columns given" : "custom-columns-file format specified but no custom columns file given")
      }
      self = .columns(format == "custom-columns" ? try CustomColumns(argument) : try CustomColumns(file: try Self.file(argument)))
    case "go-template", "go-template-file", "template", "templatefile":
      throw OutputProblem("output format \"\(format)\" is not supported here: use jsonpath or custom-columns")
    default:
      throw OutputProblem(
        "unable to match a printer suitable for the output format \"\(text)\", allowed formats are: custom-columns,custom-columns-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,wide,yaml"
      )
    }
  }

  private static func file(_ path: String) throws(OutputProblem) -> String {
    do throws(SysError) { return try FileSystem.readText(path) } catch {
      throw OutputProblem("error reading template \(path), open \(path): \(errnoText(error.errno).lowercased())")
    }
  }

  /// One object, in every format but the tables.
  public func text(_ object: Value, name: String) throws(OutputProblem) -> String {
    switch self {
    case .name, .table: return name + "\n"
    case .json: return JSON.pretty(object.sorted) + "\n"
    case .yaml: return YAML.write(object.sorted)
    case .jsonpath(let path, let allowMissing, let asJSON):
      do throws(JSONPath.Invalid) {
        return try asJSON ? path.json(in: object, allowMissing: allowMissing) : path.text(in: object, allowMissing: allowMissing)
      } catch { throw OutputProblem("\(error)") }
    case .columns(let c): return c.table(object["items"]?.array ?? [object]).text()
    }
  }

  /// Whether each object has a line of its own.
  public var isLines: Bool {
    switch self {
    case .table, .name: true
    default: false
    }
  }

  /// Several objects as the API shows them.
  public static func list(_ objects: [Value], kind: String = "List") -> Value {
    .object([
      ("apiVersion", .string("v1")), ("items", .array(objects)), ("kind", .string(kind)), ("metadata", .object([("resourceVersion", .string(""))])),
    ])
  }
}
