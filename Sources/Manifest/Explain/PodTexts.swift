// SPDX-License-Identifier: Apache-2.0
//
// explain's words: the pod's spec, its names, its security and its place on a node. Explain.swift says how the lines are read.

extension ExplainTexts {
  static let pods: [(type: StaticString, text: StaticString)] = [
    (
      "PodSpec",
      """
      What a pod is to be.
      activeDeadlineSeconds: How many seconds the pod may be active, counted from its start, before it is stopped and fails with DeadlineExceeded. At least 1; no limit where it is not set.
      affinity: Wishes and demands about the node, or about the pods already on it.
      automountServiceAccountToken: Whether the containers get a token of their service account in /var/run/secrets/kubernetes.io/serviceaccount. Default: as the account says, else true.
      containers: The containers. At least one; their names differ. The list cannot be changed later, some of the containers' fields can.
      dnsConfig: Entries for /etc/resolv.conf, beside or instead of what dnsPolicy gives.
      dnsPolicy: Where /etc/resolv.conf comes from: the node (Default), the cluster's name service (ClusterFirst, ClusterFirstWithHostNet), or only dnsConfig (None). Default ClusterFirst.
      enableServiceLinks: Whether each Service of the namespace is told in environment variables. Default true.
      ephemeralContainers: Containers added to the running pod to look into it. podctl debug adds them.
      evictionResponders: Who is asked before the pod is evicted from its node.
      hostAliases: Lines added to /etc/hosts.
      hostIPC: Whether the pod shares the node's System V and POSIX message queues, semaphores and shared memory. Default false.
      hostNetwork: Whether the pod uses the node's network: no address of its own, and its ports are the node's. Default false.
      hostPID: Whether the containers see and can signal the node's processes. Default false; excludes shareProcessNamespace.
      hostUsers: Whether user ids in the pod are those of the node. false gives the pod a user namespace: its root is an ordinary user outside. Default true.
      hostname: The host name that the pod sees. A DNS label of at most 63 characters. Default: the pod's name.
      hostnameOverride: The host name exactly as it stands here, dots included, at most 64 characters; hostname and subdomain then do not count for it.
      imagePullSecrets: Secrets with credentials for the registries of the pod's images.
      initContainers: Containers that run before the others, one after another, each to a successful end. One with restartPolicy Always is a sidecar: the next starts when it has started, and it runs on.
      nodeName: The node that the pod is to run on, past the scheduler. One that does not exist leaves the pod Pending.
      nodeSelector: Labels that the node must have with these values; otherwise the pod stays Pending, Unschedulable.
      os: The operating system that the pod is written for.
      overhead: Resources that running the pod itself takes, beside its containers; set by its runtime class.
      preemptionPolicy: Whether the pod may push others of lower priority off a full node: PreemptLowerPriority (default) or Never.
      priority: How important the pod is among others; higher is more. Default 0.
      priorityClassName: The PriorityClass that the priority is taken from.
      readinessGates: Conditions that must be True, beside ready containers, before the pod is Ready. Somebody else must set them.
      resourceClaims: Devices that the pod's containers share by name.
      resources: CPU and memory for the pod as a whole: a limit that its containers share. Only cpu, memory and hugepages.
      restartPolicy: What is done when a container ends: Always (default) starts it again, OnFailure only after a non-zero exit code, Never not. The wait doubles from 10 s to 5 minutes.
      runtimeClassName: The RuntimeClass that runs the containers. Here there is one runtime only.
      schedulerName: Which scheduler finds the node. Default default-scheduler.
      schedulingGates: As long as one stands here the pod waits, Pending with reason SchedulingGated. They can be removed later, not added.
      schedulingGroup: The group of pods that is scheduled together with this one.
      securityContext: Identity and protection of all containers; what a container says itself wins.
      serviceAccount: The old name of serviceAccountName.
      serviceAccountName: The service account whose tokens the pod carries. Default default.
      setHostnameAsFQDN: Whether the kernel's host name is the full name, with subdomain and domain; it must not exceed 64 characters. Default false.
      shareProcessNamespace: Whether the containers see and can signal each other's processes; PID 1 is then the pod's own. Default false.
      subdomain: Makes the pod's full name HOSTNAME.SUBDOMAIN.NAMESPACE.svc.cluster.local. A DNS label.
      terminationGracePeriodSeconds: How many seconds the containers have between the stop signal and SIGKILL; a preStop hook takes its time from them. Default 30; 0 kills at once.
      tolerations: Taints of the node that do not keep the pod away.
      topologySpreadConstraints: How evenly pods are to be spread over zones or nodes.
      volumes: The volumes that containers can mount, each with its own name.
      """
    ),
    (
      "HostAlias",
      """
      A line of /etc/hosts.
      hostnames: The names that stand for the address.
      ip: The address, IPv4 or IPv6.
      """
    ),
    (
      "PodDNSConfig",
      """
      Entries for /etc/resolv.conf.
      nameservers: Addresses of name servers, in front of none or after those of dnsPolicy; at most 3 in all. Needed where dnsPolicy is None.
      options: Options of the resolver; one of the same name replaces that of dnsPolicy.
      searches: Domains in which short names are looked for; at most 32 in all.
      """
    ),
    (
      "PodDNSConfigOption",
      """
      An option of the resolver, as resolv.conf(5) lists them.
      name: The option, such as ndots or edns0.
      value: What follows the colon, such as 2; none for options without a value.
      """
    ),
    (
      "PodOS",
      """
      The operating system of a pod.
      name: linux or windows. This node runs linux, and a pod for windows is refused.
      """
    ),
    (
      "PodReadinessGate",
      """
      A condition that the pod's readiness waits for.
      conditionType: The type of the condition in status.conditions.
      """
    ),
    (
      "PodSchedulingGate",
      """
      Something that must be settled before the pod is scheduled.
      name: The gate's name, unique in the pod.
      """
    ),
    (
      "PodSchedulingGroup",
      """
      The group that the pod is scheduled with.
      podGroupName: The PodGroup's name.
      """
    ),
    (
      "EvictionResponder",
      """
      Somebody who is asked before an eviction.
      name: Who it is, a name with a domain.
      priority: In which order; the highest is asked first.
      """
    ),
    (
      "PodResourceClaim",
      """
      A device that the pod uses, under a name of its own.
      name: The name that containers use for it.
      resourceClaimName: The ResourceClaim that it is.
      resourceClaimTemplateName: The template from which a ResourceClaim is made for this pod alone.
      """
    ),
    (
      "PodSecurityContext",
      """
      Identity and protection of all containers of a pod.
      appArmorProfile: The AppArmor profile of the containers.
      fsGroup: A group that owns the files of the pod's volumes, and that every container belongs to; new files in them get it too. hostPath volumes are left alone.
      fsGroupChangePolicy: Whether the owners in a volume are set at every start (Always, default) or only where those of its top folder are wrong (OnRootMismatch).
      runAsGroup: The group id of the containers' processes. Default: that of the image, else 0.
      runAsNonRoot: Whether a container that would run as user 0 is not started, but waits with CreateContainerConfigError. Default false.
      runAsUser: The user id of the containers' processes. Default: that of the image, else 0.
      seLinuxChangePolicy: How SELinux labels reach a volume: by relabelling its files (Recursive) or at the mount (MountOption).
      seLinuxOptions: The SELinux label of the containers.
      seccompProfile: Which system calls the containers may make.
      supplementalGroups: Further groups of the containers' processes.
      supplementalGroupsPolicy: Whether the groups of the image's /etc/group are added to those named here (Merge, default) or not (Strict).
      sysctls: Kernel settings of the pod's own namespaces.
      windowsOptions: Settings for windows.
      """
    ),
    (
      "Sysctl",
      """
      A kernel setting. Those of the network namespace and of System V shared memory exist once a pod; others belong to the node.
      name: The setting, such as net.ipv4.ip_unprivileged_port_start. Only those that are safe for the neighbours are allowed.
      value: The value, as text.
      """
    ),
    (
      "Affinity",
      """
      Which node is wanted.
      nodeAffinity: Conditions on the node's labels.
      podAffinity: Pods that this one wants to be near.
      podAntiAffinity: Pods that this one wants to be away from.
      """
    ),
    (
      "NodeAffinity",
      """
      Conditions on the node.
      preferredDuringSchedulingIgnoredDuringExecution: Nodes to be preferred, each condition with a weight. With one node there is nothing to prefer.
      requiredDuringSchedulingIgnoredDuringExecution: What the node must be; otherwise the pod stays Pending, Unschedulable. A running pod is not looked at again.
      """
    ),
    (
      "NodeSelector",
      """
      Conditions on a node, of which one must hold.
      nodeSelectorTerms: The terms; the node must satisfy at least one.
      """
    ),
    (
      "NodeSelectorTerm",
      """
      Conditions on a node that must all hold. An empty term matches no node.
      matchExpressions: Conditions on the node's labels.
      matchFields: Conditions on the node's fields; only metadata.name.
      """
    ),
    (
      "NodeSelectorRequirement",
      """
      One condition on a node.
      key: The label's key.
      operator: In, NotIn, Exists, DoesNotExist, or Gt and Lt, which compare integers.
      values: The values to compare with: at least one for In and NotIn, none for Exists and DoesNotExist, one integer for Gt and Lt.
      """
    ),
    (
      "PreferredSchedulingTerm",
      """
      A node that would be better.
      preference: The conditions.
      weight: How much it counts, 1 to 100.
      """
    ),
    (
      "PodAffinity",
      """
      Pods to be near.
      preferredDuringSchedulingIgnoredDuringExecution: Pods that it would be good to be near, each with a weight.
      requiredDuringSchedulingIgnoredDuringExecution: Pods that must be there already.
      """
    ),
    (
      "PodAntiAffinity",
      """
      Pods to be away from.
      preferredDuringSchedulingIgnoredDuringExecution: Pods that it would be good to be away from, each with a weight.
      requiredDuringSchedulingIgnoredDuringExecution: Pods that must not be there.
      """
    ),
    (
      "PodAffinityTerm",
      """
      Pods, and how near is near.
      labelSelector: The pods, by their labels; none where it is not set.
      matchLabelKeys: Keys of labels whose values must be those of this pod; added to the selector.
      mismatchLabelKeys: Keys of labels whose values must differ from those of this pod.
      namespaceSelector: The namespaces in which the pods are looked for, by their labels.
      namespaces: The namespaces by name. Default: the pod's own.
      topologyKey: The node's label that says what is near: nodes with the same value are. kubernetes.io/hostname means the same node.
      """
    ),
    (
      "WeightedPodAffinityTerm",
      """
      A wish about pods, with a weight.
      podAffinityTerm: The pods, and how near is near.
      weight: How much it counts, 1 to 100.
      """
    ),
    (
      "Toleration",
      """
      A taint that does not keep the pod away.
      effect: The taint's effect: NoSchedule, PreferNoSchedule or NoExecute; empty means each of them.
      key: The taint's key; empty, with Exists, means every taint.
      operator: Equal (default) compares the value, Exists takes any; Lt and Gt compare integers.
      tolerationSeconds: How many seconds the pod stays once a NoExecute taint is there. Not set: for ever; 0 or less: not at all.
      value: The taint's value; must be empty with Exists.
      """
    ),
    (
      "TopologySpreadConstraint",
      """
      How evenly pods are to be spread.
      labelSelector: The pods that are counted.
      matchLabelKeys: Keys of labels whose values must be those of this pod for a pod to be counted.
      maxSkew: By how many pods two places may differ; at least 1.
      minDomains: How many places there must be for the smallest count to be taken as it is.
      nodeAffinityPolicy: Whether nodes that the pod's selector and affinity exclude are left out: Honor (default) or Ignore.
      nodeTaintsPolicy: Whether nodes with taints that the pod does not tolerate are left out: Honor or Ignore (default).
      topologyKey: The node's label that makes a place: nodes with the same value are one.
      whenUnsatisfiable: What if it cannot be: DoNotSchedule lets the pod wait, ScheduleAnyway takes the best place.
      """
    ),
  ]
}
