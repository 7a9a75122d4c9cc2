// SPDX-License-Identifier: Apache-2.0
//
// explain's words: the node, which is this machine. Explain.swift says how the lines are read.

extension ExplainTexts {
  static let nodes: [(type: StaticString, text: StaticString)] = [
    (
      "Node",
      """
      The machine that pods run on. There is one, podlab; only its labels, annotations and taints can be changed.
      apiVersion: The version of the schema that the object is written in: v1.
      kind: What the object is: Node.
      metadata: The node's name, labels and annotations.
      spec: What keeps pods away from the node.
      status: What the machine is and has.
      """
    ),
    (
      "NodeSpec",
      """
      What is wanted of a node.
      configSource: Where kubelet's configuration came from; no longer used.
      externalID: The machine's id elsewhere; no longer used.
      podCIDR: The range of its pods' addresses.
      podCIDRs: The ranges of its pods' addresses, at most one of IPv4 and of IPv6; podCIDR is the first.
      podPreemptionPolicy: What pods of the node may not be pushed off for.
      providerID: The machine's id at who provides it.
      taints: What keeps pods away that do not tolerate it (podctl taint).
      unschedulable: Whether no new pod may come. Default false.
      """
    ),
    (
      "Taint",
      """
      Something that keeps pods away from a node.
      effect: NoSchedule lets none in, PreferNoSchedule rather not, NoExecute also ends those that are there.
      key: The taint's key.
      timeAdded: When it was set; only for NoExecute.
      value: The taint's value. Default empty.
      """
    ),
    (
      "NodePodPreemptionPolicy",
      """
      What pods of the node may not be pushed off for.
      disableResizePreemption: Kinds of resize for which no pod is pushed off.
      """
    ),
    (
      "NodeConfigSource",
      """
      Where kubelet's configuration came from; no longer used.
      configMap: A ConfigMap.
      """
    ),
    (
      "ConfigMapNodeConfigSource",
      """
      A ConfigMap with kubelet's configuration; no longer used.
      kubeletConfigKey: The key.
      name: The ConfigMap's name.
      namespace: The ConfigMap's namespace.
      resourceVersion: The state of the ConfigMap.
      uid: The ConfigMap's identity.
      """
    ),
    (
      "NodeStatus",
      """
      What a node is and has.
      addresses: The node's addresses and names.
      allocatable: What pods can have of its resources, together.
      capacity: What it has of each resource.
      conditions: How it is: Ready, MemoryPressure, DiskPressure, PIDPressure.
      config: How far a configuration given by the cluster has come; no longer used.
      daemonEndpoints: The ports of the node's own programs.
      declaredFeatures: Features that the node says it has.
      features: Features of the runtime as a whole.
      images: Images that are on the node.
      nodeInfo: The machine and its programs.
      phase: No longer used.
      runtimeHandlers: Ways of running containers, and what each can.
      volumesAttached: Volumes that are attached to the node.
      volumesInUse: Volumes that pods of the node use.
      """
    ),
    (
      "NodeAddress",
      """
      An address or a name of a node.
      address: The address or the name.
      type: InternalIP, ExternalIP, Hostname, InternalDNS or ExternalDNS.
      """
    ),
    (
      "NodeCondition",
      """
      Something that holds of a node, or not.
      lastHeartbeatTime: When it was last looked at.
      lastTransitionTime: When the status last changed.
      message: Why, for people.
      reason: Why, in one word.
      status: True, False or Unknown.
      type: What it is about: Ready, MemoryPressure, DiskPressure, PIDPressure, NetworkUnavailable.
      """
    ),
    (
      "NodeConfigStatus",
      """
      How far a configuration given by the cluster has come; no longer used.
      active: The one in use.
      assigned: The one to be used.
      error: What is wrong with the one to be used.
      lastKnownGood: The one to fall back to.
      """
    ),
    (
      "NodeDaemonEndpoints",
      """
      The ports of the node's own programs.
      kubeletEndpoint: Where kubelet listens.
      """
    ),
    (
      "DaemonEndpoint",
      """
      Where a program listens.
      Port: The port's number.
      """
    ),
    (
      "NodeFeatures",
      """
      Features of the runtime as a whole.
      supplementalGroupsPolicy: Whether supplementalGroupsPolicy of a pod is heeded.
      """
    ),
    (
      "ContainerImage",
      """
      An image on the node.
      names: The names that it is known by.
      sizeBytes: Its size in bytes.
      """
    ),
    (
      "NodeSystemInfo",
      """
      The machine and its programs.
      architecture: The processor's kind, such as amd64.
      bootID: The id of this boot; after a restart of the machine it is another.
      containerRuntimeVersion: What runs the containers, and its version.
      kernelVersion: The kernel's version, as uname -r says it.
      kubeProxyVersion: No longer used.
      kubeletVersion: The version of Kubernetes whose pods are run.
      machineID: The machine's id (/etc/machine-id).
      operatingSystem: linux.
      osImage: The system's name, as /etc/os-release says it.
      runningInUserNamespace: Whether the node itself is in a user namespace.
      swap: About swap space.
      systemUUID: The machine's id as its firmware says it.
      """
    ),
    (
      "NodeSwapStatus",
      """
      About swap space.
      capacity: How much there is, in bytes.
      """
    ),
    (
      "NodeRuntimeHandler",
      """
      A way of running containers.
      features: What it can.
      name: Its name; empty for the usual one.
      """
    ),
    (
      "NodeRuntimeHandlerFeatures",
      """
      What a way of running containers can.
      recursiveReadOnlyMounts: Whether mounts beneath a read-only one can be read-only too.
      userNamespaces: Whether pods can have a user namespace.
      """
    ),
    (
      "AttachedVolume",
      """
      A volume that is attached to the node.
      devicePath: The device that it is.
      name: The volume's name.
      """
    ),
  ]
}
