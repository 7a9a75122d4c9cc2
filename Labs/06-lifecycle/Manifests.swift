// SPDX-License-Identifier: Apache-2.0
//
// The Pods of lab 06, each for one phase, policy or hook.

/// A Pod of shell scripts. spec: further fields of the Pod, each container's own after its script.
func pod(_ name: String, policy: String, spec: String = "", _ containers: [(name: String, script: String, more: String)]) -> String {
  """
  apiVersion: v1
  kind: Pod
  metadata: {name: \(name)}
  spec:
    restartPolicy: \(policy)
  \(spec)  containers:

  """
    + containers.map { c in
      """
        - name: \(c.name)
          image: busybox
          imagePullPolicy: IfNotPresent
          command: [sh, -c]
          args:
          - |
      \(c.script.split(separator: "\n").map { "      \($0)" }.joined(separator: "\n"))
      \(c.more)
      """
    }.joined()
}

let quick = "  terminationGracePeriodSeconds: 0\n"
let nowhere = pod("nowhere", policy: "Always", spec: quick + "  nodeSelector: {disk: ssd}\n", [("app", "exec sleep 3600", "")])
let noImage = pod("no-image", policy: "Always", spec: quick, [("app", "exec sleep 3600", "")])
  .replacing("image: busybox\n", with: "image: no-such-image\n").replacing("imagePullPolicy: IfNotPresent", with: "imagePullPolicy: Never")
/// One container ends at once, the other when it is told to.
let job = pod("job", policy: "Never", spec: quick, [("first", "exit 0", ""), ("second", "while [ ! -e /tmp/go ]; do sleep 0.05; done", "")])
let half = pod(
  "half", policy: "Never", spec: quick,
  [("good", "while [ ! -e /tmp/go ]; do sleep 0.05; done", ""), ("bad", "echo 'cannot open /etc/app.conf' >&2; exit 3", "")])
let steady = pod("steady", policy: "Always", spec: quick, [("app", "exec sleep 3600", "")])
let crash = pod("crash", policy: "Always", spec: quick, [("app", "exit 1", "")])

let policies = pod("never", policy: "Never", spec: quick, [("app", "exit 1", "")]) + "---\n"
  + pod("on-failure", policy: "OnFailure", spec: quick, [("good", "exit 0", ""), ("bad", "[ -e /host/x ] && exec sleep 3600; touch /host/x; exit 1", "    volumeMounts: [{name: host, mountPath: /host}]\n")])
  + "  volumes: [{name: host, emptyDir: {}}]\n---\n"
  + pod("always", policy: "Always", spec: quick, [("app", "exit 0", "")])

/// Every hook, and the app, write down when it was their turn, in a volume.
let hooks = pod(
  "hooks", policy: "Always", spec: "  terminationGracePeriodSeconds: 20\n",
  [
    (
      "app", "trap 'echo \"4 the app got SIGTERM\" >>/host/diary; exit 0' TERM\nwhile :; do sleep 0.05; done",
      """
          lifecycle:
            postStart: {exec: {command: [sh, -c, "sleep 0.5; echo '1 postStart is done' >>/host/diary"]}}
            preStop: {exec: {command: [sh, -c, "echo '2 preStop begins' >>/host/diary; sleep 0.5; echo '3 preStop is done' >>/host/diary"]}}
          volumeMounts: [{name: host, mountPath: /host}]

      """
    )
  ]) + "  volumes: [{name: host, hostPath: {path: /tmp/podlab-06, type: DirectoryOrCreate}}]\n"

/// One hook asks the other container's server for a page, one only waits.
let ways = pod(
  "ways", policy: "Always", spec: "  terminationGracePeriodSeconds: 10\n",
  [
    (
      "web", "mkdir -p /www; echo bye >/www/bye; exec httpd -f -vv -p 8080 -h /www 2>>/host/requests",
      "    lifecycle: {preStop: {httpGet: {path: /bye, port: 8080}}}\n    volumeMounts: [{name: host, mountPath: /host}]\n    readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}\n"
    ),
    ("nap", "trap 'exit 0' TERM\nwhile :; do sleep 0.05; done", "    lifecycle: {preStop: {sleep: {seconds: 1}}}\n"),
  ]) + "  volumes: [{name: host, hostPath: {path: /tmp/podlab-06, type: DirectoryOrCreate}}]\n"

let stubborn = pod("stubborn", policy: "Always", spec: "  terminationGracePeriodSeconds: 2\n", [("app", "trap '' TERM\nwhile :; do sleep 0.05; done", "")])
let slow = pod(
  "slow", policy: "Always", spec: "  terminationGracePeriodSeconds: 1\n",
  [
    (
      "app", "exec sleep 3600",
      "    lifecycle: {preStop: {exec: {command: [sh, -c, \"echo begun >>/host/diary; sleep 60; echo done >>/host/diary\"]}}}\n    volumeMounts: [{name: host, mountPath: /host}]\n"
    )
  ]) + "  volumes: [{name: host, hostPath: {path: /tmp/podlab-06, type: DirectoryOrCreate}}]\n"
