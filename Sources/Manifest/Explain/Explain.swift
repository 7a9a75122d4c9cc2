// SPDX-License-Identifier: Apache-2.0
//
// What explain knows: a sentence or two on each type and field of the schema. Open this file first; the words stand beside it, by theme.
//
// A text has a line for the type, then one a field: "name: words". Words "=Type" are those of the field of the same name in that type. Nothing is
// read before somebody asks.

enum ExplainTexts {
  static var all: [[(type: StaticString, text: StaticString)]] { [objects, pods, containers, volumes, refusedVolumes, statuses, nodes] }
}

public enum Explain {
  /// The types that there are words for, in no order.
  public static var types: [String] { ExplainTexts.all.flatMap { $0.map(\.type.description) } }

  /// The words on a type and on each of its fields, as they are written: nil for a type without words.
  public static func words(on type: String) -> (type: String, fields: [(name: String, text: String)])? {
    for theme in ExplainTexts.all {
      for t in theme where t.type.description == type {
        let lines = t.text.description.split(separator: "\n")
        return (
          lines.first.map(String.init) ?? "",
          lines.dropFirst().map { line in
            let p = line.split(separator: ":", maxSplits: 1)
            return (String(p[0]), String((p.count > 1 ? p[1] : "").drop { $0 == " " }))
          }
        )
      }
    }
    return nil
  }

  /// What a type is; empty where there are no words.
  public static func type(_ type: String) -> String { words(on: type)?.type ?? "" }

  /// What a field is, and what PodLab does with it where that is not all; empty where there are no words.
  public static func field(_ field: SchemaField, of type: String) -> String {
    guard var text = words(on: type)?.fields.first(where: { $0.name == field.name })?.text else { return "" }
    if text.hasPrefix("=") { text = words(on: String(text.dropFirst()))?.fields.first { $0.name == field.name }?.text ?? "" }
    switch field.level {
    case .reject: return "\(text) PodLab refuses a manifest that sets it."
    case .warn: return "\(text) PodLab keeps it and warns: on one machine it has no effect."
    case .omit: return "\(text) PodLab never sets it."
    case .must, .should: return text
    }
  }

  /// The values that a field can have where they are few and fixed, sorted; nil elsewhere.
  public static func values(_ field: String, of type: String) -> [String]? {
    for e in enums where e.field.description == "\(type).\(field)" {
      return e.values.description.split(separator: " ").map { $0 == "\"\"" ? "" : String($0) }
    }
    return nil
  }

  /// How many fields there are with such values.
  public static var valuedFields: Int { enums.count }

  private static let enums: [(field: StaticString, values: StaticString)] = [
    ("AppArmorProfile.type", "Localhost RuntimeDefault Unconfined"), ("AzureDiskVolumeSource.cachingMode", "None ReadOnly ReadWrite"),
    ("AzureDiskVolumeSource.kind", "Dedicated Managed Shared"), ("Container.imagePullPolicy", "Always IfNotPresent Never"),
    ("Container.terminationMessagePolicy", "FallbackToLogsOnError File"), ("ContainerPort.protocol", "SCTP TCP UDP"),
    ("EphemeralContainer.imagePullPolicy", "Always IfNotPresent Never"),
    ("EphemeralContainer.terminationMessagePolicy", "FallbackToLogsOnError File"), ("HTTPGetAction.scheme", "HTTP HTTPS"),
    ("HostPathVolumeSource.type", "\"\" BlockDevice CharDevice Directory DirectoryOrCreate File FileOrCreate Socket"),
    ("ImageVolumeSource.pullPolicy", "Always IfNotPresent Never"), ("NodeSelectorRequirement.operator", "DoesNotExist Exists Gt In Lt NotIn"),
    ("PersistentVolumeClaimSpec.volumeMode", "Block Filesystem"), ("PodSecurityContext.fsGroupChangePolicy", "Always OnRootMismatch"),
    ("PodSecurityContext.supplementalGroupsPolicy", "Merge Strict"), ("PodSpec.dnsPolicy", "ClusterFirst ClusterFirstWithHostNet Default None"),
    ("PodSpec.preemptionPolicy", "Never PreemptLowerPriority"), ("PodSpec.restartPolicy", "Always Never OnFailure"),
    ("PodStatus.phase", "Failed Pending Running Succeeded Unknown"), ("PodStatus.qosClass", "BestEffort Burstable Guaranteed"),
    ("SeccompProfile.type", "Localhost RuntimeDefault Unconfined"), ("SecurityContext.procMount", "Default Unmasked"),
    ("Taint.effect", "NoExecute NoSchedule PreferNoSchedule"), ("Toleration.effect", "NoExecute NoSchedule PreferNoSchedule"), ("Toleration.operator", "Equal Exists Gt Lt"),
    ("TopologySpreadConstraint.nodeAffinityPolicy", "Honor Ignore"), ("TopologySpreadConstraint.nodeTaintsPolicy", "Honor Ignore"),
    ("TopologySpreadConstraint.whenUnsatisfiable", "DoNotSchedule ScheduleAnyway"),
    ("VolumeMount.mountPropagation", "Bidirectional HostToContainer None"),
  ]
}
