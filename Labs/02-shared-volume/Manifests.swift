// SPDX-License-Identifier: Apache-2.0
//
// The Pods of lab 02.

/// The Pod of the article, word for word.
let twoContainers = """
  apiVersion: v1
  kind: Pod
  metadata:
    name: two-containers
  spec:
    restartPolicy: Never
    volumes:
    - name: shared-data
      hostPath:      
        path: /data
    containers:
    - name: nginx-container
      image: nginx
      volumeMounts:
      - name: shared-data
        mountPath: /usr/share/nginx/html
    - name: debian-container
      image: debian
      volumeMounts:
      - name: shared-data
        mountPath: /pod-data
      command: ["/bin/sh"]
      args: ["-c", "echo Hello from the debian container > /pod-data/index.html"]

  """

/// The mount of the nginx container, which a step takes away.
let nginxMount = """
      volumeMounts:
      - name: shared-data
        mountPath: /usr/share/nginx/html

  """

/// The second container, so that one can look at it while it runs.
let stays = (from: "> /pod-data/index.html\"]", to: "> /pod-data/index.html; sleep 3600\"]")

let kinds = """
  apiVersion: v1
  kind: Pod
  metadata: {name: kinds}
  spec:
    terminationGracePeriodSeconds: 0
    volumes:
    - {name: disk, emptyDir: {}}
    - {name: memory, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
    containers:
    - name: writer
      image: busybox
      imagePullPolicy: IfNotPresent
      command: [sh, -c, "echo one >/disk/page; mkdir -p /disk/part; echo two >/disk/part/page; trap 'exit 1' TERM; while :; do sleep 0.05; done"]
      volumeMounts:
      - {name: disk, mountPath: /disk}
      - {name: memory, mountPath: /memory}
    - name: reader
      image: busybox
      imagePullPolicy: IfNotPresent
      command: [sleep, "3600"]
      readinessProbe: {exec: {command: [test, -s, /whole/part/page]}, periodSeconds: 1}
      volumeMounts:
      - {name: disk, mountPath: /whole, readOnly: true}
      - {name: disk, mountPath: /piece, subPath: part}

  """

/// One container mounts something in the volume; whether the others see it is for each to say.
let spread = """
  apiVersion: v1
  kind: Pod
  metadata: {name: spread}
  spec:
    terminationGracePeriodSeconds: 0
    volumes:
    - {name: work, emptyDir: {}}
    containers:
    - name: mounter
      image: busybox
      imagePullPolicy: IfNotPresent
      command: [sleep, "3600"]
      securityContext: {privileged: true}
      volumeMounts:
      - {name: work, mountPath: /work, mountPropagation: Bidirectional}
    - name: follower
      image: busybox
      imagePullPolicy: IfNotPresent
      command: [sleep, "3600"]
      volumeMounts:
      - {name: work, mountPath: /work, mountPropagation: HostToContainer}
    - name: apart
      image: busybox
      imagePullPolicy: IfNotPresent
      command: [sleep, "3600"]
      volumeMounts:
      - {name: work, mountPath: /work}

  """
