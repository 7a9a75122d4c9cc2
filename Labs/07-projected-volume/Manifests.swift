// SPDX-License-Identifier: Apache-2.0
//
// The Pods, Secrets and ConfigMaps of lab 07.

/// The Pod of the article, word for word.
let testProjectedVolume = """
  apiVersion: v1
  kind: Pod
  metadata:
    name: test-projected-volume 
  spec:
    containers:
    - name: test-secret-volume
      image: busybox
      args:
      - sleep
      - "86400"
      volumeMounts:
      - name: mysql-cred
        mountPath: "/projected-volume"
        readOnly: true
    volumes:
    - name: mysql-cred
      projected:
        sources:
        - secret:
            name: user
        - secret:
            name: pass

  """

/// A Secret written as YAML: the value stands there in base64, which hides nothing.
let pass = """
  apiVersion: v1
  kind: Secret
  metadata:
    name: pass
  type: Opaque
  data:
    password.txt: YzFvdWRjMHc=

  """

/// All four sources in one folder.
let everything = """
  apiVersion: v1
  kind: Pod
  metadata:
    name: everything
    labels: {app: shop, tier: front}
  spec:
    terminationGracePeriodSeconds: 0
    containers:
    - name: app
      image: busybox
      imagePullPolicy: IfNotPresent
      command: [sleep, "86400"]
      volumeMounts:
      - {name: all, mountPath: /all, readOnly: true}
    volumes:
    - name: all
      projected:
        sources:
        - secret:
            name: pass
            items: [{key: password.txt, path: password, mode: 0400}]
        - configMap:
            name: colours
        - downwardAPI:
            items:
            - {path: labels, fieldRef: {fieldPath: metadata.labels}}
        - serviceAccountToken:
            path: token
            audience: shop
            expirationSeconds: 600

  """

/// A reader that reads two files, which belong together, as fast as it can, and counts how often they did not.
let reader = """
  apiVersion: v1
  kind: Pod
  metadata:
    name: reader
  spec:
    terminationGracePeriodSeconds: 0
    containers:
    - name: reader
      image: busybox
      imagePullPolicy: IfNotPresent
      command: [sh, -c]
      args:
      - |
        reads=0 torn=0 versions=0 last=
        while :; do
          # Once into the folder that ..data points at; both files are read there.
          cd /config/..data 2>/dev/null || cd /config
          read -r a <a; read -r b <b
          reads=$((reads + 1))
          [ "$a" = "$b" ] || torn=$((torn + 1))
          [ "$a" = "$last" ] || { versions=$((versions + 1)); last=$a; }
          echo "$reads $torn $versions" >/tmp/count.new; mv /tmp/count.new /tmp/count
        done
      env:
      - name: VERSION
        valueFrom: {configMapKeyRef: {name: pair, key: a}}
      volumeMounts:
      - {name: config, mountPath: /config}
      - {name: config, mountPath: /one-file, subPath: a}
    volumes:
    - name: config
      configMap: {name: pair}

  """

func configMap(_ name: String, _ data: [(String, String)]) -> String {
  "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \(name)}\ndata:\n" + data.map { "  \($0.0): \"\($0.1)\"\n" }.joined()
}

let waiting = """
  apiVersion: v1
  kind: Pod
  metadata:
    name: waiting
  spec:
    terminationGracePeriodSeconds: 0
    containers:
    - name: app
      image: busybox
      imagePullPolicy: IfNotPresent
      command: [sleep, "86400"]
      volumeMounts:
      - {name: key, mountPath: /key}
    volumes:
    - name: key
      secret: {secretName: late}

  """
