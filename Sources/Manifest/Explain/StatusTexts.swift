// SPDX-License-Identifier: Apache-2.0
//
// explain's words: what is, as PodLab writes it. Explain.swift says how the lines are read.

extension ExplainTexts {
  static let statuses: [(type: StaticString, text: StaticString)] = [
    (
      "PodStatus",
      """
      What is, as the pod's supervisor last saw it.
      allocatedResources: The resources that the node has set aside for the pod.
      conditions: What the pod has reached: PodScheduled, Initialized, ContainersReady, Ready, and others.
      containerStatuses: The state of each container.
      ephemeralContainerStatuses: The state of each container that was added to look into the pod.
      extendedResourceClaimStatus: The devices found for extended resources.
      hostIP: The node's address.
      hostIPs: The node's addresses, at most one of IPv4 and of IPv6.
      initContainerStatuses: The state of each init container.
      message: Why the pod is as it is, for people.
      nodeAllocatableResourceClaimStatuses: What claimed devices take of the node's resources.
      nominatedNodeName: The node on which others are pushed off for this pod.
      observedGeneration: The generation of the spec that this status tells of.
      phase: Pending (not all containers have begun), Running, Succeeded (all ended with 0 and stay so), Failed, or Unknown (its supervisor does not answer).
      podIP: The pod's address; that of the node with hostNetwork.
      podIPs: The pod's addresses, at most one of IPv4 and of IPv6; podIP is the first.
      qosClass: Guaranteed (each container's requests and limits for cpu and memory are the same), BestEffort (there are none), else Burstable. Says who is ended first when memory runs out.
      reason: Why the pod is as it is, in one word: Evicted, DeadlineExceeded, NodeLost and others.
      resize: How far a change of resources has come.
      resourceClaimStatuses: The claims that were made for the pod.
      resources: The resources that the pod as a whole has now.
      startTime: When the node took the pod over, before its images were fetched.
      volumeHealth: How the pod's volumes are.
      """
    ),
    (
      "PodCondition",
      """
      Something that a pod has reached, or not.
      lastProbeTime: When it was last looked at.
      lastTransitionTime: When the status last changed.
      message: Why, for people.
      observedGeneration: The generation of the spec that the condition tells of.
      reason: Why, in one word.
      status: True, False or Unknown.
      type: What it is about: PodScheduled, PodReadyToStartContainers, Initialized, ContainersReady, Ready, DisruptionTarget, or one of your own.
      """
    ),
    (
      "PodIP",
      """
      An address of the pod.
      ip: The address.
      """
    ),
    (
      "HostIP",
      """
      An address of the node.
      ip: The address.
      """
    ),
    (
      "ContainerStatus",
      """
      How a container is.
      allocatedResources: The resources that the node has set aside for it.
      allocatedResourcesStatus: How its devices are.
      containerID: The run's id, podlab://ID; a restart has another.
      image: The image that it runs.
      imageID: The image's digest.
      lastState: How its run before this one ended; empty before the first restart.
      name: The container's name.
      ready: Whether its readiness probe succeeds; without one, whether it runs. Of an init container, whether it has ended well.
      resources: The resources that it has now.
      restartCount: How often it was started again.
      started: Whether it runs and its startup probe has succeeded and its postStart hook has ended.
      state: What it does now: waiting, running or terminated.
      stopSignal: The signal that ends it.
      user: The ids that its first process began with.
      volumeMounts: How its volumes are mounted.
      """
    ),
    (
      "ContainerState",
      """
      What a container does: at most one of these.
      running: It runs.
      terminated: It has ended.
      waiting: It is yet to start, or to start again.
      """
    ),
    (
      "ContainerStateRunning",
      """
      A container that runs.
      startedAt: Since when.
      """
    ),
    (
      "ContainerStateTerminated",
      """
      A container that has ended.
      containerID: The run's id.
      exitCode: Its exit code; 128 and the signal's number where a signal ended it.
      finishedAt: When it ended.
      message: What it left in its terminationMessagePath.
      reason: Completed, Error, OOMKilled, ContainerStatusUnknown and others.
      signal: The signal that ended it.
      startedAt: When it started.
      """
    ),
    (
      "ContainerStateWaiting",
      """
      A container that does not run yet.
      message: What it waits for, for people.
      reason: ContainerCreating, PodInitializing, CrashLoopBackOff, ImagePullBackOff, CreateContainerConfigError and others.
      """
    ),
    (
      "ContainerUser",
      """
      Who a container's first process began as.
      linux: Its ids on Linux.
      """
    ),
    (
      "LinuxContainerUser",
      """
      The ids of a process.
      gid: The group id.
      supplementalGroups: The further groups.
      uid: The user id.
      """
    ),
    (
      "VolumeMountStatus",
      """
      How a volume is mounted.
      mountPath: The path in the container.
      name: The volume's name.
      readOnly: Whether it is read-only.
      recursiveReadOnly: Whether mounts beneath are read-only too: Disabled or Enabled, as it turned out.
      volumeStatus: More about the volume.
      """
    ),
    (
      "VolumeStatus",
      """
      More about a mounted volume.
      image: About an image's.
      """
    ),
    (
      "ImageVolumeStatus",
      """
      About an image that is mounted as a volume.
      imageRef: The image with its digest.
      """
    ),
    (
      "ResourceStatus",
      """
      How devices of a container are.
      name: The resource's name.
      resources: The devices.
      """
    ),
    (
      "ResourceHealth",
      """
      How a device is.
      health: Healthy, Unhealthy or Unknown.
      message: Why, for people.
      resourceID: The device's id.
      """
    ),
    (
      "PodResourceClaimStatus",
      """
      A claim that was made for the pod.
      name: The claim's name in the pod.
      resourceClaimName: The ResourceClaim that was made.
      """
    ),
    (
      "PodExtendedResourceClaimStatus",
      """
      The devices found for extended resources.
      requestMappings: Which container's resource is which request of the claim.
      resourceClaimName: The ResourceClaim that was made.
      """
    ),
    (
      "ContainerExtendedResourceRequest",
      """
      A container's extended resource and where it comes from.
      containerName: The container.
      requestName: The request of the claim.
      resourceName: The extended resource.
      """
    ),
    (
      "NodeAllocatableResourceClaimStatus",
      """
      What a claimed device takes of the node's resources.
      containers: The containers that use it.
      mapping: What it stands for.
      overhead: What it takes beside that.
      resourceClaimName: The ResourceClaim.
      """
    ),
    (
      "NodeAllocatableMappedResources",
      """
      A resource of the node that a device stands for.
      name: The resource.
      quantity: How much of it.
      """
    ),
    (
      "NodeAllocatableOverheadResources",
      """
      A resource of the node that using a device takes.
      name: The resource.
      perContainer: How much for each container.
      perPod: How much for the pod.
      """
    ),
    (
      "PodVolumeHealth",
      """
      How a volume is.
      healthConditions: What is known.
      lastTransitionTime: When that last changed.
      name: The volume's name.
      """
    ),
    (
      "VolumeHealthCondition",
      """
      Something known about a volume.
      message: Why, for people.
      reason: Why, in one word.
      status: Whether it is well.
      """
    ),
  ]
}
