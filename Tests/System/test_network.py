# SPDX-License-Identifier: Apache-2.0
"""The Pods' network on machines of every kind: each test has a network namespace of its own to stand in for the machine. Real servers for probes.

The kernel, Python's own servers and grpcio's health service are the oracles.
"""
import json, os, re, shutil, signal, subprocess, sys, tempfile, time, unittest

MODES = ("root",)
BIN = os.environ["PODLAB_BIN"]
TMP = os.environ.get("TMPDIR", "/tmp")

POD = """
apiVersion: v1
kind: Pod
metadata:
  name: %(name)s
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
%(spec)s
  containers:
  - name: main
    image: busybox
    imagePullPolicy: IfNotPresent
    command: ["sh", "-c", "mkdir /www; echo %(name)s > /www/x; exec httpd -f -p 8080 -h /www"]
%(more)s
"""


class Machine(unittest.TestCase):
    """A machine of one's own: a process that holds new network and mount namespaces, and an instance in a folder of its own."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="machine-", dir=TMP)
        self.holder = subprocess.Popen(["unshare", "-n", "-m", "--propagation", "private", "sh", "-c", "echo up; exec sleep 3600"],
                                       stdout=subprocess.PIPE, text=True)
        self.assertEqual(self.holder.stdout.readline(), "up\n")
        self.env = dict(os.environ, PODLAB_ROOT=self.dir + "/i")
        self.on("ip", "link", "set", "lo", "up")

    def tearDown(self):
        self.on(BIN + "/lab", "clean")
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def on(self, *argv, stdin=None, check=True, timeout=120):
        """Runs a command on the machine."""
        r = subprocess.run(["nsenter", "-n", "-m", "-t", str(self.holder.pid), *argv], input=stdin, capture_output=True, text=True,
                           env=self.env, timeout=timeout)
        if check:
            self.assertEqual(r.returncode, 0, "%r: %s%s" % (argv, r.stdout, r.stderr))
        return r

    def python(self, text, **k):
        return self.on(sys.executable, "-c", text, **k).stdout.strip()

    def podctl(self, *argv, **k):
        return self.on(BIN + "/podctl", *argv, **k)

    def apply(self, name, spec="", more="", ready=True):
        self.podctl("apply", "-f", "-", stdin=POD % {"name": name, "spec": spec, "more": more})
        if ready:
            self.podctl("wait", "--for=condition=Ready", "pod/" + name, "--timeout=60s")

    def get(self, name, path):
        return self.podctl("get", "pod", name, "-o", "jsonpath={%s}" % path).stdout

    def events(self, reason):
        all = json.loads(self.podctl("get", "events", "-o", "json").stdout)["items"]
        return [e["message"] for e in all if e["reason"] == reason]

    def within(self, seconds, what, call):
        end = time.monotonic() + seconds
        while True:
            found = call()
            if found:
                return found
            if time.monotonic() > end:
                self.fail("not within %d s: %s" % (seconds, what))
            time.sleep(0.1)

    def fetch(self, url, check=True):
        return self.python("import urllib.request as u; print(u.urlopen(%r, timeout=5).read().decode())" % url, check=check)

    def pid(self, name, key):
        with open("%s/i/run/pods/default/%s/state.json" % (self.dir, name)) as h:
            return json.load(h).get(key, {}).get("pid", 0)


class Ranges(Machine):
    def test_a_range_that_is_there_is_avoided(self):
        self.on("ip", "link", "add", "office", "type", "bridge")
        self.on("ip", "addr", "add", "10.128.0.1/10", "dev", "office")
        self.on("ip", "link", "set", "office", "up")
        self.apply("a")
        ip = self.get("a", ".status.podIP")
        self.assertTrue(192 <= int(ip.split(".")[1]) <= 255, ip)

    def test_a_machine_that_is_full_says_so(self):
        self.on("ip", "link", "add", "office", "type", "bridge")
        self.on("ip", "addr", "add", "10.128.0.1/9", "dev", "office")
        self.on("ip", "link", "set", "office", "up")
        r = self.podctl("apply", "-f", "-", stdin=POD % {"name": "a", "spec": "", "more": ""}, check=False)
        self.assertNotEqual(r.returncode, 0)
        self.assertIn("cover the whole range", r.stderr)

    def test_without_ipv6_there_is_ipv4_alone(self):
        self.on("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6")
        self.apply("a")
        self.assertEqual(self.get("a", ".status.podIPs[*].ip"), self.get("a", ".status.podIP"))
        self.assertEqual(len(self.get("a", ".status.hostIPs[*].ip").split()), 1)

    def test_both_families_at_once_when_ready(self):
        self.apply("a")
        four, six = self.get("a", ".status.podIPs[*].ip").split()
        # Usable at once: no address waits for the search for duplicates.
        self.assertNotIn("tentative", self.podctl("exec", "a", "--", "ip", "-6", "addr", "show", "scope", "global").stdout)
        for host in (four, "[%s]" % six):
            self.within(10, host, lambda: self.fetch("http://%s:8080/x" % host, check=False) == "a")
        before = self.on("cat", "/proc/sys/net/ipv4/ip_forward").stdout
        self.assertEqual(before.strip(), "0", "the machine's forwarding is its own affair")


class Firewalls(Machine):
    def setUp(self):
        super().setUp()
        self.apply("a")

    def judge(self):
        return self.on(BIN + "/lab", "doctor", "--lang", "en", check=False).stdout

    def blocked(self, rules, remedy):
        self.assertRegex(self.judge(), r"(?m)^ok +firewall")
        self.on("nft", "-f", "-", stdin=rules)
        self.apply("b")
        text = self.within(10, "the event", lambda: self.events("FirewallDropsPodTraffic"))[0]
        self.assertIn(remedy, text)
        self.assertRegex(self.judge(), r"(?m)^lacks +firewall")
        self.assertIn(remedy, self.judge())
        to = self.get("a", ".status.podIP")
        wget = lambda: self.podctl("exec", "b", "--", "timeout", "2", "wget", "-qO-", "http://%s:8080/x" % to, check=False).stdout
        self.assertEqual(wget(), "", "the rules of this test stop nothing")
        self.on("sh", "-c", remedy)
        self.assertRegex(self.judge(), r"(?m)^ok +firewall")
        self.within(10, "the remedy", lambda: wget() == "a\n")

    def test_a_forward_chain_that_drops(self):
        self.on("sh", "-c", "echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables")
        self.blocked("table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; }; }\n",
                     'nft insert rule ip filter FORWARD iifname "podlab*" accept')

    def test_a_chain_of_the_bridge_family(self):
        self.blocked("table bridge strict { chain crossing { type filter hook forward priority 0; policy drop; }; }\n",
                     'nft insert rule bridge strict crossing iifname "podlab*" accept')

    def test_a_chain_that_bridged_packets_do_not_pass_is_no_obstacle(self):
        self.on("sh", "-c", "echo 0 > /proc/sys/net/bridge/bridge-nf-call-iptables")
        self.on("nft", "-f", "-", stdin="table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; }; }\n")
        self.assertRegex(self.judge(), r"(?m)^ok +firewall")


class HostPorts(Machine):
    PORTS = "    ports:\n    - {containerPort: 8080, hostPort: 8081}\n    - {containerPort: 9000, hostPort: 9001, protocol: UDP}\n"

    def serves(self, host="127.0.0.1"):
        return self.fetch("http://%s:8081/x" % host, check=False) == "web"

    def test_life_of_a_host_port(self):
        self.apply("web", more=self.PORTS)
        for host in ("127.0.0.1", self.get("web", ".status.hostIP"), "[::1]"):
            self.within(10, host, lambda: self.serves(host))
        # UDP: a server in the Pod's network namespace
        infra = self.pid("web", "sandbox")
        server = subprocess.Popen(["nsenter", "-n", "-t", str(infra), sys.executable, "-c",
                                   "import socket as s; u=s.socket(2,2); u.bind(('',9000)); print('up', flush=True)\n"
                                   "while 1:\n  d,a=u.recvfrom(99); u.sendto(d.upper(),a)"], stdout=subprocess.PIPE, text=True)
        self.assertEqual(server.stdout.readline(), "up\n")
        try:
            for host in ("127.0.0.1", self.get("web", ".status.hostIP")):
                self.assertEqual(self.python("import socket as s; c=s.socket(2,2); c.settimeout(5); c.connect((%r,9001)); c.send(b'x'); "
                                             "print(c.recv(9).decode())" % host), "X")
        finally:
            server.kill()
            server.wait()
            server.stdout.close()
        forwarder = self.pid("web", "forwarder")
        with open("/proc/%d/status" % forwarder) as h:
            self.assertLess(int(re.search(r"VmRSS:\s+(\d+)", h.read()).group(1)), 3000)
        # podd dies: connections go on, and the next podd knows the forwarder
        with open("%s/i/run/pods/default/web/podd.lock" % self.dir) as h:
            os.kill(int(h.read()), signal.SIGKILL)
        self.assertTrue(self.serves())
        self.podctl("get", "pods")
        self.podctl("apply", "-f", "-", stdin=POD % {"name": "web", "spec": "", "more": self.PORTS})
        self.assertEqual(self.pid("web", "forwarder"), forwarder)
        # the forwarder dies: there is another
        os.kill(forwarder, signal.SIGKILL)
        self.within(20, "a new forwarder", lambda: self.pid("web", "forwarder") not in (0, forwarder) and self.serves())
        # large, in both directions, to the last byte
        self.podctl("exec", "web", "--", "sh", "-c", "head -c 20000000 /dev/zero > /www/big")
        self.assertEqual(self.python("import urllib.request as u; print(len(u.urlopen('http://127.0.0.1:8081/big').read()))"), "20000000")
        self.podctl("delete", "pod", "web")
        self.assertIn("refused", self.python("import socket\ntry: socket.create_connection(('127.0.0.1',8081),5)\nexcept OSError as e: print(e)"))

    def test_a_port_that_another_program_has(self):
        taken = subprocess.Popen(["nsenter", "-n", "-t", str(self.holder.pid), sys.executable, "-c",
                                  "import socket as s, time; u=s.create_server(('',8081)); print('up', flush=True); time.sleep(3600)"],
                                 stdout=subprocess.PIPE, text=True)
        self.assertEqual(taken.stdout.readline(), "up\n")
        try:
            self.apply("web", more=self.PORTS, ready=False)
            text = self.within(10, "the event", lambda: self.events("FailedCreatePodSandBox"))[0]
            self.assertRegex(text, r"host ports.*8081.*EADDRINUSE.*ss -lntup")
        finally:
            taken.kill()
            taken.wait()
            taken.stdout.close()
        self.podctl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
        self.assertTrue(self.serves())


SERVERS = r"""
import http.server, os, ssl, struct, subprocess, sys, threading, socket, time
os.chdir(sys.argv[1])
subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "3", "-subj", "/CN=x"],
               check=True, stderr=subprocess.DEVNULL)
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(s):
        s.send_response({"/away": 302, "/bad": 500}.get(s.path, 200))
        if s.path == "/away": s.send_header("Location", "http://elsewhere.example/")
        s.send_header("Transfer-Encoding", "chunked")
        s.end_headers()
        s.wfile.write(b"5\r\nhello\r\n0\r\n\r\n")
    def log_message(s, *a): pass
def serve(port, tls):
    h = http.server.ThreadingHTTPServer(("0.0.0.0", port), H)
    if tls:
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain("cert.pem", "key.pem")
        h.socket = c.wrap_socket(h.socket, server_side=True)
    threading.Thread(target=h.serve_forever, daemon=True).start()
serve(8443, True)
serve(8088, False)
def answer(q, stream):
    n, i = [], 12
    while q[i]:
        n.append(q[i + 1:i + 1 + q[i]].decode())
        i += q[i] + 1
    kind = struct.unpack(">H", q[i + 1:i + 3])[0]
    name = ".".join(n)
    known = name in ("web.lab.test", "long.lab.test")
    # The long one's answer fits into no datagram.
    cut = name == "long.lab.test" and not stream
    a = b"\xc0\x0c\0\1\0\1\0\0\0\5\0\4\x7f\0\0\1" if known and kind == 1 and not cut else b""
    return q[:2] + bytes([0x87 if cut else 0x85, 0x80 if known else 0x83, 0, 1, 0, 1 if a else 0, 0, 0, 0, 0]) + q[12:i + 5] + a
def names():
    u = socket.socket(2, 2)
    u.bind(("127.0.0.1", 53))
    while True:
        q, a = u.recvfrom(2000)
        u.sendto(answer(q, False), a)
def streams():
    t = socket.create_server(("127.0.0.1", 53))
    while True:
        c, _ = t.accept()
        f = c.makefile("rb")
        r = answer(f.read(struct.unpack(">H", f.read(2))[0]), True)
        # In pieces, as a stream may come.
        for b in struct.pack(">H", len(r)) + r: c.sendall(bytes([b]))
        f.close()
        c.close()
for f in names, streams: threading.Thread(target=f, daemon=True).start()
try:
    import grpc
    from concurrent import futures
    from grpc_health.v1 import health, health_pb2, health_pb2_grpc
    servers = []
    for port, has in ((5001, True), (5002, False)):
        s = grpc.server(futures.ThreadPoolExecutor(2))
        if has:
            servicer = health.HealthServicer()
            servicer.set("down", health_pb2.HealthCheckResponse.NOT_SERVING)
            health_pb2_grpc.add_HealthServicer_to_server(servicer, s)
        s.add_insecure_port("0.0.0.0:%d" % port)
        s.start()
        servers.append(s)
    print("grpc", flush=True)
except ImportError:
    print("plain", flush=True)
time.sleep(3600)
"""

PROBES = {
    "tls": ("httpGet: {host: 127.0.0.1, port: 8443, scheme: HTTPS, path: /x}", None),
    "tls-500": ("httpGet: {host: 127.0.0.1, port: 8443, scheme: HTTPS, path: /bad}", r"HTTP probe failed with statuscode: 500$"),
    "tls-to-plain": ("httpGet: {host: 127.0.0.1, port: 8088, scheme: HTTPS, path: /x}",
                     r'Get "https://127.0.0.1:8088/x": (http: server gave HTTP response to HTTPS client|tls: first record does not look like a TLS handshake)$'),
    "tls-refused": ("httpGet: {host: 127.0.0.1, port: 9, scheme: HTTPS, path: /}",
                    r'Get "https://127.0.0.1:9/": dial tcp 127.0.0.1:9: connect: connection refused$'),
    "away": ("httpGet: {host: 127.0.0.1, port: 8088, path: /away}", None),
    "name": ("httpGet: {host: web, port: 8088, path: /}", None),
    "no-name": ("httpGet: {host: nosuch, port: 8088, path: /}",
                r'Get "http://nosuch:8088/": dial tcp: lookup nosuch on 127.0.0.1:53: no such host$'),
    "tcp-name": ("tcpSocket: {host: web.lab.test, port: 8088}", None),
    "long-name": ("httpGet: {host: long, port: 8088, path: /}", None),
    "no-port": ("httpGet: {port: nope}", r'errored and resulted in unknown state: strconv.Atoi: parsing "nope": invalid syntax$'),
}
GRPC = {
    "grpc": ("grpc: {port: 5001}", None),
    "grpc-down": ("grpc: {port: 5001, service: down}", r'service unhealthy \(responded with "NOT_SERVING"\)$'),
    "grpc-unknown": ("grpc: {port: 5001, service: nope}", r"error: health rpc probe failed: rpc error: code = NotFound desc = "),
    "grpc-missing": ("grpc: {port: 5002}", r"error: this server does not implement the grpc health protocol \(grpc.health.v1.Health\): Method not found!$"),
    "grpc-closed": ("grpc: {port: 5003}", r'timeout: failed to connect service "[0-9.]+:5003" within 2s: context deadline exceeded$'),
}


class Probes(Machine):
    def test_probes_against_real_servers(self):
        conf = self.dir + "/resolv.conf"
        with open(conf, "w") as h:
            h.write("nameserver 127.0.0.1\nsearch lab.test\n")
        self.on("mount", "--bind", conf, "/etc/resolv.conf")
        server = subprocess.Popen(["nsenter", "-n", "-m", "-t", str(self.holder.pid), sys.executable, "-c", SERVERS, self.dir],
                                  stdout=subprocess.PIPE, text=True)
        try:
            kind = server.stdout.readline().strip()
            self.assertIn(kind, ("grpc", "plain"))
            if os.environ.get("CI"):
                self.assertEqual(kind, "grpc", "grpcio is installed there")
            probes = dict(PROBES, **(GRPC if kind == "grpc" else {}))
            text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  hostNetwork: true\n  terminationGracePeriodSeconds: 1\n  containers:\n"
            for name, (probe, _) in probes.items():
                text += ("  - name: %s\n    image: busybox\n    imagePullPolicy: IfNotPresent\n    command: [sleep, '3600']\n    readinessProbe:\n"
                         "      %s\n      periodSeconds: 1\n      failureThreshold: 1\n      timeoutSeconds: 2\n" % (name, probe))
            self.podctl("apply", "-f", "-", stdin=text)
            good = {n for n, (_, why) in probes.items() if why is None}
            ready = lambda: {c["name"] for c in json.loads(self.podctl("get", "pod", "p", "-o", "json").stdout)["status"].get("containerStatuses", []) if c["ready"]}

            def said():
                all = json.loads(self.podctl("get", "events", "-o", "json").stdout)["items"]
                return [(e["involvedObject"].get("fieldPath", ""), e["reason"], e["message"]) for e in all]
            end = time.monotonic() + 60
            while ready() != good:
                self.assertLess(time.monotonic(), end, "ready: %s, not %s\n%s" % (sorted(ready()), sorted(good), said()))
                time.sleep(0.2)
            for name, (_, why) in probes.items():
                if why:
                    self.within(20, "%s: %s\n%s" % (name, why, said()), lambda: any(
                        f == "spec.containers{%s}" % name and r == "Unhealthy" and re.search(why, m) for f, r, m in said()))
            self.within(10, "ProbeWarning", lambda: any(
                r == "ProbeWarning" and m == "Readiness probe warning: Probe terminated redirects, Response body: hello" for f, r, m in said()))
        finally:
            server.kill()
            server.wait()
            server.stdout.close()


if __name__ == "__main__":
    unittest.main()
