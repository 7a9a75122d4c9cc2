// SPDX-License-Identifier: Apache-2.0
//
// explain's words: the objects themselves, their metadata, and what refers to objects. Explain.swift says how the lines are read.

extension ExplainTexts {
  static let objects: [(type: StaticString, text: StaticString)] = [
    (
      "Pod",
      """
      One or more containers that run together on one machine: they share a network, an address and volumes, start together and end together.
      apiVersion: The version of the schema that the object is written in: v1.
      kind: What the object is: Pod.
      metadata: The pod's name, namespace, labels and annotations.
      spec: What is wanted: the containers, their volumes, and the rules by which they are started, watched and ended.
      status: What is: phase, addresses, conditions, and each container's state. PodLab writes it; in a manifest it is ignored.
      """
    ),
    (
      "Secret",
      """
      Small confidential data, up to 1 MiB, by key. Pods take it as environment variables or as files; PodLab keeps it in memory or in files that only their owner reads.
      apiVersion: The version of the schema that the object is written in: v1.
      data: The values by key, each in base64. A key has letters, digits, '-', '_' and '.'.
      immutable: Whether the data must never change again; it can then only be deleted. Default false.
      kind: What the object is: Secret.
      metadata: The secret's name, namespace, labels and annotations.
      stringData: Values by key in plain text, for writing: they go into data in base64, win over the same key there, and are never shown.
      type: What the data is for, such as kubernetes.io/tls, which needs the keys tls.crt and tls.key. Default Opaque: anything. Cannot be changed.
      """
    ),
    (
      "ConfigMap",
      """
      Small data that is no secret, up to 1 MiB, by key. Pods take it as environment variables or as files.
      apiVersion: The version of the schema that the object is written in: v1.
      binaryData: Values by key that are not text, in base64. A key may stand here or in data, not in both.
      data: Text by key. A key has letters, digits, '-', '_' and '.'.
      immutable: Whether the data must never change again; it can then only be deleted. Default false.
      kind: What the object is: ConfigMap.
      metadata: The config map's name, namespace, labels and annotations.
      """
    ),
    (
      "ServiceAccount",
      """
      An identity for pods: the subject of the tokens that their containers carry.
      apiVersion: The version of the schema that the object is written in: v1.
      automountServiceAccountToken: Whether pods of this account get a token mounted; a pod's own setting wins. Default true.
      imagePullSecrets: Secrets for private registries that pods of this account would use.
      kind: What the object is: ServiceAccount.
      metadata: The account's name, namespace, labels and annotations.
      secrets: Secrets that pods of this account may use; of old, where tokens were kept.
      """
    ),
    (
      "Event",
      """
      Something that happened to an object, told once and counted when it happens again. Kept for an hour.
      action: What was done or tried with regard to the object.
      apiVersion: The version of the schema that the object is written in: v1.
      count: How many times it has happened.
      eventTime: When it was first seen, to the microsecond.
      firstTimestamp: When it happened first, to the second.
      involvedObject: The object that it happened to.
      kind: What the object is: Event.
      lastTimestamp: When it happened last, to the second.
      message: What happened, for people.
      metadata: The event's own name and namespace.
      reason: Why, in one word for machines, such as Pulled, Started, BackOff, Unhealthy.
      related: A second object that had a part in it.
      reportingComponent: The program that tells of it, such as kubelet.
      reportingInstance: Which instance of that program.
      series: How often a repeated event has come, for those who count that way.
      source: Who tells of it, and from which node.
      type: Normal or Warning.
      """
    ),
    (
      "EventSeries",
      """
      The repetitions of an event.
      count: How often it has come so far.
      lastObservedTime: When it came last, to the microsecond.
      """
    ),
    (
      "EventSource",
      """
      Who tells of an event.
      component: The program, such as kubelet or default-scheduler.
      host: The node on which it runs.
      """
    ),
    (
      "ObjectMeta",
      """
      What every object has: a name, a place, labels, and the marks of its life.
      annotations: Notes by key, for programs and people; not used to select. Together at most 256 KiB.
      creationTimestamp: When the object was created. Set by PodLab.
      deletionGracePeriodSeconds: The seconds that the object had for its end when it was deleted. Set together with deletionTimestamp.
      deletionTimestamp: Until when the object is to be gone: set when it is deleted, and never taken back.
      finalizers: Names of duties that come before the end: a deleted object stays until the list is empty.
      generateName: The beginning of a name that is to be completed with five random letters and digits, where name is empty.
      generation: Counts the changes of what is wanted (spec). Set by PodLab.
      labels: Short values by key, by which objects are selected. Up to 63 letters, digits, '-', '_' and '.' each; a key may have a DNS name and '/' in front.
      managedFields: Which program set which field last, for server-side apply.
      name: The object's name, unique in its kind and namespace: lower-case letters, digits, '-' and '.', at most 253. Cannot be changed.
      namespace: The part of the instance that the object's name is unique in. Default: that of the command, else default. Cannot be changed.
      ownerReferences: The objects that this one belongs to: in a cluster it is deleted when they all are.
      resourceVersion: Changes whenever the object does; an update that names an older one is refused. Set by PodLab.
      selfLink: A path to the object; no longer used.
      uid: The object's own identity: a new object of the same name has another. Set by PodLab.
      """
    ),
    (
      "OwnerReference",
      """
      An object that another one belongs to.
      apiVersion: The version of the owner's schema.
      blockOwnerDeletion: Whether the owner, deleted in the foreground, waits for this object to be gone.
      controller: Whether the owner is the one that manages the object; at most one is.
      kind: What the owner is.
      name: The owner's name.
      uid: The owner's identity.
      """
    ),
    (
      "ManagedFieldsEntry",
      """
      The fields that one program set.
      apiVersion: The version of the schema that the fields are named in.
      fieldsType: The format of the list; FieldsV1 is the only one.
      fieldsV1: The fields as a tree of keys.
      manager: The program that set them.
      operation: Apply or Update.
      subresource: The part of the object through which they were set, such as status; empty for the object itself.
      time: When the program last changed the list.
      """
    ),
    (
      "ObjectReference",
      """
      Points to an object, wherever it is.
      apiVersion: The version of the object's schema.
      fieldPath: The part of the object that is meant, such as spec.containers{web}.
      kind: What the object is.
      name: The object's name.
      namespace: The object's namespace.
      resourceVersion: The state of the object that is meant.
      uid: The object's identity.
      """
    ),
    (
      "LocalObjectReference",
      """
      Points to an object of the same namespace by its name.
      name: The object's name.
      """
    ),
    (
      "TypedLocalObjectReference",
      """
      Points to an object of any kind in the same namespace.
      apiGroup: The group of the object's API; empty for the core group.
      kind: What the object is.
      name: The object's name.
      """
    ),
    (
      "TypedObjectReference",
      """
      Points to an object of any kind, in another namespace too.
      apiGroup: =TypedLocalObjectReference
      kind: =TypedLocalObjectReference
      name: =TypedLocalObjectReference
      namespace: The object's namespace; the pod's own where it is not set.
      """
    ),
    (
      "LabelSelector",
      """
      Selects objects by their labels; all conditions must hold. An empty one selects everything.
      matchExpressions: Conditions on labels, each with an operator.
      matchLabels: Labels that must be there with exactly these values.
      """
    ),
    (
      "LabelSelectorRequirement",
      """
      One condition on a label.
      key: The label's key.
      operator: In and NotIn compare with the values; Exists and DoesNotExist only look for the key.
      values: The values that In and NotIn compare with; at least one for them, none for the others.
      """
    ),
  ]
}
