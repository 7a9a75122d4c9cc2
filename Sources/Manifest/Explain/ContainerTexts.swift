// SPDX-License-Identifier: Apache-2.0
//
// explain's words: containers, their environment, probes, hooks, resources, security. Explain.swift says how the lines are read.

extension ExplainTexts {
  static let containers: [(type: StaticString, text: StaticString)] = [
    (
      "Container",
      """
      A program with a root file system of its own, from an image.
      args: The arguments, instead of the image's CMD. $(NAME) stands for a variable of the container; $$(NAME) stays $(NAME).
      command: The program and its first arguments, instead of the image's ENTRYPOINT; no shell is involved. $(NAME) as in args.
      env: Environment variables, by name. A later one of the same name wins, and may use $(NAME) of those before it.
      envFrom: All keys of a ConfigMap or Secret as environment variables; env wins over them.
      image: The image, [REGISTRY/]NAME[:TAG][@DIGEST]. Without a tag latest.
      imagePullPolicy: When the image is fetched: Always, Never (it must be here), IfNotPresent. Default Always for the tag latest or none, else IfNotPresent.
      lifecycle: What is done right after the start and right before the stop.
      livenessProbe: A check whether the container still works; when it fails, the container is stopped, and started again as restartPolicy says.
      name: The container's name, unique in the pod: a DNS label of at most 63 characters. Cannot be changed.
      ports: Ports that the container listens on. It may listen on others too; only hostPort has an effect.
      readinessProbe: A check whether the container can be used; it and the pod are Ready as long as it succeeds.
      resizePolicy: Whether a changed cpu or memory needs a restart of the container.
      resources: The cpu and memory that the container asks for and may use.
      restartPolicy: What is done when this container ends, other than the pod says. On an init container Always makes it a sidecar.
      restartPolicyRules: What is done at certain exit codes; the first rule that fits counts, restartPolicy where none does.
      securityContext: Identity and protection of the container; what stands here wins over the pod's.
      startupProbe: A check that the container has started; until it succeeds the other probes wait, and when it fails the container is stopped.
      stdin: Whether the container has a standard input that attach can write to; else reading it meets the end at once. Default false.
      stdinOnce: Whether the standard input ends when the first who attached to it leaves. Default false: it stays open.
      terminationMessagePath: The file in the container whose text, up to 4096 bytes, becomes the message of its end. Default /dev/termination-log.
      terminationMessagePolicy: Where the message comes from: the file (File, default), or the end of the log where the file is empty and the container failed (FallbackToLogsOnError).
      tty: Whether the container has a terminal; its errors then come with its output. Default false.
      volumeDevices: Block devices for the container.
      volumeMounts: Volumes of the pod, and where they appear in the container.
      workingDir: The folder that the program starts in. Default: that of the image, else /.
      """
    ),
    (
      "EphemeralContainer",
      """
      A container added to a running pod to look into it (podctl debug). It is never restarted, has no resources of its own, and stays in the pod until its end.
      args: =Container
      command: =Container
      env: =Container
      envFrom: =Container
      image: =Container
      imagePullPolicy: =Container
      lifecycle: Not for ephemeral containers.
      livenessProbe: Not for ephemeral containers.
      name: The container's name, unique among all containers of the pod.
      ports: Not for ephemeral containers.
      readinessProbe: Not for ephemeral containers.
      resizePolicy: Not for ephemeral containers.
      resources: Not for ephemeral containers: they use what the pod has.
      restartPolicy: Not for ephemeral containers: they are never restarted.
      restartPolicyRules: Not for ephemeral containers.
      securityContext: =Container
      startupProbe: Not for ephemeral containers.
      stdin: =Container
      stdinOnce: =Container
      targetContainerName: The container whose processes this one sees.
      terminationMessagePath: =Container
      terminationMessagePolicy: =Container
      tty: =Container
      volumeDevices: =Container
      volumeMounts: Volumes of the pod, and where they appear in the container; subPath and subPathExpr cannot be used.
      workingDir: =Container
      """
    ),
    (
      "ContainerPort",
      """
      A port that a container listens on.
      containerPort: The port's number, 1 to 65535.
      hostIP: The address of the node on which hostPort is opened. Default: all of them.
      hostPort: A port of the node, 1 to 65535, that leads to the container's. With hostNetwork it must be the same number.
      name: A name by which probes and hooks can mean the port: at most 15 lower-case letters, digits and '-', unique in the container.
      protocol: TCP (default), UDP or SCTP.
      """
    ),
    (
      "ContainerResizePolicy",
      """
      What a changed resource means for a running container.
      resourceName: cpu or memory.
      restartPolicy: NotRequired changes it under way, RestartContainer starts the container again.
      """
    ),
    (
      "ContainerRestartRule",
      """
      What is done at certain exit codes.
      action: Restart starts the container again, RestartAllContainers all of the pod.
      exitCodes: The exit codes that the rule is for.
      """
    ),
    (
      "ContainerRestartRuleOnExitCodes",
      """
      A set of exit codes.
      operator: In: one of the values; NotIn: none of them.
      values: The exit codes, 0 to 255, at most 255 of them.
      """
    ),
    (
      "EnvVar",
      """
      An environment variable.
      name: The variable's name: any printable characters but '='.
      value: The value. $(NAME) stands for a variable defined before; one that is not there stays as it is written, and $$(NAME) gives $(NAME). Default empty.
      valueFrom: Where the value comes from, instead of value. It is read when the container starts.
      """
    ),
    (
      "EnvVarSource",
      """
      Where a value comes from: exactly one of these.
      configMapKeyRef: A key of a ConfigMap.
      fieldRef: A field of the pod.
      fileKeyRef: A variable in a file of an emptyDir volume that an init container wrote.
      resourceFieldRef: A limit or a request of a container.
      secretKeyRef: A key of a Secret.
      """
    ),
    (
      "EnvFromSource",
      """
      An object whose keys all become environment variables.
      configMapRef: The ConfigMap.
      prefix: What is put in front of each key. Default nothing.
      secretRef: The Secret.
      """
    ),
    (
      "ConfigMapEnvSource",
      """
      The ConfigMap whose keys become environment variables.
      name: The ConfigMap's name, in the pod's namespace.
      optional: Whether it may be missing; otherwise the container waits for it with CreateContainerConfigError. Default false.
      """
    ),
    (
      "SecretEnvSource",
      """
      The Secret whose keys become environment variables.
      name: The Secret's name, in the pod's namespace.
      optional: Whether it may be missing; otherwise the container waits for it with CreateContainerConfigError. Default false.
      """
    ),
    (
      "ConfigMapKeySelector",
      """
      A key of a ConfigMap.
      key: The key.
      name: The ConfigMap's name, in the pod's namespace.
      optional: Whether the ConfigMap or the key may be missing; the variable is then not set. Default false: the container waits.
      """
    ),
    (
      "SecretKeySelector",
      """
      A key of a Secret.
      key: The key.
      name: The Secret's name, in the pod's namespace.
      optional: Whether the Secret or the key may be missing; the variable is then not set. Default false: the container waits.
      """
    ),
    (
      "FileKeySelector",
      """
      A variable in a file of NAME=VALUE lines.
      key: The variable's name in the file.
      optional: Whether the file or the variable may be missing; it is then not set. Default false: the container does not start.
      path: The file, relative to the volume's folder.
      volumeName: The emptyDir volume that holds the file.
      """
    ),
    (
      "ObjectFieldSelector",
      """
      A field of the pod.
      apiVersion: The version of the schema that the path is written in. Default v1.
      fieldPath: metadata.name, .namespace, .uid, .labels['KEY'], .annotations['KEY'], spec.nodeName, spec.serviceAccountName, status.hostIP(s), status.podIP(s); in a volume also metadata.labels and metadata.annotations as a whole.
      """
    ),
    (
      "ResourceFieldSelector",
      """
      A limit or a request of a container. Where a limit is not set, what the node has counts.
      containerName: The container; needed in volumes, and the variable's own container otherwise.
      divisor: The unit of the result, which is rounded up: 1m gives cpu in thousandths, 1Mi memory in mebibytes. Default 1.
      resource: limits. or requests. with cpu, memory, ephemeral-storage or hugepages-SIZE.
      """
    ),
    (
      "Lifecycle",
      """
      What is done at a container's start and stop.
      postStart: Done right after the container's start, beside its program. If it fails, the container is stopped.
      preStop: Done before the stop signal when the container is to be ended; not when it ends by itself. It shares the grace period.
      stopSignal: The signal that ends the container, such as SIGUSR1. Default: that of the image, else SIGTERM. Needs spec.os.name.
      """
    ),
    (
      "LifecycleHandler",
      """
      What a hook does: exactly one of these.
      exec: Runs a command in the container; it must end with 0.
      httpGet: Asks by HTTP; the answer's status must be 200 to 399.
      sleep: Waits.
      tcpSocket: Kept for old manifests; a hook that connects always fails.
      """
    ),
    (
      "SleepAction",
      """
      A wait.
      seconds: How long, in seconds: from 0 up to the pod's grace period.
      """
    ),
    (
      "Probe",
      """
      A check of a container, done again and again. Exactly one of exec, grpc, httpGet and tcpSocket says how.
      exec: Runs a command in the container; exit code 0 is a success.
      failureThreshold: After how many failures in a row the probe counts as failed. Default 3, at least 1.
      grpc: Asks a gRPC health service.
      httpGet: Asks by HTTP; a status of 200 to 399 is a success.
      initialDelaySeconds: Seconds from the container's start to the first check. Default 0.
      periodSeconds: Seconds from one check to the next. Default 10, at least 1.
      successThreshold: After how many successes in a row a failed probe counts as succeeded. Default 1; must be 1 for liveness and startup.
      tcpSocket: Opens a connection; that it opens is a success.
      terminationGracePeriodSeconds: The grace period when this probe ends the container, in seconds, instead of the pod's. At least 1; not for readiness.
      timeoutSeconds: After how many seconds without an answer a check is a failure. Default 1, at least 1.
      """
    ),
    (
      "ExecAction",
      """
      A command run in the container.
      command: The program and its arguments; for a shell's abilities name a shell: ["sh", "-c", "…"].
      """
    ),
    (
      "HTTPGetAction",
      """
      A question by HTTP, from the node. Certificates are not checked.
      host: Whom to ask. Default: the pod's address. For a name in the request use the header Host.
      httpHeaders: Headers of the request; one name may stand several times.
      path: The path on the server. Default /.
      port: The port, as a number of 1 to 65535 or as the name of one of the container's ports.
      protocol: The version of HTTP.
      scheme: HTTP (default) or HTTPS.
      """
    ),
    (
      "HTTPHeader",
      """
      A header of a request.
      name: The header's name.
      value: Its value.
      """
    ),
    (
      "TCPSocketAction",
      """
      A connection that is opened and closed.
      host: Whom to connect to. Default: the pod's address.
      port: The port, as a number of 1 to 65535 or as the name of one of the container's ports.
      """
    ),
    (
      "GRPCAction",
      """
      A question to a gRPC health service (grpc.health.v1); SERVING is a success.
      mode: Whether the connection is encrypted.
      port: The port's number, 1 to 65535.
      service: The service that is asked about. Default empty: the server as a whole.
      """
    ),
    (
      "ResourceRequirements",
      """
      Resources that are asked for and that may be used.
      claims: Devices of the pod that the container uses.
      limits: At most so much. Beyond a cpu limit the container is slowed down, beyond a memory limit the kernel ends a process (OOMKilled). Cpu in cores (500m is half a one), memory in bytes (64Mi).
      requests: At least so much must be free on the node for the pod to start. Default: the limit.
      """
    ),
    (
      "ResourceClaim",
      """
      A device that a container uses.
      name: The name that the pod gives it in resourceClaims.
      request: Which request of the claim; all where it is empty.
      """
    ),
    (
      "SecurityContext",
      """
      Identity and protection of a container.
      allowPrivilegeEscalation: Whether a process can gain more rights than its parent; false sets no_new_privs. Always true for a privileged container or one with CAP_SYS_ADMIN.
      appArmorProfile: The container's AppArmor profile.
      capabilities: Root's powers, one by one: those to add and those to take away.
      privileged: Whether the container has all of root's powers on the node, and its devices. Default false.
      procMount: Whether parts of /proc are hidden or read-only (Default) or not (Unmasked, which needs hostUsers false).
      readOnlyRootFilesystem: Whether the container cannot write to its root file system; volumes are not affected. Default false.
      runAsGroup: The group id of the container's processes. Default: that of the pod, of the image, else 0.
      runAsNonRoot: Whether the container is not started, but waits with CreateContainerConfigError, if it would run as user 0.
      runAsUser: The user id of the container's processes. Default: that of the pod, of the image, else 0.
      seLinuxOptions: The container's SELinux label.
      seccompProfile: Which system calls the container may make.
      windowsOptions: Settings for windows.
      """
    ),
    (
      "Capabilities",
      """
      Root's powers, one by one (capabilities(7)), without CAP_ in front. ALL means each of them.
      add: Powers beyond the usual ones, such as NET_ADMIN.
      drop: Powers to take away, such as ALL.
      """
    ),
    (
      "SeccompProfile",
      """
      Which system calls may be made.
      localhostProfile: The profile's file, relative to the node's folder of profiles. For type Localhost only.
      type: RuntimeDefault (a list of the harmless ones), Localhost (a file of your own), or Unconfined (all, the default).
      """
    ),
    (
      "AppArmorProfile",
      """
      An AppArmor profile.
      localhostProfile: The name of a profile that the kernel has loaded. For type Localhost only.
      type: RuntimeDefault, Localhost (one by name), or Unconfined (none).
      """
    ),
    (
      "SELinuxOptions",
      """
      A SELinux label, in its four parts.
      level: The label's level, such as s0:c123,c456.
      role: The label's role.
      type: The label's type.
      user: The label's user.
      """
    ),
    (
      "WindowsSecurityContextOptions",
      """
      Settings for windows; pods here run on Linux.
      gmsaCredentialSpec: The contents of a group-managed service account's specification.
      gmsaCredentialSpecName: The name of that specification.
      hostProcess: Whether the container's processes run as the node's own.
      runAsUserName: The user's name in windows.
      """
    ),
    (
      "VolumeMount",
      """
      Where a volume of the pod appears in a container.
      bindMountOptions: Further options of the mount.
      mountPath: The path in the container; no ':' in it. What the image has there is hidden.
      mountPropagation: Whether later mounts pass: None (default), HostToContainer (the node's appear inside) or Bidirectional (and those made inside outside; privileged containers only).
      name: The volume's name.
      readOnly: Whether the container cannot write to it. Default false.
      recursiveReadOnly: Whether mounts beneath are read-only too: Disabled (default), IfPossible, or Enabled, which fails where the kernel cannot. Needs readOnly.
      subPath: The part of the volume that is mounted, relative and without '..'. Made as a folder where it is missing. It does not follow updates of a Secret or ConfigMap.
      subPathExpr: As subPath, with $(NAME) standing for the container's variables. Excludes subPath.
      """
    ),
    (
      "VolumeDevice",
      """
      Where a block device appears in a container.
      devicePath: The device's path in the container.
      name: The volume's name.
      """
    ),
  ]
}
