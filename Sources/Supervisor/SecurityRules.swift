// SPDX-License-Identifier: Apache-2.0
//
// From the two security contexts and the image to user, groups and capabilities. Kubernetes pkg/securitycontext, pkg/kubelet/kuberuntime
// (verifyRunAsNonRoot).
import Kernel
import Manifest
import Runtime

enum SecurityRules {
  /// Who the container's program is. imageUser: the image's USER, users: the image's own passwd and group.
  static func identity(_ container: Container, _ pod: Pod, imageUser: String, users: () -> UserDatabase) throws(ConfigError) -> ContainerIdentity {
    let own = container.securityContext
    let shared = pod.spec.securityContext
    let wantedUser = own.runAsUser ?? shared.runAsUser
    let wantedGroup = own.runAsGroup ?? shared.runAsGroup
    var identity = ContainerIdentity()
    var fromImage: [UInt32] = []
    if let wantedUser {
      identity.user = UInt32(clamping: wantedUser)
      if wantedUser != 0 {
        let known = users()
        fromImage = known.supplementary(of: identity.user)
        identity.group = known.primaryGroup(of: identity.user) ?? 0
      }
    } else if !imageUser.isEmpty && imageUser != "0" && imageUser != "root" {
      guard let found = users().resolve(imageUser) else {
        throw ConfigError("failed to get user from image config: no users found for \(imageUser)")
      }
      (identity.user, identity.group, fromImage) = found
    }
    if let wantedGroup { identity.group = UInt32(clamping: wantedGroup) }
    if own.runAsNonRoot ?? shared.runAsNonRoot ?? false {
      let whom = "(pod: \"\(pod.metadata.fullName)\", container: \(container.name))"
      if let wantedUser {
        if wantedUser == 0 { throw ConfigError("container's runAsUser breaks non-root policy \(whom)") }
      } else if !imageUser.isEmpty, UInt32(imageUser.prefix { $0 != ":" }) == nil {
        throw ConfigError("container has runAsNonRoot and image has non-numeric user (\(imageUser)), cannot verify user is non-root \(whom)")
      } else if identity.user == 0 {
        throw ConfigError("container has runAsNonRoot and image will run as root \(whom)")
      }
    }
    // The runtime counts the primary group among them, as containerd does: a process cannot get rid of it by setgid.
    var groups = [identity.group]
    if shared.supplementalGroupsPolicy != "Strict" { groups += fromImage }
    groups += shared.supplementalGroups.map { UInt32(clamping: $0) }
    if let g = shared.fsGroup { groups.append(UInt32(clamping: g)) }
    var seen: Set<UInt32> = []
    identity.supplementary = groups.filter { seen.insert($0).inserted }
    return identity
  }

  /// Why these ids cannot be had here; nil where they can. An ordinary user without subordinate ids has one: the kernel maps no other.
  static func obstacle(to identity: ContainerIdentity, _ host: Host, hasUserNamespace: Bool = false) -> String? {
    if hasUserNamespace {
      guard let id = ([identity.user, identity.group] + identity.supplementary).first(where: { $0 > 65535 }) else { return nil }
      return "id \(id) cannot be had here: a pod with hostUsers: false has the ids 0 to 65535"
    }
    let wanted: String
    if !host.maps(user: identity.user) {
      wanted = "user \(identity.user)"
    } else if let g = ([identity.group] + identity.supplementary).first(where: { !host.maps(group: $0) }) {
      wanted = "group \(g)"
    } else {
      return nil
    }
    return "\(wanted) cannot be had here: \(Self.remedy)"
  }

  /// Annotation of a Pod, "true": its containers run under IgnoredUserChanges where the node has one id.
  static let ignoreUserChangesKey = "podlab.io/ignore-user-changes"

  static let remedy =
    "this user's node maps too few ids; as root: apt-get install uidmap; usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER; "
    + "then `lab clean` makes the node anew"

  /// The runtime's default set, or all or none of them, then what is added, then what is dropped (containerd, WithCapabilities). privileged: all there are.
  static func capabilities(_ context: SecurityContext) -> CapabilitySet {
    if context.privileged { return .all }
    var set = CapabilitySet.containerDefault
    let added = context.capabilities.add.map { $0.uppercased() }
    let dropped = context.capabilities.drop.map { $0.uppercased() }
    if added.contains("ALL") { set = .all }
    if dropped.contains("ALL") { set = [] }
    for name in added { if let c = CapabilitySet(name: name) { set.formUnion(c) } }
    for name in dropped { if let c = CapabilitySet(name: name) { set.subtract(c) } }
    return set
  }

  /// allowPrivilegeEscalation false; never for who may do everything anyway.
  static func noNewPrivileges(_ context: SecurityContext) -> Bool {
    guard context.allowPrivilegeEscalation == false else { return false }
    return !context.privileged
  }
}
