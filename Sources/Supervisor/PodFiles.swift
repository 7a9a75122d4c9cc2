// SPDX-License-Identifier: Apache-2.0
//
// The files that every container of a Pod shares: /etc/hosts, /etc/hostname, /etc/resolv.conf. Kubernetes pkg/kubelet/kubelet_pods.go
// (managedHostsFileContent), pkg/kubelet/network/dns.
import Manifest

struct PodFiles {
  static let clusterDomain = "cluster.local"

  /// The name in the Pod's uts namespace: hostnameOverride, hostname or the Pod's name (63 bytes at most); the whole name under
  /// setHostnameAsFQDN.
  static func hostname(_ pod: Pod, node: String) -> String {
    if let name = pod.spec.hostnameOverride { return name }
    if pod.spec.hostNetwork { return node }
    let short = shortName(pod)
    guard pod.spec.setHostnameAsFQDN, let domain = domain(pod) else { return short }
    return short + "." + domain
  }

  /// The first part of the name, cut as the kubelet cuts it.
  private static func shortName(_ pod: Pod) -> String {
    var name = Substring(pod.spec.hostname ?? pod.metadata.name)
    if name.utf8.count > 63 {
      name = name.prefix(63)
      while name.hasSuffix("-") || name.hasSuffix(".") { name.removeLast() }
    }
    return String(name)
  }

  /// SUBDOMAIN.NAMESPACE.svc.cluster.local; nil without a subdomain.
  private static func domain(_ pod: Pod) -> String? {
    pod.spec.subdomain.map { "\($0).\(pod.metadata.namespace).svc.\(clusterDomain)" }
  }

  /// - Parameter nodeHosts: the node's /etc/hosts, which a Pod on the host's network gets.
  static func hosts(_ pod: Pod, node: String, podIPs: [String], nodeHosts: String) -> String {
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
      for ip in podIPs {
        if let domain = domain(pod) {
          text += "\(ip)\t\(name).\(domain)\t\(name)\n"
        } else {
          text += "\(ip)\t\(hostname(pod, node: node))\n"
        }
      }
    }
    if !pod.spec.hostAliases.isEmpty {
      text += "\n# Entries added by HostAliases.\n"
      for alias in pod.spec.hostAliases { text += "\(alias.ip)\t\(alias.hostnames.joined(separator: "\t"))\n" }
    }
    return text
  }

  /// What a resolver reads. Without a cluster's DNS, ClusterFirst is Default: the node's own file, with dnsConfig merged in. None takes dnsConfig
  /// alone.
  static func resolver(_ pod: Pod, node: String) -> String {
    var servers: [String] = []
    var searches: [String] = []
    var options: [String] = []
    if pod.spec.dnsPolicy != "None" {
      for line in node.split(whereSeparator: \.isNewline) {
        let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
        switch words.first {
        case "nameserver": servers += words.dropFirst().prefix(1)
        case "search": searches = Array(words.dropFirst())
        case "domain" where searches.isEmpty: searches = Array(words.dropFirst())
        case "options": options += words.dropFirst()
        default: break
        }
      }
    }
    if let config = pod.spec.dnsConfig {
      for s in config.nameservers where !servers.contains(s) { servers.append(s) }
      for s in config.searches where !searches.contains(s) { searches.append(s) }
      for o in config.options {
        options.removeAll { $0 == o.name || $0.hasPrefix(o.name + ":") }
        options.append(o.value.map { "\(o.name):\($0)" } ?? o.name)
      }
    }
    var text = ""
    if !searches.isEmpty { text += "search \(searches.joined(separator: " "))\n" }
    for s in servers { text += "nameserver \(s)\n" }
    if !options.isEmpty { text += "options \(options.joined(separator: " "))\n" }
    return text
  }
}
