// SPDX-License-Identifier: Apache-2.0
//
// What of a Secret or ConfigMap may change after it was made. Kubernetes pkg/apis/core/validation (ValidateSecretUpdate, ValidateConfigMapUpdate).

extension Validation {
  /// Both objects with their defaults.
  public static func update(old: Value, new: Value) -> [Problem] {
    var p: [Problem] = []
    if old["kind"]?.string == "Secret", let type = new["type"]?.string, type != old["type"]?.string {
      p.append(.invalid("type", text: type, "field is immutable"))
    }
    guard old["immutable"]?.bool == true else { return p }
    let why = "field is immutable when `immutable` is set"
    if new["immutable"]?.bool != true { p.append(.forbidden("immutable", why)) }
    for key in ["data", "binaryData"] where (old[key]?.sorted ?? .null) != (new[key]?.sorted ?? .null) { p.append(.forbidden(key, why)) }
    return p
  }
}
