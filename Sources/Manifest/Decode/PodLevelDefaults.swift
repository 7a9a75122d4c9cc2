// SPDX-License-Identifier: Apache-2.0
//
// What the API server fills into a Pod's own resources (KEP-2837) once its containers have their defaults. Kubernetes: pkg/apis/core/v1/defaults.go
// (defaultHugePagePodLimits, defaultPodRequests, defaultPodLimits).

extension Defaults {
  /// Only where something is written there already.
  static func podLevelResources(_ spec: inout Value) {
    guard var own = spec.part("resources") else { return }
    var (limits, requests) = (own["limits"] ?? .null, own["requests"] ?? .null)
    guard names(limits) + names(requests) != [] else { return }
    let wanted = Validation.aggregate(spec, "requests").sorted { $0.key < $1.key }
    let allowed = Validation.aggregate(spec, "limits").sorted { $0.key < $1.key }

    for (name, sum) in allowed where isHugePages(name) && requests[name] == nil && limits[name] == nil { limits[name] = .string(sum.canonical) }
    if !names(limits).isEmpty {
      for (name, sum) in wanted where isPlain(name) && requests[name] == nil { requests[name] = .string(sum.canonical) }
      for name in names(limits) where isSupported(name) && requests[name] == nil { requests[name] = limits[name] }
    }
    if !names(limits).contains(where: isSupported), names(requests).contains(where: isSupported) {
      let containers = spec.list("containers") + spec.list("initContainers")
      for (name, sum) in allowed where isPlain(name) && containers.allSatisfy({ $0["resources"]?["limits"]?[name] != nil }) { limits[name] = .string(sum.canonical) }
    }
    if !names(limits).isEmpty { own["limits"] = limits }
    if !names(requests).isEmpty { own["requests"] = requests }
    spec["resources"] = own
  }

  private static func names(_ list: Value) -> [String] { list.members?.keys ?? [] }
  private static func isHugePages(_ name: String) -> Bool { name.hasPrefix("hugepages-") }
  /// What may be asked for beyond what there is.
  private static func isPlain(_ name: String) -> Bool { name == "cpu" || name == "memory" }
  private static func isSupported(_ name: String) -> Bool { isPlain(name) || isHugePages(name) }
}
