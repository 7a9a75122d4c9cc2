// SPDX-License-Identifier: Apache-2.0
//
// The Pods of lab 03: an app that writes a log, sidecars that ship it, a collector.

/// Whoever is told to stop writes down that it stops, and when, by the kernel's clock.
let farewell = """
  ended() { echo "$1 $(cut -d' ' -f1 /proc/uptime)" >>/host/ends; exit 0; }

  """

/// A second sidecar, for the order: it does nothing.
let guardian = farewell + """
  trap 'ended guard' TERM
  while :; do sleep 0.05; done
  """

/// The app: a numbered line twenty times a second, into a file, and nothing else.
let app = farewell + """
  n=0
  trap 'sleep 0.3; ended app' TERM
  while :; do n=$((n + 1)); echo "line $n" >>/logs/app.log; sleep 0.05; done
  """

/// The sidecar: each line of the file to its own standard output. How far it came it keeps in the volume, so that its next life
/// goes on there: a line more for each, for a file that is emptied and written again has a moment in which it says nothing.
let ship = farewell + """
  log=/logs/app.log saved=/logs/.shipped
  trap 'ended ship' TERM
  while [ ! -e $log ]; do sleep 0.05; done
  exec 4<$log
  n=$(tail -n 1 $saved 2>/dev/null || echo 0)
  i=0; while [ $i -lt $n ]; do read -r skipped <&4; i=$((i + 1)); done
  while :; do
    # Look first, read then: a new file under the name means that the old one will not grow any more.
    next=; [ -s $log ] && [ ! $log -ef /proc/self/fd/4 ] && next=yes
    while read -r line <&4; do echo "$line"; n=$((n + 1)); echo $n >>$saved; done
    if [ $next ]; then exec 4<$log; n=0; echo 0 >>$saved; else sleep 0.05; fi
  done
  """

/// A Pod with both. native: the sidecar is an init container that never ends (KEP-753). apart: each has a volume of its own.
func pod(in folder: String, _ name: String, native: Bool = false, apart: Bool = false, ship script: String = ship) -> String {
  func container(_ name: String, _ script: String, _ volume: String, _ extra: String = "") -> String {
    """
      - name: \(name)
        image: busybox
        imagePullPolicy: IfNotPresent\(extra)
        command: [sh, -c]
        args:
        - |
    \(script.split(separator: "\n", omittingEmptySubsequences: false).map { "      \($0)" }.joined(separator: "\n"))
        volumeMounts:
        - {name: \(volume), mountPath: /logs}
        - {name: host, mountPath: /host}

    """
  }
  let always = "\n    restartPolicy: Always"
  let sidecar = container("ship", script, apart ? "other" : "logs", native ? always : "")
  return """
    apiVersion: v1
    kind: Pod
    metadata: {name: \(name)}
    spec:
      terminationGracePeriodSeconds: 5
    \(native ? "  initContainers:\n" + sidecar + container("guard", guardian, "logs", always) : "")  containers:
    \(container("app", app, "logs"))\(native ? "" : sidecar)  volumes:
      - {name: logs, emptyDir: {}}
      - {name: other, emptyDir: {}}
      - {name: host, hostPath: {path: \(folder)/\(name), type: DirectoryOrCreate}}

    """
}

/// A Pod whose sidecar is a real log daemon: it follows the file and forwards each line to a collector over TCP.
func daemon(in folder: String, collector: String, port: Int) -> String {
  let config = """
    module(load="imfile")
    global(workDirectory="/var/spool/rsyslog")
    input(type="imfile" File="/logs/app.log" Tag="shop:" ruleset="ship")
    ruleset(name="ship") {
      action(type="omfwd" Target="\(collector)" Port="\(port)" Protocol="tcp")
    }
    """
  let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: rsyslog}\ndata:\n  rsyslog.conf: |\n" + config.split(separator: "\n").map { "    \($0)\n" }.joined()
  let shop = pod(in: folder, "daemon")
  let begin = shop.firstRange(of: "  - name: ship\n"), end = shop.firstRange(of: "  volumes:\n  - {name: logs")
  guard let begin, let end else { return "" }
  let sidecar = """
      - name: ship
        image: rsyslog
        imagePullPolicy: IfNotPresent
        command: [rsyslogd, -n, -i, /run/rsyslogd.pid, -f, /config/rsyslog.conf]
        volumeMounts:
        - {name: logs, mountPath: /logs}
        - {name: config, mountPath: /config}

    """
  return map + "---\n" + shop[..<begin.lowerBound] + sidecar + shop[end.lowerBound...] + "  - {name: config, configMap: {name: rsyslog}}\n"
}

let collector = """
  apiVersion: v1
  kind: Pod
  metadata: {name: collector}
  spec:
    terminationGracePeriodSeconds: 0
    # rsyslog asks a name server who each sender is, and waits: here it is told at once that there is none.
    dnsPolicy: None
    dnsConfig: {nameservers: [127.0.0.1]}
    containers:
    - name: rsyslog
      image: rsyslog
      imagePullPolicy: IfNotPresent
      readinessProbe: {tcpSocket: {port: 514}, periodSeconds: 1}

  """
