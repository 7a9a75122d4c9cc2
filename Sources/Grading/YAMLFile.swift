// SPDX-License-Identifier: Apache-2.0
//
// An exercise's own files are YAML: ours, small, and read here. A student's never are (ArenaHelper).
import Manifest

enum YAMLFile {
  static func value(_ bytes: [UInt8], file: String) throws(ExerciseError) -> Value {
    let (documents, diagnostics) = YAMLReader.read(bytes, file: file)
    if let problem = diagnostics.first(where: { $0.severity == .error }) {
      throw ExerciseError(file: file, place: "\(problem.position.line):\(problem.position.column)", problem.message)
    }
    guard documents.count == 1 else { throw ExerciseError(file: file, "must be one document") }
    return documents[0].value
  }
}
