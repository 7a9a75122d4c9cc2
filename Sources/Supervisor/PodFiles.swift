// SPDX-License-Identifier: Apache-2.0
//
// The Pod's names, and the /etc/hosts that its containers share. Pure. Kubernetes pkg/kubelet/kubelet_pods.go (GeneratePodHostNameAndDomain,
// managedHostsFileContent), pkg/kubelet/util (GetNodenameForKernel).
import Manifest

public enum PodFiles {
  static let clusterDomain = "cluster.local"

  /// What the kernel takes as a host name.
  static let mostBytes = 64

  /// The name in the Pod's uts namespace: hostnameOverride, hostname or the Pod's name (63 bytes at most); the whole name under
  /// setHostnameAsFQDN. A Pod on the host's network has the machine's name.
  public static func hostname(_ pod: Pod, machine: String) -> String {
    if pod.spec.hostNetwork { return machine }
    let short = shortName(pod)
    guard pod.spec.setHostnameAsFQDN, let domain = domain(pod) else { return short }
    return short + "." + domain
  }

  /// Why the Pod cannot have its name; nil: it can.
  public static func hostnameProblem(_ pod: Pod) -> String? {
    guard !pod.spec.hostNetwork, pod.spec.setHostnameAsFQDN else { return nil }
    let name = hostname(pod, machine: "")
    guard name.utf8.count > mostBytes else { return nil }
    return "failed to construct FQDN from pod hostname and cluster domain, FQDN \(name) is too long (\(mostBytes) characters is the max, \(name.utf8.count) characters requested)"
  }

  /// The first part of the name, cut as the kubelet cuts it.
  private static func shortName(_ pod: Pod) -> String {
    if let name = pod.spec.hostnameOverride { return name }
    var name = Substring(pod.spec.hostname ?? pod.metadata.name)
    if name.utf8.count > 63 {
      name = name.prefix(63)
      while name.hasSuffix("-") || name.hasSuffix(".") { name.removeLast() }
    }
    return String(name)
  }

  /// SUBDOMAIN.NAMESPACE.svc.cluster.local; nil without a subdomain, and of a name that was set as a whole.
  private static func domain(_ pod: Pod) -> String? {
    guard pod.spec.hostnameOverride == nil else { return nil }
    return pod.spec.subdomain.map { "\($0).\(pod.metadata.namespace).svc.\(clusterDomain)" }
  }

  /// - Parameter nodeHosts: the node's /etc/hosts, which a Pod on the host's network gets.
  public static func hosts(_ pod: Pod, podIPs: [String], nodeHosts: String) -> String {
    var text: String
    if pod.spec.hostNetwork {
      text = "# Kubernetes-managed hosts file (host network).\n" + nodeHosts
    } else {
      text = """
        # Kubernetes-managed hosts file.
        127.0.0.1\tlocalhost
        ::1\tlocalhost ip6-localhost ip6-loopback
        fe00::0\tip6-localnet
        fe00::0\tip6-mcastprefix
        fe00::1\tip6-allnodes
        fe00::2\tip6-allrouters

        """
      let name = shortName(pod)
      for ip in podIPs { text += domain(pod).map { "\(ip)\t\(name).\($0)\t\(name)\n" } ?? "\(ip)\t\(name)\n" }
    }
    if !pod.spec.hostAliases.isEmpty {
      text += "\n# Entries added by HostAliases.\n"
      for alias in pod.spec.hostAliases { text += "\(alias.ip)\t\(alias.hostnames.joined(separator: "\t"))\n" }
    }
    return text
  }
}
