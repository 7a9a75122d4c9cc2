# SPDX-License-Identifier: Apache-2.0
"""Images made of Debian's packages: judged from inside by Debian's own tools, from outside by HTTP, and by their digests.

./test built them once where there is a network (PODLAB_TEST_IMAGES); here they are built again from the same packages, by this mode's user.
"""
import json, os, pty, re, shutil, socket, subprocess, tempfile, time, unittest

MODES = ("root", "subids", "single")
MODE = os.environ["PODLAB_TEST_MODE"]
BIN = os.environ["PODLAB_BIN"]
READY = os.environ["PODLAB_TEST_IMAGES"]
STORE = os.environ["PODLAB_IMAGES"]
PACKAGES = STORE + "/packages"
TMP = os.environ.get("TMPDIR", "/tmp")
NODE = tempfile.mkdtemp(prefix="node-", dir=TMP)

# The manifest of the article that PodLab follows, word for word.
TWO_CONTAINERS = """
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

POD = """
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: main, image: "%s", command: [sleep, "3600"]}
"""


def run(*argv, stdin=None, timeout=600, env=None):
    return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=timeout, env=env)


def podctl(*args, stdin=None):
    return run(BIN + "/podctl", *args, stdin=stdin)


def digest(store, name):
    with open(store + "/index.json") as f:
        for m in json.load(f)["manifests"]:
            if m.get("annotations", {}).get("org.opencontainers.image.ref.name") == "docker.io/library/%s:latest" % name:
                return m["digest"]


def setUpModule():
    # Everything comes from the packages that ./test fetched: here is no network, and none is needed.
    os.makedirs(STORE, exist_ok=True)
    shutil.copytree(READY + "/packages", PACKAGES, ignore=shutil.ignore_patterns("lock", "partial", "none", "apt.err", "apt.out"))


class Pods(unittest.TestCase):
    def apply(self, text, name, condition="condition=Ready"):
        r = podctl("apply", "--node-root", self.node, "-f", "-", stdin=text)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.addCleanup(podctl, "delete", "pod", name, "--grace-period=1")
        r = podctl("wait", "--for=" + condition, "pod/" + name, "--timeout=300s")
        self.assertEqual(r.returncode, 0, r.stderr + podctl("describe", "pod", name).stdout)

    def inside(self, pod, script, container="main"):
        r = podctl("exec", pod, "-c", container, "--", "bash", "-lc", script)
        self.assertEqual(r.returncode, 0, script + ": " + r.stdout + r.stderr)
        return r.stdout

    def setUp(self):
        self.node = NODE

    def build(self, *words):
        return run(BIN + "/podctl", "image", "build", *words)


class Recipes(Pods):
    def test_1_the_article(self):
        """nginx and debian are built by this, their first use."""
        self.apply(TWO_CONTAINERS, "two-containers", 'jsonpath={.status.containerStatuses[?(@.name=="debian-container")].state.terminated.reason}=Completed')
        text = self.inside("two-containers", "for i in $(seq 50); do curl -sf http://localhost/ && break; sleep 0.1; done", "nginx-container")
        self.assertEqual(text, "Hello from the debian container\n")
        if MODE == "root":
            ip = podctl("get", "pod", "two-containers", "-o", "jsonpath={.status.podIP}").stdout
            self.assertEqual(run("curl", "-sf", "--max-time", "20", "http://%s/" % ip).stdout, text)
        with open(self.node + "/data/index.html") as f:
            self.assertEqual(f.read(), text)
        self.assertIn('"GET / HTTP/1.1" 200', podctl("logs", "two-containers", "-c", "nginx-container").stdout)
        # Who the workers are, by the kernel; and that it is said where they are not who they asked to be.
        users = self.inside("two-containers", "grep -h ^Uid: /proc/[0-9]*/task/*/status | sort -u | cut -f2", "nginx-container").split()
        events = podctl("describe", "pod", "two-containers").stdout
        if MODE == "single":
            self.assertEqual(users, ["0"])
            self.assertRegex(events, r"Warning +UserChangesIgnored .*container nginx-container: .*uidmap")
        else:
            self.assertEqual(users, ["0", "33"])
            self.assertNotIn("UserChangesIgnored", events)
        # The same packages give the same image, whoever builds it, and when.
        for name in ("debian", "nginx"):
            self.assertEqual(digest(STORE, name), digest(READY + "/images", name))

    def test_2_a_finished_debian(self):
        self.apply(POD % ("d", "debian"), "d")
        self.assertEqual(self.inside("d", "dpkg --verify; dpkg --audit"), "")
        self.assertEqual(self.inside("d", "getent passwd www-data"), "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n")
        self.assertEqual(self.inside("d", "getent group mail; getent shadow root | cut -d: -f2"), "mail:x:8:\n*\n")
        self.assertEqual(self.inside("d", "awk 'BEGIN { print 6 * 7 }'; perl -e 'print qq(perl\\n)'; readlink -f /bin/sh /usr/bin/awk"),
                         "42\nperl\n/usr/bin/dash\n/usr/bin/mawk\n")
        self.assertEqual(self.inside("d", "dpkg -S /bin/bash; stat -c %a /tmp /var/tmp /root"), "bash: /bin/bash\n1777\n1777\n700\n")
        self.assertIn("C.utf8", self.inside("d", "locale -a; cat /etc/debian_version"))
        # The loader finds through the cache what ldconfig itself finds.
        listed = self.inside("d", "list() { ldconfig -p | grep '=>' | sort; }; list >/tmp/a; ldconfig; list >/tmp/b; cmp /tmp/a /tmp/b && wc -l </tmp/a")
        self.assertGreater(int(listed), 30)
        self.assertEqual(self.inside("d", "DEBIAN_FRONTEND=noninteractive pam-auth-update --package 2>&1"), "")
        self.assertIn("0 upgraded, 0 newly installed, 0 to remove", self.inside("d", "apt-get -s check && apt-get -s install coreutils 2>/dev/null"))
        self.assertRegex(self.inside("d", "update-alternatives --query awk"), r"Status: auto\nBest: /usr/bin/mawk\nValue: /usr/bin/mawk")
        if MODE != "single":
            self.assertIn("uid=33(www-data)", self.inside("d", "su www-data -s /bin/sh -c id"))

    def test_4_a_recipe_of_ones_own(self):
        path = TMP + "/own.yaml"
        with open(path, "w") as f:
            f.write("name: own\nfrom: debian\nusers:\n- {name: keeper, id: 250, home: /srv, shell: /bin/sh}\n"
                    "files:\n- {path: /srv/greeting, text: \"hello\\n\", mode: \"0640\", owner: \"root:keeper\"}\n"
                    "links:\n- {path: /greeting, to: srv/greeting}\nconfig:\n  Env: [WHO=own]\n  WorkingDir: /srv\n  Cmd: [sleep, \"3600\"]\n")
        r = self.build(path)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.apply("apiVersion: v1\nkind: Pod\nmetadata: {name: o}\nspec:\n  terminationGracePeriodSeconds: 1\n  containers: [{name: main, image: own, imagePullPolicy: Never}]\n", "o")
        self.assertEqual(podctl("exec", "o", "--", "sh", "-c", "pwd; cat /greeting; echo $WHO; getent passwd keeper").stdout,
                         "/srv\nhello\nown\nkeeper:x:250:250::/srv:/bin/sh\n")
        owner = podctl("exec", "o", "--", "stat", "-c", "%a %g", "/srv/greeting").stdout
        self.assertEqual(owner, "640 0\n" if MODE == "single" else "640 250\n")
        before = os.stat(PACKAGES + "/status").st_mtime_ns
        again = self.build(path, "nginx", "debian")
        self.assertEqual((again.returncode, again.stderr.count("is there")), (0, 3), again.stderr)
        self.assertEqual(os.stat(PACKAGES + "/status").st_mtime_ns, before, "apt was asked though nothing had changed")


if MODE == "root":
    class Tools(Pods):
        """What does not depend on who builds."""

        def test_3_authorities(self):
            """TLS to a server: refused with an unknown authority, accepted after update-ca-certificates, by Debian's own tool and hashes."""
            self.apply(POD % ("n", "nginx"), "n")
            bundle = self.inside("n", "sha256sum </etc/ssl/certs/ca-certificates.crt; ls /etc/ssl/certs | grep -c '\\.0$'; update-ca-certificates --fresh >/dev/null 2>&1;"
                                 "sha256sum </etc/ssl/certs/ca-certificates.crt; ls /etc/ssl/certs | grep -c '\\.0$'").split()
            self.assertEqual(bundle[0::3], bundle[0::3][:1] * 2)
            self.assertEqual(bundle[2], bundle[5])
            key = ("cd /root && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout k.pem -out c.pem 2>/dev/null;"
                   "(openssl s_server -accept 4433 -key k.pem -cert c.pem -www >/dev/null 2>&1 &);"
                   "try() { for i in $(seq 50); do curl -s https://localhost:4433/ -o /dev/null; r=$?; [ $r = 7 ] || break; sleep 0.1; done; echo $r; };"
                   "try; cp c.pem /usr/local/share/ca-certificates/own.crt; update-ca-certificates >/dev/null 2>&1; try")
            self.assertEqual(self.inside("n", key), "60\n0\n")

        def test_5_what_is_wrong_is_said(self):
            path = TMP + "/wrong.yaml"
            with open(path, "w") as f:
                f.write("name: Wrong\npackage: [x]\nfiles:\n- {path: etc/x, text: y}\n- {path: /etc/y, mode: 0644}\nfiles: []\nconfig:\n  Comand: [x]\n")
            said = self.build(path).stderr
            for part in (":1:7: name: must be", ':2:1: package: unknown field (did you mean "packages"?)', ":4:10: files[0].path: must be an absolute path",
                         ":5:24: files[1].mode: must be an octal number in quotes", ":5:3: files[1].text: Required value", ":6:1: files: stands twice",
                         ":8:3: config.Comand: unknown field"):
                self.assertIn(part, said)
            for text, part in (("name: a\nfrom: debian\npackages: [no-such-package-here]\n", "no-such-package-here"),
                               ("name: a\nfrom: debian\nfolders: [{path: /x, owner: nobody-here}]\n", "/x: the image has no user or group \"nobody-here\""),
                               ("name: a\nfrom: nowhere.example/b\n", "build, pull or import it first"),
                               ("name: a\nfrom: debian\ncopies: [{from: /nothing, to: /y}]\n", "/nothing: neither in the packages")):
                with open(path, "w") as f:
                    f.write(text)
                r = self.build(path)
                self.assertEqual(r.returncode, 1, r.stderr)
                self.assertIn(part, r.stderr)
            r = self.build("no-such-recipe")
            self.assertEqual(r.returncode, 1)
            self.assertIn("one of your own is named by its file", r.stderr)

        def test_6_progress_on_a_terminal(self):
            pid, fd = pty.fork()
            if pid == 0:
                # Into a store of its own, where there is none.
                os.execve(BIN + "/podctl", ["podctl", "image", "build", "debian"], dict(os.environ, PODLAB_IMAGES=TMP + "/again", PODLAB_PACKAGES=PACKAGES))
            text = b""
            while True:
                try:
                    part = os.read(fd, 4096)
                except OSError:
                    break
                if not part:
                    break
                text += part
            os.close(fd)
            self.assertEqual(os.waitpid(pid, 0)[1], 0, text)
            done = [float(n) for n in re.findall(rb"unpacking \[[#.]{24}\] ([0-9.]+) MB of [0-9.]+ MB, \d+/\d+ packages", text)]
            self.assertGreater(len(done), 3, text)
            self.assertEqual(done, sorted(done))
            self.assertEqual(digest(TMP + "/again", "debian"), digest(READY + "/images", "debian"))

    class Servers(unittest.TestCase):
        """The images that ./test built, in pods."""

        def podctl(self, *args, stdin=None):
            return run(BIN + "/podctl", *args, stdin=stdin, env=dict(os.environ, PODLAB_ROOT=TMP + "/servers", PODLAB_IMAGES=READY + "/images"))

        def setUp(self):
            self.addCleanup(run, BIN + "/lab", "clean", env=dict(os.environ, PODLAB_ROOT=TMP + "/servers"))

        def up(self, name, text):
            r = self.podctl("apply", "--node-root", NODE, "-f", "-", stdin=text)
            self.assertEqual(r.returncode, 0, r.stderr)
            self.addCleanup(self.podctl, "delete", "pod", name, "--grace-period=1")
            r = self.podctl("wait", "--for=condition=Ready", "pod/" + name, "--timeout=300s")
            self.assertEqual(r.returncode, 0, r.stderr + self.podctl("logs", name).stdout)
            return self.podctl("get", "pod", name, "-o", "jsonpath={.status.podIP}").stdout

        def get(self, url):
            r = run("curl", "-sf", "--max-time", "120", url)
            self.assertEqual(r.returncode, 0, url)
            return r.stdout

        def test_tomcat(self):
            os.makedirs(NODE + "/webapps/sample", exist_ok=True)
            with open(NODE + "/webapps/sample/index.jsp", "w") as f:
                f.write('<%@ page contentType="text/plain" %>sum <%= 20 + 22 %>')
            ip = self.up("tomcat", "apiVersion: v1\nkind: Pod\nmetadata: {name: tomcat}\nspec:\n  volumes: [{name: w, hostPath: {path: /webapps}}]\n  containers:\n"
                         "  - name: main\n    image: tomcat:10\n    volumeMounts: [{name: w, mountPath: /usr/local/tomcat/webapps}]\n"
                         "    readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1, failureThreshold: 300}\n")
            self.assertEqual(self.get("http://%s:8080/sample/" % ip).strip(), "sum 42")
            inside = lambda s: self.podctl("exec", "tomcat", "--", "bash", "-c", s)
            version = inside("java -version 2>&1; dpkg --verify")
            self.assertRegex(version.stdout, r'openjdk version "\d+')
            self.assertNotIn("missing", version.stdout)
            # Java reads its store of authorities, as many as OpenSSL's.
            keys = inside("keytool -list -cacerts -storepass changeit 2>/dev/null | grep -c trustedCertEntry; grep -c BEGIN /etc/ssl/certs/ca-certificates.crt").stdout.split()
            self.assertEqual(keys[0], keys[1])
            self.assertGreater(int(keys[0]), 50)

        def test_registry_and_rsyslog(self):
            ip = self.up("registry", "apiVersion: v1\nkind: Pod\nmetadata: {name: registry}\nspec:\n  containers:\n"
                         "  - {name: main, image: \"registry:2\", readinessProbe: {httpGet: {path: /v2/, port: 5000}, periodSeconds: 1, failureThreshold: 60}}\n")
            self.assertEqual(json.loads(self.get("http://%s:5000/v2/_catalog" % ip)), {"repositories": []})
            ip = self.up("rsyslog", "apiVersion: v1\nkind: Pod\nmetadata: {name: rsyslog}\nspec:\n  containers:\n"
                         "  - {name: main, image: rsyslog, readinessProbe: {tcpSocket: {port: 514}, periodSeconds: 1, failureThreshold: 60}}\n")
            follow = subprocess.Popen([BIN + "/podctl", "logs", "-f", "rsyslog"], stdout=subprocess.PIPE, text=True,
                                      env=dict(os.environ, PODLAB_ROOT=TMP + "/servers", PODLAB_IMAGES=READY + "/images"))
            self.addCleanup(lambda: (follow.kill(), follow.wait(), follow.stdout.close()))
            with socket.create_connection((ip, 514), timeout=20) as s:
                s.sendall(b"<13>Jan  1 00:00:00 there tag: over the wire\n")
            end = time.monotonic() + 60
            for line in follow.stdout:
                if "over the wire" in line or time.monotonic() > end:
                    break
            self.assertIn("there tag: over the wire", line)


if __name__ == "__main__":
    unittest.main()
