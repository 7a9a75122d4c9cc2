// SPDX-License-Identifier: Apache-2.0
//
// debug --custom: a part of a container's spec, as JSON or YAML, that is merged over what the profile made. Kubernetes kubectl/pkg/cmd/debug (KEP-4292).
import Control
import Kernel
import Manifest

/// What a file of --custom holds.
struct CustomProfile {
  private let value: Value

  init(_ path: String) throws {
    let bytes: [UInt8]
    do throws(SysError) { bytes = try FileSystem.read(path) } catch { throw Failure.error("must pass a valid container spec json file for custom profile: \(error)") }
    let (documents, problems) = YAMLReader.read(bytes, file: path)
    guard problems.isEmpty, documents.count == 1, let node = documents.first, node.value.members != nil else {
      throw Failure.error("\(path) does not contain a valid container spec: \(problems.first?.message ?? "one object is expected")")
    }
    var check = StrictCheck(file: path)
    check.check(node, kind: "Container")
    // A name is what it must not have.
    let wrong = check.diagnostics.filter { $0.severity == .error && $0.path != "name" }
    if !wrong.isEmpty { throw Failure.error("\(path) does not contain a valid container spec: " + wrong.map { "\($0)" }.joined(separator: "\n")) }
    value = node.value
    for key in ["name", "command", "image", "lifecycle", "volumeDevices"] where value[key] != nil {
      throw Failure.error("name, command, image, lifecycle and volume devices are not modifiable via custom profile")
    }
  }

  func applied(to container: Value) -> Value { Merge.threeWay(last: .null, manifest: value, live: container) }
}
